/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_exhaust.c - the short form of make exhaust: small worlds of tests/exhaust, a part of each.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/exhaust/exhaust.h"

static const struct exhaust_part part = { 0, 1, false };

static void maps_of_descriptors(void **state)
{
    /* Every map of two UEFI descriptors over a small domain, and some of three, is what a look at each page says. */
    (void)state;
    assert_true(exhaust_efi_maps(&part) > 1000000);
}

static void maps_of_entries(void **state)
{
    /* The same of E820 entries with borders inside of pages. */
    (void)state;
    assert_true(exhaust_e820_maps(&part) > 250000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_of_descriptors),
        cmocka_unit_test(maps_of_entries),
    };

    return cmocka_run_group_tests_name("exhaust", tests, NULL, NULL);
}
