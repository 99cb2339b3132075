/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tlb.c - batches of invalidations. mm/tlb.h tells what they are for.
 *
 * A flush of one page costs about as much as refilling a handful of translations, so that many
 * single flushes soon cost more than forgetting everything (TLB_FULL_FLUSH_PAGES). Neighbouring
 * ranges are joined as they come; walks go upwards, so that this catches nearly all.
 * Nothing here allocates or fails. Pure: the loader and the hosted tests build it too.
 */
#include "mm/tlb.h"

#include "arch/mmu.h"
#include "pt_format.h"

/*@ predicate sound(struct tlb_batch *batch) = batch->range_count <= TLB_BATCH_RANGES &&
  @   batch->table_count <= TLB_BATCH_TABLES &&
  @   (!batch->full ==> batch->page_count <= TLB_FULL_FLUSH_PAGES); */

/*@ requires \valid(batch);
  @ assigns batch->range_count, batch->page_count, batch->full, batch->buries, batch->table_count;
  @ ensures sound(batch) && batch->range_count == 0 && batch->table_count == 0;
  @ ensures !batch->full && !batch->buries; */
static void batch_clear(struct tlb_batch *batch)
{
    batch->range_count = 0;
    batch->page_count = 0;
    batch->full = false;
    batch->buries = false;
    batch->table_count = 0;
}

void tlb_flush_here(const struct tlb_batch *batch)
{
    if (batch->full) {
        arch_tlb_flush_all();
        return;
    }
    for (unsigned i = 0; i < batch->range_count; i++) {
        const struct tlb_range *range = &batch->ranges[i];

        for (size_t offset = 0; offset < range->size_bytes; offset += PAGE_SIZE)
            arch_tlb_flush_page(va_add(range->start, offset));
    }
}

static void flush(const struct tlb_batch *batch)
{
    if (batch->table->flush != NULL)
        batch->table->flush(batch->table, batch);
    else
        tlb_flush_here(batch);
}

static void release(const struct tlb_batch *batch)
{
    struct page_table *table = batch->table;

    if (batch->buries)
        table->format->operations->bury(
            table, batch->dead_first,
            ((uint64_t)(batch->dead_last - batch->dead_first) >> PAGE_SHIFT) + 1, batch->release);
    for (unsigned i = 0; i < batch->table_count; i++)
        table->memory->free(table->memory->context, batch->tables[i]);
}

/*@ requires \valid(batch);
  @ assigns *batch;
  @ ensures sound(batch) && batch->table == table && batch->release == release_leaf;
  @ ensures batch->range_count == 0 && batch->table_count == 0 && !batch->full && !batch->buries; */
void tlb_batch_init(struct tlb_batch *batch, struct page_table *table,
                    void (*release_leaf)(const struct pt_mapping *leaf))
{
    batch->table = table;
    batch->release = release_leaf;
    batch_clear(batch);
}

void tlb_batch_add(struct tlb_batch *batch, vaddr_t start, size_t size_bytes)
{
    struct tlb_range *last;

    if (batch->full)
        return;
    batch->page_count += size_bytes >> PAGE_SHIFT;
    last = batch->range_count == 0 ? NULL : &batch->ranges[batch->range_count - 1];
    if (batch->page_count > TLB_FULL_FLUSH_PAGES)
        batch->full = true;
    else if (last != NULL && va_equal(va_add(last->start, last->size_bytes), start))
        last->size_bytes += size_bytes;
    else if (batch->range_count == TLB_BATCH_RANGES)
        batch->full = true;
    else
        batch->ranges[batch->range_count++] = (struct tlb_range){ start, size_bytes };
}

/*@ requires \valid(batch) && 0 < size_bytes && start.value + size_bytes - 1 <= UINTPTR_MAX;
  @ assigns batch->dead_first, batch->dead_last, batch->buries;
  @ ensures batch->buries;
  @ ensures batch->dead_first <= start.value && start.value + size_bytes - 1 <= batch->dead_last;
  @ ensures \old(batch->buries) ==> batch->dead_first <= \old(batch->dead_first) &&
  @   \old(batch->dead_last) <= batch->dead_last; */
void tlb_batch_bury(struct tlb_batch *batch, vaddr_t start, size_t size_bytes)
{
    uintptr_t first = va_value(start);
    uintptr_t last = first + (size_bytes - 1);

    if (!batch->buries || first < batch->dead_first)
        batch->dead_first = first;
    if (!batch->buries || last > batch->dead_last)
        batch->dead_last = last;
    batch->buries = true;
}

void tlb_batch_free_table(struct tlb_batch *batch, paddr_t table)
{
    if (batch->table_count == TLB_BATCH_TABLES)
        tlb_batch_finish(batch);
    batch->tables[batch->table_count++] = table;
}

void tlb_batch_finish(struct tlb_batch *batch)
{
    if (batch->full || batch->range_count != 0)
        flush(batch);
    release(batch);
    batch_clear(batch);
}
