/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pmm_give.c - single frames on their way back to their areas.
 *
 * A magazine that is full holds frames of any areas in any order. Taking a lock for each would cost
 * more than all the rest, so they are sorted first: chains by area, eight bits a link.
 *
 *      frames   a0 b3 a1 c7 b1 a5
 *      head[a]   5     next   5 -> 2 -> 0
 *      head[b]   4            4 -> 1
 *
 * Areas that share a chain (16 chains) cost a lock more, nothing else.
 */
#include "pmm_private.h"

#include "lib/log.h"

#define CHAINS    16u
#define CHAIN_END 0xffu
#define BATCH     HALF_FRAMES
static_assert(BATCH < CHAIN_END, "links are bytes");

static void report_twice(uintptr_t frame)
{
    __atomic_fetch_add(&pmm_state.bad_frees, 1, __ATOMIC_RELAXED);
    log_error("pmm: frame 0x%llx was freed twice, by two processors at once: second one dropped",
              (unsigned long long)frame << PAGE_SHIFT);
}

/* Gives the frames of one chain back. */
static void give_chain(const pfn_t *frames, const uint8_t *next, unsigned link)
{
    struct pmm_area *area = NULL;
    irq_state_t irq = 0;

    for (; link != CHAIN_END; link = next[link]) {
        uintptr_t frame = pfn_value(frames[link]);
        unsigned place = area_place(frame);

        if (area == NULL || area->first != align_down(frame, AREA_FRAMES)) {
            if (area != NULL)
                spin_unlock(&area->lock, irq);
            area = pmm_state.directory[frame >> AREA_ORDER];
            irq = spin_lock(&area->lock);
        }
        if (!block_give_one(area, place / BLOCK_FRAMES, place % BLOCK_FRAMES))
            report_twice(frame);
    }
    if (area != NULL)
        spin_unlock(&area->lock, irq);
}

static void give_batch(const pfn_t *frames, unsigned count)
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
    for (; count > BATCH; frames += BATCH, count -= BATCH)
        give_batch(frames, BATCH);
    give_batch(frames, (unsigned)count);
}
