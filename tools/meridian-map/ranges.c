/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ranges.c - makes entries; the arithmetic is that of 64 bits, wraps included.
 */
#include "ranges.h"

#include "lib/types.h"

/* The whole address space has 2^64 bytes, for which there is no number; and the number 2^64 - 1
 * stands for "more than can be counted" (mm/memmap.h). A byte less says the same of what any
 * machine can have. */
#define SIZE_LARGEST (UINT64_MAX - 1)

void e820_from_range(struct map_entry *entry, uint64_t first, uint64_t last, uint32_t type)
{
    uint64_t size = last - first + 1;
    bool is_everything = first == 0 && last == UINT64_MAX;

    if (is_everything || size > SIZE_LARGEST)
        size = SIZE_LARGEST;
    entry->kind = MAP_E820;
    entry->e820 = (struct e820_entry){ first, size, type, 0 };
}

void efi_from_pages(struct map_entry *entry, uint64_t base, uint64_t pages, uint32_t type,
                    uint64_t attribute)
{
    entry->kind = MAP_EFI;
    entry->efi = (struct efi_memory_descriptor){ type, 0, base, 0, pages, attribute };
}

bool efi_from_range(struct map_entry *entry, uint64_t first, uint64_t last, uint32_t type,
                    uint64_t attribute)
{
    uint64_t size = last - first + 1;

    if ((size & PAGE_MASK) != 0)
        return false;
    efi_from_pages(entry, first, size >> PAGE_SHIFT, type, attribute);
    return true;
}
