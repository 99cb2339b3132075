/* SPDX-License-Identifier: BSD-2-Clause
 *
 * arch/clock.h - time since the kernel was entered.
 *
 * The clock is the processor's time-stamp counter. How fast it runs is taken from the processor or
 * hypervisor where they say so, and otherwise measured against a timer of known speed while the
 * kernel boots: arch_clock_start() reads both, and later calls compare, so that no time is spent
 * waiting but for the first few microseconds.
 */
#ifndef MERIDIAN_ARCH_CLOCK_H
#define MERIDIAN_ARCH_CLOCK_H

#include "lib/types.h"

/* Early, once. `entry_ticks` is arch_timestamp() at the kernel's first instruction: time zero. */
void arch_clock_start(uint64_t entry_ticks);

/* Measures again over the longer time that has passed since, where measuring is what one does.
 * Within 50 ms of arch_clock_start(); later calls change nothing. */
void arch_clock_refine(void);

/* Time since entry in seconds, as a fixed-point number with 32 bits behind the point. False when
 * the frequency could not be found: the value is then in ticks. Never goes back. Any context. */
bool arch_clock_read(uint64_t *seconds_32_32);

/* Ticks a second; 0 when unknown. */
uint64_t arch_clock_hertz(void);

/* Where the frequency comes from: "CPUID leaf 15h", "measured with the PIT" ... Never NULL. */
const char *arch_clock_source(void);

#endif
