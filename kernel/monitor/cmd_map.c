/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_map.c - map: the table of memory, the firmware's map behind it, and what lies between.
 */

#include "monitor/commands.h"
#include "lib/bits.h"
#include "lib/json.h"
#include "lib/print.h"
#include "lib/string.h"
#include "mm/memmap.h"
#include "mm/memmap_events.h"
#include "monitor/format.h"

/* "0x0000000000001000  0x0000000000001fff       4 KiB" with as many digits as the table needs. */
static void print_range(uint64_t base, uint64_t size_bytes, unsigned digits)
{
    char size[SIZE_TEXT_BYTES];

    print("  0x%0*llx  0x%0*llx  %10s", (int)digits, (unsigned long long)base, (int)digits,
          (unsigned long long)(base + size_bytes - (size_bytes > 0)),
          format_size(size_bytes, size));
}

static void print_heading(unsigned digits, const char *rest)
{
    print("  %-*s  %-*s  %10s  %s\n", (int)digits + 2, "first byte", (int)digits + 2, "last byte",
          "size", rest);
}

/* --- map ------------------------------------------------------------------------------------- */

static void print_row(const struct region *row, unsigned digits)
{
    print_range(row->base, row->size_bytes, digits);
    print("  %-14s%-14s%s\n", e820_type_name(row->type),
          row->tag == REGION_TAG_NONE ? "-" : region_tag_name(row->tag),
          row->efi_type == REGION_EFI_TYPE_NONE ? "-" : efi_memory_type_name(row->efi_type));
}

static void print_total(const char *what, uint64_t size_bytes)
{
    char size[SIZE_TEXT_BYTES];

    if (size_bytes > 0)
        print("  %-15s%10s\n", what, format_size(size_bytes, size));
}

static void print_totals(const struct memmap *map)
{
    struct memmap_totals totals;

    memmap_total(map, &totals);
    print("%zu regions:\n", map->count);
    print_total("described", totals.described);
    print_total("usable", totals.usable);
    print_total("  of it free", totals.free);
    print_total("below 1 MiB", totals.low);
    print_total("reserved", totals.reserved);
    print_total("ACPI data", totals.acpi_data);
    print_total("ACPI NVS", totals.acpi_nvs);
    print_total("unusable", totals.unusable);
    print_total("persistent", totals.persistent);
    print_total("soft reserved", totals.soft_reserved);
    print_total("unaccepted", totals.unaccepted);
}

static bool show_map(const struct memmap *map)
{
    const struct region *last = &map->regions[map->count - 1];
    unsigned digits = format_digits(last->base + last->size_bytes - 1);

    print_heading(digits, "type          held by       for the firmware");
    for (size_t i = 0; i < map->count; i++) {
        print_row(&map->regions[i], digits);
        memmap_event_row(json_console(), &map->regions[i]);
    }
    print_totals(map);
    memmap_event_totals(json_console(), map);
    return true;
}

/* --- map -u ---------------------------------------------------------------------------------- */

/* The attributes that matter, in the words of the specification. */
static void print_attributes(uint64_t attribute)
{
    static const struct {
        uint64_t bit;
        const char *name;
    } names[] = {
        { EFI_ATTRIBUTE_UC, "UC" }, { EFI_ATTRIBUTE_WC, "WC" },
        { EFI_ATTRIBUTE_WT, "WT" }, { EFI_ATTRIBUTE_WB, "WB" },
        { EFI_ATTRIBUTE_NV, "NV" }, { EFI_ATTRIBUTE_MORE_RELIABLE, "MR" },
        { EFI_ATTRIBUTE_SP, "SP" }, { EFI_ATTRIBUTE_RUNTIME, "RT" },
    };

    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if ((attribute & names[i].bit) != 0)
            print(" %s", names[i].name);
    }
    print("\n");
}

/* An entry of the firmware may claim anything: a size beyond 2^64 is shown as the most there is. */
static uint64_t descriptor_bytes(const struct efi_memory_descriptor *descriptor)
{
    uint64_t size_bytes;

    if (!checked_mul(descriptor->page_count, PAGE_SIZE, &size_bytes))
        return UINT64_MAX;
    return size_bytes;
}

static void show_descriptor(const void *entry)
{
    struct efi_memory_descriptor descriptor;

    memcpy(&descriptor, entry, sizeof descriptor);
    print_range(descriptor.physical_start, descriptor_bytes(&descriptor), 16);
    print("  %-24s", efi_memory_type_name(descriptor.type));
    print_attributes(descriptor.attribute);
    memmap_event_efi(json_console(), &descriptor);
}

static void show_e820_entry(const void *entry)
{
    struct e820_entry e820;

    memcpy(&e820, entry, sizeof e820);
    print_range(e820.base, e820.size_bytes, 16);
    print("  %s\n", e820_type_name(e820.type));
    memmap_event_e820(json_console(), &e820);
}

static bool show_firmware_map(const struct command_call *call)
{
    const struct handoff_firmware_map *map = call->machine->firmware_map;
    unsigned count = 0;

    if (map == NULL)
        return command_fail(call, "the loader handed no firmware map over");
    print_heading(16,
                  map->format == HANDOFF_MAP_EFI ? "type                     attributes" : "type");
    for (uint32_t at = 0; at + map->descriptor_bytes <= map->map_bytes;
         at += map->descriptor_bytes) {
        if (map->format == HANDOFF_MAP_EFI)
            show_descriptor(map->map + at);
        else
            show_e820_entry(map->map + at);
        count++;
    }
    print("%u entries of %u bytes, in the firmware's order.\n", count, map->descriptor_bytes);
    return true;
}

/* --- map -d ---------------------------------------------------------------------------------- */

static void show_change(const struct handoff_change *change)
{
    print_range(change->base, change->size_bytes, 16);
    print("  %-13s %-13s %s\n", e820_type_name(change->from_type),
          change->to_type == change->from_type ? "-" : e820_type_name(change->to_type),
          memmap_reason_name(change->reason));
    memmap_event_change(json_console(), change);
}

static bool show_changes(const struct memmap *map)
{
    print_heading(16, "was           became        because");
    for (size_t i = 0; i < map->change_count; i++)
        show_change(&map->changes[i]);
    print("%zu changes", map->change_count);
    if (map->changes_lost > 0)
        print(", and %zu more that there was no room to note", map->changes_lost);
    print(".\n");
    return true;
}

bool command_map(const struct command_call *call)
{
    if (call->count == 0)
        return show_map(&call->machine->map);
    if (command_argument_is(call, 0, "-u"))
        return show_firmware_map(call);
    if (command_argument_is(call, 0, "-d"))
        return show_changes(&call->machine->map);
    return command_refuse(call, "'%s' is unknown", call->arguments[0]);
}
