/* SPDX-License-Identifier: BSD-2-Clause
 *
 * dev/stage.h - tells the stage of the boot (boot/stage.h) by port 0x80 and on the screen.
 *
 * Early, by the processor that boots. The mark can be seen until the console paints the screen itself: from
 * then on the log is on it.
 */
#ifndef MERIDIAN_DEV_STAGE_H
#define MERIDIAN_DEV_STAGE_H

#include "boot/stage.h"
#include "lib/types.h"

void stage_begin(enum stage stage);

/* Where the mark goes: into a framebuffer that is mapped (framebuffer_va is not 0; NULL and others
 * are passed over), or into VGA's text, whose 80x25 characters are mapped at `text`. Shows the stage
 * that has begun last. */
void stage_show_in_pixels(const struct handoff_framebuffer *facts);
void stage_show_in_text(volatile uint16_t *text);

/* The screen is the console's now. */
void stage_leave_screen(void);

#endif
