/* SPDX-License-Identifier: BSD-2-Clause
 *
 * graphics.h - the framebuffer that the firmware leaves behind, if there is one, and its mode.
 */
#ifndef MERIDIAN_EFI_GRAPHICS_H
#define MERIDIAN_EFI_GRAPHICS_H

#include "boot/handoff.h"
#include "lib/types.h"
#include "refusal.h"

#define GRAPHICS_MAX_SIDE 65536u /* pixels; more is nonsense */

/* The mode that a user wants; the sides count for GRAPHICS_EXACT alone. */
struct graphics_wish {
    enum graphics_wish_kind { GRAPHICS_KEEP, GRAPHICS_LARGEST, GRAPHICS_EXACT } kind;
    uint32_t width_pixels;
    uint32_t height_pixels;
};

/* Sets the mode of the output that graphics_find() finds. Any failure leaves the mode as it was:
 * STATUS_NOT_FOUND where there is no such mode (the reason lists those that there are) or no
 * output; STATUS_IO where the firmware does not set it; STATUS_UNSUPPORTED where it then has no
 * framebuffer below `limit`. The largest of no modes is no failure. */
enum status graphics_set_mode(const struct graphics_wish *wish, uint64_t limit,
                              struct refusal *refusal);

/* The mode as it was before graphics_set_mode(), for the firmware's own use. The screen goes blank. */
void graphics_restore_mode(void);

/* Describes the current mode of the best graphics output: geometry, masks and physical range, which
 * ends at or below `limit`; record and framebuffer_va are left 0. False, and nothing written, on a
 * machine without. */
bool graphics_find(uint64_t limit, struct handoff_framebuffer *framebuffer);

#endif
