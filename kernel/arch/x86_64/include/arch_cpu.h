/* SPDX-License-Identifier: BSD-2-Clause
 *
 * arch_cpu.h - the processor, as include/arch/cpu.h promises it.
 */
#ifndef MERIDIAN_X86_64_ARCH_CPU_H
#define MERIDIAN_X86_64_ARCH_CPU_H

#include <arch_cpu_x86.h>

static inline uint64_t arch_timestamp(void)
{
    return arch_timestamp_read();
}

#endif
