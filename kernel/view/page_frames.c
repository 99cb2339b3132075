/* SPDX-License-Identifier: BSD-2-Clause
 *
 * page_frames.c - memory as squares.
 *
 * Most zooms draw two tiles a cell, one above the other; a tile of which less than half is used is drawn
 * small. The nearest one draws the 512 frames of a block as boxes that have room for the reference
 * count, where that is not 1.
 */
#include "page.h"

#include "lib/bits.h"
#include "lib/format.h"

#define BLOCK_COLUMNS    32u
#define BLOCK_ROWS       16u
#define BOX_COLUMNS_MOST 6u
#define BOX_ROWS_MOST    2u

/* --- tiles ------------------------------------------------------------------------------- */

static bool is_chosen(const struct dashboard *dashboard, unsigned index)
{
    uint64_t frame = dashboard->frame - dashboard->grid.first_frame;

    return frame >> dashboard->grid.shift == index;
}

static enum view_colour colour_at(const struct dashboard *dashboard, unsigned index)
{
    if (index >= dashboard->grid.count)
        return VIEW_NIGHT;
    if (dashboard->page == DASHBOARD_FRAMES && is_chosen(dashboard, index))
        return VIEW_BRIGHT;
    return view_tile_colour(&dashboard->grid.tiles[index]);
}

static bool is_small(const struct dashboard *dashboard, unsigned index)
{
    const struct view_tile *tile = &dashboard->grid.tiles[index];

    if (index >= dashboard->grid.count)
        return false;
    return tile->used_frames > 0 && tile->used_frames < tile->free_frames;
}

void page_tiles(const struct dashboard *dashboard, struct view_sheet *sheet, unsigned column,
                unsigned row)
{
    unsigned columns = dashboard_tiles_in_row(dashboard);

    for (unsigned index = 0; index < dashboard->grid.count; index++) {
        unsigned y = index / columns;
        unsigned below = index + columns;
        struct view_style style = { colour_at(dashboard, index), colour_at(dashboard, below) };
        unsigned small = is_small(dashboard, index) | (unsigned)is_small(dashboard, below) << 1;

        if (y % 2 == 0)
            sheet_put(sheet, column + index % columns, row + y / 2, (uint8_t)(GLYPH_PAIR + small),
                      style);
    }
}

static void draw_labels(const struct dashboard *dashboard, struct view_sheet *sheet, unsigned rows,
                        unsigned rows_per_line, uint64_t frames_a_line)
{
    for (unsigned i = 0; i < rows; i++)
        (void)sheet_print(sheet, PAGE_LEFT, GRID_FIRST_ROW + i * rows_per_line, GRID_LABEL_COLUMNS,
                          style_faint, "%11llx",
                          (unsigned long long)(dashboard->grid.first_frame + i * frames_a_line)
                              << PAGE_SHIFT);
}

/* --- one block --------------------------------------------------------------------------- */

void dashboard_grid_place(const struct dashboard *dashboard, const struct view_sheet *sheet,
                          struct dashboard_place *place)
{
    unsigned columns = (sheet->columns - GRID_LABEL_COLUMNS - GRID_MARGIN_COLUMNS) / BLOCK_COLUMNS;
    unsigned rows = (sheet->rows - GRID_FIRST_ROW - GRID_ROWS_BELOW + 2) / BLOCK_ROWS;

    *place = (struct dashboard_place){ .column = GRID_LABEL_COLUMNS,
                                       .row = GRID_FIRST_ROW,
                                       .columns_per_tile = 1 };
    if (!dashboard_shows_block(dashboard))
        return;
    place->columns_per_tile = columns < BOX_COLUMNS_MOST ? columns : BOX_COLUMNS_MOST;
    place->rows_per_tile = rows == 0 ? 1 : rows < BOX_ROWS_MOST ? rows : BOX_ROWS_MOST;
}

/* The last column and, of two rows, the lower half of the last are left free. */
static void draw_box(const struct dashboard *dashboard, struct view_sheet *sheet,
                     const struct dashboard_place *place, unsigned index)
{
    const struct view_tile *tile = &dashboard->grid.tiles[index];
    enum view_colour colour = view_tile_colour(tile);
    struct view_style style = { is_chosen(dashboard, index) ? VIEW_BRIGHT : colour, VIEW_NIGHT };
    unsigned column = place->column + index % BLOCK_COLUMNS * place->columns_per_tile;
    unsigned row = place->row + index / BLOCK_COLUMNS * place->rows_per_tile;
    unsigned columns = place->columns_per_tile - (place->columns_per_tile > 2);

    sheet_fill(sheet, column, row, columns, 1, GLYPH_BAR + 8, style);
    if (place->columns_per_tile <= 2)
        sheet_put(sheet, column + columns - 1, row, GLYPH_BAR + 7, style);
    if (place->rows_per_tile > 1)
        sheet_fill(sheet, column, row + 1, columns, 1, GLYPH_UPPER, style);
    if (tile->references > 1)
        (void)sheet_print(sheet, column, row, columns, (struct view_style){ VIEW_NIGHT, style.ink },
                          "%*u", (int)columns, tile->references);
}

static void draw_block(const struct dashboard *dashboard, struct view_sheet *sheet)
{
    struct dashboard_place place;

    dashboard_grid_place(dashboard, sheet, &place);
    draw_labels(dashboard, sheet, BLOCK_ROWS, place.rows_per_tile, BLOCK_COLUMNS);
    for (unsigned index = 0; index < dashboard->grid.count; index++)
        draw_box(dashboard, sheet, &place, index);
}

static void draw_machine(const struct dashboard *dashboard, struct view_sheet *sheet)
{
    unsigned rows = (dashboard->grid.count / dashboard->grid_columns + 1) / 2;

    draw_labels(dashboard, sheet, rows, 1,
                (uint64_t)2 * dashboard->grid_columns << dashboard->grid.shift);
    page_tiles(dashboard, sheet, GRID_LABEL_COLUMNS, GRID_FIRST_ROW);
}

/* --- below ------------------------------------------------------------------------------- */

/* Of tags that the PMM does not manage (firmware, devices), what is in view. */
static uint64_t frames_of_tag(const struct dashboard *dashboard, unsigned tag)
{
    uint64_t frames = dashboard->model.tags[tag];

    if (tag == FRAME_FREE)
        return dashboard->model.frames.free_frames;
    for (unsigned i = 0; i < dashboard->grid.count && dashboard->model.tags[tag] == 0; i++)
        if (dashboard->grid.tiles[i].tag == tag)
            frames += dashboard->grid.tiles[i].used_frames;
    return frames;
}

static void draw_legend(const struct dashboard *dashboard, struct view_sheet *sheet)
{
    struct legend legend = { .sheet = sheet,
                             .column = PAGE_LEFT,
                             .row = sheet->rows - 6,
                             .first_column = PAGE_LEFT,
                             .end_column = sheet->columns };

    for (unsigned tag = FRAME_FREE; tag < FRAME_TAG_COUNT; tag++) {
        uint64_t frames = frames_of_tag(dashboard, tag);

        if (frames > 0 && legend.row < sheet->rows - 3)
            legend_add(&legend, view_tag_colour((enum frame_tag)tag),
                       frame_tag_name((enum frame_tag)tag), frames << PAGE_SHIFT);
    }
}

static void draw_chosen(const struct dashboard *dashboard, struct view_sheet *sheet)
{
    const struct view_grid *grid = &dashboard->grid;
    uint64_t index = (dashboard->frame - grid->first_frame) >> grid->shift;
    const struct view_tile *tile = &grid->tiles[index < grid->count ? index : 0];
    unsigned row = sheet->rows - 3;
    unsigned column = sheet_print(sheet, PAGE_LEFT, row, sheet->columns, style_bright, "0x%09llx",
                                  (unsigned long long)dashboard->frame << PAGE_SHIFT);

    column =
        sheet_print(sheet, column + 2, row, sheet->columns, style_text, "%llu free, %llu in use",
                    (unsigned long long)tile->free_frames, (unsigned long long)tile->used_frames);
    if (tile->used_frames > 0)
        column = sheet_print(sheet, column, row, sheet->columns, style_text, ", mostly %s",
                             frame_tag_name((enum frame_tag)tile->tag));
    if (tile->references > 1)
        (void)sheet_print(sheet, column, row, sheet->columns, style_text, ", up to %u references",
                          tile->references);
}

void page_draw_frames(const struct dashboard *dashboard, struct view_sheet *sheet)
{
    char size[SIZE_TEXT_BYTES];
    char remark[64];

    (void)print_buffer(remark, sizeof(remark), "zoom %u of %u, a square is %s", dashboard->zoom,
                       dashboard_zoom_most(dashboard),
                       format_size((uint64_t)PAGE_SIZE << dashboard->grid.shift, size));
    page_heading(sheet, PAGE_LEFT, 2, sheet->columns - 2 * PAGE_LEFT,
                 dashboard_shows_block(dashboard) ? "Frames of one 2 MiB block" : "Frames", remark);
    if (dashboard_shows_block(dashboard))
        draw_block(dashboard, sheet);
    else
        draw_machine(dashboard, sheet);
    draw_legend(dashboard, sheet);
    draw_chosen(dashboard, sheet);
}
