/* SPDX-License-Identifier: BSD-2-Clause
 *
 * memory_map.c - the firmware's memory map, and a first look at it.
 *
 * The survey converts the map before anything big is allocated, to learn where RAM is. Later
 * allocations move borders between types that are all RAM; so the direct map that is built from the
 * survey covers what the last map calls RAM, unless the firmware brings memory forward that it
 * did not mention before: conversion_drop_unmapped() takes care of that.
 */
#include "loader.h"

#include "boot/efi_memory.h"
#include "lib/bits.h"
#include "pages.h"
#include "uefi.h"

/* Each allocation may split a descriptor: the map may grow between a question about its size and
 * the next call (UEFI 2.10, 7.2.3). */
#define SPARE_DESCRIPTORS    8u
#define SPARE_SHARE          8u /* and one in so many */
#define PROBE_TRIES          4u

/* The arena holds what the kernel's frame allocator keeps about the machine: records of every GiB
 * that has RAM, and a little for the rest. On small machines it may be no more than a share of RAM.
 * */
#define ARENA_FIXED_BYTES    (64 * KiB)
#define ARENA_BYTES_PER_AREA (552 * KiB)
#define ARENA_AREA_SHIFT     30
#define ARENA_SHARE_OF_RAM   32

enum status memory_map_get(struct firmware_map *map)
{
    UINTN size = map->capacity_bytes;
    UINTN key = 0;
    UINTN descriptor_bytes = 0;
    UINT32 version = 0;
    EFI_STATUS status =
        uefi.boot->GetMemoryMap(&size, map->descriptors, &key, &descriptor_bytes, &version);

    map->size_bytes = size;
    map->descriptor_bytes = descriptor_bytes;
    map->descriptor_version = version;
    map->key = key;
    return uefi_status(status);
}

size_t memory_map_room(size_t map_bytes, size_t descriptor_bytes, size_t splits)
{
    size_t count = map_bytes / descriptor_bytes + 2 * splits;

    return (count + count / SPARE_SHARE + SPARE_DESCRIPTORS) * descriptor_bytes;
}

/* A buffer for a map of the size that was just asked for, and some more. */
static enum status take_buffer(struct firmware_map *map, struct refusal *refusal)
{
    paddr_t buffer;

    if (map->descriptors != NULL)
        pages_free(pa((uintptr_t)map->descriptors));
    map->descriptors = NULL;
    map->capacity_bytes = memory_map_room(map->size_bytes, map->descriptor_bytes, 1);
    if (pages_allocate(map->capacity_bytes, PAGES_ANYWHERE, REGION_TAG_LOADER, &buffer) !=
        STATUS_OK)
        return refuse(refusal, STATUS_NO_MEMORY, "Use a machine with more memory.",
                      "no memory for the firmware's map");
    map->descriptors = pages_pointer(buffer);
    return STATUS_OK;
}

/* The first call only asks for the size; each buffer may split a descriptor again. */
static enum status take_map(struct firmware_map *map, struct refusal *refusal)
{
    enum status status = STATUS_NO_SPACE;

    *map = (struct firmware_map){ 0 };
    for (unsigned i = 0; i < PROBE_TRIES && status == STATUS_NO_SPACE; i++) {
        if (i > 0 && take_buffer(map, refusal) != STATUS_OK)
            return STATUS_NO_MEMORY;
        status = memory_map_get(map);
        if ((status == STATUS_OK || status == STATUS_NO_SPACE) &&
            map->descriptor_bytes < sizeof(struct efi_memory_descriptor))
            return refuse(refusal, STATUS_CORRUPT, "Update the firmware.",
                          "its memory descriptors have %zu bytes instead of %zu or more",
                          map->descriptor_bytes, sizeof(struct efi_memory_descriptor));
    }
    if (status != STATUS_OK)
        return refuse(refusal, status, "Update the firmware.",
                      "the firmware does not give its memory map: %s", status_name(status));
    return STATUS_OK;
}

static enum status make_table(struct memmap *map, const struct firmware_map *firmware,
                              bool with_changes, uint64_t limit, struct refusal *refusal)
{
    size_t rows = conversion_region_capacity(firmware->size_bytes, firmware->descriptor_bytes, 0);
    size_t notes = with_changes ? conversion_change_capacity(firmware->size_bytes,
                                                             firmware->descriptor_bytes, 0)
                                : 0;
    size_t row_bytes = rows * sizeof(struct region);
    paddr_t base;
    uint8_t *table;

    if (pages_allocate(row_bytes + notes * sizeof(struct handoff_change), PAGES_ANYWHERE,
                       REGION_TAG_LOADER, &base) != STATUS_OK)
        return refuse(refusal, STATUS_NO_MEMORY, "Use a machine with more memory.",
                      "no memory for the table of regions");
    table = pages_pointer(base);
    memmap_init(map, (struct region *)(void *)table, rows,
                notes > 0 ? (struct handoff_change *)(void *)(table + row_bytes) : NULL, notes,
                limit);
    return STATUS_OK;
}

static enum status take_snapshot(struct loader *loader, bool with_changes,
                                 struct memory_snapshot *snapshot)
{
    struct conversion_facts facts = { .framebuffer = &loader->framebuffer,
                                      .acpi_rsdp = loader->machine.acpi_rsdp,
                                      .smbios = loader->machine.smbios };
    struct refusal *refusal = &loader->refusal;
    enum status status;

    *snapshot = (struct memory_snapshot){ 0 };
    status = take_map(&snapshot->firmware, refusal);
    if (status == STATUS_OK)
        status = make_table(&snapshot->map, &snapshot->firmware, with_changes,
                            (uint64_t)1 << loader->machine.physical_bits, refusal);
    if (status != STATUS_OK)
        return status;
    status = conversion_run(&snapshot->map, &snapshot->firmware, &facts);
    if (status != STATUS_OK)
        return refuse(refusal, status, "Update the firmware.",
                      "the firmware's memory map makes no sense: %s", status_name(status));
    return STATUS_OK;
}

enum status memory_snapshot_take(struct loader *loader, struct memory_snapshot *snapshot)
{
    enum status status = take_snapshot(loader, true, snapshot);

    if (status != STATUS_OK)
        memory_snapshot_release(snapshot);
    return status;
}

void memory_snapshot_release(struct memory_snapshot *snapshot)
{
    if (snapshot->map.regions != NULL)
        pages_free(pa((uintptr_t)snapshot->map.regions));
    if (snapshot->firmware.descriptors != NULL)
        pages_free(pa((uintptr_t)snapshot->firmware.descriptors));
    *snapshot = (struct memory_snapshot){ 0 };
}

enum status memory_survey(struct loader *loader)
{
    struct memory_snapshot snapshot;
    enum status status = take_snapshot(loader, false, &snapshot);

    if (status != STATUS_OK)
        return status;
    loader->survey = snapshot.map;
    loader->map_bytes = snapshot.firmware.size_bytes;
    loader->descriptor_bytes = snapshot.firmware.descriptor_bytes;
    memmap_total(&loader->survey, &loader->totals);
    if (loader->totals.usable == 0)
        return refuse(&loader->refusal, STATUS_NO_MEMORY, "Update the firmware.",
                      "the firmware's memory map has no usable memory");
    return STATUS_OK;
}

/* Areas of 1 GiB that have RAM in them. */
static uint64_t count_areas(const struct memmap *map)
{
    uint64_t next = 0; /* the first area that is not counted yet */
    uint64_t count = 0;

    for (size_t i = 0; i < map->count; i++) {
        const struct region *row = &map->regions[i];
        uint64_t first = max_u64(next, row->base >> ARENA_AREA_SHIFT);
        uint64_t end = ((row->base + row->size_bytes - 1) >> ARENA_AREA_SHIFT) + 1;

        if (row->type == E820_USABLE && end > first) {
            count += end - first;
            next = end;
        }
    }
    return count;
}

/* Less than was wanted, or nothing, is no failure: the kernel then looks for memory itself. */
enum status memory_take_arena(struct loader *loader)
{
    uint64_t wanted = ARENA_FIXED_BYTES + ARENA_BYTES_PER_AREA * count_areas(&loader->survey);
    uint64_t bytes = min_u64(wanted, loader->totals.usable / ARENA_SHARE_OF_RAM);

    for (bytes = align_down(bytes, PAGE_SIZE); bytes > 0;
         bytes = align_down(bytes / 2, PAGE_SIZE)) {
        if (pages_allocate(bytes, PAGES_ANYWHERE, REGION_TAG_ARENA, &loader->arena_base) ==
            STATUS_OK) {
            loader->arena_bytes = bytes;
            break;
        }
    }
    return STATUS_OK;
}
