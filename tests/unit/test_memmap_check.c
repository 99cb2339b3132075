/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_memmap_check.c - which tables are believed, and which are not.
 */
#include "memmap_fixture.h"

/* Three sound rows, to be spoilt. */
static void open_sound(struct memmap *map)
{
    table_open(map, 6, 1, LIMIT);
    add(map, 0x1000, 0x5000, E820_USABLE);
    add(map, 0x5000, 0x8000, E820_RESERVED);
    add(map, 0x10000, 0x20000, E820_USABLE);
    sanitise(map);
}

static void expect_bad(struct memmap *map, size_t row)
{
    size_t bad_row = 99;

    assert_int_equal(memmap_validate(map, &bad_row), STATUS_CORRUPT);
    assert_int_equal(bad_row, row);
    table_close(map);
}

#define SPOIL(row, member, value)                                                                  \
    do {                                                                                           \
        struct memmap map;                                                                         \
                                                                                                   \
        open_sound(&map);                                                                          \
        map.regions[row].member = (value);                                                         \
        expect_bad(&map, (row));                                                                   \
    } while (false)

static void each_broken_invariant_is_found(void **state)
{
    /* Any single field that breaks a rule is found, and the row is named. */
    (void)state;
    SPOIL(0, size_bytes, 0);
    SPOIL(1, size_bytes, 0x2800);
    SPOIL(2, base, 0x10800);
    SPOIL(2, base, UINT64_MAX - 0xfff);
    SPOIL(2, size_bytes, LIMIT);
    SPOIL(2, base, LIMIT - 0xf000);
    SPOIL(1, type, 0);
    SPOIL(1, type, 6);
    SPOIL(1, type, 0x10003);
    SPOIL(2, tag, REGION_TAG_COUNT);
    SPOIL(2, flags, 1u << 10);
    SPOIL(2, device, 1);
    SPOIL(1, base, 0x4000);
    SPOIL(1, base, 0);
    SPOIL(2, base, 0x1000);
}

static void equal_neighbours_are_no_table(void **state)
{
    /* Rows that should have been one are found, but not across a gap. */
    struct memmap map;
    size_t bad_row;

    (void)state;
    open_sound(&map);
    map.regions[2] = map.regions[0];
    map.regions[2].base = 0x8000;
    assert_int_equal(memmap_validate(&map, &bad_row), STATUS_OK);
    map.regions[1].type = E820_USABLE;
    map.regions[1].flags = map.regions[0].flags;
    expect_bad(&map, 1);
}

static void a_handoff_is_adopted_in_place(void **state)
{
    /* A sound table and its notes are used where they are; without notes there is no room. */
    struct handoff_regions *regions = calloc(1, sizeof(*regions) + 4 * sizeof(struct region));
    struct handoff_changes *changes =
        calloc(1, sizeof(*changes) + 3 * sizeof(struct handoff_change));
    struct memmap map;
    size_t bad_row;

    (void)state;
    regions->count = 1;
    regions->capacity = 4;
    regions->regions[0] = (struct region){ 0x1000, 0x1000, E820_USABLE, 0, 0, 7, 0 };
    changes->count = 2;
    changes->capacity = 3;
    changes->lost = 5;
    assert_int_equal(memmap_adopt(&map, regions, changes, LIMIT, &bad_row), STATUS_OK);
    assert_ptr_equal(map.regions, regions->regions);
    assert_int_equal(map.count, 1);
    assert_int_equal(map.capacity, 4);
    assert_ptr_equal(map.changes, changes->changes);
    assert_int_equal(map.change_count, 2);
    assert_int_equal(map.change_capacity, 3);
    assert_int_equal(map.changes_lost, 5);
    assert_int_equal(memmap_adopt(&map, regions, NULL, LIMIT, &bad_row), STATUS_OK);
    assert_int_equal(map.change_capacity, 0);
    free(regions);
    free(changes);
}

static void broken_handoffs_are_not_adopted(void **state)
{
    /* More rows or notes than room, or a bad row: an error, and the map is not written. */
    struct handoff_regions *regions = calloc(1, sizeof(*regions) + sizeof(struct region));
    struct handoff_changes changes = { .count = 1 };
    struct memmap map = { .count = 77 };
    size_t bad_row = 99;

    (void)state;
    regions->count = 1;
    regions->capacity = 1;
    regions->regions[0] = (struct region){ 0x1000, 0x1000, E820_USABLE, 0, 0, 7, 0 };
    assert_int_equal(memmap_adopt(&map, regions, &changes, LIMIT, &bad_row), STATUS_CORRUPT);
    regions->count = 2;
    assert_int_equal(memmap_adopt(&map, regions, NULL, LIMIT, &bad_row), STATUS_CORRUPT);
    assert_int_equal(bad_row, 1);
    regions->count = 1;
    regions->regions[0].base = 1;
    assert_int_equal(memmap_adopt(&map, regions, NULL, LIMIT, &bad_row), STATUS_CORRUPT);
    assert_int_equal(bad_row, 0);
    regions->regions[0].base = LIMIT;
    assert_int_equal(memmap_adopt(&map, regions, NULL, LIMIT, &bad_row), STATUS_CORRUPT);
    assert_int_equal(map.count, 77);
    free(regions);
}

/* --- against the firmware's own map ------------------------------------------------------ */

static const struct efi_memory_descriptor firmware[] = {
    { EFI_TYPE_CONVENTIONAL, 0, 0x100000, 0, 0x10, EFI_RAM },
    { EFI_TYPE_RESERVED, 0, 0x80000, 0, 0x10, EFI_RAM },
    { EFI_TYPE_BOOT_SERVICES_DATA, 0, 0x110000, 0, 0x10, EFI_RAM },
    { EFI_TYPE_CONVENTIONAL, 0, 0x0, 0, 0x10, EFI_RAM },
    { EFI_TYPE_CONVENTIONAL, 0, 0x200000, 0, 0x10, EFI_ATTRIBUTE_UC },
    { EFI_TYPE_MMIO, 0, 0x118000, 0, 0, 0 },
};

static enum status check(const struct memmap *map, size_t *bad_row)
{
    return memmap_cross_check_efi(map, firmware, sizeof(firmware), sizeof(firmware[0]), bad_row);
}

static enum status check_one_row(uint64_t start, uint64_t end, uint32_t type)
{
    struct memmap map;
    enum status status;
    size_t bad_row = 99;

    table_open(&map, 4, 0, LIMIT);
    add(&map, start, end, type);
    sanitise(&map);
    status = check(&map, &bad_row);
    assert_int_equal(bad_row, status == STATUS_OK ? 99 : 0);
    table_close(&map);
    return status;
}

static void the_firmwares_own_table_agrees(void **state)
{
    /* What the conversion made of a map passes the check against that map. */
    struct memmap map;
    size_t bad_row;

    (void)state;
    table_open(&map, 12, 12, LIMIT);
    assert_int_equal(memmap_add_efi(&map, firmware, sizeof(firmware), sizeof(firmware[0])),
                     STATUS_OK);
    sanitise(&map);
    assert_int_equal(check(&map, &bad_row), STATUS_OK);
    table_close(&map);
}

static void usable_must_be_usable_to_the_firmware(void **state)
{
    /* A usable row passes only where usable descriptors cover every byte of it. */
    (void)state;
    assert_int_equal(check_one_row(0x100000, 0x120000, E820_USABLE), STATUS_OK);
    assert_int_equal(check_one_row(0x108000, 0x118000, E820_USABLE), STATUS_OK);
    assert_int_equal(check_one_row(0x0, 0x1000, E820_USABLE), STATUS_OK);
    assert_int_equal(check_one_row(0x100000, 0x121000, E820_USABLE), STATUS_CORRUPT);
    assert_int_equal(check_one_row(0xff000, 0x120000, E820_USABLE), STATUS_CORRUPT);
    assert_int_equal(check_one_row(0x80000, 0x90000, E820_USABLE), STATUS_CORRUPT);
    assert_int_equal(check_one_row(0x200000, 0x201000, E820_USABLE), STATUS_CORRUPT);
    assert_int_equal(check_one_row(0x500000, 0x600000, E820_USABLE), STATUS_CORRUPT);
    assert_int_equal(check_one_row(0x80000, 0x90000, E820_RESERVED), STATUS_OK);
    assert_int_equal(check_one_row(0x500000, 0x600000, E820_ACPI_DATA), STATUS_OK);
}

static void an_overlapping_entry_spoils_a_row(void **state)
{
    /* One page of something else inside a usable row is enough, wherever it is listed. */
    struct efi_memory_descriptor overlapping[] = {
        { EFI_TYPE_CONVENTIONAL, 0, 0x100000, 0, 0x10, EFI_RAM },
        { EFI_TYPE_RUNTIME_SERVICES_DATA, 0, 0x104000, 0, 1, EFI_RAM },
    };
    struct memmap map;
    size_t bad_row = 99;

    (void)state;
    table_open(&map, 4, 0, LIMIT);
    add(&map, 0x1000, 0x2000, E820_RESERVED);
    add(&map, 0x100000, 0x110000, E820_USABLE);
    sanitise(&map);
    assert_int_equal(memmap_cross_check_efi(&map, overlapping, 80, 40, &bad_row), STATUS_CORRUPT);
    assert_int_equal(bad_row, 1);
    overlapping[1].physical_start = 0x110000;
    assert_int_equal(memmap_cross_check_efi(&map, overlapping, 80, 40, &bad_row), STATUS_OK);
    overlapping[1].physical_start = 0xff001;
    assert_int_equal(memmap_cross_check_efi(&map, overlapping, 80, 40, &bad_row), STATUS_CORRUPT);
    overlapping[1].page_count = UINT64_MAX;
    assert_int_equal(memmap_cross_check_efi(&map, overlapping, 80, 40, &bad_row), STATUS_CORRUPT);
    overlapping[1].physical_start = 0x200000;
    assert_int_equal(memmap_cross_check_efi(&map, overlapping, 80, 40, &bad_row), STATUS_OK);
    table_close(&map);
}

static void absurd_entries_make_nothing_usable(void **state)
{
    /* A usable descriptor that wraps covers nothing, as it adds nothing to a table. */
    struct efi_memory_descriptor absurd = {
        EFI_TYPE_CONVENTIONAL, 0, 0x100000, 0, UINT64_MAX, EFI_RAM
    };
    struct memmap map;
    size_t bad_row;

    (void)state;
    table_open(&map, 2, 0, LIMIT);
    add(&map, 0x100000, 0x110000, E820_USABLE);
    sanitise(&map);
    assert_int_equal(memmap_cross_check_efi(&map, &absurd, 40, 40, &bad_row), STATUS_CORRUPT);
    absurd.page_count = ((uint64_t)1 << 52) - 1;
    assert_int_equal(memmap_cross_check_efi(&map, &absurd, 40, 40, &bad_row), STATUS_CORRUPT);
    absurd.page_count = 0x10;
    assert_int_equal(memmap_cross_check_efi(&map, &absurd, 40, 40, &bad_row), STATUS_OK);
    table_close(&map);
}

static void malformed_verbatim_maps_prove_nothing(void **state)
{
    /* A step that is too small, or a rest, is an error that no row is blamed for. */
    struct memmap map;
    size_t bad_row = 99;

    (void)state;
    open_sound(&map);
    assert_int_equal(memmap_cross_check_efi(&map, firmware, 80, 39, &bad_row), STATUS_CORRUPT);
    assert_int_equal(bad_row, map.count);
    bad_row = 99;
    assert_int_equal(memmap_cross_check_efi(&map, firmware, 79, 40, &bad_row), STATUS_CORRUPT);
    assert_int_equal(bad_row, map.count);
    bad_row = 99;
    assert_int_equal(memmap_cross_check_e820(&map, firmware, 38, 19, &bad_row), STATUS_CORRUPT);
    assert_int_equal(bad_row, map.count);
    bad_row = 99;
    assert_int_equal(memmap_cross_check_efi(&map, firmware, 0, 40, &bad_row), STATUS_CORRUPT);
    assert_int_equal(bad_row, 0);
    table_close(&map);
}

static void e820_entries_of_both_sizes(void **state)
{
    /* Entries of 20 and 24 bytes are read alike; borders inside pages count to the byte. */
    const struct e820_entry entries[] = {
        { 0x100000, 0x8800, E820_USABLE, 0 },
        { 0x108800, 0x7800, E820_USABLE, 0 },
        { 0x1fc00, 0x400, E820_RESERVED, 0 },
        { 0x110000, 0x1000, 12, 0 },
    };
    unsigned char packed[80];
    struct memmap map;
    size_t bad_row;

    (void)state;
    for (size_t i = 0; i < 4; i++)
        memcpy(packed + 20 * i, &entries[i], 20);
    table_open(&map, 4, 0, LIMIT);
    add(&map, 0x100000, 0x110000, E820_USABLE);
    sanitise(&map);
    assert_int_equal(memmap_cross_check_e820(&map, entries, sizeof(entries), 24, &bad_row),
                     STATUS_OK);
    assert_int_equal(memmap_cross_check_e820(&map, packed, sizeof(packed), 20, &bad_row),
                     STATUS_OK);
    add(&map, 0x10000, 0x20000, E820_USABLE);
    sanitise(&map);
    assert_int_equal(memmap_cross_check_e820(&map, packed, sizeof(packed), 20, &bad_row),
                     STATUS_CORRUPT);
    assert_int_equal(bad_row, 0);
    table_close(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_broken_invariant_is_found),
        cmocka_unit_test(equal_neighbours_are_no_table),
        cmocka_unit_test(a_handoff_is_adopted_in_place),
        cmocka_unit_test(broken_handoffs_are_not_adopted),
        cmocka_unit_test(the_firmwares_own_table_agrees),
        cmocka_unit_test(usable_must_be_usable_to_the_firmware),
        cmocka_unit_test(an_overlapping_entry_spoils_a_row),
        cmocka_unit_test(absurd_entries_make_nothing_usable),
        cmocka_unit_test(malformed_verbatim_maps_prove_nothing),
        cmocka_unit_test(e820_entries_of_both_sizes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
