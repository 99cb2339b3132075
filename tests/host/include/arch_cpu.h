/* SPDX-License-Identifier: BSD-2-Clause
 *
 * arch_cpu.h - the processor of the hosted build: a thread.
 *
 * Each thread has a number, 0 unless it asked for another with host_cpu_set(), and a flag that
 * plays the interrupt flag, so that a test can see whether a lock gave back what it took. A thread
 * that waits for another yields, since the host may have fewer processors than the test has threads.
 */
#ifndef MERIDIAN_HOST_ARCH_CPU_H
#define MERIDIAN_HOST_ARCH_CPU_H

#include <sched.h>
#include <stdlib.h>
#include <time.h>

struct host_cpu {
    unsigned id;
    bool interrupts_on;
    bool answers;       /* calls of other processors, whenever interrupts come on: host_smp.h */
    uint64_t irq_saves; /* how often interrupts were turned off: once a lock that is taken */
};
extern _Thread_local struct host_cpu host_cpu;

/* The calling thread plays processor `id` from now on. */
void host_cpu_set(unsigned id);

/* The interrupt that waited for interrupts to come on: a call of another processor. */
void host_cpu_interrupt(void);

static inline unsigned arch_cpu_id(void)
{
    return host_cpu.id;
}

static inline irq_state_t arch_irq_save(void)
{
    irq_state_t state = host_cpu.interrupts_on;

    host_cpu.interrupts_on = false;
    host_cpu.irq_saves++;
    return state;
}

static inline irq_state_t arch_irq_state(void)
{
    return host_cpu.interrupts_on;
}

static inline void arch_irq_enable(void)
{
    host_cpu.interrupts_on = true;
}

static inline void arch_irq_restore(irq_state_t state)
{
    host_cpu.interrupts_on = state != 0;
    if (__builtin_expect(host_cpu.answers && state != 0, 0))
        host_cpu_interrupt();
}

static inline void arch_cpu_relax(void)
{
    sched_yield();
}

static inline uint64_t arch_timestamp(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

[[gnu::noreturn]] static inline void arch_cpu_halt(void)
{
    abort();
}

#endif
