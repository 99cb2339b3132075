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

static void sequences_of_frames(void **state)
{
    /* Every short sequence of requests and frees of frames does what a bit a frame says. */
    (void)state;
    assert_int_equal(exhaust_frames(&part), 9 * 9 * 9 * 9);
}

static void sequences_of_areas(void **state)
{
    /* Every short sequence of insertions and removals leaves a tree that an array of pages agrees with. */
    (void)state;
    assert_int_equal(exhaust_areas(&part), 24 * 24 * 24);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_of_descriptors),
        cmocka_unit_test(maps_of_entries),
        cmocka_unit_test(sequences_of_frames),
        cmocka_unit_test(sequences_of_areas),
    };

    return cmocka_run_group_tests_name("exhaust", tests, NULL, NULL);
}
