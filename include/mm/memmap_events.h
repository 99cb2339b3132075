/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mm/memmap_events.h - the map as JSON events, the same from the kernel and from hosted tools.
 *
 * One line each, into `sink`; nothing when that is NULL (lib/json.h). docs/monitor.md says what
 * the fields mean. Any context in which the sink may be called.
 */
#ifndef MERIDIAN_MM_MEMMAP_EVENTS_H
#define MERIDIAN_MM_MEMMAP_EVENTS_H

#include "boot/efi_memory.h"
#include "lib/json.h"
#include "mm/memmap.h"

/* `region`: a row of the table. */
void memmap_event_row(struct print_sink *sink, const struct region *row);

/* `memmap`: the number of rows, and the totals. */
void memmap_event_totals(struct print_sink *sink, const struct memmap *map);

/* `change`: what the conversion changed, and why. */
void memmap_event_change(struct print_sink *sink, const struct handoff_change *change);

/* `descriptor`: an entry of the firmware's own map. */
void memmap_event_efi(struct print_sink *sink, const struct efi_memory_descriptor *descriptor);
void memmap_event_e820(struct print_sink *sink, const struct e820_entry *entry);

/* The members of `region`, `memmap`, `change` and `descriptor` alone, into an object of the caller's. */
void memmap_members_row(struct json *object, const struct region *row);
void memmap_members_totals(struct json *object, const struct memmap *map);
void memmap_members_change(struct json *object, const struct handoff_change *change);
void memmap_members_efi(struct json *object, const struct efi_memory_descriptor *descriptor);

#endif
