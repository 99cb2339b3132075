/* SPDX-License-Identifier: BSD-2-Clause
 *
 * user.c - ring 3 on x86-64: SYSCALL and SYSRET, and runs of a program.
 *
 * GS. In the kernel, GS points to struct cpu_local; in ring 3 its base is 0. SWAPGS exchanges the two,
 * and must be executed exactly once on each way. SYSCALL always comes from ring 3, so its entry swaps
 * first of all. An exception may come from anywhere, also from between SYSCALL and its SWAPGS (NMI,
 * machine check): trap_entry.asm looks at the base itself. It can be trusted: ring 3 cannot write it,
 * for CR4.FSGSBASE is off and a selector only loads a base from the GDT, which is 0.
 *
 * Stacks. SYSCALL does not change RSP: until user_entry.asm has, the kernel is on the program's stack.
 * It touches that stack never, and exceptions that can happen there (NMI, machine check, debug, double
 * fault) have stacks of their own.
 *
 * SYSRET. To an address that is not canonical it faults in ring 0, on the program's stack with the
 * program's GS. Such an address is what comes after a SYSCALL in the last bytes of the lower half; it
 * ends the program here, before.
 *
 * Interrupts are on in ring 3 where they are in the kernel, and come in like exceptions, on the kernel stack
 * of the program. SYSCALL turns them off before its first instruction, and SYSRET on with its last.
 *
 * The FPU. The kernel is compiled for general registers only and keeps no others; CR0.TS stays on, and
 * makes the first x87, MMX, SSE or AVX instruction of a program an exception.
 *
 * Source: SDM vol. 2B, SYSCALL and SYSRET; vol. 3A, 5.8.7 and 5.8.8, 2.5.
 */
#include "arch/user.h"

#include "arch/x86/cpuid.h"
#include "arch/x86/exception.h"
#include "arch/x86/registers.h"
#include "cpu_local.h"
#include "lib/assert.h"
#include "trap_frame.h"

#include <arch_layout.h>

/* What must not be as a program left it: no single steps, no interrupts, strings upwards, and SMAP
 * without override. */
#define FLAGS_CLEARED                                                                              \
    (FLAG_TRAP | FLAG_INTERRUPT | FLAG_DIRECTION | FLAG_IOPL | FLAG_NESTED | FLAG_ALIGNMENT)

/* user_entry.asm */
extern const uint8_t user_call_entry[];
void user_call_dispatch(struct trap_frame *frame);
void user_enter(struct trap_frame *frame, struct trap_resume *resume);
[[gnu::noreturn]] void user_leave(const struct trap_resume *resume);

/* Read by user_entry.asm. */
uint8_t user_has_smap;

void user_init(void)
{
    cr0_write(cr0_read() | CR0_TS | CR0_MP);
    cr4_write(cr4_read() & ~(uintptr_t)CR4_FSGSBASE);
    user_has_smap = (cr4_read() & CR4_SMAP) != 0;
    msr_write(MSR_STAR,
              (uint64_t)(SELECTOR_USER_DATA - 8) << 48 | (uint64_t)SELECTOR_KERNEL_CODE << 32);
    msr_write(MSR_LSTAR, (uintptr_t)user_call_entry);
    msr_write(MSR_FMASK, FLAGS_CLEARED);
    msr_write(MSR_KERNEL_GS_BASE, 0);
    msr_write(MSR_SYSENTER_CS, 0);
    msr_write(MSR_EFER, msr_read(MSR_EFER) | EFER_SCE);
}

/* --- runs -------------------------------------------------------------------------------- */

static void set_kernel_stack(struct cpu_local *local, uint64_t top)
{
    local->kernel_stack = top;
    local->task.ring_stacks[0] = top;
}

static void run(struct trap_frame *frame, vaddr_t kernel_stack)
{
    irq_state_t interrupts = arch_irq_save();
    struct cpu_local *local = cpu_local();
    struct user_run run = { .kernel_stack = local->kernel_stack,
                            .page_fault_stack = local->task.exception_stacks[STACK_PAGE_FAULT],
                            .innermost_try = local->innermost_try,
                            .outer = local->innermost_run };

    set_kernel_stack(local, va_value(kernel_stack));
    local->innermost_try = NULL;
    local->innermost_run = &run;
    user_enter(frame, &run.resume);
    local->innermost_run = run.outer;
    local->innermost_try = run.innermost_try;
    local->task.exception_stacks[STACK_PAGE_FAULT] = run.page_fault_stack;
    set_kernel_stack(local, run.kernel_stack);
    arch_irq_restore(interrupts);
}

/* A function finds its return address on a stack that is 8 below a multiple of 16. */
void arch_user_enter(vaddr_t entry, vaddr_t stack, uintptr_t argument, vaddr_t kernel_stack)
{
    struct trap_frame frame = { .rip = va_value(entry),
                                .cs = SELECTOR_USER_CODE,
                                .rflags = FLAGS_FIXED | (arch_irq_state() & FLAG_INTERRUPT),
                                .rsp = va_value(stack),
                                .ss = SELECTOR_USER_DATA,
                                .rdi = argument };

    run(&frame, kernel_stack);
}

void arch_user_enter_copy(const struct trap_frame *frame, uintptr_t result, vaddr_t kernel_stack)
{
    struct trap_frame copy = *frame;

    copy.rax = result;
    run(&copy, kernel_stack);
}

void arch_user_leave(void)
{
    struct cpu_local *local = cpu_local();

    VERIFY(local->innermost_run != NULL);
    user_leave(&local->innermost_run->resume);
}

/* --- system calls ------------------------------------------------------------------------ */

static bool is_canonical(uint64_t address)
{
    unsigned unused = cr4_read() & CR4_LA57 ? 64 - 57 : 64 - 48;

    return (uint64_t)((int64_t)(address << unused) >> unused) == address;
}

/* Called by user_call_entry; when it returns, the program goes on with the frame, by SYSRET. */
void user_call_dispatch(struct trap_frame *frame)
{
    const struct arch_user_call call = { .number = frame->rax,
                                         .arguments = { frame->rdi, frame->rsi, frame->rdx } };

    if (!is_canonical(frame->rip)) {
        frame->vector = VECTOR_PROTECT; /* what going on there would be */
        user_exception(frame);
    }
    frame->rax = user_system_call(frame, &call);
}
