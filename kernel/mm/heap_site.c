/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_site.c - sites, written past the magazines, and turned into places again.
 */
#include "heap_site.h"

#include "mm/heap_debug.h"

uintptr_t heap_site_base;

void heap_code_from(const void *start)
{
    heap_site_base = (uintptr_t)start + 1;
}

static uintptr_t site_of(const struct heap_shape *shape, uintptr_t address)
{
    return shape->sites + (address >> shape->site_plane);
}

void heap_site_mark(const struct heap_shape *shape, uintptr_t address, unsigned state)
{
    heap_site_write(site_of(shape, address), state >> HEAP_STATE_SITE_SHIFT);
    heap_state_write(heap_state_of(shape, address), state);
}

const void *heap_site_place(const struct heap_shape *shape, uintptr_t address)
{
    unsigned site = ((const struct heap_site *)site_of(shape, address))->value;
    uintptr_t step = (uint16_t)(site - HEAP_SITE_FIRST) >> 1;

    if (site == 0)
        return NULL;
    return va_ptr(va(heap_site_base - 1 + (step << HEAP_SITE_STEP_SHIFT) +
                     (1u << (HEAP_SITE_STEP_SHIFT - 1))));
}
