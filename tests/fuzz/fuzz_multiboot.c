/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fuzz_multiboot.c - information blocks of Multiboot loaders, with E820 maps of any quality: each becomes a
 * handoff that passes every check of the kernel, or is refused. A handoff may fail the checks only where
 * the map leaves no free memory, or tells of none below the kernel's own image.
 *
 *     input    the block; what lies behind it in memory. Pointers and lengths in it mean places in there
 */
#include "fuzz.h"

#include "boot/multiboot.h"
#include "mm/handoff_adopt.h"
#include "tests/unit/multiboot_known.h"

#define HANDOFF_BYTES 0x8000u

struct memory {
    const uint8_t *bytes;
    size_t size_bytes;
};

static bool read_memory(void *context, uint64_t address, void *to, size_t size_bytes)
{
    const struct memory *memory = context;

    if (address < BLOCK_BASE || size_bytes > memory->size_bytes ||
        address - BLOCK_BASE > memory->size_bytes - size_bytes)
        return false;
    memcpy(to, memory->bytes + (address - BLOCK_BASE), size_bytes);
    return true;
}

/* Into the memory or a little beyond, but for one value in 256, which stays what it is. */
static uint32_t point(uint32_t value, size_t size)
{
    if (value >> 24 == 0xff)
        return value;
    return BLOCK_BASE + value % (uint32_t)(size + 8);
}

static void aim(struct multiboot_info *info, size_t size)
{
    info->command_line = point(info->command_line, size);
    info->loader_name = point(info->loader_name, size);
    info->modules = point(info->modules, size);
    info->map = point(info->map, size);
    if (info->map_bytes >> 24 != 0xff)
        info->map_bytes %= (uint32_t)(size + 8);
    if (info->module_count >> 24 != 0xff)
        info->module_count %= 8;
}

static const struct handoff_regions *find_regions(const struct handoff *handoff)
{
    const uint8_t *at = (const uint8_t *)handoff + handoff->header_bytes;

    for (uint32_t i = 0; i < handoff->record_count; i++) {
        const struct handoff_record *record = (const void *)at;

        if (record->type == HANDOFF_RECORD_REGIONS)
            return (const void *)record;
        at += handoff_record_stride(record);
    }
    return NULL;
}

/* Whether there is free memory, and the kernel's image is in the table. */
static bool is_bootable(const struct handoff *handoff)
{
    const struct handoff_regions *table = find_regions(handoff);
    bool some = false;
    uint64_t image = 0;

    FUZZ_CHECK(table != NULL);
    for (uint32_t i = 0; i < table->count; i++) {
        const struct region *row = &table->regions[i];

        some |= region_is_free(row);
        if (row->type == E820_USABLE && row->base >= KERNEL_BASE &&
            row->base + row->size_bytes <= KERNEL_BASE + KERNEL_BYTES)
            image += row->size_bytes;
    }
    return some && image == KERNEL_BYTES;
}

static void check_handoff(void *block)
{
    struct handoff_view view;
    struct memmap_totals totals;

    if (handoff_adopt(block, HANDOFF_BYTES, &view) != STATUS_OK) {
        FUZZ_CHECK(!is_bootable(block));
        return;
    }
    for (size_t i = 0; i < view.map.count; i++) {
        const struct region *row = &view.map.regions[i];

        FUZZ_CHECK(!region_is_free(row) || row->base >= KERNEL_BASE + KERNEL_BYTES ||
                   row->base + row->size_bytes <= KERNEL_BASE);
    }
    memmap_total(&view.map, &totals);
    FUZZ_CHECK(totals.free <= totals.usable);
    for (size_t i = 0; i < view.module_count; i++)
        FUZZ_CHECK(handoff_module_at(&view, i) != NULL);
}

void fuzz_run(const uint8_t *data, size_t size)
{
    struct feed feed = { data, size };
    struct memory memory;
    struct multiboot_source source = { MULTIBOOT_LOADER_MAGIC, BLOCK_BASE, read_memory, &memory };
    struct multiboot_info info;
    uint8_t *bytes;
    char line[64];
    void *block;

    memory.size_bytes = size < sizeof(info) / 2 ? size : sizeof(info) + feed.left;
    feed_copy(&feed, &info, sizeof(info));
    if (memory.size_bytes > sizeof(info))
        memory.size_bytes = sizeof(info) + feed.left;
    aim(&info, memory.size_bytes);
    bytes = fuzz_room(FUZZ_INPUT, memory.size_bytes);
    memcpy(bytes, &info, memory.size_bytes < sizeof(info) ? memory.size_bytes : sizeof(info));
    if (memory.size_bytes > sizeof(info))
        memcpy(bytes + sizeof(info), feed.bytes, feed.left);
    memory.bytes = bytes;
    block = fuzz_room(FUZZ_BLOCK, HANDOFF_BYTES);
    multiboot_read_command_line(&source, line, sizeof(line));
    FUZZ_CHECK(strlen(line) < sizeof(line));
    if (multiboot_make_handoff(&source, &multiboot_known, block, HANDOFF_BYTES) == STATUS_OK)
        check_handoff(block);
}
