/* SPDX-License-Identifier: BSD-2-Clause
 *
 * handoff_check.c - whether what a handoff says can be true.
 *
 * The form is right (handoff.c); these are the questions about the content, in this order:
 *
 *   1. the table of memory keeps its invariants, and something in it is free;
 *   2. the firmware's verbatim map agrees that what is usable is usable;
 *   3. what the kernel stands on (its image, stack, page tables, arena, the modules) is memory
 *      that the table knows and does not list as free, or it would be given away;
 *   4. the framebuffer has a geometry that fits into its memory. Firmware gets that wrong, and one
 *      can run without a picture: so this one is left out with a warning, not refused.
 */
#include "handoff_private.h"

#include "lib/bits.h"
#include "lib/log.h"

/* Page tables of 2 (i386) to 5 levels; physical addresses of 32 to 52 bits (Intel SDM vol. 3A,
 * 4.1.4). */
#define TABLE_LEVELS_MIN        2u
#define TABLE_LEVELS_MAX        5u
#define PHYSICAL_BITS_MIN       32u
#define PHYSICAL_BITS_MAX       52u

#define FRAMEBUFFER_PIXEL_BITS  32u
#define FRAMEBUFFER_PIXEL_BYTES 4u

/* --- the table --------------------------------------------------------------------------- */

static void log_bad_row(const struct handoff_regions *regions, size_t row, const char *problem)
{
    const struct region *region;

    if (row >= regions->count) {
        log_error("handoff: regions: %s", problem);
        return;
    }
    region = &regions->regions[row];
    log_error("handoff: region %zu of %u, [mem 0x%016llx, 0x%llx bytes] %s, flags 0x%x, tag %u: %s",
              row, regions->count, (unsigned long long)region->base,
              (unsigned long long)region->size_bytes, e820_type_name(region->type), region->flags,
              region->tag, problem);
}

static enum status adopt_table(const struct handoff_records *records, struct handoff_view *view)
{
    struct handoff_regions *regions = (void *)records->first[HANDOFF_RECORD_REGIONS];
    struct handoff_changes *changes = (void *)records->first[HANDOFF_RECORD_CHANGES];
    uint32_t bits = view->handoff->physical_bits;
    size_t bad_row;
    enum status status;

    if (regions == NULL) {
        log_error("handoff: no record says what memory there is");
        return STATUS_CORRUPT;
    }
    if (bits < PHYSICAL_BITS_MIN || bits > PHYSICAL_BITS_MAX) {
        log_error("handoff: physical addresses of %u bits; %u to %u make sense", bits,
                  PHYSICAL_BITS_MIN, PHYSICAL_BITS_MAX);
        return STATUS_CORRUPT;
    }
    status = memmap_adopt(&view->map, regions, changes, (uint64_t)1 << bits, &bad_row);
    if (status != STATUS_OK)
        log_bad_row(regions, bad_row,
                    "a row must be whole pages, of a known type, below the limit, behind the row "
                    "before it and not equal to it");
    return status;
}

static enum status check_something_free(const struct handoff_view *view)
{
    struct memmap_totals totals;

    memmap_total(&view->map, &totals);
    if (totals.free != 0)
        return STATUS_OK;
    log_error("handoff: not one of %zu regions is free memory", view->map.count);
    return STATUS_CORRUPT;
}

/* --- the firmware's word ----------------------------------------------------------------- */

static enum status cross_check(const struct handoff_records *records, struct handoff_view *view)
{
    const struct handoff_firmware_map *map =
        (const void *)records->first[HANDOFF_RECORD_FIRMWARE_MAP];
    bool is_efi;
    size_t bad_row;
    enum status status;

    if (map == NULL) {
        log_error("handoff: no record has the firmware's own map, the table cannot be checked");
        return STATUS_CORRUPT;
    }
    is_efi = map->format == HANDOFF_MAP_EFI;
    status = (is_efi ? memmap_cross_check_efi : memmap_cross_check_e820)(
        &view->map, map->map, map->map_bytes, map->descriptor_bytes, &bad_row);
    if (status != STATUS_OK)
        log_bad_row((const void *)records->first[HANDOFF_RECORD_REGIONS], bad_row,
                    "the firmware's own map does not say that this memory is usable");
    view->firmware_map = map;
    return status;
}

/* --- what the kernel stands on ----------------------------------------------------------- */

/* The first row that touches [base, end) and is free, or where the table knows nothing; NULL
 * stands for the latter. False when all of it is held. */
static bool find_loose(const struct memmap *map, uint64_t base, uint64_t end,
                       const struct region **row)
{
    while (base < end) {
        *row = memmap_find(map, pa(base));
        if (*row == NULL || region_is_free(*row))
            return true;
        base = (*row)->base + (*row)->size_bytes;
    }
    return false;
}

/* `range` is a contiguous range of whole pages (the size alone may have a rest) that is held. */
static enum status check_range(const struct memmap *map, const char *what, uint64_t base,
                               uint64_t size_bytes)
{
    const struct region *row;
    uint64_t end;
    const char *problem = NULL;

    if (!checked_add(base, size_bytes, &end) || end > map->limit)
        problem = "beyond the physical address limit";
    else if (!is_aligned(base, PAGE_SIZE))
        problem = "not at the start of a page";
    else if (size_bytes == 0)
        problem = "empty";
    else if (find_loose(map, base, end, &row))
        problem = row == NULL ? "not in the table of memory" : "listed as free memory";
    if (problem == NULL)
        return STATUS_OK;
    log_error("handoff: %s [mem 0x%016llx, 0x%llx bytes] is %s: the loader is broken", what,
              (unsigned long long)base, (unsigned long long)size_bytes, problem);
    return STATUS_CORRUPT;
}

/* A module may be an empty file. */
static enum status check_modules(const struct handoff_view *view)
{
    for (size_t i = 0; i < view->module_count; i++) {
        const struct handoff_module *module = handoff_module_at(view, i);
        enum status status = STATUS_OK;

        if (module->size_bytes != 0)
            status = check_range(&view->map, module->name, module->base, module->size_bytes);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static enum status check_ranges(const struct handoff_view *view)
{
    const struct handoff *handoff = view->handoff;
    const struct {
        const char *what;
        uint64_t base;
        uint64_t size_bytes;
        bool may_be_empty;
    } ranges[] = {
        { "the kernel's image", handoff->kernel_base, handoff->kernel_bytes, false },
        { "the kernel's stack", handoff->stack_base, handoff->stack_bytes, false },
        { "the root of the page tables", handoff->table_root, PAGE_SIZE, false },
        { "the arena", handoff->arena_base, handoff->arena_bytes, true },
    };

    for (size_t i = 0; i < ARRAY_COUNT(ranges); i++) {
        enum status status = STATUS_OK;

        if (ranges[i].size_bytes != 0 || !ranges[i].may_be_empty)
            status = check_range(&view->map, ranges[i].what, ranges[i].base, ranges[i].size_bytes);
        if (status != STATUS_OK)
            return status;
    }
    return check_modules(view);
}

static enum status check_mapping(const struct handoff *handoff)
{
    if (handoff->table_levels < TABLE_LEVELS_MIN || handoff->table_levels > TABLE_LEVELS_MAX) {
        log_error("handoff: page tables of %u levels; %u to %u make sense", handoff->table_levels,
                  TABLE_LEVELS_MIN, TABLE_LEVELS_MAX);
        return STATUS_CORRUPT;
    }
    if (!is_aligned(handoff->kernel_va | handoff->direct_map_va | handoff->stack_va, PAGE_SIZE)) {
        log_error("handoff: kernel at 0x%llx, direct map at 0x%llx, stack at 0x%llx: not all are "
                  "multiples of the page size",
                  (unsigned long long)handoff->kernel_va,
                  (unsigned long long)handoff->direct_map_va,
                  (unsigned long long)handoff->stack_va);
        return STATUS_CORRUPT;
    }
    return STATUS_OK;
}

/* --- the framebuffer --------------------------------------------------------------------- */

static const char *framebuffer_problem(const struct handoff_framebuffer *framebuffer,
                                       uint64_t limit)
{
    uint64_t end;

    if (framebuffer->bits_per_pixel != FRAMEBUFFER_PIXEL_BITS)
        return "its pixels do not have 32 bits";
    if (framebuffer->width_pixels == 0 || framebuffer->height_pixels == 0)
        return "it has no pixels";
    if ((uint64_t)framebuffer->width_pixels * FRAMEBUFFER_PIXEL_BYTES > framebuffer->stride_bytes)
        return "its lines are longer than their distance";
    if ((uint64_t)framebuffer->stride_bytes * framebuffer->height_pixels > framebuffer->size_bytes)
        return "it is larger than its memory";
    if (!checked_add(framebuffer->base, framebuffer->size_bytes, &end) || end > limit)
        return "it lies beyond the physical address limit";
    return NULL;
}

static const struct handoff_framebuffer *usable_framebuffer(const struct handoff_records *records,
                                                            uint64_t limit)
{
    const struct handoff_framebuffer *framebuffer =
        (const void *)records->first[HANDOFF_RECORD_FRAMEBUFFER];
    const char *problem = framebuffer == NULL ? NULL : framebuffer_problem(framebuffer, limit);

    if (problem == NULL)
        return framebuffer;
    log_warning("handoff: framebuffer at 0x%llx, 0x%llx bytes, %ux%u, %u bytes a line: %s: going "
                "on without it",
                (unsigned long long)framebuffer->base, (unsigned long long)framebuffer->size_bytes,
                framebuffer->width_pixels, framebuffer->height_pixels, framebuffer->stride_bytes,
                problem);
    return NULL;
}

/* --- interface --------------------------------------------------------------------------- */

enum status handoff_check_meaning(const struct handoff_records *records, struct handoff_view *view)
{
    enum status status = adopt_table(records, view);

    if (status == STATUS_OK)
        status = check_something_free(view);
    if (status == STATUS_OK)
        status = cross_check(records, view);
    if (status == STATUS_OK)
        status = check_mapping(view->handoff);
    if (status == STATUS_OK)
        status = check_ranges(view);
    if (status == STATUS_OK)
        view->framebuffer = usable_framebuffer(records, view->map.limit);
    return status;
}
