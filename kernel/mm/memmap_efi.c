/* SPDX-License-Identifier: BSD-2-Clause
 *
 * memmap_efi.c - what a UEFI memory descriptor stands for.
 *
 * One table says for every type what it becomes, who holds it and whether there is RAM behind it
 * (UEFI 2.10, 7.2, tables 7.10 "Memory Type Usage before/after ExitBootServices"). Attributes are
 * capabilities, not states, and real firmware is careless with them: runtime memory lacks RUNTIME,
 * boot services memory has it. So the type decides, and attributes can only take away:
 *
 *   - usable memory that cannot be cached write-back is reserved: nobody can use it as RAM;
 *   - else usable memory for a special purpose (SP: high-bandwidth, CXL) is soft reserved;
 *   - RUNTIME adds REGION_RUNTIME, which keeps a usable row from being free;
 *   - without WB nothing counts as RAM, so the direct map does not touch it: flash that the
 *     runtime services write to is "runtime data", too.
 *
 * Descriptors are read with memcpy, step by step of the size that the firmware gives, which is
 * more than the structure's: buffers and steps may have any alignment. Cost: O(1) a descriptor.
 */
#include "lib/bits.h"
#include "lib/string.h"
#include "memmap_private.h"

struct efi_rule {
    uint32_t type; /* E820 */
    uint16_t tag;
    bool may_be_ram;
    bool is_runtime;
};

static const struct efi_rule rules[] = {
    [EFI_TYPE_RESERVED] = { E820_RESERVED, REGION_TAG_NONE, false, false },
    [EFI_TYPE_LOADER_CODE] = { E820_USABLE, REGION_TAG_LOADER, true, false },
    [EFI_TYPE_LOADER_DATA] = { E820_USABLE, REGION_TAG_LOADER, true, false },
    [EFI_TYPE_BOOT_SERVICES_CODE] = { E820_USABLE, REGION_TAG_BOOT_SERVICES, true, false },
    [EFI_TYPE_BOOT_SERVICES_DATA] = { E820_USABLE, REGION_TAG_BOOT_SERVICES, true, false },
    [EFI_TYPE_RUNTIME_SERVICES_CODE] = { E820_RESERVED, REGION_TAG_FIRMWARE, true, true },
    [EFI_TYPE_RUNTIME_SERVICES_DATA] = { E820_RESERVED, REGION_TAG_FIRMWARE, true, true },
    [EFI_TYPE_CONVENTIONAL] = { E820_USABLE, REGION_TAG_NONE, true, false },
    [EFI_TYPE_UNUSABLE] = { E820_UNUSABLE, REGION_TAG_NONE, false, false },
    [EFI_TYPE_ACPI_RECLAIM] = { E820_ACPI_DATA, REGION_TAG_NONE, true, false },
    [EFI_TYPE_ACPI_NVS] = { E820_ACPI_NVS, REGION_TAG_NONE, true, false },
    [EFI_TYPE_MMIO] = { E820_RESERVED, REGION_TAG_DEVICE, false, false },
    [EFI_TYPE_MMIO_PORT_SPACE] = { E820_RESERVED, REGION_TAG_DEVICE, false, false },
    [EFI_TYPE_PAL_CODE] = { E820_RESERVED, REGION_TAG_NONE, false, false },
    [EFI_TYPE_PERSISTENT] = { E820_PERSISTENT, REGION_TAG_NONE, false, false },
    [EFI_TYPE_UNACCEPTED] = { E820_UNACCEPTED, REGION_TAG_NONE, false, false },
};

static const struct efi_rule unknown_rule = { E820_RESERVED, REGION_TAG_NONE, false, false };

static const struct {
    uint64_t attribute;
    uint16_t flag;
} attribute_flags[] = {
    { EFI_ATTRIBUTE_UC, REGION_UC },
    { EFI_ATTRIBUTE_WC, REGION_WC },
    { EFI_ATTRIBUTE_WT, REGION_WT },
    { EFI_ATTRIBUTE_WB, REGION_WB },
    { EFI_ATTRIBUTE_NV, REGION_NON_VOLATILE },
    { EFI_ATTRIBUTE_MORE_RELIABLE, REGION_MORE_RELIABLE },
    { EFI_ATTRIBUTE_SP, REGION_SPECIAL },
    { EFI_ATTRIBUTE_RUNTIME, REGION_RUNTIME },
};

static uint16_t flags_from(const struct efi_rule *rule, uint64_t attributes)
{
    uint32_t flags = rule->is_runtime ? REGION_RUNTIME : 0;

    for (size_t i = 0; i < ARRAY_COUNT(attribute_flags); i++)
        if ((attributes & attribute_flags[i].attribute) != 0)
            flags |= attribute_flags[i].flag;
    return (uint16_t)flags;
}

/* What the attributes take away from the type. */
/*@ requires \valid(conversion);
  @ assigns conversion->region.type, conversion->region.tag, conversion->reason;
  @ ensures memory_is_usable(conversion->region.type, \old(conversion->region.type));
  @ ensures conversion->region.type == E820_USABLE ==>
  @   (conversion->region.flags & REGION_WB) != 0 && (conversion->region.flags & REGION_SPECIAL) == 0; */
static void restrict_by_attributes(struct efi_conversion *conversion)
{
    struct region *region = &conversion->region;

    if (region->type != E820_USABLE)
        return;
    if ((region->flags & REGION_WB) == 0) {
        region->type = E820_RESERVED;
        region->tag = REGION_TAG_NONE;
        conversion->reason = MEMMAP_NOT_WRITE_BACK;
    } else if ((region->flags & REGION_SPECIAL) != 0) {
        region->type = E820_SOFT_RESERVED;
        region->tag = REGION_TAG_NONE;
        conversion->reason = MEMMAP_SPECIAL_PURPOSE;
    }
}

/* Special-purpose memory is RAM, too; but whoever has a purpose for it maps it himself. */
/*@ requires \valid_read(rule) && \valid_read(region);
  @ assigns \nothing;
  @ ensures \result ==> rule->may_be_ram && (region->flags & REGION_WB) != 0; */
static bool is_ram(const struct efi_rule *rule, const struct region *region)
{
    return rule->may_be_ram && (region->flags & REGION_WB) != 0 &&
           region->type != E820_SOFT_RESERVED;
}

void memmap_convert_efi(const struct efi_memory_descriptor *descriptor,
                        struct efi_conversion *conversion)
{
    bool known = descriptor->type < ARRAY_COUNT(rules);
    const struct efi_rule *rule = known ? &rules[descriptor->type] : &unknown_rule;
    struct region *region = &conversion->region;

    *region = (struct region){
        .base = descriptor->physical_start,
        .size_bytes = REGION_SIZE_ABSURD,
        .type = rule->type,
        .flags = flags_from(rule, descriptor->attribute),
        .tag = rule->tag,
        .efi_type = descriptor->type,
    };
    /* A product that does not fit leaves the size absurd. */
    (void)checked_mul(descriptor->page_count, PAGE_SIZE, &region->size_bytes);
    conversion->from_type = known ? rule->type : REGION_TYPE_HOLE;
    conversion->reason = known ? MEMMAP_REASON_COUNT : MEMMAP_UNKNOWN_TYPE;
    restrict_by_attributes(conversion);
    if (is_ram(rule, region))
        region->flags |= REGION_IS_RAM;
}

static enum status add_descriptor(struct memmap *map,
                                  const struct efi_memory_descriptor *descriptor)
{
    struct efi_conversion conversion;
    const struct region *region = &conversion.region;

    memmap_convert_efi(descriptor, &conversion);
    if (conversion.reason != MEMMAP_REASON_COUNT && region->size_bytes != 0)
        memmap_note(map, region->base, region->base + region->size_bytes, conversion.from_type,
                    region->type, conversion.reason);
    return memmap_add(map, region);
}

enum status memmap_add_efi(struct memmap *map, const void *descriptors, size_t map_bytes,
                           size_t descriptor_bytes)
{
    const unsigned char *at = descriptors;
    struct efi_memory_descriptor descriptor;
    enum status status = STATUS_OK;

    if (descriptor_bytes < sizeof(descriptor) || map_bytes % descriptor_bytes != 0)
        return STATUS_CORRUPT;
    if (map_bytes / descriptor_bytes > map->capacity - map->count)
        return STATUS_NO_SPACE;
    for (size_t left = map_bytes; left > 0 && status == STATUS_OK; left -= descriptor_bytes) {
        memcpy(&descriptor, at, sizeof(descriptor));
        status = add_descriptor(map, &descriptor);
        at += descriptor_bytes;
    }
    return status;
}
