/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_runs_private.h - the state of the run allocator, for itself and for its check.
 */
#ifndef MERIDIAN_HEAP_RUNS_PRIVATE_H
#define MERIDIAN_HEAP_RUNS_PRIVATE_H

#include "heap_bins.h"
#include "heap_runs.h"
#include "lib/lock.h"

struct heap_runs {
    struct spinlock lock; /* rank HEAP_LARGE: all of this, and the records of free and large runs */
    struct heap_bins cached;
    struct heap_bins bare;
    uint32_t end_page;          /* of the chain; its first page is 1 */
    uint32_t kept[HEAP_PLANES]; /* first pages of runs for the slabs of a plane, or 0 */
    size_t kept_pages;
    size_t used_pages;
    size_t warm_pages; /* the most that were in use lately */
    size_t large_pages;
    size_t large_objects;
    uint64_t large_allocations;
};
extern struct heap_runs heap_runs;

#endif
