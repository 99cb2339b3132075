/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pmm_give.c - single frames on their way back to their areas.
 *
 * A full magazine holds frames in any order. Two habits of programs make giving them back cheap: what
 * was allocated in a row is freed in a row, and the rest lies in few areas.
 *
 * So a word of a line is kept open while frames of it come, and written when one of another word
 * comes: frames in a row cost two instructions each.
 *
 *      frames    17 18 19 20 ... 63 | 700 | 64 65
 *      open      word 0             | w10 | word 1         written at each bar
 *
 * When not all are of one area, they are sorted first, by chains of links of eight bits, so that each
 * area's lock is taken once (areas that share one of the 16 chains cost a lock more):
 *
 *      frames    a0 b3 a1 c7 b1 a5
 *      head[a]    5     next   5 -> 2 -> 0
 *      head[b]    4            4 -> 1
 *
 * Records are 0 already. A frame that is free in its line was freed by two processors at once: it is
 * reported, and stays free once.
 */
#include "pmm_private.h"

#include "lib/log.h"

#define CHAINS    16u
#define CHAIN_END 0xffu
#define BATCH     HALF_FRAMES
#define NO_WORD   UINT32_MAX
static_assert(BATCH < CHAIN_END, "links are bytes");

/* The word of a line that frames are being added to. */
struct open_word {
    struct pmm_area *area;
    uint32_t number; /* in the area: 8 a block; NO_WORD: none is open */
    uint32_t added;  /* frames since it was opened */
    uint64_t bits;
    uint32_t bound; /* of the block, as far as this word shows */
};

[[gnu::cold]] static void report_twice(const struct pmm_area *area, unsigned place)
{
    __atomic_fetch_add(&pmm_state.bad_frees, 1, __ATOMIC_RELAXED);
    log_error("pmm: frame 0x%llx was freed twice, by two processors at once: second one dropped",
              (unsigned long long)(area->first + place) << PAGE_SHIFT);
}

static inline void open_word(struct open_word *open, unsigned number)
{
    const struct pmm_block *block = &open->area->blocks[number / SET_WORDS];

    open->number = number;
    open->added = 0;
    open->bits = open->area->lines[number / SET_WORDS].word[number % SET_WORDS];
    open->bound = block->free_frames != 0 ? block->bound : 0;
}

static inline void close_word(struct open_word *open)
{
    unsigned number = open->number / SET_WORDS;
    unsigned w = open->number % SET_WORDS;
    struct pmm_block *block;
    unsigned before;

    if (open->number == NO_WORD)
        return;
    block = &open->area->blocks[number];
    before = block->free_frames;
    open->area->lines[number].word[w] = open->bits;
    open->area->free_frames += open->added;
    block->words = (uint8_t)(block->words | 1u << w);
    block->free_frames = (uint16_t)(before + open->added);
    if (before == 0 || open->bound != block->bound || open->bits == ~(uint64_t)0)
        block_refile(open->area, number, before, open->bound, w * 64);
}

/* Whether the aligned run of `order` (1 to 6) around `bit` is all set. */
static inline bool run_is_full(uint64_t bits, unsigned bit, unsigned order)
{
    uint64_t run = low_mask(1u << order) << (bit & ~((1u << order) - 1));

    return (bits & run) == run;
}

static inline void add_frame(struct open_word *open, unsigned place)
{
    uint64_t bit = (uint64_t)1 << (place % 64);

    if (place / 64 != open->number) {
        close_word(open);
        open_word(open, place / 64);
    }
    if (UNLIKELY((open->bits & bit) != 0)) {
        report_twice(open->area, place);
        return;
    }
    open->bits |= bit;
    open->added++;
    while (open->bound < SET_WORD_ORDER && run_is_full(open->bits, place % 64, open->bound + 1))
        open->bound++;
}

/* --- one area ---------------------------------------------------------------------------- */

static void give_row(const pfn_t *frames, unsigned count)
{
    struct open_word open = { .number = NO_WORD };
    irq_state_t irq;

    open.area = pmm_state.directory[pfn_value(frames[0]) >> AREA_ORDER];
    irq = spin_lock(&open.area->lock);
    for (unsigned i = 0; i < count; i++)
        add_frame(&open, area_place(pfn_value(frames[i])));
    close_word(&open);
    spin_unlock(&open.area->lock, irq);
}

static bool is_one_area(const pfn_t *frames, unsigned count)
{
    uintptr_t differ = 0;

    for (unsigned i = 1; i < count; i++)
        differ |= pfn_value(frames[0]) ^ pfn_value(frames[i]);
    return differ < AREA_FRAMES;
}

/* --- several areas ----------------------------------------------------------------------- */

static void give_chain(const pfn_t *frames, const uint8_t *next, unsigned link)
{
    while (link != CHAIN_END) {
        uintptr_t number = pfn_value(frames[link]) >> AREA_ORDER;
        struct open_word open = { .area = pmm_state.directory[number], .number = NO_WORD };
        irq_state_t irq = spin_lock(&open.area->lock);

        for (; link != CHAIN_END && pfn_value(frames[link]) >> AREA_ORDER == number;
             link = next[link])
            add_frame(&open, area_place(pfn_value(frames[link])));
        close_word(&open);
        spin_unlock(&open.area->lock, irq);
    }
}

static void give_sorted(const pfn_t *frames, unsigned count)
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
            give_sorted(frames, part);
        frames += part;
        count -= part;
    }
}
