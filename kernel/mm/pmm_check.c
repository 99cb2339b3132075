/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pmm_check.c - whether what the PMM believes of itself is true.
 *
 * Everything that can be derived is derived again, from the bottom up, and compared:
 *
 *     line       bits                      a free bit has record 0
 *     block      free, words               from the line
 *                bound                     no aligned free run above it (too high is allowed)
 *     area       partial[order]            exactly the partly free blocks with bound >= order
 *                whole, whole_count        exactly the blocks in that state
 *                loose_frames              the sum
 *                announced                 nothing is there that is not announced (more is allowed)
 *     index      area in order n           exactly what is announced
 *
 * The first difference is logged with its place. O(touched blocks).
 */
#include "pmm_private.h"

#include "lib/log.h"

static enum status differs(const struct pmm_area *area, unsigned block, const char *what,
                           uint64_t found, uint64_t noted)
{
    log_error("pmm: block at 0x%llx: %s is 0x%llx, noted as 0x%llx",
              (unsigned long long)(area->first + block * BLOCK_FRAMES) << PAGE_SHIFT, what,
              (unsigned long long)found, (unsigned long long)noted);
    return STATUS_CORRUPT;
}

/* --- blocks ------------------------------------------------------------------------------ */

static uint8_t summary_of(const uint64_t *line)
{
    unsigned words = 0;

    for (unsigned w = 0; w < SET_WORDS; w++)
        words |= line[w] != 0 ? 1u << w : 0;
    return (uint8_t)words;
}

static enum status check_line(const struct pmm_area *area, unsigned block)
{
    const struct pmm_block *self = &area->blocks[block];
    const uint64_t *line = area->lines[block].word;
    const uint16_t *records = &area->records[block * BLOCK_FRAMES];

    if (set_count(line) != self->free)
        return differs(area, block, "count of free frames", set_count(line), self->free);
    if (summary_of(line) != self->words)
        return differs(area, block, "summary", summary_of(line), self->words);
    for (unsigned frame = 0; frame < BLOCK_FRAMES; frame++)
        if (set_has(line, frame) && record_load(&records[frame]) != 0)
            return differs(area, block, "record of a free frame", record_load(&records[frame]), 0);
    for (unsigned order = self->bound + 1; self->free > 0 && order < BLOCK_ORDER; order++)
        if (set_first_run(line, self->words, order, BLOCK_FRAMES) != SET_NONE)
            return differs(area, block, "order of the largest run", order, self->bound);
    return STATUS_OK;
}

static enum status check_filing(const struct pmm_area *area, unsigned block)
{
    const struct pmm_block *self = &area->blocks[block];
    uint16_t use = block_use(area, block);
    bool partial = use == USE_FRAMES && self->free > 0;
    bool whole = use == USE_WHOLE;

    for (unsigned order = 0; order < PARTIAL_ORDERS; order++) {
        bool filed = partial && order <= self->bound;

        if (set_has(area->partial[order], block) != filed)
            return differs(area, block, "filing as partly free, order", filed, order);
    }
    if (set_has(area->whole, block) != whole)
        return differs(area, block, "filing as wholly free", whole, !whole);
    if (partial && self->free == BLOCK_FRAMES)
        return differs(area, block, "use with all frames free", USE_WHOLE, use);
    return STATUS_OK;
}

static enum status check_block(const struct pmm_area *area, unsigned block)
{
    const uint16_t *records = &area->records[block * BLOCK_FRAMES];
    enum status status = check_filing(area, block);

    if (status != STATUS_OK || !block_is_touched(area, block))
        return status;
    if (block_use(area, block) == USE_FRAMES)
        return check_line(area, block);
    for (unsigned frame = 0; frame < BLOCK_FRAMES; frame++)
        if (record_load(&records[frame]) != 0)
            return differs(area, block, "record in a block that is one", records[frame], 0);
    return STATUS_OK;
}

/* --- areas ------------------------------------------------------------------------------- */

static enum status check_announced(const struct pmm_area *area)
{
    uint32_t found = 0;

    for (unsigned order = 0; order < PARTIAL_ORDERS; order++)
        found |= area->partial_words[order] != 0 ? 1u << order : 0;
    for (unsigned order = 0; order <= SET_ORDER; order++)
        if (set_last_run(area->whole, area->whole_words, order, AREA_BLOCKS) != SET_NONE)
            found |= 1u << (BLOCK_ORDER + order);
    if ((found & ~area->announced) != 0)
        return differs(area, 0, "orders to be had in its area", found, area->announced);
    if (area == pmm_state.low)
        return STATUS_OK;
    for (unsigned order = 0; order < ORDER_COUNT; order++)
        if (index_has((enum pmm_index)(INDEX_ORDER_0 + order), area->first >> AREA_ORDER) !=
            ((area->announced >> order & 1) != 0))
            return differs(area, 0, "index of its area, order", order, area->announced);
    return STATUS_OK;
}

static enum status check_area(struct pmm_area *area)
{
    uint64_t loose_frames = 0;

    for (unsigned block = area->block_start; block < area->block_end; block++) {
        enum status status = check_block(area, block);

        if (status != STATUS_OK)
            return status;
        if (block_use(area, block) == USE_FRAMES)
            loose_frames += area->blocks[block].free;
    }
    if (loose_frames != area->loose_frames)
        return differs(area, 0, "loose free frames of its area", loose_frames, area->loose_frames);
    if (set_count(area->whole) != area->whole_count)
        return differs(area, 0, "whole blocks of its area", set_count(area->whole),
                       area->whole_count);
    return check_announced(area);
}

static enum status check_locked(struct pmm_area *area)
{
    irq_state_t irq = spin_lock(&area->lock);
    enum status status = check_area(area);

    spin_unlock(&area->lock, irq);
    return status;
}

enum status pmm_check(void)
{
    struct area_cursor cursor = { .low_done = false };
    struct pmm_area *area;
    enum status status = STATUS_OK;

    while (pmm_state.general_frames != 0 && status == STATUS_OK &&
           (area = next_area(&cursor)) != NULL)
        status = check_locked(area);
    return status;
}
