/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_memmap_edit.c - carving, clipping and the reservation of low memory.
 *
 * Random sequences of carvings and clippings are compared with a model in test_memmap_model.c.
 */
#include "memmap_fixture.h"

/* 1 MiB to 2 MiB usable, 3 MiB to 4 MiB reserved, in a buffer of `rows` rows. */
static void open_example(struct memmap *map, size_t rows)
{
    table_open(map, ROOM, ROOM, LIMIT);
    add(map, 0x100000, 0x200000, E820_USABLE);
    add(map, 0x300000, 0x400000, E820_RESERVED);
    sanitise(map);
    map->capacity = rows;
}

static enum status carve(struct memmap *map, uint64_t start, uint64_t end, uint32_t type,
                         enum region_tag tag)
{
    enum status status = memmap_carve(map, start, end - start, type, tag, MEMMAP_CARVED);
    size_t bad_row;

    assert_int_equal(memmap_validate(map, &bad_row), STATUS_OK);
    return status;
}

static void carving_splits_and_tags(void **state)
{
    /* Without a type a range only gets a tag: the row is split, and parts unknown stay unknown. */
    struct memmap map;

    (void)state;
    open_example(&map, ROOM);
    assert_int_equal(carve(&map, 0x140000, 0x150000, 0, REGION_TAG_KERNEL), STATUS_OK);
    assert_int_equal(carve(&map, 0x1f0000, 0x310000, 0, REGION_TAG_MODULE), STATUS_OK);
    expect_rows(&map, { 0x100000, 0x140000, E820_USABLE, REGION_TAG_NONE },
                { 0x140000, 0x150000, E820_USABLE, REGION_TAG_KERNEL },
                { 0x150000, 0x1f0000, E820_USABLE, REGION_TAG_NONE },
                { 0x1f0000, 0x200000, E820_USABLE, REGION_TAG_MODULE },
                { 0x300000, 0x310000, E820_RESERVED, REGION_TAG_MODULE },
                { 0x310000, 0x400000, E820_RESERVED, REGION_TAG_NONE });
    expect_change(&map, 0, 0x140000, 0x150000, E820_USABLE, E820_USABLE, MEMMAP_CARVED);
    expect_change(&map, 1, 0x1f0000, 0x200000, E820_USABLE, E820_USABLE, MEMMAP_CARVED);
    expect_change(&map, 2, 0x300000, 0x310000, E820_RESERVED, E820_RESERVED, MEMMAP_CARVED);
    table_close(&map);
}

static void carving_with_a_type_fills_gaps(void **state)
{
    /* With a type the whole range has it afterwards, the parts that nobody described included. */
    struct memmap map;

    (void)state;
    open_example(&map, ROOM);
    assert_int_equal(carve(&map, 0x180000, 0x500000, E820_RESERVED, REGION_TAG_FRAMEBUFFER),
                     STATUS_OK);
    /* What was usable keeps its WB, what was a hole says so: rows of their own. */
    expect_rows(&map, { 0x100000, 0x180000, E820_USABLE, REGION_TAG_NONE },
                { 0x180000, 0x200000, E820_RESERVED, REGION_TAG_FRAMEBUFFER },
                { 0x200000, 0x300000, E820_RESERVED, REGION_TAG_FRAMEBUFFER },
                { 0x300000, 0x400000, E820_RESERVED, REGION_TAG_FRAMEBUFFER },
                { 0x400000, 0x500000, E820_RESERVED, REGION_TAG_FRAMEBUFFER });
    assert_false(region_is_ram(&map.regions[1]));
    for (size_t i = 0; i < map.count; i++)
        assert_int_equal(region_is_described(&map.regions[i]), i != 2 && i != 4);
    expect_change(&map, 0, 0x180000, 0x200000, E820_USABLE, E820_RESERVED, MEMMAP_CARVED);
    expect_change(&map, 1, 0x200000, 0x300000, 0, E820_RESERVED, MEMMAP_CARVED);
    expect_change(&map, 2, 0x300000, 0x400000, E820_RESERVED, E820_RESERVED, MEMMAP_CARVED);
    expect_change(&map, 3, 0x400000, 0x500000, 0, E820_RESERVED, MEMMAP_CARVED);
    table_close(&map);
}

static void carving_never_loosens(void **state)
{
    /* A stricter row stays what it is, tag included; usable memory is only added to gaps. */
    struct memmap map;

    (void)state;
    open_example(&map, ROOM);
    assert_int_equal(carve(&map, 0x300000, 0x400000, E820_ACPI_DATA, REGION_TAG_ACPI), STATUS_OK);
    assert_int_equal(carve(&map, 0x100000, 0x400000, E820_USABLE, REGION_TAG_KERNEL), STATUS_OK);
    expect_rows(&map, { 0x100000, 0x200000, E820_USABLE, REGION_TAG_NONE },
                { 0x200000, 0x300000, E820_USABLE, REGION_TAG_KERNEL },
                { 0x300000, 0x400000, E820_RESERVED, REGION_TAG_NONE });
    assert_true(region_is_ram(&map.regions[1]));
    table_close(&map);
}

static void carving_takes_whole_pages(void **state)
{
    /* A range grows to the pages that it touches. */
    struct memmap map;

    (void)state;
    open_example(&map, ROOM);
    assert_int_equal(carve(&map, 0x140fff, 0x141001, 0, REGION_TAG_STACK), STATUS_OK);
    expect_rows(&map, { 0x100000, 0x140000, E820_USABLE, 0 },
                { 0x140000, 0x142000, E820_USABLE, REGION_TAG_STACK },
                { 0x142000, 0x200000, E820_USABLE, 0 }, { 0x300000, 0x400000, E820_RESERVED, 0 });
    table_close(&map);
}

static void carving_joins_with_its_neighbours(void **state)
{
    /* What has become equal is one row again: giving back what was carved restores the table. */
    struct memmap map;

    (void)state;
    open_example(&map, ROOM);
    assert_int_equal(carve(&map, 0x140000, 0x150000, 0, REGION_TAG_KERNEL), STATUS_OK);
    assert_int_equal(carve(&map, 0x150000, 0x160000, 0, REGION_TAG_KERNEL), STATUS_OK);
    assert_int_equal(map.count, 4);
    assert_int_equal(carve(&map, 0x140000, 0x160000, 0, REGION_TAG_NONE), STATUS_OK);
    expect_rows(&map, { 0x100000, 0x200000, E820_USABLE, 0 },
                { 0x300000, 0x400000, E820_RESERVED, 0 });
    table_close(&map);
}

static void carving_keeps_what_stays_ram(void **state)
{
    /* Who is held by the kernel stays RAM; a device, framebuffer or the user's choice does not. */
    struct memmap map;

    (void)state;
    for (uint32_t tag = 0; tag < REGION_TAG_COUNT; tag++) {
        bool no_ram =
            tag == REGION_TAG_DEVICE || tag == REGION_TAG_FRAMEBUFFER || tag == REGION_TAG_USER;

        open_example(&map, ROOM);
        assert_int_equal(carve(&map, 0x100000, 0x200000, E820_RESERVED, tag), STATUS_OK);
        assert_int_equal(region_is_ram(&map.regions[0]), !no_ram);
        table_close(&map);
    }
}

static void devices_claim_what_is_nobodys(void **state)
{
    /* A device gets holes and reserved rows that nobody holds; RAM and what has a holder stay. */
    struct memmap map;
    size_t bad_row;

    (void)state;
    open_example(&map, ROOM);
    assert_int_equal(carve(&map, 0x380000, 0x390000, E820_RESERVED, REGION_TAG_FRAMEBUFFER),
                     STATUS_OK);
    assert_int_equal(memmap_claim_device(&map, 0x180000, 0x400000, 7), STATUS_OK);
    assert_int_equal(memmap_validate(&map, &bad_row), STATUS_OK);
    expect_rows(&map, { 0x100000, 0x200000, E820_USABLE, REGION_TAG_NONE },
                { 0x200000, 0x300000, E820_RESERVED, REGION_TAG_DEVICE },
                { 0x300000, 0x380000, E820_RESERVED, REGION_TAG_DEVICE },
                { 0x380000, 0x390000, E820_RESERVED, REGION_TAG_FRAMEBUFFER },
                { 0x390000, 0x400000, E820_RESERVED, REGION_TAG_DEVICE },
                { 0x400000, 0x580000, E820_RESERVED, REGION_TAG_DEVICE });
    assert_int_equal(memmap_claim_device(&map, 0x1000, UINT64_MAX, 0), STATUS_OVERFLOW);
    map.capacity = map.count;
    assert_int_equal(memmap_claim_device(&map, 0x600000, 0x1000, 0), STATUS_NO_SPACE);
    table_close(&map);
}

static void rows_name_their_device(void **state)
{
    /* Neighbours of two devices stay two rows, each with its own; nobody else's row has one. */
    const uint32_t first = region_device(0, 0, 31, 2), second = region_device(0xffff, 255, 31, 6);
    char text[REGION_DEVICE_TEXT_BYTES];
    struct memmap map;

    (void)state;
    open_example(&map, ROOM);
    assert_int_equal(memmap_claim_device(&map, 0x500000, 0x2000, first), STATUS_OK);
    assert_int_equal(memmap_claim_device(&map, 0x502000, 0x1000, second), STATUS_OK);
    assert_int_equal(memmap_claim_device(&map, 0x500000, 0x4000, 0), STATUS_OK);
    assert_int_equal(memmap_find(&map, pa(0x501000))->device, first);
    assert_int_equal(memmap_find(&map, pa(0x502000))->device, second);
    assert_int_equal(memmap_find(&map, pa(0x503000))->device, 0);
    assert_int_equal(memmap_find(&map, pa(0x501000))->size_bytes, 0x2000);
    assert_int_equal(memmap_find(&map, pa(0x100000))->device, 0);
    assert_string_equal(region_device_text(first, text), "0000:00:1f.2");
    assert_string_equal(region_device_text(second, text), "ffff:ff:1f.6");
    assert_string_equal(region_device_text(0, text), "");
    table_close(&map);
}

static void carving_at_the_ends_of_the_table(void **state)
{
    /* Before the first row, behind the last, in an empty table and at the limit. */
    struct memmap map;

    (void)state;
    table_open(&map, 4, 4, LIMIT);
    assert_int_equal(carve(&map, 0x5000, 0x6000, 0, REGION_TAG_KERNEL), STATUS_OK);
    assert_int_equal(map.count, 0);
    assert_int_equal(carve(&map, 0x5000, 0x6000, E820_RESERVED, 0), STATUS_OK);
    assert_int_equal(carve(&map, 0x1000, 0x2000, E820_RESERVED, 0), STATUS_OK);
    assert_int_equal(carve(&map, LIMIT - 0x1000, LIMIT + 0x5000, E820_RESERVED, 0), STATUS_OK);
    assert_int_equal(carve(&map, LIMIT, LIMIT + 0x5000, E820_RESERVED, 0), STATUS_OK);
    expect_rows(&map, { 0x1000, 0x2000, E820_RESERVED, 0 }, { 0x5000, 0x6000, E820_RESERVED, 0 },
                { LIMIT - 0x1000, LIMIT, E820_RESERVED, 0 });
    table_close(&map);
}

static void carvings_that_make_no_sense(void **state)
{
    /* A wrap, an unknown type or tag are errors, an empty range is nothing; the table stays. */
    struct memmap map;

    (void)state;
    open_example(&map, ROOM);
    assert_int_equal(memmap_carve(&map, 0x1000, UINT64_MAX, 0, 0, MEMMAP_CARVED), STATUS_OVERFLOW);
    assert_int_equal(carve(&map, 0x100000, 0x200000, 99, 0), STATUS_INVALID);
    assert_int_equal(carve(&map, 0x100000, 0x200000, 0, REGION_TAG_COUNT), STATUS_INVALID);
    assert_int_equal(carve(&map, 0x100000, 0x100000, E820_RESERVED, 0), STATUS_OK);
    expect_rows(&map, { 0x100000, 0x200000, E820_USABLE, 0 },
                { 0x300000, 0x400000, E820_RESERVED, 0 });
    assert_int_equal(map.change_count, 0);
    table_close(&map);
}

static void carving_needs_room_beforehand(void **state)
{
    /* With exactly the rows that the cuts and gaps need it works; with one less nothing happens. */
    struct memmap map;

    (void)state;
    for (size_t missing = 0; missing < 2; missing++) {
        enum status expected = missing == 0 ? STATUS_OK : STATUS_NO_SPACE;

        open_example(&map, 4 - missing);
        assert_int_equal(carve(&map, 0x140000, 0x150000, 0, REGION_TAG_KERNEL), expected);
        assert_int_equal(map.count, missing == 0 ? 4 : 2);
        table_close(&map);
        /* Two cuts, and one gap between the rows. */
        open_example(&map, 5 - missing);
        assert_int_equal(carve(&map, 0x180000, 0x380000, E820_RESERVED, REGION_TAG_DEVICE),
                         expected);
        assert_int_equal(map.change_count, missing == 0 ? 3 : 0);
        table_close(&map);
    }
}

static void clipping_cuts_everything_above(void **state)
{
    /* Nothing is left at or above the limit, which is the table's from then on. */
    struct memmap map;

    (void)state;
    open_example(&map, ROOM);
    memmap_clip(&map, 0x380fff, false, MEMMAP_BEYOND_LIMIT);
    expect_rows(&map, { 0x100000, 0x200000, E820_USABLE, 0 },
                { 0x300000, 0x380000, E820_RESERVED, 0 });
    assert_int_equal(map.limit, 0x380000);
    expect_change(&map, 0, 0x380000, 0x400000, E820_RESERVED, 0, MEMMAP_BEYOND_LIMIT);
    memmap_clip(&map, 0x1000000, false, MEMMAP_BEYOND_LIMIT);
    assert_int_equal(map.limit, 0x380000);
    memmap_clip(&map, 0x180000, false, MEMMAP_BEYOND_LIMIT);
    expect_rows(&map, { 0x100000, 0x180000, E820_USABLE, 0 });
    memmap_clip(&map, 0, false, MEMMAP_BEYOND_LIMIT);
    assert_int_equal(map.count, 0);
    table_close(&map);
}

static void clipping_free_memory_leaves_the_rest(void **state)
{
    /* mem= takes free memory only: what is reserved or held stays, wherever it lies. */
    struct memmap map;

    (void)state;
    open_example(&map, ROOM);
    add_tagged(&map, 0x500000, 0x600000, E820_USABLE, REGION_TAG_KERNEL, REGION_WB);
    add_tagged(&map, 0x700000, 0x800000, E820_USABLE, REGION_TAG_LOADER, REGION_WB);
    sanitise(&map);
    memmap_clip(&map, 0x180000, true, MEMMAP_COMMAND_LINE);
    expect_rows(&map, { 0x100000, 0x180000, E820_USABLE, 0 },
                { 0x300000, 0x400000, E820_RESERVED, 0 },
                { 0x500000, 0x600000, E820_USABLE, REGION_TAG_KERNEL });
    assert_int_equal(map.limit, LIMIT);
    assert_int_equal(map.change_count, 2);
    expect_change(&map, 0, 0x180000, 0x200000, E820_USABLE, 0, MEMMAP_COMMAND_LINE);
    expect_change(&map, 1, 0x700000, 0x800000, E820_USABLE, 0, MEMMAP_COMMAND_LINE);
    table_close(&map);
}

static void low_memory_is_kept_from_the_pool(void **state)
{
    /* Page 0, low RAM, the trampoline and the video window each get their row and reason. */
    struct memmap map;

    (void)state;
    table_open(&map, ROOM, ROOM, LIMIT);
    add(&map, 0, 0x8000000, E820_USABLE);
    sanitise(&map);
    assert_int_equal(memmap_reserve_low(&map, 4), STATUS_OK);
    expect_rows(&map, { 0, 0x1000, E820_RESERVED, REGION_TAG_NONE },
                { 0x1000, 0x9c000, E820_RESERVED, REGION_TAG_LOW },
                { 0x9c000, 0xa0000, E820_RESERVED, REGION_TAG_TRAMPOLINE },
                { 0xa0000, 0x100000, E820_RESERVED, REGION_TAG_DEVICE },
                { 0x100000, 0x8000000, E820_USABLE, REGION_TAG_NONE });
    assert_true(region_is_ram(&map.regions[1]));
    assert_false(region_is_ram(&map.regions[3]));
    expect_change(&map, 0, 0x9c000, 0xa0000, E820_USABLE, E820_RESERVED, MEMMAP_TRAMPOLINE);
    expect_change(&map, 1, 0, 0x1000, E820_USABLE, E820_RESERVED, MEMMAP_PAGE_ZERO);
    expect_change(&map, 2, 0x1000, 0x9c000, E820_USABLE, E820_RESERVED, MEMMAP_LOW_MEMORY);
    expect_change(&map, 3, 0xa0000, 0x100000, E820_USABLE, E820_RESERVED, MEMMAP_LOW_MEMORY);
    table_close(&map);
}

static void low_memory_that_is_not_free_stays(void **state)
{
    /* Reserved rows, gaps and held memory below 1 MiB are left as they are. */
    struct memmap map;

    (void)state;
    table_open(&map, ROOM, ROOM, LIMIT);
    add(&map, 0, 0x1000, E820_ACPI_NVS);
    add_tagged(&map, 0x2000, 0x3000, E820_USABLE, REGION_TAG_KERNEL, REGION_IS_RAM);
    add_tagged(&map, 0x3000, 0x4000, E820_USABLE, REGION_TAG_LOADER, REGION_IS_RAM);
    add(&map, 0xf0000, 0x100000, E820_RESERVED);
    sanitise(&map);
    assert_int_equal(memmap_reserve_low(&map, 0), STATUS_OK);
    expect_rows(&map, { 0, 0x1000, E820_ACPI_NVS, REGION_TAG_NONE },
                { 0x2000, 0x3000, E820_USABLE, REGION_TAG_KERNEL },
                { 0x3000, 0x4000, E820_RESERVED, REGION_TAG_LOW },
                { 0xf0000, 0x100000, E820_RESERVED, REGION_TAG_NONE });
    table_close(&map);
}

static void low_memory_of_the_firmware_is_reserved(void **state)
{
    /* Where the firmware still runs in memory it calls usable, page 0 too, it is left to it. */
    struct memmap map;

    (void)state;
    table_open(&map, ROOM, ROOM, LIMIT);
    add_tagged(&map, 0, 0x2000, E820_USABLE, REGION_TAG_BOOT_SERVICES, REGION_RUNTIME);
    add_tagged(&map, 0x2000, 0x3000, E820_USABLE, REGION_TAG_NONE, REGION_IS_RAM);
    add_tagged(&map, 0xff000, 0x101000, E820_USABLE, REGION_TAG_NONE, REGION_RUNTIME);
    sanitise(&map);
    assert_int_equal(memmap_reserve_low(&map, 1), STATUS_OK);
    expect_rows(&map, { 0, 0x2000, E820_RESERVED, REGION_TAG_FIRMWARE },
                { 0x2000, 0x3000, E820_RESERVED, REGION_TAG_TRAMPOLINE },
                { 0xff000, 0x100000, E820_RESERVED, REGION_TAG_FIRMWARE },
                { 0x100000, 0x101000, E820_USABLE, REGION_TAG_NONE });
    expect_change(&map, 1, 0, 0x2000, E820_USABLE, E820_RESERVED, MEMMAP_LOW_MEMORY);
    table_close(&map);
}

/* Low memory [start, end) alone; where the trampoline of two pages comes to lie, or 0. */
static uint64_t place_trampoline(uint64_t start, uint64_t end, enum status expected)
{
    struct memmap map;
    uint64_t base = 0;

    table_open(&map, ROOM, ROOM, LIMIT);
    add(&map, start, end, E820_USABLE);
    sanitise(&map);
    assert_int_equal(memmap_reserve_low(&map, 2), expected);
    for (size_t i = 0; i < map.count; i++)
        if (map.regions[i].tag == REGION_TAG_TRAMPOLINE)
            base = map.regions[i].base;
    table_close(&map);
    return base;
}

static void the_trampoline_lies_below_640_kib(void **state)
{
    /* It takes the highest pages that are free, never page 0 and never the video window. */
    (void)state;
    assert_int_equal(place_trampoline(0, 0x9f000, STATUS_OK), 0x9d000);
    assert_int_equal(place_trampoline(0, 0x200000, STATUS_OK), 0x9e000);
    assert_int_equal(place_trampoline(0, 0x3000, STATUS_OK), 0x1000);
    assert_int_equal(place_trampoline(0, 0x2000, STATUS_NOT_FOUND), 0);
    assert_int_equal(place_trampoline(0x9f000, 0x200000, STATUS_NOT_FOUND), 0);
    assert_int_equal(place_trampoline(0xa0000, 0x200000, STATUS_NOT_FOUND), 0);
    assert_int_equal(place_trampoline(0x100000, 0x200000, STATUS_NOT_FOUND), 0);
}

static void the_trampoline_may_span_rows(void **state)
{
    /* Free rows that touch make one run, whoever had them; a gap or a held row ends it. */
    struct memmap map;

    (void)state;
    table_open(&map, ROOM, ROOM, LIMIT);
    add_tagged(&map, 0x1000, 0x2000, E820_USABLE, REGION_TAG_LOADER, REGION_IS_RAM);
    add_tagged(&map, 0x2000, 0x3000, E820_USABLE, REGION_TAG_BOOT_SERVICES, REGION_IS_RAM);
    add_tagged(&map, 0x3000, 0x4000, E820_USABLE, REGION_TAG_KERNEL, REGION_IS_RAM);
    add_tagged(&map, 0x4000, 0x5000, E820_USABLE, REGION_TAG_NONE, REGION_IS_RAM);
    sanitise(&map);
    assert_int_equal(memmap_reserve_low(&map, 2), STATUS_OK);
    expect_rows(&map, { 0x1000, 0x3000, E820_RESERVED, REGION_TAG_TRAMPOLINE },
                { 0x3000, 0x4000, E820_USABLE, REGION_TAG_KERNEL },
                { 0x4000, 0x5000, E820_RESERVED, REGION_TAG_LOW });
    table_close(&map);
}

static void reserving_low_memory_needs_five_rows(void **state)
{
    /* With room for five more rows it works; with one less nothing was changed. */
    struct memmap map;

    (void)state;
    for (size_t missing = 0; missing < 2; missing++) {
        table_open(&map, 6, ROOM, LIMIT);
        add(&map, 0, 0x8000000, E820_USABLE);
        sanitise(&map);
        map.capacity = 6 - missing;
        assert_int_equal(memmap_reserve_low(&map, 1), missing == 0 ? STATUS_OK : STATUS_NO_SPACE);
        assert_int_equal(map.count, missing == 0 ? 5 : 1);
        assert_int_equal(map.change_count, missing == 0 ? 4 : 0);
        table_close(&map);
    }
}

static void absurd_trampolines_are_not_found(void **state)
{
    /* More pages than low memory has are simply not there. */
    struct memmap map;

    (void)state;
    table_open(&map, ROOM, ROOM, LIMIT);
    add(&map, 0, 0x8000000, E820_USABLE);
    sanitise(&map);
    assert_int_equal(memmap_reserve_low(&map, 160), STATUS_NOT_FOUND);
    assert_int_equal(memmap_reserve_low(&map, SIZE_MAX), STATUS_NOT_FOUND);
    table_close(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(carving_splits_and_tags),
        cmocka_unit_test(carving_with_a_type_fills_gaps),
        cmocka_unit_test(carving_never_loosens),
        cmocka_unit_test(carving_takes_whole_pages),
        cmocka_unit_test(carving_joins_with_its_neighbours),
        cmocka_unit_test(carving_keeps_what_stays_ram),
        cmocka_unit_test(devices_claim_what_is_nobodys),
        cmocka_unit_test(rows_name_their_device),
        cmocka_unit_test(carving_at_the_ends_of_the_table),
        cmocka_unit_test(carvings_that_make_no_sense),
        cmocka_unit_test(carving_needs_room_beforehand),
        cmocka_unit_test(clipping_cuts_everything_above),
        cmocka_unit_test(clipping_free_memory_leaves_the_rest),
        cmocka_unit_test(low_memory_is_kept_from_the_pool),
        cmocka_unit_test(low_memory_that_is_not_free_stays),
        cmocka_unit_test(low_memory_of_the_firmware_is_reserved),
        cmocka_unit_test(the_trampoline_lies_below_640_kib),
        cmocka_unit_test(the_trampoline_may_span_rows),
        cmocka_unit_test(reserving_low_memory_needs_five_rows),
        cmocka_unit_test(absurd_trampolines_are_not_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
