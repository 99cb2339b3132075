/* SPDX-License-Identifier: BSD-2-Clause
 *
 * monitor/words.h - from a line of text to commands and their words.
 *
 * Commands are separated by ';', words by blanks. Within '...' or "..." both are text, and the
 * quotes themselves vanish: "" is an empty word. There is no escape character. Works in place: the
 * text is cut up, and the words point into it. Any context.
 */
#ifndef MERIDIAN_MONITOR_WORDS_H
#define MERIDIAN_MONITOR_WORDS_H

#include "lib/status.h"
#include "lib/types.h"

#define WORDS_MAX 8

struct words {
    unsigned count;
    char *word[WORDS_MAX]; /* [0] is the command */
};

/* Cuts the first command off *text and moves *text behind it; to NULL when the text is used up.
 * An empty command has no words. STATUS_TRUNCATED when a quote is not closed, STATUS_NO_SPACE when
 * there are more words than WORDS_MAX: *text has then moved on as well, so that the commands
 * behind can still be run. */
enum status words_next(char **text, struct words *words);

/* Whether one of the commands in a text of `size` bytes is `name`, written without quotes. The text
 * stays as it is. */
bool words_have_command(const char *text, size_t size, const char *name);

#endif
