/* SPDX-License-Identifier: BSD-2-Clause
 *
 * smp.c - what a second processor needs on i386 before it can run C, and how it becomes like the first.
 *
 * It gets a page with its struct cpu_local, its two tasks among it, which must not straddle pages; and two
 * stacks, its own and that of the double fault's task. It takes over the control registers of the first
 * processor: page sizes, PAE and protections are the same for all.
 */
#include "arch/smp.h"

#include "arch/mmu.h"
#include "arch/x86/cpuid.h"
#include "arch/x86/registers.h"
#include "arch/x86/startup.h"
#include "cpu_local.h"
#include "lib/assert.h"

enum { OWN_STACK, DOUBLE_FAULT_STACK, STACKS };

static_assert(STACKS <= ARCH_SMP_STACKS_MAX, "arch/smp.h");
static_assert(sizeof(struct cpu_local) <= ARCH_SMP_LOCAL_BYTES, "arch/smp.h");

/* trampoline.asm */
extern const uint8_t startup_entry[];

unsigned arch_smp_stack_count(void)
{
    return STACKS;
}

const char *arch_smp_stack_name(unsigned index)
{
    static const char *const names[STACKS] = {
        [OWN_STACK] = "processor", [DOUBLE_FAULT_STACK] = "double fault"
    };

    VERIFY(index < STACKS);
    return names[index];
}

void arch_smp_prepare_local(void *page, unsigned cpu, const vaddr_t stack_tops[])
{
    struct cpu_local *local = page;

    local->id = cpu;
    local->double_fault.esp = va_value(stack_tops[DOUBLE_FAULT_STACK]);
}

/* A processor with a local APIC has CR4; one that has EFER has the no-execute bit. */
void trampoline_set_mode(struct trampoline *trampoline, paddr_t root)
{
    bool has_efer = cpuid_or_zero(CPUID_EXTENDED_FEATURES, 0).edx & CPUID_80000001_EDX_NX;

    trampoline->root = (uint32_t)pa_value(root);
    trampoline->cr4 = (uint32_t)cr4_read();
    trampoline->efer = has_efer ? (uint32_t)msr_read(MSR_EFER) : 0;
    trampoline->cr0 = (uint32_t)cr0_read();
    trampoline->entry = (uintptr_t)startup_entry;
}

void cpu_join(void *page)
{
    descriptors_load(page);
    trap_load();
    user_init();
}

unsigned arch_interrupt_depth(void)
{
    return cpu_local()->interrupt_depth;
}
