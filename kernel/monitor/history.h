/* SPDX-License-Identifier: BSD-2-Clause
 *
 * monitor/history.h - the lines that were entered before.
 *
 * The last HISTORY_LINES of them, oldest forgotten first. Lines are numbered by age: 0 is the
 * newest. Empty lines and a repetition of the newest are not kept. Any context.
 */
#ifndef MERIDIAN_MONITOR_HISTORY_H
#define MERIDIAN_MONITOR_HISTORY_H

#include "lib/types.h"

#define HISTORY_LINES 32
#define LINE_BYTES    256 /* of any line, with its terminating 0 */

struct history {
    char lines[HISTORY_LINES][LINE_BYTES]; /* a ring */
    unsigned count;
    unsigned next; /* where the next line goes */
};

/* Empty is all zeroes. `line` is shorter than LINE_BYTES. */
void history_add(struct history *history, const char *line);

/* The line of that age, or NULL when there is none so old. */
const char *history_get(const struct history *history, unsigned age);

#endif
