/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ranges.h - from the first and last byte of a range, as texts have it, to base and size.
 */
#ifndef MERIDIAN_MAP_RANGES_H
#define MERIDIAN_MAP_RANGES_H

#include "source.h"

/* [first, last] as an E820 entry. A last byte before the first is an entry that wraps past 2^64,
 * or an empty one if it lies just before: firmware makes both, and the sanitiser is to see them. */
void e820_from_range(struct map_entry *entry, uint64_t first, uint64_t last, uint32_t type);

/* [first, last] as a descriptor; false when it is not a whole number of pages. */
bool efi_from_range(struct map_entry *entry, uint64_t first, uint64_t last, uint32_t type,
                    uint64_t attribute);

void efi_from_pages(struct map_entry *entry, uint64_t base, uint64_t pages, uint32_t type,
                    uint64_t attribute);

#endif
