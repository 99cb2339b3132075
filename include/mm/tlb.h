/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mm/tlb.h - write the entry, flush, only then free: in one place.
 *
 * A batch belongs to one page table and collects the ranges whose entries changed. What those
 * entries held stays where it is until tlb_batch_finish(), which flushes this processor and the
 * others and then has it released: entries that pt_unmap() took out of use still name their frames
 * and tables, though no processor translates through them, so that the table itself is the list of
 * what to free. A batch has no capacity, and a frame is never written before the flush.
 *
 * Above TLB_FULL_FLUSH_PAGES pages, or when ranges no longer fit, one full flush is done instead.
 * Lives on the stack of whoever changes a table; the table's lock is held until finish.
 */
#ifndef MERIDIAN_MM_TLB_H
#define MERIDIAN_MM_TLB_H

#include "mm/pt.h"

#define TLB_BATCH_RANGES     8
#define TLB_BATCH_TABLES     8
#define TLB_FULL_FLUSH_PAGES 32

struct tlb_range {
    vaddr_t start;
    size_t size_bytes;
};

struct tlb_batch {
    struct page_table *table;
    /* Called for each leaf that was unmapped, after the flush: PT_OWNED says whether it holds
     * references. NULL: nobody needs to know. */
    void (*release)(const struct pt_mapping *leaf);
    struct tlb_range ranges[TLB_BATCH_RANGES]; /* to flush */
    unsigned range_count;
    size_t page_count; /* in the ranges */
    bool full;         /* flush everything */
    bool buries;       /* something was unmapped, within [dead_first, dead_last] */
    uintptr_t dead_first;
    uintptr_t dead_last;
    paddr_t tables[TLB_BATCH_TABLES]; /* to free: replaced by larger leaves */
    unsigned table_count;
};

void tlb_batch_init(struct tlb_batch *batch, struct page_table *table,
                    void (*release)(const struct pt_mapping *leaf));

/* Translations of the range may be cached somewhere. Whole pages. */
void tlb_batch_add(struct tlb_batch *batch, vaddr_t start, size_t size_bytes);

/* Something in the range was unmapped and waits for its release. Flushing it is another matter. */
void tlb_batch_bury(struct tlb_batch *batch, vaddr_t start, size_t size_bytes);

/* `table` is freed after the flush. When the batch has no room for it, it is finished first. */
void tlb_batch_free_table(struct tlb_batch *batch, paddr_t table);

/* Flushes and releases; the batch is empty afterwards and may be used again. Waits for other processors
 * that have to flush, with interrupts off, and answers their calls meanwhile: the locks that the caller
 * holds are such as others wait for in spin_lock(). */
void tlb_batch_finish(struct tlb_batch *batch);

/* This processor forgets what is in the batch; others may not. For the functions that flush. */
void tlb_flush_here(const struct tlb_batch *batch);

/* What flushes of one processor asked of others. */
struct tlb_counts {
    uint32_t sent;    /* requests, a processor each */
    uint32_t skipped; /* processors that were online and did not have the table */
};
/* Any context; `cpu` below CONFIG_MAX_CPUS. */
void tlb_get_counts(unsigned cpu, struct tlb_counts *counts);

/* Switching. The processor translates through the kernel's table or that of a user space, and may keep
 * what it has cached of others (kernel/mm/tlb_switch.c). Interrupts off.
 *
 * The kernel's table, early, once: it is in use on every processor, and nothing else is cached. */
void tlb_kernel_begin(struct page_table *table);

/* A new table whose upper half is the kernel's. Every change of it goes through a batch. */
void tlb_table_begin(struct page_table *table);

/* From now on this processor translates through `table`; with the kernel's, through whichever it did,
 * since the kernel's half is the same in all. */
void tlb_table_switch(const struct page_table *table);

/* `table` is about to be destroyed: every processor turns to the kernel's if it was still there. */
void tlb_table_end(const struct page_table *table, const struct page_table *kernel);

#endif
