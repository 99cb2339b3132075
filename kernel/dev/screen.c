/* SPDX-License-Identifier: BSD-2-Clause
 *
 * screen.c - two sheets, of which one is shown, and the device that shows it.
 *
 *     text ──> terminal ─┐
 *                        ├─> the one that is shown ── differs from `shown`? ──> device
 *     dashboard ─────────┘
 *
 * `shown` is what the device shows, cell by cell; a cell that no sheet has (glyph 0) makes the first
 * flush paint everything. Scrolling costs a row of cells; only a flush touches the device, and
 * whoever calls it decides how often (console.c).
 *
 * VGA's text mode is used on machines that a Multiboot loader started, where the BIOS says that it
 * is on: nothing tells of it under UEFI.
 */
#include "dev/screen.h"

#include "arch/mmu.h"
#include "dev/framebuffer.h"
#include "dev/stage.h"
#include "lib/lock.h"
#include "lib/log.h"
#include "lib/string.h"
#include "mm/pt.h"
#include "mm/vmm.h"
#include "vga.h"
#include "view/terminal.h"

#define EARLY_BYTES     8192u
#define BIOS_VIDEO_MODE 0x449u /* BIOS data area: the mode that INT 10h has set */
#define MODE_TEXT_80_25 3

static enum { SCREEN_NONE, SCREEN_PIXELS, SCREEN_TEXT } kind;
static struct framebuffer framebuffer;
static volatile uint16_t *vga_text;
static uint64_t vga_bytes;
static uint64_t flushes;

static struct terminal terminal;
static struct view_sheet drawing;
static struct view_cell *shown;
static bool shows_drawing;
static bool stale;
static bool painting; /* true when entered again: painting faulted */

/* Text of the time before. */
static char early[EARLY_BYTES];
static size_t early_size;
static bool started; /* or tried to */

/* --- finding ----------------------------------------------------------------------------- */

static enum status map_pixels(const struct handoff_framebuffer *facts, void **pixels)
{
    uint64_t first = facts->base & ~(uint64_t)(PAGE_SIZE - 1);
    void *memory;
    enum status status;

    if (facts->framebuffer_va != 0) {
        *pixels = (void *)(uintptr_t)facts->framebuffer_va;
        return STATUS_OK;
    }
    status = vm_map_frames(pa(first), (size_t)(facts->base - first + facts->size_bytes),
                           PT_WRITE | PT_WRITE_COMBINING, "framebuffer", &memory);
    if (status == STATUS_OK)
        *pixels = (uint8_t *)memory + (facts->base - first);
    return status;
}

static enum status find_pixels(const struct handoff_framebuffer *facts, unsigned *columns,
                               unsigned *rows)
{
    void *pixels;
    enum status status = framebuffer_open(&framebuffer, facts, NULL);

    if (status == STATUS_OK)
        status = map_pixels(facts, &pixels);
    if (status != STATUS_OK)
        return status;
    framebuffer.pixels = pixels;
    *columns = framebuffer.columns;
    *rows = framebuffer.rows;
    kind = SCREEN_PIXELS;
    return STATUS_OK;
}

bool screen_bios_shows_text(const uint8_t *page_zero)
{
    return page_zero[BIOS_VIDEO_MODE] == MODE_TEXT_80_25;
}

static bool bios_shows_text(const struct handoff_view *machine)
{
    bool shows;
    uint8_t *page;

    if (machine->handoff->loader != HANDOFF_LOADER_MULTIBOOT)
        return false;
    page = arch_frame_map(pa(0));
    shows = screen_bios_shows_text(page);
    arch_frame_unmap(page);
    return shows;
}

static enum status find_text(const struct handoff_view *machine, unsigned *columns, unsigned *rows)
{
    void *memory;
    enum status status;

    if (!bios_shows_text(machine))
        return STATUS_NOT_FOUND;
    status = vm_map_frames(pa(SCREEN_TEXT_BASE), VGA_TEXT_BYTES, PT_WRITE | PT_WRITE_COMBINING,
                           "VGA text", &memory);
    if (status != STATUS_OK)
        return status;
    vga_text = memory;
    vga_prepare();
    *columns = VGA_COLUMNS;
    *rows = VGA_ROWS;
    kind = SCREEN_TEXT;
    return STATUS_OK;
}

/* Three times columns x rows cells in one piece. */
static enum status make_sheets(unsigned columns, unsigned rows)
{
    size_t count = (size_t)columns * rows;
    struct view_cell *cells;
    void *memory;
    enum status status = vm_alloc(3 * count * sizeof(*cells), "screen", &memory);

    if (status != STATUS_OK)
        return status;
    cells = memory;
    terminal_init(&terminal, cells, columns, rows);
    sheet_init(&drawing, cells + count, columns, rows);
    shown = cells + 2 * count;
    return STATUS_OK;
}

enum status screen_start(const struct handoff_view *machine)
{
    unsigned columns = 0;
    unsigned rows = 0;
    enum status status = machine->framebuffer != NULL
                             ? find_pixels(machine->framebuffer, &columns, &rows)
                             : find_text(machine, &columns, &rows);

    started = true;
    if (status == STATUS_OK)
        status = make_sheets(columns, rows);
    if (status != STATUS_OK) {
        kind = SCREEN_NONE;
        return status;
    }
    terminal_write(&terminal, early, early_size);
    stale = true;
    return STATUS_OK;
}

bool screen_is_there(void)
{
    return kind != SCREEN_NONE;
}

/* --- writing ----------------------------------------------------------------------------- */

/* What has no room pushes the older half out. */
static void keep_early(const char *text, size_t size)
{
    if (size > EARLY_BYTES / 2)
        size = EARLY_BYTES / 2;
    if (early_size + size > EARLY_BYTES) {
        memmove(early, early + EARLY_BYTES / 2, early_size - EARLY_BYTES / 2);
        early_size -= EARLY_BYTES / 2;
    }
    memcpy(early + early_size, text, size);
    early_size += size;
}

void screen_write(const char *text, size_t size)
{
    if (kind == SCREEN_NONE) {
        if (!started)
            keep_early(text, size);
        return;
    }
    terminal_show_cursor(&terminal, false);
    terminal_write(&terminal, text, size);
    stale = true;
}

/* --- showing ----------------------------------------------------------------------------- */

static void paint(const struct view_sheet *sheet)
{
    if (flushes == 0)
        stage_leave_screen();
    switch (kind) {
    case SCREEN_NONE:
        break;
    case SCREEN_PIXELS:
        if (flushes == 0)
            framebuffer_clear_margins(&framebuffer);
        framebuffer_paint(&framebuffer, sheet, shown);
        break;
    case SCREEN_TEXT:
        vga_bytes += vga_paint(vga_text, sheet, shown);
        break;
    }
    flushes++;
}

bool screen_is_stale(void)
{
    return kind != SCREEN_NONE && stale;
}

void screen_flush(void)
{
    if (!screen_is_stale())
        return;
    if (painting) {
        kind = SCREEN_NONE;
        return;
    }
    painting = true;
    stale = false;
    if (spin_locks_broken)
        shows_drawing = false;
    terminal_show_cursor(&terminal, true);
    paint(shows_drawing ? &drawing : &terminal.sheet);
    painting = false;
}

struct view_sheet *screen_sheet(void)
{
    return &drawing;
}

void screen_show(bool wanted)
{
    shows_drawing = wanted;
    stale = true;
}

void screen_changed(void)
{
    stale = true;
}

/* --- telling ----------------------------------------------------------------------------- */

void screen_get_facts(struct screen_facts *facts)
{
    *facts = (struct screen_facts){ .is_text = kind == SCREEN_TEXT, .flushes = flushes };
    if (kind == SCREEN_NONE)
        return;
    facts->columns = drawing.columns;
    facts->rows = drawing.rows;
    facts->cell_width = framebuffer.cell_width;
    facts->cell_height = framebuffer.cell_height;
    facts->left_pixels = framebuffer.left_pixels;
    facts->top_pixels = framebuffer.top_pixels;
    facts->bytes_written = framebuffer.bytes_written + vga_bytes;
}

void screen_describe(struct print_sink *sink)
{
    if (kind == SCREEN_NONE)
        print_to(sink, "none");
    else if (kind == SCREEN_TEXT)
        print_to(sink, "VGA text, %u columns, %u rows", drawing.columns, drawing.rows);
    else
        print_to(sink, "%ux%u pixels, %u columns, %u rows", framebuffer.width_pixels,
                 framebuffer.height_pixels, drawing.columns, drawing.rows);
}
