/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pmm_give.c - single frames on their way back to their areas.
 *
 * A full magazine holds frames in any order. Two habits of programs make giving them back cheap: what
 * was allocated in a row is freed in a row, and the rest lies in few areas.
 *
 *   in a row    neighbours of one word are gathered in a register and given at once:
 *
 *                   frames   17 18 19 20 ... 63 | 700 | 64 65
 *                   given    word 0             | w10 | word 1
 *
 *   areas       frames of several areas are sorted by area first, by chains of links of eight bits,
 *               so that each lock is taken once; areas that share one of the 16 chains cost a lock
 *               more
 *
 *                   frames   a0 b3 a1 c7 b1 a5
 *                   head[a]  5       next   5 -> 2 -> 0
 *                   head[b]  4              4 -> 1
 *
 * Records are 0 already. A frame that is free in its line was freed by two processors at once: it is
 * reported, and stays free once.
 *
 * Cost: about 30 instructions a frame, 10 in a row, and what the lines take to come into the cache.
 */
#include "pmm_private.h"

#include "lib/log.h"

#define CHAINS    16u
#define CHAIN_END 0xffu
#define BATCH     HALF_FRAMES
static_assert(BATCH < CHAIN_END, "links are bytes");

/* Frames of one word of a line. */
struct gathered {
    unsigned place; /* in the area, of any of them */
    unsigned count;
    uint64_t bits;
};

/* The largest order of a free run in the word, if above `bound`. */
static unsigned bound_of_word(uint64_t word, unsigned bound)
{
    while (bound < SET_WORD_ORDER && set_fold(word, bound + 1) != 0)
        bound++;
    return bound;
}

[[gnu::cold]] static void report_twice(const struct pmm_area *area, const struct gathered *frames,
                                       uint64_t twice)
{
    uintptr_t base = area->first + (uintptr_t)align_down(frames->place, 64);

    for (; twice != 0; twice &= twice - 1) {
        __atomic_fetch_add(&pmm_state.bad_frees, 1, __ATOMIC_RELAXED);
        log_error("pmm: frame 0x%llx was freed by two processors at once: it is free once",
                  (unsigned long long)(base + lowest_bit(twice)) << PAGE_SHIFT);
    }
}

/* How many of the frames were not free yet. The area is locked; `lines` and `blocks` are its own, in
 * registers. */
[[gnu::always_inline]] static inline unsigned give(struct pmm_area *area, struct pmm_line *lines,
                                                   struct pmm_block *blocks, struct gathered frames)
{
    unsigned number = frames.place / BLOCK_FRAMES;
    struct pmm_block *block = &blocks[number];
    uint64_t *word = &lines[number].word[frames.place / 64 % SET_WORDS];
    unsigned before = block->free;
    uint64_t twice = *word & frames.bits;
    uint64_t bits = *word | frames.bits;

    if (UNLIKELY(twice != 0)) {
        report_twice(area, &frames, twice);
        frames.count -= count_bits(twice);
    }
    *word = bits;
    block->words = (uint8_t)(block->words | 1u << (frames.place / 64 % SET_WORDS));
    block->free = (uint16_t)(before + frames.count);
    if (UNLIKELY(before == 0))
        block_refile(area, number, 0, bound_of_word(bits, 0), frames.place % BLOCK_FRAMES);
    else if (UNLIKELY(frames.count != 1 || before + 1 == BLOCK_FRAMES ||
                      set_word_beats(bits, frames.place, block->bound)))
        block_refile(area, number, before, bound_of_word(bits, block->bound),
                     frames.place % BLOCK_FRAMES);
    return frames.count;
}

/* The frames of one word at the start of the array; moves the cursor behind them. */
[[gnu::always_inline]] static inline struct gathered gather(const pfn_t **cursor, const pfn_t *end)
{
    uintptr_t first = pfn_value(*(*cursor)++);
    struct gathered frames = { .place = area_place(first),
                               .count = 1,
                               .bits = (uint64_t)1 << (first % 64) };

    for (; *cursor < end && pfn_value(**cursor) / 64 == first / 64; ++*cursor) {
        uint64_t bit = (uint64_t)1 << (pfn_value(**cursor) % 64);

        if (UNLIKELY((frames.bits & bit) != 0)) /* twice in one batch: the next word tells */
            break;
        frames.bits |= bit;
        frames.count++;
    }
    return frames;
}

/* --- one area ---------------------------------------------------------------------------- */

static bool is_one_area(const pfn_t *frames, unsigned count)
{
    uintptr_t differ = 0;

    for (unsigned i = 1; i < count; i++)
        differ |= pfn_value(frames[0]) ^ pfn_value(frames[i]);
    return differ < AREA_FRAMES;
}

static void give_row(const pfn_t *frames, unsigned count)
{
    struct pmm_area *area = pmm_state.directory[pfn_value(frames[0]) >> AREA_ORDER];
    struct pmm_line *lines = area->lines;
    struct pmm_block *blocks = area->blocks;
    const pfn_t *end = frames + count;
    irq_state_t irq = spin_lock(&area->lock);
    uint32_t given = 0;

    while (frames < end)
        given += give(area, lines, blocks, gather(&frames, end));
    area->loose_frames += given;
    spin_unlock(&area->lock, irq);
}

/* --- several areas ----------------------------------------------------------------------- */

static void give_chain(const pfn_t *frames, const uint8_t *next, unsigned link)
{
    while (link != CHAIN_END) {
        uintptr_t number = pfn_value(frames[link]) >> AREA_ORDER;
        struct pmm_area *area = pmm_state.directory[number];
        struct pmm_line *lines = area->lines;
        struct pmm_block *blocks = area->blocks;
        irq_state_t irq = spin_lock(&area->lock);
        uint32_t given = 0;

        for (; link != CHAIN_END && pfn_value(frames[link]) >> AREA_ORDER == number;
             link = next[link]) {
            uintptr_t frame = pfn_value(frames[link]);

            given += give(area, lines, blocks,
                          (struct gathered){ .place = area_place(frame),
                                             .count = 1,
                                             .bits = (uint64_t)1 << (frame % 64) });
        }
        area->loose_frames += given;
        spin_unlock(&area->lock, irq);
    }
}

static void give_by_area(const pfn_t *frames, unsigned count)
{
    uint8_t head[CHAINS];
    uint8_t next[BATCH];

    for (unsigned chain = 0; chain < CHAINS; chain++)
        head[chain] = CHAIN_END;
    for (unsigned i = 0; i < count; i++) {
        unsigned chain = (unsigned)(pfn_value(frames[i]) >> AREA_ORDER) % CHAINS;

        next[i] = head[chain];
        head[chain] = (uint8_t)i;
    }
    for (unsigned chain = 0; chain < CHAINS; chain++)
        give_chain(frames, next, head[chain]);
}

void pmm_give_frames(const pfn_t *frames, size_t count)
{
    while (count > 0) {
        unsigned part = (unsigned)min_u64(count, BATCH);

        if (is_one_area(frames, part))
            give_row(frames, part);
        else
            give_by_area(frames, part);
        frames += part;
        count -= part;
    }
}
