/* SPDX-License-Identifier: BSD-2-Clause
 *
 * arch/cpu.h - what the processor provides to everybody.
 *
 * The functions are inline and live in <arch_cpu.h>, which the include path chooses (a kernel's
 * architecture or the hosted build, where a thread plays the processor).
 *
 *   unsigned arch_cpu_id(void)                   0 .. CONFIG_MAX_CPUS - 1, stable while interrupts
 *                                                or preemption are off
 *   irq_state_t arch_irq_save(void)              interrupts off; what they were
 *   irq_state_t arch_irq_state(void)             the same, without turning them off
 *   void arch_irq_restore(irq_state_t state)     as they were
 *   void arch_irq_enable(void)                   interrupts on
 *   void arch_cpu_relax(void)                    inside a loop that waits for another processor
 *   uint64_t arch_timestamp(void)                ticks that only grow: the time-stamp counter
 *   [[noreturn]] void arch_cpu_halt(void)        interrupts off, asleep for ever
 */
#ifndef MERIDIAN_ARCH_CPU_H
#define MERIDIAN_ARCH_CPU_H

#include "lib/types.h"

typedef uintptr_t irq_state_t;

#include <arch_cpu.h>

/* What this processor is, and what of its protections is in use. */
struct cpu_info {
    char name[49];          /* brand string, or the vendor's when there is none */
    uint32_t apic_id;       /* of the processor that booted, as ACPI's tables name it */
    unsigned physical_bits; /* MAXPHYADDR */
    unsigned linear_bits;
    unsigned table_levels; /* of the page tables in use */
    unsigned largest_leaf; /* as struct page_table has it: 2 = 2 MiB, 3 = 1 GiB */
    bool no_execute;       /* EFER.NXE is on */
    bool hypervisor;
    char protections[48]; /* "WP NX SMEP SMAP UMIP": those that are on */
};

/* The first thing a kernel does: descriptor tables, exception handlers, this processor's data, and
 * every protection that the processor has. From now on an exception ends in a report. Early, once. */
void arch_cpu_init(void);

/* Of the processor that booted. After arch_cpu_init(). */
const struct cpu_info *arch_cpu_info(void);

/* Resets the machine the hard way: a triple fault. */
[[gnu::noreturn]] void arch_cpu_reset(void);

/* Exceptions that have stacks of their own: their number, their names ("double fault"), and a new
 * stack for one of them, whose highest byte lies below `top`. The first stacks are part of the image and have
 * no guard pages. Early, on the processor that booted. */
unsigned arch_cpu_count_exception_stacks(void);
const char *arch_cpu_exception_stack_name(unsigned index);
void arch_cpu_set_exception_stack(unsigned index, vaddr_t top);

#endif
