/* SPDX-License-Identifier: BSD-2-Clause
 *
 * page_heap.c - the heap by size class, and what of its pages nobody can use.
 */
#include "page.h"

#include "lib/format.h"

#define TABLE_COLUMNS 46u /* of figures, beside the bar */

static void draw_share(struct view_sheet *sheet, unsigned row, const char *name, uint64_t part,
                       uint64_t whole, enum view_colour colour)
{
    unsigned bar = sheet->columns > 100 ? 60 : 30;

    (void)sheet_text(sheet, PAGE_LEFT, row, 24, style_text, name);
    page_size(sheet, PAGE_LEFT + 24, row, style_bright, part);
    (void)sheet_print(sheet, PAGE_LEFT + 35, row, 5, style_faint, "%3u %%",
                      format_percent(part, whole));
    sheet_bar(sheet, PAGE_LEFT + 42, row, bar, part, whole,
              (struct view_style){ colour, VIEW_NIGHT });
}

static unsigned draw_shares(const struct heap_stats *heap, struct view_sheet *sheet, unsigned row)
{
    uint64_t whole = heap->mapped_bytes;

    draw_share(sheet, row, "in live objects", heap->live_bytes, whole, VIEW_HEAP);
    draw_share(sheet, row + 1, "free places in slabs", heap->slab_free_bytes, whole, VIEW_SLAB);
    draw_share(sheet, row + 2, "free pages kept", heap->cached_bytes, whole, VIEW_CACHE);
    draw_share(sheet, row + 3, "the heap's own tables", heap->metadata_bytes, whole, VIEW_TABLE);
    return row + 4;
}

static void draw_class(struct view_sheet *sheet, unsigned row, unsigned bar,
                       const struct heap_class_info *class)
{
    unsigned column = sheet_print(sheet, PAGE_LEFT, row, TABLE_COLUMNS, style_text, "%7zu %7llu ",
                                  class->object_bytes, (unsigned long long)class->slabs);

    column = sheet_print(sheet, column, row, TABLE_COLUMNS, style_bright, "%9llu ",
                         (unsigned long long)class->live);
    (void)sheet_print(sheet, column, row, TABLE_COLUMNS, style_text, "%9llu %7llu",
                      (unsigned long long)class->objects, (unsigned long long)class->cached);
    sheet_bar(sheet, PAGE_LEFT + TABLE_COLUMNS, row, bar, class->live, class->objects,
              (struct view_style){ VIEW_SLAB, VIEW_PANEL });
}

/* Classes without a slab are left out. */
static void draw_classes(const struct view_model *model, struct view_sheet *sheet, unsigned row,
                         unsigned end)
{
    unsigned bar = sheet->columns - 2 * PAGE_LEFT - TABLE_COLUMNS;

    (void)sheet_text(sheet, PAGE_LEFT, row, TABLE_COLUMNS + bar, style_faint,
                     "  bytes   slabs      live      room  cached  how full its slabs are");
    row++;
    for (unsigned i = 0; i < model->class_count && row < end; i++)
        if (model->classes[i].slabs > 0)
            draw_class(sheet, row++, bar, &model->classes[i]);
}

void page_draw_heap(const struct dashboard *dashboard, struct view_sheet *sheet)
{
    const struct heap_stats *heap = &dashboard->model.heap;
    unsigned columns = sheet->columns - 2 * PAGE_LEFT;
    char size[SIZE_TEXT_BYTES];
    char remark[64];
    unsigned row;

    (void)print_buffer(remark, sizeof(remark), "%s in pages, %llu objects, %llu of them large",
                       format_size(heap->mapped_bytes, size),
                       (unsigned long long)heap->live_objects,
                       (unsigned long long)heap->large_objects);
    page_heading(sheet, PAGE_LEFT, 2, columns, "Heap", remark);
    row = draw_shares(heap, sheet, 4) + 1;
    page_heading(sheet, PAGE_LEFT, row, columns, "Size classes", "those that have a slab");
    draw_classes(&dashboard->model, sheet, row + 2, sheet->rows - 2);
}
