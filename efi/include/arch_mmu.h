/* SPDX-License-Identifier: BSD-2-Clause
 *
 * arch_mmu.h - the inline side of arch/mmu.h inside the loader.
 *
 * UEFI maps all memory at its physical address (UEFI 2.10, 2.3.4), so a physical address is a
 * pointer. The tables that the loader builds are never in use while it changes them: no
 * translation of theirs is cached, and there is nothing to flush.
 */
#ifndef MERIDIAN_EFI_ARCH_MMU_H
#define MERIDIAN_EFI_ARCH_MMU_H

#include "lib/types.h"

static inline void *arch_phys_ptr(paddr_t address)
{
    return (void *)(uintptr_t)pa_value(address);
}

static inline paddr_t arch_ptr_phys(const void *pointer)
{
    return pa((uintptr_t)pointer);
}

#include "arch/mmu_direct.h"

static inline void arch_tlb_flush_page(vaddr_t page)
{
    (void)page;
}

static inline void arch_tlb_flush_all(void)
{
}

#endif
