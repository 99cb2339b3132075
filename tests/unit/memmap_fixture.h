/* SPDX-License-Identifier: BSD-2-Clause
 *
 * memmap_fixture.h - tables for the tests of the memory map.
 *
 * Buffers come from malloc() in exactly the size that is asked for, so that the address sanitizer
 * sees the first row beyond. Rows are compared as a list of {start, end, type, tag}.
 */
#ifndef MERIDIAN_TESTS_MEMMAP_FIXTURE_H
#define MERIDIAN_TESTS_MEMMAP_FIXTURE_H

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "boot/efi_memory.h"
#include "mm/memmap.h"

#define LIMIT   ((uint64_t)1 << 46)
#define ROOM    64 /* rows and changes: enough for every example */
#define EFI_RAM (EFI_ATTRIBUTE_UC | EFI_ATTRIBUTE_WC | EFI_ATTRIBUTE_WT | EFI_ATTRIBUTE_WB)

struct row {
    uint64_t start;
    uint64_t end;
    uint32_t type;
    uint32_t tag;
};

static inline void table_open(struct memmap *map, size_t rows, size_t changes, uint64_t limit)
{
    memmap_init(map, calloc(rows, sizeof(*map->regions)), rows,
                calloc(changes, sizeof(*map->changes)), changes, limit);
}

static inline void table_close(struct memmap *map)
{
    free(map->regions);
    free(map->changes);
}

static inline void add(struct memmap *map, uint64_t start, uint64_t end, uint32_t type)
{
    assert_int_equal(memmap_add_e820(map, start, end - start, type), STATUS_OK);
}

/* The order of entries and unknown attributes are memmap_add()'s and the sweep's business. */
static inline void add_tagged(struct memmap *map, uint64_t start, uint64_t end, uint32_t type,
                              uint16_t tag, uint16_t flags)
{
    struct region region = { start, end - start, type, flags, tag, REGION_EFI_TYPE_NONE, 0 };

    assert_int_equal(memmap_add(map, &region), STATUS_OK);
}

static inline void sanitise(struct memmap *map)
{
    size_t bad_row = 0;

    assert_int_equal(memmap_sanitise(map), STATUS_OK);
    if (memmap_validate(map, &bad_row) != STATUS_OK)
        fail_msg("row %zu breaks the invariants", bad_row);
}

static inline void print_rows(const struct memmap *map)
{
    for (size_t i = 0; i < map->count; i++)
        print_message("  %#llx-%#llx %s, %s, flags %#x\n", (unsigned long long)map->regions[i].base,
                      (unsigned long long)(map->regions[i].base + map->regions[i].size_bytes),
                      e820_type_name(map->regions[i].type), region_tag_name(map->regions[i].tag),
                      map->regions[i].flags);
}

static inline void expect_rows_list(const struct memmap *map, const struct row *rows, size_t count)
{
    bool equal = map->count == count;

    for (size_t i = 0; equal && i < count; i++) {
        const struct region *region = &map->regions[i];

        equal = region->base == rows[i].start && region->base + region->size_bytes == rows[i].end &&
                region->type == rows[i].type && region->tag == rows[i].tag;
    }
    if (equal)
        return;
    print_rows(map);
    fail_msg("%zu rows, not the %zu expected", map->count, count);
}

#define expect_rows(map, ...)                                                                      \
    expect_rows_list((map), (const struct row[]){ __VA_ARGS__ },                                   \
                     sizeof((const struct row[]){ __VA_ARGS__ }) / sizeof(struct row))

static inline void expect_change(const struct memmap *map, size_t index, uint64_t start,
                                 uint64_t end, uint32_t from, uint32_t to,
                                 enum memmap_reason reason)
{
    const struct handoff_change *change = &map->changes[index];

    assert_true(index < map->change_count);
    assert_int_equal(change->base, start);
    assert_int_equal(change->base + change->size_bytes, end);
    assert_int_equal(change->from_type, from);
    assert_int_equal(change->to_type, to);
    assert_int_equal(change->reason, reason);
    assert_int_equal(change->reserved, 0);
}

/* xorshift64*: the same numbers on every machine, from a seed that is not 0. */
static inline uint64_t random_next(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (*state * 0x2545f4914f6cdd1dull) >> 16;
}

static inline uint64_t random_below(uint64_t *state, uint64_t bound)
{
    return random_next(state) % bound;
}

#endif
