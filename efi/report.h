/* SPDX-License-Identifier: BSD-2-Clause
 *
 * report.h - what the firmware says about a machine's memory, for people and for programs.
 *
 * The same facts in two forms: text of at most 80 columns, and one JSON object whose descriptors,
 * regions and changes are those of the kernel's events (docs/report.schema.json). Both hold the
 * firmware's map as it is, the table that the conversion makes of it, and what was changed, why.
 */
#ifndef MERIDIAN_EFI_REPORT_H
#define MERIDIAN_EFI_REPORT_H

#include "conversion.h"
#include "firmware_tables.h"
#include "lib/print.h"
#include "machine.h"
#include "mm/memmap.h"

enum report_form {
    REPORT_TEXT,
    REPORT_JSON,
};

struct report {
    const struct machine *machine;
    const struct firmware_machine_name *name;
    const struct firmware_map *firmware;
    const struct memmap *map; /* with its notes */
};

void report_write(const struct report *report, enum report_form form, struct print_sink *sink);

#endif
