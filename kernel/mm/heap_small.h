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

/* Whether a live object may be said to have that size. */
bool heap_size_fits(const struct heap_small *small, size_t size_bytes);

#endif
