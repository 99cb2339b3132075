/* SPDX-License-Identifier: BSD-2-Clause
 *
 * model.c - addresses and totals, as the dashboard shows them.
 *
 * A bar has fewer slices than a table of memory may have rows, so each slice says what most of its
 * bytes are. Slices and rows are both sorted: one pass over both.
 */
#include "view/model.h"

#include "lib/bits.h"
#include "lib/wide.h"

#define BAR_ALIGNMENT  ((uint64_t)2 << 20)
#define SPACE_AT_LEAST ((uint64_t)4 << 30)

/* --- kinds ------------------------------------------------------------------------------- */

static enum view_kind kind_of_tag(uint16_t tag)
{
    switch ((enum region_tag)tag) {
    case REGION_TAG_KERNEL:
    case REGION_TAG_PAGE_TABLES:
    case REGION_TAG_JUMP:
    case REGION_TAG_STACK:
    case REGION_TAG_HANDOFF:
    case REGION_TAG_ARENA:
    case REGION_TAG_MODULE:
        return VIEW_KIND_HELD;
    case REGION_TAG_LOW:
    case REGION_TAG_TRAMPOLINE:
        return VIEW_KIND_LOW;
    case REGION_TAG_FRAMEBUFFER:
    case REGION_TAG_DEVICE:
        return VIEW_KIND_DEVICE;
    case REGION_TAG_ACPI:
        return VIEW_KIND_ACPI;
    case REGION_TAG_FIRMWARE:
        return VIEW_KIND_FIRMWARE;
    case REGION_TAG_NONE:
    case REGION_TAG_LOADER:
    case REGION_TAG_BOOT_SERVICES:
    case REGION_TAG_USER:
    case REGION_TAG_COUNT:
        break;
    }
    return VIEW_KIND_RESERVED;
}

enum view_kind view_kind_of(const struct region *region)
{
    if (region_is_free(region))
        return VIEW_KIND_USABLE;
    switch (region->type) {
    case E820_ACPI_DATA:
    case E820_ACPI_NVS:
        return VIEW_KIND_ACPI;
    case E820_UNUSABLE:
        return VIEW_KIND_BAD;
    case E820_PERSISTENT:
    case E820_SOFT_RESERVED:
    case E820_UNACCEPTED:
        return VIEW_KIND_SPECIAL;
    default:
        return kind_of_tag(region->tag);
    }
}

const char *view_kind_name(enum view_kind kind)
{
    static const char *const names[VIEW_KIND_COUNT] = {
        [VIEW_KIND_HOLE] = "nothing",
        [VIEW_KIND_USABLE] = "usable",
        [VIEW_KIND_HELD] = "kernel",
        [VIEW_KIND_LOW] = "low memory",
        [VIEW_KIND_ACPI] = "ACPI",
        [VIEW_KIND_FIRMWARE] = "firmware",
        [VIEW_KIND_DEVICE] = "devices",
        [VIEW_KIND_RESERVED] = "reserved",
        [VIEW_KIND_SPECIAL] = "special kind",
        [VIEW_KIND_BAD] = "unusable",
    };

    return names[kind];
}

enum view_colour view_kind_colour(enum view_kind kind)
{
    static const uint8_t colours[VIEW_KIND_COUNT] = {
        [VIEW_KIND_HOLE] = VIEW_HOLE,     [VIEW_KIND_USABLE] = VIEW_USABLE,
        [VIEW_KIND_HELD] = VIEW_KERNEL,   [VIEW_KIND_LOW] = VIEW_CACHE,
        [VIEW_KIND_ACPI] = VIEW_STACK,    [VIEW_KIND_FIRMWARE] = VIEW_FIRMWARE,
        [VIEW_KIND_DEVICE] = VIEW_DEVICE, [VIEW_KIND_RESERVED] = VIEW_RESERVED,
        [VIEW_KIND_SPECIAL] = VIEW_DMA,   [VIEW_KIND_BAD] = VIEW_BAD,
    };

    return (enum view_colour)colours[kind];
}

/* --- slices ------------------------------------------------------------------------------ */

static uint64_t region_end(const struct region *region)
{
    return region->base + region->size_bytes;
}

/* What most of [start, end) is; *row is the first one that may reach into it. */
static enum view_kind kind_of_slice(const struct memmap *map, size_t *row, uint64_t start,
                                    uint64_t end)
{
    uint64_t bytes[VIEW_KIND_COUNT] = { end - start };
    enum view_kind most = VIEW_KIND_HOLE;

    while (*row < map->count && region_end(&map->regions[*row]) <= start)
        (*row)++;
    for (size_t i = *row; i < map->count && map->regions[i].base < end; i++) {
        const struct region *region = &map->regions[i];
        uint64_t part = min_u64(region_end(region), end) - max_u64(region->base, start);

        bytes[view_kind_of(region)] += part;
        bytes[VIEW_KIND_HOLE] -= part;
    }
    for (unsigned kind = 0; kind < VIEW_KIND_COUNT; kind++)
        if (bytes[kind] > bytes[most])
            most = (enum view_kind)kind;
    return most;
}

void view_slices(const struct memmap *map, uint64_t top, uint8_t *kinds, unsigned count)
{
    size_t row = 0;
    uint64_t start = 0;

    for (unsigned i = 0; i < count; i++) {
        uint64_t end = wide_divide(wide_multiply(top, i + 1), count);

        kinds[i] = (uint8_t)kind_of_slice(map, &row, start, end);
        start = end;
    }
}

/* --- totals ------------------------------------------------------------------------------ */

static void count_kinds(struct view_model *model)
{
    uint64_t described = 0;

    for (size_t i = 0; i < model->map->count; i++) {
        const struct region *region = &model->map->regions[i];

        if (region->base >= model->space_end) {
            model->beyond++;
        } else {
            uint64_t bytes = min_u64(region_end(region), model->space_end) - region->base;

            model->kind_bytes[view_kind_of(region)] += bytes;
            described += bytes;
        }
    }
    model->kind_bytes[VIEW_KIND_HOLE] = model->space_end - described;
}

void view_model_fill(struct view_model *model, const struct memmap *map, uint64_t seconds)
{
    struct memmap_totals totals;

    *model = (struct view_model){ .map = map, .seconds = seconds };
    memmap_total(map, &totals);
    model->ram_end = align_up(totals.highest_ram_end, BAR_ALIGNMENT);
    model->space_end = max_u64(model->ram_end, SPACE_AT_LEAST);
    count_kinds(model);
    pmm_get_stats(&model->frames);
    pmm_count_tags(model->tags);
    heap_get_stats(&model->heap);
    while (model->class_count < VIEW_CLASSES_MOST &&
           heap_get_class(model->class_count, &model->classes[model->class_count]))
        model->class_count++;
}
