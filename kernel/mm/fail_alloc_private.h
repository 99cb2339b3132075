/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fail_alloc_private.h - what has to be out of the way before every request is seen.
 */
#ifndef MERIDIAN_KERNEL_MM_FAIL_ALLOC_PRIVATE_H
#define MERIDIAN_KERNEL_MM_FAIL_ALLOC_PRIVATE_H

#include "mm/fail_alloc.h"

/* Sets the numbers: requests are counted from here on. */
void fail_alloc_arm(uint64_t first, uint64_t count);

/* Keeps this processor from its cache of frames, whose contents go back; or lets it use it again. */
void cpu_cache_set_aside(bool aside);

/* The same for all processors and their magazines of objects. */
void heap_set_aside(bool aside);

#endif
