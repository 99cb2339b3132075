/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap.c - kmalloc() and its family, and the heap as a whole.
 *
 * A small object passes through four rooms, each a little further away:
 *
 *     owner  <->  magazine          <->  depot    <->  slab  <->  run of pages
 *                 a processor's          a class's     slab.c     heap_runs.c
 *                 heap_fast.h,           slab.c
 *                 heap_magazine.c
 *
 * Which way a request takes is decided here by its size, alignment and flags: the short way of
 * heap_fast.h, the long way with a tag, or the runs of pages of heap_large.c. Freeing is in
 * heap_free.c, another size in heap_resize.c.
 */
#include "mm/heap.h"

#include "heap_debug_private.h"
#include "heap_fast.h"
#include "heap_report.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "mm/paging.h"
#include "mm/pmm.h"
#include "slab.h"

#define ALIGNMENT_MAX MiB

/* --- what is no small object ---------------------------------------------------------------- */

static void *counted(void *object)
{
    if (object == NULL)
        heap_count(&heap_counters.failures, 1);
    return object;
}

void *heap_request_large(size_t size_bytes, size_t alignment, enum heap_tag tag, unsigned flags,
                         const void *caller)
{
    const struct heap_request request = { size_bytes, alignment, tag, flags, caller };

    if (heap_must_fail(caller))
        return NULL;
    if (heap_debug_on)
        return counted(heap_debug_alloc(&request));
    return counted(heap_large_alloc(&request));
}

/* --- allocation --------------------------------------------------------------------------- */

[[gnu::always_inline]] static inline void *zeroed_alloc(size_t size_bytes)
{
    void *object = heap_plain_alloc(size_bytes);

    return object != NULL ? memset(object, 0, size_bytes) : NULL;
}

FRAMELESS void *kmalloc(size_t size_bytes)
{
    return heap_plain_alloc(size_bytes);
}

void *kzalloc(size_t size_bytes)
{
    return zeroed_alloc(size_bytes);
}

void *kcalloc(size_t count, size_t size_bytes)
{
    size_t total;

    if (__builtin_mul_overflow(count, size_bytes, &total)) {
        heap_count(&heap_counters.failures, 1);
        return NULL;
    }
    return zeroed_alloc(total);
}

/* The class of an object of that size and alignment; HEAP_NO_CLASS when it is a large one. *state gets
 * the mark of a class that is larger than the size asks for. */
[[gnu::always_inline]] static inline unsigned aligned_class(size_t size_bytes, size_t alignment,
                                                            unsigned *state)
{
    size_t rounded = (size_t)align_up(size_bytes != 0 ? size_bytes : 1, alignment);
    unsigned class_index;

    if (rounded < size_bytes || rounded > HEAP_SMALL_BYTES)
        return HEAP_NO_CLASS;
    class_index = heap_class_of(rounded);
    if (class_index != heap_class_of(size_bytes))
        *state |= HEAP_STATE_OVERSIZE;
    return class_index;
}

/* An object with all that can be asked for. */
static void *special_alloc(const struct heap_request *request)
{
    unsigned state = HEAP_STATE_LIVE | (unsigned)request->tag | heap_site_state(request->caller);
    unsigned class_index = HEAP_NO_CLASS;

    if (heap_debug_on)
        return heap_request_large(request->size_bytes, request->alignment, request->tag,
                                  request->flags, request->caller);
    if ((request->flags & (HEAP_DMA | HEAP_GUARDED)) == 0)
        class_index = aligned_class(request->size_bytes, request->alignment, &state);
    if (class_index != HEAP_NO_CLASS && heap_must_fail(request->caller))
        return NULL;
    if (class_index != HEAP_NO_CLASS)
        return heap_small_alloc(request->alignment == 1 ? request->size_bytes : 0, class_index,
                                state);
    return heap_request_large(request->size_bytes, request->alignment, request->tag, request->flags,
                              request->caller);
}

void *heap_request(const struct heap_request *request)
{
    void *object;

    if ((unsigned)request->tag >= HEAP_TAG_COUNT ||
        (request->flags & ~(unsigned)(HEAP_ZERO | HEAP_DMA | HEAP_GUARDED)) != 0 ||
        !is_power_of_two(request->alignment) || request->alignment > ALIGNMENT_MAX) {
        heap_count(&heap_counters.failures, 1);
        return NULL;
    }
    object = special_alloc(request);
    if (object != NULL && (request->flags & HEAP_ZERO) != 0)
        memset(object, 0, request->size_bytes);
    return object;
}

void *kmalloc_tagged(size_t size_bytes, enum heap_tag tag, unsigned flags)
{
    const struct heap_request request = { size_bytes, 1, tag, flags, CALLER };

    return heap_request(&request);
}

FRAMELESS void *kmalloc_aligned(size_t size_bytes, size_t alignment)
{
    unsigned state = HEAP_STATE_LIVE;
    unsigned class_index;

    if (!is_power_of_two(alignment) || alignment > ALIGNMENT_MAX) {
        heap_count(&heap_counters.failures, 1);
        return NULL;
    }
    class_index = aligned_class(size_bytes, alignment, &state);
    if (class_index == HEAP_NO_CLASS)
        return heap_request_large(size_bytes, alignment, HEAP_TAG_NONE, 0, CALLER);
    return heap_fast_alloc(size_bytes, alignment, 0, class_index, state);
}

char *kstrdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = heap_plain_alloc(size);

    return copy != NULL ? memcpy(copy, text, size) : NULL;
}

size_t heap_largest(void)
{
    return heap_window.page_count > 1 ? (size_t)(heap_window.page_count - 1) << PAGE_SHIFT : 0;
}

/* --- the whole ---------------------------------------------------------------------------- */

size_t heap_shrink(size_t count_frames)
{
    if (heap_debug_on)
        (void)heap_debug_release(0, 0);
    heap_magazines_drain();
    (void)slab_reclaim();
    return heap_runs_shrink(count_frames, true);
}

/* The PMM asks in the middle of somebody's allocation. If that is the page tables' own, pages can't be
 * unmapped now. */
static size_t shrink_for_pmm(struct pmm_shrinker *shrinker, size_t count_frames)
{
    (void)shrinker;
    if (paging_lock_is_mine())
        return 0;
    heap_magazines_drain();
    (void)slab_reclaim();
    return heap_runs_shrink(count_frames, false);
}

static struct pmm_shrinker shrinker = { .shrink = shrink_for_pmm };

enum status heap_init(vaddr_t window_start, size_t window_bytes)
{
    size_t slab_bytes = (size_t)align_up(slab_fixed_bytes(), PAGE_SIZE);
    size_t debug_bytes = heap_debug_fixed_bytes(window_bytes);
    enum status status = heap_window_init(window_start, window_bytes,
                                          slab_bytes + heap_magazines_fixed_bytes() + debug_bytes);

    if (status != STATUS_OK)
        return status;
    heap_runs_init();
    heap_classes_init();
    heap_reports_init();
    heap_magazines_init((uintptr_t)heap_window.fixed + slab_bytes);
    heap_debug_init((uintptr_t)heap_window.fixed + slab_bytes + heap_magazines_fixed_bytes(),
                    debug_bytes);
    status = slab_init(heap_window.fixed);
    if (status == STATUS_OK)
        pmm_register_shrinker(&shrinker);
    return status;
}
