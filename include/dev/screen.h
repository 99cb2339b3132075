/* SPDX-License-Identifier: BSD-2-Clause
 *
 * dev/screen.h - the machine's screen: a framebuffer, VGA's text mode, or none.
 *
 * It shows one of two sheets: the console's, a terminal that all text of the kernel goes to, or one
 * to draw on. Both are ordinary memory; screen_flush() brings to the device what has changed. Text that
 * comes before the screen is kept and shown once it is there. A kernel that has failed shows the
 * console, whatever was shown before.
 *
 * Called under the console's lock, but for screen_start() (early, one processor).
 */
#ifndef MERIDIAN_DEV_SCREEN_H
#define MERIDIAN_DEV_SCREEN_H

#include "lib/print.h"
#include "lib/status.h"
#include "mm/handoff_adopt.h"
#include "view/sheet.h"

#define SCREEN_TEXT_BASE 0xb8000u /* VGA's text, 80x25 characters with their colours */

/* Whether a BIOS has left its screen in that mode; `page_zero` is the first page of memory, with the
 * BIOS's data area. */
bool screen_bios_shows_text(const uint8_t *page_zero);

/* Finds the screen that the handoff tells of, maps it and gets memory for the sheets; nothing is
 * drawn before the first flush. After vmm_init(). STATUS_NOT_FOUND: there is none; else why it cannot
 * be used. */
enum status screen_start(const struct handoff_view *machine);

bool screen_is_there(void);

/* Adds to the console's sheet. */
void screen_write(const char *text, size_t size);

/* Something is to be shown that is not shown yet. */
bool screen_is_stale(void);

/* Shows it. */
void screen_flush(void);

/* The sheet to draw on; drawing is followed by screen_show(true) or screen_changed(). Only where
 * screen_is_there(). */
struct view_sheet *screen_sheet(void);

/* Which sheet is shown from the next flush on: the one to draw on, or the console's. */
void screen_show(bool drawing);

/* The sheet to draw on was drawn on. */
void screen_changed(void);

struct screen_facts {
    bool is_text; /* VGA's text mode: cells are characters, and the figures in pixels are 0 */
    unsigned columns;
    unsigned rows;
    unsigned cell_width;
    unsigned cell_height;
    unsigned left_pixels; /* of the first cell */
    unsigned top_pixels;
    uint64_t bytes_written; /* to the device since the start */
    uint64_t flushes;
};
void screen_get_facts(struct screen_facts *facts);

/* "1280x800 pixels, 160 columns, 50 rows", or "none". */
void screen_describe(struct print_sink *sink);

#endif
