/* SPDX-License-Identifier: BSD-2-Clause
 *
 * vga.h - VGA's text mode of 80 columns and 25 rows.
 */
#ifndef MERIDIAN_DEV_VGA_H
#define MERIDIAN_DEV_VGA_H

#include "view/sheet.h"

#define VGA_COLUMNS    80u
#define VGA_ROWS       25u
#define VGA_TEXT_BYTES (VGA_COLUMNS * VGA_ROWS * 2)

/* Our colours, background colours above 7 instead of blinking text, and no cursor of its own. */
void vga_prepare(void);

/* What the device shows for a cell: code page 437 in the lower byte, colours in the upper one. */
uint16_t vga_cell(const struct view_cell *cell);

/* Writes the cells of `sheet`, VGA_COLUMNS x VGA_ROWS, that differ from `shown`, and notes them there;
 * returns the bytes written to `text`. */
size_t vga_paint(volatile uint16_t *text, const struct view_sheet *sheet, struct view_cell *shown);

#endif
