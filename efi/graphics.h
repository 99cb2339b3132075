/* SPDX-License-Identifier: BSD-2-Clause
 *
 * graphics.h - the framebuffer that the firmware leaves behind, if there is one.
 */
#ifndef MERIDIAN_EFI_GRAPHICS_H
#define MERIDIAN_EFI_GRAPHICS_H

#include "boot/handoff.h"
#include "lib/types.h"

/* Describes the current mode of the best graphics output: geometry, masks and physical range, which
 * ends at or below `limit`; record and framebuffer_va are left 0. False, and nothing written, on a
 * machine without. */
bool graphics_find(uint64_t limit, struct handoff_framebuffer *framebuffer);

#endif
