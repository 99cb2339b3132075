/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_call.c - properties of calls between processors, which threads play.
 *
 * Also run under the thread sanitizer (mk/hosted.mk).
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>
#include <pthread.h>

#include "host_smp.h"
#include "lib/assert.h"
#include "lib/lock.h"
#include "smp/call.h"
#include "smp/smp.h"

#define CPUS  8u
#define TURNS 500u

/* --- processors that nobody plays -------------------------------------------------------- */

static unsigned runs[CONFIG_MAX_CPUS];
static bool interrupts_were_on;

static void note_run(const void *context)
{
    (void)context;
    runs[arch_cpu_id()]++;
    interrupts_were_on |= host_cpu.interrupts_on;
}

static int setup(void **state)
{
    (void)state;
    host_cpu_set(0);
    host_cpu.interrupts_on = true;
    interrupts_were_on = false;
    for (unsigned i = 0; i < CONFIG_MAX_CPUS; i++)
        runs[i] = 0;
    host_smp_start(CPUS);
    return 0;
}

static void all_others_are_called(void **state)
{
    /* Each other processor runs the function once, with interrupts off, and counts it. */
    (void)state;
    host_cpu_set(3);
    smp_call_others(note_run, NULL);
    for (unsigned cpu = 0; cpu < CPUS; cpu++) {
        assert_int_equal(runs[cpu], cpu != 3);
        assert_int_equal(smp_cpu(cpu)->calls, cpu != 3);
    }
    assert_int_equal(host_smp_sent(), CPUS - 1);
    assert_false(interrupts_were_on);
    assert_true(host_cpu.interrupts_on);
}

static bool is_odd(unsigned cpu, const void *context)
{
    assert_ptr_equal(context, runs);
    return cpu % 2 != 0;
}

static void only_those_that_are_wanted_are_called(void **state)
{
    /* Processors that the caller does not want are not interrupted. */
    (void)state;
    smp_call_where(is_odd, note_run, runs);
    for (unsigned cpu = 0; cpu < CPUS; cpu++)
        assert_int_equal(runs[cpu], cpu % 2);
    assert_int_equal(host_smp_sent(), CPUS / 2);
}

static void one_is_called(void **state)
{
    /* A call of one processor reaches it alone: itself, another, and none where nobody is. */
    (void)state;
    smp_call_on(5, note_run, NULL);
    smp_call_on(0, note_run, NULL);
    smp_call_on(CPUS, note_run, NULL);
    for (unsigned cpu = 0; cpu <= CPUS; cpu++)
        assert_int_equal(runs[cpu], cpu == 5 || cpu == 0);
    assert_int_equal(host_smp_sent(), 1);
    assert_false(interrupts_were_on);
}

static void alone_nobody_is_called(void **state)
{
    /* One processor, as all are at first, calls nobody and waits for nobody. */
    (void)state;
    host_smp_start(1);
    smp_call_others(note_run, NULL);
    assert_int_equal(host_smp_sent(), 0);
    assert_false(smp_calls_run());
}

static void numbers_reach_to_the_end(void **state)
{
    /* The first and the last processor that there can be call each other. */
    (void)state;
    host_smp_start(CONFIG_MAX_CPUS);
    smp_call_on(CONFIG_MAX_CPUS - 1, note_run, NULL);
    host_cpu_set(CONFIG_MAX_CPUS - 1);
    smp_call_on(0, note_run, NULL);
    assert_int_equal(runs[CONFIG_MAX_CPUS - 1], 1);
    assert_int_equal(runs[0], 1);
}

/* --- threads ----------------------------------------------------------------------------- */

static unsigned finished;
static unsigned answers[CPUS][CPUS]; /* by sender and target; plain: the calls order all accesses */
static struct spinlock lock = SPINLOCK_INIT(LOCK_RANK_VMM, "what the senders share");
static unsigned shared;

static void count_answer(const void *context)
{
    unsigned sender = *(const unsigned *)context;

    answers[sender][arch_cpu_id()]++;
}

static pthread_barrier_t all_there;

static void begin(unsigned id)
{
    host_smp_play(id);
    pthread_barrier_wait(&all_there);
}

/* After its own work a processor answers others until all have ended theirs. */
static void finish(void)
{
    __atomic_add_fetch(&finished, 1, __ATOMIC_RELEASE);
    while (__atomic_load_n(&finished, __ATOMIC_ACQUIRE) < CPUS) {
        host_smp_poll();
        arch_cpu_relax();
    }
    host_smp_leave();
}

static void *call_all(void *context)
{
    const unsigned id = *(const unsigned *)context;

    begin(id);
    for (unsigned turn = 0; turn < TURNS; turn++) {
        smp_call_others(count_answer, &id);
        for (unsigned cpu = 0; cpu < CPUS; cpu++)
            assert_int_equal(answers[id][cpu], cpu == id ? 0 : turn + 1);
        host_smp_poll();
    }
    finish();
    return NULL;
}

/* Calls while it holds a lock that others wait for: they answer where they wait. */
static void *call_under_a_lock(void *context)
{
    const unsigned id = *(const unsigned *)context;

    begin(id);
    for (unsigned turn = 0; turn < TURNS; turn++) {
        irq_state_t irq = spin_lock(&lock);

        shared++;
        smp_call_others(count_answer, &id);
        assert_int_equal(answers[id][(id + 1) % CPUS], turn + 1);
        spin_unlock(&lock, irq);
    }
    finish();
    return NULL;
}

static void run_threads(void *(*run)(void *))
{
    pthread_t threads[CPUS];
    unsigned ids[CPUS];

    assert_int_equal(pthread_barrier_init(&all_there, NULL, CPUS), 0);
    finished = 0;
    shared = 0;
    for (unsigned i = 0; i < CPUS * CPUS; i++)
        answers[i / CPUS][i % CPUS] = 0;
    for (unsigned i = 0; i < CPUS; i++) {
        ids[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, run, &ids[i]), 0);
    }
    for (unsigned i = 0; i < CPUS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&all_there);
}

static void all_call_all_at_once(void **state)
{
    /* Eight processors that all call all others at once, and answer while they wait, lose no call, run none
     * twice, and see what the called wrote. */
    (void)state;
    run_threads(call_all);
    for (unsigned cpu = 0; cpu < CPUS; cpu++)
        assert_int_equal(smp_cpu(cpu)->calls, (CPUS - 1) * TURNS);
}

static void who_waits_for_a_lock_answers(void **state)
{
    /* A call by whoever holds a lock is answered by those who wait for that lock with interrupts
     * off: nobody waits for ever. */
    (void)state;
    run_threads(call_under_a_lock);
    assert_int_equal(shared, CPUS * TURNS);
}

#define CASE(function) cmocka_unit_test_setup(function, setup)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CASE(all_others_are_called),
        CASE(only_those_that_are_wanted_are_called),
        CASE(one_is_called),
        CASE(alone_nobody_is_called),
        CASE(numbers_reach_to_the_end),
        CASE(all_call_all_at_once),
        CASE(who_waits_for_a_lock_answers),
    };

    return cmocka_run_group_tests_name("call", tests, NULL, NULL);
}
