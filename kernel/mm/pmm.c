/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pmm.c - the front of the physical memory manager: one frame, fast; runs by order; many at once.
 *
 * The way of a request, from what happens always to what happens never:
 *
 *     pmm.c          magazine of this processor         a few loads and stores, no lock
 *     pmm_cache.c    half a magazine from or to areas   once in 128
 *     pmm_place.c    which area: home, partly free, whole, fresh
 *     pmm_take.c     which block of the area: lowest partly free, else a wholly free one
 *     pmm_block.c    which frames of the block
 *     pmm_area.c     an area that nobody used is made
 *
 * and when nothing is found anywhere: this processor's cache is emptied, then those of the other processors,
 * then other caches are asked (pmm_try_hard), and only then the request fails.
 *
 * The fast paths check everything that can be wrong with a frame in two loads: its area is ready, its
 * block touched, its record says one reference. They keep no lock and leave interrupts on; a busy
 * cache makes an interrupt that comes in between go the slow way.
 */
#include "pmm_private.h"

#include "lib/log.h"
#include "lib/string.h"

/* --- attempts ---------------------------------------------------------------------------- */

static bool attempt_run(struct pmm_job *job)
{
    return pmm_place(cpu_cache(), job, area_take_run);
}

static bool attempt_frames(struct pmm_job *job)
{
    return pmm_place(cpu_cache(), job, area_take_frames);
}

/* --- one frame --------------------------------------------------------------------------- */

/* A frame of the magazine becomes the caller's. False when it is in use: freed twice in a race. */
[[gnu::always_inline]] static inline bool hand_out(pfn_t frame, enum frame_tag tag)
{
    uintptr_t number = pfn_value(frame);
    uint16_t *record = &pmm_state.directory[number >> AREA_ORDER]->records[area_place(number)];

    if (__builtin_expect(record_load(record) != 0, 0))
        return false;
    record_store(record, record_make(tag, false));
    return true;
}

static void report_lost(pfn_t frame)
{
    __atomic_fetch_add(&pmm_state.bad_frees, 1, __ATOMIC_RELAXED);
    log_error("pmm: frame 0x%llx is in use and was freed besides: not handed out again",
              (unsigned long long)pa_value(pfn_to_pa(frame)));
}

/* Takes frames off the magazine until one is good, filling it as needed. */
static bool take_cached(struct pmm_cpu *cpu, enum frame_tag tag, pfn_t *frame)
{
    uint32_t count = cpu_enter(cpu);
    bool taken = false;

    if (count == CPU_BUSY)
        return false;
    while (!taken && (count > 0 || (count = cpu_fill(cpu)) > 0)) {
        pfn_t top = cpu->frames[--count];

        taken = hand_out(top, tag);
        if (taken)
            *frame = top;
        else
            report_lost(top);
    }
    cpu_leave(cpu, count);
    return taken;
}

/* For an allocation that was asked for at `site`. */
static enum status alloc_anywhere(enum frame_tag tag, pfn_t *frame, const void *site)
{
    struct pmm_job job = { .count = 1, .end = UINTPTR_MAX, .record = record_make(tag, false) };

    if (pmm_state.general_frames == 0 || !tag_is_valid(tag))
        return STATUS_INVALID;
    if (FAIL_ALLOC(site))
        return STATUS_NO_MEMORY;
    if (take_cached(cpu_cache(), tag, frame))
        return STATUS_OK;
    if (!pmm_try_hard(&job, attempt_run))
        return STATUS_NO_MEMORY;
    *frame = pfn(job.first);
    if (UNLIKELY(pmm_sites_on))
        pmm_note_sites(job.first, 1, site);
    return STATUS_OK;
}

/* Reached by a jump, so that the site is who called the fast path. */
[[gnu::noinline]] static enum status alloc_frame_slow(enum frame_tag tag, pfn_t *frame)
{
    return alloc_anywhere(tag, frame, __builtin_return_address(0));
}

[[gnu::cold, gnu::noinline]] static enum status alloc_after_loss(enum frame_tag tag, pfn_t *frame,
                                                                 pfn_t lost)
{
    report_lost(lost);
    return alloc_frame_slow(tag, frame);
}

enum status pmm_alloc_frame(enum frame_tag tag, pfn_t *frame)
{
    struct pmm_cpu *cpu = pmm_state.cpus[arch_cpu_id()];
    uint32_t count;
    pfn_t top;

    if (UNLIKELY(cpu == NULL || cpu->busy != 0 || !tag_is_valid(tag)))
        return alloc_frame_slow(tag, frame);
    cpu_set_busy(cpu);
    count = cpu->count;
    if (UNLIKELY(count == 0)) {
        cpu_clear_busy(cpu);
        return alloc_frame_slow(tag, frame);
    }
    top = cpu->frames[count - 1];
    cpu_leave(cpu, count - 1);
    if (UNLIKELY(!hand_out(top, tag)))
        return alloc_after_loss(tag, frame, top);
    *frame = top;
    return STATUS_OK;
}

/* Finds the record of a general frame that is managed frame by frame. No lock. */
[[gnu::always_inline]] static inline bool find_record(uintptr_t number, uint16_t **record)
{
    struct pmm_area *area;

    if (UNLIKELY(number - LOW_FRAMES >= pmm_state.general_frames ||
                 !area_is_ready(number >> AREA_ORDER)))
        return false;
    area = pmm_state.directory[number >> AREA_ORDER];
    *record = &area->records[area_place(number)];
    return block_is_touched(area, area_place(number) / BLOCK_FRAMES);
}

/* Reached by a jump, so that it returns to whom the fast path was called by. */
[[gnu::noinline]] static enum status free_frame_slow(pfn_t frame)
{
    return pmm_free_slow(frame, __builtin_return_address(0));
}

enum status pmm_free_frame(pfn_t frame)
{
    struct pmm_cpu *cpu = pmm_state.cpus[arch_cpu_id()];
    uint16_t *record;
    uint32_t count;

    if (UNLIKELY(cpu == NULL || cpu->busy != 0 || !find_record(pfn_value(frame), &record) ||
                 !record_is_sole(record_load(record))))
        return free_frame_slow(frame);
    cpu_set_busy(cpu);
    count = cpu->count;
    if (UNLIKELY(count >= cpu->limit)) {
        cpu_clear_busy(cpu);
        return free_frame_slow(frame);
    }
    record_store(record, 0);
    cpu->frames[count] = frame;
    cpu_leave(cpu, count + 1);
    return STATUS_OK;
}

enum status pmm_alloc_zeroed(enum frame_tag tag, pfn_t *frame)
{
    enum status status;

    if (tag_is_valid(tag) && !fail_alloc_on && pmm_take_zeroed(record_make(tag, false), frame)) {
        NOTE_SITES(pfn_value(*frame), 1);
        return STATUS_OK;
    }
    status = fail_alloc_on ? alloc_anywhere(tag, frame, __builtin_return_address(0))
                           : pmm_alloc_frame(tag, frame);
    if (status == STATUS_OK) {
        pmm_zero_frames(pfn_value(*frame), 1);
        NOTE_SITES(pfn_value(*frame), 1);
    }
    return status;
}

/* --- many frames ------------------------------------------------------------------------- */

static void turn_round(pfn_t *frames, size_t count)
{
    for (size_t i = 0; i < count / 2; i++) {
        pfn_t frame = frames[i];

        frames[i] = frames[count - 1 - i];
        frames[count - 1 - i] = frame;
    }
}

size_t pmm_alloc_bulk(enum frame_tag tag, pfn_t *frames, size_t count)
{
    struct pmm_job job = { .count = count, .end = UINTPTR_MAX, .frames = frames };

    if (pmm_state.general_frames == 0 || !tag_is_valid(tag) || count == 0 ||
        FAIL_ALLOC(__builtin_return_address(0)))
        return 0;
    if (!pmm_try_hard(&job, attempt_frames))
        memmove(frames, frames + count - job.got, job.got * sizeof(*frames));
    turn_round(frames, job.got); /* they came highest first */
    for (size_t i = 0; i < job.got; i++)
        (void)hand_out(frames[i], tag);
    for (size_t i = 0; pmm_sites_on && i < job.got; i++)
        NOTE_SITES(pfn_value(frames[i]), 1);
    return job.got;
}

size_t pmm_free_bulk(const pfn_t *frames, size_t count)
{
    pfn_t batch[HALF_FRAMES];
    size_t pending = 0;
    size_t freed = 0;

    for (size_t i = 0; i < count; i++) {
        uint16_t *record;

        if (!find_record(pfn_value(frames[i]), &record) || !record_is_sole(record_load(record))) {
            freed += pmm_free_slow(frames[i], __builtin_return_address(0)) == STATUS_OK;
            continue;
        }
        record_store(record, 0);
        batch[pending++] = frames[i];
        freed++;
        if (pending == HALF_FRAMES) {
            pmm_give_frames(batch, pending);
            pending = 0;
        }
    }
    pmm_give_frames(batch, pending);
    return freed;
}

/* --- runs -------------------------------------------------------------------------------- */

static enum status take_run(struct pmm_job *job, bool (*attempt)(struct pmm_job *), unsigned flags,
                            pfn_t *first)
{
    if (!pmm_try_hard(job, attempt))
        return STATUS_NO_MEMORY;
    if ((flags & PMM_ZERO) != 0)
        pmm_zero_frames(job->first, job->count);
    *first = pfn(job->first);
    return STATUS_OK;
}

enum status pmm_alloc_order(unsigned order, enum frame_tag tag, pfn_t *first)
{
    struct pmm_job job = { .order = order,
                           .count = (uintptr_t)1 << order,
                           .end = UINTPTR_MAX,
                           .record = record_make(tag, false) };

    enum status status;

    if (pmm_state.general_frames == 0 || !tag_is_valid(tag))
        return STATUS_INVALID;
    if (FAIL_ALLOC(__builtin_return_address(0)))
        return STATUS_NO_MEMORY;
    status = take_run(&job, attempt_run, 0, first);
    if (status == STATUS_OK)
        NOTE_SITES(job.first, job.count);
    return status;
}

enum status pmm_alloc(unsigned order, enum frame_tag tag, pfn_t *first)
{
    if (order == 0)
        return pmm_alloc_frame(tag, first);
    if (order == BLOCK_ORDER)
        return pmm_alloc_block(tag, first);
    if (order > PMM_MAX_ORDER)
        return STATUS_INVALID;
    return pmm_alloc_order(order, tag, first);
}

/* Reached by a jump, as free_frame_slow() is. */
enum status pmm_free_order(pfn_t first, unsigned order)
{
    if (!is_aligned(pfn_value(first), (uint64_t)1 << order))
        return pmm_refuse_free(pfn_value(first), (uintptr_t)1 << order,
                               "no run of this order can begin there", __builtin_return_address(0));
    return pmm_free_run_from(pfn_value(first), (uintptr_t)1 << order, __builtin_return_address(0));
}

enum status pmm_free(pfn_t first, unsigned order)
{
    if (order == 0)
        return pmm_free_frame(first);
    if (order == BLOCK_ORDER)
        return pmm_free_block(first);
    if (order > PMM_MAX_ORDER)
        return STATUS_INVALID;
    return pmm_free_order(first, order);
}

enum status pmm_free_run(pfn_t first, uint64_t count_frames)
{
    if (count_frames == 0 || count_frames > UINTPTR_MAX)
        return STATUS_INVALID;
    return pmm_free_run_from(pfn_value(first), (uintptr_t)count_frames,
                             __builtin_return_address(0));
}

/* --- requests with wishes ---------------------------------------------------------------- */

static bool node_is_valid(const struct pmm_request *request)
{
    if ((request->flags & PMM_THIS_NODE) != 0)
        return request->node < pmm_count_nodes();
    return request->node == 0 || request->node == PMM_ANY_NODE;
}

static bool request_is_valid(const struct pmm_request *request)
{
    return pmm_state.general_frames != 0 && request->count_frames > 0 &&
           request->count_frames <= UINTPTR_MAX && tag_is_valid(request->tag) &&
           (request->align_frames == 0 || is_power_of_two(request->align_frames)) &&
           request->align_frames <= AREA_FRAMES &&
           (request->flags & ~(unsigned)(PMM_ZERO | PMM_NO_CACHE | PMM_THIS_NODE)) == 0 &&
           node_is_valid(request);
}

static bool wants_any_frame(const struct pmm_request *request)
{
    return request->count_frames == 1 && request->align_frames <= 1 &&
           request->below == PMM_ANYWHERE && (request->flags & (PMM_NO_CACHE | PMM_THIS_NODE)) == 0;
}

enum status pmm_alloc_run(const struct pmm_request *request, pfn_t *first)
{
    struct pmm_job job = { .end = UINTPTR_MAX };
    enum status status;
    uint64_t room;

    if (!request_is_valid(request))
        return STATUS_INVALID;
    if (wants_any_frame(request))
        return (request->flags & PMM_ZERO) != 0 ? pmm_alloc_zeroed(request->tag, first)
                                                : pmm_alloc_frame(request->tag, first);
    if (FAIL_ALLOC(__builtin_return_address(0)))
        return STATUS_NO_MEMORY;
    job.count = (uintptr_t)request->count_frames;
    job.align = (uintptr_t)max_u64(request->align_frames, 1);
    job.record = record_make(request->tag, false);
    job.only_node = (request->flags & PMM_THIS_NODE) != 0 ? request->node + 1 : 0;
    if (request->below != PMM_ANYWHERE)
        job.end = (uintptr_t)min_u64(request->below >> PAGE_SHIFT, UINTPTR_MAX);
    room = max_u64(job.count, job.align);
    job.order = highest_bit(room) + (is_power_of_two(room) ? 0 : 1);
    if (is_power_of_two(job.count))
        job.align = (uintptr_t)max_u64(job.count, job.align);
    status = take_run(&job, pmm_attempt_request, request->flags, first);
    if (status == STATUS_OK)
        NOTE_SITES(job.first, job.count);
    return status;
}
