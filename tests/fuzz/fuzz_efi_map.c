/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fuzz_efi_map.c - UEFI memory descriptors of any quality become a table that can be trusted.
 *
 * The model knows nothing of sorting: it asks every descriptor what it says of one page, takes the
 * strictest answer, and calls the page usable only when usable descriptors cover all of it. It is asked
 * for the pages on both sides of every border, of descriptors and of rows.
 *
 *     input    first byte: bits of the limit, step between descriptors | descriptors of 4 bytes, or, when
 *              its highest bit is set, of 28 (type, start, pages, attributes)
 */
#include "fuzz.h"

#include "boot/efi_memory.h"
#include "lib/bits.h"
#include "mm/memmap.h"
#include "tests/unit/strictness.h"

#define DESCRIPTORS_MAX 16u
#define STEP_MAX        64u
#define TRAMPOLINE      4u

struct world {
    struct efi_memory_descriptor said[DESCRIPTORS_MAX];
    size_t count;
    size_t step;
    uint64_t limit;
    const void *bytes; /* as the firmware leaves them */
};

/* --- from input to descriptors ----------------------------------------------------------- */

static const uint64_t attributes[] = {
    EFI_ATTRIBUTE_WB,
    EFI_ATTRIBUTE_UC | EFI_ATTRIBUTE_WC | EFI_ATTRIBUTE_WT | EFI_ATTRIBUTE_WB,
    EFI_ATTRIBUTE_WB | EFI_ATTRIBUTE_RUNTIME,
    EFI_ATTRIBUTE_WB | EFI_ATTRIBUTE_SP,
    EFI_ATTRIBUTE_UC,
    0,
    UINT64_MAX,
    EFI_ATTRIBUTE_WB | EFI_ATTRIBUTE_MORE_RELIABLE | EFI_ATTRIBUTE_NV,
};

/* A small world of 256 pages, now and then with a piece of the large one. */
static struct efi_memory_descriptor small_descriptor(struct feed *feed)
{
    uint8_t kind = feed_byte(feed);
    uint8_t odd;
    struct efi_memory_descriptor descriptor = {
        .type = kind & 15,
        .physical_start = (uint64_t)feed_byte(feed) * PAGE_SIZE,
        .page_count = feed_byte(feed),
        .attribute = attributes[kind >> 5],
    };

    odd = feed_byte(feed);
    if ((kind & 16) != 0)
        descriptor.physical_start += (uint64_t)(odd & 7) * 512;
    else if (odd >= 0x80)
        descriptor.physical_start <<= odd & 63;
    else if (odd >= 0x40)
        descriptor.page_count <<= odd & 63;
    else if (odd >= 0x20)
        descriptor.type += 0x10u << (odd & 31);
    return descriptor;
}

static struct efi_memory_descriptor large_descriptor(struct feed *feed)
{
    struct efi_memory_descriptor descriptor = { .type = (uint32_t)feed_number(feed, 4) };

    descriptor.physical_start = feed_number(feed, 8);
    descriptor.page_count = feed_number(feed, 8);
    descriptor.attribute = feed_number(feed, 8);
    return descriptor;
}

static void build(struct world *world, struct feed *feed)
{
    uint8_t first = feed_byte(feed);
    uint8_t *bytes;

    world->step = sizeof(world->said[0]) + (first & 3) * 8u;
    world->limit = (uint64_t)1 << (20 + ((first >> 2) & 31));
    world->count = 0;
    while (world->count < DESCRIPTORS_MAX && !feed_ends(feed))
        world->said[world->count++] =
            first >= 0x80 ? large_descriptor(feed) : small_descriptor(feed);
    bytes = fuzz_room(FUZZ_INPUT, world->count * world->step);
    for (size_t i = 0; i < world->count; i++)
        memcpy(bytes + i * world->step, &world->said[i], sizeof(world->said[i]));
    world->bytes = bytes;
}

/* --- the model --------------------------------------------------------------------------- */

/* The descriptor's part below 2^64, or nothing where it cannot be believed. */
static bool range_of(const struct efi_memory_descriptor *said, uint64_t *start, uint64_t *last)
{
    uint64_t size;

    if (said->page_count == 0)
        return false;
    *start = said->physical_start;
    if (!checked_mul(said->page_count, PAGE_SIZE, &size) || *start + (size - 1) < *start) {
        *last = UINT64_MAX;
        return efi_strictness(said) != STRICT_USABLE;
    }
    *last = *start + (size - 1);
    return true;
}

/* Whether descriptors cover all of [page, + PAGE_SIZE). */
static bool is_covered(const struct world *world, uint64_t page)
{
    uint64_t at = page;

    for (size_t i = 0; i < world->count && at < page + PAGE_SIZE; i++) {
        uint64_t start, last;

        if (range_of(&world->said[i], &start, &last) && start <= at && last >= at) {
            at = min_u64(last, page + PAGE_SIZE - 1) + 1;
            i = (size_t)-1; /* from the first again */
        }
    }
    return at >= page + PAGE_SIZE;
}

static uint32_t model_type(const struct world *world, uint64_t page)
{
    unsigned strictest = 0;

    for (size_t i = 0; i < world->count; i++) {
        uint64_t start, last;
        unsigned rank = efi_strictness(&world->said[i]);

        if (range_of(&world->said[i], &start, &last) && start <= page + (PAGE_SIZE - 1) &&
            last >= page && rank > strictest)
            strictest = rank;
    }
    if (strictest == 1 && !is_covered(world, page))
        strictest = 0;
    return by_strictness[strictest];
}

/* --- the properties ---------------------------------------------------------------------- */

static void check_page(const struct world *world, const struct memmap *map, uint64_t address)
{
    uint64_t page = address & ~PAGE_MASK;
    const struct region *row;

    if (page >= min_u64(world->limit, MEMMAP_LIMIT_MAX))
        return;
    row = memmap_find(map, pa(page));
    FUZZ_CHECK((row == NULL ? 0 : row->type) == model_type(world, page));
}

static void check_borders(const struct world *world, const struct memmap *map)
{
    for (size_t i = 0; i < world->count; i++) {
        uint64_t start, last;

        if (!range_of(&world->said[i], &start, &last))
            continue;
        check_page(world, map, start);
        check_page(world, map, start - PAGE_SIZE);
        check_page(world, map, last);
        check_page(world, map, last + PAGE_SIZE);
    }
    for (size_t i = 0; i < map->count; i++) {
        check_page(world, map, map->regions[i].base);
        check_page(world, map, map->regions[i].base + map->regions[i].size_bytes - 1);
    }
}

static void check_sane(const struct world *world, const struct memmap *map)
{
    uint64_t sum = 0;
    struct memmap_totals totals;
    size_t bad_row;

    FUZZ_CHECK(memmap_validate(map, &bad_row) == STATUS_OK);
    FUZZ_CHECK(memmap_cross_check_efi(map, world->bytes, world->count * world->step, world->step,
                                      &bad_row) == STATUS_OK);
    for (size_t i = 0; i < map->count; i++) {
        const struct region *row = &map->regions[i];

        FUZZ_CHECK(row->size_bytes > 0 && ((row->base | row->size_bytes) & PAGE_MASK) == 0);
        FUZZ_CHECK(i == 0 || row->base >= row[-1].base + row[-1].size_bytes);
        FUZZ_CHECK(!region_is_free(row) || row->type == E820_USABLE);
        sum += row->size_bytes;
    }
    memmap_total(map, &totals);
    FUZZ_CHECK(totals.described + totals.added == sum);
    FUZZ_CHECK(totals.free <= totals.usable && totals.usable <= sum);
}

/* What the kernel does with a table later leaves it as sane. */
static void edit(const struct world *world, struct memmap *map)
{
    enum status status = memmap_reserve_low(map, TRAMPOLINE);

    FUZZ_CHECK(status == STATUS_OK || status == STATUS_NOT_FOUND);
    FUZZ_CHECK(memmap_carve(map, 3 * PAGE_SIZE, 200 * PAGE_SIZE, 0, REGION_TAG_KERNEL,
                            MEMMAP_CARVED) == STATUS_OK);
    check_sane(world, map);
}

void fuzz_run(const uint8_t *data, size_t size)
{
    struct feed feed = { data, size };
    struct world world;
    struct memmap map;
    size_t rows;

    build(&world, &feed);
    rows = memmap_capacity(world.count, 1);
    memmap_init(&map, fuzz_room(FUZZ_ROWS, rows * sizeof(struct region)), rows,
                fuzz_room(FUZZ_CHANGES, 8 * sizeof(struct handoff_change)), 8, world.limit);
    FUZZ_CHECK(memmap_add_efi(&map, world.bytes, world.count * world.step, world.step) ==
               STATUS_OK);
    FUZZ_CHECK(memmap_sanitise(&map) == STATUS_OK);
    check_sane(&world, &map);
    check_borders(&world, &map);
    if (size % 4 == 3)
        edit(&world, &map);
}
