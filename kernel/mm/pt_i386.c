/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pt_i386.c - the page tables of the 80386, with 2 levels.
 *
 * An entry has 32 bits (SDM vol. 3A, tables 4-4 to 4-6), the lower ones as pt_x86_entry.h draws
 * them: frames below 4 GiB, no NX. A directory entry with PS is a leaf of 4 MiB, on processors that
 * have PSE; on others struct page_table says that only level 1 has leaves. Bits 13 to 20 of such a
 * leaf could hold address bits 32 to 39 (PSE-36). They are left 0: a machine with memory up there
 * has PAE, which reaches all of it.
 */
#define WALK_INDEX_BITS       10
#define WALK_ENTRY_BYTES      4

#define ENTRY_ADDRESS         ((uint64_t)0xfffff000)
#define ENTRY_NX              ((uint64_t)0)
#define ENTRY_RIGHTLESS_LEVEL 0

#include "pt_x86_entry.h"
#include "pt_walk.h"
#include "pt_change.h"

WALK_FORMAT(two_levels, 2);

const struct pt_format pt_format_i386_2level = {
    .name = "i386, 2 levels",
    .levels = 2,
    .index_bits = WALK_INDEX_BITS,
    .entry_bytes = WALK_ENTRY_BYTES,
    PT_HALVES_I386,
    .physical_bits = 32,
    .largest_leaf = 2,
    .operations = &two_levels,
};
