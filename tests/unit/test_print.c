/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_print.c - properties of lib/print.h. The C library's printf() is the judge where both know
 * a conversion.
 */

#include <limits.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/print.h"

/* Formats that a test makes up are no literals. */
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

#define CHECK(...)                                                                                 \
    do {                                                                                           \
        char ours[256], theirs[256];                                                               \
        size_t length = print_buffer(ours, sizeof(ours), __VA_ARGS__);                             \
                                                                                                   \
        assert_int_equal(length, snprintf(theirs, sizeof(theirs), __VA_ARGS__));                   \
        assert_string_equal(ours, theirs);                                                         \
    } while (0)

static void integers_print_as_in_c(void **state)
{
    /* Every length prints its extremes as the C library does. */
    (void)state;
    CHECK("%d %d %d", 0, INT32_MAX, INT32_MIN);
    CHECK("%hhd %hhu %hhx", (signed char)-128, (unsigned char)255, (unsigned char)255);
    CHECK("%hd %hu %hX", (short)-32768, (unsigned short)65535, (unsigned short)65535);
    CHECK("%ld %lu %lx", LONG_MIN, ULONG_MAX, ULONG_MAX);
    CHECK("%lld %llu %llX", (long long)INT64_MIN, (unsigned long long)UINT64_MAX,
          (unsigned long long)UINT64_MAX);
    CHECK("%zu %zx %zd", SIZE_MAX, SIZE_MAX, (ssize_t)-1);
    CHECK("%i%%%u", -1, 1u);
}

static void decimal_division_is_exact(void **state)
{
    /* Around every power of ten and of two, and at random, the decimal digits are right. */
    uint64_t value = 1;

    (void)state;
    for (int power = 0; power < 20; power++, value *= 10) {
        CHECK("%llu %llu %llu", (unsigned long long)value - 1, (unsigned long long)value,
              (unsigned long long)value + 1);
    }
    for (int bit = 0; bit < 64; bit++) {
        value = (uint64_t)1 << bit;
        CHECK("%llu %llu", (unsigned long long)value - 1, (unsigned long long)value);
    }
    srand(1);
    for (int i = 0; i < 20000; i++) {
        value = (uint64_t)rand() << 42 ^ (uint64_t)rand() << 21 ^ (uint64_t)rand();
        CHECK("%llu %lld", (unsigned long long)value >> (i % 64), (long long)value);
    }
}

static void flags_width_and_precision_combine(void **state)
{
    /* All combinations of flags, widths and precisions print as the C library does. */
    static const char *const flags[] = { "", "-", "0", "#", "+", "-0", "#0", "#-", "+0", "+-" };
    static const char *const widths[] = { "", "1", "5", "12" };
    static const char *const precisions[] = { "", ".", ".0", ".1", ".7" };
    static const char kinds[] = { 'd', 'u', 'x', 'X' };
    static const int values[] = { 0, 1, -1, 305419896 };

    (void)state;
    for (size_t i = 0; i < 10 * 4 * 5 * 4 * 4; i++) {
        char format[32];
        char kind = kinds[i / 200 % 4];

        if (kind != 'd' && strchr(flags[i % 10], '+') != NULL)
            continue; /* undefined in C */
        if (kind == 'u' && strchr(flags[i % 10], '#') != NULL)
            continue; /* undefined in C */
        snprintf(format, sizeof(format), "[%%%s%s%s%c]", flags[i % 10], widths[i / 10 % 4],
                 precisions[i / 40 % 5], kind);
        CHECK(format, values[i / 800]);
    }
}

static void stars_take_arguments(void **state)
{
    /* Width and precision may be arguments; a negative width means '-', a negative precision none. */
    (void)state;
    CHECK("[%*d][%*d]", 6, 42, -6, 42);
    CHECK("[%.*d][%.*d]", 4, 42, -4, 42);
    CHECK("[%*.*s]", 8, 3, "abcdef");
}

static void text_is_cut_by_precision(void **state)
{
    /* %s never reads beyond its precision, so it may be used on text without an end. */
    char *text = malloc(3);

    (void)state;
    memcpy(text, "abc", 3);
    CHECK("[%.3s][%5.2s][%-5.1s]", text, text, text);
    free(text);
    CHECK("[%s][%10s][%-10s][%c][%3c]", "", "right", "left", 'x', 'y');
}

static void pointers_and_null(void **state)
{
    /* %p is 0x and hexadecimal digits on every machine; a NULL string is said to be one. */
    char text[64];
    const char *volatile none = NULL;

    (void)state;
    print_buffer(text, sizeof(text), "%p %p", (void *)0, (void *)(uintptr_t)0xfee1dead);
    assert_string_equal(text, "0x0 0xfee1dead");
    print_buffer(text, sizeof(text), "%s", none);
    assert_string_equal(text, "(null)");
}

static void unknown_conversions_stay(void **state)
{
    /* What is not known is printed as it stands, and a lone % at the end too. */
    char text[64];
    const char *format = "a %5q b %-+y %";

    (void)state;
    assert_int_equal(print_buffer(text, sizeof(text), format, 0), strlen(format));
    assert_string_equal(text, format);
}

static void buffers_are_never_overrun(void **state)
{
    /* Whatever the size, the text is terminated within it and its whole length returned. */
    (void)state;
    for (size_t size = 0; size < 12; size++) {
        char *buffer = malloc(size > 0 ? size : 1);

        assert_int_equal(print_buffer(buffer, size, "%s", "0123456789"), 10);
        if (size > 0) {
            assert_int_equal(strlen(buffer), size - 1 < 10 ? size - 1 : 10);
            assert_memory_equal(buffer, "0123456789", strlen(buffer));
        }
        free(buffer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_print_as_in_c),
        cmocka_unit_test(decimal_division_is_exact),
        cmocka_unit_test(flags_width_and_precision_combine),
        cmocka_unit_test(stars_take_arguments),
        cmocka_unit_test(text_is_cut_by_precision),
        cmocka_unit_test(pointers_and_null),
        cmocka_unit_test(unknown_conversions_stay),
        cmocka_unit_test(buffers_are_never_overrun),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
