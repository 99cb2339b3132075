/* SPDX-License-Identifier: BSD-2-Clause
 *
 * symbols.c - a binary search in the table that the build made.
 */
#include "diag/symbols.h"

/* kernel.ld */
extern const char kernel_start[], kernel_text_end[];

const char *symbol_find(vaddr_t address, size_t *offset)
{
    uintptr_t distance = va_value(address) - (uintptr_t)kernel_start;
    uint32_t first = 0;
    uint32_t count = ksyms_count;

    if (va_value(address) < (uintptr_t)kernel_start ||
        va_value(address) >= (uintptr_t)kernel_text_end)
        return NULL;
    /* The last function that begins at or before `distance` is among [first, first + count). */
    while (count > 1) {
        uint32_t half = count / 2;

        if (ksyms_offsets[first + half] <= distance)
            first += half;
        count -= half;
    }
    if (count == 0 || ksyms_offsets[first] > distance)
        return NULL;
    *offset = distance - ksyms_offsets[first];
    return ksyms_names + ksyms_name_offsets[first];
}
