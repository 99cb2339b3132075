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
#include "lib/format.h"

static uint64_t last_byte(uint64_t base, uint64_t size_bytes)
{
    return base + size_bytes - (size_bytes > 0);
}

/* "0x00001000  0x00001fff       4 KiB" with as many digits as the table needs. */
static void print_range(uint64_t base, uint64_t size_bytes, unsigned digits)
{
    char size[SIZE_TEXT_BYTES];

    print("  0x%0*llx  0x%0*llx  %10s", (int)digits, (unsigned long long)base, (int)digits,
          (unsigned long long)last_byte(base, size_bytes), format_size(size_bytes, size));
}

static void print_heading(unsigned digits, const char *rest)
{
    print("  %-*s  %-*s  %10s  %s\n", (int)digits + 2, "first byte", (int)digits + 2, "last byte",
          "size", rest);
}

/* The name of a type without its number, to fit its column. */
static const char *type_text(uint32_t type)
{
    return type == E820_PERSISTENT ? "persistent" : e820_type_name(type);
}

/* --- map ------------------------------------------------------------------------------------- */

/* Who holds a row: "PCI 00:1f.2" for a function of the first segment, as `pci` has it. */
static const char *holder_text(const struct region *row, char text[REGION_DEVICE_TEXT_BYTES + 4])
{
    char place[REGION_DEVICE_TEXT_BYTES];

    if (row->device == 0)
        return row->tag == REGION_TAG_NONE ? "-" : region_tag_name(row->tag);
    region_device_text(row->device, place);
    (void)print_buffer(text, REGION_DEVICE_TEXT_BYTES + 4, "PCI %s",
                       place + (strncmp(place, "0000:", 5) == 0 ? 5 : 0));
    return text;
}

static void print_row(const struct region *row, unsigned digits)
{
    char holder[REGION_DEVICE_TEXT_BYTES + 4];

    print_range(row->base, row->size_bytes, digits);
    print("  %-14s%-14s %s\n", type_text(row->type), holder_text(row, holder),
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
    print_total("added", totals.added);
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
    unsigned digits = format_digits(last_byte(last->base, last->size_bytes));

    print_heading(digits, "type          held by        for the firmware");
    for (size_t i = 0; i < map->count; i++) {
        print_row(&map->regions[i], digits);
        memmap_event_row(json_console(), &map->regions[i]);
    }
    print_totals(map);
    memmap_event_totals(json_console(), map);
    return true;
}

/* --- map -u ---------------------------------------------------------------------------------- */

/* An entry of the firmware may claim anything: a size beyond 2^64 is shown as the most there is. */
static uint64_t descriptor_bytes(const struct efi_memory_descriptor *descriptor)
{
    uint64_t size_bytes;

    if (!checked_mul(descriptor->page_count, PAGE_SIZE, &size_bytes))
        return UINT64_MAX;
    return size_bytes;
}

/* An entry of the firmware's map, of either format. */
struct entry {
    uint64_t base;
    uint64_t size_bytes;
    const char *name;
    uint64_t attribute; /* UEFI only */
};

static struct entry read_entry(const struct handoff_firmware_map *map, uint32_t at)
{
    struct efi_memory_descriptor descriptor;
    struct e820_entry e820;

    if (map->format == HANDOFF_MAP_EFI) {
        memcpy(&descriptor, map->map + at, sizeof descriptor);
        memmap_event_efi(json_console(), &descriptor);
        return (struct entry){ descriptor.physical_start, descriptor_bytes(&descriptor),
                               efi_memory_type_name(descriptor.type), descriptor.attribute };
    }
    memcpy(&e820, map->map + at, sizeof e820);
    memmap_event_e820(json_console(), &e820);
    return (struct entry){ e820.base, e820.size_bytes, type_text(e820.type), 0 };
}

static bool show_firmware_map(const struct command_call *call)
{
    const struct handoff_firmware_map *map = call->machine->firmware_map;
    unsigned count = 0;

    if (map == NULL)
        return command_fail(call, "the loader handed no firmware map over");
    print("  %-18s  %10s  %-24s%s\n", "first byte", "size", "type",
          map->format == HANDOFF_MAP_EFI ? " attributes" : "");
    for (uint32_t at = 0; at + map->descriptor_bytes <= map->map_bytes;
         at += map->descriptor_bytes) {
        struct entry entry = read_entry(map, at);
        char size[SIZE_TEXT_BYTES];
        char attributes[EFI_ATTRIBUTE_TEXT_BYTES];

        efi_attribute_text(entry.attribute, attributes);
        print("  0x%016llx  %10s  %-24s%s%s\n", (unsigned long long)entry.base,
              format_size(entry.size_bytes, size), entry.name, *attributes != '\0' ? " " : "",
              attributes);
        count++;
    }
    print("%u entries of %u bytes, in the firmware's order.\n", count, map->descriptor_bytes);
    return true;
}

/* --- map -d ---------------------------------------------------------------------------------- */

static void show_change(const struct handoff_change *change)
{
    char size[SIZE_TEXT_BYTES];

    print("  0x%016llx  %10s  %-14s%-14s%s\n", (unsigned long long)change->base,
          format_size(change->size_bytes, size), type_text(change->from_type),
          change->to_type == change->from_type ? "the same" : type_text(change->to_type),
          memmap_reason_name(change->reason));
    memmap_event_change(json_console(), change);
}

static bool show_changes(const struct memmap *map)
{
    print("  %-18s  %10s  %-14s%-14s%s\n", "first byte", "size", "was", "became", "because");
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
