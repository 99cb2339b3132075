/* SPDX-License-Identifier: BSD-2-Clause
 *
 * arch_cpu.h - the processor of a process: a thread.
 *
 * Each thread that calls the library gets a number of its own at its first call and gives it back when it ends
 * (thread.c). There are no interrupts, so there is nothing to turn off: a signal handler must not call
 * the library. A thread that waits for another yields.
 */
#ifndef MERIDIAN_LIBRARY_HOSTED_ARCH_CPU_H
#define MERIDIAN_LIBRARY_HOSTED_ARCH_CPU_H

#include <sched.h>
#include <stdlib.h>

extern _Thread_local unsigned library_thread; /* number + 1; 0: none yet */

/* Gives the calling thread its number. */
[[gnu::cold]] void library_thread_begin(void);

static inline unsigned arch_cpu_id(void)
{
    if (__builtin_expect(library_thread == 0, 0))
        library_thread_begin();
    return library_thread - 1;
}

static inline irq_state_t arch_irq_save(void)
{
    return 0;
}

static inline void arch_irq_restore(irq_state_t state)
{
    (void)state;
}

static inline void arch_cpu_relax(void)
{
    sched_yield();
}

[[gnu::noreturn]] static inline void arch_cpu_halt(void)
{
    abort();
}

#endif
