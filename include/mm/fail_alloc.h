/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mm/fail_alloc.h - lets the N-th allocation fail, to see what becomes of it.
 *
 * While it is armed, every request for frames (pmm.h), for an object of the heap (heap.h, kcache.h) and for
 * a record of the VMM is counted, page tables among them, if it is made on the processor that armed it; those
 * from the N-th on, as many as are wanted, fail as if there were no memory. Magazines of that
 * processor and all of the heap's are not used meanwhile, so that each request is seen; when it is not
 * armed, no fast path knows of it.
 *
 * A site is an address that a request returns to. The first FAIL_ALLOC_SITES of them are told apart.
 * One at a time; not from interrupts.
 */
#ifndef MERIDIAN_MM_FAIL_ALLOC_H
#define MERIDIAN_MM_FAIL_ALLOC_H

#include "lib/types.h"

#define FAIL_ALLOC_SITES 128u
#define FAIL_ALLOC_EVER  UINT64_MAX

struct fail_alloc_site {
    const void *place;
    uint64_t calls;
    uint64_t failures;
};

/* Arms it, after pmm_init(): the `first`-th request from now on (1: the next; 0: none, they are only
 * counted) and the `count` - 1 after it fail. Sites and counts of earlier times stay. */
void fail_alloc_start(uint64_t first, uint64_t count);

/* To be called once the heap is there, if it was armed before. */
void fail_alloc_watch_heap(void);

/* Disarms it. */
void fail_alloc_stop(void);

/* Requests, and failures among them, since it was armed last. */
uint64_t fail_alloc_calls(void);
uint64_t fail_alloc_failures(void);

/* The index-th site that was seen, in the order of their first requests; false when there are no more. */
bool fail_alloc_get_site(unsigned index, struct fail_alloc_site *site);

/* --- for allocators ---------------------------------------------------------------------- */

/* Armed? Read before fail_alloc_hits(). */
extern bool fail_alloc_on;

/* Counts a request from `site`; true: it must fail. */
bool fail_alloc_hits(const void *site);

/* Whether the request that the calling function serves must fail. */
#define FAIL_ALLOC(site) (__builtin_expect(fail_alloc_on, 0) && fail_alloc_hits(site))

#endif
