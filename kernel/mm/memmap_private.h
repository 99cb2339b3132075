/* SPDX-License-Identifier: BSD-2-Clause
 *
 * memmap_private.h - what the files of the memory map share and nobody else needs.
 */
#ifndef MERIDIAN_MM_MEMMAP_PRIVATE_H
#define MERIDIAN_MM_MEMMAP_PRIVATE_H

#include "boot/efi_memory.h"
#include "mm/memmap.h"

/* How strict a type is. What a page is not described as at all (a hole) may not be used either:
 * it is stricter than usable, and gives way to everything that is known. */
enum memmap_rank {
    RANK_USABLE,
    RANK_HOLE,
    RANK_UNACCEPTED,
    RANK_SOFT_RESERVED,
    RANK_PERSISTENT,
    RANK_ACPI_DATA,
    RANK_ACPI_NVS,
    RANK_RESERVED,
    RANK_UNUSABLE,
    RANK_COUNT,
};

#define REGION_TYPE_HOLE   0u

/* The size of an entry whose size has no number: such an entry wraps wherever it begins. */
#define REGION_SIZE_ABSURD UINT64_MAX

/* Claims that make a region more useful; two entries that overlap must agree on them. The other
 * flags are restrictions, and one entry suffices. */
#define REGION_CLAIMS                                                                              \
    ((uint32_t)(REGION_UC | REGION_WC | REGION_WT | REGION_WB | REGION_MORE_RELIABLE |             \
                REGION_IS_RAM))
#define REGION_FLAG_BITS   10
#define REGION_FLAGS_KNOWN ((1u << REGION_FLAG_BITS) - 1)
static_assert(REGION_IS_RAM == 1u << (REGION_FLAG_BITS - 1), "the last flag");

/* What proofs call a table: rows end without a wrap; sorted, each ends where the next begins or before.
 * The book of notes is no part of the table or of the map. */
/*@ predicate memory_is_usable(integer made, integer told) = made == E820_USABLE ==> told == E820_USABLE;
  @ predicate ends{L}(struct region *row) = row->base + row->size_bytes <= UINT64_MAX;
  @ predicate valid_table{L}(struct memmap *map) =
  @   \valid_read(map) && \valid_read(map->regions + (0 .. map->count - 1)) &&
  @   (\forall integer i; 0 <= i < map->count ==> ends(map->regions + i));
  @ predicate sorted{L}(struct memmap *map) = \forall integer i, j; 0 <= i < j < map->count ==>
  @   map->regions[i].base + map->regions[i].size_bytes <= map->regions[j].base &&
  @   map->regions[i].base + map->regions[i].size_bytes <
  @     map->regions[j].base + map->regions[j].size_bytes;
  @ predicate below{L}(struct region *row, integer end) = row->base + row->size_bytes <= end;
  @ predicate disjoint{L}(struct memmap *map) = \forall integer i, j; 0 <= i < j < map->count ==>
  @   below(map->regions + i, map->regions[j].base);
  @ predicate alike{L}(struct region *row, struct region *other) = row->type == other->type &&
  @   row->flags == other->flags && row->tag == other->tag && row->device == other->device;
  @ predicate joins{L}(struct region *row, struct region *next) =
  @   row->base + row->size_bytes == next->base && alike(row, next);
  @ predicate paged{L}(struct region *row, integer limit) = row->size_bytes > 0 &&
  @   row->base % PAGE_SIZE == 0 && row->size_bytes % PAGE_SIZE == 0 && row->base + row->size_bytes <= limit;
  @ predicate whole{L}(struct memmap *map, integer limit) = \forall integer i; 0 <= i < map->count ==>
  @   paged(map->regions + i, limit);
  @ predicate valid_notes{L}(struct memmap *map) = \valid(map) &&
  @   map->change_count <= map->change_capacity &&
  @   \valid(map->changes + (0 .. map->change_capacity - 1)) &&
  @   \separated(map, map->changes + (0 .. map->change_capacity - 1)); */

/*@ requires \valid_read(region) && region->base + region->size_bytes <= UINT64_MAX;
  @ assigns \nothing;
  @ ensures \result == region->base + region->size_bytes; */
static inline uint64_t region_end(const struct region *region)
{
    return region->base + region->size_bytes;
}

/* RANK_COUNT for a type that nobody defines. */
/*@ assigns \nothing;
  @ ensures RANK_USABLE <= \result <= RANK_COUNT;
  @ ensures \result == RANK_USABLE <==> type == E820_USABLE;
  @ ensures \result == RANK_HOLE <==> type == REGION_TYPE_HOLE; */
enum memmap_rank memmap_rank(uint32_t type);

/* Notes that the bytes [base, end) of type `from` are `to` now. */
/*@ requires valid_notes(map);
  @ assigns map->changes[0 .. map->change_capacity - 1], map->change_count, map->changes_lost;
  @ ensures valid_notes(map);
  @ ensures \old(map->change_count) <= map->change_count <= \old(map->change_count) + 1; */
void memmap_note(struct memmap *map, uint64_t base, uint64_t end, uint32_t from, uint32_t to,
                 enum memmap_reason reason);

/* Whether they touch and are equal but for their efi_type. */
/*@ requires \valid_read(row) && \valid_read(next);
  @ requires row->base + row->size_bytes <= UINT64_MAX;
  @ assigns \nothing;
  @ ensures \result <==> joins(row, next); */
bool memmap_joins(const struct region *row, const struct region *next);

/* Grows `row` by `next` if they touch and are equal but for their efi_type. */
/*@ requires \valid(row) && \valid_read(next) && \separated(row, next);
  @ requires row->base + row->size_bytes <= UINT64_MAX && next->base + next->size_bytes <= UINT64_MAX;
  @ assigns row->size_bytes, row->efi_type;
  @ ensures ends(row);
  @ ensures \result <==> \old(joins(row, next));
  @ ensures \result ==> row->base + row->size_bytes == next->base + next->size_bytes;
  @ ensures !\result ==> row->size_bytes == \old(row->size_bytes); */
bool memmap_coalesce(struct region *row, const struct region *next);

/* Index of the first row that ends above `address`, or map->count. The table is sanitised. */
/*@ requires valid_table(map) && sorted(map);
  @ assigns \nothing;
  @ ensures \result <= map->count;
  @ ensures \forall integer i; 0 <= i < \result ==>
  @   map->regions[i].base + map->regions[i].size_bytes <= address;
  @ ensures \forall integer i; \result <= i < map->count ==>
  @   map->regions[i].base + map->regions[i].size_bytes > address; */
size_t memmap_first_above(const struct memmap *map, uint64_t address);

/* What one UEFI descriptor stands for, before borders and overlaps are looked at. size_bytes is
 * REGION_SIZE_ABSURD where the pages have more bytes than 64 bits count. */
struct efi_conversion {
    struct region region;
    uint32_t from_type;        /* what the descriptor's type alone would have made of it */
    enum memmap_reason reason; /* of the difference; MEMMAP_REASON_COUNT where there is none */
};

void memmap_convert_efi(const struct efi_memory_descriptor *descriptor,
                        struct efi_conversion *conversion);

#endif
