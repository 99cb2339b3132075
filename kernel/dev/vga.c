/* SPDX-License-Identifier: BSD-2-Clause
 *
 * vga.c - cells to VGA's text mode.
 *
 * Of the colours the sixteen of the device are left, and of a tile its two squares without borders.
 * Source: IBM VGA, "Attribute Controller" (mode control register, bit 3: blink) and "CRT
 * Controller" (cursor start register, bit 5: cursor off).
 */
#include "vga.h"

#include "arch/port.h"
#include "lib/string.h"

#define PORT_ATTRIBUTE       0x3c0
#define PORT_ATTRIBUTE_READ  0x3c1
#define PORT_CRT_INDEX       0x3d4
#define PORT_CRT_DATA        0x3d5
#define PORT_STATUS          0x3da /* reading it makes the attribute port expect an index */
#define ATTRIBUTE_MODE       0x10
#define ATTRIBUTE_KEEP_VIDEO 0x20
#define MODE_BLINK           0x08
#define CRT_CURSOR_START     0x0a
#define CURSOR_OFF           0x20

void vga_prepare(void)
{
    uint8_t mode;

    (void)arch_port_read8(PORT_STATUS);
    arch_port_write8(PORT_ATTRIBUTE, ATTRIBUTE_MODE | ATTRIBUTE_KEEP_VIDEO);
    mode = arch_port_read8(PORT_ATTRIBUTE_READ);
    (void)arch_port_read8(PORT_STATUS);
    arch_port_write8(PORT_ATTRIBUTE, ATTRIBUTE_MODE | ATTRIBUTE_KEEP_VIDEO);
    arch_port_write8(PORT_ATTRIBUTE, (uint8_t)(mode & ~MODE_BLINK));
    arch_port_write8(PORT_CRT_INDEX, CRT_CURSOR_START);
    arch_port_write8(PORT_CRT_DATA, CURSOR_OFF);
}

/* ANSI counts red 1, green 2, blue 4; VGA the other way around. */
static unsigned vga_colour(uint8_t colour)
{
    unsigned ansi = view_colour_facts(colour)->ansi;

    return (ansi & 0xau) | (ansi & 1u) << 2 | (ansi & 4u) >> 2;
}

uint16_t vga_cell(const struct view_cell *cell)
{
    unsigned colours = vga_colour(cell->ground) << 4 | vga_colour(cell->ink);

    return (uint16_t)(colours << 8 | view_glyph_cp437(cell->glyph));
}

static size_t paint_row(volatile uint16_t *text, const struct view_cell *cells,
                        struct view_cell *shown)
{
    size_t written = 0;

    for (unsigned column = 0; column < VGA_COLUMNS; column++) {
        if (memcmp(&cells[column], &shown[column], sizeof(*cells)) == 0)
            continue;
        shown[column] = cells[column];
        text[column] = vga_cell(&cells[column]);
        written += sizeof(*text);
    }
    return written;
}

size_t vga_paint(volatile uint16_t *text, const struct view_sheet *sheet, struct view_cell *shown)
{
    size_t written = 0;

    for (unsigned row = 0; row < VGA_ROWS; row++)
        written +=
            paint_row(text + row * VGA_COLUMNS, sheet_row(sheet, row), shown + row * VGA_COLUMNS);
    return written;
}
