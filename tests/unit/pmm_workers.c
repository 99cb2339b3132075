/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pmm_workers.c - a random load on the frame allocator, from several processors, against a model.
 */
#include "pmm_workers.h"

#include "arch/cpu.h"
#include "host_smp.h"

#define WORKER_LOG_REFUSALS 1000u /* then the log is cleared: it grows with each */

/* Five areas, of which none is large: processors meet. */
static const struct machine_piece pieces[] = {
    LOW_MEMORY(PAGE_SIZE, 0x9f000),
    FREE_MEMORY(MiB, 48 * MiB),
    FREE_MEMORY(1 * GiB - 8 * MiB, 1 * GiB + 24 * MiB),
    FREE_MEMORY(4 * GiB, 4 * GiB + 40 * MiB),
    FREE_MEMORY(5 * GiB, 5 * GiB + 40 * MiB),
};
#define HOLE_FRAME pfn((2 * GiB) >> PAGE_SHIFT)

struct worker workers[WORKERS_MAX];
uint8_t worker_owners[WORKER_TOP_FRAME];
static uint64_t mailbox; /* number of a single frame on its way; 0: empty */

/* --- the model --------------------------------------------------------------------------- */

static uint64_t random_below(struct worker *self, uint64_t limit)
{
    self->random ^= self->random << 13;
    self->random ^= self->random >> 7;
    self->random ^= self->random << 17;
    return self->random % limit;
}

static void change_owner(struct worker *self, const struct worker_run *run, unsigned from,
                         unsigned to)
{
    for (uint64_t i = 0; i < run->count; i++) {
        uint8_t *owner = &worker_owners[pfn_value(run->first) + i];

        self->wrong += __atomic_exchange_n(owner, (uint8_t)to, __ATOMIC_RELAXED) != from;
    }
}

static void adopt(struct worker *self, struct worker_run run)
{
    change_owner(self, &run, 0, self->id + 1);
    *(volatile uint64_t *)arch_phys_ptr(pfn_to_pa(run.first)) = self->id;
    self->held[self->held_count++] = run;
}

/* --- taking ------------------------------------------------------------------------------ */

static void take_request(struct worker *self)
{
    static const uint64_t limits[] = { PMM_ANYWHERE, PMM_BELOW_4G, PMM_BELOW_16M, PMM_BELOW_1M };
    struct pmm_request request = {
        .count_frames = 1 + random_below(self, 40),
        .below = limits[random_below(self, ARRAY_COUNT(limits))],
        .align_frames = (uint64_t)1 << random_below(self, 6),
        .tag = FRAME_TEST,
        .flags = random_below(self, 8) == 0 ? PMM_NO_CACHE : 0,
        .node = PMM_ANY_NODE,
    };
    struct worker_run run = { .count = request.count_frames };

    if (pmm_alloc_run(&request, &run.first) != STATUS_OK)
        return;
    self->wrong += !is_aligned(pfn_value(run.first), request.align_frames);
    self->wrong += request.below != PMM_ANYWHERE &&
                   (pfn_value(run.first) + run.count) << PAGE_SHIFT > request.below;
    adopt(self, run);
}

static void take_order(struct worker *self)
{
    unsigned order = (unsigned)random_below(self, PMM_ORDER_2M + 2);
    struct worker_run run = { .count = (uint64_t)1 << order, .by_order = true };

    if (pmm_alloc(order, FRAME_TEST, &run.first) != STATUS_OK)
        return;
    self->wrong += !is_aligned(pfn_value(run.first), run.count);
    adopt(self, run);
}

/* Zeroed ahead or not, its words are 0. What is adopted is written to. */
static void take_zeroed(struct worker *self)
{
    struct worker_run run = { .count = 1, .by_order = true };
    uint64_t *words;

    (void)pmm_zero_ahead();
    if (pmm_alloc_zeroed(FRAME_TEST, &run.first) != STATUS_OK)
        return;
    words = arch_phys_ptr(pfn_to_pa(run.first));
    self->wrong += words[0] != 0 || words[PAGE_SIZE / sizeof(*words) - 1] != 0;
    words[0] = UINT64_MAX;
    adopt(self, run);
}

static void take(struct worker *self)
{
    struct worker_run run = { .count = 1, .by_order = true };

    switch (random_below(self, 16)) {
    case 2:
        take_zeroed(self);
        return;
    case 0:
        take_request(self);
        return;
    case 1:
        take_order(self);
        return;
    default:
        if (pmm_alloc_frame(FRAME_TEST, &run.first) == STATUS_OK)
            adopt(self, run);
    }
}

static void take_many(struct worker *self)
{
    pfn_t frames[64];
    size_t room = min_u64(ARRAY_COUNT(frames), WORKER_HELD_MAX - self->held_count);
    size_t count = pmm_alloc_bulk(FRAME_TEST, frames, room);

    for (size_t i = 0; i < count; i++)
        adopt(self, (struct worker_run){ .first = frames[i], .count = 1, .by_order = true });
}

/* --- giving ------------------------------------------------------------------------------ */

static void must_refuse(struct worker *self, enum status status)
{
    self->wrong += status != STATUS_DENIED;
    if (++self->refused % WORKER_LOG_REFUSALS == 0)
        host_log_clear();
}

/* Frees of what this worker holds, or nobody can: each must change nothing. */
static void give_wrongly(struct worker *self)
{
    const struct worker_run *run = &self->held[random_below(self, self->held_count)];

    must_refuse(self, pmm_free_frame(HOLE_FRAME));
    must_refuse(self, pmm_free_run(run->first, run->count + 1));
    /* One frame may be freed whatever run it is in. */
    if (run->count <= 2)
        return;
    must_refuse(self, pmm_free_run(run->first, run->count - 1));
    must_refuse(self, pmm_free_run(pfn_add(run->first, 1), run->count - 1));
}

static void free_single(struct worker *self, pfn_t frame)
{
    self->wrong += pmm_free_frame(frame) != STATUS_OK;
    /* It waits in this processor's cache, where nobody else gets at it. */
    if (!self->plays && random_below(self, 512) == 0)
        must_refuse(self, pmm_free_frame(frame));
}

static void give(struct worker *self)
{
    size_t index = random_below(self, self->held_count);
    struct worker_run run = self->held[index];

    self->held[index] = self->held[--self->held_count];
    change_owner(self, &run, self->id + 1, 0);
    if (run.count > 1) {
        self->wrong += (run.by_order ? pmm_free(run.first, highest_bit(run.count))
                                     : pmm_free_run(run.first, run.count)) != STATUS_OK;
        return;
    }
    /* Frames below 1 MiB have no cache to wait in. */
    if (pfn_value(run.first) < MiB >> PAGE_SHIFT) {
        self->wrong += pmm_free_frame(run.first) != STATUS_OK;
        return;
    }
    /* What was in the mailbox is freed here, often on another processor than it came from. */
    run.first = pfn(__atomic_exchange_n(&mailbox, pfn_value(run.first), __ATOMIC_ACQ_REL));
    if (pfn_value(run.first) != 0)
        free_single(self, run.first);
}

static void share(struct worker *self)
{
    pfn_t frame = self->held[random_below(self, self->held_count)].first;

    frame_get(frame);
    self->wrong += frame_references(frame) != 2;
    self->wrong += frame_put(frame);
}

/* --- the load ---------------------------------------------------------------------------- */

void worker_step(struct worker *self)
{
    uint64_t choice = random_below(self, 1000);

    if (choice < 3)
        pmm_drain();
    else if (choice < 10)
        take_many(self);
    else if (self->held_count > 0 && choice < 30)
        share(self);
    else if (self->held_count > 0 && choice == 30)
        give_wrongly(self);
    else if (self->held_count == WORKER_HELD_MAX || (self->held_count > 0 && choice < 520))
        give(self);
    else
        take(self);
}

void worker_give_all(struct worker *self)
{
    while (self->held_count > 0)
        give(self);
    pmm_drain();
}

static void *work(void *context)
{
    struct worker *self = context;

    if (self->plays)
        host_smp_play(self->id);
    else
        host_cpu_set(self->id);
    for (uint64_t i = 0; i < self->operations; i++) {
        worker_step(self);
        host_smp_poll();
        __atomic_store_n(&self->done, i + 1, __ATOMIC_RELAXED);
    }
    worker_give_all(self);
    if (self->plays)
        host_smp_leave();
    return NULL;
}

/* A processor's cache takes a frame, once and for good. */
static void make_cache(unsigned id)
{
    pfn_t frame;

    host_cpu_set(id);
    assert_ok(pmm_alloc_frame(FRAME_TEST, &frame));
    assert_ok(pmm_free_frame(frame));
    pmm_drain();
}

void workers_boot(unsigned count, uint64_t seed, uint64_t operations)
{
    memset(worker_owners, 0, sizeof(worker_owners));
    MACHINE_BOOT(pieces);
    for (unsigned i = count; i-- > 0;) {
        make_cache(i);
        workers[i] = (struct worker){ .id = i, .operations = operations };
        workers[i].random = (seed + i + 1) * UINT64_C(0x9e3779b97f4a7c15);
    }
}

void workers_start(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
}

void workers_join(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
    workers_empty_mailbox();
}

void workers_empty_mailbox(void)
{
    uint64_t frame = __atomic_exchange_n(&mailbox, 0, __ATOMIC_ACQ_REL);

    if (frame != 0)
        assert_ok(pmm_free_frame(pfn(frame)));
    pmm_drain();
}

static bool hash_run(void *context, pfn_t first, uint64_t count)
{
    uint64_t *hash = context;

    *hash = (*hash ^ pfn_value(first)) * UINT64_C(0x100000001b3);
    *hash = (*hash ^ count) * UINT64_C(0x100000001b3);
    return true;
}

uint64_t workers_free_runs_hash(void)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    pmm_visit_free(hash_run, &hash);
    return hash;
}
