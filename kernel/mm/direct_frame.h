/* SPDX-License-Identifier: BSD-2-Clause
 *
 * direct_frame.h - frames that the kernel keeps a pointer to: page tables, records.
 *
 * They have to lie in the direct map. On most machines all memory does, and any frame will do.
 */
#ifndef MERIDIAN_KERNEL_MM_DIRECT_FRAME_H
#define MERIDIAN_KERNEL_MM_DIRECT_FRAME_H

#include "arch/mmu.h"
#include "mm/pmm.h"

/* One zeroed frame below arch_direct_end(). */
static inline enum status direct_frame_alloc(enum frame_tag tag, pfn_t *frame)
{
    const struct pmm_request request = { .count_frames = 1,
                                         .below = arch_direct_end(),
                                         .tag = tag,
                                         .flags = PMM_ZERO,
                                         .node = PMM_ANY_NODE };

    if (arch_direct_end() == UINT64_MAX)
        return pmm_alloc_zeroed(tag, frame);
    return pmm_alloc_run(&request, frame);
}

#endif
