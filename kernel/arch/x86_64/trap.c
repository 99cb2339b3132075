/* SPDX-License-Identifier: BSD-2-Clause
 *
 * trap.c - what becomes of an exception.
 *
 * In this order: an interrupt is handled; a read that was allowed to fail fails; a page fault is offered to the memory
 * manager; a program of ring 3 ends; a copy from or to a program fails; a test that waits for a fault
 * gets it; everything else ends in a report.
 *
 * Page faults run on a stack of their own, since the interrupted one may be what faulted. The
 * memory manager may itself touch memory that is backed on touch, so a page fault can nest: while
 * one is handled, the next one's stack begins PAGE_FAULT_STEP lower. When the last step is used up the
 * processor meets the guard page below and reports a double fault.
 *
 * Interrupt gates are used throughout: interrupts are off in every handler. All gates are for ring
 * 0 (an INT n from ring 3 is a general protection fault).
 *
 * Source: SDM vol. 3A, 6.14 "Exception and Interrupt Handling in 64-bit Mode", 6.15 for the vectors,
 * 4.7 for the error code of page faults.
 */
#include "arch/trap.h"

#include "arch/user.h"
#include "arch/x86/exception.h"
#include "arch/x86/interrupt.h"
#include "arch/x86/registers.h"
#include "cpu_local.h"
#include "lib/assert.h"
#include "lib/string.h"
#include "trap_frame.h"

#include "arch/x86/trap_steps.h"

#define STUB_BYTES      16u
#define GATE_INTERRUPT  0x8eu /* present, ring 0, 64-bit interrupt gate: SDM vol. 3A, figure 6-8 */

/* A third of a kernel stack, a multiple of 16. */
#define PAGE_FAULT_STEP (CONFIG_KSTACK_BYTES / 3 & ~15u)

struct gate {
    uint16_t offset_low;
    uint16_t selector;
    uint8_t stack; /* 0, or 1 + enum exception_stack */
    uint8_t type;
    uint16_t offset_middle;
    uint32_t offset_high;
    uint32_t reserved;
};
static_assert(sizeof(struct gate) == 16, "SDM vol. 3A, figure 6-8");

/* trap_entry.asm */
extern const uint8_t trap_stubs[VECTOR_COUNT][STUB_BYTES];
bool trap_try_call(void (*function)(void *context), void *context, struct trap_resume *resume);

void trap_dispatch(struct trap_frame *frame);

[[gnu::aligned(16)]] static struct gate gates[VECTOR_COUNT];

/* --- the table --------------------------------------------------------------------------- */

static uint8_t stack_of_vector(unsigned vector)
{
    switch (vector) {
    case VECTOR_DOUBLE:
        return 1 + STACK_DOUBLE_FAULT;
    case VECTOR_NMI:
        return 1 + STACK_NMI;
    case VECTOR_MACHINE:
        return 1 + STACK_MACHINE_CHECK;
    case VECTOR_DEBUG:
        return 1 + STACK_DEBUG;
    case VECTOR_PAGE:
        return 1 + STACK_PAGE_FAULT;
    default:
        return 0;
    }
}

void trap_init(void)
{
    for (unsigned vector = 0; vector < VECTOR_COUNT; vector++) {
        uint64_t stub = (uintptr_t)trap_stubs[vector];

        gates[vector] = (struct gate){
            .offset_low = (uint16_t)stub,
            .selector = SELECTOR_KERNEL_CODE,
            .stack = stack_of_vector(vector),
            .type = GATE_INTERRUPT,
            .offset_middle = (uint16_t)(stub >> 16),
            .offset_high = (uint32_t)(stub >> 32),
        };
    }
    trap_load();
}

void trap_load(void)
{
    struct table_pointer pointer = { .limit = sizeof(gates) - 1, .base = (uintptr_t)gates };

    __asm__ volatile("lidt %0" : : "m"(pointer) : "memory");
}

/* --- what happened ----------------------------------------------------------------------- */

void arch_trap_describe(const struct trap_frame *frame, struct trap_info *info)
{
    exception_describe(frame->vector, frame->error, frame->cr2, info);
    info->user = is_from_ring_3(frame);
    info->instruction = va(frame->rip);
    info->stack = va(frame->rsp);
    info->frame_pointer = va(frame->rbp);
    memcpy(info->registers, &frame->r15,
           offsetof(struct trap_frame, vector) - offsetof(struct trap_frame, r15));
}

/* --- what becomes of it ------------------------------------------------------------------ */

static void resume_try(struct trap_try *try, struct trap_frame *frame)
{
    watch(try, frame);
    arch_trap_describe(frame, try->info);
    frame->rbx = try->resume.rbx;
    frame->rbp = try->resume.rbp;
    frame->r12 = try->resume.r12;
    frame->r13 = try->resume.r13;
    frame->r14 = try->resume.r14;
    frame->r15 = try->resume.r15;
    frame->rsp = try->resume.rsp;
    frame->rip = try->resume.rip;
    frame->rflags =
        (frame->rflags & ~(uint64_t)FLAG_INTERRUPT) | (try->interrupts & FLAG_INTERRUPT);
}

/* Called by trap_common; when it returns, the frame is what execution goes on with. */
void trap_dispatch(struct trap_frame *frame)
{
    struct cpu_local *local = cpu_local();
    struct task_state *task = &local->task;
    uint64_t restored = task->exception_stacks[STACK_PAGE_FAULT];

    if (is_interrupt(frame) || go_on_elsewhere(frame, false))
        return;
    if (frame->vector == VECTOR_PAGE)
        task->exception_stacks[STACK_PAGE_FAULT] -= PAGE_FAULT_STEP;
    if (exception_resolve(frame->vector, frame->error, frame->cr2)) {
        note_resolved(frame);
    } else if (is_from_ring_3(frame) && exception_is_programs(frame->vector)) {
        user_exception(frame);
    } else if (!go_on_elsewhere(frame, true)) {
        if (local->innermost_try == NULL)
            diag_exception(frame);
        restored = local->innermost_try->page_fault_stack;
        resume_try(local->innermost_try, frame);
    }
    task->exception_stacks[STACK_PAGE_FAULT] = restored;
}

bool arch_trap_try_watched(void (*function)(void *context), void *context,
                           void (*witness)(void *context, const struct trap_frame *frame),
                           struct trap_info *trap)
{
    struct cpu_local *local = cpu_local();
    struct trap_try try = { .info = trap,
                            .witness = witness,
                            .context = context,
                            .page_fault_stack = local->task.exception_stacks[STACK_PAGE_FAULT],
                            .interrupts = arch_irq_state(),
                            .outer = local->innermost_try };
    bool faulted;

    local->innermost_try = &try;
    faulted = trap_try_call(function, context, &try.resume);
    local->innermost_try = try.outer;
    return faulted;
}

bool arch_trap_try(void (*function)(void *context), void *context, struct trap_info *trap)
{
    return arch_trap_try_watched(function, context, NULL, trap);
}

/* --- for reports ------------------------------------------------------------------------- */

bool arch_trap_register(const struct trap_frame *frame, unsigned index, const char **name,
                        uintptr_t *value)
{
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        { "rax", frame->rax }, { "rbx", frame->rbx }, { "rcx", frame->rcx },
        { "rdx", frame->rdx }, { "rsi", frame->rsi }, { "rdi", frame->rdi },
        { "rbp", frame->rbp }, { "rsp", frame->rsp }, { "r8", frame->r8 },
        { "r9", frame->r9 },   { "r10", frame->r10 }, { "r11", frame->r11 },
        { "r12", frame->r12 }, { "r13", frame->r13 }, { "r14", frame->r14 },
        { "r15", frame->r15 }, { "rip", frame->rip }, { "rfl", frame->rflags },
        { "cs", frame->cs },   { "ss", frame->ss },   { "cr0", cr0_read() },
        { "cr2", frame->cr2 }, { "cr3", cr3_read() }, { "cr4", cr4_read() },
    };

    if (index >= ARRAY_COUNT(rows))
        return false;
    *name = rows[index].name;
    *value = rows[index].value;
    return true;
}
