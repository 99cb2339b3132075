/* SPDX-License-Identifier: BSD-2-Clause
 *
 * descriptors.c - the GDT and the task state of a processor.
 *
 * Long mode keeps little of segmentation: one code and one data segment for the kernel and for ring
 * 3 each (none with 32 bits, so that ring 3 cannot leave 64-bit mode), and the task state, which names the stacks that certain exceptions switch to. Each processor has its own
 * in struct cpu_local. The loader's tables are memory that is about to be reclaimed, so this comes
 * first.
 *
 * Source: SDM vol. 3A, 3.4.5 "Segment Descriptors", 8.2.3 "TSS Descriptor in 64-bit mode".
 */
#include "arch/x86/registers.h"
#include "cpu_local.h"

/* Base 0, limit 4 GiB, present, ring 0, marked as accessed so that the processor never writes. */
#define DESCRIPTOR_CODE 0x00af9b000000ffffu /* long mode, execute and read */
#define DESCRIPTOR_DATA 0x00cf93000000ffffu /* read and write */
#define DESCRIPTOR_RING 0x0000600000000000u /* for ring 3 instead */
#define DESCRIPTOR_TASK 0x0000890000000000u /* present, 64-bit task state, available */

static void fill_descriptors(struct cpu_local *local)
{
    uint64_t task = (uintptr_t)&local->task;
    uint64_t limit = sizeof(struct task_state) - 1;

    local->descriptors[0] = 0;
    local->descriptors[SELECTOR_KERNEL_CODE / 8] = DESCRIPTOR_CODE;
    local->descriptors[SELECTOR_KERNEL_DATA / 8] = DESCRIPTOR_DATA;
    local->descriptors[SELECTOR_USER_DATA / 8] = DESCRIPTOR_DATA | DESCRIPTOR_RING;
    local->descriptors[SELECTOR_USER_CODE / 8] = DESCRIPTOR_CODE | DESCRIPTOR_RING;
    local->descriptors[SELECTOR_TASK / 8] =
        DESCRIPTOR_TASK | limit | (task & 0xffffff) << 16 | (task >> 24 & 0xff) << 56;
    local->descriptors[SELECTOR_TASK / 8 + 1] = task >> 32;
    local->task.io_map_offset = sizeof(struct task_state);
}

/* A far return is how long mode changes its code segment. */
static void load_segments(void)
{
    __asm__ volatile("pushq %0\n\t"
                     "leaq 1f(%%rip), %%rax\n\t"
                     "pushq %%rax\n\t"
                     "lretq\n"
                     "1:\n\t"
                     "movl %1, %%ds\n\t"
                     "movl %1, %%es\n\t"
                     "movl %1, %%ss\n\t"
                     "movl %2, %%fs\n\t"
                     "movl %2, %%gs"
                     :
                     : "i"(SELECTOR_KERNEL_CODE), "r"(SELECTOR_KERNEL_DATA), "r"(0)
                     : "rax", "memory");
}

void descriptors_load(struct cpu_local *local)
{
    struct table_pointer pointer = { .limit = sizeof(local->descriptors) - 1,
                                     .base = (uintptr_t)local->descriptors };

    fill_descriptors(local);
    local->self = local;
    __asm__ volatile("lgdt %0" : : "m"(pointer) : "memory");
    load_segments();
    msr_write(MSR_GS_BASE, (uintptr_t)local);
    __asm__ volatile("ltr %w0" : : "r"(SELECTOR_TASK) : "memory");
}
