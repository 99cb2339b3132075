/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_pmm_threads.c - the frame allocator on several processors, and under interrupts.
 *
 * A thread plays a processor; what it holds is written, frame by frame, into a table that all
 * share, with an exchange: whoever finds another owner there was given a frame that is in use.
 * Some of what a thread holds goes through a mailbox to another one, which frees it. The program
 * is built under the thread sanitizer too (mk/hosted.mk), which finds what no outcome shows.
 *
 * An interrupt is a signal of the host. It comes at any instruction, is ignored while interrupts are
 * off, and uses the allocator of the processor that it came to.
 */
#include "pmm_machine.h"

#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#include "arch/cpu.h"

#define TOP_FRAME      ((6 * GiB) >> PAGE_SHIFT)
#define THREADS_MAX    8u
#define HELD_MAX       256u
#define OPERATIONS     20000u
#define INTERRUPTS     300u
#define INTERRUPT_USEC 100
#define UNDER_SIGNALS  2000000u /* operations at most, should no signal come */

/* Four areas, of which none is large: processors meet. */
static const struct machine_piece pieces[] = {
    LOW_MEMORY(PAGE_SIZE, 0x9f000),
    FREE_MEMORY(MiB, 48 * MiB),
    FREE_MEMORY(1 * GiB - 8 * MiB, 1 * GiB + 24 * MiB),
    FREE_MEMORY(4 * GiB, 4 * GiB + 40 * MiB),
    FREE_MEMORY(5 * GiB, 5 * GiB + 40 * MiB),
};

struct run {
    pfn_t first;
    uint64_t count;
};

struct worker {
    pthread_t thread;
    unsigned id;
    uint64_t random;
    unsigned wrong; /* what went wrong; cmocka's assertions work in the first thread only */
    size_t held_count;
    struct run held[HELD_MAX];
};

static uint8_t owners[TOP_FRAME]; /* 0: nobody; else a worker's number + 1 */
static struct worker workers[THREADS_MAX];
static uint64_t mailbox; /* frame number of a single frame on its way; 0: empty */

/* --- what a worker does ------------------------------------------------------------------ */

static uint64_t random_below(struct worker *self, uint64_t limit)
{
    self->random ^= self->random << 13;
    self->random ^= self->random >> 7;
    self->random ^= self->random << 17;
    return self->random % limit;
}

static void change_owner(struct worker *self, struct run run, unsigned from, unsigned to)
{
    for (uint64_t i = 0; i < run.count; i++) {
        uint8_t *owner = &owners[pfn_value(run.first) + i];

        self->wrong += __atomic_exchange_n(owner, (uint8_t)to, __ATOMIC_RELAXED) != from;
    }
}

static void adopt(struct worker *self, pfn_t first, uint64_t count)
{
    struct run run = { .first = first, .count = count };

    change_owner(self, run, 0, self->id + 1);
    *(volatile uint64_t *)arch_phys_ptr(pfn_to_pa(first)) = self->id;
    self->held[self->held_count++] = run;
}

static void take(struct worker *self)
{
    struct pmm_request request = { .count_frames = 1 + random_below(self, 40),
                                   .below = random_below(self, 2) == 0 ? PMM_BELOW_4G : 0,
                                   .tag = FRAME_TEST };
    unsigned order = (unsigned)random_below(self, PMM_ORDER_2M + 2);
    pfn_t first;

    switch (random_below(self, 8)) {
    case 0:
        if (pmm_alloc_run(&request, &first) == STATUS_OK)
            adopt(self, first, request.count_frames);
        return;
    case 1:
        if (pmm_alloc(order, FRAME_TEST, &first) == STATUS_OK)
            adopt(self, first, (uint64_t)1 << order);
        return;
    default:
        if (pmm_alloc_frame(FRAME_TEST, &first) == STATUS_OK)
            adopt(self, first, 1);
    }
}

static void take_many(struct worker *self)
{
    pfn_t frames[64];
    size_t room = min_u64(ARRAY_COUNT(frames), HELD_MAX - self->held_count);
    size_t count = pmm_alloc_bulk(FRAME_TEST, frames, room);

    for (size_t i = 0; i < count; i++)
        adopt(self, frames[i], 1);
}

static void give(struct worker *self)
{
    size_t index = random_below(self, self->held_count);
    struct run run = self->held[index];

    self->held[index] = self->held[--self->held_count];
    change_owner(self, run, self->id + 1, 0);
    if (run.count > 1) {
        self->wrong += pmm_free_run(run.first, run.count) != STATUS_OK;
        return;
    }
    /* Into the mailbox; what was in it is freed here, on another processor than it came from. */
    run.first = pfn(__atomic_exchange_n(&mailbox, pfn_value(run.first), __ATOMIC_ACQ_REL));
    if (pfn_value(run.first) != 0)
        self->wrong += pmm_free_frame(run.first) != STATUS_OK;
}

static void share(struct worker *self)
{
    pfn_t frame = self->held[random_below(self, self->held_count)].first;

    frame_get(frame);
    self->wrong += frame_references(frame) != 2;
    self->wrong += frame_put(frame);
}

static void step(struct worker *self)
{
    uint64_t choice = random_below(self, 100);

    if (choice == 0)
        pmm_drain();
    else if (choice < 3)
        take_many(self);
    else if (self->held_count > 0 && choice < 8)
        share(self);
    else if (self->held_count == HELD_MAX || (self->held_count > 0 && choice < 52))
        give(self);
    else
        take(self);
}

static void give_all(struct worker *self)
{
    while (self->held_count > 0)
        give(self);
    pmm_drain();
}

static void *work(void *context)
{
    struct worker *self = context;

    host_cpu_set(self->id);
    for (unsigned i = 0; i < OPERATIONS; i++)
        step(self);
    give_all(self);
    return NULL;
}

/* --- several processors ------------------------------------------------------------------ */

static void empty_mailbox(void)
{
    uint64_t frame = __atomic_exchange_n(&mailbox, 0, __ATOMIC_ACQ_REL);

    if (frame != 0)
        assert_ok(pmm_free_frame(pfn(frame)));
    pmm_drain();
}

static void run_workers(unsigned count)
{
    struct pmm_stats before;
    struct pmm_stats after;

    memset(owners, 0, sizeof(owners));
    MACHINE_BOOT(pieces);
    pmm_get_stats(&before);
    for (unsigned i = 0; i < count; i++) {
        workers[i] = (struct worker){ .id = i, .random = machine_random() };
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
    empty_mailbox();
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(workers[i].wrong, 0);
    assert_ok(pmm_check());
    pmm_get_stats(&after);
    assert_int_equal(after.bad_frees, 0);
    assert_int_equal(after.cached_frames, 0);
    /* Each processor but the first took a frame for its cache, for good. */
    assert_int_equal(after.free_frames, before.free_frames - (count - 1));
}

static void two_processors(void **state)
{
    /* Two processors that take, give, share and pass frames on lose none and get none twice. */
    (void)state;
    run_workers(2);
}

static void eight_processors(void **state)
{
    /* The same holds for eight of them on four areas, which must share locks and homes. */
    (void)state;
    run_workers(THREADS_MAX);
}

/* --- interrupts -------------------------------------------------------------------------- */

static volatile sig_atomic_t interrupts;
static volatile sig_atomic_t interrupts_wrong;

static void interrupt(int number)
{
    irq_state_t irq;
    pfn_t frames[3];
    pfn_t block;

    (void)number;
    if (!host_cpu.interrupts_on)
        return;
    irq = arch_irq_save();
    for (size_t i = 0; i < ARRAY_COUNT(frames); i++)
        interrupts_wrong |= pmm_alloc_frame(FRAME_DMA, &frames[i]) != STATUS_OK ||
                            owners[pfn_value(frames[i])] != 0;
    if (pmm_alloc(PMM_ORDER_2M, FRAME_DMA, &block) == STATUS_OK)
        interrupts_wrong |= pmm_free(block, PMM_ORDER_2M) != STATUS_OK;
    for (size_t i = 0; i < ARRAY_COUNT(frames); i++)
        interrupts_wrong |= pmm_free_frame(frames[i]) != STATUS_OK;
    interrupts++;
    arch_irq_restore(irq);
}

static void start_interrupts(suseconds_t every)
{
    const struct itimerval timer = { .it_interval.tv_usec = every, .it_value.tv_usec = every };

    assert_int_equal(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

static void interrupts_in_between(void **state)
{
    /* An interrupt that allocates and frees at any instruction of an operation disturbs neither. */
    const struct sigaction action = { .sa_handler = interrupt, .sa_flags = SA_RESTART };
    struct worker *self = &workers[0];
    uint64_t before;

    (void)state;
    memset(owners, 0, sizeof(owners));
    MACHINE_BOOT(pieces);
    before = machine_free_frames();
    *self = (struct worker){ .random = machine_random() };
    interrupts = 0;
    interrupts_wrong = 0;
    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    start_interrupts(INTERRUPT_USEC);
    for (unsigned i = 0; i < UNDER_SIGNALS && interrupts < (int)INTERRUPTS; i++)
        step(self);
    start_interrupts(0);
    give_all(self);
    empty_mailbox();
    assert_int_equal(self->wrong, 0);
    assert_int_equal(interrupts_wrong, 0);
    assert_ok(pmm_check());
    assert_int_equal(machine_free_frames(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_processors),
        cmocka_unit_test(eight_processors),
        cmocka_unit_test(interrupts_in_between),
    };

    return cmocka_run_group_tests(tests, NULL, machine_stop);
}
