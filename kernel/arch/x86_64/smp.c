/* SPDX-License-Identifier: BSD-2-Clause
 *
 * smp.c - what a second processor needs on x86-64 before it can run C, and how it becomes like the first.
 *
 * It gets a page with its struct cpu_local and three stacks: its own, one for page faults, and one that
 * the other exceptions with a stack share. Those are a program's single step, which goes on afterwards,
 * and ends: the kernel's last report, or a stop. One that interrupts another of them never returns.
 *
 * It takes over the control registers of the first processor. CR4.PCIDE may only be set in long mode, so it
 * comes last (SDM vol. 3A, 4.10.1).
 */
#include "arch/smp.h"

#include "arch/mmu.h"
#include "arch/x86/registers.h"
#include "arch/x86/startup.h"
#include "cpu_local.h"
#include "lib/assert.h"

enum { OWN_STACK, EXCEPTION_STACK, PAGE_FAULT_STACK, STACKS };

static_assert(STACKS <= ARCH_SMP_STACKS_MAX, "arch/smp.h");
static_assert(sizeof(struct cpu_local) <= ARCH_SMP_LOCAL_BYTES, "arch/smp.h");

/* trampoline.asm */
extern const uint8_t startup_entry[];

static uintptr_t cr4_in_use;

unsigned arch_smp_stack_count(void)
{
    return STACKS;
}

const char *arch_smp_stack_name(unsigned index)
{
    static const char *const names[STACKS] = { [OWN_STACK] = "processor",
                                               [EXCEPTION_STACK] = "exceptions",
                                               [PAGE_FAULT_STACK] = "page fault" };

    VERIFY(index < STACKS);
    return names[index];
}

void arch_smp_prepare_local(void *page, unsigned cpu, const vaddr_t stack_tops[])
{
    struct cpu_local *local = page;

    local->id = cpu;
    for (unsigned stack = 0; stack < STACK_COUNT; stack++)
        local->task.exception_stacks[stack] = va_value(stack_tops[EXCEPTION_STACK]);
    local->task.exception_stacks[STACK_PAGE_FAULT] = va_value(stack_tops[PAGE_FAULT_STACK]);
}

void trampoline_set_mode(struct trampoline *trampoline, paddr_t root)
{
    cr4_in_use = cr4_read();
    trampoline->root = (uint32_t)pa_value(root);
    trampoline->cr4 = (uint32_t)cr4_in_use & ~CR4_PCIDE;
    trampoline->efer = (uint32_t)msr_read(MSR_EFER) & ~EFER_LMA;
    trampoline->cr0 = (uint32_t)cr0_read();
    trampoline->entry = (uintptr_t)startup_entry;
}

void cpu_join(void *page)
{
    descriptors_load(page);
    trap_load();
    cr4_write(cr4_in_use);
    user_init();
}

unsigned arch_interrupt_depth(void)
{
    return cpu_local()->interrupt_depth;
}
