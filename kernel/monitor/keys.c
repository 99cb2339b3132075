/* SPDX-License-Identifier: BSD-2-Clause
 *
 * keys.c - from bytes of a terminal to keys.
 *
 *            ESC                 [                      final byte
 *   TEXT ─────────> ESCAPE ───────────> SEQUENCE ──────────────────> TEXT, with a key or none
 *    │ ^               │  O                any byte
 *  CR│ │any            └──────> SHIFT ─────────────────────────────> TEXT, with a key or none
 *    v │
 *   RETURN   (swallows one LF)
 *
 * A sequence is ESC [, parameter bytes 0x30-0x3F, intermediate bytes 0x20-0x2F, a final byte
 * 0x40-0x7E (ECMA-48, 5.4). A control character ends any sequence and counts as itself; ESC begins
 * a new one. Bytes from 0x7F on end a sequence and are dropped.
 */

#include "monitor/keys.h"

#define ESC           0x1bu
#define DEL           0x7fu
#define PARAMETER_MAX 9999u

#define CTRL(letter)  ((uint8_t)((letter)-0x40))

/* Control characters, as shells have them since Emacs. */
static enum key control_key(uint8_t byte)
{
    static const uint8_t keys[0x20] = {
        [CTRL('A')] = KEY_HOME,
        [CTRL('B')] = KEY_LEFT,
        [CTRL('C')] = KEY_CANCEL,
        [CTRL('D')] = KEY_DELETE,
        [CTRL('E')] = KEY_END,
        [CTRL('F')] = KEY_RIGHT,
        [CTRL('H')] = KEY_BACKSPACE,
        [CTRL('I')] = KEY_TAB,
        [CTRL('J')] = KEY_ENTER,
        [CTRL('K')] = KEY_ERASE_TO_END,
        [CTRL('L')] = KEY_REDRAW,
        [CTRL('M')] = KEY_ENTER,
        [CTRL('N')] = KEY_DOWN,
        [CTRL('P')] = KEY_UP,
        [CTRL('U')] = KEY_ERASE_TO_START,
        [CTRL('W')] = KEY_ERASE_WORD_LEFT,
    };

    return (enum key)keys[byte];
}

/* ESC and one character: what the Alt key sends. */
static enum key alt_key(uint8_t byte)
{
    switch (byte) {
    case 'b':
        return KEY_WORD_LEFT;
    case 'f':
        return KEY_WORD_RIGHT;
    case 'd':
        return KEY_ERASE_WORD_RIGHT;
    case DEL:
        return KEY_ERASE_WORD_LEFT;
    default:
        return KEY_NONE;
    }
}

/* ESC [ n ~: the keys above the arrows. Home and End have two numbers each, by terminal. */
static enum key numbered_key(unsigned number)
{
    switch (number) {
    case 1:
    case 7:
        return KEY_HOME;
    case 3:
        return KEY_DELETE;
    case 4:
    case 8:
        return KEY_END;
    case 11:
    case 12:
    case 13:
    case 14:
        return (enum key)(KEY_F1 + (number - 11));
    default:
        return KEY_NONE;
    }
}

/* The last byte of ESC [ or ESC O; `modified`: together with Ctrl or Alt. */
static enum key final_key(uint8_t byte, bool modified)
{
    switch (byte) {
    case 'A':
        return KEY_UP;
    case 'B':
        return KEY_DOWN;
    case 'C':
        return modified ? KEY_WORD_RIGHT : KEY_RIGHT;
    case 'D':
        return modified ? KEY_WORD_LEFT : KEY_LEFT;
    case 'F':
        return KEY_END;
    case 'H':
        return KEY_HOME;
    case 'P':
        return KEY_F1;
    case 'Q':
        return KEY_F2;
    case 'R':
        return KEY_F3;
    case 'S':
        return KEY_F4;
    default:
        return KEY_NONE;
    }
}

static void begin_sequence(struct key_parser *parser)
{
    parser->state = KEY_STATE_SEQUENCE;
    parser->parameters[0] = 0;
    parser->parameters[1] = 0;
    parser->parameter_count = 0;
}

static void add_digit(struct key_parser *parser, unsigned digit)
{
    unsigned *parameter;

    if (parser->parameter_count >= 2)
        return;
    parameter = &parser->parameters[parser->parameter_count];
    *parameter = *parameter * 10 + digit;
    if (*parameter > PARAMETER_MAX)
        *parameter = PARAMETER_MAX;
}

/* The second parameter is 1 + a sum of 1 Shift, 2 Alt, 4 Ctrl. */
static bool with_modifier(const struct key_parser *parser)
{
    unsigned modifier = parser->parameters[1];

    return modifier > 1 && ((modifier - 1) & (2 | 4)) != 0;
}

static enum key feed_sequence(struct key_parser *parser, uint8_t byte)
{
    if (byte >= '0' && byte <= '9') {
        add_digit(parser, byte - (unsigned)'0');
        return KEY_NONE;
    }
    if (byte == ';' && parser->parameter_count < 2)
        parser->parameter_count++;
    if (byte < 0x40)
        return KEY_NONE;
    parser->state = KEY_STATE_TEXT;
    return byte == '~' ? numbered_key(parser->parameters[0])
                       : final_key(byte, with_modifier(parser));
}

static enum key feed_escape(struct key_parser *parser, uint8_t byte)
{
    parser->state = KEY_STATE_TEXT;
    if (byte == '[')
        begin_sequence(parser);
    else if (byte == 'O')
        parser->state = KEY_STATE_SHIFT;
    else
        return alt_key(byte);
    return KEY_NONE;
}

static enum key feed_control(struct key_parser *parser, uint8_t byte)
{
    bool second_half = byte == CTRL('J') && parser->state == KEY_STATE_RETURN;

    parser->state = byte == ESC         ? KEY_STATE_ESCAPE
                    : byte == CTRL('M') ? KEY_STATE_RETURN
                                        : KEY_STATE_TEXT;
    return second_half ? KEY_NONE : control_key(byte);
}

static enum key feed_text(struct key_parser *parser, uint8_t byte)
{
    parser->state = KEY_STATE_TEXT;
    if (byte == DEL)
        return KEY_BACKSPACE;
    return byte < DEL ? KEY_TEXT : KEY_NONE;
}

void keys_init(struct key_parser *parser)
{
    *parser = (struct key_parser){ .state = KEY_STATE_TEXT };
}

enum key keys_feed(struct key_parser *parser, uint8_t byte)
{
    if (byte < 0x20)
        return feed_control(parser, byte);
    switch (parser->state) {
    case KEY_STATE_TEXT:
    case KEY_STATE_RETURN:
        break;
    case KEY_STATE_ESCAPE:
        return feed_escape(parser, byte);
    case KEY_STATE_SHIFT:
        parser->state = KEY_STATE_TEXT;
        return final_key(byte, false);
    case KEY_STATE_SEQUENCE:
        if (byte < DEL)
            return feed_sequence(parser, byte);
        parser->state = KEY_STATE_TEXT;
        return KEY_NONE;
    }
    return feed_text(parser, byte);
}
