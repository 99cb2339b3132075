/* SPDX-License-Identifier: BSD-2-Clause
 *
 * page_overview.c - the whole machine on one page.
 *
 * Two bars: memory from 0 to its end, and all addresses up to 4 GiB (one bar where memory goes beyond
 * that). Below them what the page has room for, in this order: the region that is chosen, frames and
 * counters side by side, the heap, the log.
 */
#include "page.h"

#include "lib/bits.h"
#include "lib/format.h"
#include "lib/wide.h"

#define SLICES_MOST   512u
#define SCALE_COLUMNS 16u /* at least, from one mark to the next */
#define TALL_ROWS     32u /* from here on there is room to breathe */
#define TAGS_COLUMNS  26u
#define MIB_SHIFT     20u

/* --- bars -------------------------------------------------------------------------------- */

unsigned dashboard_bar_slices(const struct view_sheet *sheet)
{
    unsigned slices = 2 * (sheet->columns - 2 * DASHBOARD_BAR_COLUMN);

    return slices < SLICES_MOST ? slices : SLICES_MOST;
}

static bool is_tall(const struct view_sheet *sheet)
{
    return sheet->rows >= TALL_ROWS;
}

/* A bar has a line of choice and a scale below it. */
unsigned dashboard_second_bar_row(const struct view_sheet *sheet)
{
    return DASHBOARD_BAR_ROW + 3 + 2 * is_tall(sheet);
}

/* Two slices a cell: the left one in ink, the right one as ground. */
static void draw_slices(struct view_sheet *sheet, unsigned row, unsigned rows, const uint8_t *kinds,
                        unsigned count)
{
    for (unsigned i = 0; i + 1 < count; i += 2) {
        struct view_style style = { view_kind_colour((enum view_kind)kinds[i]),
                                    view_kind_colour((enum view_kind)kinds[i + 1]) };
        bool whole = style.ink == style.ground;

        sheet_fill(sheet, DASHBOARD_BAR_COLUMN + i / 2, row, 1, rows,
                   (uint8_t)(GLYPH_BAR + (whole ? 8 : 4)), style);
    }
}

static unsigned column_of(uint64_t address, uint64_t top, unsigned columns)
{
    unsigned column = (unsigned)wide_divide(wide_multiply(address, columns), top);

    return DASHBOARD_BAR_COLUMN + (column < columns ? column : columns - 1);
}

/* Marks at equal distances, a power of two of MiB, and the end. */
static void draw_scale(struct view_sheet *sheet, unsigned row, uint64_t top)
{
    unsigned columns = sheet->columns - 2 * DASHBOARD_BAR_COLUMN;
    uint64_t step = (uint64_t)1 << MIB_SHIFT;

    while (wide_divide_64(top, step) * SCALE_COLUMNS > columns)
        step <<= 1;
    for (uint64_t at = 0; at + step / 2 < top; at += step) {
        unsigned column = column_of(at, top, columns);

        sheet_put(sheet, column, row, GLYPH_LINE + GLYPH_ARM_UP, style_faint);
        (void)sheet_print(sheet, column + 1, row, SCALE_COLUMNS - 2, style_faint, "%llu",
                          (unsigned long long)at >> MIB_SHIFT);
    }
    (void)sheet_print(sheet, sheet->columns - DASHBOARD_BAR_COLUMN - 10, row, 10, style_faint,
                      "%6llu MiB", (unsigned long long)top >> MIB_SHIFT);
}

/* The chosen region as far as it lies below `top`: a line under the bar. */
static void draw_pointer(struct view_sheet *sheet, unsigned row, const struct region *region,
                         uint64_t top)
{
    unsigned columns = sheet->columns - 2 * DASHBOARD_BAR_COLUMN;
    uint64_t last = region->base + region->size_bytes - 1;

    if (region->base < top)
        for (unsigned column = column_of(region->base, top, columns);
             column <= column_of(min_u64(last, top - 1), top, columns); column++)
            sheet_put(sheet, column, row, GLYPH_UPPER, style_bright);
}

/* A bar with its line of choice and its scale; the row below. */
static unsigned draw_bar(const struct dashboard *dashboard, struct view_sheet *sheet, unsigned row,
                         unsigned rows, uint64_t top)
{
    static uint8_t kinds[SLICES_MOST];
    unsigned count = dashboard_bar_slices(sheet);

    view_slices(dashboard->map, top, kinds, count);
    draw_slices(sheet, row, rows, kinds, count);
    draw_pointer(sheet, row + rows, &dashboard->map->regions[dashboard->row], top);
    draw_scale(sheet, row + rows + 1, top);
    return row + rows + 2;
}

static unsigned draw_legend(const struct view_model *model, struct view_sheet *sheet, unsigned row)
{
    struct legend legend = { .sheet = sheet,
                             .column = PAGE_LEFT,
                             .row = row,
                             .first_column = PAGE_LEFT,
                             .end_column = sheet->columns };

    for (unsigned kind = VIEW_KIND_USABLE; kind < VIEW_KIND_COUNT; kind++)
        if (model->kind_bytes[kind] > 0)
            legend_add(&legend, view_kind_colour((enum view_kind)kind),
                       view_kind_name((enum view_kind)kind), model->kind_bytes[kind]);
    return legend.row + 1;
}

void page_draw_row(struct view_sheet *sheet, unsigned row, const struct region *region)
{
    char size[SIZE_TEXT_BYTES];
    unsigned column = sheet_print(sheet, PAGE_LEFT, row, sheet->columns, style_bright,
                                  "0x%09llx - 0x%09llx", (unsigned long long)region->base,
                                  (unsigned long long)(region->base + region->size_bytes - 1));

    column = sheet_print(sheet, column + 2, row, sheet->columns, style_text, "%10s  %s",
                         format_size(region->size_bytes, size), e820_type_name(region->type));
    if (region->tag != REGION_TAG_NONE)
        (void)sheet_print(sheet, column, row, sheet->columns, style_text, ", held by %s",
                          region_tag_name(region->tag));
}

static unsigned draw_addresses(const struct dashboard *dashboard, struct view_sheet *sheet)
{
    const struct view_model *model = &dashboard->model;
    unsigned tall = is_tall(sheet);
    unsigned row = DASHBOARD_BAR_ROW;

    page_heading(sheet, PAGE_LEFT, 2, sheet->columns - 2 * PAGE_LEFT, "Addresses",
                 "to scale, in MiB");
    row = draw_bar(dashboard, sheet, row, 1 + tall, model->ram_end) + tall;
    if (model->space_end > model->ram_end)
        row = draw_bar(dashboard, sheet, row, 1, model->space_end) + tall;
    row = draw_legend(model, sheet, row) + tall;
    page_draw_row(sheet, row, &dashboard->map->regions[dashboard->row]);
    if (model->beyond > 0)
        (void)sheet_print(sheet, sheet->columns - 24, row, 22, style_faint, "%5zu more lie above",
                          model->beyond);
    return row + 1 + tall;
}

/* --- counters ---------------------------------------------------------------------------- */

struct counter {
    const char *name;
    uint64_t value;
    bool is_bytes;
};

static void draw_counter(struct view_sheet *sheet, unsigned column, unsigned row,
                         const struct counter *counter)
{
    (void)sheet_text(sheet, column, row, COUNTERS_COLUMNS, style_text, counter->name);
    if (counter->is_bytes)
        page_size(sheet, column + COUNTERS_COLUMNS - 10, row, style_bright, counter->value);
    else
        (void)sheet_print(sheet, column + COUNTERS_COLUMNS - 14, row, 14, style_bright, "%14llu",
                          (unsigned long long)counter->value);
}

static void draw_counters(const struct view_model *model, struct view_sheet *sheet, unsigned column,
                          unsigned row, unsigned rows)
{
    const struct counter counters[] = {
        { "free memory", model->frames.free_frames << PAGE_SHIFT, true },
        { "used memory", model->frames.used_frames << PAGE_SHIFT, true },
        { "free 2 MiB blocks", model->frames.free_2m_blocks, false },
        { "frames in magazines", model->frames.cached_frames, false },
        { "frames zeroed ahead", model->frames.zeroed_frames, false },
        { "heap objects", model->heap.live_objects, false },
        { "heap bytes in use", model->heap.live_bytes, true },
        { "heap pages held", model->heap.mapped_bytes, true },
        { "calls of kmalloc", model->heap.allocations, false },
        { "calls of kfree", model->heap.frees, false },
        { "wrong frees refused", model->heap.bad_frees + model->frames.bad_frees, false },
        { "tables of the frames", model->frames.metadata_bytes, true },
    };

    for (unsigned i = 0; i < ARRAY_COUNT(counters) && i < rows; i++)
        draw_counter(sheet, column, row + i, &counters[i]);
}

/* --- frames and heap --------------------------------------------------------------------- */

static void draw_tags(const struct view_model *model, struct view_sheet *sheet, unsigned column,
                      unsigned row, unsigned columns, unsigned rows)
{
    unsigned line = 0;

    for (unsigned tag = FRAME_FREE; tag < FRAME_TAG_COUNT && line < rows; tag++) {
        uint64_t frames = tag == FRAME_FREE ? model->frames.free_frames : model->tags[tag];
        struct view_style style = { view_tag_colour((enum frame_tag)tag), VIEW_NIGHT };

        if (frames == 0)
            continue;
        sheet_put(sheet, column, row + line, GLYPH_SQUARE, style);
        (void)sheet_text(sheet, column + 2, row + line, 12, style_text,
                         frame_tag_name((enum frame_tag)tag));
        page_size(sheet, column + 13, row + line, style_bright, frames << PAGE_SHIFT);
        if (columns > TAGS_COLUMNS + 6)
            sheet_bar(sheet, column + TAGS_COLUMNS, row + line, columns - TAGS_COLUMNS, frames,
                      model->frames.managed_frames, style);
        line++;
    }
}

/* The grid, what its colours mean where there is room for that, and counters. */
static void draw_middle(const struct dashboard *dashboard, struct view_sheet *sheet, unsigned row,
                        unsigned rows)
{
    unsigned left = sheet->columns - 2 * PAGE_LEFT - COUNTERS_COLUMNS - 3;
    unsigned tags = left - dashboard->small_columns;
    char size[SIZE_TEXT_BYTES];
    char remark[40];

    (void)print_buffer(remark, sizeof(remark), "a square is %s",
                       format_size((uint64_t)PAGE_SIZE << dashboard->grid.shift, size));
    page_heading(sheet, PAGE_LEFT, row, left, "Frames", remark);
    page_tiles(dashboard, sheet, PAGE_LEFT, row + 1);
    if (tags >= TAGS_COLUMNS + 3)
        draw_tags(&dashboard->model, sheet, PAGE_LEFT + dashboard->small_columns + 3, row + 1,
                  tags - 3, rows - 1);
    page_heading(sheet, PAGE_LEFT + left + 3, row, COUNTERS_COLUMNS, "Counters", "");
    draw_counters(&dashboard->model, sheet, PAGE_LEFT + left + 3, row + 1, rows - 1);
}

void page_draw_overview(const struct dashboard *dashboard, struct view_sheet *sheet)
{
    unsigned row = draw_addresses(dashboard, sheet);
    unsigned end = sheet->rows - 1;
    unsigned room = end > row ? end - row : 0;
    unsigned middle = room < 14 ? room : 13;

    if (middle >= 3)
        draw_middle(dashboard, sheet, row, middle);
    if (room >= middle + 5) {
        row += middle + 1;
        page_heading(sheet, PAGE_LEFT, row, sheet->columns - 2 * PAGE_LEFT, "Log",
                     "the last lines");
        page_log_lines(sheet, PAGE_LEFT, row + 1, sheet->columns - 2 * PAGE_LEFT, end - row - 2);
    }
}
