/* SPDX-License-Identifier: BSD-2-Clause
 *
 * terminal.c - from a stream of characters to cells.
 *
 *            ESC              [                 0x40 to 0x7E: done
 *   TEXT ─────────> ESCAPE ────────> SEQUENCE ───────────────────> TEXT
 *                      │ any other
 *                      └───────────────────────────────────────────> TEXT
 *
 * The same automaton as that of the keys, the other way around. Cost: one cell a character, one row
 * of cells a line.
 */
#include "view/terminal.h"

#define ESC           '\x1b'
#define TAB_COLUMNS   8u
#define PARAMETER_MAX 9999u

static const struct view_style plain = { VIEW_TEXT, VIEW_NIGHT };

/* --- the cursor -------------------------------------------------------------------------- */

static void new_row(struct terminal *terminal)
{
    terminal->column = 0;
    if (terminal->row + 1 < terminal->sheet.rows)
        terminal->row++;
    else
        sheet_scroll(&terminal->sheet);
}

static void put_character(struct terminal *terminal, char character)
{
    if (terminal->column >= terminal->sheet.columns)
        new_row(terminal);
    sheet_put(&terminal->sheet, terminal->column++, terminal->row, (uint8_t)character,
              terminal->style);
}

static void control(struct terminal *terminal, char character)
{
    switch (character) {
    case '\n':
        new_row(terminal);
        break;
    case '\r':
        terminal->column = 0;
        break;
    case '\b':
        terminal->column -= terminal->column > 0;
        break;
    case '\t':
        do
            put_character(terminal, ' ');
        while (terminal->column % TAB_COLUMNS != 0);
        break;
    case ESC:
        terminal->state = TERMINAL_ESCAPE;
        break;
    default:
        break;
    }
}

/* --- sequences --------------------------------------------------------------------------- */

static void begin_sequence(struct terminal *terminal)
{
    terminal->state = TERMINAL_SEQUENCE;
    terminal->parameter_count = 0;
    for (unsigned i = 0; i < TERMINAL_PARAMETERS; i++)
        terminal->parameters[i] = 0;
}

static void add_parameter(struct terminal *terminal, char character)
{
    unsigned *parameter;

    if (terminal->parameter_count >= TERMINAL_PARAMETERS)
        return;
    if (character == ';') {
        terminal->parameter_count++;
        return;
    }
    parameter = &terminal->parameters[terminal->parameter_count];
    *parameter = *parameter * 10 + (unsigned)(character - '0');
    if (*parameter > PARAMETER_MAX)
        *parameter = PARAMETER_MAX;
}

/* One parameter of "select graphic rendition" (ECMA-48, 8.3.117; 90 and 100: aixterm's). */
static void set_colour(struct terminal *terminal, unsigned parameter)
{
    if (parameter == 0)
        terminal->style = plain;
    else if (parameter == 1)
        terminal->style.ink = VIEW_BRIGHT;
    else if (parameter >= 30 && parameter <= 37)
        terminal->style.ink = view_colour_of_ansi(parameter - 30);
    else if (parameter == 39)
        terminal->style.ink = VIEW_TEXT;
    else if (parameter >= 40 && parameter <= 47)
        terminal->style.ground = view_colour_of_ansi(parameter - 40);
    else if (parameter == 49)
        terminal->style.ground = VIEW_NIGHT;
    else if (parameter >= 90 && parameter <= 97)
        terminal->style.ink = view_colour_of_ansi(parameter - 90 + 8);
}

static void set_colours(struct terminal *terminal)
{
    for (unsigned i = 0; i <= terminal->parameter_count && i < TERMINAL_PARAMETERS; i++)
        set_colour(terminal, terminal->parameters[i]);
}

static void move_right(struct terminal *terminal, unsigned count)
{
    terminal->column += count == 0 ? 1 : count;
    if (terminal->column >= terminal->sheet.columns)
        terminal->column = terminal->sheet.columns - 1;
}

static void erase_right(struct terminal *terminal)
{
    sheet_fill(&terminal->sheet, terminal->column, terminal->row, terminal->sheet.columns, 1, ' ',
               plain);
}

static void end_sequence(struct terminal *terminal, char final)
{
    terminal->state = TERMINAL_TEXT;
    switch (final) {
    case 'C':
        move_right(terminal, terminal->parameters[0]);
        break;
    case 'H':
        terminal->row = 0;
        terminal->column = 0;
        break;
    case 'J':
        sheet_clear(&terminal->sheet);
        break;
    case 'K':
        erase_right(terminal);
        break;
    case 'm':
        set_colours(terminal);
        break;
    default:
        break;
    }
}

/* --- interface --------------------------------------------------------------------------- */

static void take(struct terminal *terminal, char character)
{
    if ((unsigned char)character < ' ') {
        terminal->state = TERMINAL_TEXT;
        control(terminal, character);
        return;
    }
    switch (terminal->state) {
    case TERMINAL_TEXT:
        put_character(terminal, character >= ' ' && character <= '~' ? character : '?');
        break;
    case TERMINAL_ESCAPE:
        terminal->state = TERMINAL_TEXT;
        if (character == '[')
            begin_sequence(terminal);
        break;
    case TERMINAL_SEQUENCE:
        if (character == ';' || (character >= '0' && character <= '9'))
            add_parameter(terminal, character);
        else if (character >= '@')
            end_sequence(terminal, character);
        break;
    }
}

void terminal_init(struct terminal *terminal, struct view_cell *cells, unsigned columns,
                   unsigned rows)
{
    *terminal = (struct terminal){ .style = plain };
    sheet_init(&terminal->sheet, cells, columns, rows);
}

void terminal_write(struct terminal *terminal, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        take(terminal, text[i]);
}

void terminal_show_cursor(struct terminal *terminal, bool shown)
{
    unsigned column = terminal->column;
    struct view_cell *cell;
    uint8_t ink;

    if (shown == terminal->cursor_shown)
        return;
    if (column >= terminal->sheet.columns)
        column = terminal->sheet.columns - 1;
    cell = &sheet_row(&terminal->sheet, terminal->row)[column];
    ink = cell->ink;
    cell->ink = cell->ground;
    cell->ground = ink;
    terminal->cursor_shown = shown;
}
