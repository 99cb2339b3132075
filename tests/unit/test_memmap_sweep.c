/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_memmap_sweep.c - memmap_sanitise() by examples: overlaps, borders inside pages, order.
 *
 * The properties over all inputs are the matter of test_memmap_model.c.
 */
#include "memmap_fixture.h"
#include "strictness.h"

#define TYPES (STRICT_END - STRICT_USABLE)

static void nothing_comes_of_nothing(void **state)
{
    /* An empty table is sane, also without any buffer. */
    struct memmap map;

    (void)state;
    memmap_init(&map, NULL, 0, NULL, 0, LIMIT);
    sanitise(&map);
    assert_int_equal(map.count, 0);
}

static void a_sane_table_stays_as_it_is(void **state)
{
    /* What is sorted, disjoint and aligned comes out as it went in, without a note. */
    struct memmap map;

    (void)state;
    table_open(&map, 6, 1, LIMIT);
    add(&map, 0x0, 0x9f000, E820_USABLE);
    add(&map, 0x9f000, 0x100000, E820_RESERVED);
    add(&map, 0x100000, 0x8000000, E820_USABLE);
    sanitise(&map);
    expect_rows(&map, { 0, 0x9f000, E820_USABLE, 0 }, { 0x9f000, 0x100000, E820_RESERVED, 0 },
                { 0x100000, 0x8000000, E820_USABLE, 0 });
    assert_int_equal(map.change_count, 0);
    table_close(&map);
}

static void rows_are_sorted(void **state)
{
    /* The order of the entries does not matter (RAM above 4 GiB listed before PCI's windows). */
    struct memmap map;

    (void)state;
    table_open(&map, 6, 1, LIMIT);
    add(&map, 0x100000000, 0x1c0000000, E820_USABLE);
    add(&map, 0xb0000000, 0xc0000000, E820_RESERVED);
    add(&map, 0x100000, 0x80000000, E820_USABLE);
    sanitise(&map);
    expect_rows(&map, { 0x100000, 0x80000000, E820_USABLE, 0 },
                { 0xb0000000, 0xc0000000, E820_RESERVED, 0 },
                { 0x100000000, 0x1c0000000, E820_USABLE, 0 });
    table_close(&map);
}

static void the_stricter_type_wins(void **state)
{
    /* Of any two types that overlap the one later in the order wins, whichever came first. */
    struct memmap map;

    (void)state;
    for (size_t weak = STRICT_USABLE; weak < STRICT_END; weak++) {
        for (size_t strict = weak + 1; strict < STRICT_END; strict++) {
            for (size_t turn = 0; turn < 2; turn++) {
                table_open(&map, 4, 2, LIMIT);
                add(&map, 0x1000, 0x3000, by_strictness[turn == 0 ? weak : strict]);
                add(&map, 0x1000, 0x3000, by_strictness[turn == 0 ? strict : weak]);
                sanitise(&map);
                expect_rows(&map, { 0x1000, 0x3000, by_strictness[strict], 0 });
                assert_int_equal(map.change_count, 1);
                expect_change(&map, 0, 0x1000, 0x3000, by_strictness[weak], by_strictness[strict],
                              MEMMAP_OVERLAP);
                table_close(&map);
            }
        }
    }
}

static void a_nested_entry_splits_the_outer(void **state)
{
    /* A strict entry inside a weak one leaves the weak one on both sides. */
    struct memmap map;

    (void)state;
    table_open(&map, 4, 1, LIMIT);
    add(&map, 0x0, 0x10000, E820_USABLE);
    add(&map, 0x4000, 0x5000, E820_ACPI_NVS);
    sanitise(&map);
    expect_rows(&map, { 0, 0x4000, E820_USABLE, 0 }, { 0x4000, 0x5000, E820_ACPI_NVS, 0 },
                { 0x5000, 0x10000, E820_USABLE, 0 });
    expect_change(&map, 0, 0x4000, 0x5000, E820_USABLE, E820_ACPI_NVS, MEMMAP_OVERLAP);
    table_close(&map);
}

static void a_weak_entry_inside_vanishes(void **state)
{
    /* A weak entry inside a strict one leaves only a note. */
    struct memmap map;

    (void)state;
    table_open(&map, 4, 1, LIMIT);
    add(&map, 0x4000, 0x5000, E820_USABLE);
    add(&map, 0x0, 0x10000, E820_RESERVED);
    sanitise(&map);
    expect_rows(&map, { 0, 0x10000, E820_RESERVED, 0 });
    expect_change(&map, 0, 0x4000, 0x5000, E820_USABLE, E820_RESERVED, MEMMAP_OVERLAP);
    table_close(&map);
}

static void every_loser_is_noted(void **state)
{
    /* Where three entries overlap, both that lost are named. */
    struct memmap map;

    (void)state;
    table_open(&map, 6, 4, LIMIT);
    add(&map, 0x1000, 0x2000, E820_USABLE);
    add(&map, 0x1000, 0x2000, E820_ACPI_DATA);
    add(&map, 0x1000, 0x2000, E820_RESERVED);
    sanitise(&map);
    assert_int_equal(map.change_count, 2);
    expect_change(&map, 0, 0x1000, 0x2000, E820_USABLE, E820_RESERVED, MEMMAP_OVERLAP);
    expect_change(&map, 1, 0x1000, 0x2000, E820_ACPI_DATA, E820_RESERVED, MEMMAP_OVERLAP);
    table_close(&map);
}

static void duplicates_are_no_change(void **state)
{
    /* An entry that comes several times, or in overlapping pieces, is one row and no note. */
    struct memmap map;

    (void)state;
    table_open(&map, 8, 1, LIMIT);
    add(&map, 0x1000, 0x9000, E820_USABLE);
    add(&map, 0x1000, 0x9000, E820_USABLE);
    add(&map, 0x0, 0x2000, E820_USABLE);
    add(&map, 0x8000, 0xa000, E820_USABLE);
    sanitise(&map);
    expect_rows(&map, { 0, 0xa000, E820_USABLE, 0 });
    assert_int_equal(map.change_count, 0);
    assert_int_equal(map.changes_lost, 0);
    table_close(&map);
}

static void equals_combine_to_the_safer(void **state)
{
    /* Entries of one type keep the later tag, the claims of both and the restrictions of either. */
    struct memmap map;

    (void)state;
    table_open(&map, 4, 2, LIMIT);
    add_tagged(&map, 0x1000, 0x3000, E820_USABLE, REGION_TAG_LOADER,
               REGION_WB | REGION_UC | REGION_IS_RAM | REGION_NON_VOLATILE);
    add_tagged(&map, 0x2000, 0x4000, E820_USABLE, REGION_TAG_NONE,
               REGION_WB | REGION_IS_RAM | REGION_RUNTIME | REGION_MORE_RELIABLE);
    sanitise(&map);
    expect_rows(&map, { 0x1000, 0x2000, E820_USABLE, REGION_TAG_LOADER },
                { 0x2000, 0x3000, E820_USABLE, REGION_TAG_LOADER },
                { 0x3000, 0x4000, E820_USABLE, REGION_TAG_NONE });
    assert_int_equal(map.regions[1].flags,
                     REGION_WB | REGION_IS_RAM | REGION_RUNTIME | REGION_NON_VOLATILE);
    expect_change(&map, 0, 0x2000, 0x3000, E820_USABLE, E820_USABLE, MEMMAP_OVERLAP);
    table_close(&map);
}

static void combined_flags_alone_are_noted(void **state)
{
    /* Entries that differ in nothing but a flag leave a note where they overlap, too. */
    struct memmap map;

    (void)state;
    table_open(&map, 4, 2, LIMIT);
    add_tagged(&map, 0x1000, 0x2000, E820_USABLE, 0, REGION_WB | REGION_UC);
    add_tagged(&map, 0x1000, 0x2000, E820_USABLE, 0, REGION_WB);
    sanitise(&map);
    assert_int_equal(map.count, 1);
    assert_int_equal(map.regions[0].flags, REGION_WB);
    expect_change(&map, 0, 0x1000, 0x2000, E820_USABLE, E820_USABLE, MEMMAP_OVERLAP);
    table_close(&map);
}

static void neighbours_coalesce_if_equal(void **state)
{
    /* Rows that touch are one if type, flags and tag agree, and two if any of them differs. */
    struct memmap map;

    (void)state;
    table_open(&map, 10, 1, LIMIT);
    add_tagged(&map, 0x1000, 0x2000, E820_USABLE, 0, REGION_WB);
    add_tagged(&map, 0x2000, 0x3000, E820_USABLE, 0, REGION_WB);
    add_tagged(&map, 0x3000, 0x4000, E820_USABLE, 0, REGION_WB | REGION_UC);
    add_tagged(&map, 0x4000, 0x5000, E820_USABLE, REGION_TAG_LOADER, REGION_WB | REGION_UC);
    add_tagged(&map, 0x6000, 0x7000, E820_USABLE, REGION_TAG_LOADER, REGION_WB | REGION_UC);
    sanitise(&map);
    expect_rows(&map, { 0x1000, 0x3000, E820_USABLE, 0 }, { 0x3000, 0x4000, E820_USABLE, 0 },
                { 0x4000, 0x5000, E820_USABLE, REGION_TAG_LOADER },
                { 0x6000, 0x7000, E820_USABLE, REGION_TAG_LOADER });
    table_close(&map);
}

static void efi_types_survive_when_they_agree(void **state)
{
    /* A row keeps the UEFI type of its entries; where they differ or overlap it has none. */
    struct region region = { 0x1000, 0x1000, E820_USABLE, 0, 0, 3, 0 };
    struct memmap map;

    (void)state;
    table_open(&map, 12, 2, LIMIT);
    assert_int_equal(memmap_add(&map, &region), STATUS_OK);
    region.base = 0x2000;
    assert_int_equal(memmap_add(&map, &region), STATUS_OK);
    region = (struct region){ 0x5000, 0x1000, E820_USABLE, 0, 0, 4, 0 };
    assert_int_equal(memmap_add(&map, &region), STATUS_OK);
    region = (struct region){ 0x6000, 0x1000, E820_USABLE, 0, 0, 7, 0 };
    assert_int_equal(memmap_add(&map, &region), STATUS_OK);
    region = (struct region){ 0x9000, 0x1000, E820_USABLE, 0, 0, 7, 0 };
    assert_int_equal(memmap_add(&map, &region), STATUS_OK);
    assert_int_equal(memmap_add(&map, &region), STATUS_OK);
    sanitise(&map);
    assert_int_equal(map.count, 3);
    assert_int_equal(map.regions[0].efi_type, 3);
    assert_int_equal(map.regions[1].efi_type, REGION_EFI_TYPE_NONE);
    assert_int_equal(map.regions[2].efi_type, REGION_EFI_TYPE_NONE);
    table_close(&map);
}

static void a_shared_page_is_of_its_strictest_part(void **state)
{
    /* A page that two entries share is wholly what the stricter one is, whichever comes first: type, tag, flags and
     * UEFI type. */
    const struct region weak = { 0x1000, 0x1800, E820_USABLE, REGION_WB, REGION_TAG_LOADER, 2, 0 };
    const struct region strict = {
        0x2800, 0x1800, E820_RESERVED, REGION_RUNTIME, REGION_TAG_FIRMWARE, 6, 0
    };

    (void)state;
    for (unsigned turn = 0; turn < 2; turn++) {
        struct region first = turn == 0 ? weak : strict, second = turn == 0 ? strict : weak;
        const struct region *page;
        struct memmap map;

        first.base = 0x1000;
        second.base = 0x2800;
        table_open(&map, 6, 6, LIMIT);
        assert_int_equal(memmap_add(&map, &first), STATUS_OK);
        assert_int_equal(memmap_add(&map, &second), STATUS_OK);
        sanitise(&map);
        assert_int_equal(map.count, 2);
        page = &map.regions[1 - turn];
        assert_int_equal(page->base, turn == 0 ? 0x2000 : 0x1000);
        assert_int_equal(page->size_bytes, 0x2000);
        assert_int_equal(page->type, strict.type);
        assert_int_equal(page->flags, strict.flags);
        assert_int_equal(page->tag, strict.tag);
        assert_int_equal(page->efi_type, strict.efi_type);
        table_close(&map);
    }
}

static void a_shared_page_claims_least(void **state)
{
    /* Of two entries of one type that share a page and differ in one flag, the page has what the one with fewer claims
     * or more restrictions says. */
    const uint16_t claims =
        REGION_UC | REGION_WC | REGION_WT | REGION_WB | REGION_MORE_RELIABLE | REGION_IS_RAM;

    (void)state;
    for (unsigned bit = 0; bit < 8; bit++) {
        for (unsigned turn = 0; turn < 2; turn++) {
            uint16_t flag = (uint16_t)(1u << bit);
            struct memmap map;

            table_open(&map, 6, 6, LIMIT);
            add_tagged(&map, 0x1000, 0x2800, E820_RESERVED, REGION_TAG_NONE, turn == 0 ? flag : 0);
            add_tagged(&map, 0x2800, 0x4000, E820_RESERVED, REGION_TAG_NONE, turn == 0 ? 0 : flag);
            sanitise(&map);
            assert_int_equal(map.count, 2);
            assert_int_equal(map.regions[0].flags, turn == 0 ? flag : 0);
            assert_int_equal(map.regions[1].flags, turn == 0 ? 0 : flag);
            /* Whose the page at 0x2000 is tells where the border lies. */
            assert_int_equal(map.regions[1].base,
                             ((claims & flag) != 0) == (turn == 0) ? 0x2000 : 0x3000);
            table_close(&map);
        }
    }
}

static void usable_shrinks_to_whole_pages(void **state)
{
    /* A page that is only partly usable is not usable, and the note names the lost bytes. */
    struct memmap map;

    (void)state;
    table_open(&map, 2, 2, LIMIT);
    add(&map, 0x1001, 0x4fff, E820_USABLE);
    sanitise(&map);
    expect_rows(&map, { 0x2000, 0x4000, E820_USABLE, 0 });
    expect_change(&map, 0, 0x1001, 0x2000, E820_USABLE, 0, MEMMAP_UNALIGNED);
    expect_change(&map, 1, 0x4000, 0x4fff, E820_USABLE, 0, MEMMAP_UNALIGNED);
    table_close(&map);
}

static void usable_within_a_page_vanishes(void **state)
{
    /* Usable memory without a whole page leaves no row. */
    struct memmap map;

    (void)state;
    table_open(&map, 4, 4, LIMIT);
    add(&map, 0x1100, 0x1f00, E820_USABLE);
    add(&map, 0x2800, 0x3800, E820_USABLE);
    sanitise(&map);
    assert_int_equal(map.count, 0);
    assert_int_equal(map.change_count, 2);
    expect_change(&map, 0, 0x1100, 0x1f00, E820_USABLE, 0, MEMMAP_UNALIGNED);
    expect_change(&map, 1, 0x2800, 0x3800, E820_USABLE, 0, MEMMAP_UNALIGNED);
    table_close(&map);
}

static void others_grow_to_whole_pages(void **state)
{
    /* A page that is reserved in a single byte is reserved. */
    struct memmap map;

    (void)state;
    table_open(&map, 4, 4, LIMIT);
    add(&map, 0x1fff, 0x2001, E820_RESERVED);
    add(&map, 0x7000, 0x7001, E820_ACPI_DATA);
    sanitise(&map);
    expect_rows(&map, { 0x1000, 0x3000, E820_RESERVED, 0 }, { 0x7000, 0x8000, E820_ACPI_DATA, 0 });
    expect_change(&map, 0, 0x1000, 0x1fff, 0, E820_RESERVED, MEMMAP_UNALIGNED);
    expect_change(&map, 1, 0x2001, 0x3000, 0, E820_RESERVED, MEMMAP_UNALIGNED);
    table_close(&map);
}

static void a_shared_page_takes_the_strictest(void **state)
{
    /* The classic border at 0x9fc00: the page goes to the reserved side, with one note. */
    struct memmap map;

    (void)state;
    table_open(&map, 4, 2, LIMIT);
    add(&map, 0, 0x9fc00, E820_USABLE);
    add(&map, 0x9fc00, 0xa0000, E820_RESERVED);
    sanitise(&map);
    expect_rows(&map, { 0, 0x9f000, E820_USABLE, 0 }, { 0x9f000, 0xa0000, E820_RESERVED, 0 });
    assert_int_equal(map.change_count, 1);
    expect_change(&map, 0, 0x9f000, 0x9fc00, E820_USABLE, E820_RESERVED, MEMMAP_UNALIGNED);
    table_close(&map);
}

static void a_page_in_two_usable_halves_is_kept(void **state)
{
    /* A page that two entries describe together, each only a part of it, is usable as a whole. */
    struct memmap map;

    (void)state;
    table_open(&map, 4, 2, LIMIT);
    add(&map, 0x1000, 0x2800, E820_USABLE);
    add(&map, 0x2800, 0x4000, E820_USABLE);
    sanitise(&map);
    expect_rows(&map, { 0x1000, 0x4000, E820_USABLE, 0 });
    assert_int_equal(map.change_count, 0);
    table_close(&map);
}

static void many_pieces_in_one_page(void **state)
{
    /* Of any number of pieces in a page the strictest takes it; the chain of notes says how. */
    struct memmap map;

    (void)state;
    table_open(&map, 8, 8, LIMIT);
    add(&map, 0x1000, 0x1200, E820_USABLE);
    add(&map, 0x1400, 0x1600, E820_ACPI_DATA);
    add(&map, 0x1600, 0x1800, E820_UNUSABLE);
    add(&map, 0x1800, 0x1a00, E820_USABLE);
    sanitise(&map);
    expect_rows(&map, { 0x1000, 0x2000, E820_UNUSABLE, 0 });
    assert_int_equal(map.change_count, 5);
    expect_change(&map, 0, 0x1000, 0x1200, E820_USABLE, 0, MEMMAP_UNALIGNED);
    expect_change(&map, 1, 0x1000, 0x1400, 0, E820_ACPI_DATA, MEMMAP_UNALIGNED);
    expect_change(&map, 2, 0x1000, 0x1600, E820_ACPI_DATA, E820_UNUSABLE, MEMMAP_UNALIGNED);
    expect_change(&map, 3, 0x1800, 0x1a00, E820_USABLE, E820_UNUSABLE, MEMMAP_UNALIGNED);
    expect_change(&map, 4, 0x1a00, 0x2000, 0, E820_UNUSABLE, MEMMAP_UNALIGNED);
    table_close(&map);
}

static void a_page_of_two_tags_goes_to_the_later(void **state)
{
    /* Two usable halves of different owners: the page goes to the tag that is held longer. */
    struct memmap map;

    (void)state;
    table_open(&map, 4, 2, LIMIT);
    add_tagged(&map, 0x1000, 0x2800, E820_USABLE, REGION_TAG_LOADER, REGION_WB);
    add_tagged(&map, 0x2800, 0x4000, E820_USABLE, REGION_TAG_KERNEL, REGION_WB);
    sanitise(&map);
    expect_rows(&map, { 0x1000, 0x2000, E820_USABLE, REGION_TAG_LOADER },
                { 0x2000, 0x4000, E820_USABLE, REGION_TAG_KERNEL });
    expect_change(&map, 0, 0x2000, 0x2800, E820_USABLE, E820_USABLE, MEMMAP_UNALIGNED);
    table_close(&map);
}

static void a_page_of_two_claims_takes_the_smaller(void **state)
{
    /* Two halves of one type and tag: the page takes the half that claims less. */
    struct memmap map;

    (void)state;
    table_open(&map, 4, 2, LIMIT);
    add_tagged(&map, 0x1000, 0x2800, E820_RESERVED, 0, REGION_WB | REGION_IS_RAM);
    add_tagged(&map, 0x2800, 0x4000, E820_RESERVED, 0, REGION_UC);
    sanitise(&map);
    expect_rows(&map, { 0x1000, 0x2000, E820_RESERVED, 0 }, { 0x2000, 0x4000, E820_RESERVED, 0 });
    assert_int_equal(map.regions[1].flags, REGION_UC);
    table_close(&map);
}

static void work_space_is_two_rows_an_entry(void **state)
{
    /* With 2n rows n entries are sanitised; with one less nothing is touched. */
    struct memmap map;
    struct region before[3];

    (void)state;
    table_open(&map, 6, 6, LIMIT);
    for (uint64_t i = 0; i < 3; i++)
        add(&map, 0x10000 * (3 - i), 0x10000 * (3 - i) + 0x8000, E820_USABLE);
    memcpy(before, map.regions, sizeof(before));
    map.capacity = 5;
    assert_int_equal(memmap_sanitise(&map), STATUS_NO_SPACE);
    assert_int_equal(map.count, 3);
    assert_memory_equal(map.regions, before, sizeof(before));
    map.capacity = 6;
    sanitise(&map);
    assert_int_equal(map.count, 3);
    table_close(&map);
}

static void the_worst_case_fits(void **state)
{
    /* n entries nested in each other make 2n - 1 rows, and those fit into 2n. */
    struct memmap map;

    (void)state;
    table_open(&map, 2 * TYPES, 0, LIMIT);
    for (uint64_t i = 0; i < TYPES; i++)
        add(&map, 0x1000 * i, 0x1000 * (2 * TYPES - 1 - i), by_strictness[STRICT_USABLE + i]);
    sanitise(&map);
    assert_int_equal(map.count, 2 * TYPES - 1);
    table_close(&map);
}

static void thousands_of_entries_in_any_order(void **state)
{
    /* 4,000 entries make the same 4,000 rows: sorted, reversed, interleaved, or shuffled. */
    enum { ENTRIES = 4000 };
    struct memmap map;
    uint64_t seed = 7;

    (void)state;
    for (int order = 0; order < 4; order++) {
        size_t places[ENTRIES];

        for (size_t i = 0; i < ENTRIES; i++)
            places[i] = order == 0 ? i : order == 1 ? ENTRIES - 1 - i : (i * 1999) % ENTRIES;
        for (size_t i = ENTRIES; order == 3 && i > 1; i--) {
            size_t other = random_below(&seed, i);
            size_t place = places[other];

            places[other] = places[i - 1];
            places[i - 1] = place;
        }
        table_open(&map, 2 * ENTRIES, 1, LIMIT);
        for (size_t i = 0; i < ENTRIES; i++)
            add(&map, places[i] * 0x3000, places[i] * 0x3000 + 0x1000, E820_USABLE);
        sanitise(&map);
        assert_int_equal(map.count, ENTRIES);
        for (size_t i = 0; i < ENTRIES; i++)
            assert_int_equal(map.regions[i].base, i * 0x3000);
        assert_int_equal(map.change_count, 0);
        table_close(&map);
    }
}

static void addresses_near_the_limit(void **state)
{
    /* The highest page of 52 bits is a page like any other, with a border inside it as well. */
    uint64_t end = MEMMAP_LIMIT_MAX;
    struct memmap map;

    (void)state;
    table_open(&map, 4, 4, UINT64_MAX);
    add(&map, end - 0x3000, end, E820_USABLE);
    add(&map, end - 1, end, E820_RESERVED);
    sanitise(&map);
    expect_rows(&map, { end - 0x3000, end - 0x1000, E820_USABLE, 0 },
                { end - 0x1000, end, E820_RESERVED, 0 });
    table_close(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_comes_of_nothing),
        cmocka_unit_test(a_sane_table_stays_as_it_is),
        cmocka_unit_test(rows_are_sorted),
        cmocka_unit_test(the_stricter_type_wins),
        cmocka_unit_test(a_nested_entry_splits_the_outer),
        cmocka_unit_test(a_weak_entry_inside_vanishes),
        cmocka_unit_test(every_loser_is_noted),
        cmocka_unit_test(duplicates_are_no_change),
        cmocka_unit_test(equals_combine_to_the_safer),
        cmocka_unit_test(combined_flags_alone_are_noted),
        cmocka_unit_test(neighbours_coalesce_if_equal),
        cmocka_unit_test(efi_types_survive_when_they_agree),
        cmocka_unit_test(a_shared_page_is_of_its_strictest_part),
        cmocka_unit_test(a_shared_page_claims_least),
        cmocka_unit_test(usable_shrinks_to_whole_pages),
        cmocka_unit_test(usable_within_a_page_vanishes),
        cmocka_unit_test(others_grow_to_whole_pages),
        cmocka_unit_test(a_shared_page_takes_the_strictest),
        cmocka_unit_test(a_page_in_two_usable_halves_is_kept),
        cmocka_unit_test(many_pieces_in_one_page),
        cmocka_unit_test(a_page_of_two_tags_goes_to_the_later),
        cmocka_unit_test(a_page_of_two_claims_takes_the_smaller),
        cmocka_unit_test(work_space_is_two_rows_an_entry),
        cmocka_unit_test(the_worst_case_fits),
        cmocka_unit_test(thousands_of_entries_in_any_order),
        cmocka_unit_test(addresses_near_the_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
