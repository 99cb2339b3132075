/* SPDX-License-Identifier: BSD-2-Clause
 *
 * vga.c - cells to VGA's text mode.
 *
 * Of the colours sixteen are left, and of a tile its two squares without borders. The device is given the
 * palette of the dashboard: each of its sixteen colours looks like the first of ours that uses it.
 * Source: IBM VGA, "Attribute Controller" (mode control register, bit 3: blink; palette registers), "CRT
 * Controller" (cursor start register, bit 5: cursor off) and "Digital-to-Analog Converter" (6 bits a
 * colour).
 */
#include "vga.h"

#include "arch/port.h"
#include "lib/string.h"

#define PORT_ATTRIBUTE       0x3c0
#define PORT_ATTRIBUTE_READ  0x3c1
#define PORT_DAC_INDEX       0x3c8
#define PORT_DAC_DATA        0x3c9
#define PORT_CRT_INDEX       0x3d4
#define PORT_CRT_DATA        0x3d5
#define PORT_STATUS          0x3da /* reading it makes the attribute port expect an index */
#define ATTRIBUTE_MODE       0x10
#define ATTRIBUTE_KEEP_VIDEO 0x20
#define MODE_BLINK           0x08
#define CRT_CURSOR_START     0x0a
#define CURSOR_OFF           0x20

/* ANSI counts red 1, green 2, blue 4; VGA the other way around. */
static unsigned vga_number(unsigned ansi)
{
    return (ansi & 0xau) | (ansi & 1u) << 2 | (ansi & 4u) >> 2;
}

static void write_attribute(uint8_t index, uint8_t value)
{
    (void)arch_port_read8(PORT_STATUS);
    arch_port_write8(PORT_ATTRIBUTE, index | ATTRIBUTE_KEEP_VIDEO);
    arch_port_write8(PORT_ATTRIBUTE, value);
}

static uint8_t read_attribute(uint8_t index)
{
    (void)arch_port_read8(PORT_STATUS);
    arch_port_write8(PORT_ATTRIBUTE, index | ATTRIBUTE_KEEP_VIDEO);
    return arch_port_read8(PORT_ATTRIBUTE_READ);
}

/* Colour n becomes entry n of the converter. */
static void set_colour(unsigned number, uint32_t rgb)
{
    write_attribute((uint8_t)number, (uint8_t)number);
    arch_port_write8(PORT_DAC_INDEX, (uint8_t)number);
    arch_port_write8(PORT_DAC_DATA, (uint8_t)(rgb >> 18 & 0x3f));
    arch_port_write8(PORT_DAC_DATA, (uint8_t)(rgb >> 10 & 0x3f));
    arch_port_write8(PORT_DAC_DATA, (uint8_t)(rgb >> 2 & 0x3f));
}

void vga_prepare(void)
{
    unsigned done = 0;

    for (unsigned colour = 0; colour < VIEW_COLOUR_COUNT; colour++) {
        const struct view_colour_facts *facts = view_colour_facts((uint8_t)colour);

        /* Bars and lines take what memory and text look like. */
        if (colour == VIEW_PANEL || colour == VIEW_LINE)
            continue;
        if ((done & 1u << facts->ansi) == 0)
            set_colour(vga_number(facts->ansi), facts->rgb);
        done |= 1u << facts->ansi;
    }
    write_attribute(ATTRIBUTE_MODE, (uint8_t)(read_attribute(ATTRIBUTE_MODE) & ~MODE_BLINK));
    arch_port_write8(PORT_CRT_INDEX, CRT_CURSOR_START);
    arch_port_write8(PORT_CRT_DATA, CURSOR_OFF);
}

uint16_t vga_cell(const struct view_cell *cell)
{
    unsigned ground = vga_number(view_colour_facts(cell->ground)->ansi);
    unsigned colours = ground << 4 | vga_number(view_colour_facts(cell->ink)->ansi);

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
