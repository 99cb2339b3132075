/* SPDX-License-Identifier: BSD-2-Clause
 *
 * keyboard.c - from scan codes to what a terminal sends.
 *
 * Set 1: a key sends its code, and the same with bit 7 when it is let go; grey keys send 0xE0
 * before. Pause sends six codes and no break; they are swallowed. Two tables have the characters, without and
 * with shift; a third one the final letters of the grey keys' sequences.
 * Source: IBM PS/2 Technical Reference, "Keyboard", scan code set 1.
 */
#include "dev/keyboard.h"

#include "lib/string.h"

#define CODE_EXTENDED    0xe0u
#define CODE_PAUSE       0xe1u
#define CODE_BREAK       0x80u
#define PAUSE_CODES_LEFT 5u

#define CODE_ESCAPE      0x01u
#define CODE_CONTROL     0x1du
#define CODE_LEFT_SHIFT  0x2au
#define CODE_RIGHT_SHIFT 0x36u
#define CODE_CAPS_LOCK   0x3au
#define CODE_F1          0x3bu
#define CODE_F4          0x3eu
#define CODE_KEYPAD_7    0x47u
#define CODE_DELETE      0x53u

#define FIRST_KEYS       0x3a /* codes that are characters */
#define DEL              "\x7f"

/* Codes 0 to 0x39; 0 where there is no character. */
static const char plain[FIRST_KEYS] = "\0\x1b"
                                      "1234567890-=\x7f\t"
                                      "qwertyuiop[]\r\0"
                                      "asdfghjkl;'`\0\\"
                                      "zxcvbnm,./\0*\0 ";
static const char shifted[FIRST_KEYS] = "\0\x1b"
                                        "!@#$%^&*()_+\x7f\t"
                                        "QWERTYUIOP{}\r\0"
                                        "ASDFGHJKL:\"~\0|"
                                        "ZXCVBNM<>?\0*\0 ";

/* What the codes from 0x47 on send with 0xE0 before, and on the number pad; NULL: nothing. */
static const char *const grey[CODE_DELETE - CODE_KEYPAD_7 + 1] = {
    "\x1b[H", "\x1b[A", "\x1b[5~", "-",       "\x1b[D", NULL,      "\x1b[C",
    "+",      "\x1b[F", "\x1b[B",  "\x1b[6~", NULL,     "\x1b[3~",
};

static size_t send(const char *sequence, char text[KEYBOARD_SEQUENCE_BYTES])
{
    size_t size = sequence == NULL ? 0 : strlen(sequence);

    memcpy(text, sequence == NULL ? "" : sequence, size);
    return size;
}

static size_t send_character(const struct keyboard_keys *keys, uint8_t code,
                             char text[KEYBOARD_SEQUENCE_BYTES])
{
    bool shift = keys->left_shift || keys->right_shift;
    char character = shift ? shifted[code] : plain[code];
    char lower = plain[code];
    bool is_letter = lower >= 'a' && lower <= 'z';

    if (is_letter && keys->caps_lock)
        character = shift ? lower : shifted[code];
    if (is_letter && keys->control != 0)
        character = (char)(lower & 0x1f);
    text[0] = character;
    return character != '\0';
}

/* Shift, control and caps lock: true when the code was one of them. */
static bool take_modifier(struct keyboard_keys *keys, uint8_t code, bool pressed, bool extended)
{
    unsigned side = extended ? 2 : 1;

    switch (code) {
    case CODE_LEFT_SHIFT:
    case CODE_RIGHT_SHIFT:
        /* With 0xE0 before it, it belongs to a grey key and is none. */
        if (!extended && code == CODE_LEFT_SHIFT)
            keys->left_shift = pressed;
        else if (!extended)
            keys->right_shift = pressed;
        return true;
    case CODE_CONTROL:
        keys->control = pressed ? keys->control | side : keys->control & ~side;
        return true;
    case CODE_CAPS_LOCK:
        keys->caps_lock ^= pressed;
        return true;
    default:
        return false;
    }
}

static size_t take_key(const struct keyboard_keys *keys, uint8_t code, bool extended,
                       char text[KEYBOARD_SEQUENCE_BYTES])
{
    static const char *const functions[] = { "\x1bOP", "\x1bOQ", "\x1bOR", "\x1bOS" };

    /* The keypad's Enter and '/' are the main keys' with 0xE0. */
    if (code < FIRST_KEYS)
        return send_character(keys, code, text);
    if (code >= CODE_KEYPAD_7 && code <= CODE_DELETE)
        return send(grey[code - CODE_KEYPAD_7], text);
    if (!extended && code >= CODE_F1 && code <= CODE_F4)
        return send(functions[code - CODE_F1], text);
    return 0;
}

size_t keyboard_decode(struct keyboard_keys *keys, uint8_t code, char text[KEYBOARD_SEQUENCE_BYTES])
{
    bool extended = keys->extended;
    bool pressed = (code & CODE_BREAK) == 0;

    if (keys->pause > 0) {
        keys->pause--;
        return 0;
    }
    keys->extended = code == CODE_EXTENDED;
    if (code == CODE_PAUSE)
        keys->pause = PAUSE_CODES_LEFT;
    if (code == CODE_EXTENDED || code == CODE_PAUSE)
        return 0;
    code &= (uint8_t)~CODE_BREAK;
    if (take_modifier(keys, code, pressed, extended) || !pressed)
        return 0;
    return take_key(keys, code, extended, text);
}
