/* SPDX-License-Identifier: BSD-2-Clause
 *
 * descriptors.c - the GDT and the tasks of a processor.
 *
 * Segments are flat, for the kernel and for ring 3. A 32-bit processor has no table of interrupt stacks: the one exception that
 * cannot use the interrupted stack, the double fault, switches to a task of its own, with all
 * registers. Its descriptor and the kernel's own task are here, in struct cpu_local.
 *
 * Source: SDM vol. 3A, 3.4.5 "Segment Descriptors", 8.2.2 "TSS Descriptor".
 */
#include "arch/x86/registers.h"
#include "cpu_local.h"

/* Base 0, limit 4 GiB, present, ring 0, marked as accessed so that the processor never writes. */
#define DESCRIPTOR_CODE   0x00cf9b000000ffffu /* execute and read */
#define DESCRIPTOR_DATA   0x00cf93000000ffffu /* read and write */
#define DESCRIPTOR_TASK   0x0000890000000000u /* present, 32-bit task state, available */
#define DESCRIPTOR_RING   0x0000600000000000u /* for ring 3 instead */
#define DESCRIPTOR_RECORD 0x0040930000000000u /* read and write, limit in bytes */

/* trap_entry.asm */
void trap_double_fault_task(void);

static uint64_t describe(uint64_t kind, const void *start, size_t size_bytes)
{
    uint64_t base = (uintptr_t)start;

    return kind | (size_bytes - 1) | (base & 0xffffff) << 16 | (base >> 24) << 56;
}

static void fill_descriptors(struct cpu_local *local)
{
    local->descriptors[0] = 0;
    local->descriptors[SELECTOR_KERNEL_CODE / 8] = DESCRIPTOR_CODE;
    local->descriptors[SELECTOR_KERNEL_DATA / 8] = DESCRIPTOR_DATA;
    local->descriptors[SELECTOR_USER_CODE / 8] = DESCRIPTOR_CODE | DESCRIPTOR_RING;
    local->descriptors[SELECTOR_USER_DATA / 8] = DESCRIPTOR_DATA | DESCRIPTOR_RING;
    local->descriptors[SELECTOR_TASK / 8] =
        describe(DESCRIPTOR_TASK, &local->task, sizeof(local->task));
    local->descriptors[SELECTOR_DOUBLE_FAULT / 8] =
        describe(DESCRIPTOR_TASK, &local->double_fault, sizeof(local->double_fault));
    local->descriptors[SELECTOR_LOCAL / 8] = describe(DESCRIPTOR_RECORD, local, sizeof(*local));
}

static void fill_tasks(struct cpu_local *local)
{
    struct task_state *task = &local->double_fault;

    local->task.io_map_offset = sizeof(struct task_state);
    task->cr3 = (uint32_t)cr3_read();
    task->eip = (uintptr_t)trap_double_fault_task;
    task->eflags = FLAGS_FIXED;
    task->cs = SELECTOR_KERNEL_CODE;
    task->ss = task->ds = task->es = SELECTOR_KERNEL_DATA;
    task->gs = SELECTOR_LOCAL;
    task->io_map_offset = sizeof(struct task_state);
}

void descriptors_load(struct cpu_local *local)
{
    struct table_pointer pointer = { .limit = sizeof(local->descriptors) - 1,
                                     .base = (uintptr_t)local->descriptors };

    fill_descriptors(local);
    fill_tasks(local);
    local->self = local;
    local->root_in_use = (uint32_t)cr3_read();
    __asm__ volatile("lgdt %0\n\t"
                     "ljmp %1, $1f\n"
                     "1:\n\t"
                     "movl %2, %%ds\n\t"
                     "movl %2, %%es\n\t"
                     "movl %2, %%ss\n\t"
                     "movl %3, %%fs\n\t"
                     "movl %4, %%gs\n\t"
                     "ltr %w5"
                     :
                     : "m"(pointer), "i"(SELECTOR_KERNEL_CODE), "r"(SELECTOR_KERNEL_DATA), "r"(0),
                       "r"(SELECTOR_LOCAL), "r"(SELECTOR_TASK)
                     : "memory");
}
