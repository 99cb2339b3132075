/* SPDX-License-Identifier: BSD-2-Clause
 *
 * kasan_frames.c - frames are closed while they are free.
 *
 * The linker puts these functions before those of mm/pmm.h and mm/frame.h of the same name (--wrap in
 * mk/sanitize.mk), so the allocator knows nothing of them: a frame is opened when it is handed out, and closed before it is given
 * back, since another processor may have it the moment it is. A free that was refused leaves the frame as it was.
 * The allocator itself writes to free frames to clear them ahead, and is not checked there.
 */
#include "arch/mmu.h"
#include "mm/frame.h"
#include "mm/pmm.h"
#include "mm/shadow.h"

/* --wrap gives NAME these names: `real`, and `wrapped` for callers elsewhere. */
#define WRAPPED(type, name, ...)                                                                   \
    type __real_##name(__VA_ARGS__);                                                               \
    type __wrap_##name(__VA_ARGS__);                                                               \
    type __wrap_##name(__VA_ARGS__)

static void open_frames(pfn_t first, uint64_t count)
{
    shadow_open(arch_phys_ptr(pfn_to_pa(first)), (size_t)count << PAGE_SHIFT);
}

static void close_frames(pfn_t first, uint64_t count)
{
    shadow_close(arch_phys_ptr(pfn_to_pa(first)), (size_t)count << PAGE_SHIFT, SHADOW_FRAME);
}

static bool is_used(pfn_t frame)
{
    struct frame_info info;

    frame_describe(frame, &info);
    return info.managed && info.references != 0;
}

/* Whether both ends are somebody's: a free that may be right. */
static bool is_used_run(pfn_t first, uint64_t count)
{
    return count != 0 && count - 1 <= UINTPTR_MAX - pfn_value(first) && is_used(first) &&
           is_used(pfn_add(first, count - 1));
}

/* --- allocations ---------------------------------------------------------------------------- */

WRAPPED(enum status, pmm_alloc_frame, enum frame_tag tag, pfn_t *frame)
{
    enum status status = __real_pmm_alloc_frame(tag, frame);

    if (status == STATUS_OK)
        open_frames(*frame, 1);
    return status;
}

WRAPPED(enum status, pmm_alloc_zeroed, enum frame_tag tag, pfn_t *frame)
{
    enum status status = __real_pmm_alloc_zeroed(tag, frame);

    if (status == STATUS_OK)
        open_frames(*frame, 1);
    return status;
}

WRAPPED(enum status, pmm_alloc, unsigned order, enum frame_tag tag, pfn_t *first)
{
    enum status status = __real_pmm_alloc(order, tag, first);

    if (status == STATUS_OK)
        open_frames(*first, (uint64_t)1 << order);
    return status;
}

WRAPPED(enum status, pmm_alloc_run, const struct pmm_request *request, pfn_t *first)
{
    enum status status = __real_pmm_alloc_run(request, first);

    if (status == STATUS_OK)
        open_frames(*first, request->count_frames);
    return status;
}

WRAPPED(size_t, pmm_alloc_bulk, enum frame_tag tag, pfn_t *frames, size_t count)
{
    size_t got = __real_pmm_alloc_bulk(tag, frames, count);

    for (size_t i = 0; i < got; i++)
        open_frames(frames[i], 1);
    return got;
}

/* --- frees ------------------------------------------------------------------------------------ */

/* What a refused free closed for a moment is opened again. */
static enum status settle(enum status status, bool used, pfn_t first, uint64_t count)
{
    if (status != STATUS_OK && used)
        open_frames(first, count);
    return status;
}

WRAPPED(enum status, pmm_free_frame, pfn_t frame)
{
    bool used = is_used(frame);

    if (used)
        close_frames(frame, 1);
    return settle(__real_pmm_free_frame(frame), used, frame, 1);
}

WRAPPED(enum status, pmm_free, pfn_t first, unsigned order)
{
    uint64_t count = order <= PMM_MAX_ORDER ? (uint64_t)1 << order : 0;
    bool used = is_used_run(first, count);

    if (used)
        close_frames(first, count);
    return settle(__real_pmm_free(first, order), used, first, count);
}

WRAPPED(enum status, pmm_free_run, pfn_t first, uint64_t count)
{
    bool used = is_used_run(first, count);

    if (used)
        close_frames(first, count);
    return settle(__real_pmm_free_run(first, count), used, first, count);
}

WRAPPED(size_t, pmm_free_bulk, const pfn_t *frames, size_t count)
{
    size_t accepted;

    for (size_t i = 0; i < count; i++)
        if (is_used(frames[i]))
            close_frames(frames[i], 1);
    accepted = __real_pmm_free_bulk(frames, count);
    for (size_t i = 0; accepted < count && i < count; i++)
        if (is_used(frames[i]))
            open_frames(frames[i], 1);
    return accepted;
}
