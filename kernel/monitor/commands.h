/* SPDX-License-Identifier: BSD-2-Clause
 *
 * commands.h - what a command of the monitor is, and what commands share.
 *
 * Each command is a row of the table in commands.c and a handler in one of the cmd_*.c. A handler
 * prints its result for people and, where somebody listens, as JSON events. It returns false when
 * it could not do what it was asked for, after command_refuse() or command_fail() has said why.
 */
#ifndef MERIDIAN_MONITOR_COMMANDS_H
#define MERIDIAN_MONITOR_COMMANDS_H

#include "diag/explain.h"
#include "lib/types.h"
#include "mm/handoff_adopt.h"

/* One use of a command. */
struct command_call {
    const struct command *command;
    unsigned count;                     /* of the arguments */
    char *const *arguments;             /* without the command's name */
    const struct handoff_view *machine; /* what it runs on */
};

struct command {
    const char *name;
    const char *arguments; /* for the usage: words in lower case stand for themselves */
    const char *help;      /* one line */
    const char *details;   /* what else there is to know, in lines; NULL when that is all */
    unsigned least;        /* how many arguments there may be */
    unsigned most;
    bool (*run)(const struct command_call *call);
};

/* Cuts `text` up and runs the commands in it. Each that fails is noted for the exit code. */
void commands_run(char *text, const struct handoff_view *machine);

/* The index-th command; NULL when there is none. */
const struct command *command_at(unsigned index);
const struct command *command_find(const char *name);

/* What is wrong with a command, and how it is used. Returns false. */
[[gnu::format(printf, 2, 3)]] bool command_refuse(const struct command_call *call,
                                                  const char *format, ...);

/* Why a command that was right did not succeed. Returns false. */
[[gnu::format(printf, 2, 3)]] bool command_fail(const struct command_call *call, const char *format,
                                                ...);

/* The argument `index`, if there is one. */
const char *command_argument(const struct command_call *call, unsigned index);
bool command_argument_is(const struct command_call *call, unsigned index, const char *text);

/* The argument as a number; refuses the command when it is none. */
bool command_number(const struct command_call *call, unsigned index, uint64_t *value);

/* Whether somebody is at the prompt; before, commands are those of the command line. */
bool monitor_is_asking(void);

/* The dashboard on the screen, until the user leaves it; nothing where there is no screen. */
void viz_open(const struct handoff_view *machine);

/* The same for machines without any keys: it goes from page to page for ever. Returns where there is no
 * screen. */
void viz_tour(const struct handoff_view *machine);

/* The handlers. */
bool command_help(const struct command_call *call);
bool command_map(const struct command_call *call);
bool command_frames(const struct command_call *call);
bool command_frames_blocks(const struct command_call *call); /* frames -b */
bool command_frame(const struct command_call *call);
bool command_pt(const struct command_call *call);
bool command_walk(const struct command_call *call);
bool command_explain(const struct command_call *call);
void explain_show(const struct handoff_view *machine, enum explain_kind kind, uint64_t address);
bool command_region(const struct command_call *call);
bool command_tour(const struct command_call *call);
bool command_heap(const struct command_call *call);
bool heap_command_check(const struct command_call *call); /* heap check and so on */
bool heap_command_events(const struct command_call *call);
bool heap_command_debug(const struct command_call *call);
bool command_slabs(const struct command_call *call);
bool command_tags(const struct command_call *call);
bool command_leaks(const struct command_call *call);
bool command_kmalloc(const struct command_call *call);
bool command_kfree(const struct command_call *call);
bool command_cpus(const struct command_call *call);
bool command_pci(const struct command_call *call);
bool command_fault(const struct command_call *call);
bool fault_heap_provoke(const char *name); /* false: there is no such fault */
/* False: there is no such fault. Else it has failed to end the kernel, and that was said. */
bool fault_checked_provoke(const struct command_call *call, const char *name);
bool fault_locks_provoke(const struct command_call *call);
bool command_run(const struct command_call *call);
bool command_bench(const struct command_call *call);
bool command_selftest(const struct command_call *call);
bool command_stress(const struct command_call *call);
bool command_viz(const struct command_call *call);
bool command_log(const struct command_call *call);
bool command_json(const struct command_call *call);
bool command_reboot(const struct command_call *call);
bool command_exit(const struct command_call *call);

#endif
