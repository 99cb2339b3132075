/* SPDX-License-Identifier: BSD-2-Clause
 *
 * grid.c - frames as tiles: how much of each is used, and what for.
 *
 * The PMM tells its free runs in ascending order; what lies between two is used, or not the PMM's:
 *
 *     free runs   ------      --------        ---
 *     gaps              ======        ========   =====
 *     tiles     |     |     |     |     |     |     |
 *
 * Of the part of a gap in a tile a few frames are asked, evenly spread. The tag that most frames have
 * is found in one pass and one word a tile: each answer votes with the frames it stands for, against
 * the candidate or for it (Boyer and Moore's majority vote). At one frame a tile everything is exact.
 */
#include "view/model.h"

#include "lib/bits.h"

#define SAMPLES 8u

struct fill {
    const struct memmap *map;
    struct view_grid *grid;
    uint64_t end;  /* of the grid, in frames */
    uint64_t next; /* frames below it are counted */
};

static bool is_described(const struct memmap *map, uint64_t frame, const struct frame_info *info)
{
    return info->managed || memmap_find(map, pa(frame << PAGE_SHIFT)) != NULL;
}

static void vote(struct view_tile *tile, enum frame_tag tag, uint32_t weight)
{
    if (tile->tag == tag) {
        tile->weight += weight;
    } else if (tile->weight >= weight) {
        tile->weight -= weight;
    } else {
        tile->tag = (uint8_t)tag;
        tile->weight = weight - tile->weight;
    }
}

/* `count` frames from `frame` on are like this one. */
static void add_sample(const struct fill *fill, struct view_tile *tile, uint64_t frame,
                       uint32_t count)
{
    struct frame_info info;

    frame_describe(pfn((uintptr_t)frame), &info);
    if (info.tag == FRAME_FREE) { /* in another processor's magazine */
        tile->free_frames += count;
        return;
    }
    if (!is_described(fill->map, frame, &info))
        return;
    tile->used_frames += count;
    if (info.references > tile->references)
        tile->references = (uint16_t)info.references;
    vote(tile, info.tag, count);
}

/* [first, end) lies in one tile and is not free. */
static void add_used(const struct fill *fill, struct view_tile *tile, uint64_t first, uint64_t end)
{
    uint64_t step = (end - first + SAMPLES - 1) / SAMPLES;

    for (uint64_t frame = first; frame < end; frame += step)
        add_sample(fill, tile, frame, (uint32_t)min_u64(step, end - frame));
}

/* [first, end) in tiles. */
static void add_run(const struct fill *fill, uint64_t first, uint64_t end, bool is_free)
{
    const struct view_grid *grid = fill->grid;

    while (first < end) {
        size_t index = (size_t)((first - grid->first_frame) >> grid->shift);
        uint64_t tile_end = grid->first_frame + ((uint64_t)(index + 1) << grid->shift);
        uint64_t part_end = min_u64(tile_end, end);

        if (is_free)
            grid->tiles[index].free_frames += (uint32_t)(part_end - first);
        else
            add_used(fill, &grid->tiles[index], first, part_end);
        first = part_end;
    }
}

static bool visit_free(void *context, pfn_t first, uint64_t count_frames)
{
    struct fill *fill = context;
    uint64_t start = max_u64(pfn_value(first), fill->next);
    uint64_t end = min_u64(pfn_value(first) + count_frames, fill->end);

    if (start >= fill->end)
        return false;
    if (start < end) {
        add_run(fill, fill->next, start, false);
        add_run(fill, start, end, true);
        fill->next = end;
    }
    return fill->next < fill->end;
}

void view_fill_grid(const struct memmap *map, struct view_grid *grid)
{
    struct fill fill = { .map = map,
                         .grid = grid,
                         .end = grid->first_frame + ((uint64_t)grid->count << grid->shift),
                         .next = grid->first_frame };

    for (unsigned i = 0; i < grid->count; i++)
        grid->tiles[i] = (struct view_tile){ .tag = FRAME_FREE };
    pmm_visit_free(visit_free, &fill);
    add_run(&fill, fill.next, fill.end, false);
}

/* --- colours ----------------------------------------------------------------------------- */

enum view_colour view_tag_colour(enum frame_tag tag)
{
    static const uint8_t colours[FRAME_TAG_COUNT] = {
        [FRAME_FREE] = VIEW_FREE,         [FRAME_KERNEL] = VIEW_KERNEL,
        [FRAME_USER] = VIEW_USER,         [FRAME_PAGE_TABLE] = VIEW_TABLE,
        [FRAME_SLAB] = VIEW_SLAB,         [FRAME_HEAP] = VIEW_HEAP,
        [FRAME_STACK] = VIEW_STACK,       [FRAME_DMA] = VIEW_DMA,
        [FRAME_CACHE] = VIEW_CACHE,       [FRAME_GUARD] = VIEW_GUARD,
        [FRAME_DEVICE] = VIEW_DEVICE,     [FRAME_FIRMWARE] = VIEW_FIRMWARE,
        [FRAME_RESERVED] = VIEW_RESERVED, [FRAME_BAD] = VIEW_BAD,
        [FRAME_TEST] = VIEW_TEST,
    };

    return (enum view_colour)colours[tag];
}

enum view_colour view_tile_colour(const struct view_tile *tile)
{
    if (tile->used_frames > 0)
        return view_tag_colour((enum frame_tag)tile->tag);
    return tile->free_frames > 0 ? VIEW_FREE : VIEW_HOLE;
}
