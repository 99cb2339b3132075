/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_memmap_events.c - properties of mm/memmap_events.h.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "mm/memmap_events.h"

struct text_sink {
    struct print_sink sink;
    char text[1024];
    size_t length;
};

static void collect(struct print_sink *sink, const char *text, size_t size)
{
    struct text_sink *collected = CONTAINER_OF(sink, struct text_sink, sink);

    assert_true(collected->length + size < sizeof collected->text);
    memcpy(collected->text + collected->length, text, size);
    collected->length += size;
    collected->text[collected->length] = '\0';
}

static struct text_sink lines;

static int start(void **state)
{
    (void)state;
    memset(&lines, 0, sizeof lines);
    lines.sink.write = collect;
    return 0;
}

static void a_row_is_one_event(void **state)
{
    /* A row becomes one line, with the firmware's type where there was one. */
    struct region row = { .base = 0x100000,
                          .size_bytes = 0x7000,
                          .type = E820_ACPI_NVS,
                          .tag = REGION_TAG_FIRMWARE,
                          .efi_type = EFI_TYPE_ACPI_NVS };

    (void)state;
    memmap_event_row(&lines.sink, &row);
    row.efi_type = REGION_EFI_TYPE_NONE;
    memmap_event_row(&lines.sink, &row);
    assert_string_equal(
        lines.text,
        "{\"meridian\":1,\"event\":\"region\",\"base\":\"0x100000\",\"size\":\"0x7000\","
        "\"type\":\"acpi_nvs\",\"tag\":\"firmware\",\"efi_type\":\"ACPIMemoryNVS\"}\n"
        "{\"meridian\":1,\"event\":\"region\",\"base\":\"0x100000\",\"size\":\"0x7000\","
        "\"type\":\"acpi_nvs\",\"tag\":\"firmware\"}\n");
}

static void totals_add_up(void **state)
{
    /* The totals event holds the sums over the rows and the number of rows. */
    struct region rows[] = {
        { .base = 0, .size_bytes = 0x1000, .type = E820_RESERVED },
        { .base = 0x1000, .size_bytes = 0x9000, .type = E820_USABLE, .tag = REGION_TAG_LOW },
        { .base = 0x100000, .size_bytes = 0x100000, .type = E820_USABLE },
    };
    struct memmap map = { .regions = rows, .count = 3, .change_count = 2, .changes_lost = 1 };

    (void)state;
    memmap_event_totals(&lines.sink, &map);
    assert_non_null(strstr(lines.text, "\"regions\":3,\"changes\":3,\"described\":1089536,"));
    assert_non_null(strstr(lines.text, "\"usable\":1085440,\"free\":1048576,\"low\":36864,"));
    assert_non_null(strstr(lines.text, "\"highest_usable_end\":\"0x200000\""));
}

static void changes_and_descriptors(void **state)
{
    /* What came from outside is told as it was, 64-bit values as strings. */
    struct handoff_change change = { .base = UINT64_MAX - 0xfff,
                                     .size_bytes = UINT64_MAX,
                                     .from_type = E820_USABLE,
                                     .to_type = 0,
                                     .reason = MEMMAP_WRAPS };
    struct efi_memory_descriptor descriptor = { .type = EFI_TYPE_CONVENTIONAL,
                                                .physical_start = 0x1000,
                                                .page_count = UINT64_MAX,
                                                .attribute = EFI_ATTRIBUTE_WB };
    struct e820_entry entry = { .base = 1, .size_bytes = 2, .type = 77 };

    (void)state;
    memmap_event_change(&lines.sink, &change);
    memmap_event_efi(&lines.sink, &descriptor);
    memmap_event_e820(&lines.sink, &entry);
    assert_string_equal(
        lines.text,
        "{\"meridian\":1,\"event\":\"change\",\"base\":\"0xfffffffffffff000\","
        "\"size\":\"0xffffffffffffffff\",\"from\":\"usable\",\"to\":\"nothing\","
        "\"reason\":\"wraps past 2^64\"}\n"
        "{\"meridian\":1,\"event\":\"descriptor\",\"base\":\"0x1000\","
        "\"pages\":\"0xffffffffffffffff\",\"type\":7,\"name\":\"ConventionalMemory\","
        "\"attribute\":\"0x8\"}\n"
        "{\"meridian\":1,\"event\":\"descriptor\",\"base\":\"0x1\",\"size\":\"0x2\",\"type\":77,"
        "\"name\":\"unknown\"}\n");
}

static void nobody_listens(void **state)
{
    /* Without a sink nothing happens. */
    struct region row = { .base = 0, .size_bytes = 0x1000, .type = E820_USABLE };

    (void)state;
    memmap_event_row(NULL, &row);
    assert_int_equal(lines.length, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_row_is_one_event, start),
        cmocka_unit_test_setup(totals_add_up, start),
        cmocka_unit_test_setup(changes_and_descriptors, start),
        cmocka_unit_test_setup(nobody_listens, start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
