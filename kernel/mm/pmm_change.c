/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pmm_change.c - memory that comes late, and memory that goes.
 *
 * A frame that the PMM has nothing to do with has the record NOT_OURS once its block is touched: a
 * saturated count and the tag `reserved`, which no free accepts. Adding memory turns such records into
 * free frames; reserving turns free frames into saturated ones:
 *
 *     NOT_OURS --pmm_add--> free --pmm_reserve--> saturated, with the tag given
 *
 * pmm_init() set metadata aside for all blocks between the first and the last RAM of each area, of
 * whatever type: what was ACPI's or the loader's can be added, and hot-added memory as far as it lies
 * between.
 */
#include "pmm_private.h"

bool frame_tag_is_foreign(enum frame_tag tag)
{
    return tag == FRAME_DEVICE || tag == FRAME_FIRMWARE || tag == FRAME_RESERVED ||
           tag == FRAME_BAD;
}

static bool range_is_valid(pfn_t first, uint64_t count)
{
    return pmm_state.general_frames != 0 && pfn_value(first) > 0 && count > 0 &&
           count <= UINTPTR_MAX && pfn_value(first) <= UINTPTR_MAX - (uintptr_t)count;
}

/* These frames are managed from now on, or no longer. */
static void count_managed(uintptr_t first, uintptr_t count, bool come, uint64_t undescribed)
{
    irq_state_t irq = spin_lock(&pmm_state.lock);

    pmm_state.managed_frames += come ? count : (uint64_t)0 - count;
    pmm_state.total_frames += undescribed;
    pmm_nodes_count(first, count, come);
    spin_unlock(&pmm_state.lock, irq);
}

/* Runs `step` on the parts of a range, area by area, each under its lock, until it fails. */
static enum status for_each_part(uintptr_t first, uintptr_t count,
                                 enum status (*step)(struct pmm_area *area, unsigned place,
                                                     uintptr_t count))
{
    for (uintptr_t done = 0, part; done < count; done += part) {
        struct pmm_area *area = area_of(first + done);
        enum status status;
        irq_state_t irq;

        part = area_part(first + done, count - done);
        if (area == NULL)
            return STATUS_UNSUPPORTED;
        irq = spin_lock(&area->lock);
        status = step(area, area_place(first + done), part);
        spin_unlock(&area->lock, irq);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

/* --- adding ------------------------------------------------------------------------------ */

static enum status check_foreign(struct pmm_area *area, unsigned place, uintptr_t count)
{
    for (uintptr_t frame = place; frame < place + count; frame++) {
        if (!area_has_block(area, (unsigned)(frame / BLOCK_FRAMES)))
            return STATUS_UNSUPPORTED;
        if (area_record(area, (unsigned)frame) != RECORD_NOT_OURS)
            return STATUS_EXISTS;
    }
    return STATUS_OK;
}

static enum status make_free(struct pmm_area *area, unsigned place, uintptr_t count)
{
    area_give_locked(area, area->first + place, count);
    return STATUS_OK;
}

/* How many of these frames the firmware did not describe. */
static uint64_t count_undescribed(uintptr_t first, uint64_t count)
{
    uint64_t start = (uint64_t)first << PAGE_SHIFT;
    uint64_t end = start + (count << PAGE_SHIFT);
    uint64_t known = 0;

    for (size_t i = 0; i < pmm_state.map->count; i++) {
        const struct region *row = &pmm_state.map->regions[i];
        uint64_t from = max_u64(row->base, start);
        uint64_t to = min_u64(row->base + row->size_bytes, end);

        if (!region_is_described(row))
            continue;
        known += to > from ? (to - from) >> PAGE_SHIFT : 0;
    }
    return count - known;
}

enum status pmm_add(pfn_t first, uint64_t count_frames)
{
    uintptr_t number = pfn_value(first);
    uintptr_t count = (uintptr_t)count_frames;
    enum status status;

    if (!range_is_valid(first, count_frames))
        return STATUS_INVALID;
    status = for_each_part(number, count, check_foreign);
    if (status == STATUS_OK)
        status = for_each_part(number, count, make_free);
    if (status == STATUS_OK)
        count_managed(number, count, true, count_undescribed(number, count));
    return status;
}

/* --- reserving --------------------------------------------------------------------------- */

/* Frames that are no longer managed are nobody's run: each stands for itself, and can be added by
 * itself, whatever it was taken with. */
static enum status make_foreign(struct pmm_area *area, unsigned place, uintptr_t count)
{
    for (uintptr_t frame = place; frame < place + count; frame++) {
        unsigned block = (unsigned)(frame / BLOCK_FRAMES);

        if (use_is_huge(block_use(area, block)))
            block_break(area, block);
        record_store(&area->records[frame],
                     (uint16_t)(record_load(&area->records[frame]) & ~RECORD_CONTINUES));
    }
    return STATUS_OK;
}

enum status pmm_reserve(pfn_t first, uint64_t count_frames, enum frame_tag tag)
{
    uintptr_t number = pfn_value(first);
    uintptr_t count = (uintptr_t)count_frames;
    uint16_t record;

    if (!range_is_valid(first, count_frames) || tag == FRAME_FREE || tag >= FRAME_TAG_COUNT)
        return STATUS_INVALID;
    if (area_of(number) == NULL || area_of(number + count - 1) == NULL)
        return STATUS_NOT_FOUND;
    record = (uint16_t)((unsigned)tag << RECORD_TAG_SHIFT | RECORD_COUNT);
    pmm_drain();
    if (!pmm_take_exactly(number, count, record) &&
        !(cpu_drain_others() && pmm_take_exactly(number, count, record)))
        return STATUS_BUSY;
    if (!frame_tag_is_foreign(tag))
        return STATUS_OK;
    count_managed(number, count, false, 0);
    return for_each_part(number, count, make_foreign);
}
