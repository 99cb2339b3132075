/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pt_x86_64.c - the page tables of x86-64, with 4 and with 5 levels.
 *
 * An entry has 64 bits (SDM vol. 3A, tables 4-14 to 4-20): what pt_x86_entry.h draws, with 40 bits
 * of frame number, ignored bits above them, and NX.
 */
#define WALK_INDEX_BITS       9
#define WALK_ENTRY_BYTES      8

#define ENTRY_ADDRESS         ((uint64_t)0x000ffffffffff000)
#define ENTRY_NX              ((uint64_t)1 << 63)
#define ENTRY_RIGHTLESS_LEVEL 0

#include "pt_x86_entry.h"
#include "pt_walk.h"
#include "pt_change.h"

WALK_FORMAT(four_levels, 4);
WALK_FORMAT(five_levels, 5);

const struct pt_format pt_format_x86_64_4level = {
    .name = "x86-64, 4 levels",
    .levels = 4,
    .index_bits = WALK_INDEX_BITS,
    .entry_bytes = WALK_ENTRY_BYTES,
    PT_HALVES_EXTENDED(48),
    .physical_bits = 52,
    .largest_leaf = 3,
    .operations = &four_levels,
};

const struct pt_format pt_format_x86_64_5level = {
    .name = "x86-64, 5 levels",
    .levels = 5,
    .index_bits = WALK_INDEX_BITS,
    .entry_bytes = WALK_ENTRY_BYTES,
    PT_HALVES_EXTENDED(57),
    .physical_bits = 52,
    .largest_leaf = 3,
    .operations = &five_levels,
};
