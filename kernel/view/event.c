/* SPDX-License-Identifier: BSD-2-Clause
 *
 * event.c - the dashboard for machines: what was drawn, and where.
 *
 * Kinds and tags are letters, with their colours beside, so that whoever has a picture of the screen can
 * hold it against the event. A tile that is drawn small has a small letter.
 */
#include "page.h"

#define SLICES_MOST 512u
#define ROW_MOST    512u

static const char kind_letters[VIEW_KIND_COUNT + 1] = " uklafdrsb";

static char tile_letter(const struct view_tile *tile)
{
    char letter = view_colour_facts((uint8_t)view_tile_colour(tile))->letter;
    bool small = tile->used_frames > 0 && tile->used_frames < tile->free_frames;

    return small ? (char)(letter - 'A' + 'a') : letter;
}

static void write_colour(struct json *event, char letter, const char *name, enum view_colour colour)
{
    const char text[2] = { letter, '\0' };

    json_item_begin(event);
    json_text(event, "letter", text);
    json_text(event, "name", name);
    json_address(event, "rgb", view_colour_facts((uint8_t)colour)->rgb);
    json_item_end(event);
}

static void write_palette(struct json *event)
{
    json_list_begin(event, "kinds");
    for (unsigned kind = 0; kind < VIEW_KIND_COUNT; kind++)
        write_colour(event, kind_letters[kind], view_kind_name((enum view_kind)kind),
                     view_kind_colour((enum view_kind)kind));
    json_list_end(event);
    json_list_begin(event, "tags");
    for (unsigned tag = 0; tag < FRAME_TAG_COUNT; tag++) {
        enum view_colour colour = view_tag_colour((enum frame_tag)tag);

        write_colour(event, view_colour_facts((uint8_t)colour)->letter,
                     frame_tag_name((enum frame_tag)tag), colour);
    }
    json_list_end(event);
}

static void write_bar(const struct dashboard *dashboard, const struct view_sheet *sheet,
                      struct json *event, unsigned row, uint64_t end)
{
    static char slices[SLICES_MOST + 1];
    unsigned count = dashboard_bar_slices(sheet);

    view_slices(dashboard->map, end, (uint8_t *)slices, count);
    for (unsigned i = 0; i < count; i++)
        slices[i] = kind_letters[(uint8_t)slices[i]];
    slices[count] = '\0';
    json_item_begin(event);
    json_number(event, "row", row);
    json_number(event, "column", DASHBOARD_BAR_COLUMN);
    json_address(event, "end", end);
    json_text(event, "slices", slices);
    json_item_end(event);
}

static void write_tiles(const struct dashboard *dashboard, struct json *event)
{
    char row[ROW_MOST + 1];
    unsigned columns = dashboard_tiles_in_row(dashboard);

    json_list_begin(event, "tiles");
    for (unsigned start = 0; start < dashboard->grid.count; start += columns) {
        unsigned i = 0;

        for (; i < columns && start + i < dashboard->grid.count; i++)
            row[i] = tile_letter(&dashboard->grid.tiles[start + i]);
        row[i] = '\0';
        json_item_begin(event);
        json_text(event, "row", row);
        json_item_end(event);
    }
    json_list_end(event);
}

static void write_grid(const struct dashboard *dashboard, const struct view_sheet *sheet,
                       struct json *event)
{
    struct dashboard_place place;

    dashboard_grid_place(dashboard, sheet, &place);
    json_number(event, "grid_column", place.column);
    json_number(event, "grid_row", place.row);
    json_number(event, "columns_per_tile", place.columns_per_tile);
    json_number(event, "rows_per_tile", place.rows_per_tile);
    json_number(event, "zoom", dashboard->zoom);
    json_number(event, "zoom_most", dashboard_zoom_most(dashboard));
    json_address(event, "grid_base", dashboard->grid.first_frame << PAGE_SHIFT);
    json_number(event, "frames_per_tile", (uint64_t)1 << dashboard->grid.shift);
    write_tiles(dashboard, event);
}

void dashboard_write_event(const struct dashboard *dashboard, const struct view_sheet *sheet,
                           struct json *event)
{
    static const char *const pages[DASHBOARD_PAGE_COUNT] = { "overview", "frames", "heap", "log" };
    unsigned second;

    json_text(event, "page", pages[dashboard->page]);
    json_address(event, "chosen", dashboard_address(dashboard));
    json_number(event, "columns", sheet->columns);
    json_number(event, "rows", sheet->rows);
    json_number(event, "free_frames", dashboard->model.frames.free_frames);
    json_number(event, "used_frames", dashboard->model.frames.used_frames);
    write_palette(event);
    json_list_begin(event, "bars");
    write_bar(dashboard, sheet, event, DASHBOARD_BAR_ROW, dashboard->model.ram_end);
    second = dashboard_second_bar_row(sheet);
    if (dashboard->model.space_end > dashboard->model.ram_end)
        write_bar(dashboard, sheet, event, second, dashboard->model.space_end);
    json_list_end(event);
    write_grid(dashboard, sheet, event);
}
