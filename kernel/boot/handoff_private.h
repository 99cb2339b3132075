/* SPDX-License-Identifier: BSD-2-Clause
 *
 * handoff_private.h - between the form of a handoff (handoff.c) and its meaning (handoff_check.c).
 */
#ifndef MERIDIAN_BOOT_HANDOFF_PRIVATE_H
#define MERIDIAN_BOOT_HANDOFF_PRIVATE_H

#include "mm/handoff_adopt.h"

/* Records are found by their type; 0 is none. */
#define RECORD_KINDS (HANDOFF_RECORD_EVENT_LOG + 1)

struct handoff_records {
    struct handoff_record *first[RECORD_KINDS];
    size_t module_count;
    size_t measurement_count;
};

/* Fills view->map, firmware_map and framebuffer, and checks all that the records say. The form of
 * the records is known to be right, and the rest of the view is filled. */
enum status handoff_check_meaning(const struct handoff_records *records, struct handoff_view *view);

#endif
