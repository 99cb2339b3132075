/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cpu_local.h - what each processor has for itself, behind GS: its number, its two tasks, and the
 * fault that a test expects.
 */
#ifndef MERIDIAN_I386_CPU_LOCAL_H
#define MERIDIAN_I386_CPU_LOCAL_H

#include "arch/cpu.h"
#include "arch/trap.h"
#include "lib/types.h"

/* Selectors: index in the GDT times 8 (SDM vol. 3A, 3.4.2). */
#define SELECTOR_KERNEL_CODE  0x08u
#define SELECTOR_KERNEL_DATA  0x10u
#define SELECTOR_USER_CODE    0x1bu /* with ring 3 in the low bits */
#define SELECTOR_USER_DATA    0x23u
#define SELECTOR_TASK         0x28u
#define SELECTOR_DOUBLE_FAULT 0x30u
#define SELECTOR_LOCAL        0x38u /* GS: struct cpu_local */
#define DESCRIPTOR_COUNT      8u
#define SELECTOR_RING         3u /* the bits of a selector that name a ring */

/* Exceptions with a stack of their own. */
enum exception_stack {
    STACK_DOUBLE_FAULT,
    STACK_COUNT,
};

/* SDM vol. 3A, figure 8-2 "32-Bit Task-State Segment (TSS)". */
struct task_state {
    uint32_t link;
    uint32_t ring_stacks[6]; /* ESP and SS of rings 0 to 2 */
    uint32_t cr3, eip, eflags;
    uint32_t eax, ecx, edx, ebx, esp, ebp, esi, edi;
    uint32_t es, cs, ss, ds, fs, gs;
    uint32_t local_table;
    uint16_t debug;
    uint16_t io_map_offset;
};
static_assert(sizeof(struct task_state) == 104, "SDM vol. 3A, figure 8-2");

/* Where arch_trap_try() goes on when its function faults: the registers that a call preserves. The
 * offsets are trap_entry.asm's. */
struct trap_resume {
    uint32_t ebx, ebp, esi, edi, esp, eip;
};

struct trap_try {
    struct trap_resume resume;
    struct trap_info *info;
    void (*witness)(void *context, const struct trap_frame *frame); /* or NULL */
    void *context;                                                  /* the witness' */
    irq_state_t interrupts; /* whether they were on when the try began */
    struct trap_try *outer;
};

/* A run of ring 3: where arch_user_enter() returns, and what was before. */
struct user_run {
    struct trap_resume resume;
    uint32_t kernel_stack;
    struct trap_try *innermost_try;
    struct user_run *outer;
};

struct cpu_local {
    uint32_t id;                    /* first: arch_cpu_id() reads it at GS:0 */
    struct cpu_local *self;         /* at GS:4: cpu_local() */
    uint32_t root_in_use;           /* at GS:8: CR3 as it was written last (arch_mmu.h) */
    uint32_t interrupt_depth;       /* interrupts being handled */
    struct user_run *innermost_run; /* NULL when nothing runs in ring 3 */
    struct trap_try *innermost_try; /* NULL when no fault is expected */
    uint64_t descriptors[DESCRIPTOR_COUNT];
    struct task_state task;         /* where a task switch saves the registers */
    struct task_state double_fault; /* the task that a double fault switches to */
};
static_assert(offsetof(struct cpu_local, self) == 4, "cpu_local() below");
static_assert(offsetof(struct cpu_local, root_in_use) == 8, "arch_mmu.h");

static inline struct cpu_local *cpu_local(void)
{
    struct cpu_local *local;

    __asm__ volatile("movl %%gs:4, %0" : "=r"(local));
    return local;
}

/* Fills the GDT and the tasks of `local` and loads them; GS points to it afterwards. */
void descriptors_load(struct cpu_local *local);

/* Fills the IDT and loads it: all 256 vectors. The other processors only load it. */
void trap_init(void);
void trap_load(void);

/* Opens the way into ring 3 and back; after the protections are on. */
void user_init(void);

#endif
