/* SPDX-License-Identifier: BSD-2-Clause
 *
 * write.c - a sheet as text, for a serial line or a file.
 *
 * With colours: SGR sequences where the colours change, glyphs in UTF-8. Without: ASCII, and of a tile the
 * letter of what its upper half is used for (the lower one's, where the upper one is free).
 */
#include "view/sheet.h"

#define BRIGHT 8u /* from this colour on the numbers of aixterm count */

static bool is_tile(uint8_t glyph)
{
    return glyph >= GLYPH_PAIR && glyph <= GLYPH_SMALL_PAIR;
}

/* Blank in every colour but the background's. */
static bool is_blank(const struct view_cell *cell)
{
    return (cell->glyph == ' ' || cell->glyph == GLYPH_BAR) && cell->ground == VIEW_NIGHT;
}

static unsigned used_columns(const struct view_cell *cells, unsigned columns)
{
    while (columns > 0 && is_blank(&cells[columns - 1]))
        columns--;
    return columns;
}

/* --- letters ----------------------------------------------------------------------------- */

static char letter_of(const struct view_cell *cell)
{
    uint8_t colour = cell->ink;

    if (is_tile(cell->glyph) && (colour == VIEW_FREE || colour == VIEW_HOLE))
        colour = cell->ground;
    if (is_tile(cell->glyph) || cell->glyph == GLYPH_SQUARE ||
        (cell->glyph == GLYPH_BAR + 8 && view_colour_facts(colour)->letter != ' '))
        return view_colour_facts(colour)->letter;
    return view_glyph_ascii(cell->glyph);
}

static void write_letters(const struct view_cell *cells, unsigned columns, struct print_sink *sink)
{
    for (unsigned i = 0; i < columns; i++)
        print_to(sink, "%c", letter_of(&cells[i]));
}

/* --- colours ----------------------------------------------------------------------------- */

/* The characters of a glyph in UTF-8. */
static const char *utf8_of(uint8_t glyph)
{
    static const char *const lines[16] = {
        " ", "╴", "╶", "─", "╵", "┘", "└", "┴", "╷", "┐", "┌", "┬", "│", "┤", "├", "┼",
    };
    static const char *const bars[9] = { " ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█" };

    if (glyph >= GLYPH_LINE && glyph < GLYPH_BAR)
        return lines[glyph - GLYPH_LINE];
    if (glyph >= GLYPH_BAR && glyph <= GLYPH_BAR + 8)
        return bars[glyph - GLYPH_BAR];
    switch (glyph) {
    case GLYPH_SQUARE:
        return "■";
    case GLYPH_POINTER:
        return "▲";
    case GLYPH_DOT:
        return "·";
    default:
        return "▀";
    }
}

static unsigned sgr(uint8_t colour, unsigned base)
{
    unsigned ansi = view_colour_facts(colour)->ansi;

    return ansi < BRIGHT ? base + ansi : base + 60 + ansi - BRIGHT;
}

static void write_colours(const struct view_cell *cells, unsigned columns, struct print_sink *sink)
{
    for (unsigned i = 0; i < columns; i++) {
        if (i == 0 || cells[i].ink != cells[i - 1].ink || cells[i].ground != cells[i - 1].ground)
            print_to(sink, "\x1b[%u;%um", sgr(cells[i].ink, 30), sgr(cells[i].ground, 40));
        if (cells[i].glyph <= GLYPH_LAST_ASCII)
            print_to(sink, "%c", cells[i].glyph);
        else
            print_to(sink, "%s", utf8_of(cells[i].glyph));
    }
    print_to(sink, "\x1b[0m");
}

void sheet_write(const struct view_sheet *sheet, unsigned rows, bool colours,
                 struct print_sink *sink)
{
    for (unsigned row = 0; row < rows && row < sheet->rows; row++) {
        const struct view_cell *cells = sheet_row(sheet, row);
        unsigned columns = used_columns(cells, sheet->columns);

        if (colours)
            write_colours(cells, columns, sink);
        else
            write_letters(cells, columns, sink);
        print_to(sink, "\n");
    }
}
