/* SPDX-License-Identifier: BSD-2-Clause
 *
 * memmap_events.c - the map as JSON events.
 *
 * Types are the words of e820_type_word(), which need no knowledge of their numbers. Sizes of
 * ranges are strings like addresses, since what the firmware claims may need all 64 bits; totals
 * are numbers of bytes, which JSON holds exactly up to 2^53, more than any machine has.
 */
#include "mm/memmap_events.h"

void memmap_event_row(struct print_sink *sink, const struct region *row)
{
    char device[REGION_DEVICE_TEXT_BYTES];
    struct json event;

    json_begin(&event, sink, "region");
    json_address(&event, "base", row->base);
    json_address(&event, "size", row->size_bytes);
    json_text(&event, "type", e820_type_word(row->type));
    json_text(&event, "tag", region_tag_name(row->tag));
    if (row->efi_type != REGION_EFI_TYPE_NONE)
        json_text(&event, "efi_type", efi_memory_type_name(row->efi_type));
    if (row->device != 0)
        json_text(&event, "device", region_device_text(row->device, device));
    json_end(&event);
}

void memmap_event_totals(struct print_sink *sink, const struct memmap *map)
{
    struct memmap_totals totals;
    struct json event;

    memmap_total(map, &totals);
    json_begin(&event, sink, "memmap");
    json_number(&event, "regions", map->count);
    json_number(&event, "changes", map->change_count + map->changes_lost);
    json_number(&event, "described", totals.described);
    json_number(&event, "added", totals.added);
    json_number(&event, "usable", totals.usable);
    json_number(&event, "free", totals.free);
    json_number(&event, "low", totals.low);
    json_number(&event, "reserved", totals.reserved);
    json_number(&event, "acpi_data", totals.acpi_data);
    json_number(&event, "acpi_nvs", totals.acpi_nvs);
    json_number(&event, "unusable", totals.unusable);
    json_number(&event, "persistent", totals.persistent);
    json_number(&event, "soft_reserved", totals.soft_reserved);
    json_number(&event, "unaccepted", totals.unaccepted);
    json_address(&event, "highest_usable_end", totals.highest_usable_end);
    json_address(&event, "highest_ram_end", totals.highest_ram_end);
    json_end(&event);
}

void memmap_event_change(struct print_sink *sink, const struct handoff_change *change)
{
    struct json event;

    json_begin(&event, sink, "change");
    json_address(&event, "base", change->base);
    json_address(&event, "size", change->size_bytes);
    json_text(&event, "from", e820_type_word(change->from_type));
    json_text(&event, "to", e820_type_word(change->to_type));
    json_text(&event, "reason", memmap_reason_name(change->reason));
    json_end(&event);
}

void memmap_event_efi(struct print_sink *sink, const struct efi_memory_descriptor *descriptor)
{
    struct json event;

    json_begin(&event, sink, "descriptor");
    json_address(&event, "base", descriptor->physical_start);
    json_address(&event, "pages", descriptor->page_count);
    json_number(&event, "type", descriptor->type);
    json_text(&event, "name", efi_memory_type_name(descriptor->type));
    json_address(&event, "attribute", descriptor->attribute);
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
