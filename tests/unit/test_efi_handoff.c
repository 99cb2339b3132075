/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_efi_handoff.c - properties of the handoff's layout and of the last map's conversion.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "boot/efi_memory.h"
#include "efi/conversion.h"
#include "efi/handoff.h"
#include "lib/bits.h"

#define DESCRIPTOR_BYTES 48u
#define EFI_RAM          (EFI_ATTRIBUTE_UC | EFI_ATTRIBUTE_WB)
#define LIMIT            ((uint64_t)1 << 40)

/* --- layout ------------------------------------------------------------------------------ */

static const struct handoff_framebuffer screen = {
    .base = 3 * GiB, .size_bytes = 4 * MiB, .width_pixels = 1280, .framebuffer_va = 5
};

static struct handoff_plan plan_with(size_t text_bytes, const struct handoff_module_plan *modules,
                                     size_t count, const struct handoff_framebuffer *framebuffer)
{
    static const char text[] = "console=ttyS0 loglevel=7";

    return (struct handoff_plan){ .command_line = { text, text_bytes },
                                  .loader_name = TEXT_LITERAL("loader"),
                                  .firmware_name = TEXT_LITERAL("firmware"),
                                  .framebuffer = framebuffer,
                                  .modules = modules,
                                  .module_count = count,
                                  .change_capacity = 5,
                                  .region_capacity = 7,
                                  .map_capacity_bytes = 3 * DESCRIPTOR_BYTES };
}

/* The record of `type`, the n-th of its kind, by walking as a kernel does; NULL where none is. */
static const void *find_record(const struct handoff *handoff, uint32_t type, unsigned n)
{
    const uint8_t *at = (const uint8_t *)handoff + handoff->header_bytes;
    const uint8_t *end = (const uint8_t *)handoff + handoff->size_bytes;
    const void *found = NULL;

    for (uint32_t i = 0; i < handoff->record_count; i++) {
        const struct handoff_record *record = (const void *)at;

        assert_true(is_aligned((uintptr_t)at, HANDOFF_ALIGNMENT));
        assert_true((size_t)(end - at) >= sizeof(*record));
        assert_true(record->size_bytes >= sizeof(*record));
        assert_true(handoff_record_stride(record) <= (size_t)(end - at));
        if (record->type == type && n-- == 0)
            found = record;
        at += handoff_record_stride(record);
    }
    assert_ptr_equal(at, end);
    return found;
}

static uint32_t sum_of(const struct handoff *handoff)
{
    const uint32_t *words = (const void *)handoff;
    uint32_t sum = 0;

    for (uint32_t i = 0; i < handoff->size_bytes / 4; i++)
        sum += words[i];
    return sum;
}

static void records_are_found_again(void **state)
{
    /* A kernel that walks the records finds all that was planned, whatever was in memory before. */
    const struct handoff_module_plan modules[] = {
        { 16 * MiB, 12345, TEXT_LITERAL("first") },
        { 32 * MiB, 1, TEXT_LITERAL("a longer name") },
    };
    const struct measurement measurements[] = {
        { .pcr = 8, .extended = true, .digest = { 1, 2 }, .name = TEXT_LITERAL("command line") },
        { .pcr = 9, .extended = false, .digest = { 3 }, .name = TEXT_LITERAL("\\k") },
    };
    struct handoff_plan plan = plan_with(24, modules, 2, &screen);
    const struct handoff_measurement *measurement;
    const struct handoff_event_log *log;
    struct handoff_parts parts;
    const struct handoff_framebuffer *framebuffer;
    const struct handoff_module *module;
    uint32_t size;
    void *memory;

    (void)state;
    plan.measurements = measurements;
    plan.measurement_count = 2;
    plan.event_log = TEXT_LITERAL("what firmware wrote");
    assert_int_equal(handoff_measure(&plan, &size), STATUS_OK);
    memory = malloc(size);
    memset(memory, 0xdd, size);
    handoff_lay_out(&plan, memory, size, &parts);
    assert_ptr_equal(parts.handoff, memory);
    assert_int_equal(parts.handoff->magic, HANDOFF_MAGIC);
    assert_int_equal(parts.handoff->record_count, 12);
    assert_string_equal((const char *)find_record(memory, HANDOFF_RECORD_COMMAND_LINE, 0) + 8,
                        "console=ttyS0 loglevel=7");
    assert_string_equal((const char *)find_record(memory, HANDOFF_RECORD_LOADER_NAME, 0) + 8,
                        "loader");
    assert_string_equal((const char *)find_record(memory, HANDOFF_RECORD_FIRMWARE_NAME, 0) + 8,
                        "firmware");
    framebuffer = find_record(memory, HANDOFF_RECORD_FRAMEBUFFER, 0);
    assert_int_equal(framebuffer->record.size_bytes, sizeof(*framebuffer));
    assert_int_equal(framebuffer->base, 3 * GiB);
    assert_int_equal(framebuffer->width_pixels, 1280);
    module = find_record(memory, HANDOFF_RECORD_MODULE, 1);
    assert_string_equal(module->name, "a longer name");
    assert_int_equal(module->base, 32 * MiB);
    measurement = find_record(memory, HANDOFF_RECORD_MEASUREMENT, 0);
    assert_int_equal(measurement->pcr, 8);
    assert_int_equal(measurement->extended, 1);
    assert_int_equal(measurement->sha256[1], 2);
    assert_string_equal(measurement->name, "command line");
    measurement = find_record(memory, HANDOFF_RECORD_MEASUREMENT, 1);
    assert_int_equal(measurement->extended, 0);
    assert_string_equal(measurement->name, "\\k");
    log = find_record(memory, HANDOFF_RECORD_EVENT_LOG, 0);
    assert_int_equal(log->log_bytes, 19);
    assert_memory_equal(log->log, "what firmware wrote", 19);
    assert_ptr_equal(find_record(memory, HANDOFF_RECORD_REGIONS, 0), parts.regions);
    assert_ptr_equal(find_record(memory, HANDOFF_RECORD_CHANGES, 0), parts.changes);
    assert_ptr_equal(find_record(memory, HANDOFF_RECORD_FIRMWARE_MAP, 0), parts.map);
    assert_int_equal(parts.regions->capacity, 7);
    assert_int_equal(parts.changes->capacity, 5);
    assert_null(find_record(memory, HANDOFF_RECORD_MODULE, 2));
    free(memory);
}

static void capacities_can_be_filled(void **state)
{
    /* Every row, note and descriptor that was planned can be written, inside of the block; then the
     * block is sealed, and any changed bit shows. */
    static const struct handoff_framebuffer none;

    (void)state;
    for (size_t text = 0; text < 24; text++) {
        struct handoff_plan plan = plan_with(text, NULL, 0, &none);
        struct handoff_parts parts;
        uint32_t size;
        uint8_t *memory;

        assert_int_equal(handoff_measure(&plan, &size), STATUS_OK);
        memory = malloc(size);
        handoff_lay_out(&plan, memory, size, &parts);
        assert_null(find_record(parts.handoff, HANDOFF_RECORD_FRAMEBUFFER, 0));
        for (size_t i = 0; i < plan.region_capacity; i++)
            parts.regions->regions[i].base = i;
        memset(parts.changes->changes, 0xff, 5 * sizeof(struct handoff_change));
        memset(parts.map->map, 0xaa, plan.map_capacity_bytes);
        assert_true(is_aligned((uintptr_t)parts.map->map, 8));
        handoff_seal(parts.handoff);
        assert_int_equal(sum_of(parts.handoff), 0);
        memory[size / 2] ^= 4;
        assert_int_not_equal(sum_of(parts.handoff), 0);
        free(memory);
    }
}

static void huge_plans_are_refused(void **state)
{
    /* A handoff that kernels would take for corrupt is not made. */
    static const struct handoff_framebuffer none;
    struct handoff_plan plan = plan_with(3, NULL, 0, &none);
    uint32_t size = 77;

    (void)state;
    plan.map_capacity_bytes = HANDOFF_MAX_BYTES;
    assert_int_equal(handoff_measure(&plan, &size), STATUS_NO_SPACE);
    plan.map_capacity_bytes = 8;
    plan.region_capacity = HANDOFF_MAX_BYTES / sizeof(struct region);
    assert_int_equal(handoff_measure(&plan, &size), STATUS_NO_SPACE);
    assert_int_equal(size, 77);
}

/* --- conversion -------------------------------------------------------------------------- */

struct test_map {
    uint8_t bytes[64 * DESCRIPTOR_BYTES];
    struct firmware_map firmware;
    struct memmap map;
};

static void add_descriptor(struct test_map *test, uint32_t type, uint64_t start, uint64_t end)
{
    struct efi_memory_descriptor descriptor = { .type = type,
                                                .physical_start = start,
                                                .page_count = (end - start) >> PAGE_SHIFT,
                                                .attribute = EFI_RAM };

    memcpy(test->bytes + test->firmware.size_bytes, &descriptor, sizeof(descriptor));
    test->firmware.size_bytes += DESCRIPTOR_BYTES;
}

static struct test_map *open_map(void)
{
    struct test_map *test = calloc(1, sizeof(*test));

    test->firmware =
        (struct firmware_map){ .descriptors = test->bytes, .descriptor_bytes = DESCRIPTOR_BYTES };
    return test;
}

/* Tables of exactly the capacity that the loader would give them. */
static enum status convert(struct test_map *test, const struct conversion_facts *facts)
{
    size_t rows =
        conversion_region_capacity(test->firmware.size_bytes, DESCRIPTOR_BYTES, facts->owned_count);
    size_t notes =
        conversion_change_capacity(test->firmware.size_bytes, DESCRIPTOR_BYTES, facts->owned_count);

    memmap_init(&test->map, malloc(rows * sizeof(struct region)), rows,
                malloc(notes * sizeof(struct handoff_change)), notes, LIMIT);
    return conversion_run(&test->map, &test->firmware, facts);
}

static void close_map(struct test_map *test)
{
    size_t bad_row;

    assert_int_equal(memmap_validate(&test->map, &bad_row), STATUS_OK);
    free(test->map.regions);
    free(test->map.changes);
    free(test);
}

static void expect_row(const struct test_map *test, uint64_t address, uint32_t type, uint32_t tag)
{
    const struct region *row = memmap_find(&test->map, pa(address));

    assert_non_null(row);
    assert_int_equal(row->type, type);
    assert_int_equal(row->tag, tag);
}

static void what_the_loader_took_is_tagged(void **state)
{
    /* Each piece that the loader took carries its tag, the rest of its memory is reclaimable, the
     * framebuffer is cut out of RAM, and low memory is set aside. */
    static const struct handoff_framebuffer in_ram = { .base = 48 * MiB + 100, .size_bytes = MiB };
    static const struct owned_pages owned[] = {
        { .base = { 16 * MiB }, .size_bytes = 12 * KiB, .tag = REGION_TAG_KERNEL },
        { .base = { 17 * MiB }, .size_bytes = 16 * KiB, .tag = REGION_TAG_LOADER },
        { .base = { 0x9000 }, .size_bytes = 4 * KiB, .tag = REGION_TAG_HANDOFF },
    };
    struct conversion_facts facts = { .framebuffer = &in_ram,
                                      .owned = owned,
                                      .owned_count = ARRAY_COUNT(owned) };
    struct test_map *test = open_map();

    (void)state;
    add_descriptor(test, EFI_TYPE_CONVENTIONAL, 0, 0xa0000);
    add_descriptor(test, EFI_TYPE_LOADER_DATA, 16 * MiB, 18 * MiB);
    add_descriptor(test, EFI_TYPE_CONVENTIONAL, 18 * MiB, 64 * MiB);
    assert_int_equal(convert(test, &facts), STATUS_OK);
    expect_row(test, 0, E820_RESERVED, REGION_TAG_NONE);
    expect_row(test, 0x9000, E820_USABLE, REGION_TAG_HANDOFF);
    expect_row(test, 0xa000, E820_RESERVED, REGION_TAG_LOW);
    expect_row(test, 0x9f000, E820_RESERVED, REGION_TAG_TRAMPOLINE);
    expect_row(test, 16 * MiB + 8 * KiB, E820_USABLE, REGION_TAG_KERNEL);
    expect_row(test, 16 * MiB + 12 * KiB, E820_USABLE, REGION_TAG_LOADER);
    expect_row(test, 17 * MiB, E820_USABLE, REGION_TAG_LOADER);
    expect_row(test, 48 * MiB, E820_RESERVED, REGION_TAG_FRAMEBUFFER);
    expect_row(test, 49 * MiB, E820_RESERVED, REGION_TAG_FRAMEBUFFER);
    expect_row(test, 49 * MiB + 4 * KiB, E820_USABLE, REGION_TAG_NONE);
    assert_false(region_is_ram(memmap_find(&test->map, pa(48 * MiB))));
    close_map(test);
}

static void machines_without_low_memory(void **state)
{
    /* Where no page below 1 MiB is free there is no trampoline, and that is no failure. */
    static const struct handoff_framebuffer none;
    struct conversion_facts facts = { .framebuffer = &none };
    struct test_map *test = open_map();

    (void)state;
    add_descriptor(test, EFI_TYPE_CONVENTIONAL, 4 * GiB, 5 * GiB);
    assert_int_equal(convert(test, &facts), STATUS_OK);
    assert_int_equal(test->map.count, 1);
    close_map(test);
}

static void bad_maps_are_refused(void **state)
{
    /* Bytes left over after the last descriptor are refused as corrupt. */
    static const struct handoff_framebuffer none;
    struct conversion_facts facts = { .framebuffer = &none };
    struct test_map *test = open_map();

    (void)state;
    add_descriptor(test, EFI_TYPE_CONVENTIONAL, 4 * GiB, 5 * GiB);
    test->firmware.size_bytes += 8;
    assert_int_equal(convert(test, &facts), STATUS_CORRUPT);
    free(test->map.regions);
    free(test->map.changes);
    free(test);
}

static void capacity_suffices(void **state)
{
    /* However many pieces lie in however many descriptors, the planned rows are enough. */
    uint64_t seed = 11;

    (void)state;
    for (unsigned round = 0; round < 500; round++) {
        static const struct handoff_framebuffer anywhere = { .base = 20 * MiB + 5,
                                                             .size_bytes = 3 * MiB };
        struct owned_pages owned[24];
        struct conversion_facts facts = { .framebuffer = &anywhere,
                                          .owned = owned,
                                          .owned_count = round % 25 };
        struct test_map *test = open_map();

        for (unsigned i = 0; i < round % 60 + 1; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            add_descriptor(test, (uint32_t)(seed >> 60), (seed >> 33 & 0x3fff) << PAGE_SHIFT,
                           ((seed >> 33 & 0x3fff) + (seed >> 20 & 0xff)) << PAGE_SHIFT);
        }
        for (unsigned i = 0; i < facts.owned_count; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            owned[i] = (struct owned_pages){ .base = pa((seed >> 33 & 0x3fff) << PAGE_SHIFT),
                                             .size_bytes = (seed >> 20 & 0xffff) + 1,
                                             .tag = REGION_TAG_ARENA };
        }
        assert_int_equal(convert(test, &facts), STATUS_OK);
        close_map(test);
    }
}

static void memory_that_turns_up_late(void **state)
{
    /* RAM that the direct map does not cover is given up: before, between and after what it covers,
     * while the rest stays as it was. */
    static const struct region mapped[] = {
        { 4 * MiB, 4 * MiB, E820_USABLE, REGION_WB | REGION_IS_RAM, REGION_TAG_NONE, 7, 0 },
        { 8 * MiB, 2 * MiB, E820_ACPI_DATA, REGION_WB | REGION_IS_RAM, REGION_TAG_NONE, 9, 0 },
        { 16 * MiB, 4 * MiB, E820_USABLE, REGION_WB | REGION_IS_RAM, REGION_TAG_NONE, 7, 0 },
        { 20 * MiB, 4 * MiB, E820_RESERVED, REGION_UC, REGION_TAG_DEVICE, 11, 0 },
    };
    static const struct handoff_framebuffer none;
    struct conversion_facts facts = { .framebuffer = &none };
    struct test_map *test = open_map();
    static const struct {
        uint64_t address;
        bool kept;
    } cases[] = { { 2 * MiB, false },      { 4 * MiB - 1, false }, { 4 * MiB, true },
                  { 10 * MiB - 1, true },  { 10 * MiB, false },    { 16 * MiB - 1, false },
                  { 16 * MiB, true },      { 20 * MiB - 1, true }, { 20 * MiB, false },
                  { 32 * MiB - 1, false }, { 40 * MiB, false } };

    (void)state;
    add_descriptor(test, EFI_TYPE_CONVENTIONAL, 2 * MiB, 9 * MiB);
    add_descriptor(test, EFI_TYPE_LOADER_DATA, 9 * MiB, 32 * MiB);
    add_descriptor(test, EFI_TYPE_ACPI_NVS, 40 * MiB, 41 * MiB);
    assert_int_equal(convert(test, &facts), STATUS_OK);
    assert_int_equal(conversion_drop_unmapped(&test->map, mapped, ARRAY_COUNT(mapped)), STATUS_OK);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        const struct region *row = memmap_find(&test->map, pa(cases[i].address));

        assert_int_equal(region_is_ram(row), cases[i].kept);
        assert_int_equal(row->type == E820_USABLE, cases[i].kept);
    }
    close_map(test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_found_again),
        cmocka_unit_test(capacities_can_be_filled),
        cmocka_unit_test(huge_plans_are_refused),
        cmocka_unit_test(what_the_loader_took_is_tagged),
        cmocka_unit_test(machines_without_low_memory),
        cmocka_unit_test(bad_maps_are_refused),
        cmocka_unit_test(capacity_suffices),
        cmocka_unit_test(memory_that_turns_up_late),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
