/* SPDX-License-Identifier: BSD-2-Clause
 *
 * range.h - whether a range that a program named can be its own.
 */
#ifndef MERIDIAN_KERNEL_USER_RANGE_H
#define MERIDIAN_KERNEL_USER_RANGE_H

#include "lib/types.h"

/* Whether [start, + size_bytes) ends at or below `end` without wrapping. An empty range does
 * wherever it is. */
static inline bool range_ends_below(uintptr_t start, size_t size_bytes, uintptr_t end)
{
    return size_bytes == 0 || (start < end && size_bytes <= end - start);
}

#endif
