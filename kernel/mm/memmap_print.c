/* SPDX-License-Identifier: BSD-2-Clause
 *
 * memmap_print.c - the map in words: names, lines, totals.
 *
 * Lines have the form of Linux, so that eyes and tools that know a boot log know this one, too;
 * types that Linux does not know have names of the same kind. Every name function answers for any
 * number, since the numbers may come from outside. Totals are sums over the rows, nothing else.
 */
#include "lib/bits.h"
#include "memmap_private.h"

/* --- names ------------------------------------------------------------------------------- */

const char *e820_type_name(uint32_t type)
{
    switch (type) {
    case REGION_TYPE_HOLE:
        return "nothing";
    case E820_USABLE:
        return "usable";
    case E820_RESERVED:
        return "reserved";
    case E820_ACPI_DATA:
        return "ACPI data";
    case E820_ACPI_NVS:
        return "ACPI NVS";
    case E820_UNUSABLE:
        return "unusable";
    case E820_PERSISTENT:
        return "persistent (type 7)";
    case E820_SOFT_RESERVED:
        return "soft reserved";
    case E820_UNACCEPTED:
        return "unaccepted";
    }
    return "unknown";
}

const char *e820_type_word(uint32_t type)
{
    switch (type) {
    case E820_ACPI_DATA:
        return "acpi_data";
    case E820_ACPI_NVS:
        return "acpi_nvs";
    case E820_PERSISTENT:
        return "persistent7";
    case E820_SOFT_RESERVED:
        return "soft_reserved";
    }
    return e820_type_name(type);
}

const char *region_tag_name(uint32_t tag)
{
    static const char *const names[REGION_TAG_COUNT] = {
        [REGION_TAG_NONE] = "none",
        [REGION_TAG_LOADER] = "loader",
        [REGION_TAG_BOOT_SERVICES] = "boot services",
        [REGION_TAG_LOW] = "low memory",
        [REGION_TAG_TRAMPOLINE] = "trampoline",
        [REGION_TAG_KERNEL] = "kernel",
        [REGION_TAG_PAGE_TABLES] = "page tables",
        [REGION_TAG_JUMP] = "jump",
        [REGION_TAG_STACK] = "stack",
        [REGION_TAG_HANDOFF] = "handoff",
        [REGION_TAG_ARENA] = "arena",
        [REGION_TAG_MODULE] = "module",
        [REGION_TAG_FRAMEBUFFER] = "framebuffer",
        [REGION_TAG_ACPI] = "ACPI",
        [REGION_TAG_FIRMWARE] = "firmware",
        [REGION_TAG_DEVICE] = "device",
        [REGION_TAG_USER] = "user",
    };

    return tag < REGION_TAG_COUNT ? names[tag] : "unknown";
}

const char *region_device_text(uint32_t device, char text[REGION_DEVICE_TEXT_BYTES])
{
    uint32_t place = device - 1;

    text[0] = '\0';
    if (device != 0)
        (void)print_buffer(text, REGION_DEVICE_TEXT_BYTES, "%04x:%02x:%02x.%u", place >> 16,
                           place >> 8 & 0xff, place >> 3 & 31, place & 7);
    return text;
}

const char *efi_attribute_text(uint64_t attribute, char text[EFI_ATTRIBUTE_TEXT_BYTES])
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
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if ((attribute & names[i].bit) != 0)
            used += print_buffer(text + used, EFI_ATTRIBUTE_TEXT_BYTES - used, "%s%s",
                                 used > 0 ? " " : "", names[i].name);
    }
    return text;
}

/* The private ranges of types: UEFI 2.10, 7.2.1 "AllocatePages". */
#define EFI_TYPE_OEM_FIRST 0x70000000u
#define EFI_TYPE_OS_FIRST  0x80000000u

const char *efi_memory_type_name(uint32_t type)
{
    static const char *const names[] = {
        [EFI_TYPE_RESERVED] = "ReservedMemoryType",
        [EFI_TYPE_LOADER_CODE] = "LoaderCode",
        [EFI_TYPE_LOADER_DATA] = "LoaderData",
        [EFI_TYPE_BOOT_SERVICES_CODE] = "BootServicesCode",
        [EFI_TYPE_BOOT_SERVICES_DATA] = "BootServicesData",
        [EFI_TYPE_RUNTIME_SERVICES_CODE] = "RuntimeServicesCode",
        [EFI_TYPE_RUNTIME_SERVICES_DATA] = "RuntimeServicesData",
        [EFI_TYPE_CONVENTIONAL] = "ConventionalMemory",
        [EFI_TYPE_UNUSABLE] = "UnusableMemory",
        [EFI_TYPE_ACPI_RECLAIM] = "ACPIReclaimMemory",
        [EFI_TYPE_ACPI_NVS] = "ACPIMemoryNVS",
        [EFI_TYPE_MMIO] = "MemoryMappedIO",
        [EFI_TYPE_MMIO_PORT_SPACE] = "MemoryMappedIOPortSpace",
        [EFI_TYPE_PAL_CODE] = "PalCode",
        [EFI_TYPE_PERSISTENT] = "PersistentMemory",
        [EFI_TYPE_UNACCEPTED] = "UnacceptedMemoryType",
    };

    if (type < ARRAY_COUNT(names))
        return names[type];
    if (type >= EFI_TYPE_OS_FIRST)
        return "OS";
    return type >= EFI_TYPE_OEM_FIRST ? "OEM" : "unknown";
}

const char *memmap_reason_name(uint32_t reason)
{
    static const char *const names[MEMMAP_REASON_COUNT] = {
        [MEMMAP_EMPTY] = "empty",
        [MEMMAP_WRAPS] = "wraps past 2^64",
        [MEMMAP_BEYOND_LIMIT] = "beyond the physical address limit",
        [MEMMAP_OVERLAP] = "a stricter entry covers it",
        [MEMMAP_UNALIGNED] = "shares a page",
        [MEMMAP_UNKNOWN_TYPE] = "unknown type",
        [MEMMAP_NOT_WRITE_BACK] = "cannot be cached write-back",
        [MEMMAP_SPECIAL_PURPOSE] = "specific-purpose memory",
        [MEMMAP_PAGE_ZERO] = "page zero",
        [MEMMAP_LOW_MEMORY] = "below 1 MiB",
        [MEMMAP_TRAMPOLINE] = "set aside for starting processors",
        [MEMMAP_FRAMEBUFFER] = "framebuffer",
        [MEMMAP_ACPI_TABLE] = "ACPI table in use",
        [MEMMAP_CARVED] = "taken for an owner",
        [MEMMAP_COMMAND_LINE] = "command line",
        [MEMMAP_SILENT] = "no memory answers",
    };

    return reason < MEMMAP_REASON_COUNT ? names[reason] : "unknown reason";
}

/* --- lines ------------------------------------------------------------------------------- */

void memmap_print_row(struct print_sink *sink, const struct region *region)
{
    print_to(sink, "BIOS-e820: [mem 0x%016llx-0x%016llx] %s", (unsigned long long)region->base,
             (unsigned long long)(region_end(region) - 1), e820_type_name(region->type));
}

void memmap_print_change(struct print_sink *sink, const struct handoff_change *change)
{
    uint64_t last = change->base + change->size_bytes - (change->size_bytes > 0);

    print_to(sink, "[mem 0x%016llx-0x%016llx] ", (unsigned long long)change->base,
             (unsigned long long)last);
    if (change->from_type == change->to_type)
        print_to(sink, "%s", e820_type_name(change->to_type));
    else
        print_to(sink, "%s -> %s", e820_type_name(change->from_type),
                 e820_type_name(change->to_type));
    print_to(sink, ": %s", memmap_reason_name(change->reason));
}

/* --- totals ------------------------------------------------------------------------------ */

/* The total that rows of `type` count for; only called with the types that a table can have. */
static uint64_t *total_of_type(struct memmap_totals *totals, uint32_t type)
{
    switch (type) {
    case E820_USABLE:
        return &totals->usable;
    case E820_ACPI_DATA:
        return &totals->acpi_data;
    case E820_ACPI_NVS:
        return &totals->acpi_nvs;
    case E820_UNUSABLE:
        return &totals->unusable;
    case E820_PERSISTENT:
        return &totals->persistent;
    case E820_SOFT_RESERVED:
        return &totals->soft_reserved;
    case E820_UNACCEPTED:
        return &totals->unaccepted;
    }
    return &totals->reserved;
}

static void total_add_row(struct memmap_totals *totals, const struct region *row)
{
    uint64_t bytes = row->size_bytes;

    if (region_is_described(row))
        totals->described += bytes;
    else
        totals->added += bytes;
    *total_of_type(totals, row->type) += bytes;
    if (region_is_free(row))
        totals->free += bytes;
    if (row->tag == REGION_TAG_LOW || row->tag == REGION_TAG_TRAMPOLINE)
        totals->low += bytes;
    if (row->type == E820_USABLE)
        totals->highest_usable_end = max_u64(totals->highest_usable_end, region_end(row));
    if (region_is_ram(row))
        totals->highest_ram_end = max_u64(totals->highest_ram_end, region_end(row));
}

void memmap_total(const struct memmap *map, struct memmap_totals *totals)
{
    *totals = (struct memmap_totals){ 0 };
    for (size_t i = 0; i < map->count; i++)
        total_add_row(totals, &map->regions[i]);
}
