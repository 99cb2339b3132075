/* SPDX-License-Identifier: BSD-2-Clause
 *
 * view/dashboard.h - memory management to look at: four pages on a sheet of any size.
 *
 *   overview   address bars with a legend in MiB, frames, heap, counters, the end of the log
 *   frames     one square a tile, from the whole machine down to the 512 frames of a 2 MiB block
 *   heap       size classes, how full they are, what is lost between objects
 *   log        its last lines
 *
 * A sheet of 80 x 25 cells is enough; larger ones show more. Keys move a choice, a region or a tile, and
 * change the page; what the choice is can be explained by whoever has dashboard_address(). Nothing here
 * knows of devices or of where keys come from. One user at a time.
 */
#ifndef MERIDIAN_VIEW_DASHBOARD_H
#define MERIDIAN_VIEW_DASHBOARD_H

#include "lib/json.h"
#include "view/model.h"
#include "view/sheet.h"

enum dashboard_page {
    DASHBOARD_OVERVIEW,
    DASHBOARD_FRAMES,
    DASHBOARD_HEAP,
    DASHBOARD_LOG,
    DASHBOARD_PAGE_COUNT,
};

enum dashboard_key {
    DASHBOARD_NOTHING,
    DASHBOARD_LEFT,
    DASHBOARD_RIGHT,
    DASHBOARD_UP,
    DASHBOARD_DOWN,
    DASHBOARD_NEARER,
    DASHBOARD_FARTHER,
    DASHBOARD_NEXT_PAGE,
    DASHBOARD_PAGE, /* + enum dashboard_page */
};

struct dashboard {
    struct view_model model; /* as of the last dashboard_refresh() */
    const struct memmap *map;
    enum dashboard_page page;
    size_t row;            /* the region that is chosen: a row of the table */
    uint64_t frame;        /* the frame that is chosen */
    unsigned zoom;         /* 0: the whole machine; dashboard_zoom_most(): one block */
    struct view_grid grid; /* of the frames that are shown */
    unsigned grid_columns; /* tiles in a row */
    unsigned grid_rows;
    unsigned small_columns; /* tiles in a row of the overview's grid */
    unsigned tile_capacity;
    unsigned tour_step;
    bool touring;     /* nobody chose what is shown */
    const char *note; /* lines that lie over the page; NULL: none */
};

/* Tiles that a sheet of that size needs. */
unsigned dashboard_tiles(unsigned columns, unsigned rows);

/* Ready to refresh. `tiles` has room for dashboard_tiles(columns, rows); map and tiles must stay. */
void dashboard_init(struct dashboard *dashboard, const struct memmap *map, struct view_tile *tiles,
                    unsigned columns, unsigned rows);

/* Does what a key asks for. */
void dashboard_key(struct dashboard *dashboard, unsigned key);

/* The next step of a tour through the pages. */
void dashboard_tour(struct dashboard *dashboard);

/* The physical address of what is chosen. */
uint64_t dashboard_address(const struct dashboard *dashboard);

unsigned dashboard_zoom_most(const struct dashboard *dashboard);

/* Takes the numbers anew. */
void dashboard_refresh(struct dashboard *dashboard, uint64_t seconds);

/* Draws the page. The sheet has the size that dashboard_init() was told. */
void dashboard_draw(const struct dashboard *dashboard, struct view_sheet *sheet);

/* What is drawn, as members of an event: page, choice, palette, the bars slice by slice and the grid
 * tile by tile, and where on the sheet they are. */
void dashboard_write_event(const struct dashboard *dashboard, const struct view_sheet *sheet,
                           struct json *event);

/* Where the grid of the frames page is on the sheet: the first cell, and how many cells a tile has. At
 * most zooms two tiles share a cell, one above the other: then rows_per_tile is 0. */
struct dashboard_place {
    unsigned column;
    unsigned row;
    unsigned columns_per_tile;
    unsigned rows_per_tile;
};
void dashboard_grid_place(const struct dashboard *dashboard, const struct view_sheet *sheet,
                          struct dashboard_place *place);

/* The bars of the overview: where they are, and how many half cells they have. */
#define DASHBOARD_BAR_ROW    4u
#define DASHBOARD_BAR_COLUMN 2u
unsigned dashboard_bar_slices(const struct view_sheet *sheet);

#endif
