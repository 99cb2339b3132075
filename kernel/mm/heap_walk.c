/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_walk.c - the slabs, one after the other.
 *
 * Each step looks at the chain of runs under its lock and returns; between two steps slabs may come
 * and go. A cursor that is no longer the beginning of a run goes on from the next one that is.
 */
#include "heap_class.h"
#include "heap_runs_private.h"

/* Whether a page is the first of a run, free ones included. */
static bool begins_run(uint32_t page)
{
    enum heap_page_kind kind = (enum heap_page_kind)heap_window.pages[page].kind;

    return kind != HEAP_PAGE_INNER && kind != HEAP_PAGE_INSIDE;
}

static void fill_info(uint32_t page, struct heap_slab_info *info)
{
    const struct heap_page *slab = &heap_window.pages[page];
    const struct heap_shape *shape = &heap_shapes[slab->class_index];

    *info = (struct heap_slab_info){
        .start = va_ptr(va(heap_page_address(page))),
        .size_bytes = (size_t)slab->page_count << PAGE_SHIFT,
        .object_bytes = shape->object_bytes,
        .objects = shape->count,
        .free = slab->free_count,
    };
}

bool heap_next_slab(uint32_t *cursor, struct heap_slab_info *info)
{
    irq_state_t state = spin_lock(&heap_runs.lock);
    uint32_t page = *cursor != 0 ? *cursor : 1;
    bool found = false;

    while (page < heap_runs.end_page && !found) {
        uint32_t count_pages = begins_run(page) ? heap_window.pages[page].page_count : 1;

        found = heap_window.pages[page].kind == HEAP_PAGE_SLAB &&
                heap_entry_class(heap_entry_of(heap_page_address(page))) != HEAP_NO_CLASS;
        if (found)
            fill_info(page, info);
        page += count_pages != 0 ? count_pages : 1;
    }
    *cursor = page;
    spin_unlock(&heap_runs.lock, state);
    return found;
}
