/* SPDX-License-Identifier: BSD-2-Clause
 *
 * trap.c - what becomes of an exception.
 *
 * In this order: a read that was allowed to fail fails; a page fault is offered to the memory
 * manager; a program of ring 3 ends; a copy from or to a program fails; a test that waits for a fault
 * gets it; everything else ends in a report.
 *
 * Exceptions run on the interrupted stack, page faults too. When that stack is what faulted, the
 * fault cannot be delivered, and the double fault that follows switches to a task of its own: its
 * registers are where the task switch saved them, and going back is another switch.
 *
 * Interrupt gates are used for all others: interrupts are off in every handler. All gates but that
 * of system calls are for ring 0 (an INT n from ring 3 is a general protection fault).
 *
 * Source: SDM vol. 3A, 6.12 "Exception and Interrupt Handling", 6.15 for the vectors, 4.7 for the
 * error code of page faults, 8.3 "Task Switching".
 */
#include "arch/trap.h"

#include "arch/mmu.h"
#include "arch/user.h"
#include "arch/x86/exception.h"
#include "arch/x86/interrupt.h"
#include "arch/x86/registers.h"
#include "cpu_local.h"
#include "lib/assert.h"
#include "lib/string.h"
#include "trap_frame.h"
#include "user_call.h"

#include "arch/x86/trap_steps.h"

#define STUB_BYTES     16u
#define GATE_INTERRUPT 0x8eu /* present, ring 0, 32-bit interrupt gate: SDM vol. 3A, figure 6-2 */
#define GATE_CALL      0xeeu /* the same, open to ring 3 */
#define GATE_TASK      0x85u /* present, ring 0, task gate */

struct gate {
    uint16_t offset_low;
    uint16_t selector;
    uint8_t reserved;
    uint8_t type;
    uint16_t offset_high;
};
static_assert(sizeof(struct gate) == 8, "SDM vol. 3A, figure 6-2");

/* trap_entry.asm */
extern const uint8_t trap_stubs[VECTOR_COUNT][STUB_BYTES];
bool trap_try_call(void (*function)(void *context), void *context, struct trap_resume *resume);

void trap_dispatch(struct trap_frame *frame);
void trap_double_fault(void);

[[gnu::aligned(16)]] static struct gate gates[VECTOR_COUNT];

/* --- the table --------------------------------------------------------------------------- */

void trap_init(void)
{
    for (unsigned vector = 0; vector < VECTOR_COUNT; vector++) {
        uintptr_t stub = (uintptr_t)trap_stubs[vector];

        gates[vector] = (struct gate){
            .offset_low = (uint16_t)stub,
            .selector = SELECTOR_KERNEL_CODE,
            .type = GATE_INTERRUPT,
            .offset_high = (uint16_t)(stub >> 16),
        };
    }
    gates[VECTOR_CALL].type = GATE_CALL;
    gates[VECTOR_DOUBLE] = (struct gate){ .selector = SELECTOR_DOUBLE_FAULT, .type = GATE_TASK };
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
    info->instruction = va(frame->eip);
    info->stack = va(frame->esp);
    info->frame_pointer = va(frame->ebp);
    memcpy(info->registers, &frame->edi,
           offsetof(struct trap_frame, vector) - offsetof(struct trap_frame, edi));
}

/* --- what becomes of it ------------------------------------------------------------------ */

static void resume_try(struct trap_try *try, struct trap_frame *frame)
{
    watch(try, frame);
    arch_trap_describe(frame, try->info);
    frame->ebx = try->resume.ebx;
    frame->ebp = try->resume.ebp;
    frame->esi = try->resume.esi;
    frame->edi = try->resume.edi;
    frame->esp = try->resume.esp;
    frame->eip = try->resume.eip;
    frame->eflags = (frame->eflags & ~FLAG_INTERRUPT) | (try->interrupts & FLAG_INTERRUPT);
}

/* A system call, or what SYSENTER brings along: user.c. */
static bool is_call(struct trap_frame *frame)
{
    if (is_from_ring_3(frame) && frame->vector == VECTOR_CALL) {
        user_call_dispatch(frame);
        return true;
    }
    return frame->vector == VECTOR_DEBUG && user_ends_single_step(frame);
}

/* Called by trap_common; when it returns, the frame is what execution goes on with. */
void trap_dispatch(struct trap_frame *frame)
{
    struct cpu_local *local = cpu_local();

    if (is_call(frame) || is_interrupt(frame) || go_on_elsewhere(frame, false))
        return;
    if (exception_resolve(frame->vector, frame->error, frame->cr2)) {
        note_resolved(frame);
    } else if (is_from_ring_3(frame) && exception_is_programs(frame->vector)) {
        user_exception(frame);
    } else if (!go_on_elsewhere(frame, true)) {
        if (local->innermost_try == NULL)
            diag_exception(frame);
        resume_try(local->innermost_try, frame);
    }
}

/* Called by the task of the double fault, on its stack: the interrupted registers are in the
 * kernel's own task, which is where it goes on. A task switch loads CR3 but does not save it. */
void trap_double_fault(void)
{
    struct task_state *task = &cpu_local()->task;
    struct trap_frame frame = { .vector = VECTOR_DOUBLE,
                                .cr2 = (uint32_t)cr2_read(),
                                .esp = task->esp,
                                .edi = task->edi,
                                .esi = task->esi,
                                .ebp = task->ebp,
                                .ebx = task->ebx,
                                .edx = task->edx,
                                .ecx = task->ecx,
                                .eax = task->eax,
                                .eip = task->eip,
                                .gs = task->gs,
                                .fs = task->fs,
                                .es = task->es,
                                .ds = task->ds,
                                .cs = task->cs,
                                .eflags = task->eflags };

    trap_dispatch(&frame);
    task->cr3 = cpu_local()->root_in_use;
    task->ebx = frame.ebx;
    task->ebp = frame.ebp;
    task->esi = frame.esi;
    task->edi = frame.edi;
    task->esp = frame.esp;
    task->eip = frame.eip;
    task->eflags = frame.eflags;
}

bool arch_trap_try_watched(void (*function)(void *context), void *context,
                           void (*witness)(void *context, const struct trap_frame *frame),
                           struct trap_info *trap)
{
    struct cpu_local *local = cpu_local();
    struct trap_try try = { .info = trap,
                            .witness = witness,
                            .context = context,
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
        uint32_t value;
    } rows[] = {
        { "eax", frame->eax }, { "ebx", frame->ebx },           { "ecx", frame->ecx },
        { "edx", frame->edx }, { "esi", frame->esi },           { "edi", frame->edi },
        { "ebp", frame->ebp }, { "esp", frame->esp },           { "eip", frame->eip },
        { "cs", frame->cs },   { "efl", frame->eflags },        { "cr0", (uint32_t)cr0_read() },
        { "cr2", frame->cr2 }, { "cr3", (uint32_t)cr3_read() },
    };

    if (index >= ARRAY_COUNT(rows))
        return false;
    *name = rows[index].name;
    *value = rows[index].value;
    return true;
}
