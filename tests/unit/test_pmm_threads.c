/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_pmm_threads.c - the frame allocator on several processors, and under interrupts.
 *
 * The load is that of pmm_workers.c. The program is built under the thread sanitizer too
 * (mk/hosted.mk), which finds what no outcome shows. `make soak-frames` is the long version.
 *
 * An interrupt is a signal of the host. It comes at any instruction, is ignored while interrupts are
 * off, and uses the allocator of the processor that it came to.
 */
#include "pmm_workers.h"

#include <signal.h>
#include <sys/time.h>

#include "arch/cpu.h"

#define SEED           1u
#define OPERATIONS     20000u
#define INTERRUPTS     300u
#define INTERRUPT_USEC 100
#define UNDER_SIGNALS  2000000u /* operations at most, should no signal come */

/* --- several processors ------------------------------------------------------------------ */

static void run_workers(unsigned count)
{
    struct pmm_stats stats;
    uint64_t at_start;
    uint64_t refused = 0;

    workers_boot(count, SEED, OPERATIONS);
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
    run_workers(2);
}

static void eight_processors(void **state)
{
    /* The same holds for eight of them on five areas, which must share locks and homes. */
    (void)state;
    run_workers(WORKERS_MAX);
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
    /* An interrupt that allocates and frees at any instruction of an operation disturbs neither. */
    const struct sigaction action = { .sa_handler = interrupt, .sa_flags = SA_RESTART };
    struct worker *self = &workers[0];
    uint64_t before;

    (void)state;
    workers_boot(1, SEED, 0);
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
    assert_ok(pmm_check());
    assert_int_equal(workers_free_runs_hash(), before);
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
