/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mm/bump.h - memory before there is a memory manager.
 *
 * Takes from the loader's arena first and then from the free regions of the map from 1 MiB up, highest
 * below 4 GiB first; nothing is ever given back here. What was handed out is known exactly
 * (bump_used()), and is what the PMM treats as taken when it starts; from then on bump_alloc()
 * fails. Early, one processor, no lock.
 */
#ifndef MERIDIAN_MM_BUMP_H
#define MERIDIAN_MM_BUMP_H

#include "lib/status.h"
#include "lib/types.h"
#include "mm/memmap.h"

/* Ranges that bump_used() visits at most. */
#define BUMP_MAX_RANGES 32

/* Starts over `map`, with `arena_bytes` at `arena` to be used first (0 bytes: none). The arena is
 * whole pages outside the free regions of the map; one that is not is left alone, with a warning. */
void bump_init(const struct memmap *map, paddr_t arena, uint64_t arena_bytes);

/* `size_bytes` bytes at a multiple of `alignment` (a power of two), not zeroed. STATUS_NO_MEMORY when
 * no piece of memory has room, STATUS_INVALID for size 0 or a bad alignment, STATUS_DENIED after
 * bump_close(). */
enum status bump_alloc(uint64_t size_bytes, uint64_t alignment, paddr_t *base);

/* Calls `visit` for each range handed out so far, grown to whole pages, in ascending order, disjoint. What
 * alignment left unused between two allocations counts as handed out. */
void bump_used(void (*visit)(void *context, paddr_t base, uint64_t size_bytes), void *context);

/* No more: the PMM has taken over. */
void bump_close(void);

#endif
