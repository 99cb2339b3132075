/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pmm_zero.c - frames full of zeros: cleared when they are asked for, or before.
 *
 * Clearing a frame costs a hundred times what handing it out does. A processor that has nothing to do
 * clears frames ahead, one a call of pmm_zero_ahead(), and puts them into a magazine:
 *
 *     areas --take--> frame --clear--> | magazine, 64 at most | --> pmm_alloc_zeroed()
 *       ^                                        |
 *       +------------- pmm_drain() --------------+      before any allocation fails
 *
 * There is one magazine for all processors, under a lock of its own: what a lock costs is little beside
 * clearing. Its frames are of the node of who cleared them; processors of other nodes pass it by. A
 * frame in it has record 0 and no bit in its line, as one in a processor's magazine: it counts as
 * free, and a free of it is found and refused.
 */
#include "pmm_private.h"

#include "arch/mmu.h"
#include "lib/string.h"

#define ZEROED_MAX              64u
/* The magazine holds at most this part of all frames. */
#define FRAMES_PER_ZEROED_FRAME 1024u

static struct {
    struct spinlock lock; /* guards the rest */
    uint32_t limit;
    uint32_t count;
    pfn_t frames[ZEROED_MAX];
} zeroed;

void pmm_zero_init(void)
{
    uint64_t limit = pmm_state.managed_frames / FRAMES_PER_ZEROED_FRAME;

    zeroed.lock = (struct spinlock)SPINLOCK_INIT(LOCK_RANK_PMM, "frames that are zeroed");
    zeroed.limit = (uint32_t)min_u64(max_u64(limit, 1), ZEROED_MAX);
    zeroed.count = 0;
}

void pmm_zero_frames(uintptr_t first, uintptr_t count)
{
    for (uintptr_t frame = first; frame < first + count; frame++) {
        void *bytes = arch_frame_map(pfn_to_pa(pfn(frame)));

        memset(bytes, 0, PAGE_SIZE);
        arch_frame_unmap(bytes);
    }
}

uint32_t pmm_zero_count(void)
{
    return __atomic_load_n(&zeroed.count, __ATOMIC_RELAXED);
}

static void note_count(uint32_t count)
{
    __atomic_store_n(&zeroed.count, count, __ATOMIC_RELAXED);
}

/* --- filling ----------------------------------------------------------------------------- */

static bool push(pfn_t frame)
{
    irq_state_t irq = spin_lock(&zeroed.lock);
    bool fits = zeroed.count < zeroed.limit;

    if (fits) {
        zeroed.frames[zeroed.count] = frame;
        note_count(zeroed.count + 1);
    }
    spin_unlock(&zeroed.lock, irq);
    return fits;
}

bool pmm_zero_ahead(void)
{
    pfn_t frame;
    struct pmm_job job = { .count = 1, .end = UINTPTR_MAX, .frames = &frame };

    if (pmm_state.general_frames == 0 || pmm_zero_count() >= zeroed.limit ||
        !pmm_place(cpu_cache(), &job, area_take_frames))
        return false;
    pmm_zero_frames(pfn_value(frame), 1);
    if (push(frame))
        return true;
    pmm_give_frames(&frame, 1); /* others were faster */
    return false;
}

/* --- emptying ---------------------------------------------------------------------------- */

static bool pop(pfn_t *frame)
{
    irq_state_t irq = spin_lock(&zeroed.lock);
    bool found =
        zeroed.count > 0 && pmm_node_of(zeroed.frames[zeroed.count - 1]) == pmm_node_here();

    if (found) {
        *frame = zeroed.frames[zeroed.count - 1];
        note_count(zeroed.count - 1);
    }
    spin_unlock(&zeroed.lock, irq);
    return found;
}

bool pmm_take_zeroed(uint16_t record, pfn_t *frame)
{
    uintptr_t number;

    if (pmm_zero_count() == 0 || !pop(frame))
        return false;
    number = pfn_value(*frame);
    record_store(&pmm_state.directory[number >> AREA_ORDER]->records[area_place(number)], record);
    return true;
}

size_t pmm_zero_drain(void)
{
    pfn_t frames[ZEROED_MAX];
    uint32_t count;
    irq_state_t irq;

    if (pmm_zero_count() == 0)
        return 0;
    irq = spin_lock(&zeroed.lock);
    count = zeroed.count;
    memcpy(frames, zeroed.frames, count * sizeof(*frames));
    note_count(0);
    spin_unlock(&zeroed.lock, irq);
    pmm_give_frames(frames, count);
    return count;
}
