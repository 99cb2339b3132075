/* SPDX-License-Identifier: BSD-2-Clause
 *
 * output.c - prints tables, changes and totals; what it prints can be read again by this program.
 */
#include "output.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "boot/efi_memory.h"
#include "mm/memmap_events.h"

static uint64_t last_byte(uint64_t base, uint64_t size_bytes)
{
    return base + size_bytes - 1;
}

/* As names.c reads it: a number where nobody has a name. */
static void output_e820_type(uint32_t type)
{
    const char *word = e820_type_word(type);

    if (type == UINT32_MAX || (type != 0 && strcmp(word, "unknown") != 0))
        printf("%s\n", word);
    else
        printf("type%" PRIu32 "\n", type);
}

static void output_entry(const struct e820_entry *entry)
{
    printf("%016" PRIx64 " %016" PRIx64 " ", entry->base,
           last_byte(entry->base, entry->size_bytes));
    output_e820_type(entry->type);
}

static void output_descriptor(const struct efi_memory_descriptor *descriptor)
{
    printf("%" PRIu32 " %016" PRIx64 " %" PRIx64 " %016" PRIx64 "\n", descriptor->type,
           descriptor->physical_start, descriptor->page_count, descriptor->attribute);
}

void output_source(const struct map_source *source)
{
    for (size_t i = 0; i < source->count; i++) {
        if (source->kind == MAP_EFI)
            output_descriptor(&source->efi[i]);
        else
            output_entry(&source->e820[i]);
    }
}

void output_types(const struct memmap *map)
{
    for (size_t i = 0; i < map->count;) {
        const struct region *first = &map->regions[i];
        uint64_t end = first->base;

        while (i < map->count && map->regions[i].base == end && map->regions[i].type == first->type)
            end += map->regions[i++].size_bytes;
        printf("%016" PRIx64 " %016" PRIx64 " %s\n", first->base, end - 1,
               e820_type_word(first->type));
    }
}

static void output_flags(uint16_t flags)
{
    static const char *const names[] = {
        "UC", "WC", "WT", "WB", "RUNTIME", "SP", "MR", "NV", "RAM"
    };
    const char *separator = "";

    for (size_t bit = 0; bit < ARRAY_COUNT(names); bit++) {
        if ((flags >> bit & 1) == 0)
            continue;
        printf("%s%s", separator, names[bit]);
        separator = "|";
    }
    printf("%s\n", flags == 0 ? "-" : "");
}

void output_rows(const struct memmap *map)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct region *row = &map->regions[i];
        bool has_efi_type = row->efi_type != REGION_EFI_TYPE_NONE;

        printf("%016" PRIx64 " %016" PRIx64 " %-13s # %-14s %-19s ", row->base,
               last_byte(row->base, row->size_bytes), e820_type_word(row->type),
               region_tag_name(row->tag), has_efi_type ? efi_memory_type_name(row->efi_type) : "-");
        output_flags(row->flags);
    }
}

static void output_change(const struct handoff_change *change)
{
    if (change->size_bytes == 0)
        printf("# %016" PRIx64 " %-16s ", change->base, "(no bytes)");
    else
        printf("# %016" PRIx64 " %016" PRIx64 " ", change->base,
               last_byte(change->base, change->size_bytes));
    printf("%s -> %s: %s\n", e820_type_word(change->from_type), e820_type_word(change->to_type),
           memmap_reason_name(change->reason));
}

void output_changes(const struct memmap *map)
{
    for (size_t i = 0; i < map->change_count; i++)
        output_change(&map->changes[i]);
    if (map->changes_lost > 0)
        printf("# and %zu more\n", map->changes_lost);
}

void output_totals(const struct memmap *map)
{
    struct memmap_totals totals;

    memmap_total(map, &totals);
    const struct {
        const char *name;
        uint64_t bytes;
    } lines[] = {
        { "described", totals.described },
        { "added", totals.added },
        { "usable", totals.usable },
        { "free", totals.free },
        { "low", totals.low },
        { "reserved", totals.reserved },
        { "acpi_data", totals.acpi_data },
        { "acpi_nvs", totals.acpi_nvs },
        { "unusable", totals.unusable },
        { "persistent7", totals.persistent },
        { "soft_reserved", totals.soft_reserved },
        { "unaccepted", totals.unaccepted },
    };

    for (size_t i = 0; i < ARRAY_COUNT(lines); i++)
        if (lines[i].bytes != 0)
            printf("# %-13s %20" PRIu64 " bytes\n", lines[i].name, lines[i].bytes);
}

static void write_stdout(struct print_sink *sink, const char *text, size_t size)
{
    (void)sink;
    fwrite(text, 1, size, stdout);
}

void output_json(const struct memmap *map)
{
    struct print_sink sink = { write_stdout };

    for (size_t i = 0; i < map->count; i++)
        memmap_event_row(&sink, &map->regions[i]);
    for (size_t i = 0; i < map->change_count; i++)
        memmap_event_change(&sink, &map->changes[i]);
    memmap_event_totals(&sink, map);
}
