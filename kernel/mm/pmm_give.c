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
 * Cost: about 60 instructions a frame, 20 in a row, and what the lines take to come into the cache.
 */
#include "pmm_private.h"

#include "lib/log.h"
#include "lib/string.h"

#define CHAINS          16u
#define CHAIN_END       0xffu
#define BATCH           HALF_FRAMES
#define SAMPLE_DISTANCE 16u
static_assert(BATCH < CHAIN_END, "links are bytes");

/* The lines of an area lie one behind the other: its words by number. */
static uint64_t *area_words(const struct pmm_area *area)
{
    return (uint64_t *)area->lines;
}

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

/* What is new about the word of a block changes how the block is filed. */
[[gnu::noinline]] static void refile(struct pmm_area *area, struct gathered frames, unsigned before,
                                     uint64_t bits)
{
    unsigned number = frames.place / BLOCK_FRAMES;
    struct pmm_block *block = &area->blocks[number];

    block->words = (uint8_t)(block->words | 1u << (frames.place / 64 % SET_WORDS));
    block_refile(area, number, before, bound_of_word(bits, before != 0 ? block->bound : 0),
                 frames.place % BLOCK_FRAMES);
}

/* How many of the frames were not free yet. The area is locked; `words` of its lines and `blocks` are
 * its own, in registers. More than the word and the count can change only where the word was empty, as
 * in a block without a free frame, or where its bits show a run above the bound, as in a block that is
 * wholly free now. */
[[gnu::always_inline]] static inline unsigned give(struct pmm_area *area, uint64_t *words,
                                                   struct pmm_block *blocks, struct gathered frames)
{
    struct pmm_block *block = &blocks[frames.place / BLOCK_FRAMES];
    uint64_t *word = &words[frames.place / 64];
    unsigned before = block->free;
    uint64_t old = *word;
    uint64_t bits = old | frames.bits;

    if (UNLIKELY((old & frames.bits) != 0)) {
        report_twice(area, &frames, old & frames.bits);
        frames.count -= count_bits(old & frames.bits);
        if (frames.count == 0)
            return 0;
    }
    *word = bits;
    block->free = (uint16_t)(before + frames.count);
    if (UNLIKELY(old == 0 || frames.count != 1 || set_word_beats(bits, frames.place, block->bound)))
        refile(area, frames, before, bits);
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

/* Whether the frames seem to be of one area; a few are asked. */
static bool seem_one_area(const pfn_t *frames, unsigned count)
{
    uintptr_t differ = 0;

    for (unsigned i = 0; i < count && differ < AREA_FRAMES; i += SAMPLE_DISTANCE)
        differ |= pfn_value(frames[0]) ^ pfn_value(frames[i]);
    return differ < AREA_FRAMES;
}

/* In the order they have, locking each area they come to. */
static void give_row(const pfn_t *frames, unsigned count)
{
    const pfn_t *end = frames + count;

    while (frames < end) {
        uintptr_t number = pfn_value(*frames) >> AREA_ORDER;
        struct pmm_area *area = pmm_state.directory[number];
        uint64_t *words = area_words(area);
        struct pmm_block *blocks = area->blocks;
        irq_state_t irq = spin_lock(&area->lock);
        uint32_t given = 0;

        while (frames < end && pfn_value(*frames) >> AREA_ORDER == number)
            given += give(area, words, blocks, gather(&frames, end));
        area->loose_frames += given;
        spin_unlock(&area->lock, irq);
    }
}

/* --- several areas ----------------------------------------------------------------------- */

static void give_chain(const pfn_t *frames, const uint8_t *next, unsigned link)
{
    while (link != CHAIN_END) {
        uintptr_t number = pfn_value(frames[link]) >> AREA_ORDER;
        struct pmm_area *area = pmm_state.directory[number];
        uint64_t *words = area_words(area);
        struct pmm_block *blocks = area->blocks;
        irq_state_t irq = spin_lock(&area->lock);
        uint32_t given = 0;

        for (; link != CHAIN_END && pfn_value(frames[link]) >> AREA_ORDER == number;
             link = next[link]) {
            uintptr_t frame = pfn_value(frames[link]);

            given += give(area, words, blocks,
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

    memset(head, CHAIN_END, sizeof(head));
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

        if (seem_one_area(frames, part))
            give_row(frames, part);
        else
            give_by_area(frames, part);
        frames += part;
        count -= part;
    }
}
