/* SPDX-License-Identifier: BSD-2-Clause
 *
 * selftest_memmap.c - the region table is sound, and the frames add up to it.
 */

#include "diag/selftest_case.h"
#include "mm/memmap.h"
#include "mm/pmm.h"

/* --- the table ------------------------------------------------------------------------------- */

static void check_against_firmware(struct selftest *test, const struct memmap *map)
{
    const struct handoff_firmware_map *firmware = test->machine->firmware_map;
    size_t bad_row = 0;

    if (firmware == NULL || firmware->format != HANDOFF_MAP_EFI)
        return;
    (void)selftest_check(test,
                         memmap_cross_check_efi(map, firmware->map, firmware->map_bytes,
                                                firmware->descriptor_bytes, &bad_row) == STATUS_OK,
                         "row %zu is usable here, but not for the firmware", bad_row);
}

/* Memory below 1 MiB is not usable in the table, but the PMM has it for those who ask; ACPI's tables
 * became memory when they had been read. */
static bool may_be_managed(const struct region *row)
{
    return row->type == E820_USABLE || row->type == E820_ACPI_DATA || row->tag == REGION_TAG_LOW;
}

/* At its ends, a row that is free is the PMM's, and a row that is no memory of ours is not. */
static void check_row(struct selftest *test, const struct region *row)
{
    uint64_t ends[] = { row->base, row->base + row->size_bytes - 1 };

    for (size_t i = 0; i < ARRAY_COUNT(ends); i++) {
        struct frame_info info;

        frame_describe(pa_to_pfn(pa(ends[i])), &info);
        (void)selftest_check(test, info.managed || !region_is_free(row),
                             "the frame at 0x%llx is free in the table, but not managed",
                             (unsigned long long)ends[i]);
        (void)selftest_check(test, !info.managed || may_be_managed(row),
                             "the frame at 0x%llx is managed, but %s in the table",
                             (unsigned long long)ends[i], e820_type_name(row->type));
    }
}

static void check_find(struct selftest *test, const struct memmap *map)
{
    uint64_t end = 0;

    for (size_t i = 0; i < map->count; i++) {
        const struct region *row = &map->regions[i];

        (void)selftest_check(test,
                             memmap_find(map, pa(row->base)) == row &&
                                 memmap_find(map, pa(row->base + row->size_bytes - 1)) == row,
                             "row %zu is not found by its addresses", i);
        (void)selftest_check(test, row->base == end || memmap_find(map, pa(end)) == NULL,
                             "a row is found in the hole at 0x%llx", (unsigned long long)end);
        end = row->base + row->size_bytes;
    }
}

void selftest_memmap(struct selftest *test)
{
    const struct memmap *map = &test->machine->map;
    size_t bad_row = 0;

    if (!selftest_check(test, memmap_validate(map, &bad_row) == STATUS_OK,
                        "row %zu breaks the table's rules", bad_row))
        return;
    check_against_firmware(test, map);
    check_find(test, map);
    for (size_t i = 0; i < map->count; i++)
        check_row(test, &map->regions[i]);
}

/* --- the sums -------------------------------------------------------------------------------- */

static bool count_run(void *context, pfn_t first, uint64_t count_frames)
{
    (void)first;
    *(uint64_t *)context += count_frames;
    return true;
}

static void check_equal(struct selftest *test, uint64_t a, uint64_t b, const char *what)
{
    (void)selftest_check(test, a == b, "%s: %llu and %llu", what, (unsigned long long)a,
                         (unsigned long long)b);
}

void selftest_frames(struct selftest *test)
{
    struct memmap_totals totals;
    struct pmm_stats stats;
    uint64_t tags[FRAME_TAG_COUNT];
    uint64_t found = 0;
    uint64_t tagged = 0;

    (void)selftest_free_frames(); /* all caches are empty now */
    memmap_total(&test->machine->map, &totals);
    pmm_get_stats(&stats);
    pmm_visit_free(count_run, &found);
    pmm_count_tags(tags);
    for (unsigned tag = FRAME_FREE + 1; tag < FRAME_TAG_COUNT; tag++)
        tagged += tags[tag];
    check_equal(test, stats.total_frames, totals.described >> PAGE_SHIFT, "total and table");
    check_equal(test, stats.free_frames + stats.used_frames + stats.reserved_frames,
                stats.total_frames, "free + used + reserved and total");
    check_equal(test, stats.free_frames + stats.used_frames, stats.managed_frames,
                "free + used and managed");
    check_equal(test, stats.free_frames, found, "free and found free");
    check_equal(test, stats.used_frames, tagged, "used and tagged");
    (void)selftest_ok(test, pmm_check(), "the PMM's own counts");
}
