/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_view_keyboard.c - properties of dev/keyboard.h: what codes of set 1 become.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "dev/keyboard.h"
#include "lib/types.h"

/* What a list of codes sends, from a keyboard on which nothing is pressed. */
static void expect(const char *codes, size_t count, const char *text)
{
    struct keyboard_keys keys = { 0 };
    char sent[256];
    size_t size = 0;

    for (size_t i = 0; i < count; i++)
        size += keyboard_decode(&keys, (uint8_t)codes[i], sent + size);
    sent[size] = '\0';
    assert_string_equal(sent, text);
}

#define EXPECT(codes, text) expect(codes, sizeof(codes) - 1, text)

static void letters_and_digits(void **state)
{
    /* A key sends its character when it is pressed, and nothing when it is let go. */
    (void)state;
    EXPECT("\x23\xa3\x12\x92\x26\xa6\x19\x99", "help");
    EXPECT("\x02\x0b\x39\x35\x1c", "10 /\r");
    EXPECT("\x0e\x0f\x01", "\x7f\t\x1b");
}

static void shift_and_caps_lock(void **state)
{
    /* Shift counts while it is held; caps lock turns letters over, and only these. */
    (void)state;
    EXPECT("\x2a\x23\x02\xaa\x23\x02", "H!h1");
    EXPECT("\x36\x0c\xb6\x0c", "_-");
    EXPECT("\x3a\xba\x1e\x02\x2a\x1e\xaa\x3a\xba\x1e", "A1aa");
    EXPECT("\x2a\x36\xb6\x1e\xaa\x1e", "Aa");
}

static void control(void **state)
{
    /* Control makes control characters of letters; both keys count. */
    (void)state;
    EXPECT("\x1d\x2e\x9d\x2e", "\x03"
                               "c");
    EXPECT("\xe0\x1d\x1e\xe0\x9d\x1e", "\x01"
                                       "a");
}

static void grey_keys(void **state)
{
    /* Arrows and their neighbours send what xterm sends; the shifts that come with them are none. */
    (void)state;
    EXPECT("\xe0\x48\xe0\xc8\xe0\x50\xe0\x4b\xe0\x4d", "\x1b[A\x1b[B\x1b[D\x1b[C");
    EXPECT("\xe0\x47\xe0\x4f\xe0\x53\xe0\x49\xe0\x51", "\x1b[H\x1b[F\x1b[3~\x1b[5~\x1b[6~");
    EXPECT("\xe0\x2a\xe0\x48\xe0\xc8\xe0\xaa\x1e", "\x1b[Aa");
    EXPECT("\x3b\x3c\x3d\x3e", "\x1bOP\x1bOQ\x1bOR\x1bOS");
    EXPECT("\xe0\x1c\xe0\x35\x4a\x4e", "\r/-+");
}

static void pause_is_swallowed(void **state)
{
    /* Pause, which has no end, sends nothing and does not stick. */
    (void)state;
    EXPECT("\xe1\x1d\x45\xe1\x9d\xc5\x1e", "a");
}

static void garbage_never_sticks(void **state)
{
    /* Whatever codes come, each sends a few bytes at most, and a key is a key after them. */
    struct keyboard_keys keys = { 0 };
    char text[KEYBOARD_SEQUENCE_BYTES];
    uint64_t random = 3;

    (void)state;
    for (unsigned i = 0; i < 200000; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        assert_in_range(keyboard_decode(&keys, (uint8_t)(random >> 40), text), 0,
                        KEYBOARD_SEQUENCE_BYTES - 1);
    }
    for (unsigned i = 0; i < 6; i++)
        (void)keyboard_decode(&keys, 0xff, text);
    assert_int_equal(keyboard_decode(&keys, 0x02, text), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_and_digits),
        cmocka_unit_test(shift_and_caps_lock),
        cmocka_unit_test(control),
        cmocka_unit_test(grey_keys),
        cmocka_unit_test(pause_is_swallowed),
        cmocka_unit_test(garbage_never_sticks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
