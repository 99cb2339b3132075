/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_bins.h - free runs of one sort, in bins by length.
 *
 * One bin a length up to 32 pages, then 32 bins a doubling, with a bit for each bin that is not
 * empty (Masmano et al., TLSF, 2004): the shortest bin whose runs all fit is found with two bit
 * scans. The links are in the records of the runs' first pages; the record of the last page
 * repeats kind and length, for the neighbour behind. The lock of the runs is held.
 */
#ifndef MERIDIAN_HEAP_BINS_H
#define MERIDIAN_HEAP_BINS_H

#include "lib/types.h"

#define BIN_SUB_SHIFT  5u /* 32 bins a doubling */
#define BIN_SUB        (1u << BIN_SUB_SHIFT)
#define HEAP_BIN_COUNT ((32u - BIN_SUB_SHIFT + 1) * BIN_SUB)
#define HEAP_BIN_WORDS (HEAP_BIN_COUNT / 32)

struct heap_bins {
    uint8_t kind;                   /* enum heap_page_kind of these runs */
    uint32_t summary;               /* words that are not zero */
    uint32_t words[HEAP_BIN_WORDS]; /* bins that are not empty */
    uint32_t heads[HEAP_BIN_COUNT]; /* first pages of runs; 0 is none */
    size_t count_pages;
};

/* The bin of runs of that length. */
unsigned heap_bin_of(uint32_t count_pages);

/* The least length from `count_pages` on that is the shortest of its bin; 0 when there is none. */
uint32_t heap_bin_round(uint32_t count_pages);

/* Puts [first, + count_pages) in as it is. */
void heap_bins_insert(struct heap_bins *bins, uint32_t first, uint32_t count_pages);

/* Takes a run out; its pages are inner pages of nothing then. */
void heap_bins_remove(struct heap_bins *bins, uint32_t first);

/* A run of at least `count_pages`, nearly the shortest; 0 when there is none. It stays in. */
uint32_t heap_bins_find(const struct heap_bins *bins, uint32_t count_pages);

/* One of the longest runs, or 0. It stays in. */
uint32_t heap_bins_longest(const struct heap_bins *bins);

#endif
