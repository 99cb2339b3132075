/* SPDX-License-Identifier: BSD-2-Clause
 *
 * user.c - ring 3 on i386: INT 80h and SYSENTER, and runs of a program.
 *
 * Both ways in leave the same struct trap_frame and go through trap_common; the way out is always
 * IRET, which restores all registers, whichever way the program came.
 *
 * SYSENTER saves nothing: the program says in ECX and EDX where to go on, and its flags are lost. It
 * clears neither TF nor AC nor the direction. trap_common loads the flags; but with TF the very first
 * instruction here is followed by a debug exception in ring 0, whose handler turns TF off. Its stack
 * is that of the program's system calls, as with INT 80h.
 *
 * Interrupts are on in ring 3 where they are in the kernel: a machine without an APIC has the old controllers as
 * its firmware left them, and lets nothing in. All ways in turn them off.
 *
 * A program's segment registers are saved and all loaded anew on every way in, so that no selector
 * of its choice is ever used by the kernel.
 *
 * The FPU. The kernel is compiled for general registers only and keeps no others; CR0.TS stays on, and
 * makes the first x87, MMX or SSE instruction of a program an exception.
 *
 * Source: SDM vol. 2B, SYSENTER; vol. 3A, 5.8.7, 6.12.1, 2.5.
 */
#include "arch/user.h"

#include "arch/x86/cpuid.h"
#include "arch/x86/exception.h"
#include "arch/x86/registers.h"
#include "cpu_local.h"
#include "lib/assert.h"
#include "user_call.h"

/* SDM vol. 2B, SYSENTER: the Pentium Pro says that it has the instruction, but has not. */
#define PENTIUM_PRO_FAMILY 6u
#define FIRST_WITH_IT      0x633u

/* user_entry.asm */
extern const uint8_t user_sysenter_entry[];
void user_enter(struct trap_frame *frame, struct trap_resume *resume);
[[gnu::noreturn]] void user_leave(const struct trap_resume *resume);

/* Read by user_entry.asm. The flags are those that a program goes on with after SYSENTER. */
uint8_t user_has_smap;
uint32_t user_flags = FLAGS_FIXED;

static bool has_sysenter;

static bool find_sysenter(void)
{
    struct cpuid features = cpuid_or_zero(CPUID_FEATURES, 0);
    bool is_old = (features.eax >> 8 & 0xf) == PENTIUM_PRO_FAMILY &&
                  (features.eax & 0xfff) < FIRST_WITH_IT && (features.eax >> 16 & 0xf) == 0;

    return (features.edx & CPUID_1_EDX_SEP) != 0 && !is_old;
}

void user_init(void)
{
    cr0_write(cr0_read() | CR0_TS | CR0_MP);
    user_has_smap = (cpuid_or_zero(CPUID_STRUCTURED, 0).ebx & CPUID_7_EBX_SMAP) != 0;
    has_sysenter = find_sysenter();
    if (!has_sysenter)
        return;
    msr_write(MSR_SYSENTER_CS, SELECTOR_KERNEL_CODE);
    msr_write(MSR_SYSENTER_EIP, (uintptr_t)user_sysenter_entry);
}

/* --- runs -------------------------------------------------------------------------------- */

static void set_kernel_stack(struct cpu_local *local, uint32_t top)
{
    local->task.ring_stacks[0] = top;
    local->task.ring_stacks[1] = SELECTOR_KERNEL_DATA;
    if (has_sysenter)
        msr_write(MSR_SYSENTER_ESP, top);
}

static void run(struct trap_frame *frame, vaddr_t kernel_stack)
{
    irq_state_t interrupts = arch_irq_save();
    struct cpu_local *local = cpu_local();
    struct user_run run = { .kernel_stack = local->task.ring_stacks[0],
                            .innermost_try = local->innermost_try,
                            .outer = local->innermost_run };

    set_kernel_stack(local, va_value(kernel_stack));
    local->innermost_try = NULL;
    local->innermost_run = &run;
    user_enter(frame, &run.resume);
    local->innermost_run = run.outer;
    local->innermost_try = run.innermost_try;
    set_kernel_stack(local, run.kernel_stack);
    arch_irq_restore(interrupts);
}

void arch_user_enter(vaddr_t entry, vaddr_t stack, uintptr_t argument, vaddr_t kernel_stack)
{
    uint32_t flags = FLAGS_FIXED | (arch_irq_state() & FLAG_INTERRUPT);
    struct trap_frame frame = { .eip = va_value(entry),
                                .cs = SELECTOR_USER_CODE,
                                .eflags = flags,
                                .user_esp = va_value(stack),
                                .user_ss = SELECTOR_USER_DATA,
                                .ds = SELECTOR_USER_DATA,
                                .es = SELECTOR_USER_DATA,
                                .eax = argument,
                                .edx = has_sysenter };

    user_flags = flags;
    run(&frame, kernel_stack);
}

void arch_user_enter_copy(const struct trap_frame *frame, uintptr_t result, vaddr_t kernel_stack)
{
    struct trap_frame copy = *frame;

    copy.eax = result;
    run(&copy, kernel_stack);
}

void arch_user_leave(void)
{
    struct cpu_local *local = cpu_local();

    VERIFY(local->innermost_run != NULL);
    user_leave(&local->innermost_run->resume);
}

/* --- system calls ------------------------------------------------------------------------ */

void user_call_dispatch(struct trap_frame *frame)
{
    const struct arch_user_call call = { .number = frame->eax,
                                         .arguments = { frame->ebx, frame->esi, frame->edi } };

    frame->eax = user_system_call(frame, &call);
}

bool user_ends_single_step(struct trap_frame *frame)
{
    if (frame->eip != (uintptr_t)user_sysenter_entry)
        return false;
    frame->eflags &= ~FLAG_TRAP;
    return true;
}
