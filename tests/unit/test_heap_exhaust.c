/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_heap_exhaust.c - the heap's part of the short form of make exhaust.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/exhaust/exhaust.h"

static void sequences_of_objects(void **state)
{
    /* Every short sequence of allocations, frees, resizes and wrong frees keeps objects apart and loses none. */
    static const struct exhaust_part part = { 0, 1, false };

    (void)state;
    assert_int_equal(exhaust_objects(&part), 10 * 10 * 10 * 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(sequences_of_objects) };

    return cmocka_run_group_tests_name("heap_exhaust", tests, NULL, NULL);
}
