/* SPDX-License-Identifier: BSD-2-Clause
 *
 * page.h - the parts that the dashboard's pages are made of.
 *
 * The frames page, row by row:
 *
 *     0  title    2  heading    4  grid ...    -5  legend (2 rows)    -3  what is chosen    -1  keys
 */
#ifndef MERIDIAN_VIEW_PAGE_H
#define MERIDIAN_VIEW_PAGE_H

#include "view/dashboard.h"

#define PAGE_LEFT           2u /* margins */
#define GRID_FIRST_ROW      4u
#define GRID_ROWS_BELOW     7u
#define GRID_LABEL_COLUMNS  14u
#define GRID_MARGIN_COLUMNS 2u
#define COUNTERS_COLUMNS    36u /* of the overview */
#define SMALL_GRID_ROWS     24u /* of tiles, of the overview's grid: 12 of cells */

/* Text styles that all pages use. */
extern const struct view_style style_text;
extern const struct view_style style_faint;
extern const struct view_style style_bright;
extern const struct view_style style_heading;
extern const struct view_style style_line;

void page_draw_title(const struct dashboard *dashboard, struct view_sheet *sheet);
void page_draw_keys(const struct dashboard *dashboard, struct view_sheet *sheet);
void page_draw_note(const char *note, struct view_sheet *sheet);
void page_draw_overview(const struct dashboard *dashboard, struct view_sheet *sheet);
void page_draw_frames(const struct dashboard *dashboard, struct view_sheet *sheet);
void page_draw_heap(const struct dashboard *dashboard, struct view_sheet *sheet);
void page_draw_log(const struct dashboard *dashboard, struct view_sheet *sheet);

/* A heading with a line behind it up to `columns`, and a remark on that line. */
void page_heading(struct view_sheet *sheet, unsigned column, unsigned row, unsigned columns,
                  const char *heading, const char *remark);

/* The last lines of the log in a rectangle. */
void page_log_lines(struct view_sheet *sheet, unsigned column, unsigned row, unsigned columns,
                    unsigned rows);

/* "12.5 MiB" in 10 columns, right-aligned, at `column`. */
void page_size(struct view_sheet *sheet, unsigned column, unsigned row, struct view_style style,
               uint64_t size_bytes);

/* Places entries of a legend side by side, and in the next row where one is full. */
struct legend {
    struct view_sheet *sheet;
    unsigned column;
    unsigned row;
    unsigned first_column;
    unsigned end_column;
    unsigned entry_columns;
};
void legend_add(struct legend *legend, enum view_colour colour, const char *name, uint64_t bytes);

unsigned dashboard_tiles_in_row(const struct dashboard *dashboard);
bool dashboard_shows_block(const struct dashboard *dashboard);

/* Where the overview has its second bar. */
unsigned dashboard_second_bar_row(const struct view_sheet *sheet);

/* One line about a row of the table. */
void page_draw_row(struct view_sheet *sheet, unsigned row, const struct region *region);

/* The tiles of the grid as pairs of squares. */
void page_tiles(const struct dashboard *dashboard, struct view_sheet *sheet, unsigned column,
                unsigned row);

#endif
