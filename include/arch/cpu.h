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
 *   void arch_irq_restore(irq_state_t state)     as they were
 *   void arch_cpu_relax(void)                    inside a loop that waits for another processor
 *   uint64_t arch_timestamp(void)                ticks that only grow: the time-stamp counter
 *   [[noreturn]] void arch_cpu_halt(void)        interrupts off, asleep for ever
 */
#ifndef MERIDIAN_ARCH_CPU_H
#define MERIDIAN_ARCH_CPU_H

#include "lib/types.h"

typedef uintptr_t irq_state_t;

#include <arch_cpu.h>

#endif
