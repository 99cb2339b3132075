/* SPDX-License-Identifier: BSD-2-Clause
 *
 * diag/symbols.h - which function holds an address: the names behind a stack trace.
 *
 * The build links the kernel twice and puts a table of its functions into the image, in section
 * .ksyms (tools/ksyms.awk writes it, mk/kernel.mk tells how). Offsets count from the first byte of
 * the image, so the table needs no relocation and stays true wherever the image slides to.
 */
#ifndef MERIDIAN_DIAG_SYMBOLS_H
#define MERIDIAN_DIAG_SYMBOLS_H

#include "lib/types.h"

/* The table, read-only, complete at the first instruction. `ksyms_offsets` rises strictly;
 * `ksyms_names + ksyms_name_offsets[i]` is the i-th name, terminated. 0 symbols is possible. */
extern const uint32_t ksyms_count;
extern const uint32_t ksyms_offsets[];
extern const uint32_t ksyms_name_offsets[];
extern const char ksyms_names[];

/* The name of the function that holds `address`, and in *offset how far into it `address` is.
 * NULL, *offset untouched, when no function of the kernel holds it. Any context, no locks. */
const char *symbol_find(vaddr_t address, size_t *offset);

#endif
