/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_number.c - properties of lib/number.h.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

#include "lib/number.h"
#include "lib/types.h"

static void expect_number(const char *text, uint64_t expected)
{
    uint64_t value = 42;

    assert_int_equal(number_parse(text, &value), STATUS_OK);
    assert_true(value == expected);
}

static void expect_refusal(const char *text, enum status expected)
{
    uint64_t value = 42;

    assert_int_equal(number_parse(text, &value), expected);
    assert_true(value == 42);
}

static void decimal_and_hexadecimal(void **state)
{
    /* Both bases are read to the full 64 bits, and zeros in front change nothing. */
    (void)state;
    expect_number("0", 0);
    expect_number("10", 10);
    expect_number("010", 10);
    expect_number("18446744073709551615", UINT64_MAX);
    expect_number("0x0", 0);
    expect_number("0XfF", 255);
    expect_number("0xffffffffffffffff", UINT64_MAX);
    expect_number("0x00000000000000000001", 1);
}

static void underscores_between_digits(void **state)
{
    /* An underscore is read over between two digits, and nowhere else. */
    (void)state;
    expect_number("0xffff_8000_0000_0000", 0xffff800000000000u);
    expect_number("1_000", 1000);
    expect_refusal("_1", STATUS_INVALID);
    expect_refusal("1_", STATUS_INVALID);
    expect_refusal("1__0", STATUS_INVALID);
    expect_refusal("0x_1", STATUS_INVALID);
}

static void units(void **state)
{
    /* A binary unit multiplies, in either case, alone or with iB behind it. */
    (void)state;
    expect_number("4K", 4 * KiB);
    expect_number("4k", 4 * KiB);
    expect_number("0x10M", 16 * MiB);
    expect_number("3GiB", 3 * GiB);
    expect_number("1T", TiB);
    expect_refusal("4KB", STATUS_INVALID);
    expect_refusal("4Ki", STATUS_INVALID);
    expect_refusal("4P", STATUS_INVALID);
    expect_refusal("K", STATUS_INVALID);
}

static void overflow(void **state)
{
    /* What needs more than 64 bits is refused, whether digits or a unit make it so. */
    (void)state;
    expect_refusal("18446744073709551616", STATUS_OVERFLOW);
    expect_refusal("99999999999999999999999", STATUS_OVERFLOW);
    expect_refusal("0x10000000000000000", STATUS_OVERFLOW);
    expect_refusal("16777216T", STATUS_OVERFLOW);
    expect_number("16777215T", 16777215 * TiB);
}

static void no_number(void **state)
{
    /* Signs, blanks, words and bare hexadecimal digits are no numbers. */
    static const char *const texts[] = { "",   " 1",  "1 ",   "-1",  "+1", "x1",
                                         "0x", "0xg", "ffff", "1.5", "1e3" };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
        expect_refusal(texts[i], STATUS_INVALID);
}

static void scan_stops_behind_the_number(void **state)
{
    /* Scanning moves the text exactly behind the number, and leaves it alone when it fails. */
    const char *text = "64M@0x1_0000,rest";
    const char *word = "rest";
    uint64_t value = 0;

    (void)state;
    assert_int_equal(number_scan(&text, &value), STATUS_OK);
    assert_true(value == 64 * MiB);
    assert_int_equal(*text, '@');
    text++;
    assert_int_equal(number_scan(&text, &value), STATUS_OK);
    assert_true(value == 0x10000);
    assert_string_equal(text, ",rest");
    assert_int_equal(number_scan(&word, &value), STATUS_INVALID);
    assert_string_equal(word, "rest");
}

static void every_number_survives_printing(void **state)
{
    /* A number printed in either base is read back as itself. */
    uint64_t number = 1;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        char text[32];

        snprintf(text, sizeof text, "%llu", (unsigned long long)number);
        expect_number(text, number);
        snprintf(text, sizeof text, "0x%llx", (unsigned long long)number);
        expect_number(text, number);
        number = number * 6364136223846793005u + 1442695040888963407u;
        number >>= i & 31;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decimal_and_hexadecimal),
        cmocka_unit_test(underscores_between_digits),
        cmocka_unit_test(units),
        cmocka_unit_test(overflow),
        cmocka_unit_test(no_number),
        cmocka_unit_test(scan_stops_behind_the_number),
        cmocka_unit_test(every_number_survives_printing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
