/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_memmap_efi.c - what UEFI descriptors become, and what is refused.
 */
#include "memmap_fixture.h"

static void add_descriptor(struct memmap *map, uint32_t type, uint64_t start, uint64_t pages,
                           uint64_t attribute)
{
    struct efi_memory_descriptor descriptor = { type, 0, start, 0, pages, attribute };

    assert_int_equal(memmap_add_efi(map, &descriptor, sizeof(descriptor), sizeof(descriptor)),
                     STATUS_OK);
}

/* The one row that a descriptor of 16 pages becomes. */
static struct region convert(uint32_t type, uint64_t attribute, struct handoff_change *change)
{
    struct region region;
    struct memmap map;

    table_open(&map, 2, 2, LIMIT);
    add_descriptor(&map, type, 0x100000, 16, attribute);
    assert_int_equal(map.count, 1);
    region = map.regions[0];
    assert_int_equal(region.base, 0x100000);
    assert_int_equal(region.size_bytes, 16 * PAGE_SIZE);
    assert_int_equal(region.efi_type, type);
    assert_true(map.change_count <= 1);
    *change = map.change_count == 1 ? map.changes[0] : (struct handoff_change){ 0 };
    table_close(&map);
    return region;
}

static void every_type_has_its_rule(void **state)
{
    /* With write-back memory, each type of the specification becomes what the contract says. */
    static const struct {
        uint32_t type;
        uint16_t tag;
        bool is_ram;
        bool is_runtime;
    } rules[] = {
        { E820_RESERVED, REGION_TAG_NONE, false, false },
        { E820_USABLE, REGION_TAG_LOADER, true, false },
        { E820_USABLE, REGION_TAG_LOADER, true, false },
        { E820_USABLE, REGION_TAG_BOOT_SERVICES, true, false },
        { E820_USABLE, REGION_TAG_BOOT_SERVICES, true, false },
        { E820_RESERVED, REGION_TAG_FIRMWARE, true, true },
        { E820_RESERVED, REGION_TAG_FIRMWARE, true, true },
        { E820_USABLE, REGION_TAG_NONE, true, false },
        { E820_UNUSABLE, REGION_TAG_NONE, false, false },
        { E820_ACPI_DATA, REGION_TAG_NONE, true, false },
        { E820_ACPI_NVS, REGION_TAG_NONE, true, false },
        { E820_RESERVED, REGION_TAG_DEVICE, false, false },
        { E820_RESERVED, REGION_TAG_DEVICE, false, false },
        { E820_RESERVED, REGION_TAG_NONE, false, false },
        { E820_PERSISTENT, REGION_TAG_NONE, false, false },
        { E820_UNACCEPTED, REGION_TAG_NONE, false, false },
    };
    struct handoff_change change;

    (void)state;
    for (uint32_t type = 0; type < sizeof(rules) / sizeof(rules[0]); type++) {
        struct region region = convert(type, EFI_RAM, &change);

        assert_int_equal(region.type, rules[type].type);
        assert_int_equal(region.tag, rules[type].tag);
        assert_int_equal(region_is_ram(&region), rules[type].is_ram);
        assert_int_equal((region.flags & REGION_RUNTIME) != 0, rules[type].is_runtime);
        assert_int_equal(change.size_bytes, 0);
    }
}

static void other_types_are_reserved(void **state)
{
    /* Types after the last known one, OEM and OS types are reserved, with a note. */
    static const uint32_t types[] = { 16, 0x6fffffff, 0x70000000, 0x80000000, UINT32_MAX };
    struct handoff_change change;

    (void)state;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct region region = convert(types[i], EFI_RAM, &change);

        assert_int_equal(region.type, E820_RESERVED);
        assert_int_equal(region.tag, REGION_TAG_NONE);
        assert_false(region_is_ram(&region));
        assert_int_equal(change.base, 0x100000);
        assert_int_equal(change.size_bytes, 16 * PAGE_SIZE);
        assert_int_equal(change.from_type, 0);
        assert_int_equal(change.to_type, E820_RESERVED);
        assert_int_equal(change.reason, MEMMAP_UNKNOWN_TYPE);
    }
}

static bool is_usable_type(uint32_t type)
{
    return (type >= EFI_TYPE_LOADER_CODE && type <= EFI_TYPE_BOOT_SERVICES_DATA) ||
           type == EFI_TYPE_CONVENTIONAL;
}

static void without_write_back_nothing_is_usable(void **state)
{
    /* Usable types without WB are reserved, held by nobody and no RAM; other types keep theirs. */
    struct handoff_change change;

    (void)state;
    for (uint32_t type = 0; type <= EFI_TYPE_UNACCEPTED; type++) {
        struct region with = convert(type, EFI_RAM, &change);
        struct region without =
            convert(type, EFI_ATTRIBUTE_UC | EFI_ATTRIBUTE_WC | EFI_ATTRIBUTE_WT, &change);

        assert_false(region_is_ram(&without));
        assert_int_equal(without.type, is_usable_type(type) ? E820_RESERVED : with.type);
        assert_int_equal(without.tag, is_usable_type(type) ? REGION_TAG_NONE : with.tag);
        assert_int_equal(change.size_bytes, is_usable_type(type) ? 16 * PAGE_SIZE : 0);
        if (is_usable_type(type))
            assert_int_equal(change.reason, MEMMAP_NOT_WRITE_BACK);
    }
}

static void special_purpose_memory_is_soft_reserved(void **state)
{
    /* SP takes usable memory away, from whatever usable type; other types are strict enough. */
    struct handoff_change change;

    (void)state;
    for (uint32_t type = 0; type <= EFI_TYPE_UNACCEPTED; type++) {
        struct region plain = convert(type, EFI_RAM, &change);
        struct region special = convert(type, EFI_RAM | EFI_ATTRIBUTE_SP, &change);

        assert_true((special.flags & REGION_SPECIAL) != 0);
        assert_int_equal(special.type, is_usable_type(type) ? E820_SOFT_RESERVED : plain.type);
        if (!is_usable_type(type))
            continue;
        assert_false(region_is_ram(&special));
        assert_int_equal(special.tag, REGION_TAG_NONE);
        assert_int_equal(change.from_type, E820_USABLE);
        assert_int_equal(change.reason, MEMMAP_SPECIAL_PURPOSE);
    }
}

static void no_write_back_is_stricter_than_special(void **state)
{
    /* Special-purpose memory that cannot be cached is reserved, not soft reserved. */
    struct handoff_change change;
    struct region region = convert(EFI_TYPE_CONVENTIONAL, EFI_ATTRIBUTE_SP, &change);

    (void)state;
    assert_int_equal(region.type, E820_RESERVED);
    assert_int_equal(change.reason, MEMMAP_NOT_WRITE_BACK);
}

static void attributes_become_flags(void **state)
{
    /* Each attribute that has a flag sets that one and no other; the rest set none. */
    static const struct {
        uint64_t attribute;
        uint16_t flag;
    } pairs[] = {
        { EFI_ATTRIBUTE_UC, REGION_UC },
        { EFI_ATTRIBUTE_WC, REGION_WC },
        { EFI_ATTRIBUTE_WT, REGION_WT },
        { EFI_ATTRIBUTE_WB, REGION_WB },
        { EFI_ATTRIBUTE_NV, REGION_NON_VOLATILE },
        { EFI_ATTRIBUTE_MORE_RELIABLE, REGION_MORE_RELIABLE },
        { EFI_ATTRIBUTE_SP, REGION_SPECIAL },
        { EFI_ATTRIBUTE_RUNTIME, REGION_RUNTIME },
    };
    struct handoff_change change;

    (void)state;
    for (unsigned bit = 0; bit < 64; bit++) {
        struct region region = convert(EFI_TYPE_RESERVED, (uint64_t)1 << bit, &change);
        uint16_t expected = 0;

        for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
            if (pairs[i].attribute == (uint64_t)1 << bit)
                expected = pairs[i].flag;
        assert_int_equal(region.flags, expected);
    }
}

static void the_runtime_attribute_only_adds(void **state)
{
    /* Boot services memory with RUNTIME stays usable, but is not free: the firmware needs it. */
    struct handoff_change change;
    struct region region =
        convert(EFI_TYPE_BOOT_SERVICES_CODE, EFI_RAM | EFI_ATTRIBUTE_RUNTIME, &change);

    (void)state;
    assert_int_equal(region.type, E820_USABLE);
    assert_false(region_is_free(&region));
    assert_int_equal(change.size_bytes, 0);
    region = convert(EFI_TYPE_BOOT_SERVICES_CODE, EFI_RAM, &change);
    assert_true(region_is_free(&region));
}

static void descriptors_lie_as_far_apart_as_the_call_says(void **state)
{
    /* What follows the known fields is skipped, at any distance and any alignment. */
    struct efi_memory_descriptor descriptor = { EFI_TYPE_CONVENTIONAL, 0, 0, 0, 1, EFI_RAM };
    unsigned char buffer[1 + 3 * 61];

    (void)state;
    for (size_t step = sizeof(descriptor); step <= 61; step++) {
        struct memmap map;

        memset(buffer, 0xff, sizeof(buffer));
        for (size_t i = 0; i < 3; i++) {
            descriptor.physical_start = (i + 1) << 20;
            memcpy(buffer + 1 + i * step, &descriptor, sizeof(descriptor));
        }
        table_open(&map, 6, 0, LIMIT);
        assert_int_equal(memmap_add_efi(&map, buffer + 1, 3 * step, step), STATUS_OK);
        expect_rows(&map, { 0x100000, 0x101000, E820_USABLE, 0 },
                    { 0x200000, 0x201000, E820_USABLE, 0 }, { 0x300000, 0x301000, E820_USABLE, 0 });
        table_close(&map);
    }
}

static void malformed_maps_are_refused_as_a_whole(void **state)
{
    /* Too small a step, a rest, or too many descriptors: an error, and nothing was added. */
    struct efi_memory_descriptor descriptors[2] = {
        { EFI_TYPE_CONVENTIONAL, 0, 0x1000, 0, 1, EFI_RAM },
        { EFI_TYPE_CONVENTIONAL, 0, 0x5000, 0, 1, EFI_RAM },
    };
    struct memmap map;

    (void)state;
    table_open(&map, 1, 1, LIMIT);
    assert_int_equal(memmap_add_efi(&map, descriptors, 80, 39), STATUS_CORRUPT);
    assert_int_equal(memmap_add_efi(&map, descriptors, 80, 0), STATUS_CORRUPT);
    assert_int_equal(memmap_add_efi(&map, descriptors, 79, 40), STATUS_CORRUPT);
    assert_int_equal(memmap_add_efi(&map, descriptors, 41, 40), STATUS_CORRUPT);
    assert_int_equal(memmap_add_efi(&map, descriptors, 80, 40), STATUS_NO_SPACE);
    assert_int_equal(map.count + map.change_count + map.changes_lost, 0);
    assert_int_equal(memmap_add_efi(&map, descriptors, 0, 40), STATUS_OK);
    assert_int_equal(memmap_add_efi(&map, descriptors, 40, 40), STATUS_OK);
    assert_int_equal(map.count, 1);
    table_close(&map);
}

static void descriptors_of_no_pages_are_dropped(void **state)
{
    /* Zero pages leave no row and one note, whatever else is odd about the descriptor. */
    struct memmap map;

    (void)state;
    table_open(&map, 2, 4, LIMIT);
    add_descriptor(&map, EFI_TYPE_CONVENTIONAL, 0x1000, 0, EFI_RAM);
    add_descriptor(&map, 99, 0x2000, 0, 0);
    assert_int_equal(map.count, 0);
    assert_int_equal(map.change_count, 2);
    expect_change(&map, 0, 0x1000, 0x1000, E820_USABLE, 0, MEMMAP_EMPTY);
    expect_change(&map, 1, 0x2000, 0x2000, E820_RESERVED, 0, MEMMAP_EMPTY);
    table_close(&map);
}

static void absurd_page_counts_wrap(void **state)
{
    /* A page count without a number of bytes makes no usable memory, and reserves to the limit. */
    struct memmap map;

    (void)state;
    table_open(&map, 4, 4, LIMIT);
    add_descriptor(&map, EFI_TYPE_CONVENTIONAL, 0, UINT64_MAX, EFI_RAM);
    add_descriptor(&map, EFI_TYPE_CONVENTIONAL, 0, (uint64_t)1 << 52, EFI_RAM);
    add_descriptor(&map, EFI_TYPE_CONVENTIONAL, 0x1000, ((uint64_t)1 << 52) - 1, EFI_RAM);
    assert_int_equal(map.count, 1);
    assert_int_equal(map.regions[0].size_bytes, LIMIT - 0x1000);
    map.count = 0;
    add_descriptor(&map, EFI_TYPE_CONVENTIONAL, 0x2000, ((uint64_t)1 << 52) - 1, EFI_RAM);
    assert_int_equal(map.count, 0);
    add_descriptor(&map, EFI_TYPE_MMIO, LIMIT - 0x2000, (uint64_t)1 << 52, 0);
    expect_rows(&map, { LIMIT - 0x2000, LIMIT, E820_RESERVED, REGION_TAG_DEVICE });
    for (size_t i = 0; i < map.change_count; i++)
        assert_int_equal(map.changes[i].reason, i == 2 ? MEMMAP_BEYOND_LIMIT : MEMMAP_WRAPS);
    table_close(&map);
}

static void an_unaligned_start_is_handled_like_any_border(void **state)
{
    /* A descriptor that does not begin at a page keeps its bytes until the sweep aligns them. */
    struct memmap map;

    (void)state;
    table_open(&map, 4, 4, LIMIT);
    add_descriptor(&map, EFI_TYPE_CONVENTIONAL, 0x1800, 4, EFI_RAM);
    sanitise(&map);
    expect_rows(&map, { 0x2000, 0x5000, E820_USABLE, 0 });
    table_close(&map);
}

/* Attributes have the specification's words, in one order; what has none is left out. */
static void attributes_have_words(void **state)
{
    char text[EFI_ATTRIBUTE_TEXT_BYTES];

    (void)state;
    assert_string_equal(efi_attribute_text(0, text), "");
    assert_string_equal(efi_attribute_text((uint64_t)1 << 12, text), "");
    assert_string_equal(efi_attribute_text(EFI_ATTRIBUTE_RUNTIME | EFI_ATTRIBUTE_WB, text),
                        "WB RT");
    assert_string_equal(efi_attribute_text(UINT64_MAX, text), "UC WC WT WB NV MR SP RT");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_has_its_rule),
        cmocka_unit_test(other_types_are_reserved),
        cmocka_unit_test(without_write_back_nothing_is_usable),
        cmocka_unit_test(special_purpose_memory_is_soft_reserved),
        cmocka_unit_test(no_write_back_is_stricter_than_special),
        cmocka_unit_test(attributes_become_flags),
        cmocka_unit_test(attributes_have_words),
        cmocka_unit_test(the_runtime_attribute_only_adds),
        cmocka_unit_test(descriptors_lie_as_far_apart_as_the_call_says),
        cmocka_unit_test(malformed_maps_are_refused_as_a_whole),
        cmocka_unit_test(descriptors_of_no_pages_are_dropped),
        cmocka_unit_test(absurd_page_counts_wrap),
        cmocka_unit_test(an_unaligned_start_is_handled_like_any_border),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
