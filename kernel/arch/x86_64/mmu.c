/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mmu.c - the part of arch/mmu.h that is not inline on x86-64.
 */
#include "arch/mmu.h"

#include "arch/x86/registers.h"

uintptr_t arch_direct_map_base;
bool arch_has_pcid;
bool arch_has_invpcid;

bool arch_memory_types_set(void)
{
    msr_write(MSR_PAT, PAT_VALUE); /* every x86-64 processor has it */
    arch_tlb_flush_all();
    return true;
}
