/* SPDX-License-Identifier: BSD-2-Clause
 *
 * stage.c - see stage.h. The firmware maps its framebuffer where it is (UEFI 2.10, 2.3.4).
 */
#include "stage.h"

#include "cpu.h"

static enum stage last;
static struct stage_mark mark;

void stage_begin(enum stage stage)
{
    last = stage;
    cpu_port_write8(STAGE_PORT, (uint8_t)stage);
    stage_mark_paint(&mark, stage);
}

void stage_show_in(const struct handoff_framebuffer *framebuffer)
{
    void *pixels = framebuffer->size_bytes > 0 ? (void *)(uintptr_t)framebuffer->base : NULL;

    stage_mark_open(&mark, framebuffer, pixels);
    stage_mark_paint(&mark, last);
}
