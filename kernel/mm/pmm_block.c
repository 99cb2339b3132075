/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pmm_block.c - one block of 2 MiB: which of its 512 frames are free.
 *
 * A partly free block is filed in its area's sets partial[0] .. partial[bound]. `bound` is an upper
 * bound of the largest aligned free run, never too low, sometimes too high:
 *
 *   give    a frame comes back: exact if the bound was. The only run that can have grown is the one
 *           around the frame, and to beat the bound it must be free at bound + 1: one test
 *   take    may break the largest run: nothing is looked at, the bound may now be too high
 *   search  for a run that is not there: the true bound is found and filed (block_lower)
 *
 * so that a taker never pays for what nobody asks for, and each failed search was paid for by a take
 * before it. Untouched blocks that the map says are partly free start with the highest bound.
 *
 *   bound 2    . . . . # # . . . # . .      '.' free: the run of order 2 is at 0
 *   take 1     . # . . # # . . . # . .      bound 2 still; true: 1 (at 2)
 *   search 2   none: bound 1
 *   give 1     . . . . # # . . . # . .      run around 1 of order 2 is free: bound 2
 *
 * All functions want the area's lock. Cost: block_touch writes 1 KiB, the others a few words.
 */
#include "pmm_private.h"

#include "lib/assert.h"
#include "lib/string.h"

/* --- filing ------------------------------------------------------------------------------ */

static void enter_partial(struct pmm_area *area, unsigned block, unsigned bound)
{
    area->blocks[block].bound = (uint8_t)bound;
    for (unsigned order = 0; order <= bound; order++)
        set_add(area->partial[order], &area->partial_words[order], block);
    area_announce(area, (2u << bound) - 1);
}

static inline void leave_partial(struct pmm_area *area, unsigned block)
{
    unsigned bound = area->blocks[block].bound;

    set_remove(area->partial[0], &area->partial_words[0], block);
    for (unsigned order = 1; order <= bound; order++)
        set_remove(area->partial[order], &area->partial_words[order], block);
}

static void raise_bound(struct pmm_area *area, unsigned block, unsigned bound)
{
    unsigned old = area->blocks[block].bound;

    for (unsigned order = old + 1; order <= bound; order++)
        set_add(area->partial[order], &area->partial_words[order], block);
    area->blocks[block].bound = (uint8_t)bound;
    area_announce(area, (2u << bound) - 1);
}

void block_lower(struct pmm_area *area, unsigned block, unsigned order)
{
    struct pmm_block *self = &area->blocks[block];
    const uint64_t *line = area->lines[block].word;

    do
        set_remove(area->partial[self->bound], &area->partial_words[self->bound], block);
    while (--self->bound >= order);
    while (self->bound > 0 &&
           set_first_run(line, self->words, self->bound, BLOCK_FRAMES) == SET_NONE) {
        set_remove(area->partial[self->bound], &area->partial_words[self->bound], block);
        self->bound--;
    }
}

/* --- line and records -------------------------------------------------------------------- */

/* What the extents say of the frames first .. end - 1, which are held from the start. */
static void describe_held(struct pmm_area *area, const struct pmm_extent *extent, uintptr_t first,
                          uintptr_t end)
{
    for (uintptr_t frame = first; frame < end; frame++)
        area->records[area_place(frame)] = record_make(extent->tag, frame != extent->first);
}

/* The frames of `area`: those below 1 MiB are not of the area that has their number. */
static uintptr_t lowest_frame(const struct pmm_area *area)
{
    return area->first == 0 && area != pmm_state.low ? LOW_FRAMES : area->first;
}

static uintptr_t frames_end(const struct pmm_area *area)
{
    return area == pmm_state.low ? LOW_FRAMES : area->first + AREA_FRAMES;
}

static void describe_from_extents(struct pmm_area *area, unsigned block)
{
    struct pmm_block *self = &area->blocks[block];
    uint64_t *line = area->lines[block].word;
    uintptr_t base = area->first + block * BLOCK_FRAMES;
    uintptr_t start = (uintptr_t)max_u64(base, lowest_frame(area));
    uintptr_t end = (uintptr_t)min_u64(base + BLOCK_FRAMES, frames_end(area));

    memset(line, 0, sizeof(area->lines[block]));
    self->words = 0;
    for (unsigned frame = 0; frame < BLOCK_FRAMES; frame++)
        area->records[block * BLOCK_FRAMES + frame] = RECORD_NOT_OURS;
    for (const struct pmm_extent *extent = extent_above(start);
         extent < extent_end() && extent->first < end; extent++) {
        uintptr_t first = (uintptr_t)max_u64(extent->first, start);
        uintptr_t stop = (uintptr_t)min_u64(extent->end, end);

        if (extent->tag != FRAME_FREE) {
            describe_held(area, extent, first, stop);
            continue;
        }
        set_add_range(line, &self->words, (unsigned)(first - base), (unsigned)(stop - first));
        memset(&area->records[area_place(first)], 0, (stop - first) * sizeof(*area->records));
    }
    ASSERT(set_count(line) == self->free);
}

void block_touch_first(struct pmm_area *area, unsigned block)
{
    if (block_use(area, block) == USE_FRAMES)
        describe_from_extents(area, block);
    else
        memset(&area->records[block * BLOCK_FRAMES], 0, BLOCK_FRAMES * sizeof(*area->records));
    __atomic_store_n(&area->touched[block], 1, __ATOMIC_RELEASE);
}

/* --- opening ----------------------------------------------------------------------------- */

void block_open(struct pmm_area *area, unsigned block)
{
    struct pmm_block *self = &area->blocks[block];

    block_touch(area, block);
    block_leave_whole(area, block);
    memset(&area->lines[block], 0xff, sizeof(area->lines[block]));
    self->words = 0xff;
    self->free = BLOCK_FRAMES;
    area->loose_frames += BLOCK_FRAMES;
    block_set_use(area, block, USE_FRAMES);
    enter_partial(area, block, PARTIAL_ORDERS - 1);
}

/* --- taking ------------------------------------------------------------------------------ */

static void count_taken(struct pmm_area *area, unsigned block, unsigned count)
{
    struct pmm_block *self = &area->blocks[block];

    area->loose_frames -= count;
    self->free = (uint16_t)(self->free - count);
    if (self->free == 0)
        leave_partial(area, block);
}

void block_take(struct pmm_area *area, unsigned block, unsigned first, unsigned count)
{
    set_remove_range(area->lines[block].word, &area->blocks[block].words, first, count);
    count_taken(area, block, count);
}

/* Takes up to `want` bits off a word, which holds the frames from `base` on; they are put in front of
 * `end`, downwards. */
static unsigned take_bits(uint64_t *word, uintptr_t base, pfn_t *end, unsigned want)
{
    uint64_t bits = *word;
    unsigned got = 0;

    if (bits == ~(uint64_t)0 && want >= 64) {
        for (; got < 64; got++)
            *--end = pfn(base + got);
        *word = 0;
        return got;
    }
    for (; bits != 0 && got < want; bits &= bits - 1, got++)
        *--end = pfn(base + lowest_bit(bits));
    *word = bits;
    return got;
}

/* Takes the only frame that is free: what memory has left when it is nearly full. */
static inline size_t take_only(struct pmm_area *area, unsigned block, pfn_t *end)
{
    struct pmm_block *self = &area->blocks[block];
    unsigned w = lowest_bit(self->words);
    uint64_t *word = &area->lines[block].word[w];

    end[-1] = pfn(area->first + block * BLOCK_FRAMES + w * 64 + lowest_bit(*word));
    *word = 0;
    self->words = 0;
    self->free = 0;
    area->loose_frames--;
    leave_partial(area, block);
    return 1;
}

/* Takes the lowest `want` that are free, or all. */
[[gnu::noinline]] static size_t take_many(struct pmm_area *area, unsigned block, pfn_t *end,
                                          size_t want)
{
    struct pmm_block *self = &area->blocks[block];
    uint64_t *line = area->lines[block].word;
    uintptr_t base = area->first + block * BLOCK_FRAMES;
    unsigned most = (unsigned)min_u64(want, BLOCK_FRAMES);
    unsigned got = 0;

    while (got < most && self->words != 0) {
        unsigned w = lowest_bit(self->words);

        got += take_bits(&line[w], base + w * 64, end - got, most - got);
        if (line[w] == 0)
            self->words = (uint8_t)(self->words & (self->words - 1));
    }
    count_taken(area, block, got);
    return got;
}

static inline size_t take_some(struct pmm_area *area, unsigned block, pfn_t *end, size_t want)
{
    return area->blocks[block].free == 1 ? take_only(area, block, end)
                                         : take_many(area, block, end, want);
}

size_t block_take_some(struct pmm_area *area, unsigned block, pfn_t *end, size_t want)
{
    return take_some(area, block, end, want);
}

/* The set is read a word at a time: blocks that have no frame left leave it meanwhile. */
size_t block_take_partial(struct pmm_area *area, unsigned from, pfn_t *end, size_t want)
{
    size_t got = 0;

    for (unsigned words = area->partial_words[0] & ~(unsigned)low_mask(from / 64);
         words != 0 && got < want; words &= words - 1) {
        unsigned first = lowest_bit(words) * 64;
        uint64_t bits = area->partial[0][first / 64];

        if (first < from)
            bits &= ~low_mask(from - first);
        for (; bits != 0 && got < want; bits &= bits - 1) {
            unsigned block = first + lowest_bit(bits);

            block_touch(area, block);
            got += take_some(area, block, end - got, want - got);
        }
    }
    return got;
}

/* --- giving ------------------------------------------------------------------------------ */

void block_refile(struct pmm_area *area, unsigned block, unsigned before, unsigned bound,
                  unsigned frame)
{
    struct pmm_block *self = &area->blocks[block];
    const uint64_t *line = area->lines[block].word;

    if (self->free == BLOCK_FRAMES) {
        area->loose_frames -= BLOCK_FRAMES;
        if (before != 0)
            leave_partial(area, block);
        block_enter_whole(area, block);
        return;
    }
    while (bound < PARTIAL_ORDERS - 1 && set_has_run(line, frame, bound + 1))
        bound++;
    if (before == 0)
        enter_partial(area, block, bound);
    else if (bound > self->bound)
        raise_bound(area, block, bound);
}

void block_give(struct pmm_area *area, unsigned block, unsigned first, unsigned count)
{
    struct pmm_block *self = &area->blocks[block];
    unsigned before = self->free;
    unsigned bound = PARTIAL_ORDERS - 1; /* what a run of any place may complete */

    if (is_power_of_two(count) && is_aligned(first, count))
        bound = (unsigned)max_u64(before != 0 ? self->bound : 0, highest_bit(count));
    set_add_range(area->lines[block].word, &self->words, first, count);
    area->loose_frames += count;
    self->free = (uint16_t)(before + count);
    block_refile(area, block, before, (unsigned)min_u64(bound, PARTIAL_ORDERS - 1), first);
}
