/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_runs_private.h - what heap_runs.c, heap_grow.c and the check of both share.
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
    uint32_t frees;    /* of runs, modulo the width */
    size_t large_pages;
    size_t large_objects;
    uint64_t large_allocations;
};
extern struct heap_runs heap_runs;

/* The last plane of state bytes for whose slabs runs are kept. */
#define HEAP_KEPT_PLANE_LAST 7u

/* --- with the lock held --------------------------------------------------------------------- */

/* Frees [first, + count_pages), joined with neighbours of the same sort. */
void heap_chain_put(struct heap_bins *bins, uint32_t first, uint32_t count_pages);

/* Cuts a run out of the free ones; 0 when none is long enough. */
uint32_t heap_chain_take(struct heap_bins *bins, const struct heap_wish *wish);

/* Between two kinds: nobody else touches a busy run. */
static inline void heap_run_busy(uint32_t first, uint32_t count_pages)
{
    heap_window.pages[first].kind = HEAP_PAGE_BUSY;
    heap_window.pages[first].page_count = count_pages;
}

/* A run gets an owner. */
void heap_run_enter(uint32_t first, uint32_t count_pages, enum heap_page_kind kind);

/* Gives up the run kept for a plane. */
void heap_kept_release(unsigned plane);

/* --- without it ------------------------------------------------------------------------------ */

/* Gives frames of cached runs to the PMM, longest runs first; how many. */
size_t heap_release_cached(size_t count_frames);

#endif
