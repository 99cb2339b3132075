/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mm/mtrr.h - what the firmware's range registers make of a mapping's memory type.
 *
 * A page has two types: the one of its entry (enum pt_cache) and the one of its physical address
 * (MTRRs). The processor combines them. A caller who asks for a type and would get another one has a
 * conflict: the mapping is refused, since devices and other mappings rely on what was asked.
 *
 * Source: SDM vol. 3A, 11.11 "Memory Type Range Registers", table 11-7.
 */
#ifndef MERIDIAN_MM_MTRR_H
#define MERIDIAN_MM_MTRR_H

#include "arch/mtrr.h"
#include "lib/status.h"
#include "mm/memmap.h"
#include "mm/pt.h"

enum mtrr_type {
    MTRR_UNCACHED = 0,
    MTRR_WRITE_COMBINING = 1,
    MTRR_WRITE_THROUGH = 4,
    MTRR_WRITE_PROTECTED = 5,
    MTRR_WRITE_BACK = 6,
};

/* Keeps a copy of the registers; NULL: there are none, and every type is what the entry says. Early,
 * one processor. Tells once in the log what makes no sense or makes a machine slow. */
void mtrr_start(const struct mtrr_registers *registers);

/* Warns of usable memory that the registers keep out of the caches: it works, but is slow. */
void mtrr_check_memory(const struct memmap *map);

/* The type of an address, and where it may change at the earliest: *end is above `address`. Overlaps that
 * the manual leaves undefined are uncached here. Any context. */
enum mtrr_type mtrr_type_at(paddr_t address, uint64_t *end);

/* Whether a mapping with the type of `rights` over memory of this type is what it says. */
bool mtrr_agrees(enum mtrr_type type, unsigned rights);

/* Whether all of a physical range may be mapped with the type of `rights`. STATUS_DENIED, with a warning
 * that names both types, if the registers make something else of any page. Any context. */
enum status mtrr_check_range(paddr_t start, uint64_t size_bytes, unsigned rights);

const char *mtrr_type_name(enum mtrr_type type);

#endif
