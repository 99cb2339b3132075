/* SPDX-License-Identifier: BSD-2-Clause
 *
 * command_line.h - the kernel's command line, from the configuration and the load options.
 *
 * Parameters are words parted by blanks, as on Linux; of a parameter given twice the last counts.
 * So what the firmware (or whoever started the loader) passes as load options is appended to
 * the configuration's `cmdline`, and overrides it.
 */
#ifndef MERIDIAN_EFI_COMMAND_LINE_H
#define MERIDIAN_EFI_COMMAND_LINE_H

#include "text.h"

#define COMMAND_LINE_BYTES 4096u /* with its terminator */

struct command_line {
    size_t length;
    bool cut;                      /* some of it did not fit */
    char text[COMMAND_LINE_BYTES]; /* terminated */
};

/* Appends words with a blank between; none when `text` is empty. */
void command_line_append(struct command_line *line, struct text text);

/* Load options are anything at all: boot managers leave binary data there. They count as text when
 * they are UTF-16 without control characters. A shell puts the program's own name first: a first
 * word that ends in ".efi" is left out. Others are ignored. */
void command_line_append_options(struct command_line *line, const void *options,
                                 uint32_t size_bytes);

/* Whether `word` is one of the words outside quotation marks. */
bool command_line_has(const struct command_line *line, const char *word);

#endif
