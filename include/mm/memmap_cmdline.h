/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mm/memmap_cmdline.h - what the user knows better than the firmware: mem= and memmap=.
 *
 * The forms of Linux (Documentation/admin-guide/kernel-parameters.txt), with sizes and addresses
 * as in lib/number.h:
 *
 *     mem=NN                nothing at or above address NN is used (memmap=NN is the same)
 *     memmap=NN@SS          [SS, SS+NN) is usable, where the map says nothing of it: held by the
 *                           user (REGION_TAG_USER) until it is in the direct map
 *     memmap=NN#SS          ... is ACPI data
 *     memmap=NN$SS          ... is reserved
 *     memmap=NN!SS          ... is persistent memory
 *     memmap=A,B,...        several of these
 *
 * Stricter types stay what they are. Usable ranges shrink to whole pages, others grow. Refused,
 * with a line in the log that names the reason, is what makes no sense, what wraps or lies beyond
 * the limit, and what would take memory that somebody holds: the kernel's image, stack, page
 * tables, modules. What was done is logged and noted as MEMMAP_COMMAND_LINE.
 */
#ifndef MERIDIAN_MM_MEMMAP_CMDLINE_H
#define MERIDIAN_MM_MEMMAP_CMDLINE_H

#include "mm/memmap.h"

/* Applies all of them, in the order of the line, to a sanitised table, which stays so. Returns how
 * many were refused. */
size_t memmap_apply_cmdline(struct memmap *map, const char *command_line);

#endif
