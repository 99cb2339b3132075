/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pt_pae.c - the page tables of the i386 with physical address extension: 3 levels.
 *
 * Entries have 64 bits and are those of x86-64 (SDM vol. 3A, tables 4-9 to 4-11), but for the root:
 *
 *      63                            12 11    9 8     5  4   3  2 1  0
 *     +--------------------------------+-------+-------+---+---+---+--+
 *     | page directory                 | | | | | 0 0 0 |PCD|PWT|0 0|P |      table 4-8
 *     +--------------------------------+-------+-------+---+---+---+--+
 *
 * It has four entries, which grant all rights. The processor copies them into registers when CR3 is
 * loaded and never looks at them again (SDM vol. 3A, 4.4.1). So they are all present from the
 * start, whatever is mapped, and never change while the table may be in use (whole_root).
 */
#define WALK_INDEX_BITS       9
#define WALK_ENTRY_BYTES      8

#define ENTRY_ADDRESS         ((uint64_t)0x000ffffffffff000)
#define ENTRY_NX              ((uint64_t)1 << 63)
#define ENTRY_RIGHTLESS_LEVEL 3

#include "pt_x86_entry.h"
#include "pt_walk.h"
#include "pt_change.h"

WALK_FORMAT(pae, 3);

const struct pt_format pt_format_i386_pae = {
    .name = "i386, PAE",
    .levels = 3,
    .index_bits = WALK_INDEX_BITS,
    .entry_bytes = WALK_ENTRY_BYTES,
    PT_HALVES_I386,
    .physical_bits = 52,
    .largest_leaf = 2,
    .whole_root = true,
    .operations = &pae,
};
