/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_private.h - what the files of the heap share: state bytes, magazines, large objects.
 */
#ifndef MERIDIAN_HEAP_PRIVATE_H
#define MERIDIAN_HEAP_PRIVATE_H

#include "heap_class.h"
#include "heap_window.h"
#include "lib/assert.h"
#include "mm/heap.h"

/* The state byte of an object. Zero: it was never handed out. A freed object keeps its tag, for
 * the report if it is freed again. */
#define HEAP_STATE_LIVE     0x80u
#define HEAP_STATE_FREED    0x40u
#define HEAP_STATE_OVERSIZE 0x20u /* its class is larger than its size asks for: aligned */
#define HEAP_STATE_TAG      0x0fu
static_assert(HEAP_TAG_COUNT <= HEAP_STATE_TAG + 1, "a tag fits the state byte");

static inline uint8_t *heap_state_of(const struct heap_shape *shape, uintptr_t address)
{
    return (uint8_t *)(shape->states + (address >> shape->plane));
}

static inline uint8_t heap_state_read(const uint8_t *state)
{
    return __atomic_load_n(state, __ATOMIC_RELAXED);
}

static inline void heap_state_write(uint8_t *state, unsigned value)
{
    __atomic_store_n(state, (uint8_t)value, __ATOMIC_RELAXED);
}

/* A stack of free objects of one class, of one processor. */
#define HEAP_MAGAZINE_OBJECTS 64u
struct heap_magazine {
    uint32_t count;
    uint32_t capacity;
    size_t allocations; /* through this magazine, modulo the width */
    void *objects[HEAP_MAGAZINE_OBJECTS];
};

/* What a processor has for itself. `busy` is set while it is at it; an interrupt that comes in
 * between finds it set and goes to the slabs. */
struct heap_cpu {
    bool busy;
    size_t tag_bytes[HEAP_TAG_COUNT]; /* allocated less freed here, modulo the width */
    struct heap_magazine magazines[HEAP_CLASSES];
};
extern struct heap_cpu *heap_cpus[CONFIG_MAX_CPUS]; /* NULL: none yet */

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

/* --- large objects (heap_large.c) -------------------------------------------------------- */

void *heap_large_alloc(size_t size_bytes, size_t alignment, enum heap_tag tag, unsigned flags);
bool heap_large_free(void *object, size_t size_bytes, const void *caller);

/* The record of the live large object that begins at `object`; NULL when there is none. */
struct heap_page *heap_large_find(const void *object);

/* Bytes from the object's first to the end of its pages. */
size_t heap_large_usable(const struct heap_page *head);

/* Gives a large object another size where it stands; false when that can't be done. */
bool heap_large_resize(struct heap_page *head, size_t size_bytes);

#endif
