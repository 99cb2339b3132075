/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cpu_local.h - what each processor has for itself, behind GS: its number, its task state with the
 * stacks of exceptions, and the fault that a test expects.
 */
#ifndef MERIDIAN_X86_64_CPU_LOCAL_H
#define MERIDIAN_X86_64_CPU_LOCAL_H

#include "arch/cpu.h"
#include "arch/trap.h"
#include "lib/types.h"

/* Selectors: index in the GDT times 8 (SDM vol. 3A, 3.4.2). */
#define SELECTOR_KERNEL_CODE 0x08u
#define SELECTOR_KERNEL_DATA 0x10u
#define SELECTOR_USER_DATA   0x1bu /* with ring 3 in the low bits; SYSRET wants data before code */
#define SELECTOR_USER_CODE   0x23u
#define SELECTOR_TASK        0x28u /* two slots: SDM vol. 3A, figure 8-4 */
#define DESCRIPTOR_COUNT     7u
#define SELECTOR_RING        3u /* the bits of a selector that name a ring */

/* Exceptions with a stack of their own: index + 1 is the number in an interrupt gate. */
enum exception_stack {
    STACK_DOUBLE_FAULT,
    STACK_NMI,
    STACK_MACHINE_CHECK,
    STACK_DEBUG,
    STACK_PAGE_FAULT,
    STACK_COUNT,
};

#define EXCEPTION_STACK_SLOTS 7

/* SDM vol. 3A, figure 8-11 "64-Bit TSS Format". */
struct [[gnu::packed]] task_state {
    uint32_t reserved0;
    uint64_t ring_stacks[3];
    uint64_t reserved1;
    uint64_t exception_stacks[EXCEPTION_STACK_SLOTS]; /* IST 1 to 7: one past the highest byte */
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t io_map_offset;
};
static_assert(sizeof(struct task_state) == 104, "SDM vol. 3A, figure 8-11");

/* Where arch_trap_try() goes on when its function faults: the registers that a call preserves. The
 * offsets are trap_entry.asm's. */
struct trap_resume {
    uint64_t rbx, rbp, r12, r13, r14, r15, rsp, rip;
};

struct trap_try {
    struct trap_resume resume;
    struct trap_info *info;
    void (*witness)(void *context, const struct trap_frame *frame); /* or NULL */
    void *context;                                                  /* the witness' */
    uint64_t page_fault_stack; /* exception_stacks[STACK_PAGE_FAULT] when the try began */
    irq_state_t interrupts;    /* whether they were on then */
    struct trap_try *outer;
};

/* A run of ring 3: where arch_user_enter() returns, and what was before. */
struct user_run {
    struct trap_resume resume;
    uint64_t kernel_stack;
    uint64_t page_fault_stack;
    struct trap_try *innermost_try;
    struct user_run *outer;
};

struct cpu_local {
    uint32_t id;              /* first: arch_cpu_id() reads it at GS:0 */
    uint32_t interrupt_depth; /* interrupts being handled */
    struct cpu_local *self;   /* at GS:8: cpu_local() */
    uint64_t
        kernel_stack;    /* at GS:16: where a system call's stack begins, as task.ring_stacks[0] */
    uint64_t user_stack; /* at GS:24: RSP of ring 3 for a moment; user_entry.asm */
    struct user_run *innermost_run; /* NULL when nothing runs in ring 3 */
    struct trap_try *innermost_try; /* NULL when no fault is expected */
    uint64_t descriptors[DESCRIPTOR_COUNT];
    struct task_state task;
};
static_assert(offsetof(struct cpu_local, self) == 8, "cpu_local() below");
static_assert(offsetof(struct cpu_local, kernel_stack) == 16, "user_entry.asm");
static_assert(offsetof(struct cpu_local, user_stack) == 24, "user_entry.asm");

static inline struct cpu_local *cpu_local(void)
{
    struct cpu_local *local;

    __asm__ volatile("movq %%gs:8, %0" : "=r"(local));
    return local;
}

/* Fills the GDT and the task state of `local` and loads them; GS points to it afterwards. */
void descriptors_load(struct cpu_local *local);

/* Fills the IDT and loads it: all 256 vectors. The other processors only load it. */
void trap_init(void);
void trap_load(void);

/* Opens the way into ring 3 and back; after the protections are on. */
void user_init(void);

#endif
