/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_efi_editor.c - properties of the menu's line editor.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <efi.h>

#include "efi/line_editor.h"

#define STEPS 200000u

/* Keys as a script: characters stand for themselves, and these for keys that have none. */
static enum line_editor_verdict press(struct line_editor *editor, char key)
{
    switch (key) {
    case '<':
        return line_editor_key(editor, SCAN_LEFT, 0);
    case '>':
        return line_editor_key(editor, SCAN_RIGHT, 0);
    case '^':
        return line_editor_key(editor, SCAN_HOME, 0);
    case '$':
        return line_editor_key(editor, SCAN_END, 0);
    case 'X':
        return line_editor_key(editor, SCAN_DELETE, 0);
    case 'B':
        return line_editor_key(editor, 0, 8);
    default:
        return line_editor_key(editor, 0, (uint8_t)key);
    }
}

static struct line_editor *type(const char *text, const char *keys)
{
    static struct line_editor editor;

    line_editor_start(&editor, (struct text){ text, strlen(text) });
    for (; *keys != '\0'; keys++)
        press(&editor, *keys);
    return &editor;
}

static void keys_edit(void **state)
{
    /* Keys insert, erase and move as everywhere; the cursor begins at the end. */
    static const struct {
        const char *text, *keys, *result;
        size_t cursor;
    } cases[] = {
        { "", "json", "json", 4 },   { "ab", "c<<d", "adbc", 2 }, { "abc", "^x$y", "xabcy", 5 },
        { "abc", "BB", "a", 1 },     { "abc", "^XX", "c", 0 },    { "abc", "<<BX", "c", 0 },
        { "abc", "^B<<", "abc", 0 }, { "abc", "X>>", "abc", 3 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct line_editor *editor = type(cases[i].text, cases[i].keys);

        assert_string_equal(editor->text, cases[i].result);
        assert_int_equal(editor->length, strlen(cases[i].result));
        assert_int_equal(editor->cursor, cases[i].cursor);
    }
}

static void keys_have_verdicts(void **state)
{
    /* Enter ends, Esc gives up, and what changes nothing says so: there is nothing to draw. */
    struct line_editor *editor = type("a", "");

    (void)state;
    assert_int_equal(line_editor_key(editor, 0, '\r'), LINE_EDITOR_DONE);
    assert_int_equal(line_editor_key(editor, SCAN_ESC, 0), LINE_EDITOR_CANCELLED);
    assert_int_equal(press(editor, '>'), LINE_EDITOR_IGNORED);
    assert_int_equal(press(editor, 'X'), LINE_EDITOR_IGNORED);
    assert_int_equal(line_editor_key(editor, SCAN_F1, 0), LINE_EDITOR_IGNORED);
    assert_int_equal(line_editor_key(editor, 0, 0xe9), LINE_EDITOR_IGNORED);
    assert_int_equal(line_editor_key(editor, 0, '\t'), LINE_EDITOR_IGNORED);
    assert_int_equal(line_editor_key(editor, 0, 0x7f), LINE_EDITOR_IGNORED);
    assert_int_equal(press(editor, 'b'), LINE_EDITOR_CHANGED);
    assert_string_equal(editor->text, "ab");
}

static void characters_stay_whole(void **state)
{
    /* A character of several bytes is passed and erased as one. */
    (void)state;
    assert_string_equal(type("a\xc3\xa9z", "<<x")->text, "ax\xc3\xa9z");
    assert_string_equal(type("a\xc3\xa9z", "<B")->text, "az");
    assert_string_equal(type("a\xe2\x82\xac", "^>X")->text, "a");
}

static void full_line_takes_no_more(void **state)
{
    /* A line of the most bytes takes no other, and one that is too long is cut to that. */
    static char longest[COMMAND_LINE_BYTES + 10];
    struct line_editor *editor;

    (void)state;
    memset(longest, 'a', sizeof(longest) - 1);
    editor = type(longest, "^");
    assert_int_equal(editor->length, COMMAND_LINE_BYTES - 1);
    assert_int_equal(press(editor, 'b'), LINE_EDITOR_IGNORED);
    assert_int_equal(press(editor, 'X'), LINE_EDITOR_CHANGED);
    assert_int_equal(press(editor, 'b'), LINE_EDITOR_CHANGED);
    assert_int_equal(strlen(editor->text), COMMAND_LINE_BYTES - 1);
    assert_int_equal(editor->text[0], 'b');
}

static void random_keys_keep_it_sound(void **state)
{
    /* Whatever is pressed, the line has its length and its end, and the cursor is in it. */
    static const char keys[] = "<>^$XBab ";
    struct line_editor *editor = type("", "");
    uint32_t seed = 1;

    (void)state;
    for (unsigned i = 0; i < STEPS; i++) {
        seed = seed * 1664525 + 1013904223;
        press(editor, keys[(seed >> 16) % (sizeof(keys) - 1)]);
        assert_true(editor->cursor <= editor->length);
        assert_int_equal(strlen(editor->text), editor->length);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_edit),
        cmocka_unit_test(keys_have_verdicts),
        cmocka_unit_test(characters_stay_whole),
        cmocka_unit_test(full_line_takes_no_more),
        cmocka_unit_test(random_keys_keep_it_sound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
