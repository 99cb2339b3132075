/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_region.c - properties of mm/region.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "mm/region.h"

#define LABELS_MOST 200

static struct region rows[] = {
    { 0x0, 0x1000, E820_RESERVED, 0, REGION_TAG_NONE, REGION_EFI_TYPE_NONE, 0 },
    { 0x100000, 0x100000, E820_USABLE, REGION_WB, REGION_TAG_NONE, 7, 0 },
    { 0x200000, 0x100000, E820_USABLE, REGION_WB, REGION_TAG_BOOT_SERVICES, 4, 0 },
    { 0x300000, 0x10000, E820_ACPI_NVS, 0, REGION_TAG_NONE, 10, 0 },
    { 0x310000, 0x10000, E820_RESERVED, REGION_RUNTIME, REGION_TAG_FIRMWARE, 6, 0 },
    { 0x400000, 0x100000, E820_USABLE, REGION_WB, REGION_TAG_KERNEL, 2, 0 },
    { 0xc0000000, 0x1000, E820_RESERVED, 0, REGION_TAG_DEVICE, REGION_EFI_TYPE_NONE, 9 },
    { 0xc0001000, 0x1000, E820_RESERVED, 0, REGION_TAG_DEVICE, REGION_EFI_TYPE_NONE, 10 },
    { 0xf0000000, 0x20000000, E820_USABLE, REGION_WB, REGION_TAG_NONE, 7, 0 },
    { 0x200000000, 0x1000, E820_RESERVED, 0, REGION_TAG_USER, REGION_EFI_TYPE_NONE, 0 },
};
static const struct memmap map = { .regions = rows, .count = ARRAY_COUNT(rows) };

/* What a visit showed. */
struct shown {
    unsigned count;
    struct region_label labels[LABELS_MOST];
};

static bool show(void *context, const struct region_label *label)
{
    struct shown *shown = context;

    assert_true(shown->count < LABELS_MOST);
    shown->labels[shown->count++] = *label;
    return true;
}

static int remove_all(void **state)
{
    struct shown shown = { .count = 0 };

    (void)state;
    region_visit(&map, show, &shown);
    for (unsigned i = 0; i < shown.count; i++)
        if (!shown.labels[i].from_map)
            assert_int_equal(region_unlabel(pa(shown.labels[i].base), shown.labels[i].kind),
                             STATUS_OK);
    return 0;
}

static void test_what_the_table_implies(void **state)
{
    /* Rows become labels: devices by place, firmware, the user's, and free RAM as far as 4 GiB, joined. */
    static const struct {
        uint64_t base, size_bytes;
        enum region_kind kind;
        const char *name;
    } expected[] = {
        { 0x100000, 0x200000, REGION_KIND_DMA, "RAM below 4 GiB" },
        { 0x300000, 0x10000, REGION_KIND_FIRMWARE, "ACPI NVS" },
        { 0x310000, 0x10000, REGION_KIND_FIRMWARE, "firmware" },
        { 0xc0000000, 0x1000, REGION_KIND_DEVICE, "0000:00:01.0" },
        { 0xc0001000, 0x1000, REGION_KIND_DEVICE, "0000:00:01.1" },
        { 0xf0000000, 0x10000000, REGION_KIND_DMA, "RAM below 4 GiB" },
        { 0x200000000, 0x1000, REGION_KIND_USER, "user" },
    };
    struct shown shown = { .count = 0 };

    (void)state;
    region_visit(&map, show, &shown);
    assert_int_equal(shown.count, ARRAY_COUNT(expected));
    for (unsigned i = 0; i < shown.count; i++) {
        assert_int_equal(shown.labels[i].base, expected[i].base);
        assert_int_equal(shown.labels[i].size_bytes, expected[i].size_bytes);
        assert_int_equal(shown.labels[i].kind, expected[i].kind);
        assert_string_equal(shown.labels[i].name, expected[i].name);
        assert_true(shown.labels[i].from_map);
    }
}

static void test_every_row_counts(void **state)
{
    /* The first row of a table is as good as any other, and so is its only one; an empty table implies nothing. */
    (void)state;
    for (size_t first = 1; first + 1 < ARRAY_COUNT(rows); first++) {
        const struct memmap part = { .regions = rows + first, .count = 1 };
        struct shown shown = { .count = 0 };

        region_visit(&part, show, &shown);
        assert_int_equal(shown.count, rows[first].tag != REGION_TAG_KERNEL);
        if (shown.count == 1)
            assert_int_equal(shown.labels[0].base, rows[first].base);
        shown.count = 0;
        region_visit(&(struct memmap){ .regions = rows, .count = 0 }, show, &shown);
        assert_int_equal(shown.count, 0);
    }
}

static void test_set_and_found(void **state)
{
    /* A label that was set is found at each of its bytes, beside what the table says, and at no other. */
    struct region_label found[4];

    (void)state;
    assert_int_equal(region_label(pa(0x180010), 0x20, REGION_KIND_USER, "ring"), STATUS_OK);
    assert_int_equal(region_label(pa(0x180000), 0x1000, REGION_KIND_DEVICE, "nic"), STATUS_OK);
    assert_int_equal(region_find(&map, pa(0x18000f), found, 4), 2);
    assert_int_equal(region_find(&map, pa(0x180010), found, 4), 3);
    assert_string_equal(found[0].name, "RAM below 4 GiB");
    assert_string_equal(found[1].name, "nic");
    assert_string_equal(found[2].name, "ring");
    assert_false(found[2].from_map);
    assert_int_equal(region_find(&map, pa(0x18002f), found, 1), 3);
    assert_int_equal(region_find(&map, pa(0x180030), found, 4), 2);
    assert_int_equal(region_find(&map, pa(0x50), found, 4), 0);
    assert_int_equal(region_unlabel(pa(0x180000), REGION_KIND_USER), STATUS_NOT_FOUND);
    assert_int_equal(region_unlabel(pa(0x180000), REGION_KIND_DEVICE), STATUS_OK);
    assert_int_equal(region_find(&map, pa(0x180010), found, 4), 2);
}

static void test_refused(void **state)
{
    /* Empty, nameless, unknown and wrapping labels, and ones that overlap their own kind, change nothing. */
    struct region_label found[4];

    (void)state;
    assert_int_equal(region_label(pa(1), 0, REGION_KIND_USER, "a"), STATUS_INVALID);
    assert_int_equal(region_label(pa(1), 1, REGION_KIND_COUNT, "a"), STATUS_INVALID);
    assert_int_equal(region_label(pa(1), 1, REGION_KIND_USER, ""), STATUS_INVALID);
    assert_int_equal(region_label(pa(1), 1, REGION_KIND_USER, "123456789012345678901234"),
                     STATUS_INVALID);
    assert_int_equal(region_label(pa(UINT64_MAX), 2, REGION_KIND_USER, "a"), STATUS_OVERFLOW);
    assert_int_equal(region_label(pa(UINT64_MAX), 1, REGION_KIND_USER, "the last"), STATUS_OK);
    assert_int_equal(region_find(&map, pa(UINT64_MAX), found, 4), 1);
    assert_int_equal(region_label(pa(100), 10, REGION_KIND_USER, "a"), STATUS_OK);
    assert_int_equal(region_label(pa(109), 10, REGION_KIND_USER, "b"), STATUS_EXISTS);
    assert_int_equal(region_label(pa(91), 10, REGION_KIND_USER, "b"), STATUS_EXISTS);
    assert_int_equal(region_label(pa(90), 10, REGION_KIND_USER, "b"), STATUS_OK);
    assert_int_equal(region_label(pa(109), 10, REGION_KIND_DEVICE, "b"), STATUS_OK);
}

static void test_full_and_in_order(void **state)
{
    /* There is room for as many as is said; they come in order of address, whatever order they were set in. */
    struct shown shown = { .count = 0 };

    (void)state;
    for (uint64_t i = 0; i < REGION_LABELS_MOST; i++)
        assert_int_equal(region_label(pa((i * 37 % REGION_LABELS_MOST) * 0x4000000 + 1), 0x1000,
                                      REGION_KIND_USER, "one"),
                         STATUS_OK);
    assert_int_equal(region_label(pa(0x5000), 1, REGION_KIND_USER, "more"), STATUS_NO_SPACE);
    region_visit(&map, show, &shown);
    assert_int_equal(shown.count, REGION_LABELS_MOST + 7);
    for (unsigned i = 1; i < shown.count; i++)
        assert_true(shown.labels[i - 1].base <= shown.labels[i].base);
}

static void test_names_of_kinds(void **state)
{
    /* Each kind's name leads back to it, and no other name to any. */
    enum region_kind kind = REGION_KIND_COUNT;

    (void)state;
    for (unsigned i = 0; i < REGION_KIND_COUNT; i++) {
        assert_int_equal(region_kind_parse(region_kind_name((enum region_kind)i), &kind),
                         STATUS_OK);
        assert_int_equal(kind, i);
    }
    assert_int_equal(region_kind_parse("unknown", &kind), STATUS_NOT_FOUND);
    assert_string_equal(region_kind_name(REGION_KIND_COUNT), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_every_row_counts, remove_all),
        cmocka_unit_test_teardown(test_what_the_table_implies, remove_all),
        cmocka_unit_test_teardown(test_set_and_found, remove_all),
        cmocka_unit_test_teardown(test_refused, remove_all),
        cmocka_unit_test_teardown(test_full_and_in_order, remove_all),
        cmocka_unit_test(test_names_of_kinds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
