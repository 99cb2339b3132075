/* SPDX-License-Identifier: BSD-2-Clause
 *
 * stage_mark.c - three characters in a corner: boot/stage.h. The loader's and the kernel's.
 *
 *     . . . . . . . . . . . . .       a dot is `scale` pixels square, so that a photo of the whole
 *     . # . . . # . . . # # # .       screen can be read; the ground around the characters is black,
 *     . # . . . # . . . # . # .       whatever the firmware has painted there
 *     . # . . . # . . . # . # .
 *     . # . . . # . . . # . # .
 *     . # # # . # . . . # # # .
 *     . . . . . . . . . . . . .
 *
 * It needs no memory, no firmware and no font, and can be painted where nothing else may be done.
 */
#include "boot/stage.h"

#include "lib/types.h"

#define PIXEL_BITS       32u
#define CHARACTERS       3u
#define GLYPH_COLUMNS    3u
#define GLYPH_ROWS       5u
#define PITCH            (GLYPH_COLUMNS + 1) /* one dot of ground to the left of each */
#define MARK_COLUMNS     (CHARACTERS * PITCH + 1)
#define MARK_ROWS        (GLYPH_ROWS + 2)
#define LINES_PER_SCALE  270u /* lines of a screen for each pixel of a dot */
#define SCALE_MIN        2u
#define BITS_OF_A_NUMBER 4u

/* Five rows of three dots: a digit in octal is a row, from the top. */
static const uint16_t digits[] = { 075557, 026227, 071747, 071717, 055711,
                                   074717, 074757, 071111, 075757, 075717 };
static const uint16_t glyph_k = 055655;
static const uint16_t glyph_l = 044447;

void stage_name(enum stage stage, char name[static STAGE_NAME_BYTES])
{
    name[0] = stage < STAGE_FIRST_OF_KERNEL ? 'L' : 'K';
    name[1] = (char)('0' + ((unsigned)stage >> BITS_OF_A_NUMBER));
    name[2] = (char)('0' + ((unsigned)stage & 0xf));
    name[3] = '\0';
}

void stage_mark_open(struct stage_mark *mark, const struct handoff_framebuffer *facts, void *pixels)
{
    uint32_t scale = facts->height_pixels / LINES_PER_SCALE;

    *mark = (struct stage_mark){ 0 };
    if (scale < SCALE_MIN)
        scale = SCALE_MIN;
    if (pixels == NULL || facts->bits_per_pixel != PIXEL_BITS ||
        facts->width_pixels < MARK_COLUMNS * scale || facts->height_pixels < MARK_ROWS * scale)
        return;
    mark->corner = (unsigned char *)pixels +
                   (size_t)(facts->width_pixels - MARK_COLUMNS * scale) * sizeof(uint32_t);
    mark->stride_bytes = facts->stride_bytes;
    mark->scale = scale;
    mark->ink = facts->red_mask | facts->green_mask | facts->blue_mask;
}

/* A rectangle of dots in one colour. */
static void fill(const struct stage_mark *mark, unsigned column, unsigned row, unsigned columns,
                 unsigned rows, uint32_t colour)
{
    unsigned char *line = mark->corner + (size_t)row * mark->scale * mark->stride_bytes +
                          (size_t)column * mark->scale * sizeof(uint32_t);

    for (unsigned y = 0; y < rows * mark->scale; y++, line += mark->stride_bytes) {
        uint32_t *pixel = (void *)line;

        for (unsigned x = 0; x < columns * mark->scale; x++)
            pixel[x] = colour;
    }
}

static uint16_t glyph_of(char character)
{
    if (character == 'L' || character == 'K')
        return character == 'L' ? glyph_l : glyph_k;
    return digits[character - '0'];
}

static void paint_character(const struct stage_mark *mark, unsigned place, char character)
{
    unsigned left = place * PITCH + 1;
    unsigned glyph = glyph_of(character);

    for (unsigned row = 0; row < GLYPH_ROWS; row++) {
        for (unsigned column = 0; column < GLYPH_COLUMNS; column++) {
            unsigned dot = GLYPH_COLUMNS * (GLYPH_ROWS - row) - 1 - column;

            fill(mark, left + column, 1 + row, 1, 1, (glyph >> dot & 1) != 0 ? mark->ink : 0);
        }
    }
}

void stage_mark_paint(struct stage_mark *mark, enum stage stage)
{
    char name[STAGE_NAME_BYTES];

    if (mark->corner == NULL)
        return;
    stage_name(stage, name);
    if (mark->shown[0] == '\0')
        fill(mark, 0, 0, MARK_COLUMNS, MARK_ROWS, 0);
    for (unsigned i = 0; i < CHARACTERS; i++) {
        if (mark->shown[i] != name[i])
            paint_character(mark, i, name[i]);
        mark->shown[i] = name[i];
    }
}
