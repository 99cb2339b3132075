/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap.c - kmalloc and kfree: the fast path.
 *
 * A small object passes through four rooms, each a little further away:
 *
 *     owner  <->  magazine   <->  depot    <->  slab  <->  run of pages
 *                 a processor's   a class's     slab.c     heap_runs.c
 *
 * kmalloc() turns the size into a class (one table look-up), pops the processor's magazine of that
 * class, and marks the object's state byte live. kfree() reads the class from the page map, divides
 * by multiplication to see that the address is an object's first byte, finds the state byte
 * live, marks it free, and pushes. Nothing is read from or written into the object. So every
 * wrong free is found for the price of one byte: an address outside the window, in a page without
 * objects, inside an object, or of an object that is free, whether it waits in a magazine, in the
 * depot or in a slab.
 *
 * Magazines need no lock and leave interrupts on. A processor's `busy` flag is set while it works
 * on them; kernel code is not moved between processors, and an interrupt handler that comes in
 * between has finished before the work goes on. A handler that finds the flag set takes the
 * way past the magazines, to the slabs, whose locks turn interrupts off. Two processors that free one
 * object at the same instant may both find it live; it is then found when it leaves the magazine
 * (live already) or comes to its slab (free already), and dropped.
 *
 * A full magazine gives its older half to the depot, an empty one takes half from there: at least
 * half a magazine of operations lies between two visits.
 */
#include "mm/heap.h"

#include "heap_debug_private.h"
#include "heap_private.h"
#include "heap_report.h"
#include "heap_runs.h"
#include "lib/bits.h"
#include "lib/lock.h"
#include "lib/string.h"
#include "mm/paging.h"
#include "mm/pmm.h"
#include "slab.h"

#define OBJECT_ALIGNMENT 16u
#define ALIGNMENT_MAX    MiB

/* A processor's structure and the stacks of its magazines. */
struct cpu_memory {
    struct heap_cpu cpu;
    void *objects[HEAP_CLASS_END][HEAP_MAGAZINE_OBJECTS];
};
#define CPU_BYTES           ((size_t)align_up(sizeof(struct cpu_memory), PAGE_SIZE))

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

struct heap_cpu *heap_cpus[CONFIG_MAX_CPUS];
struct heap_cpu heap_cpu_none = { .busy = true };
struct heap_counters heap_counters;

static uintptr_t cpu_area; /* virtual space for each processor's struct heap_cpu */

/* --- processors --------------------------------------------------------------------------- */

/* Magazines are worked on between these two, so that an interrupt sees either all or nothing. */
static inline void cpu_enter(struct heap_cpu *cpu)
{
    cpu->busy = true;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static inline void cpu_leave(struct heap_cpu *cpu)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    cpu->busy = false;
}

/* This processor's magazines, or NULL: it has none yet, or an interrupt finds it at them. */
static inline struct heap_cpu *cpu_idle(void)
{
    struct heap_cpu *cpu = heap_cpus[arch_cpu_id()];

    return UNLIKELY(cpu->busy) ? NULL : cpu;
}

static void magazine_init(struct cpu_memory *memory, unsigned class_index)
{
    const struct heap_shape *shape = &heap_shapes[class_index];
    void **objects = memory->objects[class_index];

    memory->cpu.magazines[class_index] = (struct heap_magazine){
        .top = objects,
        .base = objects,
        .limit = objects + 2 * shape->batch,
        .states = shape->states,
        .low_mask = (1u << shape->plane) - 1,
        .plane = shape->plane,
    };
}

/* Gives this processor its magazines; failing that, it goes on without. */
static void cpu_create(void)
{
    unsigned id = arch_cpu_id();
    struct cpu_memory *memory = va_ptr(va(cpu_area + id * CPU_BYTES));

    if (!heap_grow_enter())
        return;
    if (heap_cpus[id] == &heap_cpu_none &&
        heap_window_back_fixed(memory, sizeof(*memory)) == STATUS_OK) {
        for (unsigned i = HEAP_CLASS_FIRST; i < HEAP_CLASS_END; i++)
            magazine_init(memory, i);
        __atomic_store_n(&heap_cpus[id], &memory->cpu, __ATOMIC_RELEASE);
    }
    heap_grow_leave();
}

static inline void set_top(struct heap_magazine *magazine, void **top)
{
    __atomic_store_n(&magazine->top, top, __ATOMIC_RELAXED);
}

static void count_tag(struct heap_cpu *cpu, enum heap_tag tag, size_t change)
{
    if (tag != HEAP_TAG_NONE)
        __atomic_store_n(&cpu->tag_bytes[tag], cpu->tag_bytes[tag] + change, __ATOMIC_RELAXED);
}

/* --- small objects: allocation ------------------------------------------------------------ */

static inline uint8_t *magazine_state_of(const struct heap_magazine *magazine, const void *object)
{
    return (uint8_t *)magazine->states + ((uintptr_t)object >> magazine->plane);
}

/* Marks a free object's state byte live; false when it is live already, which is a fault. */
static inline bool mark_live(const struct heap_magazine *magazine, const void *object,
                             unsigned state)
{
    uint8_t *byte = magazine_state_of(magazine, object);

    if (UNLIKELY(heap_state_read(byte) >= HEAP_STATE_LIVE))
        return false;
    heap_state_write(byte, state);
    return true;
}

static inline void count_allocation(struct heap_magazine *magazine)
{
    magazine->allocations++;
}

/* Pops an object, refilling the magazine as needed; NULL when there is no memory. */
static void *magazine_take(struct heap_magazine *magazine, unsigned class_index, unsigned state)
{
    for (;;) {
        void *object;

        if (magazine->top == magazine->base) {
            unsigned batch = heap_shapes[class_index].batch;

            set_top(magazine, magazine->base + slab_take(class_index, magazine->base, batch));
            if (magazine->top == magazine->base)
                return NULL;
        }
        set_top(magazine, magazine->top - 1);
        object = *magazine->top;
        if (mark_live(magazine, object, state)) {
            count_allocation(magazine);
            return object;
        }
        heap_report_in_magazine(object);
    }
}

/* Without magazines: the first time on this processor, in an interrupt, or for want of memory. */
static void *slab_alloc(unsigned class_index, unsigned state)
{
    const struct heap_shape *shape = &heap_shapes[class_index];
    void *object;

    if (heap_cpus[arch_cpu_id()] == &heap_cpu_none && !heap_debug_on)
        cpu_create();
    if (slab_take(class_index, &object, 1) == 0)
        return NULL;
    heap_state_write(heap_state_of(shape, (uintptr_t)object), state);
    heap_count(&heap_counters.slow_allocations, 1);
    heap_count(&heap_counters.tag_bytes[(enum heap_tag)(state & HEAP_STATE_TAG)],
               shape->object_bytes);
    return object;
}

/* An object of a class, its state byte set to `state`: every case. */
[[gnu::noinline]] static void *small_alloc(unsigned class_index, unsigned state)
{
    struct heap_cpu *cpu = cpu_idle();
    void *object;

    if (cpu == NULL) {
        object = slab_alloc(class_index, state);
    } else {
        cpu_enter(cpu);
        object = magazine_take(&cpu->magazines[class_index], class_index, state);
        if (object != NULL)
            count_tag(cpu, (enum heap_tag)(state & HEAP_STATE_TAG),
                      heap_shapes[class_index].object_bytes);
        cpu_leave(cpu);
    }
    if (object == NULL)
        heap_count(&heap_counters.failures, 1);
    return object;
}

/* The same, after the fast path found nothing to take. */
[[gnu::noinline]] static void *small_alloc_again(struct heap_cpu *cpu, unsigned class_index,
                                                 unsigned state)
{
    cpu_leave(cpu);
    return small_alloc(class_index, state);
}

/* --- debugging: magazines are busy for ever, so the fast path knows nothing of it --------- */

static void *debug_alloc(size_t size_bytes, size_t alignment, enum heap_tag tag, unsigned flags,
                         const void *caller)
{
    const struct heap_request request = { size_bytes, alignment, tag, flags, caller };
    void *object = heap_debug_alloc(&request);

    if (object == NULL)
        heap_count(&heap_counters.failures, 1);
    return object;
}

/* Past the magazines, because they are busy. */
[[gnu::noinline]] static void *busy_alloc(size_t size_bytes, size_t alignment, unsigned class_index,
                                          unsigned state, const void *caller)
{
    if (heap_debug_on)
        return debug_alloc(size_bytes, alignment, HEAP_TAG_NONE, 0, caller);
    return small_alloc(class_index, state);
}

/* The usual case, without a call: an object without a tag, from a magazine that is not empty. */
[[gnu::always_inline]] static inline void *fast_alloc(size_t size_bytes, size_t alignment,
                                                      size_t class_index, unsigned state)
{
    struct heap_cpu *cpu = cpu_idle();
    struct heap_magazine *magazine;
    void **top, *object;

    if (UNLIKELY(cpu == NULL))
        return busy_alloc(size_bytes, alignment, (unsigned)class_index, state, CALLER);
    magazine = &cpu->magazines[class_index];
    cpu_enter(cpu);
    top = magazine->top;
    if (UNLIKELY(top == magazine->base))
        return small_alloc_again(cpu, (unsigned)class_index, state);
    object = top[-1];
    if (UNLIKELY(!mark_live(magazine, object, state)))
        return small_alloc_again(cpu, (unsigned)class_index, state);
    set_top(magazine, top - 1);
    count_allocation(magazine);
    cpu_leave(cpu);
    return object;
}

[[gnu::noinline]] static void *large_alloc(size_t size_bytes, size_t alignment, enum heap_tag tag,
                                           unsigned flags, const void *caller)
{
    void *object;

    if (heap_debug_on)
        return debug_alloc(size_bytes, alignment, tag, flags, caller);
    object = heap_large_alloc(size_bytes, alignment, tag, flags);
    if (object == NULL)
        heap_count(&heap_counters.failures, 1);
    return object;
}

/* --- small objects: looking up and freeing ------------------------------------------------ */

/* What the page map and the state byte say about an address. */
struct small {
    unsigned class_index;
    unsigned state;
    uint8_t *byte;
};
enum find { FIND_LIVE, FIND_FREE, FIND_INTERIOR, FIND_OTHER };

static enum find small_find(uintptr_t address, struct small *small)
{
    const struct heap_shape *shape;
    unsigned entry;

    if (!heap_window_open(address))
        return FIND_OTHER;
    entry = heap_entry_of(address);
    if (entry == HEAP_NO_CLASS)
        return FIND_OTHER;
    small->class_index = heap_entry_class(entry);
    shape = &heap_shapes[small->class_index];
    if (heap_object_index(shape, heap_entry_offset(entry, address)) >= shape->count)
        return FIND_INTERIOR;
    small->byte = heap_state_of(shape, address);
    small->state = heap_state_read(small->byte);
    return small->state >= HEAP_STATE_LIVE ? FIND_LIVE : FIND_FREE;
}

/* Gives the older half of a full magazine away. */
static void magazine_flush(struct heap_magazine *magazine, unsigned class_index)
{
    unsigned batch = heap_shapes[class_index].batch;
    size_t rest = (size_t)(magazine->top - magazine->base) - batch;

    slab_give(class_index, magazine->base, batch);
    memmove(magazine->base, magazine->base + batch, rest * sizeof(magazine->base[0]));
    set_top(magazine, magazine->base + rest);
}

/* Frees a live object: every case. */
static void small_free(const struct small *small, void *object)
{
    struct heap_cpu *cpu = cpu_idle();
    struct heap_magazine *magazine;
    enum heap_tag tag = (enum heap_tag)(small->state & HEAP_STATE_TAG);
    size_t bytes = heap_shapes[small->class_index].object_bytes;

    heap_state_write(small->byte, HEAP_STATE_FREED | (unsigned)tag);
    if (cpu == NULL) {
        heap_count(&heap_counters.tag_bytes[tag], -bytes);
        slab_give(small->class_index, &object, 1);
        return;
    }
    cpu_enter(cpu);
    magazine = &cpu->magazines[small->class_index];
    if (magazine->top == magazine->limit)
        magazine_flush(magazine, small->class_index);
    *magazine->top = object;
    set_top(magazine, magazine->top + 1);
    count_tag(cpu, tag, -bytes);
    cpu_leave(cpu);
}

/* Whether an object may be said to have that size. */
static bool size_fits(const struct small *small, size_t size_bytes)
{
    if (size_bytes <= HEAP_SMALL_BYTES && heap_class_of(size_bytes) == small->class_index)
        return true;
    return (small->state & HEAP_STATE_OVERSIZE) != 0 &&
           size_bytes <= heap_shapes[small->class_index].object_bytes;
}

/* Frees anything that can be freed, and reports everything else. */
[[gnu::noinline]] static bool free_any(void *object, size_t size_bytes, const void *caller)
{
    struct small small;
    bool accepted;

    if (heap_debug_on && heap_debug_free(object, size_bytes, caller, &accepted))
        return accepted;
    switch (small_find((uintptr_t)object, &small)) {
    case FIND_LIVE:
        if (size_bytes != HEAP_ANY_SIZE && !size_fits(&small, size_bytes))
            return heap_report(HEAP_FAULT_WRONG_SIZE, object, size_bytes, caller);
        small_free(&small, object);
        return true;
    case FIND_FREE:
        return heap_report(HEAP_FAULT_FREED_TWICE, object, size_bytes, caller);
    case FIND_INTERIOR:
        return heap_report(HEAP_FAULT_INTERIOR, object, size_bytes, caller);
    case FIND_OTHER:
        break;
    }
    if (object == NULL)
        return true;
    if (!heap_window_open((uintptr_t)object))
        return heap_report(HEAP_FAULT_FOREIGN, object, size_bytes, caller);
    return heap_large_free(object, size_bytes, caller);
}

bool heap_free(void *object, size_t size_bytes, const void *caller)
{
    return free_any(object, size_bytes, caller);
}

/* The same, after the fast path found something unusual. */
[[gnu::noinline]] static bool free_any_again(struct heap_cpu *cpu, void *object, size_t size_bytes,
                                             const void *caller)
{
    cpu_leave(cpu);
    return free_any(object, size_bytes, caller);
}

/* The usual case, without a call: a live object without a tag, and room in the magazine of its class,
 * which the caller looked up; the address is in the open part of the window. */
[[gnu::always_inline]] static inline bool fast_free(void *object, size_t size_bytes,
                                                    size_t class_index)
{
    struct heap_cpu *cpu = cpu_idle();
    struct heap_magazine *magazine;
    uint8_t *byte;
    void **top;

    if (UNLIKELY(cpu == NULL))
        return free_any(object, size_bytes, CALLER);
    magazine = &cpu->magazines[class_index];
    cpu_enter(cpu);
    top = magazine->top;
    if (UNLIKELY(top == magazine->limit))
        return free_any_again(cpu, object, size_bytes, CALLER);
    byte = magazine_state_of(magazine, object);
    if (UNLIKELY(((uintptr_t)object & magazine->low_mask) != 0 ||
                 heap_state_read(byte) != HEAP_STATE_LIVE))
        return free_any_again(cpu, object, size_bytes, CALLER);
    heap_state_write(byte, HEAP_STATE_FREED);
    *top = object;
    set_top(magazine, top + 1);
    __builtin_prefetch(object, 1); /* it is the next to be handed out */
    cpu_leave(cpu);
    return true;
}

FRAMELESS bool kfree(void *object)
{
    if (UNLIKELY(!heap_window_open((uintptr_t)object)))
        return free_any(object, HEAP_ANY_SIZE, CALLER);
    return fast_free(object, HEAP_ANY_SIZE, heap_entry_class(heap_entry_of((uintptr_t)object)));
}

/* Faster than kfree(): the processor need not wait for the page map to know the magazine. */
FRAMELESS bool kfree_sized(void *object, size_t size_bytes)
{
    unsigned class_index;

    if (UNLIKELY(size_bytes > HEAP_SMALL_BYTES || !heap_window_open((uintptr_t)object)))
        return free_any(object, size_bytes, CALLER);
    class_index = heap_class_of(size_bytes);
    if (UNLIKELY(heap_entry_class(heap_entry_of((uintptr_t)object)) != class_index))
        return free_any(object, size_bytes, CALLER);
    return fast_free(object, size_bytes, class_index);
}

/* --- allocation --------------------------------------------------------------------------- */

/* What kmalloc() is: inlined where it is called, so that the caller is the caller's. */
[[gnu::always_inline]] static inline void *plain_alloc(size_t size_bytes)
{
    if (UNLIKELY(size_bytes > HEAP_SMALL_BYTES))
        return large_alloc(size_bytes, 1, HEAP_TAG_NONE, 0, CALLER);
    return fast_alloc(size_bytes, 1, heap_class_of(size_bytes), HEAP_STATE_LIVE);
}

[[gnu::always_inline]] static inline void *zeroed_alloc(size_t size_bytes)
{
    void *object = plain_alloc(size_bytes);

    return object != NULL ? memset(object, 0, size_bytes) : NULL;
}

FRAMELESS void *kmalloc(size_t size_bytes)
{
    return plain_alloc(size_bytes);
}

void *kzalloc(size_t size_bytes)
{
    return zeroed_alloc(size_bytes);
}

void *kcalloc(size_t count, size_t size_bytes)
{
    size_t total;

    if (__builtin_mul_overflow(count, size_bytes, &total)) {
        heap_count(&heap_counters.failures, 1);
        return NULL;
    }
    return zeroed_alloc(total);
}

/* The class of an object of that size and alignment; HEAP_NO_CLASS when it is a large one. *state gets
 * the mark of a class that is larger than the size asks for. */
[[gnu::always_inline]] static inline unsigned aligned_class(size_t size_bytes, size_t alignment,
                                                            unsigned *state)
{
    size_t rounded = (size_t)align_up(size_bytes != 0 ? size_bytes : 1, alignment);
    unsigned class_index;

    if (rounded < size_bytes || rounded > HEAP_SMALL_BYTES)
        return HEAP_NO_CLASS;
    class_index = heap_class_of(rounded);
    if (class_index != heap_class_of(size_bytes))
        *state |= HEAP_STATE_OVERSIZE;
    return class_index;
}

/* An object with all that can be asked for. */
static void *special_alloc(const struct heap_request *request)
{
    unsigned state = HEAP_STATE_LIVE | (unsigned)request->tag;
    unsigned class_index = HEAP_NO_CLASS;

    if (heap_debug_on)
        return debug_alloc(request->size_bytes, request->alignment, request->tag, request->flags,
                           request->caller);
    if ((request->flags & (HEAP_DMA | HEAP_GUARDED)) == 0)
        class_index = aligned_class(request->size_bytes, request->alignment, &state);
    if (class_index != HEAP_NO_CLASS)
        return small_alloc(class_index, state);
    return large_alloc(request->size_bytes, request->alignment, request->tag, request->flags,
                       request->caller);
}

void *heap_request(const struct heap_request *request)
{
    void *object;

    if ((unsigned)request->tag >= HEAP_TAG_COUNT ||
        (request->flags & ~(unsigned)(HEAP_ZERO | HEAP_DMA | HEAP_GUARDED)) != 0 ||
        !is_power_of_two(request->alignment) || request->alignment > ALIGNMENT_MAX) {
        heap_count(&heap_counters.failures, 1);
        return NULL;
    }
    object = special_alloc(request);
    if (object != NULL && (request->flags & HEAP_ZERO) != 0)
        memset(object, 0, request->size_bytes);
    return object;
}

void *kmalloc_tagged(size_t size_bytes, enum heap_tag tag, unsigned flags)
{
    const struct heap_request request = { size_bytes, 1, tag, flags, CALLER };

    return heap_request(&request);
}

FRAMELESS void *kmalloc_aligned(size_t size_bytes, size_t alignment)
{
    unsigned state = HEAP_STATE_LIVE;
    unsigned class_index;

    if (!is_power_of_two(alignment) || alignment > ALIGNMENT_MAX) {
        heap_count(&heap_counters.failures, 1);
        return NULL;
    }
    class_index = aligned_class(size_bytes, alignment, &state);
    if (class_index == HEAP_NO_CLASS)
        return large_alloc(size_bytes, alignment, HEAP_TAG_NONE, 0, CALLER);
    return fast_alloc(size_bytes, alignment, class_index, state);
}

char *kstrdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = plain_alloc(size);

    return copy != NULL ? memcpy(copy, text, size) : NULL;
}

/* --- another size ------------------------------------------------------------------------- */

/* A new object with the old one's tag, contents and flags. */
static void *move_object(void *object, size_t usable, const struct heap_request *request)
{
    void *moved;

    if (request->size_bytes > HEAP_SMALL_BYTES || (request->flags & ~HEAP_GROWS) != 0)
        moved = large_alloc(request->size_bytes, 1, request->tag, request->flags | HEAP_GROWS,
                            request->caller);
    else
        moved = small_alloc(heap_class_of(request->size_bytes),
                            HEAP_STATE_LIVE | (unsigned)request->tag);
    if (moved == NULL)
        return NULL;
    memcpy(moved, object, usable < request->size_bytes ? usable : request->size_bytes);
    (void)free_any(object, HEAP_ANY_SIZE, request->caller);
    return moved;
}

static void *large_realloc(void *object, size_t size_bytes, const void *caller)
{
    struct heap_page *head = heap_large_find(object);
    const struct heap_request request = { size_bytes, 1, (enum heap_tag)head->tag, head->flags,
                                          caller };

    if (heap_large_resize(head, size_bytes))
        return object;
    return move_object(object, heap_large_usable(head), &request);
}

/* The usual case: from one class to another, without a tag. */
[[gnu::always_inline]] static inline void *plain_move(void *object, unsigned class_index,
                                                      size_t size_bytes)
{
    size_t usable = heap_shapes[class_index].object_bytes;
    void *moved = fast_alloc(size_bytes, 1, heap_class_of(size_bytes), HEAP_STATE_LIVE);

    if (moved == NULL)
        return NULL;
    memcpy(moved, object, usable < size_bytes ? usable : size_bytes);
    (void)fast_free(object, HEAP_ANY_SIZE, class_index);
    return moved;
}

[[gnu::always_inline]] static inline void *small_realloc(void *object, const struct small *small,
                                                         size_t size_bytes)
{
    if (size_fits(small, size_bytes))
        return object;
    if (size_bytes <= HEAP_SMALL_BYTES && (small->state & HEAP_STATE_TAG) == HEAP_TAG_NONE)
        return plain_move(object, small->class_index, size_bytes);
    return move_object(object, heap_shapes[small->class_index].object_bytes,
                       &(struct heap_request){
                           .size_bytes = size_bytes,
                           .alignment = 1,
                           .tag = (enum heap_tag)(small->state & HEAP_STATE_TAG),
                           .caller = CALLER,
                       });
}

void *krealloc(void *object, size_t size_bytes)
{
    struct small small;
    enum find found;

    if (object == NULL)
        return plain_alloc(size_bytes);
    if (UNLIKELY(heap_debug_on) && heap_debug_tracks(object))
        return heap_debug_realloc(object, size_bytes, CALLER);
    found = small_find((uintptr_t)object, &small);
    if (found == FIND_LIVE)
        return small_realloc(object, &small, size_bytes);
    if (found == FIND_OTHER && heap_large_find(object) != NULL)
        return large_realloc(object, size_bytes, CALLER);
    (void)free_any(object, HEAP_ANY_SIZE, CALLER); /* which reports it */
    return NULL;
}

size_t kmalloc_usable(const void *object)
{
    const struct heap_page *head;
    struct small small;

    if (heap_debug_on && heap_debug_tracks(object))
        return heap_debug_usable(object);
    switch (small_find((uintptr_t)object, &small)) {
    case FIND_LIVE:
        return heap_shapes[small.class_index].object_bytes;
    case FIND_FREE:
    case FIND_INTERIOR:
        return 0;
    case FIND_OTHER:
        break;
    }
    head = heap_large_find(object);
    return head != NULL ? heap_large_usable(head) : 0;
}

size_t heap_largest(void)
{
    return heap_window.page_count > 1 ? (size_t)(heap_window.page_count - 1) << PAGE_SHIFT : 0;
}

/* --- the whole ---------------------------------------------------------------------------- */

/* Empties this processor's magazines, unless we interrupted it at them. */
static void cpu_drain(void)
{
    struct heap_cpu *cpu = cpu_idle();

    if (cpu == NULL)
        return;
    cpu_enter(cpu);
    for (unsigned i = HEAP_CLASS_FIRST; i < HEAP_CLASS_END; i++) {
        struct heap_magazine *magazine = &cpu->magazines[i];

        slab_give(i, magazine->base, (unsigned)(magazine->top - magazine->base));
        set_top(magazine, magazine->base);
    }
    cpu_leave(cpu);
}

void heap_magazines_stop(void)
{
    cpu_drain();
    for (unsigned id = 0; id < CONFIG_MAX_CPUS; id++)
        heap_cpus[id]->busy = true;
}

void heap_magazines_start(void)
{
    for (unsigned id = 0; id < CONFIG_MAX_CPUS; id++)
        heap_cpus[id]->busy = heap_cpus[id] == &heap_cpu_none;
}

size_t heap_shrink(size_t count_frames)
{
    if (heap_debug_on)
        (void)heap_debug_release(0, 0);
    cpu_drain();
    (void)slab_reclaim();
    return heap_runs_shrink(count_frames, true);
}

/* The PMM asks in the middle of somebody's allocation. If that is the page tables' own, pages can't be
 * unmapped now. */
static size_t shrink_for_pmm(struct pmm_shrinker *shrinker, size_t count_frames)
{
    (void)shrinker;
    if (paging_lock_is_mine())
        return 0;
    cpu_drain();
    (void)slab_reclaim();
    return heap_runs_shrink(count_frames, false);
}

static struct pmm_shrinker shrinker = { .shrink = shrink_for_pmm };

enum status heap_init(vaddr_t window_start, size_t window_bytes)
{
    size_t slab_bytes = (size_t)align_up(slab_fixed_bytes(), PAGE_SIZE);
    size_t debug_bytes = heap_debug_fixed_bytes(window_bytes);
    enum status status = heap_window_init(window_start, window_bytes,
                                          slab_bytes + CONFIG_MAX_CPUS * CPU_BYTES + debug_bytes);

    if (status != STATUS_OK)
        return status;
    heap_runs_init();
    heap_classes_init();
    heap_reports_init();
    for (unsigned id = 0; id < CONFIG_MAX_CPUS; id++)
        heap_cpus[id] = &heap_cpu_none;
    heap_counters = (struct heap_counters){ 0 };
    cpu_area = (uintptr_t)heap_window.fixed + slab_bytes;
    heap_debug_init(cpu_area + CONFIG_MAX_CPUS * CPU_BYTES, debug_bytes);
    status = slab_init(heap_window.fixed);
    if (status == STATUS_OK)
        pmm_register_shrinker(&shrinker);
    return status;
}
