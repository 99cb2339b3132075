/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_monitor_keys.c - properties of monitor/keys.h.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "lib/types.h"
#include "monitor/keys.h"

#define KEYS_MAX 64

/* The keys that `bytes` make, without KEY_NONE, from a fresh parser. */
struct typed {
    enum key keys[KEYS_MAX];
    unsigned count;
};

static struct typed type(const char *bytes)
{
    struct typed typed = { .count = 0 };
    struct key_parser parser;

    keys_init(&parser);
    for (; *bytes != '\0'; bytes++) {
        enum key key = keys_feed(&parser, (uint8_t)*bytes);

        if (key != KEY_NONE)
            typed.keys[typed.count++] = key;
    }
    return typed;
}

static void expect_key(const char *bytes, enum key key)
{
    struct typed typed = type(bytes);

    assert_int_equal(typed.count, 1);
    assert_int_equal(typed.keys[0], key);
}

static void expect_nothing(const char *bytes)
{
    assert_int_equal(type(bytes).count, 0);
}

static void printable_characters(void **state)
{
    /* Exactly the printable characters of ASCII are text. */
    struct key_parser parser;

    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        keys_init(&parser);
        assert_int_equal(keys_feed(&parser, (uint8_t)byte) == KEY_TEXT,
                         byte >= 0x20 && byte < 0x7f);
    }
}

static void line_ends(void **state)
{
    /* CR, LF and CR LF are each one Enter; CR CR and LF LF are two. */
    (void)state;
    expect_key("\r", KEY_ENTER);
    expect_key("\n", KEY_ENTER);
    expect_key("\r\n", KEY_ENTER);
    assert_int_equal(type("\r\r").count, 2);
    assert_int_equal(type("\n\n").count, 2);
    assert_int_equal(type("\r\n\r\n").count, 2);
    assert_int_equal(type("\ra\n").count, 3);
}

static void control_characters(void **state)
{
    /* The control characters mean what they mean in a shell. */
    (void)state;
    expect_key("\x01", KEY_HOME);
    expect_key("\x03", KEY_CANCEL);
    expect_key("\x04", KEY_DELETE);
    expect_key("\x05", KEY_END);
    expect_key("\x08", KEY_BACKSPACE);
    expect_key("\x7f", KEY_BACKSPACE);
    expect_key("\x09", KEY_TAB);
    expect_key("\x0b", KEY_ERASE_TO_END);
    expect_key("\x0c", KEY_REDRAW);
    expect_key("\x0e", KEY_DOWN);
    expect_key("\x10", KEY_UP);
    expect_key("\x15", KEY_ERASE_TO_START);
    expect_key("\x17", KEY_ERASE_WORD_LEFT);
    expect_nothing("\x07");
}

static void escape_sequences(void **state)
{
    /* Arrows, Home, End and Delete are known in each form that terminals send them in. */
    (void)state;
    expect_key("\x1b[A", KEY_UP);
    expect_key("\x1b[B", KEY_DOWN);
    expect_key("\x1b[C", KEY_RIGHT);
    expect_key("\x1b[D", KEY_LEFT);
    expect_key("\x1bOA", KEY_UP);
    expect_key("\x1bOH", KEY_HOME);
    expect_key("\x1b[F", KEY_END);
    expect_key("\x1b[1~", KEY_HOME);
    expect_key("\x1b[7~", KEY_HOME);
    expect_key("\x1b[4~", KEY_END);
    expect_key("\x1b[8~", KEY_END);
    expect_key("\x1b[3~", KEY_DELETE);
}

static void modified_arrows(void **state)
{
    /* An arrow with Ctrl or Alt moves by words, with Shift it is an arrow. */
    (void)state;
    expect_key("\x1b[1;5C", KEY_WORD_RIGHT);
    expect_key("\x1b[1;5D", KEY_WORD_LEFT);
    expect_key("\x1b[1;3D", KEY_WORD_LEFT);
    expect_key("\x1b[1;2D", KEY_LEFT);
    expect_key("\x1b[1;99999999999999999999D", KEY_WORD_LEFT);
    expect_key("\x1b\x62", KEY_WORD_LEFT);
    expect_key("\x1b\x66", KEY_WORD_RIGHT);
    expect_key("\x1b\x64", KEY_ERASE_WORD_RIGHT);
    expect_key("\x1b\x7f", KEY_ERASE_WORD_LEFT);
}

static void function_keys(void **state)
{
    /* F1 to F4 come in the form of xterm and in that of older terminals. */
    (void)state;
    expect_key("\x1bOP", KEY_F1);
    expect_key("\x1bOS", KEY_F4);
    expect_key("\x1b[11~", KEY_F1);
    expect_key("\x1b[14~", KEY_F4);
}

static void unknown_sequences_vanish(void **state)
{
    /* A sequence that means nothing leaves nothing behind, however long it is. */
    (void)state;
    expect_nothing("\x1b[2~");
    expect_nothing("\x1b[38;2;255;100;0m");
    expect_nothing("\x1b[?1;2c");
    expect_nothing("\x1b[1 q");
    expect_nothing("\x1bOT");
    expect_nothing("\x1bz");
    expect_nothing("\x1b[123456789012345678901234567890123456789~");
    expect_key("\x1b[\x80"
               "a",
               KEY_TEXT);
}

static void control_characters_end_sequences(void **state)
{
    /* A control character counts wherever it comes, and what follows is text again. */
    static const char *const beginnings[] = { "", "\x1b", "\x1b[", "\x1b[1", "\x1b[1;5", "\x1bO" };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(beginnings); i++) {
        char bytes[16];
        struct typed typed;

        snprintf(bytes, sizeof bytes, "%s\x03x", beginnings[i]);
        typed = type(bytes);
        assert_int_equal(typed.count, 2);
        assert_int_equal(typed.keys[0], KEY_CANCEL);
        assert_int_equal(typed.keys[1], KEY_TEXT);
        snprintf(bytes, sizeof bytes, "%s\x1b[A", beginnings[i]);
        expect_key(bytes, KEY_UP);
    }
}

static void garbage_never_sticks(void **state)
{
    /* After any bytes at all, CR is Enter and text is text. */
    uint64_t random = 7;
    struct key_parser parser;

    (void)state;
    keys_init(&parser);
    for (int i = 0; i < 200000; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        (void)keys_feed(&parser, (uint8_t)(random >> 40));
        if (i % 7 == 0) {
            assert_int_equal(keys_feed(&parser, '\r'), KEY_ENTER);
            assert_int_equal(keys_feed(&parser, 'x'), KEY_TEXT);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(printable_characters),
        cmocka_unit_test(line_ends),
        cmocka_unit_test(control_characters),
        cmocka_unit_test(escape_sequences),
        cmocka_unit_test(modified_arrows),
        cmocka_unit_test(function_keys),
        cmocka_unit_test(unknown_sequences_vanish),
        cmocka_unit_test(control_characters_end_sequences),
        cmocka_unit_test(garbage_never_sticks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
