/* SPDX-License-Identifier: BSD-2-Clause
 *
 * user/program.h - the programs that the kernel carries, and how they are run.
 *
 * A program runs in an address space of its own, from the caller's point of view like a function:
 * program_run() returns when it has ended, by itself, by a fault that nobody could resolve, or because its time
 * is used up. Those are reported and the kernel goes on. On a machine without ticks (smp_tick_hertz()) a program that
 * does nothing for ever keeps the processor. Not from interrupts, one program at a time.
 */
#ifndef MERIDIAN_USER_PROGRAM_H
#define MERIDIAN_USER_PROGRAM_H

#include "arch/trap.h"
#include "lib/status.h"

enum program_flag {
    PROGRAM_TRACED = 1u << 0, /* tell each system call, page fault, frame and page-table entry */
    PROGRAM_SILENT = 1u << 1, /* show neither what it writes nor a report on it: for tests */
};

/* How a program ended. */
struct program_end {
    bool faulted;           /* or its time was used up: TRAP_TICK */
    uintptr_t code;         /* not faulted: what it gave to exit */
    struct trap_info fault; /* faulted */
    char sentence[128];     /* faulted: what it means, without the full stop */
    const char *area; /* faulted: name of the area that was touched; NULL: none, or no page fault */
    unsigned calls;   /* system calls, those of its clones included */
    unsigned refused; /* of these, answered with an error */
    unsigned faults;  /* page faults that were resolved */
    uint64_t frames_before; /* free frames; all that it had is given back when both are equal */
    uint64_t frames_after;
};

/* The index-th program's name and what it does; false when there is none. */
bool program_describe(unsigned index, const char **name, const char **does);

/* Runs the program of that name, with its clones for at most `most_ticks` of this processor's timer (0: as
 * long as it takes); STATUS_NOT_FOUND if there is none. Any other error: it could not be started, and nothing is
 * left of it. */
enum status program_run(const char *name, unsigned flags, unsigned most_ticks,
                        struct program_end *end);

/* How many seconds the program has that runs now; 0: no bound, or less than one. */
unsigned program_seconds(void);

/* The name of the program that runs now; NULL if none does. Any context. */
const char *program_running(void);

#endif
