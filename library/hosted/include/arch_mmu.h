/* SPDX-License-Identifier: BSD-2-Clause
 *
 * arch_mmu.h - the memory of a process, as the memory manager sees it.
 *
 * "Physical memory" is a range of addresses that the process set aside, all of it always there, so that a frame is
 * reached by one addition. The heap's page tables (paging.c) are never walked by a processor, only by
 * the library: no translation is cached anywhere but by the embedder, who is told of each change.
 */
#ifndef MERIDIAN_LIBRARY_HOSTED_ARCH_MMU_H
#define MERIDIAN_LIBRARY_HOSTED_ARCH_MMU_H

extern uintptr_t library_ram; /* where physical address 0 appears */

static inline void *arch_phys_ptr(paddr_t address)
{
    return (void *)(library_ram + pa_value(address));
}

static inline paddr_t arch_ptr_phys(const void *pointer)
{
    return pa((uintptr_t)pointer - library_ram);
}

#include "arch/mmu_direct.h"

/* Nothing is cached. */
static inline void arch_tlb_flush_page(vaddr_t page)
{
    (void)page;
}

static inline void arch_tlb_flush_all(void)
{
}

#endif
