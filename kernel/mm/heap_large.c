/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_large.c - objects larger than a page, and those with mappings of their own.
 *
 * An ordinary large object is a run of pages from the run allocator. It grows where it stands when
 * the pages behind it are free, and shrinks by giving its end back. Two sorts have pages that nobody else has had or will have mapped as they are:
 *
 *     HEAP_DMA       contiguous frames below 4 GiB
 *     HEAP_GUARDED   | unmapped |      ...object | unmapped |    against the upper guard, so that the
 *                    ^ head      ^ lead_bytes                    first byte behind it is caught
 *
 * Their frames go back to the PMM when they are freed, whatever the run allocator keeps otherwise.
 *
 * Locking: that of the run allocator. Between allocation and free the record belongs to the
 * object's owner.
 */
#include "heap_bins.h"
#include "heap_private.h"
#include "heap_report.h"
#include "heap_runs.h"
#include "lib/assert.h"
#include "lib/bits.h"
#include "mm/paging.h"
#include "mm/pmm.h"
#include "slab.h"

#define OBJECT_ALIGNMENT 16u

/* An object that has just grown often grows again: it goes where it has that many times its size. */
#define ROOM_FACTOR      16u

/* Pages that an object of `size_bytes` fills, or 0 when no window has as many. */
static uint32_t pages_for(size_t size_bytes)
{
    size_t pages = (size_bytes >> PAGE_SHIFT) + ((size_bytes & PAGE_MASK) != 0);

    if (pages >= heap_window.page_count)
        return 0;
    return pages != 0 ? (uint32_t)pages : 1;
}

/* Pages of the run that it gets. From 64 pages on these are the lengths that begin a bin, 32 a
 * doubling: 1.6 % more on average, which holes of the right length, found at once, more than make
 * up for. */
static uint32_t run_pages_for(size_t size_bytes)
{
    uint32_t pages = pages_for(size_bytes);
    uint32_t rounded = pages != 0 ? heap_bin_round(pages) : 0;

    return rounded != 0 && rounded < heap_window.page_count ? rounded : pages;
}

static void *object_of(uint32_t first)
{
    return va_ptr(va(heap_page_address(first) + heap_window.pages[first].lead_bytes));
}

static void count_tag(const struct heap_page *head, bool in)
{
    size_t bytes = heap_large_usable(head);

    if (head->tag != HEAP_TAG_NONE)
        heap_count(&heap_counters.tag_bytes[head->tag], in ? bytes : -bytes);
}

static void *adopt(uint32_t first, const struct heap_request *request)
{
    struct heap_page *head = &heap_window.pages[first];

    head->size_bytes = request->size_bytes;
    head->alloc_site = request->caller;
    head->tag = (uint8_t)request->tag;
    count_tag(head, true);
    return object_of(first);
}

/* --- mappings of their own --------------------------------------------------------------- */

static enum status map_contiguous(uint32_t first, uint32_t count_pages)
{
    struct pmm_request request = {
        .count_frames = count_pages,
        .below = PMM_BELOW_4G,
        .tag = FRAME_DMA,
        .node = PMM_ANY_NODE,
    };
    pfn_t frame;
    enum status status = pmm_alloc_run(&request, &frame);

    if (status != STATUS_OK)
        return status;
    status = paging_map(va(heap_page_address(first)), pfn_to_pa(frame),
                        (size_t)count_pages << PAGE_SHIFT, PT_WRITE | PT_OWNED | PT_SMALL);
    if (status != STATUS_OK)
        (void)pmm_free_run(frame, count_pages);
    return status;
}

static enum status map_special(uint32_t first, uint32_t count_pages, unsigned flags)
{
    uint32_t inner = first + ((flags & HEAP_GUARDED) != 0);

    if ((flags & HEAP_DMA) != 0)
        return map_contiguous(inner, count_pages);
    return heap_back(heap_page_address(inner), count_pages, FRAME_HEAP);
}

static void *special_alloc(uint32_t count_pages, const struct heap_request *request)
{
    const size_t size_bytes = request->size_bytes;
    const unsigned flags = request->flags;
    bool guarded = (flags & HEAP_GUARDED) != 0;
    struct heap_page *head;
    uint32_t first;

    if (heap_run_alloc_bare(count_pages + (guarded ? 2 : 0), &first) != STATUS_OK)
        return NULL;
    if (map_special(first, count_pages, flags) != STATUS_OK) {
        heap_run_free_bare(first);
        return NULL;
    }
    head = &heap_window.pages[first];
    head->flags = (uint16_t)(flags & (HEAP_DMA | HEAP_GUARDED));
    head->lead_bytes = 0;
    if (guarded) {
        size_t room =
            size_bytes != 0 ? (size_t)align_up(size_bytes, OBJECT_ALIGNMENT) : OBJECT_ALIGNMENT;

        head->lead_bytes = (uint32_t)PAGE_SIZE;
        if ((flags & HEAP_GUARD_LOW) == 0)
            head->lead_bytes += (uint32_t)(((size_t)count_pages << PAGE_SHIFT) - room);
        head[1].kind = HEAP_PAGE_INSIDE;
    }
    heap_run_publish_large(first);
    return adopt(first, request);
}

/* Unmaps a freed object's pages; its addresses are still busy. */
static void special_unmap(uint32_t first, const struct heap_page *was)
{
    bool guarded = (was->flags & HEAP_GUARDED) != 0;

    if (guarded)
        heap_window.pages[first + 1].kind = HEAP_PAGE_INNER;
    heap_unback(heap_page_address(first + guarded), was->page_count - (guarded ? 2 : 0));
}

/* --- interface --------------------------------------------------------------------------- */

void *heap_large_alloc(const struct heap_request *request)
{
    uint32_t count_pages = run_pages_for(request->size_bytes);
    struct heap_wish wish = {
        .kind = HEAP_PAGE_LARGE,
        .count_pages = count_pages,
        .align_pages =
            request->alignment > PAGE_SIZE ? (uint32_t)(request->alignment >> PAGE_SHIFT) : 1,
        .room_pages = (request->flags & HEAP_GROWS) != 0 ? count_pages * ROOM_FACTOR : 0,
    };
    uint32_t first;

    if (count_pages == 0)
        return NULL;
    if ((request->flags & (HEAP_DMA | HEAP_GUARDED)) != 0)
        return special_alloc(pages_for(request->size_bytes), request);
    if (slab_or_heap_run(&wish, &first) != STATUS_OK)
        return NULL;
    return adopt(first, request);
}

/* The first page of the run that an object in `page` would be in. */
static uint32_t head_page(uint32_t page)
{
    return page > 1 && heap_window.pages[page].kind == HEAP_PAGE_INSIDE ? page - 1 : page;
}

bool heap_large_free(void *object, size_t size_bytes, const void *caller)
{
    uintptr_t address = (uintptr_t)object;
    uint32_t page = head_page(heap_page_number(address));
    struct heap_page was;

    if (!heap_run_free_large(page, (uint32_t)(address - heap_page_address(page)), size_bytes,
                             &was)) {
        bool other_size = heap_large_find(object) != NULL;

        return heap_report(other_size ? HEAP_FAULT_WRONG_SIZE : HEAP_FAULT_UNUSED, object,
                           size_bytes, caller);
    }
    count_tag(&was, false);
    if (was.flags != 0) {
        special_unmap(page, &was);
        heap_run_free_bare(page);
    }
    return true;
}

void heap_large_unmap(uint32_t first)
{
    struct heap_page was;

    VERIFY(heap_run_free_large(first, heap_window.pages[first].lead_bytes, HEAP_ANY_SIZE, &was));
    count_tag(&was, false);
    special_unmap(first, &was);
}

struct heap_page *heap_large_find(const void *object)
{
    uintptr_t address = (uintptr_t)object;
    struct heap_page *head;
    uint32_t page;

    if (!heap_window_open(address))
        return NULL;
    page = head_page(heap_page_number(address));
    head = &heap_window.pages[page];
    if (head->kind != HEAP_PAGE_LARGE || address != heap_page_address(page) + head->lead_bytes)
        return NULL;
    return head;
}

void heap_large_untag(struct heap_page *head)
{
    count_tag(head, false);
    head->tag = HEAP_TAG_NONE;
}

size_t heap_large_usable(const struct heap_page *head)
{
    size_t pages = head->page_count - ((head->flags & HEAP_GUARDED) != 0);

    return (pages << PAGE_SHIFT) - head->lead_bytes;
}

bool heap_large_resize(struct heap_page *head, size_t size_bytes)
{
    uint32_t first = (uint32_t)(head - heap_window.pages);
    uint32_t count_pages = run_pages_for(size_bytes);

    if (head->flags != 0 || count_pages == 0 || size_bytes <= HEAP_SMALL_BYTES)
        return false;
    count_tag(head, false);
    if (count_pages < head->page_count)
        heap_run_trim(first, count_pages);
    else if (count_pages > head->page_count && !heap_run_grow(first, count_pages))
        return count_tag(head, true), false;
    head->size_bytes = size_bytes;
    count_tag(head, true);
    return true;
}
