/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mm/handoff_adopt.h - to check what a loader handed over, and to find one's way in it.
 *
 * The handoff is outside input: another loader may have made it, or a wild write may have hit it.
 * handoff_adopt() believes nothing. It checks the frame (magic, version, sizes, checksum), walks
 * the records within their bounds, checks each against its own counts, proves the table's
 * invariants, cross-checks it against the firmware's verbatim map, and makes sure that nothing
 * that the kernel stands on is listed as free. The first thing that is wrong is logged with what,
 * where and what to do, and its status returned.
 *
 * Memory: nothing is copied or allocated. The view points into the block, which must stay mapped
 * as long as the view is used. Early; pure, the same hosted.
 */
#ifndef MERIDIAN_MM_HANDOFF_ADOPT_H
#define MERIDIAN_MM_HANDOFF_ADOPT_H

#include "boot/handoff.h"
#include "lib/status.h"
#include "lib/types.h"
#include "mm/memmap.h"

struct handoff_view {
    const struct handoff *handoff;
    struct memmap map; /* sanitised, in place; its changes have no room if the loader left none */
    const struct handoff_firmware_map *firmware_map;
    const struct handoff_framebuffer *framebuffer; /* NULL where there is none, or none usable */
    const struct handoff_event_log *event_log;     /* NULL where there is none */
    const char *command_line;                      /* never NULL */
    const char *loader_name;                       /* never NULL */
    const char *firmware_name;                     /* never NULL */
    size_t module_count;
    size_t measurement_count;
};

/* Checks the block of at most `readable_bytes` bytes and fills `view`, which is written only with
 * STATUS_OK. STATUS_INVALID: not a place where a handoff can be, or not one; STATUS_UNSUPPORTED:
 * another major version; STATUS_TRUNCATED: larger than what is readable; STATUS_CORRUPT: all else.
 * A framebuffer that makes no sense is left out with a warning. */
enum status handoff_adopt(void *block, size_t readable_bytes, struct handoff_view *view);

/* Module `index` (< view->module_count), in the order of the configuration. */
const struct handoff_module *handoff_module_at(const struct handoff_view *view, size_t index);

/* Measurement `index` (< view->measurement_count), in the order in which the loader made them. */
const struct handoff_measurement *handoff_measurement_at(const struct handoff_view *view,
                                                         size_t index);

/* The value that makes the 32-bit words of the block sum up to 0, for whoever makes a handoff:
 * what `checksum` must be, given what is there now. size_bytes is a multiple of 8. */
uint32_t handoff_checksum(const struct handoff *handoff);

#endif
