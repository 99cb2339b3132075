/* SPDX-License-Identifier: BSD-2-Clause
 *
 * report.c - see report.h. Pure: no firmware call and no allocation, also built hosted.
 *
 * The last line of either form says that it is whole: what a failing stick cut off shows. In JSON
 * each descriptor, region and change has a line of its own, so that line tools can read it, too.
 */
#include "report.h"

#include "boot/efi_memory.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "mm/memmap_events.h"

#define SIZE_TEXT_BYTES 16

static size_t descriptor_count(const struct report *report)
{
    return report->firmware->size_bytes / report->firmware->descriptor_bytes;
}

/* A copy, since descriptors need not be aligned. */
static struct efi_memory_descriptor descriptor_at(const struct report *report, size_t index)
{
    struct efi_memory_descriptor descriptor;
    const uint8_t *all = report->firmware->descriptors;

    memcpy(&descriptor, all + index * report->firmware->descriptor_bytes, sizeof(descriptor));
    return descriptor;
}

static const char *known(const char *name)
{
    return name[0] != '\0' ? name : "unknown";
}

static const char *or_dash(const char *text)
{
    return text[0] != '\0' ? text : "-";
}

/* --- for people -------------------------------------------------------------------------- */

/* In the largest unit of which it is a whole number, or has at least ten. */
static const char *size_text(uint64_t size_bytes, char text[SIZE_TEXT_BYTES])
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    size_t unit = 0;

    while (unit + 1 < ARRAY_COUNT(units) && size_bytes >= 1024 &&
           (size_bytes % 1024 == 0 || size_bytes >= 10 * 1024)) {
        size_bytes /= 1024;
        unit++;
    }
    print_buffer(text, SIZE_TEXT_BYTES, "%llu %s", (unsigned long long)size_bytes, units[unit]);
    return text;
}

static void text_range(struct print_sink *sink, uint64_t base, uint64_t size_bytes)
{
    char size[SIZE_TEXT_BYTES];

    print_to(sink, "%012llx-%012llx %9s  ", (unsigned long long)base,
             (unsigned long long)(base + max_u64(size_bytes, 1) - 1), size_text(size_bytes, size));
}

static void text_head(const struct report *report, struct print_sink *sink)
{
    const struct machine *machine = report->machine;

    print_to(sink, "Meridian: the memory of this machine\n\n");
    print_to(sink, "machine    %s, %s\n", known(report->name->vendor),
             known(report->name->product));
    print_to(sink, "processor  %s, addresses of %u bits\n", known(machine->cpu_name),
             machine->physical_bits);
    print_to(sink, "firmware   %s, Secure Boot %s%s\n", machine->firmware_name,
             machine->secure_boot ? "on" : "off", machine->tpm ? ", TPM 2.0" : "");
}

static void text_totals(const struct report *report, struct print_sink *sink)
{
    struct memmap_totals totals;
    char usable[SIZE_TEXT_BYTES];
    char reserved[SIZE_TEXT_BYTES];
    char acpi[SIZE_TEXT_BYTES];

    memmap_total(report->map, &totals);
    print_to(sink, "memory     %s usable, %s reserved, %s for ACPI\n",
             size_text(totals.usable, usable), size_text(totals.reserved, reserved),
             size_text(totals.acpi_data + totals.acpi_nvs, acpi));
}

static void text_descriptors(const struct report *report, struct print_sink *sink)
{
    char attributes[EFI_ATTRIBUTE_TEXT_BYTES];

    print_to(sink, "\nWhat the firmware says: %zu descriptors of %zu bytes\n\n",
             descriptor_count(report), report->firmware->descriptor_bytes);
    for (size_t i = 0; i < descriptor_count(report); i++) {
        struct efi_memory_descriptor d = descriptor_at(report, i);

        text_range(sink, d.physical_start, d.page_count << PAGE_SHIFT);
        print_to(sink, "%-19s %s\n", efi_memory_type_name(d.type),
                 or_dash(efi_attribute_text(d.attribute, attributes)));
    }
}

static void text_regions(const struct report *report, struct print_sink *sink)
{
    const struct memmap *map = report->map;

    print_to(sink, "\nWhat Meridian makes of it: %zu regions, and who holds them\n\n", map->count);
    for (size_t i = 0; i < map->count; i++) {
        const struct region *row = &map->regions[i];

        text_range(sink, row->base, row->size_bytes);
        print_to(sink, "%-19s %s\n", e820_type_name(row->type), region_tag_name(row->tag));
    }
}

static void text_changes(const struct report *report, struct print_sink *sink)
{
    const struct memmap *map = report->map;

    print_to(sink, "\nWhat was changed, and why: %zu changes\n\n",
             map->change_count + map->changes_lost);
    for (size_t i = 0; i < map->change_count; i++) {
        const struct handoff_change *change = &map->changes[i];

        text_range(sink, change->base, change->size_bytes);
        print_to(sink, "%s -> %s\n%27s%s\n", e820_type_name(change->from_type),
                 e820_type_name(change->to_type), "", memmap_reason_name(change->reason));
    }
}

static void write_text(const struct report *report, struct print_sink *sink)
{
    text_head(report, sink);
    text_totals(report, sink);
    text_descriptors(report, sink);
    text_regions(report, sink);
    text_changes(report, sink);
    print_to(sink, "\nEnd of the report.\n");
}

/* --- for programs ------------------------------------------------------------------------ */

static void json_machine(const struct report *report, struct json *json)
{
    const struct machine *machine = report->machine;

    json_object_begin(json, "machine");
    json_text(json, "vendor", report->name->vendor);
    json_text(json, "product", report->name->product);
    json_text(json, "cpu", machine->cpu_name);
    json_number(json, "physical_bits", machine->physical_bits);
    json_object_end(json);
    json_object_begin(json, "firmware");
    json_text(json, "vendor", machine->firmware_vendor);
    json_text(json, "name", machine->firmware_name);
    json_boolean(json, "secure_boot", machine->secure_boot);
    json_boolean(json, "tpm", machine->tpm);
    json_number(json, "descriptor_bytes", report->firmware->descriptor_bytes);
    json_number(json, "descriptor_version", report->firmware->descriptor_version);
    json_object_end(json);
    json_object_begin(json, "totals");
    memmap_members_totals(json, report->map);
    json_object_end(json);
}

static void begin_line(struct json *json)
{
    print_to(json->sink, "\n");
    json_item_begin(json);
}

static void write_json(const struct report *report, struct print_sink *sink)
{
    const struct memmap *map = report->map;
    struct json json;

    json_begin(&json, sink, "report");
    json_machine(report, &json);
    json_list_begin(&json, "descriptors");
    for (size_t i = 0; i < descriptor_count(report); i++) {
        struct efi_memory_descriptor descriptor = descriptor_at(report, i);

        begin_line(&json);
        memmap_members_efi(&json, &descriptor);
        json_item_end(&json);
    }
    json_list_end(&json);
    json_list_begin(&json, "regions");
    for (size_t i = 0; i < map->count; i++) {
        begin_line(&json);
        memmap_members_row(&json, &map->regions[i]);
        json_item_end(&json);
    }
    json_list_end(&json);
    json_list_begin(&json, "changes");
    for (size_t i = 0; i < map->change_count; i++) {
        begin_line(&json);
        memmap_members_change(&json, &map->changes[i]);
        json_item_end(&json);
    }
    json_list_end(&json);
    json_end(&json);
}

void report_write(const struct report *report, enum report_form form, struct print_sink *sink)
{
    switch (form) {
    case REPORT_TEXT:
        write_text(report, sink);
        break;
    case REPORT_JSON:
        write_json(report, sink);
        break;
    }
}
