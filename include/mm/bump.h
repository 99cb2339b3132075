/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mm/bump.h - memory before there is a memory manager.
 *
 * Takes from the loader's arena first and then from the free regions of the map, highest below
 * 4 GiB first; nothing is ever given back here. What was handed out is known
 * exactly (bump_used()), and is what the PMM treats as taken when it starts; from then on
 * bump_alloc() fails. Early, one processor, no lock.
 */
#ifndef MERIDIAN_MM_BUMP_H
#define MERIDIAN_MM_BUMP_H

#include "lib/status.h"
#include "lib/types.h"
#include "mm/memmap.h"

/* Starts over `map`, with `arena_bytes` at `arena` to be used first (0 bytes: none). */
void bump_init(const struct memmap *map, paddr_t arena, uint64_t arena_bytes);

/* `size_bytes` bytes at a multiple of `alignment` (a power of two), not zeroed. */
enum status bump_alloc(uint64_t size_bytes, uint64_t alignment, paddr_t *base);

/* Calls `visit` for each range handed out so far, grown to whole pages, in ascending order, disjoint. */
void bump_used(void (*visit)(void *context, paddr_t base, uint64_t size_bytes), void *context);

/* No more: the PMM has taken over. */
void bump_close(void);

#endif
