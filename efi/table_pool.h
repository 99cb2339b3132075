/* SPDX-License-Identifier: BSD-2-Clause
 *
 * table_pool.h - pages for page tables, taken from the firmware by the dozen.
 *
 * One call of the firmware costs more than filling a page, so a pool takes some pages at a time,
 * twice as many at each turn. What is left over at the end goes back to being loader memory.
 */
#ifndef MERIDIAN_EFI_TABLE_POOL_H
#define MERIDIAN_EFI_TABLE_POOL_H

#include "boot/e820.h"
#include "mm/pt.h"

struct table_pool {
    struct pt_memory memory; /* for struct page_table */
    enum region_tag tag;
    paddr_t chunk;
    uint64_t chunk_bytes;
    uint64_t used_bytes;
};

/* The pool must stay where it is: its memory points to it. `first_pages` is what the first
 * turn takes. */
void table_pool_init(struct table_pool *pool, enum region_tag tag, size_t first_pages);

/* Takes the first pages now: the first of them, at `chunk`, will be the root. STATUS_NO_MEMORY. */
enum status table_pool_prepare(struct table_pool *pool);

/* No more tables will be needed. */
void table_pool_finish(struct table_pool *pool);

#endif
