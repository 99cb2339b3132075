/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_cmdline_memory.c - mem= and memmap= applied to a table.
 */
#include "memmap_fixture.h"

#include "host_log.h"
#include "mm/memmap_cmdline.h"

#define EXAMPLE_ROWS                                                                               \
    { 0x100000, 0x200000, E820_USABLE, REGION_TAG_KERNEL },                                        \
        { 0x200000, 0x8000000, E820_USABLE, REGION_TAG_NONE },                                     \
        { 0x8000000, 0x8100000, E820_ACPI_NVS, REGION_TAG_NONE },                                  \
    {                                                                                              \
        0x100000000, 0x140000000, E820_USABLE, REGION_TAG_NONE                                     \
    }

/* Kernel at 1 MiB, RAM to 128 MiB, NVS behind it, 1 GiB above 4 GiB. */
static void open_example(struct memmap *map)
{
    table_open(map, ROOM, ROOM, LIMIT);
    add_tagged(map, 0x100000, 0x200000, E820_USABLE, REGION_TAG_KERNEL, REGION_WB);
    add(map, 0x200000, 0x8000000, E820_USABLE);
    add(map, 0x8000000, 0x8100000, E820_ACPI_NVS);
    add(map, 0x100000000, 0x140000000, E820_USABLE);
    sanitise(map);
    host_log_clear();
}

static size_t apply(struct memmap *map, const char *text)
{
    size_t refused = memmap_apply_cmdline(map, text);
    size_t bad_row;

    assert_int_equal(memmap_validate(map, &bad_row), STATUS_OK);
    assert_int_equal(host_log_count(LOG_ERROR), refused);
    return refused;
}

static void other_words_change_nothing(void **state)
{
    /* Without mem= and memmap= the table stays, and nothing is logged. */
    struct memmap map;

    (void)state;
    open_example(&map);
    assert_int_equal(apply(&map, "quiet memory=1M run=\"mem=5M\" amem=1M"), 0);
    expect_rows(&map, EXAMPLE_ROWS);
    assert_string_equal(host_log_text(), "");
    table_close(&map);
}

static void mem_limits_free_memory(void **state)
{
    /* mem= takes what is free at and above the address; what is held or reserved stays. */
    static const char *const forms[] = { "mem=64M",    "memmap=64M",  "mem=0x4000000",
                                         "mem=65536K", "mem=\"64M\"", "mem=67109000" };
    struct memmap map;

    (void)state;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        open_example(&map);
        assert_int_equal(apply(&map, forms[i]), 0);
        expect_rows(&map, { 0x100000, 0x200000, E820_USABLE, REGION_TAG_KERNEL },
                    { 0x200000, 0x4000000, E820_USABLE, REGION_TAG_NONE },
                    { 0x8000000, 0x8100000, E820_ACPI_NVS, REGION_TAG_NONE });
        expect_change(&map, 0, 0x4000000, 0x8000000, E820_USABLE, 0, MEMMAP_COMMAND_LINE);
        expect_change(&map, 1, 0x100000000, 0x140000000, E820_USABLE, 0, MEMMAP_COMMAND_LINE);
        assert_int_equal(host_log_count(LOG_NOTICE), 1);
        table_close(&map);
    }
}

static void each_sign_has_its_type(void **state)
{
    /* # is ACPI data, $ reserved, ! persistent; pages that are only touched belong to it. */
    static const struct {
        const char *text;
        uint32_t type;
    } forms[] = { { "memmap=1M#0x400000", E820_ACPI_DATA },
                  { "memmap=1M$4M", E820_RESERVED },
                  { "memmap=1048574!4194305", E820_PERSISTENT } };
    struct memmap map;

    (void)state;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        open_example(&map);
        assert_int_equal(apply(&map, forms[i].text), 0);
        expect_rows(&map, { 0x100000, 0x200000, E820_USABLE, REGION_TAG_KERNEL },
                    { 0x200000, 0x400000, E820_USABLE, REGION_TAG_NONE },
                    { 0x400000, 0x500000, forms[i].type, REGION_TAG_USER },
                    { 0x500000, 0x8000000, E820_USABLE, REGION_TAG_NONE },
                    { 0x8000000, 0x8100000, E820_ACPI_NVS, REGION_TAG_NONE },
                    { 0x100000000, 0x140000000, E820_USABLE, REGION_TAG_NONE });
        assert_false(region_is_ram(&map.regions[2]));
        expect_change(&map, 0, 0x400000, 0x500000, E820_USABLE, forms[i].type, MEMMAP_COMMAND_LINE);
        table_close(&map);
    }
}

static void usable_memory_is_added_to_gaps(void **state)
{
    /* @ describes whole pages that nobody described, and changes nothing else. */
    struct memmap map;

    (void)state;
    open_example(&map);
    assert_int_equal(apply(&map, "memmap=0x201000@0x7ffff800"), 0);
    assert_int_equal(apply(&map, "memmap=4M@0x7f00000"), 0);
    expect_rows(&map, { 0x100000, 0x200000, E820_USABLE, REGION_TAG_KERNEL },
                { 0x200000, 0x8000000, E820_USABLE, REGION_TAG_NONE },
                { 0x8000000, 0x8100000, E820_ACPI_NVS, REGION_TAG_NONE },
                { 0x8100000, 0x8300000, E820_USABLE, REGION_TAG_USER },
                { 0x80000000, 0x80200000, E820_USABLE, REGION_TAG_USER },
                { 0x100000000, 0x140000000, E820_USABLE, REGION_TAG_NONE });
    assert_true(!region_is_free(&map.regions[4]) && region_is_ram(&map.regions[4]));
    table_close(&map);
}

static void several_requests_are_applied_in_order(void **state)
{
    /* Commas separate requests, a word may come again; one that is wrong does not stop the rest. */
    struct memmap map;

    (void)state;
    open_example(&map);
    assert_int_equal(apply(&map, "memmap=1M$4M,oops,1M$6M json memmap=1M$5M"), 1);
    expect_rows(&map, { 0x100000, 0x200000, E820_USABLE, REGION_TAG_KERNEL },
                { 0x200000, 0x400000, E820_USABLE, REGION_TAG_NONE },
                { 0x400000, 0x700000, E820_RESERVED, REGION_TAG_USER },
                { 0x700000, 0x8000000, E820_USABLE, REGION_TAG_NONE },
                { 0x8000000, 0x8100000, E820_ACPI_NVS, REGION_TAG_NONE },
                { 0x100000000, 0x140000000, E820_USABLE, REGION_TAG_NONE });
    assert_true(host_log_contains("memmap=oops needs a size"));
    table_close(&map);
}

static void nonsense_is_refused_with_its_reason(void **state)
{
    /* Each bad request gets a line that shows it and says why, and changes nothing. */
    static const struct {
        const char *text;
        const char *reason;
    } bad[] = {
        { "mem", "needs a value" },
        { "memmap", "needs a value" },
        { "mem=", "needs a size" },
        { "mem=lots", "needs a size" },
        { "mem=nopentium", "needs a size" },
        { "mem=99999999999999999999", "needs a size" },
        { "mem=0", "leaves no memory" },
        { "mem=1M", "leaves no memory" },
        { "mem=64MX", "needs one of" },
        { "memmap=exactmap", "needs a size" },
        { "memmap=1M%2M-1+2", "needs one of" },
        { "memmap=1M@", "needs an address" },
        { "memmap=1M$x", "needs an address" },
        { "memmap=1M$0x1ffffffffffffffff", "needs an address" },
        { "memmap=1M$4Mx", "something behind" },
        { "memmap=0$4M", "is empty" },
        { "memmap=0x1000$0xfffffffffffff000", "beyond the physical" },
        { "memmap=1M$0x3ffffff80000", "beyond the physical" },
        { "memmap=4095@0x80000001", "no whole page" },
        { "memmap=8190@0x80000001", "no whole page" },
        { "memmap=4096@0x80000001", "no whole page" },
        { "memmap=1$0x1fffff", "started with" },
        { "memmap=1#0x100000", "started with" },
        { "memmap=3M!0", "started with" },
    };
    struct memmap map;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        open_example(&map);
        assert_int_equal(apply(&map, bad[i].text), 1);
        expect_rows(&map, EXAMPLE_ROWS);
        assert_int_equal(map.change_count, 0);
        if (!host_log_contains(bad[i].reason) || !host_log_contains(bad[i].text))
            fail_msg("'%s' got: %s", bad[i].text, host_log_text());
        table_close(&map);
    }
}

static void a_full_table_refuses(void **state)
{
    /* Without room for the cuts a request is refused as a whole. */
    struct memmap map;

    (void)state;
    open_example(&map);
    map.capacity = map.count + 1;
    assert_int_equal(apply(&map, "memmap=1M$4M"), 1);
    expect_rows(&map, EXAMPLE_ROWS);
    assert_true(host_log_contains("more rows than"));
    table_close(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_words_change_nothing),
        cmocka_unit_test(mem_limits_free_memory),
        cmocka_unit_test(each_sign_has_its_type),
        cmocka_unit_test(usable_memory_is_added_to_gaps),
        cmocka_unit_test(several_requests_are_applied_in_order),
        cmocka_unit_test(nonsense_is_refused_with_its_reason),
        cmocka_unit_test(a_full_table_refuses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
