/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fail_alloc_start.c - puts caches aside while allocations are to fail. fail_alloc.h has the contract.
 */
#include "fail_alloc_private.h"

#include "mm/heap.h"

static bool heap_is_aside;

static bool has_heap(void)
{
    return heap_largest() != 0;
}

void fail_alloc_watch_heap(void)
{
    if (fail_alloc_on && !heap_is_aside && has_heap()) {
        heap_set_aside(true);
        heap_is_aside = true;
    }
}

void fail_alloc_start(uint64_t first, uint64_t count)
{
    if (!fail_alloc_on)
        cpu_cache_set_aside(true);
    fail_alloc_arm(first, count);
    fail_alloc_watch_heap();
}

void fail_alloc_stop(void)
{
    if (!fail_alloc_on)
        return;
    fail_alloc_on = false;
    cpu_cache_set_aside(false);
    if (heap_is_aside)
        heap_set_aside(false);
    heap_is_aside = false;
}
