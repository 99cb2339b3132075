/* SPDX-License-Identifier: BSD-2-Clause
 *
 * report_walk.h - the walk of an address through page tables, as reports show it.
 */
#ifndef MERIDIAN_DIAG_REPORT_WALK_H
#define MERIDIAN_DIAG_REPORT_WALK_H

#include "mm/pt.h"

/* To the console, one line a level. */
void report_walk(const struct page_table *table, vaddr_t address);

#endif
