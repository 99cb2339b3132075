/* SPDX-License-Identifier: BSD-2-Clause
 *
 * diag/paragraph.h - sentences of any length under each other, within the width of a terminal.
 *
 *     region     0x100000 to 0x805fff, 7 MiB: usable, held by nobody. It was changed on the
 *                way: ...
 *
 * What is printed to `sink` between begin and end is broken at blanks, never inside of a word; a word that
 * fits no line stands alone. A newline begins a new line at the same indentation, once a word follows.
 */
#ifndef MERIDIAN_DIAG_PARAGRAPH_H
#define MERIDIAN_DIAG_PARAGRAPH_H

#include "lib/print.h"

#define PARAGRAPH_COLUMNS    99 /* a terminal of 100 does not break the line by itself */
#define PARAGRAPH_WORD_BYTES 96

struct paragraph {
    struct print_sink sink; /* print here */
    struct print_sink *to;
    unsigned indent;
    unsigned column;
    bool started; /* there is a word in the line */
    bool blank;   /* one is due before the next word */
    bool newline; /* the same */
    unsigned length;
    char word[PARAGRAPH_WORD_BYTES];
};

/* "  label", and as many blanks as lead to column `indent`; no label: nothing is indented at first. */
void paragraph_begin(struct paragraph *paragraph, struct print_sink *to, const char *label,
                     unsigned indent);
void paragraph_end(struct paragraph *paragraph);

#endif
