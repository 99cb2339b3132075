/* SPDX-License-Identifier: BSD-2-Clause
 *
 * output.h - a table on standard output, for people and for programs.
 */
#ifndef MERIDIAN_MAP_OUTPUT_H
#define MERIDIAN_MAP_OUTPUT_H

#include "mm/memmap.h"
#include "source.h"

/* The map as it stood in the text, in the form of tests/data/maps. */
void output_source(const struct map_source *source);

/* "START END TYPE" a line, in the form of tests/data/maps. Rows that touch and differ only in what
 * is not shown are one line. */
void output_types(const struct memmap *map);

/* The same with owner, UEFI type and flags, a line for every row. */
void output_rows(const struct memmap *map);

/* "# START END FROM -> TO: reason" a line: comments, so that the whole can be read again. */
void output_changes(const struct memmap *map);

/* "# usable 8372224 bytes" and so on. */
void output_totals(const struct memmap *map);

/* The events region, change and memmap of docs/monitor.md. */
void output_json(const struct memmap *map);

#endif
