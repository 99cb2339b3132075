/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_monitor_format.c - properties of lib/format.h and monitor/usage.h.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "lib/format.h"
#include "monitor/usage.h"

static void expect_size(uint64_t size_bytes, const char *expected)
{
    char text[SIZE_TEXT_BYTES];

    assert_string_equal(format_size(size_bytes, text), expected);
}

static void sizes(void **state)
{
    /* A size is told in the largest unit of which there is one, exactly or cut to a tenth. */
    (void)state;
    expect_size(0, "0 B");
    expect_size(1023, "1023 B");
    expect_size(1024, "1 KiB");
    expect_size(1536, "1.5 KiB");
    expect_size(MiB - 1, "1023.9 KiB");
    expect_size(640 * KiB, "640 KiB");
    expect_size(6 * GiB - 1, "5.9 GiB");
    expect_size(GiB + 1, "1.0 GiB");
    expect_size(TiB, "1 TiB");
    expect_size(UINT64_MAX, "15.9 EiB");
}

static void sizes_fit_their_column(void **state)
{
    /* No size takes more than 10 characters. */
    uint64_t size_bytes = 1;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        char text[SIZE_TEXT_BYTES];

        assert_true(strlen(format_size(size_bytes >> (i & 63), text)) <= 10);
        size_bytes = size_bytes * 6364136223846793005u + 1442695040888963407u;
    }
}

static void digits(void **state)
{
    /* A column has room for its highest address, of the digits that machines need. */
    (void)state;
    assert_int_equal(format_digits(0), 8);
    assert_int_equal(format_digits(UINT32_MAX), 8);
    assert_int_equal(format_digits((uint64_t)UINT32_MAX + 1), 12);
    assert_int_equal(format_digits(((uint64_t)1 << 48) - 1), 12);
    assert_int_equal(format_digits((uint64_t)1 << 48), 13);
    assert_int_equal(format_digits(((uint64_t)1 << 52) - 1), 13);
    assert_int_equal(format_digits((uint64_t)1 << 52), 16);
    assert_int_equal(format_digits(UINT64_MAX), 16);
}

static void percents(void **state)
{
    /* A percentage is cut, is 100 only for the whole, and survives the largest numbers. */
    (void)state;
    assert_int_equal(format_percent(0, 0), 0);
    assert_int_equal(format_percent(1, 3), 33);
    assert_int_equal(format_percent(199, 200), 99);
    assert_int_equal(format_percent(200, 200), 100);
    assert_int_equal(format_percent(UINT64_MAX, UINT64_MAX), 100);
    assert_int_equal(format_percent(UINT64_MAX / 2, UINT64_MAX), 49);
}

static void expect_words(const char *usage, const char *expected)
{
    char words[128] = "";
    char word[USAGE_WORD_BYTES];

    for (unsigned i = 0; usage_word(usage, i, word); i++) {
        strcat(words, word);
        strcat(words, ",");
    }
    assert_string_equal(words, expected);
}

static void usage_words(void **state)
{
    /* A usage offers its words in lower case, with '-' in front and '=' behind, and no other. */
    (void)state;
    expect_words("", "");
    expect_words("ADDRESS", "");
    expect_words("[-u | -d]", "-u,-d,");
    expect_words("null|wx|nx", "null,wx,nx,");
    expect_words("[list|NAME] [seed=NUMBER]", "list,seed=,");
    expect_words("- abcdefghijklmnopqrstuvwxyz on", "on,");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes),       cmocka_unit_test(sizes_fit_their_column),
        cmocka_unit_test(digits),      cmocka_unit_test(percents),
        cmocka_unit_test(usage_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
