/* SPDX-License-Identifier: BSD-2-Clause
 *
 * address_space.c - see address_space.h. Decides addresses, and says what is mapped where; the
 * entries themselves are written by the walker of kernel/mm.
 *
 * Leaves of 2 MiB and 1 GiB depend on virtual and physical addresses agreeing in their low bits:
 * the direct map slides by whole GiB, the framebuffer keeps its offset within 2 MiB, and an image
 * of 2 MiB or more slides by 2 MiB.
 *
 * Pure: no firmware call, also built hosted, where tables lie in fake memory.
 */
#include "address_space.h"

#include "lib/bits.h"
#include "mm/layout.h"
#include "mm/memmap.h"

#define LARGE_LEAF_BYTES  (2 * MiB)
#define DIRECT_SLIDE_STEP GiB

#define ADVICE_MEMORY     "Use a machine with more memory, or a smaller kernel."

/* --- where things go --------------------------------------------------------------------- */

static uint64_t least_step(const struct elf_image *image)
{
    return image->size_bytes >= LARGE_LEAF_BYTES ? LARGE_LEAF_BYTES : PAGE_SIZE;
}

enum status address_space_place_image(const struct elf_image *image, bool slide, uint64_t random,
                                      uint64_t *address)
{
    uint64_t step = max_u64(image->alignment, least_step(image));
    uint64_t first = LAYOUT_IMAGE_START + (image->base & (step - 1));
    uint64_t last = LAYOUT_IMAGE_START + LAYOUT_IMAGE_BYTES - image->size_bytes;
    bool linked_inside = image->base >= LAYOUT_IMAGE_START && image->base <= last;

    if (!image->relocatable) {
        *address = image->base;
        return STATUS_OK;
    }
    if (image->size_bytes > LAYOUT_IMAGE_BYTES || first > last)
        return STATUS_NO_SPACE;
    if (slide)
        *address = first + random % ((last - first) / step + 1) * step;
    else
        *address = linked_inside ? image->base : first;
    return STATUS_OK;
}

void address_space_align_image(const struct elf_image *image, uint64_t *alignment, uint64_t *phase)
{
    *alignment = least_step(image);
    *phase = image->base & (*alignment - 1);
}

uint64_t address_space_place_direct_map(uint64_t ram_end, bool slide, uint64_t random)
{
    uint64_t span = align_up(min_u64(ram_end, LAYOUT_DIRECT_MAP_BYTES), DIRECT_SLIDE_STEP);
    uint64_t places = (LAYOUT_DIRECT_MAP_BYTES - span) / DIRECT_SLIDE_STEP + 1;

    return LAYOUT_DIRECT_MAP_START + (slide ? random % places * DIRECT_SLIDE_STEP : 0);
}

uint64_t address_space_place_framebuffer(uint64_t base)
{
    return LAYOUT_AREAS_START + (base & (LARGE_LEAF_BYTES - 1));
}

bool address_space_next_ram(const struct region *regions, size_t count, size_t *index,
                            uint64_t *start, uint64_t *end)
{
    while (*index < count && !region_is_ram(&regions[*index]))
        (*index)++;
    if (*index == count || regions[*index].base >= LAYOUT_DIRECT_MAP_BYTES)
        return false;
    *start = regions[*index].base;
    *end = *start;
    while (*index < count && regions[*index].base == *end && region_is_ram(&regions[*index])) {
        *end += regions[*index].size_bytes;
        (*index)++;
    }
    *end = min_u64(*end, LAYOUT_DIRECT_MAP_BYTES);
    return true;
}

/* --- mapping ----------------------------------------------------------------------------- */

static enum status map_direct(struct page_table *table, const struct address_space *space)
{
    size_t index = 0;
    uint64_t start;
    uint64_t end;

    while (address_space_next_ram(space->regions, space->region_count, &index, &start, &end)) {
        enum status status = pt_map(table, va(space->direct_map_va + start), pa(start), end - start,
                                    PT_WRITE | PT_GLOBAL);

        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static unsigned segment_flags(const struct elf_segment *segment)
{
    return PT_GLOBAL | ((segment->rights & ELF_WRITE) != 0 ? PT_WRITE : 0u) |
           ((segment->rights & ELF_EXECUTE) != 0 ? PT_EXECUTE : 0u);
}

/* A segment at its own address, and its frames in the direct map without a right to write that
 * the segment does not have: code must have no writable alias. */
static enum status map_segment(struct page_table *table, const struct address_space *space,
                               const struct elf_segment *segment)
{
    uint64_t start = align_down(segment->start, PAGE_SIZE);
    uint64_t size = align_up(segment->start + segment->memory_bytes, PAGE_SIZE) - start;
    uint64_t target = pa_value(space->image_base) + start;
    enum status status =
        pt_map(table, va(space->image_va + start), pa(target), size, segment_flags(segment));

    if (status != STATUS_OK || (segment->rights & ELF_WRITE) != 0)
        return status;
    return pt_protect(table, va(space->direct_map_va + target), size, PT_GLOBAL, NULL);
}

static enum status map_image(struct page_table *table, const struct address_space *space)
{
    for (unsigned i = 0; i < space->image->segment_count; i++) {
        enum status status = map_segment(table, space, &space->image->segments[i]);

        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static enum status map_framebuffer(struct page_table *table, const struct address_space *space)
{
    uint64_t start = align_down(space->framebuffer_base, PAGE_SIZE);
    uint64_t end = align_up(space->framebuffer_base + space->framebuffer_bytes, PAGE_SIZE);

    if (space->framebuffer_bytes == 0)
        return STATUS_OK;
    return pt_map(table, va(align_down(space->framebuffer_va, PAGE_SIZE)), pa(start), end - start,
                  PT_WRITE | PT_GLOBAL | PT_WRITE_COMBINING);
}

/* The tables of the jump come from pages of their own, so that the kernel can free them. */
static enum status map_jump(struct page_table *table, const struct address_space *space)
{
    const struct pt_memory *memory = table->memory;
    enum status status;

    table->memory = space->jump_memory;
    status = pt_map(table, va(pa_value(space->jump_page)), space->jump_page, PAGE_SIZE,
                    PT_EXECUTE | PT_SMALL);
    table->memory = memory;
    return status;
}

static enum status check(enum status status, const char *what, struct refusal *refusal)
{
    if (status == STATUS_OK)
        return status;
    return refuse(refusal, status, ADVICE_MEMORY, "the %s could not be mapped: %s", what,
                  status_name(status));
}

enum status address_space_build(struct page_table *table, const struct address_space *space,
                                struct refusal *refusal)
{
    enum status status = check(pt_create(table), "root", refusal);

    if (status == STATUS_OK)
        status = check(map_direct(table, space), "memory", refusal);
    if (status == STATUS_OK)
        status = check(map_image(table, space), "kernel", refusal);
    if (status == STATUS_OK)
        status = check(pt_map(table, va(space->stack_va), space->stack_base, space->stack_bytes,
                              PT_WRITE | PT_GLOBAL),
                       "stack", refusal);
    if (status == STATUS_OK)
        status = check(map_framebuffer(table, space), "framebuffer", refusal);
    if (status == STATUS_OK)
        status = check(map_jump(table, space), "jump", refusal);
    return status;
}
