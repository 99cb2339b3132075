/* SPDX-License-Identifier: BSD-2-Clause
 *
 * monitor/keys.h - from bytes of a terminal to keys.
 *
 * Terminals send a byte for most keys and an escape sequence for the rest (ECMA-48, 5.4; xterm's
 * control sequences, "PC-style function keys"). Sequences that mean nothing here are swallowed
 * whole; bytes that cannot continue a sequence end it. Nothing a line can send leaves the parser
 * stuck: a control character always counts, even in the middle of a sequence. Any context.
 */
#ifndef MERIDIAN_MONITOR_KEYS_H
#define MERIDIAN_MONITOR_KEYS_H

#include "lib/types.h"

enum key {
    KEY_NONE, /* no key yet, or none that is known */
    KEY_TEXT, /* a printable ASCII character */
    KEY_ENTER,
    KEY_TAB,
    KEY_LEFT,
    KEY_RIGHT,
    KEY_WORD_LEFT,
    KEY_WORD_RIGHT,
    KEY_HOME,
    KEY_END,
    KEY_UP,
    KEY_DOWN,
    KEY_BACKSPACE,
    KEY_DELETE,
    KEY_ERASE_TO_START,
    KEY_ERASE_TO_END,
    KEY_ERASE_WORD_LEFT,
    KEY_ERASE_WORD_RIGHT,
    KEY_CANCEL, /* ctrl-C: forget this line */
    KEY_REDRAW, /* ctrl-L: clear the screen */
    KEY_F1,
    KEY_F2,
    KEY_F3,
    KEY_F4,
};

enum key_state {
    KEY_STATE_TEXT,
    KEY_STATE_RETURN,   /* after CR: a LF belongs to it */
    KEY_STATE_ESCAPE,   /* after ESC */
    KEY_STATE_SHIFT,    /* after ESC O: one byte more */
    KEY_STATE_SEQUENCE, /* after ESC [ */
};

struct key_parser {
    enum key_state state;
    unsigned parameters[2]; /* of a sequence; saturate */
    unsigned parameter_count;
};

/* Ready for the first byte. */
void keys_init(struct key_parser *parser);

/* Takes one byte; the key that it completes. For KEY_TEXT the character is the byte itself. */
enum key keys_feed(struct key_parser *parser, uint8_t byte);

#endif
