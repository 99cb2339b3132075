/* SPDX-License-Identifier: BSD-2-Clause
 *
 * stage.c - see stage.h.
 *
 * What lies below 4 GiB every firmware shows where it is. Of a framebuffer above, or of one that is
 * nonsense, the firmware's own page tables tell whether it can be written there; where it
 * cannot, the port alone tells the stage.
 */
#include "stage.h"

#include "cpu.h"
#include "lib/bits.h"
#include "mm/pt.h"

static enum stage last;
static struct stage_mark mark;

void stage_begin(enum stage stage)
{
    last = stage;
    cpu_port_write8(STAGE_PORT, (uint8_t)stage);
    stage_mark_paint(&mark, stage);
}

static bool is_writable(uint64_t address)
{
    const struct pt_format *format =
        (cr4_read() & CR4_LA57) != 0 ? &pt_format_x86_64_5level : &pt_format_x86_64_4level;
    const struct page_table firmware = {
        .format = format,
        .root = pa(align_down(cr3_read(), PAGE_SIZE)),
        .physical_bits = pt_format_physical_bits(format),
        .largest_leaf = pt_format_largest_leaf(format),
    };
    struct pt_mapping mapping;

    return pt_query(&firmware, va(address), &mapping) == STATUS_OK &&
           (mapping.flags & PT_WRITE) != 0;
}

static bool can_be_painted(const struct handoff_framebuffer *framebuffer)
{
    uint64_t end;

    if (framebuffer->size_bytes == 0 ||
        !checked_add(framebuffer->base, framebuffer->size_bytes, &end))
        return false;
    return end <= 4 * GiB || (is_writable(framebuffer->base) && is_writable(end - 1));
}

void stage_show_in(const struct handoff_framebuffer *framebuffer)
{
    void *pixels = can_be_painted(framebuffer) ? (void *)(uintptr_t)framebuffer->base : NULL;

    stage_mark_open(&mark, framebuffer, pixels);
    stage_mark_paint(&mark, last);
}
