/* SPDX-License-Identifier: BSD-2-Clause
 *
 * dev/framebuffer.h - a linear framebuffer of 32-bit pixels, painted cell by cell.
 *
 * Its memory is write-combining: written in order, never read, and each pixel that changes is
 * written once. What is on the screen is known from `shown`, in ordinary memory. Lines may be any number
 * of bytes apart, colours may lie under any masks. Any context; the caller's locking.
 */
#ifndef MERIDIAN_DEV_FRAMEBUFFER_H
#define MERIDIAN_DEV_FRAMEBUFFER_H

#include "boot/handoff.h"
#include "lib/status.h"
#include "view/sheet.h"

struct font;

struct framebuffer {
    uint8_t *pixels;
    unsigned width_pixels;
    unsigned height_pixels;
    size_t stride_bytes;
    const struct font *font;
    unsigned columns; /* of cells */
    unsigned rows;
    unsigned left_pixels; /* of the first cell: what is over lies on both sides */
    unsigned top_pixels;
    unsigned cell_width;
    unsigned cell_height;
    uint32_t colours[VIEW_COLOUR_COUNT]; /* as pixels */
    uint64_t bytes_written;              /* to the framebuffer, since it was opened */
};

/* The framebuffer that `facts` describe, whose first byte is at `pixels`; nothing is drawn yet.
 * STATUS_INVALID: its numbers make no sense; STATUS_UNSUPPORTED: other than 32-bit pixels, masks of
 * no bits, over each other or with holes, or no room for a few cells. */
enum status framebuffer_open(struct framebuffer *framebuffer,
                             const struct handoff_framebuffer *facts, void *pixels);

/* What lies around the cells gets the background's colour. */
void framebuffer_clear_margins(struct framebuffer *framebuffer);

/* Paints the cells of `sheet`, which has the framebuffer's columns and rows, that differ from
 * `shown` (columns x rows cells, row by row), and notes them there. */
void framebuffer_paint(struct framebuffer *framebuffer, const struct view_sheet *sheet,
                       struct view_cell *shown);

#endif
