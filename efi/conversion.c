/* SPDX-License-Identifier: BSD-2-Clause
 *
 * conversion.c - see conversion.h. Pure: no firmware call and no allocation, so that all of it may
 * run between the last memory map and the end of the boot services; also built hosted.
 */
#include "conversion.h"

#include "address_space.h"
#include "firmware_tables.h"
#include "lib/bits.h"

/* Pages below 1 MiB set aside for starting other processors: code, tables, stack, spare. */
#define TRAMPOLINE_PAGES 4u

/* Notes beyond one a descriptor: low memory, framebuffer. */
#define SPARE_CHANGES    32u

static size_t descriptor_count(size_t map_bytes, size_t descriptor_bytes)
{
    return map_bytes / descriptor_bytes;
}

size_t conversion_region_capacity(size_t map_bytes, size_t descriptor_bytes, size_t owned_count)
{
    size_t carves = owned_count + FIRMWARE_TABLES_MAX_CARVES + 1; /* and the framebuffer */

    return memmap_capacity(descriptor_count(map_bytes, descriptor_bytes), carves);
}

size_t conversion_change_capacity(size_t map_bytes, size_t descriptor_bytes, size_t owned_count)
{
    return descriptor_count(map_bytes, descriptor_bytes) + owned_count + SPARE_CHANGES;
}

static enum status carve_framebuffer(struct memmap *map,
                                     const struct handoff_framebuffer *framebuffer)
{
    if (framebuffer->size_bytes == 0)
        return STATUS_OK;
    return memmap_carve(map, framebuffer->base, framebuffer->size_bytes, E820_RESERVED,
                        REGION_TAG_FRAMEBUFFER, MEMMAP_FRAMEBUFFER);
}

static enum status carve_owned(struct memmap *map, const struct conversion_facts *facts)
{
    for (size_t i = 0; i < facts->owned_count; i++) {
        const struct owned_pages *piece = &facts->owned[i];
        enum status status;

        if (piece->tag == REGION_TAG_LOADER)
            continue; /* the firmware's type says so already */
        status = memmap_carve(map, pa_value(piece->base), piece->size_bytes, 0, piece->tag,
                              MEMMAP_CARVED);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

/* The loader's own pieces come first: no page of theirs is low memory for somebody else. A machine
 * without room for a trampoline still runs, on one processor. */
enum status conversion_run(struct memmap *map, const struct firmware_map *firmware,
                           const struct conversion_facts *facts)
{
    enum status status = memmap_add_efi(map, firmware->descriptors, firmware->size_bytes,
                                        firmware->descriptor_bytes);

    if (status == STATUS_OK)
        status = memmap_sanitise(map);
    if (status == STATUS_OK)
        status = carve_framebuffer(map, facts->framebuffer);
    if (status == STATUS_OK)
        status = firmware_tables_keep_acpi(map, facts->acpi_rsdp);
    if (status == STATUS_OK)
        status = firmware_tables_keep_smbios(map, facts->smbios);
    if (status == STATUS_OK)
        status = carve_owned(map, facts);
    if (status == STATUS_OK)
        status = memmap_reserve_low(map, TRAMPOLINE_PAGES);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* The end of the run of `mapped` that holds `address`, or `address` where none does; `next` is
 * where the next run begins. */
static uint64_t mapped_until(const struct region *mapped, size_t count, uint64_t address,
                             uint64_t *next)
{
    size_t index = 0;
    uint64_t start;
    uint64_t end;

    *next = UINT64_MAX;
    while (address_space_next_ram(mapped, count, &index, &start, &end)) {
        if (address < start) {
            *next = start;
            return address;
        }
        if (address < end)
            return end;
    }
    return address;
}

enum status conversion_drop_unmapped(struct memmap *map, const struct region *mapped,
                                     size_t mapped_count)
{
    size_t index = 0;
    uint64_t address = 0;

    /* A carve may split or join rows: look the place up again after each step. */
    while (index < map->count) {
        const struct region *row = &map->regions[index];
        uint64_t row_end = row->base + row->size_bytes;
        uint64_t next;
        uint64_t until;

        address = max_u64(address, row->base);
        if (!region_is_ram(row) || address >= row_end) {
            index++;
            continue;
        }
        until = mapped_until(mapped, mapped_count, address, &next);
        if (until == address) {
            uint64_t end = min_u64(row_end, next);
            enum status status = memmap_carve(map, address, end - address, E820_RESERVED,
                                              REGION_TAG_DEVICE, MEMMAP_CARVED);

            if (status != STATUS_OK)
                return status;
            until = end;
            index = 0;
        }
        address = until;
    }
    return STATUS_OK;
}
