/* SPDX-License-Identifier: BSD-2-Clause
 *
 * arch_cpu_x86.h - what both widths of arch_cpu.h have in common.
 *
 * GS points at this processor's struct cpu_local, whose first field is its number; it is set before
 * anything that asks for it (arch_cpu_init()).
 */
#ifndef MERIDIAN_X86_ARCH_CPU_X86_H
#define MERIDIAN_X86_ARCH_CPU_X86_H

#include <arch_instructions_x86.h>

static inline unsigned arch_cpu_id(void)
{
    unsigned id;

    __asm__ volatile("movl %%gs:0, %0" : "=r"(id));
    return id;
}

#endif
