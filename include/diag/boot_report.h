/* SPDX-License-Identifier: BSD-2-Clause
 *
 * diag/boot_report.h - what a boot says of itself, as log lines and as events.
 *
 * Log lines follow Linux where it has a form. The events are those of docs/monitor.md. Early.
 */
#ifndef MERIDIAN_DIAG_BOOT_REPORT_H
#define MERIDIAN_DIAG_BOOT_REPORT_H

#include "boot/cmdline.h"
#include "mm/handoff_adopt.h"

/* One step of the boot and what it cost. */
struct boot_phase {
    const char *name;
    uint64_t ticks; /* of the time-stamp counter */
};

/* Who started us, on what: lines, and the event `boot`. */
void boot_report_machine(const struct handoff_view *machine, uint64_t entry_ticks);

/* The table of memory: "BIOS-e820:" lines; events `region`, `memmap` and `change`. */
void boot_report_map(const struct memmap *map);

/* The end of the boot: a line, and the events `frames` and `ready`. */
void boot_report_ready(const struct boot_phase *phases, size_t count, uint64_t entry_ticks);

/* bench=boot: the lines that tools/ and others wait for, "KERNEL_ENTRY_TSC n" and
 * "MEMMAP_ENTRIES n". */
void boot_report_entry(uint64_t entry_ticks, size_t map_entries);

#endif
