/* SPDX-License-Identifier: BSD-2-Clause
 *
 * stage.h - tells the stage of the boot (boot/stage.h) by port 0x80 and in a corner of the screen.
 *
 * Nothing is printed, allocated or asked of the firmware for it: it can be told at any moment, after
 * the end of the boot services as well, while the firmware's page tables are there.
 */
#ifndef MERIDIAN_EFI_STAGE_H
#define MERIDIAN_EFI_STAGE_H

#include "boot/stage.h"

void stage_begin(enum stage stage);

/* Where the mark goes from now on; shows the stage that has begun last. A framebuffer of size 0, or
 * one that the firmware does not show where it is, is none. */
void stage_show_in(const struct handoff_framebuffer *framebuffer);

#endif
