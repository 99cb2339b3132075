/* SPDX-License-Identifier: BSD-2-Clause
 *
 * font.h - the pictures of characters, and those of lines, bars and tiles.
 */
#ifndef MERIDIAN_DEV_FONT_H
#define MERIDIAN_DEV_FONT_H

#include "lib/types.h"

#define FONT_CHARACTERS 95 /* 0x20 to 0x7E */

/* Rows from the top, the leftmost pixel highest: tools/font.py makes them of Spleen. */
extern const uint16_t font_8x16[FONT_CHARACTERS * 16];
extern const uint16_t font_16x32[FONT_CHARACTERS * 32];

struct font {
    const uint16_t *characters;
    unsigned width;
    unsigned height;
};

/* The one that a screen of that many lines is read best in. */
const struct font *font_for_screen(unsigned width_pixels, unsigned height_pixels);

/* Which pixels of row `y` of a glyph have the ink, the leftmost highest; the others have the ground.
 * Any glyph that is no tile; what is unknown is blank. */
uint32_t font_row(const struct font *font, uint8_t glyph, unsigned y);

/* Tiles have three colours. The ink's (upper square's) or the ground's (lower square's) pixels of
 * row `y`, in *upper which of both; where no bit is set the screen's background is. */
bool font_is_tile(uint8_t glyph);
uint32_t font_tile_row(const struct font *font, uint8_t glyph, unsigned y, bool *upper);

#endif
