/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pmm_huge.c - blocks of 2 MiB that are used as one.
 *
 * Such a block has one record, in struct pmm_block: taking and giving it writes a word of the area's set
 * and eight bytes of the block, whatever its 512 frames are. Only when somebody wants to do something
 * to a single one of them, the block is broken into frames, with 512 records.
 *
 *     WHOLE ---take---> HUGE ---break---> FRAMES
 *       ^ <----give-----  | ^
 *       |                 v | no lock: only the holder changes it
 *       +-----drain---- CACHED
 *
 * A processor keeps up to two blocks for itself, which go from hand to hand without any lock. The
 * others come from the top of its home area and go back to where they are from.
 *
 * A free must know that the run ends with the block. The next block tells, without its lock, since what
 * continues our run cannot change while the run is ours: in use as one, its use says whether it
 * continues; managed in frames, the record of its first frame does.
 *
 *     HUGE       | HUGE, C        longer       HUGE | FRAMES: C C # .     longer
 *     HUGE       | HUGE, WHOLE    ends         HUGE | FRAMES: . # # .     ends
 *
 * When its records were never written, or it lies in the next area and some run crosses the border,
 * pmm_free.c takes the closer look.
 *
 * Runs of blocks: when a block becomes whole, the order of the largest run of whole blocks is announced
 * to the index of areas; as with single frames, it can only grow around that block, and by being
 * free at one order above what is announced already.
 */
#include "pmm_private.h"

#include "lib/string.h"

/* --- whole blocks of an area ------------------------------------------------------------- */

/* Announces the runs of blocks that `block` completes. */
static void announce_runs(struct pmm_area *area, unsigned block)
{
    uint32_t known = area->announced >> BLOCK_ORDER;
    unsigned order = known != 0 ? highest_bit(known) : 0;

    while (order < SET_ORDER && set_has_run(area->whole, block, order + 1))
        order++;
    area_announce(area, ((2u << order) - 1) << BLOCK_ORDER);
}

static inline void enter_whole(struct pmm_area *area, unsigned block)
{
    uint32_t known = area->announced >> BLOCK_ORDER;

    block_set_use(area, block, USE_WHOLE);
    area->whole_count++;
    set_add(area->whole, &area->whole_words, block);
    if (UNLIKELY(known == 0 || set_word_beats(area->whole[block / 64], block, highest_bit(known))))
        announce_runs(area, block);
}

static inline void leave_whole(struct pmm_area *area, unsigned block)
{
    area->whole_count--;
    set_remove(area->whole, &area->whole_words, block);
}

static inline void take_whole(struct pmm_area *area, unsigned block, uint16_t use)
{
    leave_whole(area, block);
    block_set_use(area, block, use);
}

void block_enter_whole(struct pmm_area *area, unsigned block)
{
    enter_whole(area, block);
}

void block_leave_whole(struct pmm_area *area, unsigned block)
{
    leave_whole(area, block);
}

void block_take_whole(struct pmm_area *area, unsigned block, uint16_t use)
{
    take_whole(area, block, use);
}

void block_break(struct pmm_area *area, unsigned block)
{
    struct pmm_block *self = &area->blocks[block];
    uint16_t *records = &area->records[block * BLOCK_FRAMES];
    uint16_t record = block_use(area, block);

    block_touch(area, block);
    memset(&area->lines[block], 0, sizeof(area->lines[block]));
    self->words = 0;
    self->free = 0;
    record_store(&records[0], record);
    for (unsigned frame = 1; frame < BLOCK_FRAMES; frame++)
        record_store(&records[frame], (uint16_t)(record | RECORD_CONTINUES));
    /* continues_here() reads use, then record. */
    __atomic_store_n(&area->uses[block], (uint16_t)USE_FRAMES, __ATOMIC_RELEASE);
}

/* --- the fast way ------------------------------------------------------------------------ */

/* The two functions with a lock stand apart so that the way past them saves no registers. */
[[gnu::noinline]] static enum status alloc_from_home(struct pmm_area *home, enum frame_tag tag,
                                                     pfn_t *first)
{
    unsigned block;
    irq_state_t irq;

    if (UNLIKELY(home == NULL || fail_alloc_on))
        return pmm_alloc_order(BLOCK_ORDER, tag, first);
    irq = spin_lock(&home->lock);
    block = set_last_below(home->whole, home->whole_words, AREA_BLOCKS);
    if (block != SET_NONE) {
        take_whole(home, block, record_make(tag, false));
        area_end_run(home, (uintptr_t)(block + 1) * BLOCK_FRAMES);
    }
    spin_unlock(&home->lock, irq);
    if (UNLIKELY(block == SET_NONE))
        return pmm_alloc_order(BLOCK_ORDER, tag, first);
    *first = pfn(home->first + block * BLOCK_FRAMES);
    return STATUS_OK;
}

[[gnu::noinline]] static enum status free_to_area(struct pmm_area *area, unsigned block)
{
    irq_state_t irq = spin_lock(&area->lock);

    enter_whole(area, block);
    spin_unlock(&area->lock, irq);
    return STATUS_OK;
}

enum status pmm_alloc_block(enum frame_tag tag, pfn_t *first)
{
    struct pmm_cpu *cpu = pmm_state.cpus[arch_cpu_id()];
    uintptr_t frame;
    uint32_t count;

    if (UNLIKELY(cpu == NULL || !tag_is_valid(tag)))
        return pmm_alloc_order(BLOCK_ORDER, tag, first);
    if (cpu->block_count == 0)
        return alloc_from_home(cpu->home, tag, first);
    count = cpu_enter(cpu);
    if (UNLIKELY(count == CPU_BUSY))
        return pmm_alloc_order(BLOCK_ORDER, tag, first);
    if (UNLIKELY(cpu->block_count == 0)) { /* an interrupt took it */
        cpu_leave(cpu, count);
        return alloc_from_home(cpu->home, tag, first);
    }
    *first = cpu->blocks[cpu->block_count - 1];
    frame = pfn_value(*first);
    cpu_set_block_count(cpu, cpu->block_count - 1);
    cpu_leave(cpu, count);
    block_set_use(pmm_state.directory[frame >> AREA_ORDER], area_place(frame) / BLOCK_FRAMES,
                  record_make(tag, false));
    return STATUS_OK;
}

/* Whether the block may continue a run that begins before it. No lock. */
static inline bool continues_here(const struct pmm_area *area, unsigned block)
{
    uint16_t record = __atomic_load_n(&area->uses[block], __ATOMIC_ACQUIRE);

    if (record == USE_FRAMES) {
        if (!block_is_touched(area, block))
            return true;
        record = record_load(&area->records[block * BLOCK_FRAMES]);
    }
    return (record & RECORD_CONTINUES) != 0;
}

/* Whether the block is in use as one, as a run of its own, and this is plain to see. */
static inline bool is_lone(const struct pmm_area *area, unsigned block)
{
    uint16_t use = block_use(area, block);

    if ((use & (RECORD_CONTINUES | RECORD_COUNT)) != 1)
        return false;
    if (block + 1 == area->block_end)
        return !__atomic_load_n(&area->crosses_end, __ATOMIC_RELAXED);
    return !continues_here(area, block + 1);
}

/* Into the cache, if there is room. The block is the caller's. */
static inline bool give_to_cache(struct pmm_cpu *cpu, struct pmm_area *area, pfn_t first)
{
    uint32_t count;

    if (cpu == NULL || cpu->block_count >= cpu->block_limit)
        return false;
    count = cpu_enter(cpu);
    if (UNLIKELY(count == CPU_BUSY))
        return false;
    if (UNLIKELY(cpu->block_count >= cpu->block_limit)) { /* an interrupt filled it */
        cpu_leave(cpu, count);
        return false;
    }
    block_set_use(area, area_place(pfn_value(first)) / BLOCK_FRAMES, USE_CACHED);
    cpu->blocks[cpu->block_count] = first;
    cpu_set_block_count(cpu, cpu->block_count + 1);
    cpu_leave(cpu, count);
    return true;
}

enum status pmm_free_block(pfn_t first)
{
    uintptr_t number = pfn_value(first) >> AREA_ORDER;
    unsigned block = area_place(pfn_value(first)) / BLOCK_FRAMES;
    struct pmm_area *area;

    if (UNLIKELY(pfn_value(first) % BLOCK_FRAMES != 0 || number >= pmm_state.area_count ||
                 !area_is_ready(number)))
        return pmm_free_order(first, BLOCK_ORDER);
    area = pmm_state.directory[number];
    if (UNLIKELY(!area_has_block(area, block) || !is_lone(area, block)))
        return pmm_free_order(first, BLOCK_ORDER);
    if (give_to_cache(pmm_state.cpus[arch_cpu_id()], area, first))
        return STATUS_OK;
    return free_to_area(area, block);
}
