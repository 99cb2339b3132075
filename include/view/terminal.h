/* SPDX-License-Identifier: BSD-2-Clause
 *
 * view/terminal.h - a terminal on a sheet: text comes in, rows scroll up.
 *
 * It knows what the kernel sends and what its line editor asks for (ECMA-48): CR, LF (which also
 * returns), BS, TAB, BEL (ignored), cursor right, home, erase in line and in page, colours. Other sequences
 * are swallowed whole. A row that is full goes on in the next one. Any context; the caller's locking.
 */
#ifndef MERIDIAN_VIEW_TERMINAL_H
#define MERIDIAN_VIEW_TERMINAL_H

#include "view/sheet.h"

#define TERMINAL_PARAMETERS 4

struct terminal {
    struct view_sheet sheet;
    unsigned column; /* of the cursor; == columns: the next character begins a new row */
    unsigned row;
    struct view_style style;
    enum { TERMINAL_TEXT, TERMINAL_ESCAPE, TERMINAL_SEQUENCE } state;
    unsigned parameters[TERMINAL_PARAMETERS];
    unsigned parameter_count;
    bool cursor_shown; /* its cell is drawn inverted */
};

void terminal_init(struct terminal *terminal, struct view_cell *cells, unsigned columns,
                   unsigned rows);
void terminal_write(struct terminal *terminal, const char *text, size_t size);

/* Draws the cursor, or takes it away again; terminal_write() wants it away. */
void terminal_show_cursor(struct terminal *terminal, bool shown);

#endif
