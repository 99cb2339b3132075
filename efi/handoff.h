/* SPDX-License-Identifier: BSD-2-Clause
 *
 * handoff.h - lays the handoff out, before the last memory map is taken.
 *
 * Firmware map, regions and changes are as long as the last map makes them, but nothing can be
 * allocated by then: their records are laid out with capacity to spare, and written in place.
 *
 *     struct handoff | command line | names | framebuffer | modules | measurements | event log | changes | regions | map
 */
#ifndef MERIDIAN_EFI_HANDOFF_H
#define MERIDIAN_EFI_HANDOFF_H

#include "boot/handoff.h"
#include "lib/status.h"
#include "measure.h"
#include "text.h"

struct handoff_module_plan {
    uint64_t base;
    uint64_t size_bytes;
    struct text name;
};

struct handoff_plan {
    struct text command_line;
    struct text loader_name;
    struct text firmware_name;
    const struct handoff_framebuffer *framebuffer; /* size 0 where there is none */
    const struct handoff_module_plan *modules;
    size_t module_count;
    const struct measurement *measurements;
    size_t measurement_count;
    struct text event_log; /* the firmware's; empty where there is none */
    size_t change_capacity;
    size_t region_capacity;
    size_t map_capacity_bytes;
};

struct handoff_parts {
    struct handoff *handoff;
    struct handoff_changes *changes;
    struct handoff_regions *regions;
    struct handoff_firmware_map *map;
};

/* Bytes that the plan needs; STATUS_NO_SPACE beyond HANDOFF_MAX_BYTES. */
enum status handoff_measure(const struct handoff_plan *plan, uint32_t *size_bytes);

/* Writes header and records into `memory` (8-byte aligned, of that size, contents of any kind); all
 * fields of struct handoff beyond the first line are 0 yet. */
void handoff_lay_out(const struct handoff_plan *plan, void *memory, uint32_t size_bytes,
                     struct handoff_parts *parts);

/* Makes the sum of all words 0. The last thing to be done to a handoff. */
void handoff_seal(struct handoff *handoff);

#endif
