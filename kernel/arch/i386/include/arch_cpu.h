/* SPDX-License-Identifier: BSD-2-Clause
 *
 * arch_cpu.h - the processor, as include/arch/cpu.h promises it. A plain 486 has no time-stamp counter.
 */
#ifndef MERIDIAN_I386_ARCH_CPU_H
#define MERIDIAN_I386_ARCH_CPU_H

#include <arch_cpu_x86.h>

/* Whether there is a time-stamp counter; found before the first time is taken. */
extern bool arch_has_timestamps;

/* In cpu.c: a processor without the counter counts the questions, so that time never stands. */
uint64_t arch_timestamp_counted(void);

static inline uint64_t arch_timestamp(void)
{
    return arch_has_timestamps ? arch_timestamp_read() : arch_timestamp_counted();
}

#endif
