/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mm/pmm.h - the physical memory manager: frames of 4 KiB, alone or in runs.
 *
 * A run of order n is 2^n frames at a multiple of its size; orders 0 to PMM_MAX_ORDER (1 GiB). A
 * frame that is handed out has one reference and the caller's tag, and nothing is ever stored in
 * a free frame. Free takes what alloc gave: a run comes back with the order it was asked for
 * with, or frame by frame. Every wrong free (twice, never allocated, not managed, shared, wrong
 * order, interior) is found in release builds too, reported with the caller's address, counted, and
 * refused; the function then returns STATUS_DENIED and has changed nothing.
 *
 * Memory below 1 MiB is no part of the general pool: only a request limited to below 1 MiB gets it.
 * Frame 0 is never handed out. Contents are undefined unless PMM_ZERO was asked for.
 *
 * Each processor keeps up to 256 frames and two blocks of 2 MiB for itself (less on small machines).
 * Before an allocation fails, this processor's are given back, then those of the others, which are called
 * one by one (smp/call.h), then the shrinkers are asked. A processor that is in the middle of an allocation or
 * a free of its own whenever it is called may keep what it has.
 *
 * Any context but a called function, any processor, after pmm_init(); locks of rank PMM_CACHES, PMM_AREA
 * and PMM. The caller may be
 * interrupted, and the interrupt may use the PMM; it may not be moved to another processor meanwhile.
 * Invalid arguments (a tag that is FRAME_FREE or unknown, an order above the maximum, 0 frames, an
 * alignment that is no power of two or above 1 GiB, a node that does not exist) are
 * STATUS_INVALID, as is every call before pmm_init().
 */
#ifndef MERIDIAN_MM_PMM_H
#define MERIDIAN_MM_PMM_H

#include "lib/status.h"
#include "lib/types.h"
#include "mm/frame.h"
#include "mm/memmap.h"

#define PMM_MAX_ORDER 18u
#define PMM_ORDER_2M  9u
#define PMM_ORDER_1G  18u

/* Limits: the whole run lies below. */
#define PMM_BELOW_1M  ((uint64_t)1 << 20)
#define PMM_BELOW_16M ((uint64_t)1 << 24)
#define PMM_BELOW_4G  ((uint64_t)1 << 32)
#define PMM_ANYWHERE  ((uint64_t)0)

#define PMM_ANY_NODE  0xffu

enum pmm_flag {
    PMM_ZERO = 1u << 0,      /* filled with zero bytes */
    PMM_NO_CACHE = 1u << 1,  /* not from a processor's magazine: the lowest that fits */
    PMM_THIS_NODE = 1u << 2, /* from the node that `node` names, and from no other */
};

/* What one wants. Zeroed fields mean: no wish. */
struct pmm_request {
    uint64_t count_frames; /* any number >= 1 */
    uint64_t below;        /* bytes: PMM_BELOW_..., any address, or PMM_ANYWHERE */
    uint64_t align_frames; /* a power of two; 0 or 1: none. A run of order n is aligned by itself */
    enum frame_tag tag;    /* not FRAME_FREE */
    unsigned flags;        /* enum pmm_flag */
    unsigned node; /* with PMM_THIS_NODE: which; else 0 or PMM_ANY_NODE: the nearest first */
};

/* Takes over from the bump allocator: every region of `map` that is free, and the arena, less what the
 * bump allocator gave out, is free now; regions tagged low are free for those who ask for memory
 * below 1 MiB. Regions tagged kernel, handoff or module (FRAME_KERNEL), page tables
 * (FRAME_PAGE_TABLE) and stack (FRAME_STACK) are managed and in use, each as one run: it can be freed
 * as a whole or frame by frame. Everything else is reserved. O(regions), not O(frames). Its own
 * tables come from the bump allocator; STATUS_NO_MEMORY when that has no room for them or the map no
 * memory. `map` must stay where it is. Early, one processor. */
enum status pmm_init(const struct memmap *map);

/* One frame; fast. */
enum status pmm_alloc_frame(enum frame_tag tag, pfn_t *frame);
enum status pmm_free_frame(pfn_t frame);

/* Older names of the same, for those who know them. */
#define kalloc_frame pmm_alloc_frame
#define kfree_frame  pmm_free_frame

/* One frame filled with zero bytes: one that was zeroed ahead if there is one. */
enum status pmm_alloc_zeroed(enum frame_tag tag, pfn_t *frame);

/* Zeroes one frame ahead of its use, for processors that have nothing to do: to be called again
 * until it returns false, because there are enough (64, less on small machines) or none is free. They
 * count as free, wait for pmm_alloc_zeroed(), and serve anybody before an allocation fails. */
bool pmm_zero_ahead(void);

/* 2^order frames, aligned to their size. */
enum status pmm_alloc(unsigned order, enum frame_tag tag, pfn_t *first);
enum status pmm_free(pfn_t first, unsigned order);

/* A contiguous run under any constraints. Freed with pmm_free_run() or frame by frame, of which a run of one
 * frame is a case. */
enum status pmm_alloc_run(const struct pmm_request *request, pfn_t *first);
enum status pmm_free_run(pfn_t first, uint64_t count_frames);

/* Many single frames at once: fills `frames` with up to `count` and returns how many there were. */
size_t pmm_alloc_bulk(enum frame_tag tag, pfn_t *frames, size_t count);

/* Frees `count` single frames; returns how many were accepted. Others are reported. */
size_t pmm_free_bulk(const pfn_t *frames, size_t count);

/* Gives the PMM memory that it did not manage before: reclaimed ACPI tables, identity tables of
 * the jump, hot-added memory between RAM of the same 1 GiB area. STATUS_EXISTS when part of it is
 * managed, or was retired; STATUS_UNSUPPORTED when the PMM has no tables for part of it; nothing
 * has changed then. Not for the same frames from two processors at once. */
enum status pmm_add(pfn_t first, uint64_t count_frames);

/* Takes free memory out of circulation for good, under a tag. With FRAME_BAD, FRAME_DEVICE,
 * FRAME_FIRMWARE and FRAME_RESERVED it is no longer managed, with other tags it counts as used.
 * STATUS_BUSY when part of it is in use; STATUS_NOT_FOUND when its ends are not the PMM's; nothing has
 * changed then. */
enum status pmm_reserve(pfn_t first, uint64_t count_frames, enum frame_tag tag);

/* Caches that can give memory back. Called with the number of frames wanted when the PMM is about
 * to fail; returns the number given. Registered for good. A shrinker is called in the context, and
 * under the locks, of whoever allocates: it must not wait for a lock under which memory is allocated.
 * It may use the PMM; its own failed allocations ask no shrinkers. */
struct pmm_shrinker {
    size_t (*shrink)(struct pmm_shrinker *shrinker, size_t count_frames);
    struct pmm_shrinker *next;
};
void pmm_register_shrinker(struct pmm_shrinker *shrinker);

/* Empties this processor's magazines, and that of zeroed frames, into the areas. */
void pmm_drain(void);

/* From now on notes where each frame is allocated, for frame_site(). Takes 4 bytes a frame, and makes
 * allocations slow: magazines are not used any more. Early, one processor, once; STATUS_EXISTS the
 * second time, STATUS_NO_MEMORY: nothing is noted. */
enum status pmm_record_sites(void);

struct pmm_stats {
    uint64_t total_frames;   /* all frames that the firmware described, of whatever type, and
                                what pmm_add() brought besides */
    uint64_t managed_frames; /* free + used */
    uint64_t free_frames;    /* magazines included */
    uint64_t used_frames;
    uint64_t reserved_frames; /* total - managed */
    uint64_t cached_frames;   /* of free: in magazines */
    uint64_t zeroed_frames;   /* of cached: zeroed ahead of their use */
    uint64_t low_free_frames; /* of free: below 1 MiB */
    uint64_t free_2m_blocks;  /* wholly free 2 MiB blocks */
    uint64_t metadata_bytes;  /* set aside for the PMM's tables */
    uint64_t largest_free_order;
    uint64_t bad_frees; /* refused since the start */
};
/* O(areas). The sums hold exactly when no other processor allocates meanwhile. */
void pmm_get_stats(struct pmm_stats *stats);

/* Frames that wait in the caches of processor `cpu`: in its magazines and blocks. Any context. */
uint64_t pmm_count_cached(unsigned cpu);

/* Frames in use by tag: all but FRAME_FREE add up to used_frames. Walks the touched blocks. */
void pmm_count_tags(uint64_t counts[FRAME_TAG_COUNT]);

/* Calls `visit` for each maximal run of free frames, in ascending order; stops when it returns
 * false. For self-tests and the monitor; the PMM must not change meanwhile. */
void pmm_visit_free(bool (*visit)(void *context, pfn_t first, uint64_t count_frames),
                    void *context);

/* Re-computes every count and summary from the bits and compares; STATUS_CORRUPT (with a log line)
 * when one differs. O(touched blocks). */
enum status pmm_check(void);

#endif
