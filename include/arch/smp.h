/* SPDX-License-Identifier: BSD-2-Clause
 *
 * arch/smp.h - what a machine provides where there is more than one processor: interrupts, starting
 * processors, getting their attention, sleeping until something happens.
 *
 * A processor gets another's attention in two ways. A call interrupts it as soon as it has interrupts on,
 * and the handler runs smp_calls_run() (smp/call.h); whoever waits with interrupts off runs that by
 * itself. A stop interrupts it wherever it is, for the last report of a kernel that has failed.
 *
 * The machine's side allocates and maps nothing: kernel/smp/start.c does, and brings it.
 *
 * Source: Intel SDM vol. 3A, chapter 8 for the start, chapter 10 for the local APIC.
 */
#ifndef MERIDIAN_ARCH_SMP_H
#define MERIDIAN_ARCH_SMP_H

#include "lib/types.h"

/* --- interrupts -------------------------------------------------------------------------- */

/* Whether this processor has an interrupt controller, and where its registers lie, a page; 0: no
 * memory needs to be mapped. `told` is what the firmware's tables say, 0 if nothing. */
bool arch_interrupts_find(paddr_t told, paddr_t *registers);

/* Opens this processor's controller (its registers uncached at `registers`), silences what the PC had
 * before it, and turns interrupts on: from here on they are, wherever nobody turned them off. Once,
 * on the processor that booted. */
void arch_interrupts_open(volatile void *registers);

/* "xAPIC", "x2APIC"; "none" before arch_interrupts_open(). */
const char *arch_interrupts_name(void);

/* How fast the controller's timer runs: measured since arch_interrupts_open(), for at least 100 us.
 * False where the clock's frequency is unknown: there are no ticks then. On the processor that booted. */
bool arch_tick_measure(void);

/* This processor's timer calls smp_tick() `hertz` times a second from now on. After
 * arch_tick_measure(). */
void arch_tick_begin(unsigned hertz);

/* How many interrupts are being handled on this processor. Any context. */
unsigned arch_interrupt_depth(void);

/* --- starting processors ----------------------------------------------------------------- */

/* What a processor has for itself: a page, where arch_phys_ptr() reaches it, and stacks; it begins on the
 * first of them. */
#define ARCH_SMP_LOCAL_BYTES 4096u
#define ARCH_SMP_STACKS_MAX  3u
unsigned arch_smp_stack_count(void);
const char *arch_smp_stack_name(unsigned index);

/* Fills the page, which is zeroed, for processor `cpu`. */
void arch_smp_prepare_local(void *local, unsigned cpu, const vaddr_t stack_tops[]);

/* One processor to start. */
struct arch_smp_start {
    uint32_t apic_id;
    unsigned cpu; /* its number, 1 upwards */
    vaddr_t stack_top;
    void *local;
    uint32_t has_come; /* set by the processor, when its memory is in use */
};

/* Whether the controller can name the processor in a message. After arch_interrupts_open(). */
bool arch_smp_reaches(uint32_t apic_id);

/* Resets `count` processors: whatever the firmware had them do, they do nothing until they are woken. Of
 * `list` only the numbers are read. On the processor that booted, interrupts on. */
void arch_smp_reset(const struct arch_smp_start *list, size_t count);

/* Wakes them, all at once: each initialises itself and calls smp_enter(cpu). Takes as long as
 * the specification has one wait after the reset, whatever the count; returns without waiting for them. `code` is a frame
 * below 1 MiB, which appears at its own address in the tables at `root`, executable and read-only,
 * along with the kernel's half; the root lies below 4 GiB. `list`, `code` and the tables are in use
 * until all have come. Once, on the processor that booted, interrupts on. */
void arch_smp_wake(struct arch_smp_start *list, size_t count, paddr_t code, paddr_t root);

/* --- attention --------------------------------------------------------------------------- */

/* Interrupts processor `cpu`, another one that is online. Any context. */
void arch_smp_send_call(unsigned cpu);

/* Interrupts all others for good: each tells where it was (smp_note_stop()) and sleeps. Any context,
 * once; returns without waiting. */
void arch_smp_stop_others(void);

/* Turns interrupts on, sleeps until one came or *word changed, and comes back with interrupts off;
 * at once if `*word` is not `value`. With interrupts off. No call gets lost: one that is sent after the
 * last smp_calls_run() wakes. */
void arch_smp_idle(const uint32_t *word, uint32_t value);

/* How arch_smp_idle() sleeps: "MWAIT" or "HLT". */
const char *arch_smp_idle_name(void);

/* Waits, at least so long. */
void arch_delay(unsigned microseconds);

#endif
