/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_cmdline_heap.c - where the heap's window comes to lie, and what is refused.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "boot/cmdline.h"
#include "host_log.h"

#define START UINT64_C(0xf1000000)
#define SIZE  (UINT64_C(224) << 20)
#define END   (START + SIZE)
#define MEBI  (UINT64_C(1) << 20)

static struct cmdline_window window_of(const char *text)
{
    struct cmdline_options options;
    struct cmdline_window window = { START, SIZE };

    host_log_clear();
    cmdline_read_options(text, &options);
    cmdline_heap_window(&options, &window);
    return window;
}

static void expect_window(const char *text, uint64_t start, uint64_t size_bytes)
{
    struct cmdline_window window = window_of(text);

    if (window.start != start || window.size_bytes != size_bytes)
        fail_msg("%s: 0x%llx, 0x%llx bytes", text, (unsigned long long)window.start,
                 (unsigned long long)window.size_bytes);
}

static void wishes_that_fit_are_granted(void **state)
{
    /* Start and size move the window within the one that is there, alone and together, in any order. */
    (void)state;
    expect_window("", START, SIZE);
    expect_window("heap-start=0xf2000000", 0xf2000000, END - 0xf2000000);
    expect_window("heap-max=32M", START, 32 * MEBI);
    expect_window("heap-max=32M heap_start=0xf2000000", 0xf2000000, 32 * MEBI);
    expect_window("heap-max=0x1000fff", START, 16 * MEBI);
    expect_window("heap-max=224M", START, SIZE);
    expect_window("heap-start=0xfe000000", END - 16 * MEBI, 16 * MEBI);
    assert_int_equal(host_log_count(LOG_ERROR), 0);
}

static void wishes_that_do_not_fit_are_told(void **state)
{
    /* What is too small, too large, unaligned, outside or no number leaves the window as it was. */
    static const char *const bad[] = {
        "heap-max=16777215",
        "heap-max=225M",
        "heap-max=0",
        "heap-max=64X",
        "heap-max=",
        "heap-max=0xfffffffffffffffff",
        "heap-start=0xf2000001",
        "heap-start=0xf0fff000",
        "heap-start=0xfe001000",
        "heap-start=0",
        "heap-start=high",
        "heap-start=0xffffffffffffffff",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        expect_window(bad[i], START, SIZE);
        assert_int_equal(host_log_count(LOG_ERROR), 1);
        assert_true(host_log_contains("command line: heap-"));
    }
    expect_window("heap-start=0xfe000000 heap-max=32M", 0xfe000000, 16 * MEBI);
    assert_int_equal(host_log_count(LOG_ERROR), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wishes_that_fit_are_granted),
        cmocka_unit_test(wishes_that_do_not_fit_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
