/* SPDX-License-Identifier: BSD-2-Clause
 *
 * interrupt.h - what both widths' trap.c hand on that is no exception.
 */
#ifndef MERIDIAN_X86_INTERRUPT_H
#define MERIDIAN_X86_INTERRUPT_H

#include "arch/x86/apic.h"
#include "lib/types.h"

/* Handles the interrupt with that vector, from VECTOR_FIRST_FREE on. Interrupts off. */
void interrupt_handle(unsigned vector);

/* An NMI at `instruction`: does not return if it stops this processor (arch_smp_stop_others()). */
void interrupt_stop_if_asked(uintptr_t instruction, uintptr_t frame_pointer);

/* This processor's controller, like that of the one that booted. */
void interrupt_join(void);

/* The controller of the processor that runs this; after arch_interrupts_open(). */
const struct apic *interrupt_apic(void);

#endif
