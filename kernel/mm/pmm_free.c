/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pmm_free.c - frees that need a second look, and those that are refused.
 *
 * The record of each frame tells whether a free is right. With A = first frame of a run, C = continues:
 *
 *      allocated      A C C C | A C | A | 0 0
 *                     ^^^^^^^ order 2  ^ single
 *
 *      free(0, order 2)   begins with A, C all through, what follows is no C      good
 *      free(0, order 1)   what follows is C                                       refused: longer
 *      free(0, order 3)   A in the middle                                         refused: shorter
 *      free(2, order 1)   begins with C                                           refused: interior
 *      free(7, order 0)   0: free, or in a cache                                  refused: twice
 *
 * A single frame may be freed whatever run it is in: its neighbours keep their C, and the run can only
 * go frame by frame from then on. When another run takes the frame's place, what lies behind it becomes a run
 * of its own (area_end_run), so that the new one can be freed; across a border of areas that is not
 * noticed, and the new run goes frame by frame, too. A refused free changes nothing, is counted, and is reported with
 * the place it was called from.
 *
 * What escapes: two processors that free the same frame within the same few nanoseconds both see one
 * reference. The second of the two frames is found when it reaches its area (pmm_give.c), or when it
 * leaves a magazine while the other one is in use (pmm.c).
 */
#include "pmm_private.h"

#include "lib/log.h"

static const char not_managed[] = "it is not managed";
static const char free_already[] = "it is free already";
static const char in_a_cache[] = "it was freed before and waits in a processor's cache";
static const char is_shared[] = "it has more than one reference; frame_put() drops one";
static const char is_retired[] = "it is out of circulation";
static const char is_inside[] = "it lies inside a run that begins before it";
static const char run_is_longer[] = "the run that begins there is longer";
static const char run_is_shorter[] = "the run that begins there is shorter";

enum status pmm_refuse_free(uintptr_t frame, uintptr_t count, const char *why, const void *caller)
{
    __atomic_fetch_add(&pmm_state.bad_frees, 1, __ATOMIC_RELAXED);
    log_error("pmm: free of %llu frame(s) at 0x%llx refused: %s (called from %p)",
              (unsigned long long)count, (unsigned long long)frame << PAGE_SHIFT, why, caller);
    return STATUS_DENIED;
}

/* Why a frame with this record cannot be freed; NULL if it can. The area's lock is held. */
static const char *objection(const struct pmm_area *area, unsigned place, uint16_t record)
{
    unsigned block = place / BLOCK_FRAMES;
    uint16_t use = block_use(area, block);

    if (record_count(record) == 1)
        return NULL;
    if (record == RECORD_NOT_OURS)
        return not_managed;
    if (record_count(record) == RECORD_COUNT)
        return is_retired;
    if (record != 0)
        return is_shared;
    if (use == USE_WHOLE ||
        (use == USE_FRAMES && set_has(area->lines[block].word, place % BLOCK_FRAMES)))
        return free_already;
    return in_a_cache;
}

uint16_t area_record(struct pmm_area *area, unsigned place)
{
    unsigned block = place / BLOCK_FRAMES;
    uint16_t use = block_use(area, block);

    if (use_is_huge(use))
        return (uint16_t)(use | (place % BLOCK_FRAMES != 0 ? RECORD_CONTINUES : 0));
    if (use != USE_FRAMES)
        return 0;
    block_touch(area, block);
    return record_load(&area->records[place]);
}

/* --- one frame --------------------------------------------------------------------------- */

/* Ends the life of a held frame; NULL, or why not. The frame is in no cache and no line then. */
static const char *release(struct pmm_area *area, unsigned place)
{
    unsigned block = place / BLOCK_FRAMES;
    const char *why = objection(area, place, area_record(area, place));

    if (why != NULL)
        return why;
    if (use_is_huge(block_use(area, block)))
        block_break(area, block);
    record_store(&area->records[place], 0);
    return NULL;
}

enum status pmm_free_slow(pfn_t frame, const void *caller)
{
    uintptr_t number = pfn_value(frame);
    struct pmm_area *area = pmm_state.general_frames != 0 ? area_of(number) : NULL;
    const char *why = not_managed;
    irq_state_t irq;

    if (area == NULL)
        return pmm_refuse_free(number, 1, why, caller);
    irq = spin_lock(&area->lock);
    why = release(area, area_place(number));
    if (why == NULL && area == pmm_state.low)
        block_give(area, 0, area_place(number), 1);
    spin_unlock(&area->lock, irq);
    if (why != NULL)
        return pmm_refuse_free(number, 1, why, caller);
    if (area != pmm_state.low)
        cpu_push(frame);
    return STATUS_OK;
}

/* --- runs -------------------------------------------------------------------------------- */

/* Why the part [place, place + count) of a run cannot be freed; NULL if it can. `inside`: the run
 * began before it. The area's lock is held. */
static const char *check_part(struct pmm_area *area, unsigned place, uintptr_t count, bool inside)
{
    for (uintptr_t done = 0; done < count;) {
        unsigned at = place + (unsigned)done;
        uint16_t record = 0;
        const char *why = not_managed;
        bool continues;
        bool huge;

        if (area_has_block(area, at / BLOCK_FRAMES)) {
            record = area_record(area, at);
            why = objection(area, at, record);
        }
        if (why != NULL)
            return why;
        continues = (record & RECORD_CONTINUES) != 0;
        huge = use_is_huge(block_use(area, at / BLOCK_FRAMES));
        if (continues != (inside || done > 0))
            return continues ? is_inside : run_is_shorter;
        if (huge && (at % BLOCK_FRAMES != 0 || count - done < BLOCK_FRAMES))
            return run_is_longer;
        done += huge ? BLOCK_FRAMES : 1;
    }
    return NULL;
}

/* Whether `frame` continues a run. Takes its area's lock unless that is `locked`. */
static bool continues_run(uintptr_t frame, const struct pmm_area *locked)
{
    struct pmm_area *area = frame < pmm_frames_end() ? area_of(frame) : NULL;
    irq_state_t irq = 0;
    uint16_t record;

    if (area == NULL)
        return false;
    if (area != locked)
        irq = spin_lock(&area->lock);
    record = area_record(area, area_place(frame));
    if (area != locked)
        spin_unlock(&area->lock, irq);
    return (record & RECORD_CONTINUES) != 0;
}

/* A run inside one area. */
static const char *free_in_area(struct pmm_area *area, uintptr_t first, uintptr_t count)
{
    irq_state_t irq = spin_lock(&area->lock);
    const char *why = check_part(area, area_place(first), count, false);

    /* The end's lock may be another area's only at a border, which the caller looks at. */
    if (why == NULL && area_place(first) + count < AREA_FRAMES &&
        continues_run(first + count, area))
        why = run_is_longer;
    if (why == NULL)
        area_give_locked(area, first, count);
    spin_unlock(&area->lock, irq);
    return why;
}

/* Checks a run that touches a border between areas; nothing of it can change meanwhile, for it is
 * the caller's. */
static const char *check_across(uintptr_t first, uintptr_t count)
{
    for (uintptr_t done = 0, part; done < count; done += part) {
        struct pmm_area *area = area_of(first + done);
        const char *why;
        irq_state_t irq;

        part = area_part(first + done, count - done);
        if (area == NULL)
            return not_managed;
        irq = spin_lock(&area->lock);
        why = check_part(area, area_place(first + done), part, done > 0);
        spin_unlock(&area->lock, irq);
        if (why != NULL)
            return why;
    }
    return continues_run(first + count, NULL) ? run_is_longer : NULL;
}

static void give_across(uintptr_t first, uintptr_t count)
{
    for (uintptr_t done = 0, part; done < count; done += part) {
        part = area_part(first + done, count - done);
        area_give_run(area_of(first + done), first + done, part);
    }
}

static bool has_metadata(uintptr_t first, uintptr_t count)
{
    return first < pmm_frames_end() && count <= pmm_frames_end() - first &&
           area_of(first) != NULL && area_of(first + count - 1) != NULL;
}

/* Whether the run, and the frame behind it, are to be looked for in one area. */
static bool is_inside_area(uintptr_t first, uintptr_t count)
{
    uintptr_t end = area_place(first) + count;

    if (first < LOW_FRAMES || end > AREA_FRAMES)
        return false;
    return end < AREA_FRAMES || !__atomic_load_n(&area_of(first)->crosses_end, __ATOMIC_RELAXED);
}

enum status pmm_free_run_from(uintptr_t first, uintptr_t count, const void *caller)
{
    const char *why;

    if (!has_metadata(first, count))
        return pmm_refuse_free(first, count, not_managed, caller);
    if (count == 1)
        return pmm_free_slow(pfn(first), caller);
    if (is_inside_area(first, count)) {
        why = free_in_area(area_of(first), first, count);
    } else {
        why = check_across(first, count);
        if (why == NULL)
            give_across(first, count);
    }
    return why == NULL ? STATUS_OK : pmm_refuse_free(first, count, why, caller);
}
