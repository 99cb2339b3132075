/* SPDX-License-Identifier: BSD-2-Clause
 *
 * multiboot_probe.c - whether what the table calls memory answers.
 *
 * A BIOS that tells of more memory than there is, or a loader that went by a field which was noise,
 * would let the kernel put its page tables nowhere, and the machine would end without a word. So each
 * range of free memory is asked:
 *
 *     start ──*────*────*────*── ... ──*────*──* end - 1 page      all answer: the range is good
 *     start ──*────*────x                                         the end lies between two of these:
 *                  *──*──*──x                                      the same again, 16 times as dense
 *                        *─*x
 *
 * Not every page is asked: that would take a second a terabyte, and on a virtual machine make the
 * host find memory for all of it. A hole between two pages that answer goes unseen, as does memory
 * that appears twice; this finds lies about size. No address beyond the first silent one of a search
 * is written to, save the last page of a range, since devices may be there.
 */
#include "boot/multiboot.h"

#include "lib/bits.h"
#include "lib/log.h"
#include "lib/types.h"
#include "mm/memmap.h"

#define DENSITY_SHIFT 4u /* 16 places in a range, then 16 times as dense */

typedef bool answers_fn(uint64_t page);

/* The next step after `step`: a 16th, at least a page. */
static uint64_t finer(uint64_t step)
{
    return max_u64(align_down(step >> DENSITY_SHIFT, PAGE_SIZE), PAGE_SIZE);
}

/* Goes from a page that answers to the last one, `step` apart, that does. */
static uint64_t walk(uint64_t page, uint64_t end, uint64_t step, answers_fn *answers)
{
    while (end - page > step && answers(page + step))
        page += step;
    return page;
}

/* Where [start, end) ends answering; `end` when it does not. */
static uint64_t find_end(uint64_t start, uint64_t end, answers_fn *answers)
{
    uint64_t step = finer(end - start);
    uint64_t page = start;

    if (!answers(start))
        return start;
    page = walk(start, end, step, answers);
    if (end - page <= step && answers(end - PAGE_SIZE))
        return end;
    while (step > PAGE_SIZE) {
        step = finer(step);
        page = walk(page, end, step, answers);
    }
    return page + PAGE_SIZE;
}

/* What is not there is no RAM, so that it gets neither page tables nor records of frames. */
static enum status cut(struct memmap *map, uint64_t base, uint64_t end)
{
    enum status status;

    log_warning("multiboot: [mem 0x%016llx-0x%016llx] is told to be memory, and does not answer: "
                "left alone",
                (unsigned long long)base, (unsigned long long)end - 1);
    status = memmap_carve(map, base, end - base, E820_RESERVED, REGION_TAG_NONE, MEMMAP_SILENT);
    for (size_t i = 0; i < map->count && status == STATUS_OK; i++)
        if (map->regions[i].base >= base && map->regions[i].base < end)
            map->regions[i].flags &= (uint16_t)~REGION_IS_RAM;
    return status;
}

enum status multiboot_probe(struct memmap *map, uint64_t start, uint64_t end, answers_fn *answers)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct region *row = &map->regions[i];
        uint64_t row_end = row->base + row->size_bytes;
        uint64_t first = max_u64(row->base, start);
        uint64_t last = min_u64(row_end, end);
        enum status status = STATUS_OK;
        uint64_t silent;

        if (!region_is_free(row) || first >= last)
            continue;
        silent = find_end(first, last, answers);
        if (silent != last)
            status = cut(map, silent, row_end);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}
