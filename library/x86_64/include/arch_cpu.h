/* SPDX-License-Identifier: BSD-2-Clause
 *
 * arch_cpu.h - the processor of somebody else's kernel: its number is asked for, where this tree's
 * kernel keeps it behind GS.
 */
#ifndef MERIDIAN_LIBRARY_X86_64_ARCH_CPU_H
#define MERIDIAN_LIBRARY_X86_64_ARCH_CPU_H

#include "arch/embed.h"

#include <arch_instructions_x86.h>

static inline unsigned arch_cpu_id(void)
{
    return meridian_cpu_id();
}

#endif
