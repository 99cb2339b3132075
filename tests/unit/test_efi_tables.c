/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_efi_tables.c - properties of keeping firmware tables that lie in memory to be given away.
 *
 * Host memory plays RAM: the map's rows have the addresses of a buffer of the test's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "efi/firmware_tables.h"
#include "lib/bits.h"

#define PAGES 16u
#define ROWS  400u
#define LIMIT ((uint64_t)1 << 52)

/* Where things are, by page; each begins 0x10 bytes into its page. */
enum place { RSDP_PAGE = 1, ROOT_PAGE, MADT_PAGE, FADT_PAGE, DSDT_PAGE, FACS_PAGE, FREE_PAGE };

struct world {
    uint8_t *ram; /* PAGES pages */
    struct region rows[ROWS];
    struct memmap map;
};

static uint8_t *at(const struct world *world, enum place page)
{
    return world->ram + page * PAGE_SIZE + 0x10;
}

static uint64_t address_of(const struct world *world, enum place page)
{
    return (uintptr_t)at(world, page);
}

static void put(uint8_t *bytes, size_t offset, uint64_t value, size_t size)
{
    memcpy(bytes + offset, &value, size);
}

static void put_table(const struct world *world, enum place page, const char *signature,
                      uint32_t length)
{
    memcpy(at(world, page), signature, 4);
    put(at(world, page), 4, length, 4);
}

static void seal_rsdp(const struct world *world)
{
    uint8_t *rsdp = at(world, RSDP_PAGE);
    uint8_t sum = 0;

    rsdp[8] = 0;
    for (size_t i = 0; i < 20; i++)
        sum = (uint8_t)(sum + rsdp[i]);
    rsdp[8] = (uint8_t)(0u - sum);
}

/* RSDP, XSDT with MADT and FADT, DSDT in the new field, FACS in the new field. */
static struct world *good_world(void)
{
    struct world *world = calloc(1, sizeof(*world));
    uint8_t *rsdp;

    world->ram = aligned_alloc(PAGE_SIZE, PAGES * PAGE_SIZE);
    memset(world->ram, 0, PAGES * PAGE_SIZE);
    rsdp = at(world, RSDP_PAGE);
    memcpy(rsdp, "RSD PTR ", 8);
    rsdp[15] = 2;
    put(rsdp, 24, address_of(world, ROOT_PAGE), 8);
    seal_rsdp(world);
    put_table(world, ROOT_PAGE, "XSDT", 36 + 16);
    put(at(world, ROOT_PAGE), 36, address_of(world, MADT_PAGE), 8);
    put(at(world, ROOT_PAGE), 44, address_of(world, FADT_PAGE), 8);
    put_table(world, MADT_PAGE, "APIC", 44);
    put_table(world, FADT_PAGE, "FACP", 244);
    put(at(world, FADT_PAGE), 132, address_of(world, FACS_PAGE), 8);
    put(at(world, FADT_PAGE), 140, address_of(world, DSDT_PAGE), 8);
    put_table(world, DSDT_PAGE, "DSDT", 100);
    put_table(world, FACS_PAGE, "FACS", 64);
    return world;
}

static void keep_in(struct world *world, uint32_t type, uint16_t flags, size_t pages)
{
    struct region ram = {
        (uintptr_t)world->ram, pages * PAGE_SIZE, type, flags, REGION_TAG_BOOT_SERVICES, 4, 0
    };

    memmap_init(&world->map, world->rows, ROWS, NULL, 0, LIMIT);
    assert_int_equal(memmap_add(&world->map, &ram), STATUS_OK);
    assert_int_equal(memmap_sanitise(&world->map), STATUS_OK);
    assert_int_equal(firmware_tables_keep_acpi(&world->map, address_of(world, RSDP_PAGE)),
                     STATUS_OK);
}

static bool kept(const struct world *world, enum place page)
{
    const struct region *row = memmap_find(&world->map, pa(address_of(world, page)));

    return row->type == E820_ACPI_DATA && row->tag == REGION_TAG_ACPI;
}

/* Which of the places are kept, as a word of bits. */
static unsigned all_kept(const struct world *world)
{
    unsigned word = 0;

    for (unsigned page = RSDP_PAGE; page <= FREE_PAGE; page++)
        word |= kept(world, page) ? 1u << page : 0;
    return word;
}

static void end_world(struct world *world)
{
    size_t bad_row;

    assert_int_equal(memmap_validate(&world->map, &bad_row), STATUS_OK);
    free(world->ram);
    free(world);
}

#define BIT(page)  (1u << (page))
#define EVERYTHING (BIT(FREE_PAGE) - BIT(RSDP_PAGE))
#define RAM_FLAGS  (REGION_WB | REGION_IS_RAM)

static void tables_in_usable_memory_are_kept(void **state)
{
    /* Every table that is reached from the RSDP keeps its pages, and no other page is kept. */
    struct world *world = good_world();

    (void)state;
    keep_in(world, E820_USABLE, RAM_FLAGS, PAGES);
    assert_int_equal(all_kept(world), EVERYTHING);
    end_world(world);
}

static void old_tables(void **state)
{
    /* Revision 0 has an RSDT with entries of 32 bits, for which host addresses are too long: only
     * list and root are kept, and nothing is read where the short addresses point. */
    struct world *world = good_world();
    uint8_t *rsdp = at(world, RSDP_PAGE);

    (void)state;
    rsdp[15] = 0;
    seal_rsdp(world);
    keep_in(world, E820_USABLE, RAM_FLAGS, PAGES);
    assert_int_equal(all_kept(world), BIT(RSDP_PAGE));
    end_world(world);
}

static void tables_elsewhere_are_left_alone(void **state)
{
    /* Tables that the firmware marked, or that lie in what is not RAM, change nothing. */
    static const struct {
        uint32_t type;
        uint16_t flags;
    } cases[] = { { E820_ACPI_DATA, RAM_FLAGS },
                  { E820_RESERVED, RAM_FLAGS },
                  { E820_RESERVED, 0 } };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct world *world = good_world();

        keep_in(world, cases[i].type, cases[i].flags, PAGES);
        assert_int_equal(all_kept(world), 0);
        assert_int_equal(world->map.count, 1);
        end_world(world);
    }
}

static void broken_roots(void **state)
{
    /* Without signature and checksum there is no RSDP; without an address there is none, either. */
    struct world *world = good_world();

    (void)state;
    at(world, RSDP_PAGE)[3] ^= 1;
    keep_in(world, E820_USABLE, RAM_FLAGS, PAGES);
    assert_int_equal(all_kept(world), 0);
    seal_rsdp(world);
    keep_in(world, E820_USABLE, RAM_FLAGS, PAGES);
    assert_int_equal(all_kept(world), 0);
    assert_int_equal(firmware_tables_keep_acpi(&world->map, 0), STATUS_OK);
    assert_int_equal(firmware_tables_keep_smbios(&world->map, 0), STATUS_OK);
    assert_int_equal(firmware_tables_keep_smbios(&world->map, address_of(world, 1)), STATUS_OK);
    assert_int_equal(world->map.count, 1);
    end_world(world);
}

static void bad_lengths_and_addresses(void **state)
{
    /* A table that claims too little, too much, or more than its memory, or that lies nowhere, is
     * passed over; the others are kept. */
    static const uint32_t lengths[] = { 0, 35, 15 * PAGE_SIZE, 16 * MiB + 1, UINT32_MAX };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(lengths); i++) {
        struct world *world = good_world();

        put_table(world, MADT_PAGE, "APIC", lengths[i]);
        keep_in(world, E820_USABLE, RAM_FLAGS, PAGES);
        assert_int_equal(all_kept(world), EVERYTHING & ~BIT(MADT_PAGE));
        put_table(world, DSDT_PAGE, "DSDT", lengths[i]);
        put(at(world, ROOT_PAGE), 36, UINT64_MAX - 3, 8);
        keep_in(world, E820_USABLE, RAM_FLAGS, PAGES);
        assert_int_equal(all_kept(world), EVERYTHING & ~BIT(MADT_PAGE) & ~BIT(DSDT_PAGE));
        put_table(world, ROOT_PAGE, "XSDT", lengths[i]);
        keep_in(world, E820_USABLE, RAM_FLAGS, PAGES);
        assert_int_equal(all_kept(world), BIT(RSDP_PAGE));
        end_world(world);
    }
}

static void memory_that_ends_early(void **state)
{
    /* What lies behind the end of RAM is neither read nor kept. */
    struct world *world = good_world();

    (void)state;
    keep_in(world, E820_USABLE, RAM_FLAGS, DSDT_PAGE);
    assert_true(kept(world, FADT_PAGE));
    assert_null(memmap_find(&world->map, pa(address_of(world, DSDT_PAGE))));
    assert_true(world->map.count <= 3);
    end_world(world);
}

static void long_lists_have_an_end(void **state)
{
    /* A list of thousands of FADTs, each with tables of its own, cannot use up the map's room. */
    struct world *world = good_world();
    uint8_t *list = at(world, FREE_PAGE);

    (void)state;
    put(at(world, RSDP_PAGE), 24, address_of(world, FREE_PAGE), 8);
    put_table(world, FREE_PAGE, "XSDT", 36 + 8 * 2000);
    for (size_t i = 0; i < 2000; i++)
        put(list, 36 + 8 * i, address_of(world, FADT_PAGE), 8);
    keep_in(world, E820_USABLE, RAM_FLAGS, PAGES);
    assert_true(kept(world, FADT_PAGE));
    assert_true(kept(world, FREE_PAGE));
    assert_true(world->map.count <= 2 * FIRMWARE_TABLES_MAX_CARVES);
    end_world(world);
}

static void smbios(void **state)
{
    /* Entry point and structures of SMBIOS 3 are kept; those of the old form have short addresses,
     * so that here only the entry point is. */
    struct world *world = good_world();
    uint8_t *entry = at(world, FREE_PAGE);

    (void)state;
    memcpy(entry, "_SM3_", 5);
    put(entry, 12, 3000, 4);
    put(entry, 16, address_of(world, FADT_PAGE), 8);
    keep_in(world, E820_ACPI_DATA, RAM_FLAGS, PAGES);
    assert_int_equal(firmware_tables_keep_smbios(&world->map, (uintptr_t)entry), STATUS_OK);
    assert_int_equal(all_kept(world), 0);
    memset(at(world, RSDP_PAGE), 0, 8);
    keep_in(world, E820_USABLE, RAM_FLAGS, PAGES);
    assert_int_equal(firmware_tables_keep_smbios(&world->map, (uintptr_t)entry), STATUS_OK);
    assert_int_equal(all_kept(world), BIT(FREE_PAGE) | BIT(FADT_PAGE));
    memcpy(entry, "_SM_", 5);
    keep_in(world, E820_USABLE, RAM_FLAGS, PAGES);
    assert_int_equal(firmware_tables_keep_smbios(&world->map, (uintptr_t)entry), STATUS_OK);
    assert_int_equal(all_kept(world), BIT(FREE_PAGE));
    end_world(world);
}

/* The structures of a machine: BIOS information, then the machine's own, then the end. */
static size_t put_structures(uint8_t *table)
{
    static const char bytes[] = "\x00\x05\x01\x00\x01"
                                "a BIOS\0"
                                "\0"
                                "\x01\x08\x02\x00\x02\x01\x00\x00"
                                "Model \x80 9\0"
                                "The Maker\0"
                                "\0"
                                "\x7f\x04\x03\x00\0\0";

    memcpy(table, bytes, sizeof(bytes) - 1);
    return sizeof(bytes) - 1;
}

static struct firmware_machine_name name_of(const struct world *world, size_t table_bytes)
{
    struct firmware_machine_name name;
    uint8_t *entry = at(world, FREE_PAGE);

    memcpy(entry, "_SM3_", 5);
    put(entry, 12, table_bytes, 4);
    put(entry, 16, address_of(world, FADT_PAGE), 8);
    firmware_tables_name_machine(&world->map, (uintptr_t)entry, &name);
    return name;
}

static void machine_has_a_name(void **state)
{
    /* Maker and product come from the second structure, by the numbers of their strings; a character
     * that no serial line shows becomes a question mark. */
    struct world *world = good_world();
    size_t size = put_structures(at(world, FADT_PAGE));
    struct firmware_machine_name name;

    (void)state;
    keep_in(world, E820_ACPI_DATA, RAM_FLAGS, PAGES);
    name = name_of(world, size);
    assert_string_equal(name.vendor, "The Maker");
    assert_string_equal(name.product, "Model ? 9");
    firmware_tables_name_machine(&world->map, 0, &name);
    assert_string_equal(name.vendor, "");
    end_world(world);
}

static void damaged_names_are_empty_or_short(void **state)
{
    /* However short the table is said to be, and whatever one of its bytes is, names are text that fits. */
    struct world *world = good_world();
    size_t size = put_structures(at(world, FADT_PAGE));

    (void)state;
    keep_in(world, E820_ACPI_DATA, RAM_FLAGS, PAGES);
    for (size_t cut = 0; cut < size; cut++)
        assert_true(strlen(name_of(world, cut).vendor) <= strlen("The Maker"));
    for (size_t byte = 0; byte < size; byte++) {
        uint8_t *place = at(world, FADT_PAGE) + byte;
        uint8_t good = *place;

        for (unsigned value = 0; value < 256; value++) {
            *place = (uint8_t)value;
            assert_true(strlen(name_of(world, size).product) < FIRMWARE_NAME_BYTES);
        }
        *place = good;
    }
    assert_string_equal(name_of(world, (size_t)PAGES * PAGE_SIZE).vendor, "");
    end_world(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_in_usable_memory_are_kept),
        cmocka_unit_test(old_tables),
        cmocka_unit_test(tables_elsewhere_are_left_alone),
        cmocka_unit_test(broken_roots),
        cmocka_unit_test(bad_lengths_and_addresses),
        cmocka_unit_test(memory_that_ends_early),
        cmocka_unit_test(long_lists_have_an_end),
        cmocka_unit_test(smbios),
        cmocka_unit_test(machine_has_a_name),
        cmocka_unit_test(damaged_names_are_empty_or_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
