/* SPDX-License-Identifier: BSD-2-Clause
 *
 * conversion.h - from the firmware's map to the table that the kernel gets.
 *
 * The same conversion runs twice: early, so that the loader knows the machine's RAM, and on the
 * last map, whose result goes along.
 */
#ifndef MERIDIAN_EFI_CONVERSION_H
#define MERIDIAN_EFI_CONVERSION_H

#include "boot/handoff.h"
#include "lib/status.h"
#include "mm/memmap.h"
#include "pages.h"

/* A firmware map as GetMemoryMap() wrote it. */
struct firmware_map {
    void *descriptors;
    size_t capacity_bytes;
    size_t size_bytes;
    size_t descriptor_bytes;
    uint32_t descriptor_version;
    uint64_t key;
};

/* What the loader knows beyond the firmware's map. */
struct conversion_facts {
    const struct handoff_framebuffer *framebuffer; /* size 0 where there is none */
    const struct owned_pages *owned;
    size_t owned_count;
    uint64_t acpi_rsdp; /* 0 where there is none */
    uint64_t smbios;
};

/* Rows and notes that a map of so many bytes needs at worst. */
size_t conversion_region_capacity(size_t map_bytes, size_t descriptor_bytes, size_t owned_count);
size_t conversion_change_capacity(size_t map_bytes, size_t descriptor_bytes, size_t owned_count);

/* Fills the (initialised) `map`. The statuses of memmap_add_efi() and memmap_sanitise(). */
enum status conversion_run(struct memmap *map, const struct firmware_map *firmware,
                           const struct conversion_facts *facts);

/* Makes RAM of `map` that is in no run of `mapped` reserved, a device's as far as the kernel cares:
 * it turned up after the direct map was built (or lies beyond what that can hold), and the kernel
 * would fault on it. Both are sanitised tables. */
enum status conversion_drop_unmapped(struct memmap *map, const struct region *mapped,
                                     size_t mapped_count);

#endif
