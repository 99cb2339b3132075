/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_private.h - what the files of the heap share: magazines, counters, large objects.
 */
#ifndef MERIDIAN_HEAP_PRIVATE_H
#define MERIDIAN_HEAP_PRIVATE_H

#include "heap_class.h"
#include "heap_window.h"

/* A processor's stack of free objects of one class, and what it takes to check one: a cache line.
 * The magazine of HEAP_NO_CLASS has no room, so that nothing can be freed into it. */
struct heap_magazine {
    void **top; /* where the next object goes */
    void **base;
    void **limit;
    size_t allocations; /* from here, modulo the width */
    uintptr_t states;   /* of the class's shape, as `plane`, `sites` and `site_plane` */
    uintptr_t sites;
    uint32_t low_mask; /* bits that are 0 in the address of every object's first byte */
    uint8_t plane;
    uint8_t site_plane;
    bool hands_out;    /* objects are allocated here, not only freed */
    size_t flushed_at; /* `allocations`, when it last gave objects away */
} __attribute__((aligned(64)));
static_assert(sizeof(struct heap_magazine) == 64, "a magazine is a cache line");

/* What a processor has for itself. `busy` is set while it is at it; an interrupt that comes in
 * between finds it set and goes to the slabs. */
#define HEAP_MAGAZINE_OBJECTS (2 * HEAP_BATCH_OBJECTS)
struct heap_cpu {
    struct heap_magazine magazines[HEAP_CLASS_END];
    bool busy;
    size_t tag_bytes[HEAP_TAG_COUNT]; /* allocated less freed here, modulo the width */
};

/* Another processor's may change meanwhile. */
static inline size_t heap_magazine_count(const struct heap_magazine *magazine)
{
    return (size_t)(__atomic_load_n(&magazine->top, __ATOMIC_RELAXED) - magazine->base);
}

/* By processor: what it works on, and what it has. One that has no magazines yet, or has to keep away
 * from them, works on one that is always busy. */
extern struct heap_cpu *heap_cpus[CONFIG_MAX_CPUS];
extern struct heap_cpu *heap_cpu_own[CONFIG_MAX_CPUS];
extern struct heap_cpu heap_cpu_none;

/* What does not go through magazines. Atomic, modulo the width. */
struct heap_counters {
    size_t failures;
    size_t slow_allocations;
    size_t tag_bytes[HEAP_TAG_COUNT];
};
extern struct heap_counters heap_counters;

static inline void heap_count(size_t *counter, size_t change)
{
    __atomic_fetch_add(counter, change, __ATOMIC_RELAXED);
}

/* All that can be asked for at once. */
struct heap_request {
    size_t size_bytes;
    size_t alignment; /* a power of two; 1: the usual one */
    enum heap_tag tag;
    unsigned flags;     /* enum heap_flag */
    const void *caller; /* where it was asked for, for reports */
};

/* As kmalloc_tagged(), which is a case of it. */
void *heap_request(const struct heap_request *request);

/* Whether an allocation for `caller` has to fail (mm/fail_alloc.h); it was counted as a failure then. */
bool heap_must_fail(const void *caller);

/* As kfree_sized(), for a caller that is not ours. HEAP_ANY_SIZE: as kfree(). */
bool heap_free(void *object, size_t size_bytes, const void *caller);

/* Virtual space for the processors' structures, and where it is. Early. */
size_t heap_magazines_fixed_bytes(void);
void heap_magazines_init(uintptr_t area);

/* Empties this processor's magazines, unless we interrupted it at them. */
void heap_magazines_drain(void);

/* Empties this processor's magazines and keeps every processor away from its own, so that all
 * requests take the long way; and the end of that. What another processor has begun, it ends on its
 * magazines. */
void heap_magazines_stop(void);
void heap_magazines_start(void);

/* --- large objects (heap_large.c) -------------------------------------------------------- */

/* Beside enum heap_flag: with room behind it, where there is any. */
#define HEAP_GROWS       (1u << 15)
#define HEAP_GUARD_LOW   (1u << 14) /* HEAP_GUARDED, and against the lower guard page */
#define HEAP_GUARD_ASKED (1u << 13) /* HEAP_GUARDED, by the owner's wish: in debugging's records */

void *heap_large_alloc(const struct heap_request *request);
bool heap_large_free(void *object, size_t size_bytes, const void *caller);

/* Frees a live object with HEAP_GUARDED, but keeps its addresses: nothing is mapped there until
 * heap_run_free_bare(first). */
void heap_large_unmap(uint32_t first);

/* The record of the live large object that begins at `object`; NULL when there is none. */
struct heap_page *heap_large_find(const void *object);

/* It is nobody's any more, but not yet free. */
void heap_large_untag(struct heap_page *head);

/* Bytes from the object's first to the end of its pages. */
size_t heap_large_usable(const struct heap_page *head);

/* Gives a large object another size where it stands; false when that can't be done. */
bool heap_large_resize(struct heap_page *head, size_t size_bytes);

#endif
