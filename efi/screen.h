/* SPDX-License-Identifier: BSD-2-Clause
 *
 * screen.h - the firmware's console as a screen of lines, and its keys.
 *
 * Every firmware has 80 columns and 25 rows at least (UEFI 2.10, 12.4), and so does a serial line;
 * nothing here uses the last column, behind which a terminal goes on to the next row. Without a
 * console all of it does nothing, and no key comes.
 */
#ifndef MERIDIAN_EFI_SCREEN_H
#define MERIDIAN_EFI_SCREEN_H

#include "lib/types.h"
#include "uefi.h"

#define SCREEN_COLUMNS  79u
#define SCREEN_MIN_ROWS 25u

enum screen_colour {
    SCREEN_PLAIN,
    SCREEN_BRIGHT,
    SCREEN_TITLE,
    SCREEN_CHOSEN,
    SCREEN_HINT,
    SCREEN_WARNING,
};

/* Clears it, and hides the cursor. */
void screen_clear(void);

/* As it was found: for what prints lines as they come. */
void screen_release(void);

/* How many rows the console has in its mode. */
unsigned screen_rows(void);

/* A whole row: text, cut to the columns, and blanks up to the end of the row. */
[[gnu::format(printf, 3, 4)]] void screen_line(unsigned row, enum screen_colour colour,
                                               const char *format, ...);

/* Shows the cursor there. */
void screen_cursor(unsigned row, unsigned column);

/* Whether there is anybody who could press a key: a keyboard that fails for a second is none any more. */
bool screen_has_keys(void);

/* The next key, if one comes in this time; 0 asks once, and waits for nothing. */
bool screen_key(unsigned milliseconds, EFI_INPUT_KEY *key);

/* The next key, however long it takes; Escape where none can come. */
EFI_INPUT_KEY screen_wait_key(void);

#endif
