/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_pmm_threads.c - the frame allocator on several processors, and under interrupts.
 *
 * The load is that of pmm_workers.c. The program is built under the thread sanitizer too
 * (mk/hosted.mk), which finds what no outcome shows. `make soak-frames` is the long version.
 *
 * An interrupt is a signal of the host. It comes at any instruction, is ignored while interrupts are
 * off, and uses the allocator of the processor that it came to; or it is the call of another processor,
 * which wants what this one keeps.
 */
#include "pmm_workers.h"
#include "../../kernel/mm/pmm_private.h"

#include <signal.h>
#include <sys/time.h>

#include "arch/cpu.h"
#include "host_smp.h"
#include "smp/smp.h"

#define SEED           1u
#define OPERATIONS     20000u
#define INTERRUPTS     300u
#define INTERRUPT_USEC 100
#define UNDER_SIGNALS  2000000u /* operations at most, should no signal come */

/* --- several processors ------------------------------------------------------------------ */

static void run_workers(unsigned count, bool play)
{
    struct pmm_stats stats;
    uint64_t at_start;
    uint64_t refused = 0;

    workers_boot(count, SEED, OPERATIONS);
    host_smp_start(play ? count : 1);
    for (unsigned i = 0; i < count; i++)
        workers[i].plays = play;
    at_start = workers_free_runs_hash();
    workers_start(count);
    workers_join(count);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(workers[i].wrong, 0);
        refused += workers[i].refused;
    }
    assert_ok(pmm_check());
    pmm_get_stats(&stats);
    assert_int_equal(stats.bad_frees, refused);
    assert_int_equal(stats.cached_frames, 0);
    assert_int_equal(workers_free_runs_hash(), at_start);
}

static void two_processors(void **state)
{
    /* Two processors that take, give, share and pass frames on lose none and get none twice, every
     * wrong free is refused, and memory is as it was at first. */
    (void)state;
    run_workers(2, false);
}

static void eight_processors(void **state)
{
    /* The same holds for eight of them on five areas, which must share locks and homes. */
    (void)state;
    run_workers(WORKERS_MAX, false);
}

static uint64_t count_calls(void)
{
    uint64_t count = 0;

    for (unsigned cpu = 0; cpu < WORKERS_MAX; cpu++)
        count += smp_cpu(cpu)->calls;
    return count;
}

static void processors_that_answer(void **state)
{
    /* The same holds when they answer each other, and those whose requests would fail (there is little
     * below 1 MiB) take what the others keep. */
    (void)state;
    run_workers(WORKERS_MAX, true);
    assert_true(count_calls() > 0);
    host_smp_start(1);
}

/* --- what other processors keep ---------------------------------------------------------- */

#define KEEPERS     4u
#define KEPT_FRAMES 256u
#define KEPT_BLOCKS 2u
#define KEPT        (KEPT_FRAMES + KEPT_BLOCKS * 512u)

/* Large enough for whole magazines. */
static const struct machine_piece large_pieces[] = {
    LOW_MEMORY(PAGE_SIZE, 0x9f000),
    FREE_MEMORY(MiB, 1 * GiB + 64 * MiB),
};

static struct keeper {
    pthread_t thread;
    unsigned id;
    bool wrong;
    bool keeps; /* its cache is full */
} keepers[KEEPERS];
static bool keepers_may_go;
static pfn_t everything[(1 * GiB + 64 * MiB) / PAGE_SIZE];

/* Fills the caches of this processor. */
static bool keep(void)
{
    pfn_t frames[KEPT_FRAMES];
    pfn_t blocks[KEPT_BLOCKS];
    bool wrong = false;

    for (unsigned i = 0; i < KEPT_BLOCKS; i++)
        wrong |= pmm_alloc(PMM_ORDER_2M, FRAME_TEST, &blocks[i]) != STATUS_OK;
    for (unsigned i = 0; i < KEPT_FRAMES; i++)
        wrong |= pmm_alloc_frame(FRAME_TEST, &frames[i]) != STATUS_OK;
    for (unsigned i = 0; i < KEPT_FRAMES; i++)
        wrong |= pmm_free_frame(frames[i]) != STATUS_OK;
    for (unsigned i = 0; i < KEPT_BLOCKS; i++)
        wrong |= pmm_free(blocks[i], PMM_ORDER_2M) != STATUS_OK;
    return wrong;
}

static void *be_keeper(void *context)
{
    struct keeper *self = context;

    host_smp_play(self->id);
    pmm_drain();
    self->wrong = keep();
    __atomic_store_n(&self->keeps, true, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&keepers_may_go, __ATOMIC_ACQUIRE)) {
        host_smp_poll();
        arch_cpu_relax();
    }
    host_smp_leave();
    return NULL;
}

/* Processors 1 .. KEEPERS - 1 keep all they can, and then do nothing but answer. */
static void start_keepers(void)
{
    keepers_may_go = false;
    for (unsigned id = 1; id < KEEPERS; id++) {
        keepers[id] = (struct keeper){ .id = id };
        assert_int_equal(pthread_create(&keepers[id].thread, NULL, be_keeper, &keepers[id]), 0);
        while (!__atomic_load_n(&keepers[id].keeps, __ATOMIC_ACQUIRE))
            arch_cpu_relax();
        assert_false(keepers[id].wrong);
        assert_int_equal(pmm_count_cached(id), KEPT);
    }
}

static void stop_keepers(void)
{
    __atomic_store_n(&keepers_may_go, true, __ATOMIC_RELEASE);
    for (unsigned id = 1; id < KEEPERS; id++)
        assert_int_equal(pthread_join(keepers[id].thread, NULL), 0);
}

/* A machine whose processors have their caches, which are empty. */
static void boot_keepers(void)
{
    pfn_t frame;

    MACHINE_BOOT(large_pieces);
    host_smp_start(KEEPERS);
    for (unsigned id = KEEPERS; id-- > 0;) {
        host_cpu_set(id);
        assert_ok(pmm_alloc_frame(FRAME_TEST, &frame));
        assert_ok(pmm_free_frame(frame));
        pmm_drain();
    }
    host_smp_play(0);
}

static void end_keepers(void)
{
    assert_ok(pmm_check());
    host_smp_leave();
    host_smp_start(1);
}

/* As many runs of an order as there are; gives them back. */
static size_t take_all(unsigned order)
{
    size_t count = 0;

    while (count < ARRAY_COUNT(everything) &&
           pmm_alloc(order, FRAME_TEST, &everything[count]) == STATUS_OK)
        count++;
    for (size_t i = 0; i < count; i++)
        assert_ok(pmm_free(everything[i], order));
    pmm_drain();
    return count;
}

/* What one processor gets is the same whether others keep something or not. */
static void expect_all(unsigned order)
{
    size_t expected;

    boot_keepers();
    expected = take_all(order);
    start_keepers();
    assert_int_equal(take_all(order), expected);
    for (unsigned id = 1; id < KEEPERS; id++)
        assert_int_equal(pmm_count_cached(id), 0);
    stop_keepers();
    end_keepers();
}

static void frames_that_others_keep(void **state)
{
    /* One processor can have every frame, also those that wait in the magazines of others. */
    (void)state;
    expect_all(0);
}

static void blocks_that_others_keep(void **state)
{
    /* One processor can have every block, also those that others keep or hold a magazine's frames. */
    (void)state;
    expect_all(PMM_ORDER_2M);
}

static void reserve_what_others_keep(void **state)
{
    /* A frame that nobody uses can be reserved, also from another processor's magazine. */
    pfn_t frame;

    (void)state;
    boot_keepers();
    start_keepers();
    host_cpu_set(0);
    assert_ok(pmm_alloc_frame(FRAME_TEST, &frame));
    assert_int_equal(pmm_reserve(frame, 1, FRAME_TEST), STATUS_BUSY);
    stop_keepers();
    host_cpu_set(1);
    assert_ok(pmm_free_frame(frame));
    assert_int_equal(pmm_count_cached(1), 1);
    host_cpu_set(0);
    assert_ok(pmm_reserve(frame, 1, FRAME_TEST));
    assert_int_equal(pmm_count_cached(1), 0);
    end_keepers();
}

static void in_the_middle_of_a_change(void **state)
{
    /* A processor whose magazine is not to be touched now keeps it, and whoever asks is told so soon. */
    pfn_t frame;

    (void)state;
    boot_keepers();
    host_smp_leave();
    host_cpu_set(1);
    assert_false(keep());
    pmm_state.cpus[1]->busy = 1;
    host_cpu_set(0);
    assert_int_equal(pmm_alloc(PMM_MAX_ORDER, FRAME_TEST, &frame), STATUS_NO_MEMORY);
    assert_int_equal(pmm_count_cached(1), KEPT);
    pmm_state.cpus[1]->busy = 0;
    assert_int_equal(pmm_alloc(PMM_MAX_ORDER, FRAME_TEST, &frame), STATUS_NO_MEMORY);
    assert_int_equal(pmm_count_cached(1), 0);
    host_smp_play(0);
    end_keepers();
}

/* --- interrupts -------------------------------------------------------------------------- */

static volatile sig_atomic_t interrupts;
static volatile sig_atomic_t interrupts_wrong;

/* Processor 1 fails to get more than there is, and asks this one before. */
static void call_from_another(void)
{
    const struct pmm_request request = { .count_frames = WORKER_TOP_FRAME,
                                         .below = PMM_ANYWHERE,
                                         .tag = FRAME_DMA,
                                         .node = PMM_ANY_NODE };
    pfn_t first;

    host_cpu_set(1);
    interrupts_wrong |= pmm_alloc_run(&request, &first) != STATUS_NO_MEMORY;
    host_cpu_set(0);
}

static void interrupt(int number)
{
    irq_state_t irq;
    pfn_t frames[3];
    pfn_t block;

    (void)number;
    if (!host_cpu.interrupts_on)
        return;
    irq = arch_irq_save();
    if (interrupts % 2 == 0)
        call_from_another();
    for (size_t i = 0; i < ARRAY_COUNT(frames); i++)
        interrupts_wrong |= pmm_alloc_frame(FRAME_DMA, &frames[i]) != STATUS_OK ||
                            worker_owners[pfn_value(frames[i])] != 0;
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
    /* An interrupt that allocates and frees at any instruction of an operation disturbs neither, nor does
     * another processor that takes what this one keeps. */
    const struct sigaction action = { .sa_handler = interrupt, .sa_flags = SA_RESTART };
    struct worker *self = &workers[0];
    uint64_t before;

    (void)state;
    workers_boot(2, SEED, 0);
    host_smp_start(2);
    self->plays = true;
    before = workers_free_runs_hash();
    interrupts = 0;
    interrupts_wrong = 0;
    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    start_interrupts(INTERRUPT_USEC);
    for (unsigned i = 0; i < UNDER_SIGNALS && interrupts < (int)INTERRUPTS; i++)
        worker_step(self);
    start_interrupts(0);
    worker_give_all(self);
    workers_empty_mailbox();
    assert_int_equal(self->wrong, 0);
    assert_int_equal(interrupts_wrong, 0);
    assert_true(smp_cpu(0)->calls > 0);
    host_smp_start(1);
    assert_ok(pmm_check());
    assert_int_equal(workers_free_runs_hash(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_processors),
        cmocka_unit_test(eight_processors),
        cmocka_unit_test(processors_that_answer),
        cmocka_unit_test(frames_that_others_keep),
        cmocka_unit_test(blocks_that_others_keep),
        cmocka_unit_test(reserve_what_others_keep),
        cmocka_unit_test(in_the_middle_of_a_change),
        cmocka_unit_test(interrupts_in_between),
    };

    return cmocka_run_group_tests(tests, NULL, machine_stop);
}
