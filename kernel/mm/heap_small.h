/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_small.h - what the page map and the state bytes say about an address.
 */
#ifndef MERIDIAN_HEAP_SMALL_H
#define MERIDIAN_HEAP_SMALL_H

#include "heap_class.h"

struct heap_small {
    unsigned class_index;
    unsigned state;
    uint8_t *byte;
};

enum heap_find {
    HEAP_FIND_LIVE,     /* the first byte of a live object */
    HEAP_FIND_FREE,     /* the first byte of one that is not */
    HEAP_FIND_INTERIOR, /* of a slab, but no object begins there */
    HEAP_FIND_OTHER,    /* of no slab */
};

/* *small is filled in for the first two. */
enum heap_find heap_small_find(uintptr_t address, struct heap_small *small);

/* Bytes of a live object that may be used. */
size_t heap_small_usable(uintptr_t address, const struct heap_small *small);

/* Whether a live object may be said to have that size; the first of spans only. */
bool heap_span_size_fits(uintptr_t address, const struct heap_small *small, size_t size_bytes);

static inline bool heap_size_fits(uintptr_t address, const struct heap_small *small,
                                  size_t size_bytes)
{
    if ((small->state & HEAP_STATE_SPAN) != 0)
        return heap_span_size_fits(address, small, size_bytes);
    if (size_bytes <= HEAP_SMALL_BYTES && heap_class_of(size_bytes) == small->class_index)
        return true;
    return (small->state & HEAP_STATE_OVERSIZE) != 0 &&
           size_bytes <= heap_shapes[small->class_index].object_bytes;
}

/* --- spans (heap_span.c) ------------------------------------------------------------------------ */

/* An object in the place of several smaller ones; NULL when that is not worth while, or not possible.
 * `state` is what its state byte becomes, but for HEAP_STATE_SPAN. */
void *heap_span_alloc(size_t size_bytes, unsigned state);

/* Frees a live span; false when another processor has just done so. */
bool heap_span_free(const struct heap_small *small, void *object);

/* How many objects the live span at `address` takes the place of. */
unsigned heap_span_count(unsigned class_index, uintptr_t address);

/* The first byte of the span whose inner object begins at `address`. */
uintptr_t heap_span_start(unsigned class_index, uintptr_t address);

#endif
