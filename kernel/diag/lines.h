/* SPDX-License-Identifier: BSD-2-Clause
 *
 * diag/lines.h - which line of which file the code at an address was made from.
 *
 * The build decodes the line numbers of the first link and puts them into the image beside the symbols
 * (tools/klines.py tells the form, mk/kernel.mk how). Offsets count from the first byte of the image.
 */
#ifndef MERIDIAN_DIAG_LINES_H
#define MERIDIAN_DIAG_LINES_H

#include "lib/types.h"

/* The table, read-only, complete at the first instruction; 0 bytes are possible. */
extern const uint32_t klines_bytes;
extern const uint8_t klines_table[];
extern const char
    klines_files[]; /* names one after the other, each terminated; the first is empty */

/* The file's name, without its folder, and the line. False, nothing written, where the code has none. Walks
 * the table from its beginning. Any context, no locks. */
bool line_find(vaddr_t address, const char **file, unsigned *line);

#endif
