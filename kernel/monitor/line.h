/* SPDX-License-Identifier: BSD-2-Clause
 *
 * monitor/line.h - a line of text that a person edits on a terminal.
 *
 * The editor takes keys and writes what a terminal must show: any terminal that knows CR, "erase
 * to the end of the line" and "cursor right" (ECMA-48, 8.3.41 and 8.3.20). A line stays on one
 * row of LINE_COLUMNS columns: a longer one scrolls sideways. Any context; not locked.
 */
#ifndef MERIDIAN_MONITOR_LINE_H
#define MERIDIAN_MONITOR_LINE_H

#include "lib/print.h"
#include "monitor/history.h"
#include "monitor/keys.h"

#define LINE_COLUMNS 80

/* Says what may stand in a line. */
struct line_completer {
    /* The index-th text that fits at `word_start` of `text`, counted from 0; NULL after the last.
     * What does not begin like the word there is ignored. Valid until the next call. */
    const char *(*candidate)(struct line_completer *completer, const char *text, size_t word_start,
                             unsigned index);
};

struct line {
    char text[LINE_BYTES]; /* always terminated */
    size_t length;
    size_t cursor; /* 0 .. length */
    size_t scroll; /* the first character that is shown */
    const char *prompt;
    struct print_sink *sink;
    struct history *history;
    struct line_completer *completer; /* or NULL */
    unsigned browse;                  /* 0: the line being written; n: history line n - 1 */
    char draft[LINE_BYTES];           /* the line being written, while history is shown */
};

enum line_event {
    LINE_EDITING,
    LINE_ENTERED,   /* `text` is the line, and is in the history */
    LINE_CANCELLED, /* the line was thrown away */
};

/* A new editor; `prompt` is shorter than LINE_COLUMNS / 2. Everything must outlive it. */
void line_init(struct line *line, const char *prompt, struct print_sink *sink,
               struct history *history, struct line_completer *completer);

/* An empty line, with its prompt on the screen. */
void line_begin(struct line *line);

/* Does what `key` asks for; `character` belongs to KEY_TEXT. */
enum line_event line_key(struct line *line, enum key key, char character);

#endif
