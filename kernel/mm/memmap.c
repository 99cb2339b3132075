/* SPDX-License-Identifier: BSD-2-Clause
 *
 * memmap.c - the table of memory: filling it, noting changes, asking it.
 *
 * The map goes through four rooms, a file each:
 *
 *     firmware entries ──> memmap.c, memmap_efi.c    one entry at a time: is it believable at all?
 *                            │  rows of any order, overlapping, with borders anywhere
 *                            ▼
 *                          memmap_sweep.c            all entries together: sorted, disjoint, aligned
 *                            │  the table
 *                            ├──> memmap_edit.c      carve, clip, reserve: keeps it so
 *                            ├──> memmap_check.c     proves it, after it came from elsewhere
 *                            └──> memmap_print.c     names, totals, lines
 *
 * An entry that is nonsense by itself is dealt with here, when it is added, so that every row of a
 * table has size_bytes > 0, does not wrap, ends at or below the limit and has a known type. Nonsense
 * never makes memory usable: a usable entry that wraps is dropped as a whole, for nobody can tell
 * which part of it was meant; any other is kept up to the limit.
 *
 * Cost: memmap_add() is O(1), memmap_find() O(log n). What can fail: only a full table.
 */
#include "mm/memmap.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "memmap_private.h"

/* What memmap_reserve_low() may cut: page 0, low memory, the trampoline, the video window. */
#define LOW_CARVES 4

/* --- helpers shared with the other files ------------------------------------------------- */

enum memmap_rank memmap_rank(uint32_t type)
{
    switch (type) {
    case E820_USABLE:
        return RANK_USABLE;
    case REGION_TYPE_HOLE:
        return RANK_HOLE;
    case E820_UNACCEPTED:
        return RANK_UNACCEPTED;
    case E820_SOFT_RESERVED:
        return RANK_SOFT_RESERVED;
    case E820_PERSISTENT:
        return RANK_PERSISTENT;
    case E820_ACPI_DATA:
        return RANK_ACPI_DATA;
    case E820_ACPI_NVS:
        return RANK_ACPI_NVS;
    case E820_RESERVED:
        return RANK_RESERVED;
    case E820_UNUSABLE:
        return RANK_UNUSABLE;
    }
    return RANK_COUNT;
}

/* A note that continues the one before it makes that one longer: a firmware map in small pieces
 * does not fill the book. Entries of no bytes are counted one by one. */
/*@ requires \valid_read(last) && \valid_read(next);
  @ assigns \nothing;
  @ ensures \result ==> next->size_bytes != 0 && next->base == (uint64_t)(last->base + last->size_bytes);
  @ ensures \result ==> last->from_type == next->from_type && last->to_type == next->to_type; */
static bool note_continues(const struct handoff_change *last, const struct handoff_change *next)
{
    return next->size_bytes != 0 && last->base + last->size_bytes == next->base &&
           last->from_type == next->from_type && last->to_type == next->to_type &&
           last->reason == next->reason;
}

void memmap_note(struct memmap *map, uint64_t base, uint64_t end, uint32_t from, uint32_t to,
                 enum memmap_reason reason)
{
    struct handoff_change change = { base, end - base, from, to, (uint32_t)reason, 0 };

    if (map->change_count > 0 && note_continues(&map->changes[map->change_count - 1], &change))
        map->changes[map->change_count - 1].size_bytes += change.size_bytes;
    else if (map->change_count < map->change_capacity)
        map->changes[map->change_count++] = change;
    else
        map->changes_lost++;
}

bool memmap_joins(const struct region *row, const struct region *next)
{
    return region_end(row) == next->base && row->type == next->type && row->flags == next->flags &&
           row->tag == next->tag && row->device == next->device;
}

bool memmap_coalesce(struct region *row, const struct region *next)
{
    if (!memmap_joins(row, next))
        return false;
    row->size_bytes += next->size_bytes;
    if (row->efi_type != next->efi_type)
        row->efi_type = REGION_EFI_TYPE_NONE;
    return true;
}

size_t memmap_first_above(const struct memmap *map, uint64_t address)
{
    size_t low = 0;
    size_t high = map->count;

    /*@ loop invariant 0 <= low <= high <= map->count;
      @ loop invariant \forall integer i; 0 <= i < low ==>
      @   map->regions[i].base + map->regions[i].size_bytes <= address;
      @ loop invariant \forall integer i; high <= i < map->count ==>
      @   map->regions[i].base + map->regions[i].size_bytes > address;
      @ loop assigns low, high;
      @ loop variant high - low; */
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        /*@ assert low <= middle < high; */
        if (region_end(&map->regions[middle]) <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* --- filling ----------------------------------------------------------------------------- */

/* n ranges have 2n borders and so at most 2n + 1 pieces, the holes between and around them
 * included; carving adds ranges. The sweep needs a row a border, which is less. */
/*@ requires entries + carves <= SIZE_MAX / 4;
  @ assigns \nothing;
  @ ensures \result == 2 * (entries + carves + LOW_CARVES) + 1; */
size_t memmap_capacity(size_t entries, size_t carves)
{
    return 2 * (entries + LOW_CARVES + carves) + 1;
}

/*@ requires \valid(map);
  @ assigns *map;
  @ ensures map->count == 0 && map->change_count == 0 && map->changes_lost == 0;
  @ ensures map->regions == regions && map->capacity == capacity;
  @ ensures map->limit <= limit && map->limit <= MEMMAP_LIMIT_MAX && map->limit % PAGE_SIZE == 0; */
void memmap_init(struct memmap *map, struct region *regions, size_t capacity,
                 struct handoff_change *changes, size_t change_capacity, uint64_t limit)
{
    *map = (struct memmap){
        .regions = regions,
        .capacity = capacity,
        .changes = changes,
        .change_capacity = change_capacity,
        .limit = align_down(min_u64(limit, MEMMAP_LIMIT_MAX), PAGE_SIZE),
    };
}

/* Cuts `row` so that it ends at or below the limit; false when nothing is left of it. */
/*@ requires valid_notes(map) && \valid(row) && map->limit <= MEMMAP_LIMIT_MAX;
  @ requires \separated(row, map, map->changes + (0 .. map->change_capacity - 1));
  @ requires row->size_bytes > 0;
  @ assigns row->size_bytes;
  @ assigns map->changes[0 .. map->change_capacity - 1], map->change_count, map->changes_lost;
  @ ensures valid_notes(map);
  @ ensures \result ==> row->size_bytes > 0 && row->base + row->size_bytes <= map->limit;
  @ ensures row->type == E820_USABLE && \old(row->base + row->size_bytes) > UINT64_MAX + 1 ==> !\result;
  @ ensures \result ==> row->size_bytes <= \old(row->size_bytes); */
static bool cut_beyond_limit(struct memmap *map, struct region *row)
{
    uint64_t last;
    uint64_t cut = max_u64(row->base, map->limit);
    enum memmap_reason reason = MEMMAP_BEYOND_LIMIT;
    bool wraps = row->size_bytes == REGION_SIZE_ABSURD ||
                 !checked_add(row->base, row->size_bytes - 1, &last);

    if (wraps) {
        reason = MEMMAP_WRAPS;
        last = UINT64_MAX;
        if (row->type == E820_USABLE)
            cut = row->base;
    }
    if (last < cut)
        return true;
    /* last + 1 may be 2^64; the note's size is right all the same, since 0 - cut is. */
    memmap_note(map, cut, last + 1, row->type, REGION_TYPE_HOLE, reason);
    row->size_bytes = cut - row->base;
    return row->size_bytes > 0;
}

enum status memmap_add(struct memmap *map, const struct region *region)
{
    struct region row = *region;

    if (row.tag >= REGION_TAG_COUNT || (row.flags & ~REGION_FLAGS_KNOWN) != 0)
        return STATUS_INVALID;
    if (map->count >= map->capacity)
        return STATUS_NO_SPACE;
    row.device = 0;
    if (row.size_bytes == 0) {
        memmap_note(map, row.base, row.base, row.type, REGION_TYPE_HOLE, MEMMAP_EMPTY);
        return STATUS_OK;
    }
    if (memmap_rank(row.type) == RANK_COUNT || row.type == REGION_TYPE_HOLE) {
        memmap_note(map, row.base, row.base + row.size_bytes, row.type, E820_RESERVED,
                    MEMMAP_UNKNOWN_TYPE);
        row.type = E820_RESERVED;
    }
    if (cut_beyond_limit(map, &row))
        map->regions[map->count++] = row;
    return STATUS_OK;
}

/* BIOSes describe RAM by these three types; the rest may be device memory. */
/*@ assigns \nothing;
  @ ensures (\result & REGION_IS_RAM) != 0 <==>
  @   type == E820_USABLE || type == E820_ACPI_DATA || type == E820_ACPI_NVS;
  @ ensures (\result & REGION_RUNTIME) == 0; */
static uint16_t e820_flags(uint32_t type)
{
    bool is_ram = type == E820_USABLE || type == E820_ACPI_DATA || type == E820_ACPI_NVS;

    return is_ram ? REGION_WB | REGION_IS_RAM : 0;
}

enum status memmap_add_e820(struct memmap *map, uint64_t base, uint64_t size_bytes, uint32_t type)
{
    struct region row = {
        .base = base,
        .size_bytes = size_bytes,
        .type = type,
        .flags = e820_flags(type),
        .tag = REGION_TAG_NONE,
        .efi_type = REGION_EFI_TYPE_NONE,
    };

    return memmap_add(map, &row);
}

/* --- asking ------------------------------------------------------------------------------ */

/*@ requires valid_table(map) && sorted(map);
  @ assigns \nothing;
  @ ensures \result != NULL ==>
  @   \result->base <= address.value < \result->base + \result->size_bytes;
  @ ensures \result == NULL ==> \forall integer i; 0 <= i < map->count ==>
  @   !(map->regions[i].base <= address.value < map->regions[i].base + map->regions[i].size_bytes); */
const struct region *memmap_find(const struct memmap *map, paddr_t address)
{
    size_t index = memmap_first_above(map, pa_value(address));

    if (index == map->count || map->regions[index].base > pa_value(address))
        return NULL;
    return &map->regions[index];
}

bool region_is_free(const struct region *region)
{
    bool unheld = region->tag == REGION_TAG_NONE || region->tag == REGION_TAG_LOADER ||
                  region->tag == REGION_TAG_BOOT_SERVICES;

    return region->type == E820_USABLE && unheld && (region->flags & REGION_RUNTIME) == 0;
}

bool region_is_described(const struct region *region)
{
    return (region->flags & REGION_ADDED) == 0;
}

bool region_is_ram(const struct region *region)
{
    return (region->flags & REGION_IS_RAM) != 0;
}
