/* SPDX-License-Identifier: BSD-2-Clause
 *
 * framebuffer.c - cells to pixels, for memory that is only written to.
 *
 * A run of changed cells in a row is painted line by line of pixels, so that addresses grow and
 * write-combining buffers are filled: 64 bytes are two cells of 8 pixels. A full redraw writes each pixel of
 * the cells once, 4 bytes each; nothing is painted over.
 *
 * What the loader says is checked once more, although the handoff has been: this is where a wrong
 * number would become a wild write.
 */
#include "dev/framebuffer.h"

#include "font.h"
#include "lib/bits.h"
#include "lib/string.h"

#define PIXEL_BITS    32u
#define PIXEL_BYTES   4u
#define LEAST_COLUMNS 20u
#define LEAST_ROWS    5u

/* --- colours ----------------------------------------------------------------------------- */

static bool mask_is_usable(uint32_t mask)
{
    return mask != 0 && is_power_of_two((uint64_t)(mask >> lowest_bit(mask)) + 1);
}

/* 8 bits of a colour under a mask of any width. */
static uint32_t under_mask(uint32_t value, uint32_t mask)
{
    unsigned shift = lowest_bit(mask);
    unsigned width = count_bits(mask);

    /* A wider field repeats the value's upper bits below it, so that 255 stays the brightest. */
    if (width > 8)
        return (uint32_t)((uint64_t)(value * 0x01010101u) >> (32 - width)) << shift;
    return value >> (8 - width) << shift;
}

static void fill_palette(struct framebuffer *framebuffer, const struct handoff_framebuffer *facts)
{
    for (unsigned i = 0; i < VIEW_COLOUR_COUNT; i++) {
        uint32_t rgb = view_colour_facts((uint8_t)i)->rgb;

        framebuffer->colours[i] = under_mask(rgb >> 16 & 0xff, facts->red_mask) |
                                  under_mask(rgb >> 8 & 0xff, facts->green_mask) |
                                  under_mask(rgb & 0xff, facts->blue_mask);
    }
}

/* --- opening ----------------------------------------------------------------------------- */

static enum status check_geometry(const struct handoff_framebuffer *facts)
{
    uint64_t line = (uint64_t)facts->width_pixels * PIXEL_BYTES;

    if (facts->bits_per_pixel != PIXEL_BITS)
        return STATUS_UNSUPPORTED;
    if (facts->width_pixels == 0 || facts->height_pixels == 0 || line > facts->stride_bytes ||
        (uint64_t)facts->stride_bytes * facts->height_pixels > facts->size_bytes ||
        facts->size_bytes > SIZE_MAX)
        return STATUS_INVALID;
    return STATUS_OK;
}

static enum status check_masks(const struct handoff_framebuffer *facts)
{
    uint32_t red = facts->red_mask;
    uint32_t green = facts->green_mask;
    uint32_t blue = facts->blue_mask;

    if (!mask_is_usable(red) || !mask_is_usable(green) || !mask_is_usable(blue) ||
        (red & green) != 0 || (red & blue) != 0 || (green & blue) != 0)
        return STATUS_UNSUPPORTED;
    return STATUS_OK;
}

enum status framebuffer_open(struct framebuffer *framebuffer,
                             const struct handoff_framebuffer *facts, void *pixels)
{
    const struct font *font = font_for_screen(facts->width_pixels, facts->height_pixels);
    struct framebuffer opened = {
        .pixels = pixels,
        .width_pixels = facts->width_pixels,
        .height_pixels = facts->height_pixels,
        .stride_bytes = facts->stride_bytes,
        .font = font,
        .cell_width = font->width,
        .cell_height = font->height,
        .columns = facts->width_pixels / font->width,
        .rows = facts->height_pixels / font->height,
    };
    enum status status = check_geometry(facts);

    if (status == STATUS_OK)
        status = check_masks(facts);
    if (status == STATUS_OK && (opened.columns < LEAST_COLUMNS || opened.rows < LEAST_ROWS))
        status = STATUS_UNSUPPORTED;
    if (status != STATUS_OK)
        return status;
    opened.left_pixels = (opened.width_pixels - opened.columns * font->width) / 2;
    opened.top_pixels = (opened.height_pixels - opened.rows * font->height) / 2;
    fill_palette(&opened, facts);
    *framebuffer = opened;
    return STATUS_OK;
}

/* --- painting ---------------------------------------------------------------------------- */

static uint8_t *put_pixel(uint8_t *at, uint32_t pixel)
{
    memcpy(at, &pixel, PIXEL_BYTES);
    return at + PIXEL_BYTES;
}

/* Pixels [start, end) of line `y` get the background's colour. */
static void clear_span(struct framebuffer *framebuffer, unsigned y, unsigned start, unsigned end)
{
    uint8_t *at = framebuffer->pixels + y * framebuffer->stride_bytes + (size_t)start * PIXEL_BYTES;

    for (unsigned x = start; x < end; x++)
        at = put_pixel(at, framebuffer->colours[VIEW_NIGHT]);
    framebuffer->bytes_written += (uint64_t)(end - start) * PIXEL_BYTES;
}

void framebuffer_clear_margins(struct framebuffer *framebuffer)
{
    unsigned bottom = framebuffer->top_pixels + framebuffer->rows * framebuffer->cell_height;
    unsigned right = framebuffer->left_pixels + framebuffer->columns * framebuffer->cell_width;

    for (unsigned y = 0; y < framebuffer->height_pixels; y++) {
        bool has_cells = y >= framebuffer->top_pixels && y < bottom;

        clear_span(framebuffer, y, 0, has_cells ? framebuffer->left_pixels : right);
        clear_span(framebuffer, y, right, framebuffer->width_pixels);
    }
}

/* The pixels of `row` that are set get one colour, the others the other one. Cells are 8 pixels wide,
 * or a multiple of that. */
static uint8_t *put_row(uint8_t *at, unsigned width, uint32_t row, uint32_t set, uint32_t clear)
{
    uint32_t change = set ^ clear;

    while (width >= 8) {
        width -= 8;
#pragma GCC unroll 8
        for (unsigned i = 0; i < 8; i++)
            at = put_pixel(at, clear ^ (change & (0u - (row >> (width + 7 - i) & 1u))));
    }
    return at;
}

static uint32_t colour_of(const struct framebuffer *framebuffer, uint8_t colour)
{
    return framebuffer->colours[colour < VIEW_COLOUR_COUNT ? colour : VIEW_TEXT];
}

/* Line `y` of one cell. */
static uint8_t *put_cell_row(const struct framebuffer *framebuffer, uint8_t *at,
                             const struct view_cell *cell, unsigned y)
{
    uint32_t ink = colour_of(framebuffer, cell->ink);
    uint32_t ground = colour_of(framebuffer, cell->ground);
    uint32_t row;
    bool upper;

    if (!font_is_tile(cell->glyph))
        return put_row(at, framebuffer->cell_width, font_row(framebuffer->font, cell->glyph, y),
                       ink, ground);
    row = font_tile_row(framebuffer->font, cell->glyph, y, &upper);
    return put_row(at, framebuffer->cell_width, row, upper ? ink : ground,
                   framebuffer->colours[VIEW_NIGHT]);
}

/* Cells [start, end) of a row. */
static void paint_run(struct framebuffer *framebuffer, const struct view_cell *cells, unsigned row,
                      unsigned start, unsigned end)
{
    size_t top = framebuffer->top_pixels + (size_t)row * framebuffer->cell_height;
    size_t left = framebuffer->left_pixels + (size_t)start * framebuffer->cell_width;

    for (unsigned y = 0; y < framebuffer->cell_height; y++) {
        uint8_t *at =
            framebuffer->pixels + (top + y) * framebuffer->stride_bytes + left * PIXEL_BYTES;

        for (unsigned column = start; column < end; column++)
            at = put_cell_row(framebuffer, at, &cells[column], y);
    }
    framebuffer->bytes_written +=
        (uint64_t)(end - start) * framebuffer->cell_width * framebuffer->cell_height * PIXEL_BYTES;
}

static bool differs(const struct view_cell *a, const struct view_cell *b)
{
    return memcmp(a, b, sizeof(*a)) != 0;
}

static void paint_row(struct framebuffer *framebuffer, const struct view_cell *cells,
                      struct view_cell *shown, unsigned row)
{
    unsigned column = 0;

    while (column < framebuffer->columns) {
        unsigned start;

        while (column < framebuffer->columns && !differs(&cells[column], &shown[column]))
            column++;
        start = column;
        while (column < framebuffer->columns && differs(&cells[column], &shown[column])) {
            shown[column] = cells[column];
            column++;
        }
        if (column > start)
            paint_run(framebuffer, cells, row, start, column);
    }
}

void framebuffer_paint(struct framebuffer *framebuffer, const struct view_sheet *sheet,
                       struct view_cell *shown)
{
    for (unsigned row = 0; row < framebuffer->rows; row++)
        paint_row(framebuffer, sheet_row(sheet, row), shown + (size_t)row * framebuffer->columns,
                  row);
}
