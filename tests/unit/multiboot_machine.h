/* SPDX-License-Identifier: BSD-2-Clause
 *
 * multiboot_machine.h - a Multiboot loader for tests: it lays an information block out in memory of
 * its own, which is all that the conversion may read.
 *
 * The memory begins at physical address BLOCK_BASE and is exactly as long as what was put into it, so
 * that the address sanitizer sees whoever reads on.
 */
#ifndef MERIDIAN_MULTIBOOT_MACHINE_H
#define MERIDIAN_MULTIBOOT_MACHINE_H

#include "memmap_fixture.h"
#include "multiboot_known.h"

#include "boot/multiboot.h"
#include "host_log.h"
#include "lib/bits.h"
#include "mm/handoff_adopt.h"

#define LOADER_ROOM 0x40000u
#define BLOCK_BYTES 0x80000u

struct loader {
    struct multiboot_info info;
    unsigned char bytes[LOADER_ROOM]; /* what lies behind the block */
    uint32_t used;
    struct multiboot_source source;
    unsigned char *memory; /* block and bytes, while the conversion runs */
    uint32_t memory_bytes;
    struct handoff known;
    struct handoff *handoff;
    struct handoff_view view;
};

static inline bool loader_read(void *context, uint64_t address, void *to, size_t size_bytes)
{
    struct loader *loader = context;

    if (address < BLOCK_BASE || size_bytes > loader->memory_bytes ||
        address - BLOCK_BASE > loader->memory_bytes - size_bytes)
        return false;
    memcpy(to, loader->memory + (address - BLOCK_BASE), size_bytes);
    return true;
}

/* Puts bytes behind the block and tells their address. */
static inline uint32_t put(struct loader *loader, const void *from, size_t size_bytes)
{
    uint32_t address = BLOCK_BASE + (uint32_t)sizeof(loader->info) + loader->used;

    assert_true(size_bytes <= LOADER_ROOM - loader->used);
    memcpy(loader->bytes + loader->used, from, size_bytes);
    loader->used += (uint32_t)size_bytes;
    return address;
}

/* One entry of a map, of 20 or 24 bytes. */
static inline void put_entry(struct loader *loader, unsigned entry_bytes, uint64_t base,
                             uint64_t size_bytes, uint32_t type)
{
    const struct multiboot_map_entry row = { entry_bytes, { base, size_bytes, type, 1 } };
    uint32_t address = put(loader, &row, sizeof(row.size_bytes) + entry_bytes);

    if (loader->info.map_bytes == 0)
        loader->info.map = address;
    loader->info.map_bytes += (uint32_t)sizeof(row.size_bytes) + entry_bytes;
    loader->info.flags |= MULTIBOOT_HAS_MAP;
}

static inline struct loader *loader_new(void)
{
    struct loader *loader = calloc(1, sizeof(*loader));

    assert_non_null(loader);
    loader->source =
        (struct multiboot_source){ MULTIBOOT_LOADER_MAGIC, BLOCK_BASE, loader_read, loader };
    loader->known = multiboot_known;
    loader->handoff = calloc(1, BLOCK_BYTES);
    assert_non_null(loader->handoff);
    host_log_clear();
    return loader;
}

static inline void loader_free(struct loader *loader)
{
    free(loader->memory);
    free(loader->handoff);
    free(loader);
}

/* Starts the kernel: the conversion, with so many bytes for the handoff. */
static inline enum status make_handoff(struct loader *loader, size_t capacity_bytes)
{
    free(loader->memory);
    loader->memory_bytes = (uint32_t)sizeof(loader->info) + loader->used;
    loader->memory = malloc(loader->memory_bytes);
    assert_non_null(loader->memory);
    memcpy(loader->memory, &loader->info, sizeof(loader->info));
    memcpy(loader->memory + sizeof(loader->info), loader->bytes, loader->used);
    return multiboot_make_handoff(&loader->source, &loader->known, loader->handoff, capacity_bytes);
}

/* What the kernel does: the conversion, then all the checks of a handoff. */
static inline enum status start(struct loader *loader)
{
    enum status status = make_handoff(loader, BLOCK_BYTES);

    return status == STATUS_OK ? handoff_adopt(loader->handoff, BLOCK_BYTES, &loader->view)
                               : status;
}

/* A machine of 64 MiB, as QEMU's BIOS tells it. */
static inline void put_small_machine(struct loader *loader)
{
    put_entry(loader, 20, 0, 0x9fc00, E820_USABLE);
    put_entry(loader, 20, 0x9fc00, 0x400, E820_RESERVED);
    put_entry(loader, 20, 0xf0000, 0x10000, E820_RESERVED);
    put_entry(loader, 20, MiB, 63 * MiB, E820_USABLE);
}

static inline uint64_t free_bytes(const struct loader *loader)
{
    struct memmap_totals totals;

    memmap_total(&loader->view.map, &totals);
    return totals.free;
}

#endif
