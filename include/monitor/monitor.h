/* SPDX-License-Identifier: BSD-2-Clause
 *
 * monitor/monitor.h - the interactive shell.
 *
 * Commands are typed at a prompt on the serial line, or come from run="..." on the command line,
 * separated by semicolons. What is wrong with a command is said, with its usage, and counts as a
 * failure for the exit code; the next command is run all the same. docs/monitor.md tells of each.
 * One processor at a time; not from interrupts.
 */
#ifndef MERIDIAN_MONITOR_MONITOR_H
#define MERIDIAN_MONITOR_MONITOR_H

#include "boot/cmdline.h"
#include "mm/handoff_adopt.h"

/* Whether the command line leads to an end: `exit`, alone or among the commands of run=. Early. */
bool monitor_will_exit(const struct cmdline_options *options);

/* What the kernel does once it runs: the self-tests and the commands that the command line asks
 * for, then the end where `exit` is there, then the prompt. All of kernel/mm is up; `machine`
 * stays where it is. */
[[gnu::noreturn]] void monitor_main(const struct handoff_view *machine,
                                    const struct cmdline_options *options);

#endif
