/* SPDX-License-Identifier: BSD-2-Clause
 *
 * memmap_check.c - whether a table that came from elsewhere can be believed.
 *
 * Two questions, asked of the rows as of any outside input: do the invariants hold (each row by
 * itself, and against the row before it), and does the firmware's own map agree that what is
 * usable is RAM that nobody else describes? The second is asked of the verbatim map as it stands,
 * unsorted and overlapping, entry by entry, without the sweep that made the table:
 *
 *   - no entry that is not usable may overlap a usable row (a binary search per entry);
 *   - each usable row is walked from entry to entry until its end is reached. Entries mostly stand
 *     in order, so that the search for the next one begins behind the last one and costs O(1);
 *     at worst it goes round once.
 *
 * Borders: an entry counts as usable down to the byte, and as anything else with the whole of the
 * pages it touches, as memmap_sanitise() sees it. Nothing is changed, nothing is allocated.
 */
#include "lib/bits.h"
#include "lib/string.h"
#include "memmap_private.h"

/* --- invariants -------------------------------------------------------------------------- */

/*@ requires \valid_read(row);
  @ assigns \nothing;
  @ ensures \result ==> row->size_bytes > 0 && row->base + row->size_bytes <= limit;
  @ ensures \result ==> row->base % PAGE_SIZE == 0 && row->size_bytes % PAGE_SIZE == 0;
  @ ensures \result ==> paged(row, limit);
  @ ensures \result ==> row->type != REGION_TYPE_HOLE && row->tag < REGION_TAG_COUNT; */
static bool row_is_sound(const struct region *row, uint64_t limit)
{
    uint64_t end;

    return row->size_bytes != 0 && checked_add(row->base, row->size_bytes, &end) && end <= limit &&
           is_aligned(row->base, PAGE_SIZE) && is_aligned(row->size_bytes, PAGE_SIZE) &&
           row->type != REGION_TYPE_HOLE && memmap_rank(row->type) != RANK_COUNT &&
           row->tag < REGION_TAG_COUNT && (row->flags & ~REGION_FLAGS_KNOWN) == 0 &&
           (row->device == 0 || row->tag == REGION_TAG_DEVICE);
}

/*@ requires \valid_read(previous) && \valid_read(row) && ends(previous) && ends(row);
  @ assigns \nothing;
  @ ensures \result ==> previous->base + previous->size_bytes <= row->base && !joins(previous, row); */
static bool row_may_follow(const struct region *previous, const struct region *row)
{
    return row->base >= region_end(previous) && !memmap_joins(previous, row);
}

/*@ requires \valid_read(map) && \valid_read(map->regions + (0 .. map->count - 1)) && \valid(bad_row);
  @ requires \separated(bad_row, map, map->regions + (0 .. map->count - 1));
  @ assigns *bad_row;
  @ ensures \result == STATUS_OK ==> disjoint(map) && whole(map, map->limit); */
enum status memmap_validate(const struct memmap *map, size_t *bad_row)
{
    /*@ loop invariant 0 <= i <= map->count;
      @ loop invariant \forall integer k; 0 <= k < i ==> paged(map->regions + k, map->limit);
      @ loop invariant \forall integer k; 0 <= k < i ==>
      @   below(map->regions + k, map->regions[i - 1].base + map->regions[i - 1].size_bytes);
      @ loop invariant \forall integer j, k; 0 <= j < k < i ==>
      @   below(map->regions + j, map->regions[k].base);
      @ loop assigns i;
      @ loop variant map->count - i; */
    for (size_t i = 0; i < map->count; i++) {
        const struct region *row = &map->regions[i];

        if (!row_is_sound(row, map->limit) || (i > 0 && !row_may_follow(row - 1, row))) {
            *bad_row = i;
            return STATUS_CORRUPT;
        }
        /*@ assert i > 0 ==> map->regions[i - 1].base + map->regions[i - 1].size_bytes <= row->base; */
        /*@ assert \forall integer k; 0 <= k < i ==> below(map->regions + k, row->base); */
        /*@ assert \forall integer k; 0 <= k <= i ==> paged(map->regions + k, map->limit); */
        /*@ assert below(map->regions + i, map->regions[i].base + map->regions[i].size_bytes); */
        /*@ assert \forall integer k; 0 <= k < i ==>
          @   below(map->regions + k, map->regions[i].base + map->regions[i].size_bytes); */
        /*@ assert \forall integer k; 0 <= k <= i ==>
          @   below(map->regions + k, map->regions[i].base + map->regions[i].size_bytes); */
        /*@ assert \forall integer j, k; 0 <= j < k <= i ==> below(map->regions + j, map->regions[k].base); */
    }
    return STATUS_OK;
}

enum status memmap_adopt(struct memmap *map, struct handoff_regions *regions,
                         struct handoff_changes *changes, uint64_t limit, size_t *bad_row)
{
    struct memmap adopted;
    enum status status;

    memmap_init(&adopted, regions->regions, regions->capacity, NULL, 0, limit);
    adopted.count = regions->count;
    if (changes != NULL) {
        adopted.changes = changes->changes;
        adopted.change_count = changes->count;
        adopted.change_capacity = changes->capacity;
        adopted.changes_lost = changes->lost;
    }
    if (adopted.count > adopted.capacity || adopted.change_count > adopted.change_capacity) {
        *bad_row = adopted.capacity;
        return STATUS_CORRUPT;
    }
    status = memmap_validate(&adopted, bad_row);
    if (status == STATUS_OK)
        *map = adopted;
    return status;
}

/* --- the firmware's word ----------------------------------------------------------------- */

/* A verbatim map of either format. */
struct verbatim {
    const unsigned char *entries;
    size_t count;
    size_t entry_bytes;
    void (*read)(const void *entry, struct region *region);
};

static void read_efi(const void *entry, struct region *region)
{
    struct efi_memory_descriptor descriptor;
    struct efi_conversion conversion;

    memcpy(&descriptor, entry, sizeof(descriptor));
    memmap_convert_efi(&descriptor, &conversion);
    *region = conversion.region;
}

static void read_e820(const void *entry, struct region *region)
{
    struct e820_entry e820 = { 0 };

    memcpy(&e820, entry, E820_ENTRY_BYTES_MIN);
    *region =
        (struct region){ .base = e820.base, .size_bytes = e820.size_bytes, .type = e820.type };
}

/* Where an entry ends, false when it wraps. 2^64 is told as one less, which no table reaches. */
/*@ requires \valid_read(region) && \valid(end) && \separated(region, end);
  @ assigns *end;
  @ ensures \result ==> *end == \min(region->base + region->size_bytes, UINT64_MAX);
  @ ensures \result ==> region->base <= *end; */
static bool verbatim_end(const struct region *region, uint64_t *end)
{
    *end = region->base;
    if (region->size_bytes == 0)
        return true;
    if (region->size_bytes == REGION_SIZE_ABSURD ||
        !checked_add(region->base, region->size_bytes - 1, end))
        return false;
    *end += *end != UINT64_MAX;
    return true;
}

/* Entry `index` as [*base, *end), and whether it is usable. What wraps is usable nowhere. */
static bool verbatim_is_usable(const struct verbatim *verbatim, size_t index, uint64_t *base,
                               uint64_t *end)
{
    struct region region;
    bool wraps;

    verbatim->read(verbatim->entries + index * verbatim->entry_bytes, &region);
    *base = region.base;
    wraps = !verbatim_end(&region, end);
    if (region.type == E820_USABLE) {
        if (wraps)
            *end = *base;
        return true;
    }
    *base = align_down(region.base, PAGE_SIZE);
    if (wraps || !checked_align_up(*end, PAGE_SIZE, end))
        *end = UINT64_MAX;
    if (region.size_bytes == 0)
        *end = *base;
    return false;
}

/* The first usable row that [base, end) overlaps; false where there is none. */
/*@ requires valid_table(map) && sorted(map) && \valid(row);
  @ requires \separated(row, map, map->regions + (0 .. map->count - 1));
  @ assigns *row;
  @ ensures \result ==> *row < map->count && map->regions[*row].type == E820_USABLE &&
  @   map->regions[*row].base < end && base < map->regions[*row].base + map->regions[*row].size_bytes;
  @ ensures !\result ==> \forall integer i; 0 <= i < map->count && base < end &&
  @   map->regions[i].type == E820_USABLE ==> map->regions[i].base >= end ||
  @   map->regions[i].base + map->regions[i].size_bytes <= base; */
static bool overlaps_usable(const struct memmap *map, uint64_t base, uint64_t end, size_t *row)
{
    /*@ loop invariant 0 <= i <= map->count;
      @ loop invariant \forall integer k; 0 <= k < i && base < end &&
      @   map->regions[k].type == E820_USABLE ==>
      @   map->regions[k].base + map->regions[k].size_bytes <= base;
      @ loop invariant \forall integer k; i <= k < map->count ==>
      @   map->regions[k].base + map->regions[k].size_bytes > base;
      @ loop assigns i;
      @ loop variant map->count - i; */
    for (size_t i = memmap_first_above(map, base); i < map->count; i++) {
        if (base >= end || map->regions[i].base >= end)
            return false;
        if (map->regions[i].type == E820_USABLE) {
            *row = i;
            return true;
        }
    }
    return false;
}

/* The end of a usable entry that holds `position`, searched for from *hint on, once around. */
static bool next_usable_end(const struct verbatim *verbatim, uint64_t position, size_t *hint,
                            uint64_t *end)
{
    for (size_t tried = 0; tried < verbatim->count; tried++) {
        size_t index = *hint;
        uint64_t base;

        *hint = index + 1 < verbatim->count ? index + 1 : 0;
        if (verbatim_is_usable(verbatim, index, &base, end) && base <= position && position < *end)
            return true;
    }
    return false;
}

static bool row_is_covered(const struct verbatim *verbatim, const struct region *row, size_t *hint)
{
    uint64_t position = row->base;

    while (position < region_end(row))
        if (!next_usable_end(verbatim, position, hint, &position))
            return false;
    return true;
}

static enum status cross_check(const struct memmap *map, const struct verbatim *verbatim,
                               size_t *bad_row)
{
    size_t hint = 0;
    uint64_t base;
    uint64_t end;

    for (size_t i = 0; i < verbatim->count; i++)
        if (!verbatim_is_usable(verbatim, i, &base, &end) &&
            overlaps_usable(map, base, end, bad_row))
            return STATUS_CORRUPT;
    for (size_t i = 0; i < map->count; i++) {
        if (map->regions[i].type != E820_USABLE ||
            row_is_covered(verbatim, &map->regions[i], &hint))
            continue;
        *bad_row = i;
        return STATUS_CORRUPT;
    }
    return STATUS_OK;
}

static enum status cross_check_map(const struct memmap *map, struct verbatim *verbatim,
                                   size_t map_bytes, size_t entry_bytes_min, size_t *bad_row)
{
    if (verbatim->entry_bytes < entry_bytes_min || map_bytes % verbatim->entry_bytes != 0) {
        *bad_row = map->count;
        return STATUS_CORRUPT;
    }
    verbatim->count = map_bytes / verbatim->entry_bytes;
    return cross_check(map, verbatim, bad_row);
}

enum status memmap_cross_check_efi(const struct memmap *map, const void *descriptors,
                                   size_t map_bytes, size_t descriptor_bytes, size_t *bad_row)
{
    struct verbatim verbatim = { .entries = descriptors,
                                 .entry_bytes = descriptor_bytes,
                                 .read = read_efi };

    return cross_check_map(map, &verbatim, map_bytes, sizeof(struct efi_memory_descriptor),
                           bad_row);
}

enum status memmap_cross_check_e820(const struct memmap *map, const void *entries, size_t map_bytes,
                                    size_t entry_bytes, size_t *bad_row)
{
    struct verbatim verbatim = { .entries = entries,
                                 .entry_bytes = entry_bytes,
                                 .read = read_e820 };

    return cross_check_map(map, &verbatim, map_bytes, E820_ENTRY_BYTES_MIN, bad_row);
}
