/* SPDX-License-Identifier: BSD-2-Clause
 *
 * diag/remap.h - a page that one processor maps anew, again and again, while others read it.
 *
 * Finds translations that outlive their mapping on another processor: when vm_unmap() has returned nobody may
 * read the old frame any more, so the owner spoils it at once, and maps another frame that says which turn
 * it is. Whoever looks must see that turn, or find that the page is changing. A processor that was not
 * told to forget reads the spoilt frame.
 */
#ifndef MERIDIAN_DIAG_REMAP_H
#define MERIDIAN_DIAG_REMAP_H

#include "lib/status.h"
#include "lib/types.h"

struct remap {
    uint32_t turn; /* odd while the page is changing; what the frame says */
    uintptr_t address;
    pfn_t frames[2]; /* by turns */
};

/* Two frames, and the page mapped for the first time. */
enum status remap_begin(struct remap *remap);

/* By the owner: unmaps the page, spoils its frame, maps the other. Not STATUS_OK: nothing is mapped, and
 * the turn stays odd until a later call succeeds. */
enum status remap_turn(struct remap *remap);

/* By anybody: reads the page. False: what was read is not what is mapped. *turn, where it is not NULL, is the
 * turn that was seen whole, or 0. */
bool remap_look(const struct remap *remap, uint32_t *turn);

/* By the owner, when nobody looks any more. */
void remap_end(struct remap *remap);

#endif
