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

/* One processor runs this kernel: no other one can hold a translation, or be asked anything. */
void arch_tlb_flush_others(vaddr_t start, size_t size_bytes)
{
    (void)start;
    (void)size_bytes;
}

void arch_tlb_call_others(void (*function)(const void *context), const void *context)
{
    (void)function;
    (void)context;
}
