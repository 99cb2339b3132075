/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pmm_cache.c - what a processor keeps for itself: two half magazines of frames, two blocks.
 *
 *      in use                other
 *      |#######......|       |#############|      take and give at the end of the half in use
 *
 *      in use empty:  other full   they change places
 *                     other empty  fill it from the areas, half a magazine under one lock
 *      in use full:   other empty  they change places
 *                     other full   give that back to the areas (the frames that rested longest)
 *
 * Whatever a processor does, 128 operations lie between two visits to the areas. Small machines have
 * smaller halves and keep no blocks.
 *
 * No lock: only its processor touches a cache. What can come in between is an interrupt, and that
 * finds it busy and goes to the areas itself. So does the call of a processor that is about to fail: where the
 * cache isn't busy it copies out what is there, and the caller gives that to the areas (a called function may
 * take no lock). A frame in a magazine has record 0 and no bit in its line,
 * which is how freeing it again is noticed.
 *
 * The cache of the processor that starts the PMM is static. Another's is one frame, allocated when it
 * first asks for memory; until there is one, it works without.
 */
#include "fail_alloc_private.h"
#include "pmm_private.h"

#include "arch/mmu.h"
#include "lib/string.h"
#include "mm/shadow.h"
#include "smp/call.h"
#include "smp/smp.h"

/* A half holds at most this part of all frames, so that many processors do not hold everything. */
#define FRAMES_PER_CACHED_FRAME 2048u
/* How often a processor is asked that is in the middle of a change each time. */
#define ASK_TURNS               8u

/* --- making caches ----------------------------------------------------------------------- */

static void start(struct pmm_cpu *cpu)
{
    uint64_t limit = pmm_state.managed_frames / FRAMES_PER_CACHED_FRAME;

    cpu->busy = pmm_sites_on ? 1 : 0;
    cpu->count = 0;
    cpu->frames = cpu->halves[0];
    cpu->limit = (uint32_t)min_u64(max_u64(limit, SMALL_HALF), HALF_FRAMES);
    cpu->other_count = 0;
    cpu->home = NULL;
    cpu->block_limit = cpu->limit == HALF_FRAMES ? CPU_BLOCKS : 0;
    cpu->block_count = 0;
    cpu->shrinking = 0;
}

/* Makes the cache that of processor `id`. pmm_state.lock is held, or nobody else is there yet. */
static void enrol(unsigned id, struct pmm_cpu *cpu)
{
    __atomic_store_n(&pmm_state.cpus[id], cpu, __ATOMIC_RELEASE);
    if (id >= pmm_state.cpus_end)
        __atomic_store_n(&pmm_state.cpus_end, id + 1, __ATOMIC_RELEASE);
}

void cpu_cache_init(void)
{
    start(&pmm_state.boot_cpu);
    enrol(arch_cpu_id(), &pmm_state.boot_cpu);
}

/* A frame for a cache, in the direct map. */
static bool take_cache_frame(struct pmm_job *job)
{
    job->end = (uintptr_t)(min_u64(PMM_BELOW_4G, arch_direct_end()) >> PAGE_SHIFT);
    if (pmm_place(NULL, job, area_take_run))
        return true;
    job->end = (uintptr_t)(arch_direct_end() >> PAGE_SHIFT);
    return pmm_place(NULL, job, area_take_run);
}

static struct pmm_cpu *make(unsigned id)
{
    struct pmm_job job = { .count = 1, .record = record_make(FRAME_KERNEL, false) };
    struct pmm_cpu *cpu;
    irq_state_t irq;

    if (pmm_state.general_frames == 0 || !take_cache_frame(&job))
        return NULL;
    cpu = arch_phys_ptr(pfn_to_pa(pfn(job.first)));
    shadow_open(cpu, PAGE_SIZE);
    start(cpu);
    irq = spin_lock(&pmm_state.lock);
    if (pmm_state.cpus[id] == NULL)
        enrol(id, cpu);
    spin_unlock(&pmm_state.lock, irq);
    if (pmm_state.cpus[id] != cpu) /* an interrupt was faster */
        (void)pmm_free_frame(pfn(job.first));
    return pmm_state.cpus[id];
}

struct pmm_cpu *cpu_cache(void)
{
    unsigned id = arch_cpu_id();
    struct pmm_cpu *cpu = pmm_state.cpus[id];

    return cpu != NULL ? cpu : make(id);
}

/* --- frames ------------------------------------------------------------------------------ */

static pfn_t *other_half(struct pmm_cpu *cpu)
{
    return cpu->frames == cpu->halves[0] ? cpu->halves[1] : cpu->halves[0];
}

/* The other half, with its count, becomes the one in use; the one in use had `count` frames. */
static uint32_t change_places(struct pmm_cpu *cpu, uint32_t count)
{
    uint32_t other = cpu->other_count;

    cpu->frames = other_half(cpu);
    __atomic_store_n(&cpu->other_count, count, __ATOMIC_RELAXED);
    return other;
}

uint32_t cpu_fill(struct pmm_cpu *cpu)
{
    struct pmm_job job = { .count = cpu->limit, .end = UINTPTR_MAX, .frames = cpu->frames };

    if (cpu->other_count > 0)
        return change_places(cpu, 0);
    if (!pmm_place(cpu, &job, area_take_frames))
        memmove(job.frames, job.frames + job.count - job.got, job.got * sizeof(*job.frames));
    return (uint32_t)job.got;
}

uint32_t cpu_make_room(struct pmm_cpu *cpu)
{
    if (cpu->other_count > 0) {
        pmm_give_frames(other_half(cpu), cpu->other_count);
        __atomic_store_n(&cpu->other_count, 0, __ATOMIC_RELAXED);
    }
    return change_places(cpu, cpu->limit);
}

void cpu_push(pfn_t frame)
{
    struct pmm_cpu *cpu = cpu_cache();
    uint32_t count = cpu_enter(cpu);

    if (count == CPU_BUSY) {
        pmm_give_frames(&frame, 1);
        return;
    }
    if (count == cpu->limit)
        count = cpu_make_room(cpu);
    cpu->frames[count] = frame;
    cpu_leave(cpu, count + 1);
}

/* --- emptying ---------------------------------------------------------------------------- */

static void give_blocks(const pfn_t *blocks, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uintptr_t block = pfn_value(blocks[i]);

        area_give_run(area_of(block), block, BLOCK_FRAMES);
    }
}

static size_t empty(struct pmm_cpu *cpu, uint32_t count)
{
    size_t given = count + cpu->other_count + cpu->block_count * BLOCK_FRAMES;

    pmm_give_frames(cpu->frames, count);
    pmm_give_frames(other_half(cpu), cpu->other_count);
    give_blocks(cpu->blocks, cpu->block_count);
    cpu_set_block_count(cpu, 0);
    __atomic_store_n(&cpu->other_count, 0, __ATOMIC_RELAXED);
    return given;
}

size_t cpu_drain(void)
{
    struct pmm_cpu *cpu = pmm_state.cpus[arch_cpu_id()];
    uint32_t count = cpu_enter(cpu);
    size_t given = pmm_zero_drain();

    if (count == CPU_BUSY)
        return given;
    given += empty(cpu, count);
    cpu_leave(cpu, 0);
    return given;
}

void pmm_drain(void)
{
    (void)cpu_drain();
}

void cpu_cache_set_aside(bool aside)
{
    struct pmm_cpu *cpu = pmm_state.cpus[arch_cpu_id()];

    if (cpu == NULL || pmm_sites_on)
        return;
    if (aside) {
        (void)cpu_drain();
        cpu_set_busy(cpu);
    } else {
        cpu_clear_busy(cpu);
    }
}

/* --- what other processors keep ------------------------------------------------------------ */

/* What one of them handed over. Who asks holds the lock until it has given that to the areas: when
 * another who asks finds a cache empty, what was in it is in the areas, or somebody's. */
static struct {
    struct spinlock lock;
    uint32_t count;
    uint32_t block_count;
    pfn_t frames[2 * HALF_FRAMES];
    pfn_t blocks[CPU_BLOCKS];
} handed = { .lock = SPINLOCK_INIT(LOCK_RANK_PMM_CACHES, "what another processor hands over") };

/* On the processor that is asked. In the middle of a change it keeps everything. */
static void hand_over(const void *context)
{
    struct pmm_cpu *cpu = pmm_state.cpus[arch_cpu_id()];
    uint32_t count = cpu_enter(cpu);

    (void)context;
    if (count == CPU_BUSY)
        return;
    memcpy(handed.frames, cpu->frames, count * sizeof(pfn_t));
    memcpy(handed.frames + count, other_half(cpu), cpu->other_count * sizeof(pfn_t));
    memcpy(handed.blocks, cpu->blocks, cpu->block_count * sizeof(pfn_t));
    handed.count = count + cpu->other_count;
    handed.block_count = cpu->block_count;
    __atomic_store_n(&cpu->other_count, 0, __ATOMIC_RELAXED);
    cpu_set_block_count(cpu, 0);
    cpu_leave(cpu, 0);
}

/* True: that processor keeps nothing any more. */
static bool empty_other(unsigned id)
{
    irq_state_t irq = spin_lock(&handed.lock);
    bool is_empty = pmm_count_cached(id) == 0;

    if (!is_empty) {
        handed.count = 0;
        handed.block_count = 0;
        smp_call_on(id, hand_over, NULL);
        pmm_give_frames(handed.frames, handed.count);
        give_blocks(handed.blocks, handed.block_count);
        is_empty = handed.count > 0 || handed.block_count > 0;
    }
    spin_unlock(&handed.lock, irq);
    return is_empty;
}

bool cpu_drain_others(void)
{
    if (smp_count() == 1)
        return false;
    for (unsigned id = 0; id < smp_limit(); id++) {
        for (unsigned turn = 0; turn < ASK_TURNS; turn++) {
            if (id == arch_cpu_id() || !smp_is_online(id) || empty_other(id))
                break;
        }
    }
    return true;
}

/* --- before an allocation fails ----------------------------------------------------------- */

void pmm_register_shrinker(struct pmm_shrinker *shrinker)
{
    irq_state_t irq = spin_lock(&pmm_state.lock);

    shrinker->next = pmm_state.shrinkers;
    __atomic_store_n(&pmm_state.shrinkers, shrinker, __ATOMIC_RELEASE);
    spin_unlock(&pmm_state.lock, irq);
}

/* Asks other caches for memory; how many frames they gave. A shrinker that allocates is not asked
 * again by its own allocation. */
static size_t shrink(size_t count)
{
    struct pmm_cpu *cpu = cpu_cache();
    size_t given = 0;

    if (cpu == NULL || cpu->shrinking != 0)
        return 0;
    cpu->shrinking = 1;
    for (struct pmm_shrinker *shrinker = __atomic_load_n(&pmm_state.shrinkers, __ATOMIC_ACQUIRE);
         shrinker != NULL && given < count; shrinker = shrinker->next)
        given += shrinker->shrink(shrinker, count - given);
    cpu->shrinking = 0;
    return given;
}

bool pmm_try_hard(struct pmm_job *job, bool (*attempt)(struct pmm_job *job))
{
    if (attempt(job))
        return true;
    if (cpu_drain() > 0 && attempt(job))
        return true;
    if (cpu_drain_others() && attempt(job))
        return true;
    if (shrink(job->count - job->got) == 0)
        return false;
    (void)cpu_drain(); /* what was given may have landed there */
    return attempt(job);
}
