/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_fast.h - kmalloc() and kfree() of small objects, the usual case: what is inlined where it is called.
 *
 * kmalloc() turns the size into a class (one table look-up), pops the processor's magazine of that
 * class, and marks the object's state byte live. kfree() reads the class from the page map, sees by
 * the low bits of the address and the state byte that it is a live object's first byte, marks the
 * byte free, and pushes. Whatever is unusual (an empty or full magazine, one that is busy, a state
 * byte that is not as expected) goes to the long way: heap_magazine.c and heap_free.c.
 *
 * Magazines need no lock and leave interrupts on. A processor's `busy` flag is set while it works
 * on them; kernel code is not moved between processors, and an interrupt handler that comes in
 * between has finished before the work goes on. A handler that finds the flag set takes the
 * way past the magazines, to the slabs, whose locks turn interrupts off.
 */
#ifndef MERIDIAN_HEAP_FAST_H
#define MERIDIAN_HEAP_FAST_H

#include "arch/cpu.h"
#include "heap_private.h"
#include "heap_runs.h"
#include "heap_site.h"
#include "heap_small.h"

#define LIKELY(condition)   __builtin_expect((condition), 1)
#define UNLIKELY(condition) __builtin_expect((condition), 0)
#define CALLER              __builtin_return_address(0)

/* A function that leaves by jumps only needs no frame; gcc gives it one as soon as it looks at its
 * return address. 0.3 ns of 5. */
#ifdef __clang__
#define FRAMELESS
#else
#define FRAMELESS [[gnu::optimize("omit-frame-pointer")]]
#endif

/* --- a processor's magazines ---------------------------------------------------------------- */

/* Magazines are worked on between these two, so that an interrupt sees either all or nothing. */
static inline void heap_cpu_enter(struct heap_cpu *cpu)
{
    cpu->busy = true;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static inline void heap_cpu_leave(struct heap_cpu *cpu)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    cpu->busy = false;
}

/* This processor's magazines, or NULL: it has none yet, or an interrupt finds it at them. */
static inline struct heap_cpu *heap_cpu_idle(void)
{
    struct heap_cpu *cpu = heap_cpus[arch_cpu_id()];

    return UNLIKELY(cpu->busy) ? NULL : cpu;
}

static inline void heap_magazine_set_top(struct heap_magazine *magazine, void **top)
{
    __atomic_store_n(&magazine->top, top, __ATOMIC_RELAXED);
}

static inline uint8_t *heap_magazine_state(const struct heap_magazine *magazine, const void *object)
{
    return (uint8_t *)magazine->states + ((uintptr_t)object >> magazine->plane);
}

/* Marks a free object's state byte live, and notes its site; false when it is live already, which is a
 * fault. */
static inline bool heap_mark_live(const struct heap_magazine *magazine, const void *object,
                                  unsigned state, unsigned site)
{
    uint8_t *byte = heap_magazine_state(magazine, object);

    if (UNLIKELY(heap_state_read(byte) >= HEAP_STATE_LIVE))
        return false;
    heap_state_write(byte, state);
    heap_site_write(magazine->sites + ((uintptr_t)object >> magazine->site_plane), site);
    return true;
}

/* --- the long way ---------------------------------------------------------------------------- */

/* An object of a class, its state byte and site set to `state` (heap_site.h): every case. If pages
 * would have to be mapped for it, one of `span_bytes` (0: no other will do) in the holes of other
 * classes. NULL, counted, when there is no memory. */
void *heap_small_alloc(size_t span_bytes, unsigned class_index, unsigned state);

/* The same, after the fast path found nothing to take. */
void *heap_small_alloc_again(struct heap_cpu *cpu, size_t span_bytes, unsigned class_index,
                             unsigned state, const void *caller);

/* For a caller that has no site, or past the magazines, because they are busy. */
void *heap_busy_alloc(size_t size_bytes, size_t alignment, unsigned class_index, unsigned state,
                      const void *caller);

/* What is no small object. */
void *heap_request_large(size_t size_bytes, size_t alignment, enum heap_tag tag, unsigned flags,
                         const void *caller);

/* As heap_free(), after the fast path found something unusual. */
bool heap_free_again(struct heap_cpu *cpu, void *object, size_t size_bytes, const void *caller);

/* Frees a small live object, whose state byte was just read: every case. */
void heap_small_free(const struct heap_small *small, void *object);

/* --- the short way ---------------------------------------------------------------------------- */

/* The usual case, without a call: an object without a tag, from a magazine that is not empty.
 * `span_bytes`: as for heap_small_alloc(). `state` is without the site. */
[[gnu::always_inline]] static inline void *heap_fast_alloc(size_t size_bytes, size_t alignment,
                                                           size_t span_bytes, size_t class_index,
                                                           unsigned state)
{
    const uintptr_t offset = heap_site_offset(CALLER);
    struct heap_cpu *cpu = heap_cpu_idle();
    struct heap_magazine *magazine;
    void **top, *object;

    if (UNLIKELY(cpu == NULL || offset >= HEAP_SITE_CODE_BYTES))
        return heap_busy_alloc(size_bytes, alignment, (unsigned)class_index, state, CALLER);
    magazine = &cpu->magazines[class_index];
    heap_cpu_enter(cpu);
    top = magazine->top;
    if (UNLIKELY(top == magazine->base))
        return heap_small_alloc_again(cpu, span_bytes, (unsigned)class_index, state, CALLER);
    object = top[-1];
    if (UNLIKELY(!heap_mark_live(magazine, object, state, heap_site_of(offset))))
        return heap_small_alloc_again(cpu, span_bytes, (unsigned)class_index, state, CALLER);
    heap_magazine_set_top(magazine, top - 1);
    magazine->allocations++;
    heap_cpu_leave(cpu);
    return object;
}

/* The usual case, without a call: a live object without a tag, and room in the magazine of its class,
 * which the caller looked up; the address is in the open part of the window. */
[[gnu::always_inline]] static inline bool heap_fast_free(void *object, size_t size_bytes,
                                                         size_t class_index)
{
    struct heap_cpu *cpu = heap_cpu_idle();
    struct heap_magazine *magazine;
    uint8_t *byte;
    void **top;

    if (UNLIKELY(cpu == NULL))
        return heap_free(object, size_bytes, CALLER);
    magazine = &cpu->magazines[class_index];
    heap_cpu_enter(cpu);
    top = magazine->top;
    if (UNLIKELY(top == magazine->limit))
        return heap_free_again(cpu, object, size_bytes, CALLER);
    byte = heap_magazine_state(magazine, object);
    if (UNLIKELY(((uintptr_t)object & magazine->low_mask) != 0 ||
                 heap_state_read(byte) != HEAP_STATE_LIVE))
        return heap_free_again(cpu, object, size_bytes, CALLER);
    heap_state_write(byte, HEAP_STATE_FREED);
    *top = object;
    heap_magazine_set_top(magazine, top + 1);
    if (LIKELY(magazine->hands_out))
        __builtin_prefetch(object, 1); /* it is the next */
    heap_cpu_leave(cpu);
    return true;
}

/* What kmalloc() is: inlined where it is called, so that the caller is the caller's. */
[[gnu::always_inline]] static inline void *heap_plain_alloc(size_t size_bytes)
{
    if (UNLIKELY(size_bytes > HEAP_SMALL_BYTES))
        return heap_request_large(size_bytes, 1, HEAP_TAG_NONE, 0, CALLER);
    return heap_fast_alloc(size_bytes, 1, size_bytes, heap_class_of(size_bytes), HEAP_STATE_LIVE);
}

#endif
