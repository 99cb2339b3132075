/* SPDX-License-Identifier: BSD-2-Clause
 *
 * dashboard.c - what is shown, and what keys do to it.
 *
 * Zooming: the whole machine at zoom 0 in tiles of 2^s frames, so that it fits; each step in shows tiles of
 * an eighth, down to one frame. The last step shows a single block of 2 MiB, 32 x 16 frames, large
 * enough for their reference counts. The window of tiles stays where it is while the chosen frame is in it;
 * otherwise it begins anew around that. Rows of tiles are a power of two long, so that their
 * addresses are round.
 */
#include "view/dashboard.h"

#include "lib/bits.h"
#include "page.h"

#define ZOOM_SHIFT    3u /* a step in: an eighth */
#define BLOCK_COLUMNS 32u
#define BLOCK_ROWS    16u
#define BLOCK_FRAMES  (BLOCK_COLUMNS * BLOCK_ROWS)

/* --- the grid's geometry ----------------------------------------------------------------- */

static unsigned columns_for(unsigned columns)
{
    unsigned room = columns - GRID_LABEL_COLUMNS - GRID_MARGIN_COLUMNS;

    return 1u << highest_bit(room);
}

static unsigned rows_for(unsigned rows)
{
    return 2 * (rows - GRID_FIRST_ROW - GRID_ROWS_BELOW);
}

unsigned dashboard_tiles(unsigned columns, unsigned rows)
{
    unsigned count = columns_for(columns) * rows_for(rows);

    return count < BLOCK_FRAMES ? BLOCK_FRAMES : count;
}

/* The smallest tiles at which all memory fits. */
static unsigned widest_shift(const struct dashboard *dashboard)
{
    uint64_t frames = dashboard->model.ram_end >> PAGE_SHIFT;
    uint64_t tiles = (uint64_t)dashboard->grid_columns * dashboard->grid_rows;
    unsigned shift = 0;

    while (tiles << shift < frames)
        shift++;
    return shift;
}

unsigned dashboard_zoom_most(const struct dashboard *dashboard)
{
    return (widest_shift(dashboard) + ZOOM_SHIFT - 1) / ZOOM_SHIFT + 1;
}

bool dashboard_shows_block(const struct dashboard *dashboard)
{
    return dashboard->page == DASHBOARD_FRAMES && dashboard->zoom == dashboard_zoom_most(dashboard);
}

static void place_block(struct dashboard *dashboard)
{
    dashboard->grid.shift = 0;
    dashboard->grid.count = BLOCK_FRAMES;
    dashboard->grid.first_frame = align_down(dashboard->frame, BLOCK_FRAMES);
}

static void place_window(struct dashboard *dashboard)
{
    struct view_grid *grid = &dashboard->grid;
    unsigned widest = widest_shift(dashboard);
    unsigned closer = dashboard->zoom * ZOOM_SHIFT;
    unsigned shift = closer < widest ? widest - closer : 0;
    uint64_t row = (uint64_t)dashboard->grid_columns << shift;
    uint64_t frames = row * dashboard->grid_rows;
    uint64_t total = align_up(dashboard->model.ram_end >> PAGE_SHIFT, row);
    bool inside =
        dashboard->frame >= grid->first_frame && dashboard->frame - grid->first_frame < frames;

    if (!inside || grid->shift != shift || !is_aligned(grid->first_frame, row)) {
        uint64_t middle = align_down(dashboard->frame, row);

        grid->first_frame = middle > frames / 2 ? align_down(middle - frames / 2, row) : 0;
    }
    if (grid->first_frame + frames > total)
        grid->first_frame = total > frames ? total - frames : 0;
    grid->shift = shift;
    grid->count = (unsigned)(min_u64(frames, total - grid->first_frame) >> shift);
}

/* The whole machine, smaller. */
static void place_overview(struct dashboard *dashboard)
{
    struct view_grid *grid = &dashboard->grid;
    uint64_t frames = dashboard->model.ram_end >> PAGE_SHIFT;
    uint64_t tiles = (uint64_t)dashboard->small_columns * SMALL_GRID_ROWS;

    grid->first_frame = 0;
    grid->shift = 0;
    while (tiles << grid->shift < frames)
        grid->shift++;
    grid->count = (unsigned)(align_up(frames, (uint64_t)dashboard->small_columns << grid->shift) >>
                             grid->shift);
}

static void place_grid(struct dashboard *dashboard)
{
    if (dashboard->page == DASHBOARD_OVERVIEW)
        place_overview(dashboard);
    else if (dashboard_shows_block(dashboard))
        place_block(dashboard);
    else
        place_window(dashboard);
}

unsigned dashboard_tiles_in_row(const struct dashboard *dashboard)
{
    if (dashboard->page == DASHBOARD_OVERVIEW)
        return dashboard->small_columns;
    return dashboard_shows_block(dashboard) ? BLOCK_COLUMNS : dashboard->grid_columns;
}

/* --- keys -------------------------------------------------------------------------------- */

static void move_frame(struct dashboard *dashboard, bool forward, uint64_t frames)
{
    uint64_t last = (dashboard->model.ram_end >> PAGE_SHIFT) - 1;

    if (!forward)
        dashboard->frame -= min_u64(dashboard->frame, frames);
    else if (last - dashboard->frame >= frames)
        dashboard->frame += frames;
    else
        dashboard->frame = last;
}

static void key_on_frames(struct dashboard *dashboard, unsigned key)
{
    uint64_t tile = (uint64_t)1 << dashboard->grid.shift;
    uint64_t row = tile * dashboard_tiles_in_row(dashboard);

    if (key == DASHBOARD_LEFT || key == DASHBOARD_RIGHT)
        move_frame(dashboard, key == DASHBOARD_RIGHT, tile);
    else if (key == DASHBOARD_UP || key == DASHBOARD_DOWN)
        move_frame(dashboard, key == DASHBOARD_DOWN, row);
}

/* The frames page shows what is chosen on the overview, and the other way around. */
static void choose_row(struct dashboard *dashboard, size_t row)
{
    uint64_t base = dashboard->map->regions[row].base;

    dashboard->row = row;
    if (base < dashboard->model.ram_end)
        dashboard->frame = base >> PAGE_SHIFT;
}

static void choose_frame(struct dashboard *dashboard)
{
    const struct region *row = memmap_find(dashboard->map, pa(dashboard->frame << PAGE_SHIFT));

    if (row != NULL)
        dashboard->row = (size_t)(row - dashboard->map->regions);
}

static void key_on_overview(struct dashboard *dashboard, unsigned key)
{
    bool back = key == DASHBOARD_LEFT || key == DASHBOARD_UP;
    bool forward = key == DASHBOARD_RIGHT || key == DASHBOARD_DOWN;

    if (back && dashboard->row > 0)
        choose_row(dashboard, dashboard->row - 1);
    else if (forward && dashboard->row + 1 < dashboard->map->count)
        choose_row(dashboard, dashboard->row + 1);
}

static void zoom(struct dashboard *dashboard, bool nearer)
{
    if (dashboard->page != DASHBOARD_FRAMES)
        dashboard->page = DASHBOARD_FRAMES;
    else if (nearer && !dashboard_shows_block(dashboard))
        dashboard->zoom++;
    else if (!nearer && dashboard->zoom > 0)
        dashboard->zoom--;
}

void dashboard_key(struct dashboard *dashboard, unsigned key)
{
    dashboard->touring = false;
    if (key >= DASHBOARD_PAGE && key < DASHBOARD_PAGE + DASHBOARD_PAGE_COUNT)
        dashboard->page = (enum dashboard_page)(key - DASHBOARD_PAGE);
    else if (key == DASHBOARD_NEXT_PAGE)
        dashboard->page = (dashboard->page + 1) % DASHBOARD_PAGE_COUNT;
    else if (key == DASHBOARD_NEARER || key == DASHBOARD_FARTHER)
        zoom(dashboard, key == DASHBOARD_NEARER);
    else if (dashboard->page == DASHBOARD_FRAMES)
        key_on_frames(dashboard, key);
    else if (dashboard->page == DASHBOARD_OVERVIEW)
        key_on_overview(dashboard, key);
    if (dashboard->page == DASHBOARD_FRAMES)
        choose_frame(dashboard);
    place_grid(dashboard);
}

/* --- the tour ---------------------------------------------------------------------------- */

/* A used frame to begin with, and to zoom at: the kernel's own image. */
static uint64_t interesting_frame(const struct dashboard *dashboard)
{
    for (size_t i = 0; i < dashboard->map->count; i++)
        if (dashboard->map->regions[i].tag == REGION_TAG_KERNEL)
            return dashboard->map->regions[i].base >> PAGE_SHIFT;
    return 0;
}

void dashboard_tour(struct dashboard *dashboard)
{
    unsigned zooms = dashboard_zoom_most(dashboard) + 1;
    unsigned steps = 1 + zooms + 2; /* overview; frames, each zoom; heap, log */
    unsigned step = dashboard->tour_step % steps;

    dashboard->touring = true;
    dashboard->tour_step = step + 1;
    dashboard->note = NULL;
    dashboard->page = step == 0           ? DASHBOARD_OVERVIEW
                      : step <= zooms     ? DASHBOARD_FRAMES
                      : step == zooms + 1 ? DASHBOARD_HEAP
                                          : DASHBOARD_LOG;
    if (dashboard->page == DASHBOARD_FRAMES) {
        dashboard->zoom = step - 1;
        dashboard->frame = interesting_frame(dashboard);
        choose_frame(dashboard);
    }
    place_grid(dashboard);
}

/* --- interface --------------------------------------------------------------------------- */

uint64_t dashboard_address(const struct dashboard *dashboard)
{
    if (dashboard->page == DASHBOARD_FRAMES)
        return dashboard->frame << PAGE_SHIFT;
    return dashboard->map->regions[dashboard->row].base;
}

void dashboard_init(struct dashboard *dashboard, const struct memmap *map, struct view_tile *tiles,
                    unsigned columns, unsigned rows)
{
    *dashboard =
        (struct dashboard){ .map = map,
                            .grid.tiles = tiles,
                            .grid_columns = columns_for(columns),
                            .grid_rows = rows_for(rows),
                            .small_columns = 1u << highest_bit(columns - COUNTERS_COLUMNS - 7),
                            .tile_capacity = dashboard_tiles(columns, rows) };
    view_model_fill(&dashboard->model, map, 0);
    dashboard->frame = interesting_frame(dashboard);
    choose_frame(dashboard);
    place_grid(dashboard);
}

void dashboard_refresh(struct dashboard *dashboard, uint64_t seconds)
{
    view_model_fill(&dashboard->model, dashboard->map, seconds);
    place_grid(dashboard);
    view_fill_grid(dashboard->map, &dashboard->grid);
}

void dashboard_draw(const struct dashboard *dashboard, struct view_sheet *sheet)
{
    static void (*const pages[])(const struct dashboard *, struct view_sheet *) = {
        [DASHBOARD_OVERVIEW] = page_draw_overview,
        [DASHBOARD_FRAMES] = page_draw_frames,
        [DASHBOARD_HEAP] = page_draw_heap,
        [DASHBOARD_LOG] = page_draw_log,
    };

    sheet_clear(sheet);
    page_draw_title(dashboard, sheet);
    pages[dashboard->page](dashboard, sheet);
    page_draw_keys(dashboard, sheet);
    if (dashboard->note != NULL)
        page_draw_note(dashboard->note, sheet);
}
