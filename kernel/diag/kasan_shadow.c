/* SPDX-License-Identifier: BSD-2-Clause
 *
 * kasan_shadow.c - a byte for every 8 bytes of the kernel's half, where there is something to tell.
 *
 * The shadow of an address lies at a fixed place (arch_layout.h draws it):
 *
 *     LAYOUT_SHADOW_START + (address - LAYOUT_KERNEL_HALF) / 8
 *
 * Three zones have one: the direct map, the heap's window and the image. It is mapped in blocks of 2 MiB, each
 * for 16 MiB of memory, where there is memory; a map of bytes says which blocks are. Everything else is open,
 * and an access to what is not mapped remains the processor's to report. What it costs is an eighth of RAM and
 * an eighth of the heap's window, which KASAN=1 therefore makes smaller.
 */
#include "kasan_private.h"

#include "arch/mmu.h"
#include "diag/kasan.h"
#include "lib/bits.h"
#include "lib/log.h"
#include "lib/string.h"
#include "mm/layout.h"
#include "mm/paging.h"
#include "mm/pmm.h"
#include "mm/vmm.h"

#define BLOCK_BYTES        ((size_t)(2 * MiB)) /* of shadow */
#define BLOCK_ORDER        9                   /* frames of it, as a power of two */
#define BLOCK_MEMORY_BYTES (BLOCK_BYTES * KASAN_GRAIN)
#define ZONE_BLOCKS        4096u /* 64 GiB of memory */

/* kernel.ld */
extern const char kernel_start[], kernel_end[];

enum zone_name { ZONE_DIRECT, ZONE_HEAP, ZONE_IMAGE, ZONES };

struct zone {
    uintptr_t start;
    size_t size_bytes; /* 0: not used yet */
    bool mapped[ZONE_BLOCKS];
};
static struct zone zones[ZONES];

static uintptr_t shadow_address(uintptr_t address)
{
    return LAYOUT_SHADOW_START + (address - LAYOUT_KERNEL_HALF) / KASAN_GRAIN;
}

/* By window, the rarest last. */
static const struct zone *zone_of(uintptr_t address)
{
    if (address < LAYOUT_SHADOW_START)
        return &zones[ZONE_DIRECT];
    if (address >= LAYOUT_IMAGE_START)
        return &zones[ZONE_IMAGE];
    return address - LAYOUT_HEAP_START < LAYOUT_HEAP_BYTES ? &zones[ZONE_HEAP] : NULL;
}

uint8_t *kasan_shadow(uintptr_t address)
{
    const struct zone *zone = zone_of(address);
    uintptr_t offset;

    if (zone == NULL)
        return NULL;
    offset = address - zone->start;
    if (offset >= zone->size_bytes || !zone->mapped[offset / BLOCK_MEMORY_BYTES])
        return NULL;
    return va_ptr(va(shadow_address(address)));
}

/* --- opening and closing ------------------------------------------------------------------- */

/* Memory whose shadow is a page: it is mapped as a whole, or not at all. */
#define PAGE_MEMORY_BYTES (PAGE_SIZE * KASAN_GRAIN)

/* The shadow of [start, end), both multiples of KASAN_GRAIN. */
static void fill(uintptr_t start, uintptr_t end, uint8_t byte)
{
    while (start < end) {
        uintptr_t stop = align_down(start, PAGE_MEMORY_BYTES) + PAGE_MEMORY_BYTES;
        uint8_t *shadow = kasan_shadow(start);

        if (stop > end)
            stop = end;
        if (shadow != NULL)
            memset(shadow, byte, (stop - start) / KASAN_GRAIN);
        start = stop;
    }
}

void kasan_open(const void *start, size_t size_bytes)
{
    uintptr_t address = (uintptr_t)start;
    size_t rest = size_bytes % KASAN_GRAIN;
    uintptr_t end = address + size_bytes - rest;

    fill(address, end, SHADOW_OPEN);
    if (rest != 0)
        fill(end, end + KASAN_GRAIN, (uint8_t)rest);
}

void kasan_close(const void *start, size_t size_bytes, enum shadow_kind kind)
{
    fill(align_up((uintptr_t)start, KASAN_GRAIN),
         align_up((uintptr_t)start + size_bytes, KASAN_GRAIN), (uint8_t)kind);
}

/* --- coming about --------------------------------------------------------------------------- */

/* Maps the shadow of a block of memory. Frames of the shadow are never given back. */
static enum status map_block(struct zone *zone, size_t block)
{
    uintptr_t shadow = shadow_address(zone->start + block * BLOCK_MEMORY_BYTES);
    pfn_t frames;
    enum status status = pmm_alloc(BLOCK_ORDER, FRAME_KERNEL, &frames);

    if (status != STATUS_OK)
        return status;
    status = paging_map(va(shadow), pfn_to_pa(frames), BLOCK_BYTES, PT_WRITE | PT_GLOBAL);
    if (status != STATUS_OK)
        return status;
    memset(va_ptr(va(shadow)), SHADOW_OPEN, BLOCK_BYTES);
    zone->mapped[block] = true;
    return STATUS_OK;
}

/* The shadow of [start, + size) in a zone, as far as it reaches. */
static enum status map_range(struct zone *zone, uintptr_t start, uint64_t size_bytes)
{
    size_t first = (start - zone->start) / BLOCK_MEMORY_BYTES;
    uint64_t end = (start - zone->start + size_bytes + BLOCK_MEMORY_BYTES - 1) / BLOCK_MEMORY_BYTES;
    enum status status = STATUS_OK;

    for (size_t block = first; block < end && block < ZONE_BLOCKS && status == STATUS_OK; block++)
        if (!zone->mapped[block])
            status = map_block(zone, block);
    return status;
}

/* Shadow is mapped in pages. */
static struct zone *make_zone(enum zone_name name, uintptr_t start)
{
    zones[name].start = align_down(start, PAGE_MEMORY_BYTES);
    return &zones[name];
}

/* Its blocks are known now, and it is looked at up to `end`. */
static void open_zone(struct zone *zone, uintptr_t end)
{
    size_t size_bytes = end - zone->start;

    zone->size_bytes = size_bytes < ZONE_BLOCKS * BLOCK_MEMORY_BYTES
                           ? size_bytes
                           : ZONE_BLOCKS * BLOCK_MEMORY_BYTES;
}

static enum status map_memory(const struct memmap *map)
{
    struct zone *zone = make_zone(ZONE_DIRECT, (uintptr_t)arch_phys_ptr(pa(0)));
    enum status status = STATUS_OK;

    for (size_t i = 0; i < map->count && status == STATUS_OK; i++)
        if (region_is_ram(&map->regions[i]))
            status = map_range(zone, zone->start + (uintptr_t)map->regions[i].base,
                               map->regions[i].size_bytes);
    open_zone(zone, LAYOUT_DIRECT_MAP_START + LAYOUT_DIRECT_MAP_BYTES);
    return status;
}

static enum status map_zone(enum zone_name name, uintptr_t start, size_t size_bytes)
{
    struct zone *zone = make_zone(name, start);
    enum status status = map_range(zone, start, size_bytes);

    open_zone(zone, start + size_bytes);
    return status;
}

static bool close_frames(void *context, pfn_t first, uint64_t count_frames)
{
    (void)context;
    kasan_close(arch_phys_ptr(pfn_to_pa(first)), (size_t)count_frames << PAGE_SHIFT, SHADOW_FRAME);
    return true;
}

/* To the address space the window is one area. */
static enum status reserve_window(void)
{
    const struct vm_request window = { .address = va(LAYOUT_SHADOW_START),
                                       .size_bytes = LAYOUT_SHADOW_BYTES,
                                       .rights = PT_WRITE,
                                       .kind = VM_WINDOW,
                                       .flags = VM_EXACT,
                                       .name = "shadow" };
    vaddr_t start;

    return vm_map(vm_kernel(), &window, &start);
}

enum status kasan_start(const struct memmap *map, vaddr_t heap, size_t heap_bytes)
{
    uintptr_t image = (uintptr_t)kernel_start;
    enum status status = reserve_window();

    if (status == STATUS_OK)
        status = map_memory(map);
    if (status == STATUS_OK)
        status = map_zone(ZONE_HEAP, va_value(heap), heap_bytes);
    if (status == STATUS_OK)
        status = map_zone(ZONE_IMAGE, image, (uintptr_t)kernel_end - image);
    if (status != STATUS_OK)
        return status;
    pmm_drain();
    pmm_visit_free(close_frames, NULL);
    kasan_register_variables();
    kasan_on = true;
    log_info("KASAN: every access to memory is checked");
    return STATUS_OK;
}
