/* SPDX-License-Identifier: BSD-2-Clause
 *
 * host_smp.h - several processors in a hosted program.
 *
 * By default there is one. After host_smp_start(count) processors 0 .. count - 1 are online, of two
 * sorts. A processor that a thread plays answers calls as a real one does: when it turns interrupts
 * on, when it waits for a lock or an answer with interrupts off, and in host_smp_poll(), which stands for
 * all the instructions at which an interrupt could come. One that nobody plays answers at once, on the
 * thread of whoever calls it: for tests that look at one processor after the other.
 */
#ifndef MERIDIAN_HOST_SMP_H
#define MERIDIAN_HOST_SMP_H

#include "lib/types.h"

/* Nobody plays any of them; their counters are 0. */
void host_smp_start(unsigned count);

/* The calling thread plays processor `id`, until host_smp_leave(): answers what was asked of it, too. */
void host_smp_play(unsigned id);
void host_smp_leave(void);

/* Calls may be answered here. */
void host_smp_poll(void);

/* Interrupts that were sent by arch_smp_send_call() since the start. */
unsigned host_smp_sent(void);

#endif
