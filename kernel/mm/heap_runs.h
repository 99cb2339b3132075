/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_runs.h - runs of pages in the heap's window: for slabs and for large objects.
 *
 * A run is known by its first page. It belongs to whoever allocated it: the owner alone changes
 * its record, except for the links of free runs. Functions may be called in any context, with
 * no lock of the heap held; those that map memory return NULL's like (STATUS_NO_MEMORY) when they
 * interrupt the very processor that is growing the heap.
 */
#ifndef MERIDIAN_HEAP_RUNS_H
#define MERIDIAN_HEAP_RUNS_H

#include "heap_window.h"

/* After heap_window_init(). */
void heap_runs_init(void);

/* What kind of run is wanted. */
struct heap_wish {
    enum heap_page_kind kind;
    uint32_t count_pages;
    uint32_t
        align_pages; /* the first page's number is a multiple of it: a power of two, 1 for any */
    uint32_t plane;  /* of a slab: near others of its plane */
    uint32_t room_pages; /* from a free run of at least that length if there is one: room to grow */
};

/* A run with frames behind it. Its record says kind and page_count; everything else in it is the
 * caller's. The first form knows cached runs only (STATUS_NOT_FOUND), the second maps, and
 * more than that for the next, unless `no_more`. */
enum status heap_run_alloc(const struct heap_wish *wish, uint32_t *first);
enum status heap_run_map(const struct heap_wish *wish, bool no_more, uint32_t *first);

/* Bytes in slabs. */
size_t heap_runs_slab_bytes(void);

/* The same without frames: addresses only. The run is busy; the caller maps what it wants of it and
 * publishes it as a large object, its record filled in. */
enum status heap_run_alloc_bare(uint32_t count_pages, uint32_t *first);
void heap_run_publish_large(uint32_t first);

/* A mapped run back. */
void heap_run_free(uint32_t first);

/* A busy run whose frames are gone. */
void heap_run_free_bare(uint32_t first);

/* Makes a mapped run longer where it stands. False, and nothing changed, when the pages behind it
 * are not free. */
bool heap_run_grow(uint32_t first, uint32_t count_pages);

/* Gives the end of a mapped run back. */
void heap_run_trim(uint32_t first, uint32_t count_pages);

/* Frees the live large object whose run begins at `page`, and which begins `lead_bytes` into it and
 * has the size `size_bytes` (HEAP_ANY_SIZE: any); *was then has its flags, tag, page_count and
 * lead_bytes. If it has flags, the run is only made busy: the caller undoes the mapping and frees
 * the addresses. */
#define HEAP_ANY_SIZE SIZE_MAX
bool heap_run_free_large(uint32_t page, uint32_t lead_bytes, size_t size_bytes,
                         struct heap_page *was);

/* Takes frames from cached runs; returns how many. Then closes blocks at the end of the window
 * that have become empty, if `close_blocks`. */
size_t heap_runs_shrink(size_t count_frames, bool close_blocks);

/* One processor grows the heap at a time, with no lock held and interrupts as they were. False
 * when this processor is at it already, further out. */
bool heap_grow_enter(void);
void heap_grow_leave(void);

struct heap_run_stats {
    size_t used_pages;  /* in slabs and large objects */
    size_t large_pages; /* of these: in large objects */
    size_t large_objects;
    uint64_t large_allocations;
    size_t cached_pages; /* free, with frames; those kept for slabs included */
    size_t bare_pages;   /* open, without frames */
};
void heap_runs_get_stats(struct heap_run_stats *stats);

/* Walks chain and bins and compares them with each other and with the counts; calls `visit` for
 * each run in the order of addresses. STATUS_CORRUPT with a log line when something is wrong. */
enum status heap_runs_check(bool (*visit)(void *context, uint32_t first), void *context);

#endif
