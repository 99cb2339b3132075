/* SPDX-License-Identifier: BSD-2-Clause
 *
 * view/sheet.h - a rectangle of cells to draw on.
 *
 * The caller owns the cells. Rows form a ring, so that scrolling moves none of them: row 0 is
 * `first_row` of the memory. Drawing outside of the sheet is cut off, never written. Columns and rows
 * count from 0. Any context; the caller's locking.
 */
#ifndef MERIDIAN_VIEW_SHEET_H
#define MERIDIAN_VIEW_SHEET_H

#include "lib/print.h"
#include "view/cell.h"

struct view_sheet {
    struct view_cell *cells; /* columns x rows */
    unsigned columns;
    unsigned rows;
    unsigned first_row;
};

struct view_style {
    enum view_colour ink;
    enum view_colour ground;
};

/* Empty, in `cells`, which must have room. */
void sheet_init(struct view_sheet *sheet, struct view_cell *cells, unsigned columns, unsigned rows);

/* The cells of a row < rows. */
struct view_cell *sheet_row(const struct view_sheet *sheet, unsigned row);

void sheet_clear(struct view_sheet *sheet);
void sheet_scroll(struct view_sheet *sheet);

void sheet_put(struct view_sheet *sheet, unsigned column, unsigned row, uint8_t glyph,
               struct view_style style);
void sheet_fill(struct view_sheet *sheet, unsigned column, unsigned row, unsigned columns,
                unsigned rows, uint8_t glyph, struct view_style style);

/* Text in one row, cut at `columns`; returns the column behind it. */
unsigned sheet_text(struct view_sheet *sheet, unsigned column, unsigned row, unsigned columns,
                    struct view_style style, const char *text);
[[gnu::format(printf, 6, 7)]] unsigned sheet_print(struct view_sheet *sheet, unsigned column,
                                                   unsigned row, unsigned columns,
                                                   struct view_style style, const char *format,
                                                   ...);

/* `part` of `whole` as a bar of `columns` cells, to an eighth of a cell; what is not 0 is seen. */
void sheet_bar(struct view_sheet *sheet, unsigned column, unsigned row, unsigned columns,
               uint64_t part, uint64_t whole, struct view_style style);

/* The sheet as text for a terminal, row by row: colours by SGR and glyphs in UTF-8, or letters only.
 * Blanks at the ends of rows are left out, and rows from `rows` on. */
void sheet_write(const struct view_sheet *sheet, unsigned rows, bool colours,
                 struct print_sink *sink);

#endif
