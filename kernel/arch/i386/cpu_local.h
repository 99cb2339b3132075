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
#define SELECTOR_TASK         0x18u
#define SELECTOR_DOUBLE_FAULT 0x20u
#define SELECTOR_LOCAL        0x28u /* GS: struct cpu_local */
#define DESCRIPTOR_COUNT      6u

/* Exceptions with a stack of their own. */
enum exception_stack {
    STACK_DOUBLE_FAULT,
    STACK_COUNT,
};

/* SDM vol. 3A, figure 8-2 "32-Bit Task-State Segment (TSS)". */
struct task_state {
    uint32_t link;
    uint32_t ring_stacks[6];
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
    struct trap_try *outer;
};

struct cpu_local {
    uint32_t id;                    /* first: arch_cpu_id() reads it at GS:0 */
    struct cpu_local *self;         /* at GS:4: cpu_local() */
    struct trap_try *innermost_try; /* NULL when no fault is expected */
    uint64_t descriptors[DESCRIPTOR_COUNT];
    struct task_state task;         /* where a task switch saves the registers */
    struct task_state double_fault; /* the task that a double fault switches to */
};
static_assert(offsetof(struct cpu_local, self) == 4, "cpu_local() below");

static inline struct cpu_local *cpu_local(void)
{
    struct cpu_local *local;

    __asm__ volatile("movl %%gs:4, %0" : "=r"(local));
    return local;
}

/* Fills the GDT and the tasks of `local` and loads them; GS points to it afterwards. */
void descriptors_load(struct cpu_local *local);

/* Fills the IDT and loads it: all 256 vectors. */
void trap_init(void);

#endif
