/* SPDX-License-Identifier: BSD-2-Clause
 *
 * smp_private.h - what starting and running processors share.
 */
#ifndef MERIDIAN_SMP_PRIVATE_H
#define MERIDIAN_SMP_PRIVATE_H

#include "smp/smp.h"

extern struct smp_cpu smp_cpus[CONFIG_MAX_CPUS];

extern struct smp_numbers {
    unsigned limit;  /* numbers below are somebody's */
    unsigned online; /* processors */
} smp_numbers;

/* Runs on a processor that is online; interrupts off. */
[[gnu::noreturn]] void smp_idle_loop(struct smp_cpu *me);

#endif
