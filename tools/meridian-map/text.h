/* SPDX-License-Identifier: BSD-2-Clause
 *
 * text.h - a file as lines, whatever made it, and the small steps of reading a line.
 */
#ifndef MERIDIAN_MAP_TEXT_H
#define MERIDIAN_MAP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
    char *bytes;  /* all of them; lines end in 0 bytes */
    char **lines; /* into `bytes`, without line ends */
    size_t count;
};

/* Reads all of the file ("-" is standard input). UTF-16 with a byte-order mark, as the UEFI Shell
 * writes it, becomes ASCII; carriage returns and terminal escapes are taken out. False, with
 * errno, when it cannot be read. */
bool text_read(const char *path, struct text *text);

void text_free(struct text *text);

/* Each of these reads what stands at *at, after blanks, and moves *at behind it; or returns false
 * and leaves it. */
bool scan_hex(const char **at, uint64_t *value); /* 1 to 16 digits, with or without 0x */
bool scan_decimal(const char **at, uint32_t *value);
bool scan_literal(const char **at, const char *literal);

const char *skip_blanks(const char *at);

/* The number of UEFI's memory type that a name stands for, as Linux, the Shell or the
 * specification call it; `size` characters of `name`. Blanks, '_' and case do not count. */
bool efi_type_from_name(const char *name, size_t size, uint32_t *type);

/* The same for E820, as Linux and the files of tests/data/maps call it; "typeN" is N. */
bool e820_type_from_name(const char *name, size_t size, uint32_t *type);

#endif
