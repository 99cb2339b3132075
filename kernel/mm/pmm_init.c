/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pmm_init.c - from the map of memory to a manager of frames, in O(regions).
 *
 *   1 spans     rows of RAM, joined where areas join, are what needs metadata
 *   2 memory    one piece for the tables below, one a span, from the bump allocator: set aside, not
 *               written
 *   3 extents   rows that are free, less what the bump allocator gave out, and rows that are held
 *   4 index     one bit for each area in which something is free
 *
 * Nothing else is written: neither frames, nor blocks, nor areas. A machine of 1 TiB starts as one of
 * 1 GiB does.
 *
 * Who a row of the map belongs to:
 *
 *   region_is_free(), and what the bump allocator left of the arena     managed, free
 *   REGION_TAG_LOW                                    managed, free, the pool below 1 MiB
 *   KERNEL, PAGE_TABLES, STACK, HANDOFF, MODULE       managed, in use with a tag: their frames can be
 *                                                     freed, one by one or each row as a run
 *   what the bump allocator gave out                  managed, in use, FRAME_KERNEL
 *   all others, page 0                                reserved: total - managed
 *
 * Any failure of the bump allocator leaves the PMM as it was: not started.
 */
#include "pmm_private.h"

#include "arch/mmu.h"
#include "lib/string.h"
#include "mm/bump.h"

struct pmm_state pmm_state;

/* --- rows -------------------------------------------------------------------------------- */

/* The tag of frames that somebody holds since before the PMM; FRAME_FREE for free rows, and
 * FRAME_RESERVED for what the PMM has nothing to do with. */
static enum frame_tag tag_of_row(const struct region *row)
{
    if (region_is_free(row) || row->tag == REGION_TAG_LOW)
        return FRAME_FREE;
    if (row->type != E820_USABLE)
        return FRAME_RESERVED;
    switch (row->tag) {
    case REGION_TAG_ARENA:
        return FRAME_FREE;
    case REGION_TAG_KERNEL:
    case REGION_TAG_HANDOFF:
    case REGION_TAG_MODULE:
        return FRAME_KERNEL;
    case REGION_TAG_PAGE_TABLES:
        return FRAME_PAGE_TABLE;
    case REGION_TAG_STACK:
        return FRAME_STACK;
    }
    return FRAME_RESERVED;
}

/* Frames of the row: what is beyond the largest directory is cut, and page 0. */
static uintptr_t row_first(const struct region *row)
{
    uint64_t frame = min_u64(row->base >> PAGE_SHIFT, (uint64_t)AREAS_MAX << AREA_ORDER);

    return max_frame((uintptr_t)frame, 1);
}

static uintptr_t row_end(const struct region *row)
{
    uint64_t frame = (row->base + row->size_bytes) >> PAGE_SHIFT;

    return (uintptr_t)min_u64(frame, (uint64_t)AREAS_MAX << AREA_ORDER);
}

/* Whether the frames of the row are, or may one day be, the PMM's. */
static bool row_wants_metadata(const struct region *row)
{
    return (tag_of_row(row) != FRAME_RESERVED || region_is_ram(row)) &&
           row_end(row) > row_first(row);
}

/* --- spans ------------------------------------------------------------------------------- */

/* The next span of the map, from row *index on, which follows; false when there is none. */
static bool next_span(const struct memmap *map, size_t *index, struct pmm_span *span)
{
    uintptr_t start = 0;
    uintptr_t end = 0; /* of the span, in blocks */

    for (; *index < map->count; ++*index) {
        const struct region *row = &map->regions[*index];
        uintptr_t first = max_frame(row_first(row), LOW_FRAMES) / BLOCK_FRAMES;
        uintptr_t stop = (row_end(row) + BLOCK_FRAMES - 1) / BLOCK_FRAMES;
        bool joins = end != 0 && (first / AREA_BLOCKS == (end - 1) / AREA_BLOCKS ||
                                  (end % AREA_BLOCKS == 0 && first == end));

        if (!row_wants_metadata(row) || row_end(row) <= LOW_FRAMES)
            continue;
        if (end != 0 && !joins)
            break;
        start = end == 0 ? first : start;
        end = max_frame(stop, end);
    }
    if (end == 0)
        return false;
    *span = (struct pmm_span){
        .first_area = start / AREA_BLOCKS,
        .last_area = (end - 1) / AREA_BLOCKS,
        .block_start = (unsigned)(start % AREA_BLOCKS),
        .block_end = (unsigned)((end - 1) % AREA_BLOCKS) + 1,
    };
    return true;
}

/* What the tables need room for. */
struct plan {
    size_t spans;
    size_t extents;
    uintptr_t areas;
    bool low;
};

static struct plan make_plan(const struct memmap *map)
{
    /* A range of the bump allocator cuts a row in two and is an extent of its own. */
    struct plan plan = { .extents = 2 * (size_t)BUMP_MAX_RANGES };
    struct pmm_span span;
    size_t index = 0;

    while (next_span(map, &index, &span)) {
        plan.spans++;
        plan.areas = span.last_area + 1;
    }
    for (index = 0; index < map->count; index++) {
        const struct region *row = &map->regions[index];

        if (!row_wants_metadata(row))
            continue;
        plan.extents += row_first(row) < LOW_FRAMES && row_end(row) > LOW_FRAMES ? 2 : 1;
        plan.low |= row_first(row) < LOW_FRAMES;
    }
    return plan;
}

/* --- memory for the tables --------------------------------------------------------------- */

/* `bytes` at the cursor, which moves on; lines do not straddle cache lines. */
static void *carve(uint64_t *cursor, uint64_t base, uint64_t bytes)
{
    uint64_t offset = *cursor;

    *cursor = align_up(offset + bytes, sizeof(struct pmm_line));
    return base != 0 ? arch_phys_ptr(pa(base + offset)) : NULL;
}

/* Lays the tables out from `base` on; with base 0 only their size is found. */
static uint64_t lay_out(struct pmm_state *state, const struct plan *plan, uint64_t base)
{
    uint64_t cursor = 0;

    state->area_count = plan->areas;
    state->leaf_words = (plan->areas + FLAG_BITS - 1) / FLAG_BITS;
    state->top_words = (state->leaf_words + FLAG_BITS - 1) / FLAG_BITS;
    state->ready = carve(&cursor, base, plan->areas);
    state->index_tops = carve(&cursor, base, INDEX_COUNT * state->top_words * sizeof(uint32_t));
    state->spans = carve(&cursor, base, plan->spans * sizeof(struct pmm_span));
    state->extents = carve(&cursor, base, plan->extents * sizeof(struct pmm_extent));
    state->low = carve(&cursor, base, plan->low ? area_metadata_bytes(1) : 0);
    state->directory = carve(&cursor, base, plan->areas * sizeof(struct pmm_area *));
    state->index_leaves = carve(&cursor, base, INDEX_COUNT * state->leaf_words * sizeof(uint32_t));
    if (!plan->low)
        state->low = NULL;
    return cursor;
}

static enum status allocate_tables(struct pmm_state *state, const struct plan *plan)
{
    uint64_t bytes = lay_out(state, plan, 0);
    enum status status;
    paddr_t base;

    status = bump_alloc(bytes, sizeof(struct pmm_line), &base);
    if (status != STATUS_OK)
        return status;
    lay_out(state, plan, pa_value(base));
    state->metadata_bytes = bytes;
    memset(state->ready, 0, plan->areas);
    memset(state->index_tops, 0, INDEX_COUNT * state->top_words * sizeof(uint32_t));
    return STATUS_OK;
}

static enum status allocate_spans(struct pmm_state *state, const struct memmap *map)
{
    size_t index = 0;

    struct pmm_span span;

    while (next_span(map, &index, &span)) {
        enum status status =
            bump_alloc(span_metadata_bytes(&span), sizeof(struct pmm_line), &span.base);

        if (status != STATUS_OK)
            return status;
        state->metadata_bytes += span_metadata_bytes(&span);
        state->spans[state->span_count++] = span;
    }
    return STATUS_OK;
}

/* --- extents ----------------------------------------------------------------------------- */

/* What the bump allocator gave out, in frames, ascending. */
struct used_ranges {
    size_t count;
    struct {
        uintptr_t first;
        uintptr_t end;
    } range[BUMP_MAX_RANGES];
};

static void note_used(void *context, paddr_t base, uint64_t size_bytes)
{
    struct used_ranges *used = context;

    used->range[used->count].first = pfn_value(pa_to_pfn(base));
    used->range[used->count].end = pfn_value(pa_to_pfn(pa_add(base, size_bytes)));
    used->count++;
}

static void append_extent(struct pmm_state *state, uintptr_t first, uintptr_t end,
                          enum frame_tag tag)
{
    struct pmm_extent *last = state->extents + state->extent_count;

    if (first >= end)
        return;
    if (state->extent_count > 0 && tag == FRAME_FREE && last[-1].tag == FRAME_FREE &&
        last[-1].end == first && first != LOW_FRAMES)
        last[-1].end = end;
    else
        state->extents[state->extent_count++] =
            (struct pmm_extent){ .first = first, .end = end, .tag = tag };
    state->managed_frames += end - first;
}

/* Appends [first, end), cut at 1 MiB, where one pool ends and the other begins. */
static void append_cut(struct pmm_state *state, uintptr_t first, uintptr_t end, enum frame_tag tag)
{
    append_extent(state, first, min_frame(end, LOW_FRAMES), tag);
    append_extent(state, max_frame(first, LOW_FRAMES), end, tag);
}

static void append_free_row(struct pmm_state *state, uintptr_t first, uintptr_t end,
                            const struct used_ranges *used)
{
    for (size_t i = 0; i < used->count && first < end; i++) {
        uintptr_t cut = max_frame(used->range[i].first, first);
        uintptr_t stop = min_frame(used->range[i].end, end);

        if (cut >= stop)
            continue;
        append_cut(state, first, cut, FRAME_FREE);
        append_cut(state, cut, stop, FRAME_KERNEL);
        first = stop;
    }
    append_cut(state, first, end, FRAME_FREE);
}

static void make_extents(struct pmm_state *state, const struct memmap *map)
{
    struct used_ranges used = { .count = 0 };

    bump_used(note_used, &used);
    for (size_t index = 0; index < map->count; index++) {
        const struct region *row = &map->regions[index];
        enum frame_tag tag = tag_of_row(row);

        if (region_is_described(row))
            state->total_frames += row->size_bytes >> PAGE_SHIFT;
        if (tag == FRAME_FREE)
            append_free_row(state, row_first(row), row_end(row), &used);
        else if (tag != FRAME_RESERVED)
            append_cut(state, row_first(row), row_end(row), tag);
    }
}

/* --- the areas to come ------------------------------------------------------------------- */

/* Every area with something free in it is fresh: to be made when it is wanted. */
static void index_fresh_areas(struct pmm_state *state)
{
    for (const struct pmm_extent *extent = extent_above(LOW_FRAMES); extent < extent_end();
         extent++) {
        uintptr_t first_whole = (extent->first + BLOCK_FRAMES - 1) / BLOCK_FRAMES;
        uintptr_t whole_end = extent->end / BLOCK_FRAMES;

        if (extent->tag != FRAME_FREE)
            continue;
        index_add_range(INDEX_FRESH, extent->first >> AREA_ORDER,
                        ((extent->end - 1) >> AREA_ORDER) + 1);
        state->fresh_free += extent->end - extent->first;
        state->fresh_whole += whole_end > first_whole ? whole_end - first_whole : 0;
    }
}

/* As if nothing had been started before. */
static void forget(struct pmm_state *state)
{
    for (unsigned id = 0; id < state->cpus_end; id++)
        state->cpus[id] = NULL;
    state->cpus_end = 0;
    memset(state, 0, offsetof(struct pmm_state, cpus));
}

enum status pmm_init(const struct memmap *map)
{
    struct pmm_state *state = &pmm_state;
    struct plan plan = make_plan(map);
    enum status status;

    forget(state);
    pmm_nodes.count = 0;
    pmm_sites_on = false;
    if (plan.areas == 0)
        return STATUS_NO_MEMORY;
    state->lock = (struct spinlock)SPINLOCK_INIT(LOCK_RANK_PMM, "the directory of areas");
    state->map = map;
    status = allocate_tables(state, &plan);
    if (status == STATUS_OK)
        status = allocate_spans(state, map);
    if (status != STATUS_OK) {
        forget(state);
        return status;
    }
    make_extents(state, map);
    bump_close();
    index_fresh_areas(state);
    if (state->low != NULL)
        area_build(state->low, 0, LOW_FRAMES, 0, 1);
    cpu_cache_init();
    pmm_zero_init();
    state->general_frames = (plan.areas << AREA_ORDER) - LOW_FRAMES;
    return STATUS_OK;
}
