/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pmm_walk.c - free runs in ascending order; requests that no single hole of an order serves.
 *
 * The walk goes over all areas and joins what is free into maximal runs, across blocks and areas. What
 * nobody touched is read from the extents, so that a walk over 1 TiB makes no area and no block:
 *
 *     areas    | made: blocks, lines |  fresh: extents  | made ...
 *     pieces    ---  - -----  -------  ----------------  --
 *     runs      ---  - -----  ----------------------------
 *
 * A request for n frames at a multiple of a is first served by a hole of the order that holds both
 * (pmm_place), which is quick, and leaves the rest of the hole free. Only when there is no such hole
 * the walk looks for any run that will do. It finds it wherever it is; it is taken area by area,
 * under each area's lock, and given back if another processor was faster somewhere.
 *
 * Cost: O(areas + touched blocks) for the walk.
 */
#include "pmm_private.h"

/* --- walking ----------------------------------------------------------------------------- */

/* Called with each maximal run; false to stop. */
typedef bool visitor(void *context, uintptr_t first, uintptr_t count);

struct walk {
    visitor *visit;
    void *context;
    bool locked;     /* areas are locked meanwhile */
    uintptr_t first; /* the run so far: [first, end) */
    uintptr_t end;
};

/* The next free piece; false to stop. */
static bool add_piece(struct walk *walk, uintptr_t first, uintptr_t end)
{
    bool more = true;

    if (first >= end)
        return true;
    if (first != walk->end) {
        if (walk->end != walk->first)
            more = walk->visit(walk->context, walk->first, walk->end - walk->first);
        walk->first = first;
    }
    walk->end = end;
    return more;
}

/* What the extents call free in [first, end). */
static bool walk_extents(struct walk *walk, uintptr_t first, uintptr_t end)
{
    for (const struct pmm_extent *extent = extent_above(first);
         extent < extent_end() && extent->first < end; extent++)
        if (extent->tag == FRAME_FREE &&
            !add_piece(walk, max_frame(extent->first, first), min_frame(extent->end, end)))
            return false;
    return true;
}

static bool walk_word(struct walk *walk, uint64_t bits, uintptr_t base)
{
    while (bits != 0) {
        unsigned first = lowest_bit(bits);
        uint64_t rest = ~(bits >> first);
        unsigned length = rest != 0 ? lowest_bit(rest) : 64;

        if (length > 64 - first)
            length = 64 - first;
        if (!add_piece(walk, base + first, base + first + length))
            return false;
        bits &= ~(low_mask(length) << first);
    }
    return true;
}

static bool walk_block(struct walk *walk, const struct pmm_area *area, unsigned block,
                       uintptr_t area_end)
{
    uintptr_t base = area->first + block * BLOCK_FRAMES;

    if (block_use(area, block) == USE_WHOLE)
        return add_piece(walk, base, base + BLOCK_FRAMES);
    if (block_use(area, block) != USE_FRAMES || area->blocks[block].free == 0)
        return true;
    if (!block_is_touched(area, block))
        return walk_extents(walk, max_frame(base, area == pmm_state.low ? 0 : LOW_FRAMES),
                            min_frame(base + BLOCK_FRAMES, area_end));
    for (unsigned w = 0; w < SET_WORDS; w++)
        if (!walk_word(walk, area->lines[block].word[w], base + w * 64))
            return false;
    return true;
}

static bool walk_blocks(struct walk *walk, const struct pmm_area *area)
{
    uintptr_t end = area == pmm_state.low ? LOW_FRAMES : area->first + AREA_FRAMES;

    if (area->whole_count == AREA_BLOCKS)
        return add_piece(walk, area->first, end);
    for (unsigned block = area->block_start; block < area->block_end; block++)
        if (!walk_block(walk, area, block, end))
            return false;
    return true;
}

static bool walk_area(struct walk *walk, struct pmm_area *area)
{
    irq_state_t irq;
    bool more;

    if (!walk->locked)
        return walk_blocks(walk, area);
    irq = spin_lock(&area->lock);
    more = walk_blocks(walk, area);
    spin_unlock(&area->lock, irq);
    return more;
}

static bool walk_span(struct walk *walk, const struct pmm_span *span, uintptr_t end)
{
    for (uintptr_t number = span->first_area;
         number <= span->last_area && number << AREA_ORDER < end; number++) {
        struct pmm_area *area = area_if_ready(number);
        uintptr_t start = number << AREA_ORDER;
        bool more = area != NULL
                        ? walk_area(walk, area)
                        : walk_extents(walk, max_frame(start, LOW_FRAMES), start + AREA_FRAMES);

        if (!more)
            return false;
    }
    return true;
}

static void walk_all(bool low, bool locked, uintptr_t end, visitor *visit, void *context)
{
    struct walk walk = { .visit = visit, .context = context, .locked = locked };

    if (low && pmm_state.low != NULL && !walk_area(&walk, pmm_state.low))
        return;
    for (size_t i = 0; i < pmm_state.span_count; i++)
        if (!walk_span(&walk, &pmm_state.spans[i], end))
            return;
    if (walk.end != walk.first)
        (void)visit(context, walk.first, walk.end - walk.first);
}

struct public_visit {
    bool (*visit)(void *context, pfn_t first, uint64_t count_frames);
    void *context;
};

static bool visit_run(void *context, uintptr_t first, uintptr_t count)
{
    struct public_visit *outer = context;

    return outer->visit(outer->context, pfn(first), count);
}

void pmm_visit_free(bool (*visit)(void *context, pfn_t first, uint64_t count_frames), void *context)
{
    struct public_visit outer = { .visit = visit, .context = context };

    pmm_drain();
    walk_all(true, false, UINTPTR_MAX, visit_run, &outer);
}

/* --- requests ---------------------------------------------------------------------------- */

/* The lowest place in the run that suits the job; stops the walk. */
static bool suits(void *context, uintptr_t first, uintptr_t count)
{
    struct pmm_job *job = context;
    uintptr_t start = (uintptr_t)align_up(max_frame(first, job->from), job->align);
    uintptr_t end = min_frame(first + count, job->end);

    if (start < first || start >= end || end - start < job->count)
        return true;
    job->first = start;
    job->got = 1;
    return false;
}

static void give_back(uintptr_t first, uintptr_t count)
{
    for (uintptr_t done = 0, part; done < count; done += part) {
        part = area_part(first + done, count - done);
        area_give_run(area_of(first + done), first + done, part);
    }
}

bool pmm_take_exactly(uintptr_t first, uintptr_t count, uint16_t record)
{
    for (uintptr_t done = 0, part; done < count; done += part) {
        struct pmm_area *area = area_of(first + done);
        uint16_t own = (uint16_t)(record | (done > 0 ? RECORD_CONTINUES : 0));

        part = area_part(first + done, count - done);
        if (area == NULL ||
            !area_take_exactly(area, first + done, part, own, done + part < count)) {
            give_back(first, done);
            return false;
        }
    }
    return true;
}

/* Looks in [from, end). Another processor may take what was found before we do: a few tries. */
static bool search_between(struct pmm_job *job, uintptr_t from, uintptr_t end)
{
    bool low = job->end <= LOW_FRAMES;

    job->from = from;
    job->end = min_frame(job->end, end);
    for (unsigned tries = 0; tries < 4; tries++) {
        job->got = 0;
        walk_all(low, true, job->end, suits, job);
        if (job->got == 0)
            return false;
        if (pmm_take_exactly(job->first, job->count, job->record))
            return true;
    }
    job->got = 0;
    return false;
}

/* Looks everywhere, or on one node everywhere. */
static bool search(struct pmm_job *job)
{
    uintptr_t end = job->end;

    if (job->only_node == 0 || pmm_nodes.count == 0)
        return search_between(job, 0, end);
    for (unsigned i = 0; i < pmm_nodes.span_count; i++) {
        const struct pmm_node_span *span = &pmm_nodes.spans[i];
        bool found = span->node == job->only_node - 1 &&
                     search_between(job, span->first << AREA_ORDER, span->end << AREA_ORDER);

        job->end = end;
        if (found)
            return true;
    }
    return false;
}

bool pmm_attempt_request(struct pmm_job *job)
{
    bool exact = job->order <= PMM_MAX_ORDER && job->count == (uintptr_t)1 << job->order;

    if (job->end <= LOW_FRAMES)
        return pmm_state.low != NULL && search(job);
    if (job->order <= PMM_MAX_ORDER && pmm_place(cpu_cache(), job, area_take_run))
        return true;
    return !exact && search(job);
}
