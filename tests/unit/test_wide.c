/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_wide.c - properties of lib/wide.h; the compiler's 128-bit integers are the judge.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "lib/types.h"
#include "lib/wide.h"

__extension__ typedef unsigned __int128 uint128_t;

static const uint64_t edges[] = {
    0,
    1,
    2,
    3,
    10,
    0xffffffff,
    0x100000000,
    0x100000001,
    0x7fffffffffffffff,
    0x8000000000000000,
    0xfffffffffffffffe,
    0xffffffffffffffff,
};

static uint64_t any_number(void)
{
    return ((uint64_t)rand() << 42 ^ (uint64_t)rand() << 21 ^ (uint64_t)rand()) >> (rand() % 64);
}

static void expect_product(uint64_t a, uint64_t b)
{
    struct wide product = wide_multiply(a, b);
    uint128_t exact = (uint128_t)a * b;

    assert_true(product.high == (uint64_t)(exact >> 64));
    assert_true(product.low == (uint64_t)exact);
}

static void products_are_exact(void **state)
{
    /* All 128 bits of a product are right: at the edges of the pieces, and at random. */
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(edges); i++) {
        for (size_t j = 0; j < ARRAY_COUNT(edges); j++)
            expect_product(edges[i], edges[j]);
    }
    for (int i = 0; i < 100000; i++)
        expect_product(any_number(), any_number());
}

static void expect_quotient(uint64_t high, uint64_t low, uint64_t divisor)
{
    uint128_t value = (uint128_t)high << 64 | low;

    if (divisor == 0 || high >= divisor)
        return;
    assert_true(wide_divide((struct wide){ .high = high, .low = low }, divisor) ==
                (uint64_t)(value / divisor));
}

static void quotients_are_exact(void **state)
{
    /* Every quotient that fits is the floor, for divisors with the top bit set too. */
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(edges); i++) {
        for (size_t j = 0; j < ARRAY_COUNT(edges); j++) {
            for (size_t k = 0; k < ARRAY_COUNT(edges); k++)
                expect_quotient(edges[i], edges[j], edges[k]);
        }
    }
    for (int i = 0; i < 100000; i++) {
        uint64_t divisor = any_number() + 1;

        expect_quotient(any_number() % (divisor | 1), any_number(), divisor);
        assert_true(wide_divide_64(any_number() | 1, UINT64_MAX) <= 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_exact),
        cmocka_unit_test(quotients_are_exact),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
