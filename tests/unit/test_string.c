/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_string.c - properties of kernel/lib/string.c, which only bare machines use: here under
 * other names, beside the C library that judges it.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define memcpy  bare_memcpy
#define memmove bare_memmove
#define memset  bare_memset
#define memcmp  bare_memcmp
#define strlen  bare_strlen
#define strcmp  bare_strcmp
#define strncmp bare_strncmp
#define strchr  bare_strchr
#include "kernel/lib/string.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef strlen
#undef strcmp
#undef strncmp
#undef strchr

#define AREA 160

static void fill(unsigned char *area)
{
    for (size_t i = 0; i < AREA; i++)
        area[i] = (unsigned char)rand();
}

static void blocks_move_at_any_offset(void **state)
{
    /* For all sizes and offsets up to a few words, overlapping or not, the area is as libc makes it. */
    unsigned char ours[AREA], theirs[AREA];

    (void)state;
    srand(3);
    for (size_t size = 0; size < 80; size++) {
        for (size_t from = 0; from < 40; from += 3) {
            for (size_t to = 0; to < 40; to += 5) {
                fill(ours);
                memcpy(theirs, ours, AREA);
                assert_ptr_equal(bare_memmove(ours + to, ours + from, size), ours + to);
                memmove(theirs + to, theirs + from, size);
                assert_memory_equal(ours, theirs, AREA);
                assert_ptr_equal(bare_memcpy(ours + to, theirs + from, size), ours + to);
                assert_memory_equal(ours + to, theirs + from, size);
            }
        }
    }
}

static void set_touches_only_its_range(void **state)
{
    /* memset() writes its byte to exactly the bytes asked for, and takes only the low 8 bits. */
    unsigned char ours[AREA], theirs[AREA];

    (void)state;
    for (size_t size = 0; size < 100; size++) {
        for (size_t offset = 0; offset < 16; offset++) {
            fill(ours);
            memcpy(theirs, ours, AREA);
            assert_ptr_equal(bare_memset(ours + offset, 0x1a5, size), ours + offset);
            memset(theirs + offset, 0xa5, size);
            assert_memory_equal(ours, theirs, AREA);
        }
    }
}

static int sign(int value)
{
    return (value > 0) - (value < 0);
}

static void comparisons_agree_with_c(void **state)
{
    /* memcmp() orders by the first byte that differs, as unsigned, wherever it is. */
    unsigned char a[64], b[64];

    (void)state;
    memset(a, 0x80, sizeof(a));
    for (size_t at = 0; at < sizeof(a); at++) {
        memcpy(b, a, sizeof(b));
        b[at] = 0x7f;
        for (size_t size = 0; size <= sizeof(a); size += 7) {
            assert_int_equal(sign(bare_memcmp(a, b, size)), sign(memcmp(a, b, size)));
            assert_int_equal(sign(bare_memcmp(b, a, size)), sign(memcmp(b, a, size)));
        }
    }
}

static void text_functions_agree_with_c(void **state)
{
    /* All pairs of a few awkward strings compare, and every character is found, as in C. */
    static const char *const words[] = {
        "", "a", "b", "ab", "abc", "\x80", "a\x80", "abcdefghijk"
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
        assert_int_equal(bare_strlen(words[i]), strlen(words[i]));
        for (int c = 0; c < 256; c++)
            assert_ptr_equal(bare_strchr(words[i], c), strchr(words[i], c));
        for (size_t j = 0; j < ARRAY_COUNT(words); j++) {
            assert_int_equal(sign(bare_strcmp(words[i], words[j])),
                             sign(strcmp(words[i], words[j])));
            for (size_t size = 0; size < 5; size++)
                assert_int_equal(sign(bare_strncmp(words[i], words[j], size)),
                                 sign(strncmp(words[i], words[j], size)));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_move_at_any_offset),
        cmocka_unit_test(set_touches_only_its_range),
        cmocka_unit_test(comparisons_agree_with_c),
        cmocka_unit_test(text_functions_agree_with_c),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
