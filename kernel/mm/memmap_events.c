/* SPDX-License-Identifier: BSD-2-Clause
 *
 * memmap_events.c - the map as JSON events.
 *
 * Types are the words of e820_type_word(), which need no knowledge of their numbers. Sizes of
 * ranges are strings like addresses, since what the firmware claims may need all 64 bits; totals
 * are numbers of bytes, which JSON holds exactly up to 2^53, more than any machine has.
 */
#include "mm/memmap_events.h"

void memmap_members_row(struct json *object, const struct region *row)
{
    char device[REGION_DEVICE_TEXT_BYTES];

    json_address(object, "base", row->base);
    json_address(object, "size", row->size_bytes);
    json_text(object, "type", e820_type_word(row->type));
    json_text(object, "tag", region_tag_name(row->tag));
    if (row->efi_type != REGION_EFI_TYPE_NONE)
        json_text(object, "efi_type", efi_memory_type_name(row->efi_type));
    if (row->device != 0)
        json_text(object, "device", region_device_text(row->device, device));
}

void memmap_event_row(struct print_sink *sink, const struct region *row)
{
    struct json event;

    json_begin(&event, sink, "region");
    memmap_members_row(&event, row);
    json_end(&event);
}

void memmap_members_totals(struct json *object, const struct memmap *map)
{
    struct memmap_totals totals;

    memmap_total(map, &totals);
    json_number(object, "regions", map->count);
    json_number(object, "changes", map->change_count + map->changes_lost);
    json_number(object, "described", totals.described);
    json_number(object, "added", totals.added);
    json_number(object, "usable", totals.usable);
    json_number(object, "free", totals.free);
    json_number(object, "low", totals.low);
    json_number(object, "reserved", totals.reserved);
    json_number(object, "acpi_data", totals.acpi_data);
    json_number(object, "acpi_nvs", totals.acpi_nvs);
    json_number(object, "unusable", totals.unusable);
    json_number(object, "persistent", totals.persistent);
    json_number(object, "soft_reserved", totals.soft_reserved);
    json_number(object, "unaccepted", totals.unaccepted);
    json_address(object, "highest_usable_end", totals.highest_usable_end);
    json_address(object, "highest_ram_end", totals.highest_ram_end);
}

void memmap_event_totals(struct print_sink *sink, const struct memmap *map)
{
    struct json event;

    json_begin(&event, sink, "memmap");
    memmap_members_totals(&event, map);
    json_end(&event);
}

void memmap_members_change(struct json *object, const struct handoff_change *change)
{
    json_address(object, "base", change->base);
    json_address(object, "size", change->size_bytes);
    json_text(object, "from", e820_type_word(change->from_type));
    json_text(object, "to", e820_type_word(change->to_type));
    json_text(object, "reason", memmap_reason_name(change->reason));
}

void memmap_event_change(struct print_sink *sink, const struct handoff_change *change)
{
    struct json event;

    json_begin(&event, sink, "change");
    memmap_members_change(&event, change);
    json_end(&event);
}

void memmap_members_efi(struct json *object, const struct efi_memory_descriptor *descriptor)
{
    json_address(object, "base", descriptor->physical_start);
    json_address(object, "pages", descriptor->page_count);
    json_number(object, "type", descriptor->type);
    json_text(object, "name", efi_memory_type_name(descriptor->type));
    json_address(object, "attribute", descriptor->attribute);
}

void memmap_event_efi(struct print_sink *sink, const struct efi_memory_descriptor *descriptor)
{
    struct json event;

    json_begin(&event, sink, "descriptor");
    memmap_members_efi(&event, descriptor);
    json_end(&event);
}

void memmap_event_e820(struct print_sink *sink, const struct e820_entry *entry)
{
    struct json event;

    json_begin(&event, sink, "descriptor");
    json_address(&event, "base", entry->base);
    json_address(&event, "size", entry->size_bytes);
    json_number(&event, "type", entry->type);
    json_text(&event, "name", e820_type_word(entry->type));
    json_end(&event);
}
