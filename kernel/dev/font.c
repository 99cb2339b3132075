/* SPDX-License-Identifier: BSD-2-Clause
 *
 * font.c - what a glyph looks like, row by row.
 *
 * Characters come from Spleen. Lines meet in the middle of a cell, wherever that is at this size,
 * and are an eighth of its width thick; bars are eighths of the width; a tile is a square with a
 * border of an eighth, two of them above each other, since cells are twice as high as wide.
 */
#include "font.h"

#include "lib/bits.h"
#include "view/cell.h"

#define EIGHTHS           8u
#define LARGE_SCREEN_ROWS 1440u /* from here on 16 lines are too few to read */

static const struct font small = { font_8x16, 8, 16 };
static const struct font large = { font_16x32, 16, 32 };

const struct font *font_for_screen(unsigned width_pixels, unsigned height_pixels)
{
    return height_pixels >= LARGE_SCREEN_ROWS && width_pixels >= LARGE_SCREEN_ROWS ? &large
                                                                                   : &small;
}

/* Pixels [start, end) of a row. */
static uint32_t span(const struct font *font, unsigned start, unsigned end)
{
    return (uint32_t)(low_mask(font->width - start) & ~low_mask(font->width - end));
}

static uint32_t line_row(const struct font *font, unsigned arms, unsigned y)
{
    unsigned thick = font->width / EIGHTHS;
    unsigned left = (font->width - thick) / 2;
    unsigned top = (font->height - thick) / 2;
    uint32_t row = 0;

    if (y >= top && y < top + thick) {
        if ((arms & GLYPH_ARM_LEFT) != 0)
            row |= span(font, 0, left + thick);
        if ((arms & GLYPH_ARM_RIGHT) != 0)
            row |= span(font, left, font->width);
    }
    if (((arms & GLYPH_ARM_UP) != 0 && y < top + thick) ||
        ((arms & GLYPH_ARM_DOWN) != 0 && y >= top))
        row |= span(font, left, left + thick);
    return row;
}

/* A triangle whose base is at the bottom of the cell's middle half. */
static uint32_t pointer_row(const struct font *font, unsigned y)
{
    unsigned top = font->height / 4;
    unsigned half = font->width / 2;

    if (y < top || y - top >= half)
        return 0;
    return span(font, half - (y - top) - 1, half + (y - top) + 1);
}

/* A square of `size` pixels in the middle of the cell. */
static uint32_t square_row(const struct font *font, unsigned size, unsigned y)
{
    unsigned top = (font->height - size) / 2;
    unsigned left = (font->width - size) / 2;

    return y >= top && y < top + size ? span(font, left, left + size) : 0;
}

static uint32_t drawn_row(const struct font *font, uint8_t glyph, unsigned y)
{
    unsigned unit = font->width / EIGHTHS;

    if (glyph >= GLYPH_LINE && glyph < GLYPH_BAR)
        return line_row(font, glyph - GLYPH_LINE, y);
    if (glyph >= GLYPH_BAR && glyph <= GLYPH_BAR + EIGHTHS)
        return span(font, 0, (glyph - (unsigned)GLYPH_BAR) * unit);
    switch (glyph) {
    case GLYPH_UPPER:
        return y < font->height / 2 ? span(font, 0, font->width) : 0;
    case GLYPH_SQUARE:
        return square_row(font, font->width - unit, y);
    case GLYPH_POINTER:
        return pointer_row(font, y);
    case GLYPH_DOT:
        return square_row(font, 2 * unit, y);
    default:
        return 0;
    }
}

uint32_t font_row(const struct font *font, uint8_t glyph, unsigned y)
{
    if (glyph >= GLYPH_FIRST_ASCII && glyph <= GLYPH_LAST_ASCII)
        return font->characters[(glyph - (unsigned)GLYPH_FIRST_ASCII) * font->height + y];
    return drawn_row(font, glyph, y);
}

bool font_is_tile(uint8_t glyph)
{
    return glyph >= GLYPH_PAIR && glyph <= GLYPH_SMALL_PAIR;
}

/* Glyphs are numbered by which squares are small: bit 0 the upper, bit 1 the lower one. */
uint32_t font_tile_row(const struct font *font, uint8_t glyph, unsigned y, bool *upper)
{
    unsigned unit = font->width / EIGHTHS;
    unsigned small_ones = glyph - (unsigned)GLYPH_PAIR;
    unsigned within = y % font->width;
    unsigned start;
    unsigned end = font->width - unit;

    *upper = y < font->height / 2;
    start = (small_ones & (*upper ? 1u : 2u)) != 0 ? 2 * unit : 0;
    end -= start;
    return within >= start && within < end ? span(font, start, end) : 0;
}
