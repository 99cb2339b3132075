/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_damage.h - what was written where nobody may write: found, reported with both places, mended.
 *
 * Records that are passed belong to the caller: busy, or the lock is held. What was damaged is
 * written anew, so that each damage is reported once.
 */
#ifndef MERIDIAN_HEAP_DAMAGE_H
#define MERIDIAN_HEAP_DAMAGE_H

#include "heap_record.h"

/* No damage was found yet. Early. */
void heap_damage_init(void);

void heap_damage_write_canaries(const struct heap_record *record);

/* True when no canary was touched. `found` says when: "at the free". */
bool heap_damage_check_canaries(const struct heap_record *record, const char *found);

/* True when a freed object's bytes are as record->fill says. */
bool heap_damage_check_fill(uint32_t number, const char *found);

/* Damages found since the heap began. */
size_t heap_damage_count(void);

#endif
