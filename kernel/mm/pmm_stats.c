/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pmm_stats.c - counts, and whether they are true.
 *
 * total = managed + reserved and managed = free + used hold exactly, always:
 *
 *     total      every frame of every row of the map that the firmware described
 *     managed    frames of extents, more what pmm_add() brought, less what pmm_reserve() took
 *     free       in areas that are made, in areas that are not, in the caches of processors
 *     used       managed - free
 *
 * They are sums over areas, taken one lock at a time: exact when no other processor allocates.
 */
#include "pmm_private.h"

/* --- statistics -------------------------------------------------------------------------- */

static unsigned largest_of_blocks(const struct pmm_area *area)
{
    for (unsigned order = SET_ORDER + 1; order-- > 0;)
        if (set_last_run(area->whole, area->whole_words, order, AREA_BLOCKS) != SET_NONE)
            return BLOCK_ORDER + order;
    return 0;
}

/* The largest order inside [first, end). */
static unsigned largest_between(uintptr_t first, uintptr_t end)
{
    for (unsigned order = PMM_MAX_ORDER; order > 0; order--) {
        uintptr_t start = (uintptr_t)align_up(first, (uint64_t)1 << order);

        if (start >= first && start < end && end - start >= (uintptr_t)1 << order)
            return order;
    }
    return 0;
}

static unsigned largest_partial(struct pmm_area *area)
{
    for (unsigned order = PARTIAL_ORDERS; order-- > 1;) {
        unsigned block = set_first(area->partial[order], area->partial_words[order]);

        for (; block != SET_NONE;
             block = set_first_from(area->partial[order], area->partial_words[order], block + 1)) {
            block_touch(area, block);
            if (set_first_run(area->lines[block].word, area->blocks[block].words, order,
                              BLOCK_FRAMES) != SET_NONE)
                return order;
        }
    }
    return 0;
}

static void add_area(struct pmm_area *area, struct pmm_stats *stats)
{
    irq_state_t irq = spin_lock(&area->lock);
    unsigned largest = area->whole_count != 0 ? largest_of_blocks(area) : 0;

    if (largest == 0 && stats->largest_free_order < PARTIAL_ORDERS)
        largest = largest_partial(area);
    stats->free_frames += area_free_frames(area);
    stats->free_2m_blocks += area->whole_count;
    stats->largest_free_order = max_u64(stats->largest_free_order, largest);
    if (area == pmm_state.low)
        stats->low_free_frames = area_free_frames(area);
    spin_unlock(&area->lock, irq);
}

/* Areas that are not made are as the extents say. */
static void add_fresh(struct pmm_stats *stats)
{
    for (const struct pmm_extent *extent = extent_above(LOW_FRAMES); extent < extent_end();
         extent++) {
        uintptr_t first = extent->first;

        while (extent->tag == FRAME_FREE && first < extent->end &&
               stats->largest_free_order < PMM_MAX_ORDER) {
            uintptr_t end = first + area_part(first, extent->end - first);

            if (area_if_ready(first >> AREA_ORDER) == NULL)
                stats->largest_free_order =
                    max_u64(stats->largest_free_order, largest_between(first, end));
            first = end;
        }
    }
}

uint64_t pmm_count_cached(unsigned id)
{
    const struct pmm_cpu *cpu;

    if (id >= __atomic_load_n(&pmm_state.cpus_end, __ATOMIC_ACQUIRE))
        return 0;
    cpu = __atomic_load_n(&pmm_state.cpus[id], __ATOMIC_ACQUIRE);
    if (cpu == NULL)
        return 0;
    return (uint64_t)__atomic_load_n(&cpu->count, __ATOMIC_RELAXED) +
           __atomic_load_n(&cpu->other_count, __ATOMIC_RELAXED) +
           (uint64_t)__atomic_load_n(&cpu->block_count, __ATOMIC_RELAXED) * BLOCK_FRAMES;
}

static void add_caches(struct pmm_stats *stats)
{
    unsigned end = __atomic_load_n(&pmm_state.cpus_end, __ATOMIC_ACQUIRE);

    for (unsigned id = 0; id < end; id++)
        stats->cached_frames += pmm_count_cached(id);
}

void pmm_get_stats(struct pmm_stats *stats)
{
    struct area_cursor cursor = { .low_done = false };
    struct pmm_area *area;
    irq_state_t irq;

    *stats = (struct pmm_stats){ 0 };
    if (pmm_state.general_frames == 0)
        return;
    irq = spin_lock(&pmm_state.lock);
    stats->total_frames = pmm_state.total_frames;
    stats->managed_frames = pmm_state.managed_frames;
    stats->metadata_bytes = pmm_state.metadata_bytes;
    stats->free_frames = pmm_state.fresh_free;
    stats->free_2m_blocks = pmm_state.fresh_whole;
    spin_unlock(&pmm_state.lock, irq);
    stats->bad_frees = __atomic_load_n(&pmm_state.bad_frees, __ATOMIC_RELAXED);
    while ((area = next_area(&cursor)) != NULL)
        add_area(area, stats);
    add_fresh(stats);
    add_caches(stats);
    stats->zeroed_frames = pmm_zero_count();
    stats->cached_frames += stats->zeroed_frames;
    stats->free_frames += stats->cached_frames;
    stats->used_frames = stats->managed_frames - stats->free_frames;
    stats->reserved_frames = stats->total_frames - stats->managed_frames;
}

/* --- tags -------------------------------------------------------------------------------- */

static void count_block_tags(struct pmm_area *area, unsigned block, uint64_t *counts)
{
    uint16_t use = block_use(area, block);
    const uint16_t *records = &area->records[block * BLOCK_FRAMES];

    if (use_is_huge(use)) {
        counts[record_tag(use)] += BLOCK_FRAMES;
        return;
    }
    if (use != USE_FRAMES)
        return;
    for (unsigned frame = 0; frame < BLOCK_FRAMES; frame++) {
        uint16_t record = record_load(&records[frame]);

        if (record != 0)
            counts[record_tag(record)]++;
    }
}

static void count_area_tags(struct pmm_area *area, uint64_t *counts)
{
    irq_state_t irq = spin_lock(&area->lock);

    for (unsigned block = area->block_start; block < area->block_end; block++)
        if (block_is_touched(area, block) || use_is_huge(block_use(area, block)))
            count_block_tags(area, block, counts);
    spin_unlock(&area->lock, irq);
}

/* Frames [first, end) of an extent that nobody has looked at yet. */
static uint64_t count_untouched(uintptr_t first, uintptr_t end)
{
    uint64_t count = 0;

    while (first < end) {
        uintptr_t next = min_frame(end, (first | (BLOCK_FRAMES - 1)) + 1);
        struct pmm_area *area = pmm_state.low;

        if (first >= LOW_FRAMES)
            area = area_if_ready(first >> AREA_ORDER);
        if (area == NULL || !block_is_touched(area, area_place(first) / BLOCK_FRAMES))
            count += next - first;
        first = next;
    }
    return count;
}

void pmm_count_tags(uint64_t counts[FRAME_TAG_COUNT])
{
    struct area_cursor cursor = { .low_done = false };
    struct pmm_area *area;
    struct pmm_stats stats;

    for (unsigned tag = 0; tag < FRAME_TAG_COUNT; tag++)
        counts[tag] = 0;
    if (pmm_state.general_frames == 0)
        return;
    while ((area = next_area(&cursor)) != NULL)
        count_area_tags(area, counts);
    for (const struct pmm_extent *extent = pmm_state.extents; extent < extent_end(); extent++)
        if (extent->tag != FRAME_FREE)
            counts[extent->tag] += count_untouched(extent->first, extent->end);
    for (unsigned tag = 0; tag < FRAME_TAG_COUNT; tag++)
        if (frame_tag_is_foreign((enum frame_tag)tag))
            counts[tag] = 0; /* not in use: not managed */
    pmm_get_stats(&stats);
    counts[FRAME_FREE] = stats.free_frames;
}
