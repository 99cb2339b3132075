/* SPDX-License-Identifier: BSD-2-Clause
 *
 * frame.c - what is known about each frame, and who holds it.
 *
 * The record of a held frame is found without a lock when its block is managed frame by frame and
 * has been touched. Else the block is used as one (HUGE), or held since before the PMM and never
 * looked at: then the block is broken or touched first, under the lock of its area, and from there on
 * its records hold for good. References change by compare-and-exchange: they belong to whoever holds
 * the frame, on any processor.
 */
#include "mm/frame.h"

#include "pmm_private.h"

#include "lib/assert.h"

const char *frame_tag_name(enum frame_tag tag)
{
    static const char *const names[FRAME_TAG_COUNT] = {
        [FRAME_FREE] = "free",         [FRAME_KERNEL] = "kernel",
        [FRAME_USER] = "user",         [FRAME_PAGE_TABLE] = "page table",
        [FRAME_SLAB] = "slab",         [FRAME_HEAP] = "heap",
        [FRAME_STACK] = "stack",       [FRAME_DMA] = "DMA",
        [FRAME_CACHE] = "cache",       [FRAME_GUARD] = "guard",
        [FRAME_DEVICE] = "device",     [FRAME_FIRMWARE] = "firmware",
        [FRAME_RESERVED] = "reserved", [FRAME_BAD] = "bad",
        [FRAME_TEST] = "test",
    };

    return (unsigned)tag < FRAME_TAG_COUNT ? names[tag] : "unknown";
}

/* --- describing -------------------------------------------------------------------------- */

/* What a frame is that the PMM does not manage. */
static enum frame_tag foreign_tag(uintptr_t frame)
{
    const struct region *row = memmap_find(pmm_state.map, pfn_to_pa(pfn(frame)));

    if (row == NULL || row->tag == REGION_TAG_DEVICE || row->tag == REGION_TAG_FRAMEBUFFER)
        return FRAME_DEVICE;
    if (row->tag == REGION_TAG_FIRMWARE || row->tag == REGION_TAG_ACPI ||
        row->type == E820_ACPI_DATA || row->type == E820_ACPI_NVS ||
        (row->flags & REGION_RUNTIME) != 0)
        return FRAME_FIRMWARE;
    return row->type == E820_UNUSABLE ? FRAME_BAD : FRAME_RESERVED;
}

/* What is known of a frame whose area was never made, or that has no area. */
static void describe_from_map(uintptr_t frame, struct frame_info *info)
{
    const struct pmm_extent *extent = extent_above(frame);

    if (extent < extent_end() && extent->first <= frame) {
        info->managed = true;
        info->tag = extent->tag;
        info->references = extent->tag == FRAME_FREE ? 0 : 1;
        return;
    }
    info->tag = foreign_tag(frame);
}

static void describe_from_area(struct pmm_area *area, uintptr_t frame, struct frame_info *info)
{
    unsigned place = area_place(frame);
    uint16_t use = block_use(area, place / BLOCK_FRAMES);
    uint16_t record = area_record(area, place);

    info->tag = record_tag(record);
    info->references = record_count(record);
    info->managed = !frame_tag_is_foreign(info->tag);
    info->cached = record == 0 && use != USE_WHOLE &&
                   (use == USE_CACHED ||
                    !set_has(area->lines[place / BLOCK_FRAMES].word, place % BLOCK_FRAMES));
    if (record == RECORD_NOT_OURS) {
        info->tag = foreign_tag(frame);
        info->references = 0;
    }
}

/* The area of a frame if it has been made. */
static struct pmm_area *made_area(uintptr_t frame)
{
    struct pmm_area *area = pmm_state.low;

    if (frame >= LOW_FRAMES)
        area = frame < pmm_frames_end() ? area_if_ready(frame >> AREA_ORDER) : NULL;
    return area != NULL && area_has_block(area, area_place(frame) / BLOCK_FRAMES) ? area : NULL;
}

void frame_describe(pfn_t frame, struct frame_info *info)
{
    struct pmm_area *area;
    irq_state_t irq;

    *info = (struct frame_info){ .tag = FRAME_DEVICE };
    if (pmm_state.general_frames == 0)
        return;
    area = made_area(pfn_value(frame));
    if (area == NULL) {
        describe_from_map(pfn_value(frame), info);
        return;
    }
    irq = spin_lock(&area->lock);
    describe_from_area(area, pfn_value(frame), info);
    spin_unlock(&area->lock, irq);
}

/* --- references -------------------------------------------------------------------------- */

[[gnu::noreturn, gnu::cold]] static void panic_unheld(const char *what, uintptr_t frame)
{
    panic("%s on frame 0x%llx, which nobody holds", what, (unsigned long long)frame << PAGE_SHIFT);
}

/* The record of a frame after its block was made to be managed frame by frame; NULL if the frame
 * is free or has no record. */
static uint16_t *break_out(uintptr_t frame)
{
    struct pmm_area *area = pmm_state.general_frames != 0 ? area_of(frame) : NULL;
    unsigned place = area_place(frame);
    uint16_t *record = NULL;
    irq_state_t irq;

    if (area == NULL)
        return NULL;
    irq = spin_lock(&area->lock);
    if (area_record(area, place) != 0) {
        if (use_is_huge(block_use(area, place / BLOCK_FRAMES)))
            block_break(area, place / BLOCK_FRAMES);
        record = &area->records[place];
    }
    spin_unlock(&area->lock, irq);
    return record;
}

/* The record of a held frame. Panics, as `what`, when nobody holds it. */
static uint16_t *held_record(const char *what, uintptr_t frame)
{
    struct pmm_area *area = made_area(frame);
    uint16_t *record = NULL;

    if (area != NULL && block_is_touched(area, area_place(frame) / BLOCK_FRAMES))
        record = &area->records[area_place(frame)];
    if (record == NULL || record_load(record) == 0)
        record = break_out(frame);
    if (record == NULL)
        panic_unheld(what, frame);
    return record;
}

void frame_get(pfn_t frame)
{
    uint16_t *record = held_record("frame_get", pfn_value(frame));
    uint16_t old = record_load(record);

    do {
        if (record_count(old) == 0)
            panic_unheld("frame_get", pfn_value(frame));
        if (record_count(old) == FRAME_COUNT_MAX)
            return;
    } while (!__atomic_compare_exchange_n(record, &old, (uint16_t)(old + 1), true, __ATOMIC_ACQ_REL,
                                          __ATOMIC_RELAXED));
}

bool frame_put(pfn_t frame)
{
    uint16_t *record = held_record("frame_put", pfn_value(frame));
    /* Whoever drops the last reference sees what the others did to the frame before. */
    uint16_t old = __atomic_load_n(record, __ATOMIC_ACQUIRE);

    do {
        if (record_count(old) == 0)
            panic_unheld("frame_put", pfn_value(frame));
        if (record_count(old) == FRAME_COUNT_MAX)
            return false;
        if (record_count(old) == 1)
            return pmm_free_frame(frame) == STATUS_OK;
    } while (!__atomic_compare_exchange_n(record, &old, (uint16_t)(old - 1), true, __ATOMIC_ACQ_REL,
                                          __ATOMIC_ACQUIRE));
    return false;
}

unsigned frame_references(pfn_t frame)
{
    struct frame_info info;

    frame_describe(frame, &info);
    return info.references;
}

void frame_set_tag(pfn_t frame, enum frame_tag tag)
{
    uint16_t *record = held_record("frame_set_tag", pfn_value(frame));
    uint16_t old = record_load(record);
    uint16_t changed;

    VERIFY(tag != FRAME_FREE && tag < FRAME_TAG_COUNT);
    do {
        if (record_count(old) == 0)
            panic_unheld("frame_set_tag", pfn_value(frame));
        changed = (uint16_t)((old & (RECORD_COUNT | RECORD_CONTINUES)) | (unsigned)tag
                                                                             << RECORD_TAG_SHIFT);
    } while (!__atomic_compare_exchange_n(record, &old, changed, true, __ATOMIC_ACQ_REL,
                                          __ATOMIC_RELAXED));
}
