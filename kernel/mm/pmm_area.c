/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pmm_area.c - areas of 1 GiB, made when they are first wanted.
 *
 * What an area starts from is the table of extents: stretches of memory that are free, or held by
 * somebody since before the PMM (the kernel image, its first page tables, what the bump allocator
 * gave out). Making an area copies the extents that cross it into sets and counts:
 *
 *     extents     ---free----------------|--kernel--|-----free------------
 *     blocks         |    |    |    |    |    |    |    |    |    |
 *                  p    W    W    W    p         p    W    W    W    W
 *
 *     W  wholly free: state, count, bit of `whole`
 *     p  partly free: count, filed with the highest bound; its line and records wait for its first use
 *
 * The memory for it was set aside by pmm_init() in one piece a span of areas; where an area's part
 * begins is arithmetic, so that nothing is written for areas that nobody asks for. The first area of a
 * span has metadata from its first block with memory on, the last one up to its last:
 *
 *     base
 *     | area 4, blocks 3 .. 511 | area 5, all blocks | ... | area 9, blocks 0 .. 17 |
 *
 *     of n blocks:  struct pmm_area | n lines | n * 512 records | n struct pmm_block | n uses
 *
 * Cost of making: about 5 KiB written, once an area.
 */
#include "pmm_private.h"

#include "arch/mmu.h"
#include "lib/string.h"

uint64_t area_metadata_bytes(unsigned blocks)
{
    uint64_t each = sizeof(struct pmm_line) + BLOCK_FRAMES * sizeof(uint16_t) +
                    sizeof(struct pmm_block) + sizeof(uint16_t);

    return align_up(sizeof(struct pmm_area) + blocks * each, sizeof(struct pmm_line));
}

uint64_t span_metadata_bytes(const struct pmm_span *span)
{
    uint64_t between = span->last_area - span->first_area;

    if (between == 0)
        return area_metadata_bytes(span->block_end - span->block_start);
    return area_metadata_bytes(AREA_BLOCKS - span->block_start) +
           (between - 1) * area_metadata_bytes(AREA_BLOCKS) + area_metadata_bytes(span->block_end);
}

const struct pmm_extent *extent_above(uintptr_t frame)
{
    size_t low = 0;
    size_t high = pmm_state.extent_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (pmm_state.extents[middle].end > frame)
            high = middle;
        else
            low = middle + 1;
    }
    return pmm_state.extents + low;
}

/* The span that the area belongs to, or NULL. */
static const struct pmm_span *span_of(uintptr_t number)
{
    size_t low = 0;
    size_t high = pmm_state.span_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (pmm_state.spans[middle].last_area >= number)
            high = middle;
        else
            low = middle + 1;
    }
    if (low == pmm_state.span_count || pmm_state.spans[low].first_area > number)
        return NULL;
    return &pmm_state.spans[low];
}

/* --- making an area ---------------------------------------------------------------------- */

static void add_free_block(struct pmm_area *area, unsigned block, unsigned frames)
{
    struct pmm_block *self = &area->blocks[block];

    if (frames == BLOCK_FRAMES) {
        block_set_use(area, block, USE_WHOLE);
        area->whole_count++;
        set_add(area->whole, &area->whole_words, block);
        return;
    }
    area->loose_frames += frames;
    self->free = (uint16_t)(self->free + frames);
    self->bound = PARTIAL_ORDERS - 1;
    for (unsigned order = 0; order < PARTIAL_ORDERS; order++)
        set_add(area->partial[order], &area->partial_words[order], block);
}

static void add_free(struct pmm_area *area, uintptr_t first, uintptr_t end)
{
    while (first < end) {
        uintptr_t next = min_frame((first | (BLOCK_FRAMES - 1)) + 1, end);

        add_free_block(area, area_place(first) / BLOCK_FRAMES, (unsigned)(next - first));
        first = next;
    }
}

void area_build(struct pmm_area *area, uintptr_t start, uintptr_t end, unsigned block_start,
                unsigned block_end)
{
    unsigned blocks = block_end - block_start;
    uintptr_t lines = (uintptr_t)(area + 1);
    uintptr_t records = lines + blocks * sizeof(struct pmm_line);
    uintptr_t table = records + blocks * BLOCK_FRAMES * sizeof(uint16_t);
    uintptr_t uses = table + blocks * sizeof(struct pmm_block);

    memset(area, 0, sizeof(*area));
    memset((void *)table, 0, uses + blocks * sizeof(uint16_t) - table);
    area->lock = (struct spinlock)SPINLOCK_INIT(LOCK_RANK_PMM_AREA, "one area of frames");
    area->first = start & ~(uintptr_t)(AREA_FRAMES - 1);
    area->block_start = (uint16_t)block_start;
    area->block_end = (uint16_t)block_end;
    area->lines = (struct pmm_line *)(lines - block_start * sizeof(struct pmm_line));
    area->blocks = (struct pmm_block *)(table - block_start * sizeof(struct pmm_block));
    area->uses = (uint16_t *)(uses - block_start * sizeof(uint16_t));
    area->records = (uint16_t *)(records - block_start * BLOCK_FRAMES * sizeof(uint16_t));
    for (const struct pmm_extent *extent = extent_above(start);
         extent < extent_end() && extent->first < end; extent++) {
        if (extent->tag == FRAME_FREE)
            add_free(area, max_frame(extent->first, start), min_frame(extent->end, end));
        else
            area->crosses_end |= extent->end > end;
    }
    if (area->partial_words[0] != 0)
        area->announced |= (uint32_t)low_mask(PARTIAL_ORDERS);
    if (area->whole_count == AREA_BLOCKS)
        area->announced |= 1u << AREA_ORDER;
    if (area->whole_count != 0)
        area->announced |= (uint32_t)(low_mask(AREA_ORDER) & ~low_mask(PARTIAL_ORDERS));
}

/* Where the metadata of area `number` of a span lies, and which blocks it covers. */
static struct pmm_area *locate(const struct pmm_span *span, uintptr_t number, unsigned *block_start,
                               unsigned *block_end)
{
    uint64_t offset = 0;

    *block_start = number == span->first_area ? span->block_start : 0;
    *block_end = number == span->last_area ? span->block_end : AREA_BLOCKS;
    if (number > span->first_area)
        offset = area_metadata_bytes(AREA_BLOCKS - span->block_start) +
                 (number - span->first_area - 1) * area_metadata_bytes(AREA_BLOCKS);
    return arch_phys_ptr(pa_add(span->base, offset));
}

/* Makes an area known to everybody. pmm_state.lock is held. */
static void publish(struct pmm_area *area, uintptr_t number)
{
    pmm_state.directory[number] = area;
    pmm_state.fresh_free -= area_free_frames(area);
    pmm_state.fresh_whole -= area->whole_count;
    for (uint32_t orders = area->announced; orders != 0; orders &= orders - 1)
        index_add((enum pmm_index)(INDEX_ORDER_0 + lowest_bit(orders)), number);
    index_remove(INDEX_FRESH, number);
    __atomic_store_n(&pmm_state.ready[number], 1, __ATOMIC_RELEASE);
}

struct pmm_area *area_make(uintptr_t number)
{
    const struct pmm_span *span;
    struct pmm_area *area = area_if_ready(number);
    irq_state_t irq;

    if (area != NULL)
        return area;
    span = span_of(number);
    if (span == NULL)
        return NULL;
    irq = spin_lock(&pmm_state.lock);
    area = area_if_ready(number);
    if (area == NULL) {
        uintptr_t start = number << AREA_ORDER;
        unsigned block_start;
        unsigned block_end;

        area = locate(span, number, &block_start, &block_end);
        area_build(area, max_frame(start, LOW_FRAMES), start + AREA_FRAMES, block_start, block_end);
        publish(area, number);
    }
    spin_unlock(&pmm_state.lock, irq);
    return area;
}

struct pmm_area *area_of(uintptr_t frame)
{
    uintptr_t number = frame >> AREA_ORDER;
    struct pmm_area *area = pmm_state.low;

    if (frame >= LOW_FRAMES)
        area = number < pmm_state.area_count ? area_make(number) : NULL;
    if (area == NULL || !area_has_block(area, area_place(frame) / BLOCK_FRAMES))
        return NULL;
    return area;
}

struct pmm_area *next_area(struct area_cursor *cursor)
{
    if (!cursor->low_done) {
        cursor->low_done = true;
        if (pmm_state.low != NULL)
            return pmm_state.low;
    }
    for (; cursor->number < pmm_state.area_count; cursor->number++)
        if (area_is_ready(cursor->number))
            return pmm_state.directory[cursor->number++];
    return NULL;
}
