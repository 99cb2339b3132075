/* SPDX-License-Identifier: BSD-2-Clause
 *
 * lib/number.h - numbers as people write them.
 *
 * Decimal, or hexadecimal with "0x" in front; an underscore may stand between two digits
 * (0xffff_8000_0000_0000); a decimal or hexadecimal number may end in a binary unit, K M G T, in
 * either case, alone or as KiB MiB GiB TiB. There is no octal: 010 is ten. No sign, no blanks.
 * Any context.
 */
#ifndef MERIDIAN_LIB_NUMBER_H
#define MERIDIAN_LIB_NUMBER_H

#include "lib/status.h"
#include "lib/types.h"

/* Reads the number at *text, as far as it goes, and moves *text behind it: for "nn@ss" and the
 * like. STATUS_INVALID when no number begins there, STATUS_OVERFLOW when it has more than 64
 * bits; *text and *value are then what they were. */
enum status number_scan(const char **text, uint64_t *value);

/* As number_scan(), for a text that is a number and nothing else: what follows it is
 * STATUS_INVALID. */
enum status number_parse(const char *text, uint64_t *value);

#endif
