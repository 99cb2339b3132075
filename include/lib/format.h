/* SPDX-License-Identifier: BSD-2-Clause
 *
 * lib/format.h - figures as people like to read them. Any context.
 */
#ifndef MERIDIAN_LIB_FORMAT_H
#define MERIDIAN_LIB_FORMAT_H

#include "lib/types.h"

#define SIZE_TEXT_BYTES 16

/* "0 B", "640 KiB", "5.9 GiB": in the largest unit of which there is one at least, with one digit
 * behind the point unless it is exact. Cut, not rounded: never more than there is. At most 10
 * characters. Returns `text`. */
const char *format_size(uint64_t size_bytes, char text[SIZE_TEXT_BYTES]);

/* How many hexadecimal digits a column of addresses needs: 8, 12, 13 (the most that a physical
 * address can have) or 16. */
unsigned format_digits(uint64_t highest);

/* `part` of `whole` in percent, cut; 0 of 0 is 0. */
unsigned format_percent(uint64_t part, uint64_t whole);

#endif
