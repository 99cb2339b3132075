/* SPDX-License-Identifier: BSD-2-Clause
 *
 * smp/call.h - functions called on other processors.
 *
 * A call is left where the other processor finds it, then its attention is asked for
 * (arch_smp_send_call()). It runs the call in the handler of that interrupt, or, when it waits for
 * something with interrupts off (a lock, the end of a call of its own), in the loop that waits: no two
 * processors can wait for each other. A called function therefore runs anywhere where interrupts could come
 * or a lock is waited for: it takes no locks, allocates nothing and is short.
 */
#ifndef MERIDIAN_SMP_CALL_H
#define MERIDIAN_SMP_CALL_H

#include "lib/types.h"

/* Runs function(context) on all other processors that are online, and returns when they have
 * returned. Any context but a called function; with interrupts on or off. */
void smp_call_others(void (*function)(const void *context), const void *context);

/* The same on one processor; on the calling one it is a plain call, with interrupts off. Nothing
 * happens where `cpu` is not online. */
void smp_call_on(unsigned cpu, void (*function)(const void *context), const void *context);

/* The same on those other processors for which wanted(cpu, context) is true. */
void smp_call_where(bool (*wanted)(unsigned cpu, const void *context),
                    void (*function)(const void *context), const void *context);

/* Runs what others left for this processor; false: nothing. Interrupts off. */
bool smp_calls_run(void);

#endif
