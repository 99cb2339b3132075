/* SPDX-License-Identifier: BSD-2-Clause
 *
 * history.c - the lines that were entered before: a ring of fixed slots.
 */

#include "monitor/history.h"
#include "lib/string.h"

void history_add(struct history *history, const char *line)
{
    const char *newest = history_get(history, 0);
    size_t length = strlen(line);

    if (length == 0 || length >= LINE_BYTES || (newest != NULL && strcmp(newest, line) == 0))
        return;
    memcpy(history->lines[history->next], line, length + 1);
    history->next = (history->next + 1) % HISTORY_LINES;
    if (history->count < HISTORY_LINES)
        history->count++;
}

const char *history_get(const struct history *history, unsigned age)
{
    if (age >= history->count)
        return NULL;
    return history->lines[(history->next + HISTORY_LINES - 1 - age) % HISTORY_LINES];
}
