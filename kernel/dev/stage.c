/* SPDX-License-Identifier: BSD-2-Clause
 *
 * stage.c - see dev/stage.h.
 */
#include "dev/stage.h"

#include "arch/port.h"
#include "vga.h"

#define WHITE_ON_BLACK 0x0f00u
#define NAME_COLUMN    (VGA_COLUMNS - STAGE_NAME_BYTES + 1)

static enum stage last = STAGE_KERNEL_START;
static struct stage_mark mark;
static volatile uint16_t *text_cells;

static void show(void)
{
    char name[STAGE_NAME_BYTES];

    stage_mark_paint(&mark, last);
    if (text_cells == NULL)
        return;
    stage_name(last, name);
    for (unsigned i = 0; name[i] != '\0'; i++)
        text_cells[NAME_COLUMN + i] = (uint16_t)(WHITE_ON_BLACK | (unsigned char)name[i]);
}

void stage_begin(enum stage stage)
{
    last = stage;
    arch_port_write8(STAGE_PORT, (uint8_t)stage);
    show();
}

void stage_show_in_pixels(const struct handoff_framebuffer *facts)
{
    if (facts == NULL || facts->framebuffer_va == 0)
        return;
    stage_mark_open(&mark, facts, (void *)(uintptr_t)facts->framebuffer_va);
    show();
}

void stage_show_in_text(volatile uint16_t *text)
{
    text_cells = text;
    show();
}

void stage_leave_screen(void)
{
    mark = (struct stage_mark){ 0 };
    text_cells = NULL;
}
