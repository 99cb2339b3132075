/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pmm_take.c - taking frames from one area, and giving them back.
 *
 * Where in the area: small things from the bottom, wholly free blocks as such from the top, so that
 * what lives short and what wants to be large meet as late as possible:
 *
 *      0                                                    512 blocks
 *      |##.#|####|#..#|....|....|....|....|....|####|####|
 *       ^ lowest partly free block       highest wholly free block ^
 *       frames and runs up to order 8    orders 9 to 18
 *
 * A partly free block is used before a wholly free one is opened. The first 16 MiB of the machine are
 * spared (pmm_place.c) until nothing else is left, but for requests that want them.
 *
 * Each function takes the area's lock, once. A job that fails under no limit corrects the index.
 */
#include "pmm_private.h"

#include "lib/assert.h"

/* --- looking for a hole ------------------------------------------------------------------ */

/* The block to begin with: those below are spared. */
static unsigned first_block(const struct pmm_area *area, const struct pmm_job *job)
{
    return job->spare && area->first == 0 ? SCARCE_BLOCKS : 0;
}

/* A hole in the partly free blocks from `from` on that ends at or below `end`. */
static uintptr_t hole_in_partial(struct pmm_area *area, unsigned order, unsigned from,
                                 uintptr_t end)
{
    const uint64_t *set = area->partial[order];

    for (unsigned block = set_first_from(set, area->partial_words[order], from);
         block != SET_NONE && block * BLOCK_FRAMES < end;
         block = set_first_from(set, area->partial_words[order], block + 1)) {
        uintptr_t room = min_frame(end - block * BLOCK_FRAMES, BLOCK_FRAMES);
        unsigned first;

        block_touch(area, block);
        first = set_first_run(area->lines[block].word, area->blocks[block].words, order,
                              (unsigned)room);
        if (first != SET_NONE)
            return block * BLOCK_FRAMES + first;
        if (room == BLOCK_FRAMES)
            block_lower(area, block, order);
    }
    return NO_FRAME;
}

/* A hole of less than a block in a wholly free one. */
static uintptr_t hole_in_whole(const struct pmm_area *area, unsigned order, unsigned from,
                               uintptr_t end)
{
    unsigned block = set_first_from(area->whole, area->whole_words, from);

    if (block == SET_NONE || block * BLOCK_FRAMES + (1u << order) > end)
        return NO_FRAME;
    return block * BLOCK_FRAMES;
}

/* A hole of one or more wholly free blocks. */
static uintptr_t hole_of_blocks(const struct pmm_area *area, unsigned order, unsigned from,
                                uintptr_t end)
{
    unsigned block = set_last_run(area->whole, area->whole_words, order - BLOCK_ORDER,
                                  (unsigned)(end >> BLOCK_ORDER));

    return block != SET_NONE && block >= from ? block * BLOCK_FRAMES : NO_FRAME;
}

static uintptr_t find_partial(struct pmm_area *area, const struct pmm_job *job, uintptr_t end)
{
    unsigned from = first_block(area, job);
    uintptr_t hole = hole_in_partial(area, job->order, from, end);

    if (hole == NO_FRAME && from == 0 && end == AREA_FRAMES)
        area_retract(area, job->order, PARTIAL_ORDERS - 1);
    return hole;
}

static uintptr_t find_whole(struct pmm_area *area, const struct pmm_job *job, uintptr_t end)
{
    unsigned from = first_block(area, job);
    bool small = job->order < BLOCK_ORDER;
    uintptr_t hole = small ? hole_in_whole(area, job->order, from, end)
                           : hole_of_blocks(area, job->order, from, end);

    if (hole == NO_FRAME && from == 0 && end == AREA_FRAMES)
        area_retract(area, small ? BLOCK_ORDER : job->order, PMM_MAX_ORDER);
    return hole;
}

/* The place in the area where the job can be done, or NO_FRAME. */
static uintptr_t find_hole(struct pmm_area *area, const struct pmm_job *job)
{
    uintptr_t end = 0;
    uintptr_t hole = NO_FRAME;

    if (job->end > area->first)
        end = (uintptr_t)min_u64(job->end - area->first, AREA_FRAMES);
    if (job->order < BLOCK_ORDER && !job->only_open)
        hole = find_partial(area, job, end);
    if (hole == NO_FRAME && job->may_open)
        hole = find_whole(area, job, end);
    return hole;
}

/* --- taking ------------------------------------------------------------------------------ */

static void write_records(uint16_t *records, unsigned count, uint16_t record)
{
    record_store(&records[0], record);
    for (unsigned frame = 1; frame < count; frame++)
        record_store(&records[frame], (uint16_t)(record | RECORD_CONTINUES));
}

/* Takes [place, place + count), which is free. */
static void take_at(struct pmm_area *area, uintptr_t place, uintptr_t count, uint16_t record)
{
    while (count > 0) {
        unsigned block = (unsigned)(place / BLOCK_FRAMES);
        unsigned first = (unsigned)(place % BLOCK_FRAMES);
        unsigned part = (unsigned)min_u64(count, BLOCK_FRAMES - first);

        bool whole = block_use(area, block) == USE_WHOLE;

        if (part == BLOCK_FRAMES && whole) {
            block_take_whole(area, block, record);
        } else {
            if (whole)
                block_open(area, block);
            block_touch(area, block);
            block_take(area, block, first, part);
            write_records(&area->records[place], part, record);
        }
        record |= RECORD_CONTINUES;
        place += part;
        count -= part;
    }
}

/* A run was taken in front of `place`. What lies there may be the rest of one whose frames here were freed one by
 * one, and would make ours look longer: from now on it is a run of its own. Its holder may be changing it. */
void area_end_run(struct pmm_area *area, uintptr_t place)
{
    unsigned block = (unsigned)(place / BLOCK_FRAMES);
    uint16_t use;

    if (place >= AREA_FRAMES || !area_has_block(area, block))
        return;
    use = __atomic_load_n(&area->uses[block], __ATOMIC_ACQUIRE);
    if (use == USE_FRAMES && block_is_touched(area, block) &&
        (record_load(&area->records[place]) & RECORD_CONTINUES) != 0)
        (void)__atomic_fetch_and(&area->records[place], (uint16_t)~RECORD_CONTINUES,
                                 __ATOMIC_RELAXED);
    if (use_is_huge(use) && place % BLOCK_FRAMES == 0 && (use & RECORD_CONTINUES) != 0)
        (void)__atomic_compare_exchange_n(&area->uses[block], &use,
                                          (uint16_t)(use & ~RECORD_CONTINUES), false,
                                          __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}

bool area_take_run(struct pmm_area *area, struct pmm_job *job)
{
    irq_state_t irq = spin_lock(&area->lock);
    uintptr_t place = find_hole(area, job);

    if (place != NO_FRAME) {
        take_at(area, place, job->count, job->record);
        area_end_run(area, place + job->count);
    }
    spin_unlock(&area->lock, irq);
    if (place == NO_FRAME)
        return false;
    job->first = area->first + place;
    job->got = 1;
    return true;
}

/* Up to `want` single frames of wholly free blocks, which are opened, in front of `end`, downwards. */
static size_t take_of_whole(struct pmm_area *area, unsigned from, pfn_t *end, size_t want)
{
    size_t got = 0;

    while (got < want) {
        unsigned block = set_first_from(area->whole, area->whole_words, from);

        if (block == SET_NONE) {
            if (from == 0)
                area_retract(area, BLOCK_ORDER, PMM_MAX_ORDER);
            break;
        }
        block_open(area, block);
        got += block_take_some(area, block, end - got, want - got);
    }
    return got;
}

bool area_take_frames(struct pmm_area *area, struct pmm_job *job)
{
    pfn_t *end = job->frames + job->count - job->got;
    size_t want = job->count - job->got;
    irq_state_t irq = spin_lock(&area->lock);
    unsigned from = first_block(area, job);
    size_t got = 0;

    if (!job->only_open) {
        got = block_take_partial(area, from, end, want);
        if (got == 0 && from == 0)
            area_retract(area, 0, PARTIAL_ORDERS - 1);
    }
    if (job->may_open)
        got += take_of_whole(area, from, end - got, want - got);
    spin_unlock(&area->lock, irq);
    job->got += got;
    return got == want;
}

/* --- exact places ------------------------------------------------------------------------ */

static bool is_free(struct pmm_area *area, unsigned block, unsigned first, unsigned count)
{
    if (!area_has_block(area, block))
        return false;
    if (block_use(area, block) != USE_FRAMES)
        return block_use(area, block) == USE_WHOLE;
    if (area->blocks[block].free == 0)
        return false;
    block_touch(area, block);
    return set_has_range(area->lines[block].word, first, count);
}

static bool run_is_free(struct pmm_area *area, uintptr_t place, uintptr_t count)
{
    while (count > 0) {
        unsigned first = (unsigned)(place % BLOCK_FRAMES);
        unsigned part = (unsigned)min_u64(count, BLOCK_FRAMES - first);

        if (!is_free(area, (unsigned)(place / BLOCK_FRAMES), first, part))
            return false;
        place += part;
        count -= part;
    }
    return true;
}

bool area_take_exactly(struct pmm_area *area, uintptr_t first, uintptr_t count, uint16_t record,
                       bool goes_on)
{
    irq_state_t irq = spin_lock(&area->lock);
    uintptr_t place = first - area->first;
    bool taken = run_is_free(area, place, count);

    if (taken) {
        take_at(area, place, count, record);
        if (!goes_on)
            area_end_run(area, place + count);
        else
            __atomic_store_n(&area->crosses_end, true, __ATOMIC_RELAXED);
    }
    spin_unlock(&area->lock, irq);
    return taken;
}

/* --- giving ------------------------------------------------------------------------------ */

void area_give_locked(struct pmm_area *area, uintptr_t first, uintptr_t count)
{
    uintptr_t place = first - area->first;

    while (count > 0) {
        unsigned block = (unsigned)(place / BLOCK_FRAMES);
        unsigned offset = (unsigned)(place % BLOCK_FRAMES);
        unsigned part = (unsigned)min_u64(count, BLOCK_FRAMES - offset);

        if (block_use(area, block) != USE_FRAMES) {
            ASSERT(part == BLOCK_FRAMES);
            block_enter_whole(area, block);
        } else {
            for (unsigned frame = 0; frame < part; frame++)
                record_store(&area->records[place + frame], 0);
            block_give(area, block, offset, part);
        }
        place += part;
        count -= part;
    }
}

void area_give_run(struct pmm_area *area, uintptr_t first, uintptr_t count)
{
    irq_state_t irq = spin_lock(&area->lock);

    area_give_locked(area, first, count);
    spin_unlock(&area->lock, irq);
}
