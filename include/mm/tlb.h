/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mm/tlb.h - write the entry, flush, only then free: in one place.
 *
 * A batch collects the ranges whose entries changed and the frames that those entries (or freed
 * tables) held. tlb_batch_finish() flushes this processor and the others, then frees. Above
 * TLB_FULL_FLUSH_PAGES pages, or when ranges no longer fit, one full flush is done instead.
 * Lives on the stack of whoever changes a table; the lock of that table is held until finish.
 * Frames are linked through themselves (they are free but for the link): a batch has no capacity.
 */
#ifndef MERIDIAN_MM_TLB_H
#define MERIDIAN_MM_TLB_H

#include "lib/types.h"

#define TLB_BATCH_RANGES     8
#define TLB_FULL_FLUSH_PAGES 32

struct tlb_range {
    vaddr_t start;
    size_t size_bytes;
};

struct tlb_batch {
    struct tlb_range ranges[TLB_BATCH_RANGES];
    unsigned range_count;
    size_t page_count;
    bool full;
    paddr_t
        frames; /* head of the list of frames to free; 0 when empty (frame 0 is never handed out) */
    size_t frame_count;
};

void tlb_batch_init(struct tlb_batch *batch);

/* Translations of the range may be cached somewhere. */
void tlb_batch_add(struct tlb_batch *batch, vaddr_t start, size_t size_bytes);

/* `frame` is given back to the PMM after the flush (frame_put(): one reference goes). */
void tlb_batch_free_frame(struct tlb_batch *batch, paddr_t frame);

/* Flushes and frees; the batch is empty afterwards and may be used again. */
void tlb_batch_finish(struct tlb_batch *batch);

#endif
