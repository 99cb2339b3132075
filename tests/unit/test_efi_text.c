/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_efi_text.c - properties of the loader's text: slices, UTF-8, UTF-16, the command line.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "efi/command_line.h"
#include "efi/text.h"

static struct text of(const char *string)
{
    return (struct text){ string, strlen(string) };
}

/* --- slices ------------------------------------------------------------------------------ */

static void trimming(void **state)
{
    /* Blanks, tabs and carriage returns go from both ends, and nothing from between. */
    (void)state;
    assert_true(text_equal(text_trim(of(" \t a b \r")), "a b"));
    assert_true(text_equal(text_trim(of("  \t ")), ""));
    assert_true(text_equal(text_trim(of("")), ""));
}

static void words(void **state)
{
    /* Words end at blanks; a word in quotation marks may hold blanks, and needs no closing mark. */
    struct text rest = of("first  \"second word\"  third");

    (void)state;
    assert_true(text_equal(text_take_word(&rest), "first"));
    assert_true(text_equal(text_take_word(&rest), "second word"));
    assert_true(text_equal(text_take_word(&rest), "third"));
    assert_int_equal(rest.size_bytes, 0);
    assert_int_equal(text_take_word(&rest).size_bytes, 0);
    rest = of("\"open end");
    assert_true(text_equal(text_take_word(&rest), "open end"));
    assert_int_equal(rest.size_bytes, 0);
    rest = of("\"");
    assert_int_equal(text_take_word(&rest).size_bytes, 0);
    assert_int_equal(rest.size_bytes, 0);
}

static void endings(void **state)
{
    /* An ending is found in capitals or not, and never in a text shorter than it. */
    (void)state;
    assert_true(text_ends_with(of("\\EFI\\BOOT\\BOOTX64.EFI"), ".efi"));
    assert_true(text_ends_with(of(".efi"), ".efi"));
    assert_false(text_ends_with(of("efi"), ".efi"));
    assert_false(text_ends_with(of("x.efi2"), ".efi"));
}

/* --- UTF-8 and UTF-16 -------------------------------------------------------------------- */

/* A copy without a terminator behind it, so that ASan sees a read too far. */
static struct text exact(const char *bytes, size_t size, char **owner)
{
    *owner = malloc(size + (size == 0));
    memcpy(*owner, bytes, size);
    return (struct text){ *owner, size };
}

static void malformed_utf8(void **state)
{
    /* Overlong forms, surrogates, what lies beyond U+10FFFF, lonely and missing continuation bytes
     * are refused where they begin; the borders of what is allowed are accepted. */
    static const struct {
        const char *bytes;
        size_t bad; /* the whole length when good */
    } cases[] = {
        { "plain", 5 },
        { "a\x80", 1 },
        { "ab\xc0\xaf", 2 },
        { "\xc1\xbf", 0 },
        { "\xc2\x80", 2 },
        { "\xdf\xbf", 2 },
        { "\xe0\x9f\xbf", 0 },
        { "\xe0\xa0\x80", 3 },
        { "\xed\x9f\xbf", 3 },
        { "\xed\xa0\x80", 0 },
        { "\xed\xbf\xbf", 0 },
        { "\xee\x80\x80", 3 },
        { "\xf0\x8f\xbf\xbf", 0 },
        { "\xf0\x90\x80\x80", 4 },
        { "\xf4\x8f\xbf\xbf", 4 },
        { "\xf4\x90\x80\x80", 0 },
        { "\xf5\x80\x80\x80", 0 },
        { "x\xe2\x82", 1 },
        { "\xe2\x28\xa1", 0 },
        { "\xf0\x9f\x98", 0 },
        { "\xff", 0 },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char *owner;
        struct text text = exact(cases[i].bytes, strlen(cases[i].bytes), &owner);

        assert_int_equal(text_bad_utf8(text), cases[i].bad);
        free(owner);
    }
}

static size_t encode(uint32_t point, uint16_t units[3])
{
    if (point < 0x10000) {
        units[0] = (uint16_t)point;
        units[1] = 0;
        return 1;
    }
    units[0] = (uint16_t)(0xd800 + (point - 0x10000) / 1024);
    units[1] = (uint16_t)(0xdc00 + (point - 0x10000) % 1024);
    units[2] = 0;
    return 2;
}

static void every_code_point_comes_back(void **state)
{
    /* Each code point but surrogates and control characters survives UTF-16 to UTF-8 and back. */
    uint16_t units[3];
    uint16_t back[3];
    char buffer[4];

    (void)state;
    for (uint32_t point = 1; point <= 0x10ffff; point++) {
        bool surrogate = point >= 0xd800 && point <= 0xdfff;
        bool control = (point < 32 && point != '\t') || point == 127;
        size_t count = encode(point, units);
        struct text text;
        enum status status = text_from_utf16(units, count, buffer, sizeof(buffer), &text);

        assert_int_equal(status, surrogate || control ? STATUS_CORRUPT : STATUS_OK);
        if (status != STATUS_OK)
            continue;
        assert_int_equal(text_bad_utf8(text), text.size_bytes);
        assert_int_equal(text_to_utf16(text, back, ARRAY_COUNT(back)), STATUS_OK);
        assert_memory_equal(back, units, (count + 1) * sizeof(units[0]));
    }
}

static void capacities(void **state)
{
    /* Text that does not fit, its terminator included, is refused, never cut. */
    uint16_t units[4];
    char buffer[3];
    struct text text;
    static const uint16_t euro[] = { 0x20ac };

    (void)state;
    assert_int_equal(text_to_utf16(of("abc"), units, 4), STATUS_OK);
    assert_int_equal(text_to_utf16(of("abcd"), units, 4), STATUS_NO_SPACE);
    assert_int_equal(text_to_utf16(of("ab\xf0\x9f\x98\x80"), units, 4), STATUS_NO_SPACE);
    assert_int_equal(text_to_utf16(of(""), units, 0), STATUS_NO_SPACE);
    assert_int_equal(text_to_utf16(of("a\x80"), units, 4), STATUS_CORRUPT);
    assert_int_equal(text_from_utf16(euro, 1, buffer, 3, &text), STATUS_OK);
    assert_int_equal(text_from_utf16(euro, 1, buffer, 2, &text), STATUS_NO_SPACE);
}

/* --- the command line -------------------------------------------------------------------- */

static void options(struct command_line *line, const char *string)
{
    uint16_t units[256];

    assert_int_equal(text_to_utf16(of(string), units, ARRAY_COUNT(units)), STATUS_OK);
    command_line_append_options(line, units, (uint32_t)(2 * strlen(string) + 2));
}

static void load_options_follow_the_configuration(void **state)
{
    /* Load options come after the configuration's words, without the program's own name. */
    struct command_line line = { 0 };

    (void)state;
    command_line_append(&line, of("  loglevel=7 "));
    options(&line, "\\EFI\\BOOT\\BOOTX64.EFI loglevel=4 nokaslr");
    assert_string_equal(line.text, "loglevel=7 loglevel=4 nokaslr");
    options(&line, "quiet");
    assert_string_equal(line.text, "loglevel=7 loglevel=4 nokaslr quiet");
    options(&line, "");
    options(&line, "fs0:bootx64.efi");
    assert_string_equal(line.text, "loglevel=7 loglevel=4 nokaslr quiet");
}

static void binary_load_options_are_ignored(void **state)
{
    /* What boot managers leave in the load options that is no text changes nothing. */
    static const uint8_t load_option[] = { 1, 0, 0, 0, 0x5e, 0, 'B', 0, 'o', 0, 0, 0 };
    static const uint16_t half_surrogate[] = { 'a', 0xd800, 'b' };
    static uint16_t huge[5000];
    struct command_line line = { 0 };

    (void)state;
    command_line_append(&line, of("keep"));
    command_line_append_options(&line, load_option, sizeof(load_option));
    command_line_append_options(&line, half_surrogate, sizeof(half_surrogate));
    command_line_append_options(&line, "abc", 3);
    command_line_append_options(&line, NULL, 100);
    for (size_t i = 0; i < ARRAY_COUNT(huge); i++)
        huge[i] = 'x';
    command_line_append_options(&line, huge, sizeof(huge));
    assert_string_equal(line.text, "keep");
    assert_false(line.cut);
}

static void a_long_command_line_is_noticed(void **state)
{
    /* Words that do not fit are left out as a whole, and that is said; all that fit is used. */
    struct command_line line = { 0 };
    char *owner;
    char words_text[COMMAND_LINE_BYTES];
    struct text text;

    (void)state;
    memset(words_text, 'w', sizeof(words_text));
    text = exact(words_text, COMMAND_LINE_BYTES - 1, &owner);
    command_line_append(&line, text);
    assert_int_equal(line.length, COMMAND_LINE_BYTES - 1);
    assert_int_equal(line.text[line.length], 0);
    assert_false(line.cut);
    command_line_append(&line, of("x"));
    assert_true(line.cut);
    assert_int_equal(line.length, COMMAND_LINE_BYTES - 1);
    free(owner);
}

static void words_are_found_whole(void **state)
{
    /* A word counts where it stands alone, not as a part of another or inside quotation marks. */
    struct command_line line = { 0 };

    (void)state;
    command_line_append(&line, of("xnokaslr nokaslr=1 run=\"a nokaslr b\""));
    assert_false(command_line_has(&line, "nokaslr"));
    command_line_append(&line, of("nokaslr"));
    assert_true(command_line_has(&line, "nokaslr"));
    assert_false(command_line_has(&line, "b\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trimming),
        cmocka_unit_test(words),
        cmocka_unit_test(endings),
        cmocka_unit_test(malformed_utf8),
        cmocka_unit_test(every_code_point_comes_back),
        cmocka_unit_test(capacities),
        cmocka_unit_test(load_options_follow_the_configuration),
        cmocka_unit_test(binary_load_options_are_ignored),
        cmocka_unit_test(a_long_command_line_is_noticed),
        cmocka_unit_test(words_are_found_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
