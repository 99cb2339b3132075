/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_memmap.c - filling a table, noting changes, asking it, and its words.
 */
#include "memmap_fixture.h"

#include "host_log.h"

static void an_entry_is_kept_as_it_is(void **state)
{
    /* What makes sense goes into the table unchanged, and no change is noted. */
    struct memmap map;

    (void)state;
    table_open(&map, 2, 2, LIMIT);
    add(&map, 0x1234, 0x5678, E820_RESERVED);
    add_tagged(&map, 0x100000, 0x200000, E820_USABLE, REGION_TAG_MODULE, REGION_WB);
    expect_rows(&map, { 0x1234, 0x5678, E820_RESERVED, REGION_TAG_NONE },
                { 0x100000, 0x200000, E820_USABLE, REGION_TAG_MODULE });
    assert_int_equal(map.change_count, 0);
    assert_int_equal(map.regions[0].efi_type, REGION_EFI_TYPE_NONE);
    assert_int_equal(map.regions[1].flags, REGION_WB);
    table_close(&map);
}

static void bios_types_that_are_ram(void **state)
{
    /* Of the E820 types, usable, ACPI data and ACPI NVS count as RAM, the others do not. */
    static const uint32_t types[] = { E820_USABLE,   E820_ACPI_DATA,  E820_ACPI_NVS,
                                      E820_RESERVED, E820_PERSISTENT, E820_UNUSABLE };
    struct memmap map;

    (void)state;
    table_open(&map, 6, 0, LIMIT);
    for (size_t i = 0; i < 6; i++) {
        add(&map, i << 20, (i + 1) << 20, types[i]);
        assert_int_equal(region_is_ram(&map.regions[i]), i < 3);
        assert_int_equal((map.regions[i].flags & REGION_WB) != 0, i < 3);
    }
    table_close(&map);
}

static void empty_entries_are_dropped(void **state)
{
    /* An entry of no bytes leaves no row, and each leaves a note of its own. */
    struct memmap map;

    (void)state;
    table_open(&map, 2, 3, LIMIT);
    add(&map, 0x5000, 0x5000, E820_USABLE);
    add(&map, 0x5000, 0x5000, E820_USABLE);
    add(&map, 0, 0, E820_RESERVED);
    assert_int_equal(map.count, 0);
    assert_int_equal(map.change_count, 3);
    expect_change(&map, 0, 0x5000, 0x5000, E820_USABLE, 0, MEMMAP_EMPTY);
    expect_change(&map, 1, 0x5000, 0x5000, E820_USABLE, 0, MEMMAP_EMPTY);
    expect_change(&map, 2, 0, 0, E820_RESERVED, 0, MEMMAP_EMPTY);
    table_close(&map);
}

static void entries_that_wrap(void **state)
{
    /* Past 2^64, usable memory is not believed at all, and anything else is kept to the limit. */
    struct memmap map;

    (void)state;
    table_open(&map, 4, 8, LIMIT);
    assert_int_equal(memmap_add_e820(&map, 0x100000, UINT64_MAX - 0xff000, E820_USABLE), STATUS_OK);
    assert_int_equal(map.count, 0);
    expect_change(&map, 0, 0x100000, 0, E820_USABLE, 0, MEMMAP_WRAPS);
    assert_int_equal(memmap_add_e820(&map, LIMIT - 0x3000, UINT64_MAX, E820_RESERVED), STATUS_OK);
    expect_rows(&map, { LIMIT - 0x3000, LIMIT, E820_RESERVED, REGION_TAG_NONE });
    expect_change(&map, 1, LIMIT, 0, E820_RESERVED, 0, MEMMAP_WRAPS);
    assert_int_equal(memmap_add_e820(&map, LIMIT, UINT64_MAX, E820_ACPI_NVS), STATUS_OK);
    assert_int_equal(map.count, 1);
    table_close(&map);
}

static void a_size_without_a_number_wraps_anywhere(void **state)
{
    /* 2^64 - 1 bytes stand for "more than can be counted", at address 0 as well. */
    struct memmap map;

    (void)state;
    table_open(&map, 1, 1, LIMIT);
    assert_int_equal(memmap_add_e820(&map, 0, UINT64_MAX, E820_USABLE), STATUS_OK);
    assert_int_equal(map.count, 0);
    assert_int_equal(map.changes[0].reason, MEMMAP_WRAPS);
    table_close(&map);
}

static void entries_up_to_the_very_end_do_not_wrap(void **state)
{
    /* An entry that ends at 2^64 exactly is cut at the limit like any that lies beyond it. */
    struct memmap map;

    (void)state;
    table_open(&map, 2, 2, LIMIT);
    assert_int_equal(
        memmap_add_e820(&map, LIMIT - 0x1000, UINT64_MAX - LIMIT + 0x1001, E820_USABLE), STATUS_OK);
    expect_rows(&map, { LIMIT - 0x1000, LIMIT, E820_USABLE, REGION_TAG_NONE });
    expect_change(&map, 0, LIMIT, 0, E820_USABLE, 0, MEMMAP_BEYOND_LIMIT);
    table_close(&map);
}

static void what_lies_beyond_the_limit_is_cut(void **state)
{
    /* No row ends above the limit; one that ends at it is whole. */
    struct memmap map;

    (void)state;
    table_open(&map, 4, 4, 0x100000);
    add(&map, 0xff000, 0x100000, E820_USABLE);
    assert_int_equal(map.change_count, 0);
    add(&map, 0xfe000, 0x100001, E820_USABLE);
    expect_change(&map, 0, 0x100000, 0x100001, E820_USABLE, 0, MEMMAP_BEYOND_LIMIT);
    add(&map, 0x100000, 0x200000, E820_RESERVED);
    expect_change(&map, 1, 0x100000, 0x200000, E820_RESERVED, 0, MEMMAP_BEYOND_LIMIT);
    expect_rows(&map, { 0xff000, 0x100000, E820_USABLE, 0 }, { 0xfe000, 0x100000, E820_USABLE, 0 });
    table_close(&map);
}

static void the_limit_is_whole_pages_of_at_most_52_bits(void **state)
{
    /* A limit that no processor has is brought down to one that it can have. */
    struct memmap map;

    (void)state;
    memmap_init(&map, NULL, 0, NULL, 0, UINT64_MAX);
    assert_int_equal(map.limit, MEMMAP_LIMIT_MAX);
    memmap_init(&map, NULL, 0, NULL, 0, 0x12345);
    assert_int_equal(map.limit, 0x12000);
    assert_int_equal(memmap_add_e820(&map, 0, 1, E820_USABLE), STATUS_NO_SPACE);
}

static void unknown_types_are_reserved(void **state)
{
    /* Whatever number the type has, memory of a type that nobody defines is never usable. */
    static const uint32_t unknown[] = { 0, 6, 8, 9, 12, 20, 0x10000, 0x10003, UINT32_MAX };
    struct memmap map;

    (void)state;
    table_open(&map, ROOM, ROOM, LIMIT);
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        uint64_t start = (2 * i + 1) << 20;

        add(&map, start, start + 0x1000, unknown[i]);
        assert_int_equal(map.regions[i].type, E820_RESERVED);
        expect_change(&map, i, start, start + 0x1000, unknown[i], E820_RESERVED,
                      MEMMAP_UNKNOWN_TYPE);
    }
    table_close(&map);
}

static void rows_that_cannot_be_are_refused(void **state)
{
    /* A flag or tag that does not exist is an error of the caller, and nothing is added. */
    struct region region = { 0x1000, 0x1000, E820_USABLE, 0, REGION_TAG_COUNT, 0, 0 };
    struct memmap map;

    (void)state;
    table_open(&map, 1, 1, LIMIT);
    assert_int_equal(memmap_add(&map, &region), STATUS_INVALID);
    region.tag = 0;
    region.flags = 1u << 10;
    assert_int_equal(memmap_add(&map, &region), STATUS_INVALID);
    assert_int_equal(map.count, 0);
    region.flags = REGION_IS_RAM;
    region.device = 7;
    assert_int_equal(memmap_add(&map, &region), STATUS_OK);
    assert_int_equal(map.regions[0].device, 0);
    table_close(&map);
}

static void a_full_table_refuses(void **state)
{
    /* The last row fits, the next does not, and the table stays as it was. */
    struct memmap map;

    (void)state;
    table_open(&map, 1, 1, LIMIT);
    add(&map, 0x1000, 0x2000, E820_USABLE);
    assert_int_equal(memmap_add_e820(&map, 0x5000, 0x1000, E820_USABLE), STATUS_NO_SPACE);
    expect_rows(&map, { 0x1000, 0x2000, E820_USABLE, 0 });
    assert_int_equal(map.change_count, 0);
    table_close(&map);
}

static void a_full_note_book_loses_notes_only(void **state)
{
    /* Without room for notes every row is the same, and the lost notes are counted. */
    struct memmap map;

    (void)state;
    table_open(&map, 4, 1, LIMIT);
    add(&map, 0x1000, 0x2000, 9);
    add(&map, 0x5000, 0x6000, 9);
    add(&map, 0x8000, 0x8000, E820_USABLE);
    assert_int_equal(map.count, 2);
    assert_int_equal(map.change_count, 1);
    assert_int_equal(map.changes_lost, 2);
    table_close(&map);
    table_open(&map, 4, 0, LIMIT);
    add(&map, 0x1000, 0x2000, 9);
    assert_int_equal(map.regions[0].type, E820_RESERVED);
    assert_int_equal(map.changes_lost, 1);
    table_close(&map);
}

static void notes_that_continue_are_one(void **state)
{
    /* Pieces that touch and changed alike make one note; any difference makes another. */
    struct memmap map;

    (void)state;
    table_open(&map, 8, 8, LIMIT);
    add(&map, 0x1000, 0x2000, 9);
    add(&map, 0x2000, 0x3000, 9);
    add(&map, 0x3000, 0x4000, 10);
    add(&map, 0x5000, 0x6000, 10);
    assert_int_equal(map.change_count, 3);
    expect_change(&map, 0, 0x1000, 0x3000, 9, E820_RESERVED, MEMMAP_UNKNOWN_TYPE);
    expect_change(&map, 1, 0x3000, 0x4000, 10, E820_RESERVED, MEMMAP_UNKNOWN_TYPE);
    expect_change(&map, 2, 0x5000, 0x6000, 10, E820_RESERVED, MEMMAP_UNKNOWN_TYPE);
    table_close(&map);
}

static void find_knows_every_border(void **state)
{
    /* Each address is found in the row that holds it, and nowhere when no row does. */
    struct memmap map;

    (void)state;
    table_open(&map, ROOM, 0, LIMIT);
    assert_null(memmap_find(&map, pa(0)));
    for (uint64_t i = 1; i <= 5; i++)
        add(&map, i * 0x10000, i * 0x10000 + 0x2000, E820_USABLE);
    sanitise(&map);
    for (size_t i = 0; i < 5; i++) {
        uint64_t start = (i + 1) * 0x10000;

        assert_null(memmap_find(&map, pa(start - 1)));
        assert_ptr_equal(memmap_find(&map, pa(start)), &map.regions[i]);
        assert_ptr_equal(memmap_find(&map, pa(start + 0x1fff)), &map.regions[i]);
        assert_null(memmap_find(&map, pa(start + 0x2000)));
    }
    assert_null(memmap_find(&map, pa(UINT64_MAX)));
    table_close(&map);
}

static void free_is_usable_and_held_by_nobody(void **state)
{
    /* Free is what is usable, untagged or the loader's or the boot services', and not RUNTIME. */
    struct region region = { 0x1000, 0x1000, E820_USABLE, 0, 0, 0, 0 };

    (void)state;
    for (uint16_t tag = 0; tag < REGION_TAG_COUNT; tag++) {
        region.tag = tag;
        region.type = E820_USABLE;
        assert_int_equal(region_is_free(&region), tag == REGION_TAG_NONE ||
                                                      tag == REGION_TAG_LOADER ||
                                                      tag == REGION_TAG_BOOT_SERVICES);
        region.type = E820_RESERVED;
        assert_false(region_is_free(&region));
    }
    region = (struct region){ .type = E820_USABLE, .flags = REGION_RUNTIME };
    assert_false(region_is_free(&region));
}

static void totals_are_sums_over_rows(void **state)
{
    /* Each row counts for its type, its tag, and the whole; the ends are those of the last rows. */
    struct memmap_totals totals;
    struct memmap map;

    (void)state;
    table_open(&map, ROOM, 0, LIMIT);
    add_tagged(&map, 0x1000, 0x3000, E820_RESERVED, REGION_TAG_LOW, REGION_IS_RAM);
    add_tagged(&map, 0x3000, 0x4000, E820_RESERVED, REGION_TAG_TRAMPOLINE, REGION_IS_RAM);
    add_tagged(&map, 0x100000, 0x110000, E820_USABLE, REGION_TAG_NONE, REGION_IS_RAM);
    add_tagged(&map, 0x110000, 0x130000, E820_USABLE, REGION_TAG_KERNEL, REGION_IS_RAM);
    add(&map, 0x200000, 0x204000, E820_ACPI_DATA);
    add(&map, 0x300000, 0x308000, E820_ACPI_NVS);
    add(&map, 0x400000, 0x440000, E820_UNUSABLE);
    add(&map, 0x500000, 0x580000, E820_PERSISTENT);
    add(&map, 0x600000, 0x700000, E820_SOFT_RESERVED);
    add(&map, 0x800000, 0xa00000, E820_UNACCEPTED);
    sanitise(&map);
    memmap_total(&map, &totals);
    assert_int_equal(totals.usable, 0x30000);
    assert_int_equal(totals.free, 0x10000);
    assert_int_equal(totals.low, 0x3000);
    assert_int_equal(totals.reserved, 0x3000);
    assert_int_equal(totals.acpi_data, 0x4000);
    assert_int_equal(totals.acpi_nvs, 0x8000);
    assert_int_equal(totals.unusable, 0x40000);
    assert_int_equal(totals.persistent, 0x80000);
    assert_int_equal(totals.soft_reserved, 0x100000);
    assert_int_equal(totals.unaccepted, 0x200000);
    assert_int_equal(totals.described, 0x3ff000);
    assert_int_equal(totals.highest_usable_end, 0x130000);
    assert_int_equal(totals.highest_ram_end, 0x308000);
    table_close(&map);
    memmap_init(&map, NULL, 0, NULL, 0, LIMIT);
    memmap_total(&map, &totals);
    assert_int_equal(totals.described + totals.highest_usable_end + totals.highest_ram_end, 0);
}

static void every_number_has_a_name(void **state)
{
    /* No name is missing within its enum, none repeats, and what is beyond has a name too. */
    (void)state;
    for (uint32_t i = 0; i < REGION_TAG_COUNT; i++)
        for (uint32_t j = 0; j < i; j++)
            assert_string_not_equal(region_tag_name(i), region_tag_name(j));
    for (uint32_t i = 0; i < MEMMAP_REASON_COUNT; i++)
        for (uint32_t j = 0; j < i; j++)
            assert_string_not_equal(memmap_reason_name(i), memmap_reason_name(j));
    for (uint32_t i = 0; i <= EFI_TYPE_UNACCEPTED; i++)
        for (uint32_t j = 0; j < i; j++)
            assert_string_not_equal(efi_memory_type_name(i), efi_memory_type_name(j));
    assert_string_equal(region_tag_name(REGION_TAG_COUNT), "unknown");
    assert_string_equal(memmap_reason_name(MEMMAP_REASON_COUNT), "unknown reason");
    assert_string_equal(efi_memory_type_name(16), "unknown");
    assert_string_equal(efi_memory_type_name(0x6fffffff), "unknown");
    assert_string_equal(efi_memory_type_name(0x70000000), "OEM");
    assert_string_equal(efi_memory_type_name(0x7fffffff), "OEM");
    assert_string_equal(efi_memory_type_name(0x80000000), "OS");
    assert_string_equal(efi_memory_type_name(UINT32_MAX), "OS");
}

static void types_are_called_as_linux_calls_them(void **state)
{
    /* Eyes and tools that know a Linux boot log know these names; machines get single words. */
    static const struct {
        uint32_t type;
        const char *name;
        const char *word;
    } types[] = {
        { E820_USABLE, "usable", "usable" },
        { E820_RESERVED, "reserved", "reserved" },
        { E820_ACPI_DATA, "ACPI data", "acpi_data" },
        { E820_ACPI_NVS, "ACPI NVS", "acpi_nvs" },
        { E820_UNUSABLE, "unusable", "unusable" },
        { E820_PERSISTENT, "persistent (type 7)", "persistent7" },
        { E820_SOFT_RESERVED, "soft reserved", "soft_reserved" },
        { E820_UNACCEPTED, "unaccepted", "unaccepted" },
        { 0, "nothing", "nothing" },
        { 99, "unknown", "unknown" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        assert_string_equal(e820_type_name(types[i].type), types[i].name);
        assert_string_equal(e820_type_word(types[i].type), types[i].word);
    }
}

static void expect_change_line(struct handoff_change change, const char *expected)
{
    struct host_text text;

    host_text_init(&text);
    memmap_print_change(&text.sink, &change);
    assert_string_equal(text.text, expected);
    host_text_free(&text);
}

static void lines_have_the_form_of_linux(void **state)
{
    /* Rows and changes are printed with inclusive ends and sixteen digits. */
    struct region region = { 0x100000, 0x3fe00000, E820_USABLE, 0, 0, 0, 0 };
    struct host_text text;

    (void)state;
    host_text_init(&text);
    memmap_print_row(&text.sink, &region);
    assert_string_equal(text.text, "BIOS-e820: [mem 0x0000000000100000-0x000000003fefffff] usable");
    host_text_free(&text);
    expect_change_line((struct handoff_change){ 0x1000, 0x1000, 1, 2, MEMMAP_OVERLAP, 0 },
                       "[mem 0x0000000000001000-0x0000000000001fff] usable -> reserved: a stricter "
                       "entry covers it");
    expect_change_line((struct handoff_change){ 0x1000, 0, 1, 0, MEMMAP_EMPTY, 0 },
                       "[mem 0x0000000000001000-0x0000000000001000] usable -> nothing: empty");
    expect_change_line((struct handoff_change){ 0x1000, 0x1000, 1, 1, MEMMAP_CARVED, 0 },
                       "[mem 0x0000000000001000-0x0000000000001fff] usable: taken for an owner");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_is_kept_as_it_is),
        cmocka_unit_test(bios_types_that_are_ram),
        cmocka_unit_test(empty_entries_are_dropped),
        cmocka_unit_test(entries_that_wrap),
        cmocka_unit_test(a_size_without_a_number_wraps_anywhere),
        cmocka_unit_test(entries_up_to_the_very_end_do_not_wrap),
        cmocka_unit_test(what_lies_beyond_the_limit_is_cut),
        cmocka_unit_test(the_limit_is_whole_pages_of_at_most_52_bits),
        cmocka_unit_test(unknown_types_are_reserved),
        cmocka_unit_test(rows_that_cannot_be_are_refused),
        cmocka_unit_test(a_full_table_refuses),
        cmocka_unit_test(a_full_note_book_loses_notes_only),
        cmocka_unit_test(notes_that_continue_are_one),
        cmocka_unit_test(find_knows_every_border),
        cmocka_unit_test(free_is_usable_and_held_by_nobody),
        cmocka_unit_test(totals_are_sums_over_rows),
        cmocka_unit_test(every_number_has_a_name),
        cmocka_unit_test(types_are_called_as_linux_calls_them),
        cmocka_unit_test(lines_have_the_form_of_linux),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
