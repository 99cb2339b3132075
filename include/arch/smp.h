/* SPDX-License-Identifier: BSD-2-Clause
 *
 * arch/smp.h - what a machine provides where there is more than one processor: starting them, getting
 * their attention, sleeping until something happens.
 *
 * A processor gets another's attention in two ways. A call interrupts it as soon as it has interrupts on,
 * and the handler runs smp_calls_run() (smp/call.h); whoever waits with interrupts off runs that by
 * itself. A stop interrupts it wherever it is, for the last report of a kernel that has failed.
 *
 * Source: Intel SDM vol. 3A, chapter 8 for the start, chapter 10 for the local APIC.
 */
#ifndef MERIDIAN_ARCH_SMP_H
#define MERIDIAN_ARCH_SMP_H

#include "lib/status.h"
#include "lib/types.h"

/* Ticks a second of each processor's timer. */
#define ARCH_TICK_HERTZ 100u

/* Opens this processor's interrupt controller, whose registers the firmware's tables say to be at
 * `registers`, silences those of the PC before it, and lets the periodic tick begin. Interrupts are
 * on from here on wherever nobody turned them off. STATUS_UNSUPPORTED: the processor has none; there are
 * no ticks and no calls then, and one processor. Once, after vmm_init(), on the processor that booted. */
enum status arch_smp_open(paddr_t registers);

/* One processor to start. */
struct arch_smp_start {
    uint32_t apic_id;
    unsigned cpu;      /* its number, 1 upwards */
    vaddr_t stack_top; /* where it enters smp_enter() */
    void *local;       /* arch_smp_create_local() */
};

/* What a processor needs for itself before it runs; NULL where there is no memory. */
void *arch_smp_create_local(unsigned cpu);
void arch_smp_destroy_local(void *local);

/* Wakes `count` processors, all at once: each initialises itself and calls smp_enter(cpu). Returns when
 * `waiting()` has become 0 or has not changed for a bounded time. STATUS_NO_MEMORY: no frame below
 * 1 MiB, or for the tables. Those that have not come by then must not be heard of again: their `local`
 * and stack stay allocated. Once, on the processor that booted. */
enum status arch_smp_start(const struct arch_smp_start *list, size_t count,
                           size_t (*waiting)(void));

/* Interrupts processor `cpu`, another one that is online. Any context. */
void arch_smp_send_call(unsigned cpu);

/* Interrupts all others for good: each notes where it was (smp_note_stop()) and sleeps. Any context,
 * once; returns without waiting. */
void arch_smp_stop_others(void);

/* Turns interrupts on, sleeps until one came or *word changed, and comes back with interrupts off;
 * at once if `*word` is not `value`. With interrupts off. No call gets lost: one that is sent after the
 * last smp_calls_run() wakes. */
void arch_smp_idle(const uint32_t *word, uint32_t value);

/* How arch_smp_idle() sleeps: "MWAIT" or "HLT". How it talks to others: "xAPIC", "x2APIC", "none". */
const char *arch_smp_idle_name(void);
const char *arch_smp_controller_name(void);

#endif
