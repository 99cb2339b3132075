/* SPDX-License-Identifier: BSD-2-Clause
 *
 * smp/smp.h - the processors of this machine.
 *
 * A processor has a number from 0, the one that booted, in the order in which the firmware's tables
 * tell them. One that was asked to start and did not come leaves a hole: numbers are
 * 0 .. smp_limit() - 1, and smp_is_online() says who is there.
 */
#ifndef MERIDIAN_SMP_SMP_H
#define MERIDIAN_SMP_SMP_H

#include "config.h"
#include "lib/status.h"
#include "lib/types.h"

struct acpi_root;
struct memmap;

enum smp_state {
    SMP_NONE,     /* no such processor */
    SMP_STARTING, /* asked to start */
    SMP_ONLINE,
    SMP_ABSENT,  /* did not come */
    SMP_STOPPED, /* by smp_stop_others() */
};

/* What one processor is and has done. Written by the processor itself once it is online; others read
 * single words of it at any time. */
struct smp_cpu {
    _Alignas(64) uint32_t apic_id;
    unsigned node;               /* as mm/pmm_node.h numbers them */
    uint32_t state;              /* enum smp_state */
    uint32_t idle_word;          /* changed to wake the processor from its idle loop */
    uint32_t is_idle;            /* it has nothing to do */
    uint32_t is_clearing;        /* it zeroes a frame ahead */
    bool clock_is_known;         /* the next one was found */
    int32_t clock_difference;    /* ticks that its time-stamp counter is ahead of processor 0's */
    uint64_t ticks;              /* of its timer */
    uint64_t idle_ticks;         /* of these: while it was idle */
    uint64_t calls;              /* functions run for others */
    uint64_t flushes;            /* of these: invalidations of translations */
    uint64_t cleared_frames;     /* zeroed ahead in the idle loop */
    void (*work)(void *context); /* smp_run_on() */
    void *work_context;
    uintptr_t stopped_at; /* SMP_STOPPED: the instruction, and a frame pointer for a walk */
    uintptr_t stopped_frame;
};

/* --- starting ---------------------------------------------------------------------------- */

/* Opens the interrupt controller, finds the processors in the firmware's tables and starts them, at
 * most `limit` in all (0: as many as there are). What is left out, and why, is logged. Never fails: there is
 * always one processor. `root` NULL: there are no tables. Interrupts are on from here on, if the
 * machine can have any. After the heap is up, once. */
void smp_start(const struct memmap *map, const struct acpi_root *root, unsigned limit);

/* The timers of all processors begin. Later than smp_start(), since that starts what is measured here. */
void smp_start_ticks(void);

/* Ticks a second of each processor; 0: there are none. */
unsigned smp_tick_hertz(void);

/* What a processor does for ever once it has started: runs calls and work, zeroes frames ahead,
 * sleeps. */
[[gnu::noreturn]] void smp_enter(unsigned cpu);

/* --- who is there ------------------------------------------------------------------------ */

/* How many are online; how many numbers there are. Any context; 1 before smp_start(). */
unsigned smp_count(void);
unsigned smp_limit(void);
bool smp_is_online(unsigned cpu);

/* NULL for a number that is nobody's. */
struct smp_cpu *smp_cpu(unsigned cpu);

/* --- interrupts -------------------------------------------------------------------------- */

/* The timer's interrupt on this processor. Interrupts off. */
void smp_tick(void);

/* All others stop where they are, within a bounded time; those that did have state SMP_STOPPED. For the
 * last report. Any context, interrupts off; a second processor that wants it too is itself stopped, and
 * the same one does not ask twice. */
void smp_stop_others(void);
void smp_note_stop(uintptr_t instruction, uintptr_t frame_pointer);

/* --- work on processors that have nothing to do ------------------------------------------ */

/* Processor `cpu` (not the calling one, not 0) leaves its idle loop and runs function(context) with
 * interrupts on, then goes back. STATUS_BUSY: it has work already; STATUS_NOT_FOUND: it is not online. */
enum status smp_run_on(unsigned cpu, void (*function)(void *context), void *context);

/* Whether the work given to `cpu` has ended: all that it wrote can be seen then. */
bool smp_has_finished(unsigned cpu);

/* Whether idle processors may zero frames ahead: false at first. When false was asked for, none does when
 * this returns: for those who walk the frames. The calling processor counts as idle while they may. */
void smp_allow_clearing(bool allowed);

#endif
