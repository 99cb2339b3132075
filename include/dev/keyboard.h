/* SPDX-License-Identifier: BSD-2-Clause
 *
 * dev/keyboard.h - a PS/2 keyboard, polled; its keys come out as a terminal would send them.
 *
 * The layout is that of the United States. Keys beyond characters become the escape sequences of
 * xterm, so that whoever reads a serial line reads a keyboard as well. No interrupts are used.
 */
#ifndef MERIDIAN_DEV_KEYBOARD_H
#define MERIDIAN_DEV_KEYBOARD_H

#include "lib/status.h"
#include "lib/types.h"

#define KEYBOARD_SEQUENCE_BYTES 6

/* What of a keyboard has to be remembered between two codes. All 0: nothing pressed. */
struct keyboard_keys {
    bool extended;  /* after 0xE0 */
    unsigned pause; /* codes of the Pause key still to come */
    bool left_shift;
    bool right_shift;
    unsigned control; /* bit 0 left, bit 1 right */
    bool caps_lock;
};

/* Takes a code of set 1. What the key sends, `text` of KEYBOARD_SEQUENCE_BYTES bytes; how many bytes
 * that is, 0 for codes that send nothing. Pure. */
size_t keyboard_decode(struct keyboard_keys *keys, uint8_t code,
                       char text[KEYBOARD_SEQUENCE_BYTES]);

/* Finds controller and keyboard, and sets them up; every wait is bounded. STATUS_NOT_FOUND: there is
 * no controller, or nothing answers behind it. Early, one processor. */
enum status keyboard_start(void);

/* A character that was typed, if there is one; false as well where there is no keyboard. Does not
 * wait. One reader. */
bool keyboard_read(char *character);

#endif
