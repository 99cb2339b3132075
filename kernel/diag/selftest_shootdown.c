/* SPDX-License-Identifier: BSD-2-Clause
 *
 * selftest_shootdown.c - no processor translates through a mapping that is gone.
 *
 * The processor that booted maps a page anew, TURNS times, while all the others that have nothing to do look at it. It
 * goes on when each of them has seen the turn, and so has the translation, which the next turn makes them
 * forget: one that does not reads a spoilt frame. On one processor the owner looks by itself.
 */
#include "diag/selftest_case.h"

#include "arch/cpu.h"
#include "config.h"
#include "diag/remap.h"
#include "lib/lock.h"
#include "smp/smp.h"

#define TURNS    40u
#define PATIENCE (1u << 26) /* rounds of waiting for a processor that looks */

static struct {
    struct remap remap;
    uint32_t seen[CONFIG_MAX_CPUS]; /* the turn that a processor saw last */
    bool looks[CONFIG_MAX_CPUS];
    uint32_t wrong;
    bool stop;
} common;

static bool look(unsigned cpu)
{
    uint32_t turn;
    bool right = remap_look(&common.remap, &turn);

    if (turn != 0)
        __atomic_store_n(&common.seen[cpu], turn, __ATOMIC_RELEASE);
    return right;
}

static void look_until_stopped(void *context)
{
    unsigned cpu = arch_cpu_id();

    (void)context;
    while (!__atomic_load_n(&common.stop, __ATOMIC_ACQUIRE)) {
        if (!look(cpu))
            (void)__atomic_add_fetch(&common.wrong, 1, __ATOMIC_RELAXED);
        arch_cpu_relax();
    }
}

/* --- the others ------------------------------------------------------------------------------ */

static void begin_looking(void)
{
    for (unsigned cpu = 1; cpu < smp_limit(); cpu++)
        common.looks[cpu] = smp_run_on(cpu, look_until_stopped, NULL) == STATUS_OK;
}

/* Work is refused where it cannot be done: by who has some, by who is not there, by the first. */
static void check_refusals(struct selftest *test)
{
    (void)selftest_check(test, smp_run_on(0, look_until_stopped, NULL) == STATUS_NOT_FOUND,
                         "the first processor took work");
    (void)selftest_check(test,
                         smp_run_on(smp_limit(), look_until_stopped, NULL) == STATUS_NOT_FOUND,
                         "a processor that is not there took work");
    for (unsigned cpu = 1; cpu < smp_limit(); cpu++)
        if (common.looks[cpu])
            (void)selftest_check(test, smp_run_on(cpu, look_until_stopped, NULL) == STATUS_BUSY,
                                 "processor %u took a second work", cpu);
}

static void end_looking(void)
{
    __atomic_store_n(&common.stop, true, __ATOMIC_RELEASE);
    for (unsigned cpu = 1; cpu < smp_limit(); cpu++) {
        while (common.looks[cpu] && !smp_has_finished(cpu))
            spin_pause();
    }
}

static bool have_all_seen(uint32_t turn)
{
    for (unsigned cpu = 1; cpu < smp_limit(); cpu++) {
        if (common.looks[cpu] && __atomic_load_n(&common.seen[cpu], __ATOMIC_ACQUIRE) != turn)
            return false;
    }
    return true;
}

static bool wait_for_all(uint32_t turn)
{
    for (unsigned round = 0; round < PATIENCE; round++) {
        if (have_all_seen(turn) || __atomic_load_n(&common.wrong, __ATOMIC_RELAXED) != 0)
            return true;
        spin_pause();
    }
    return false;
}

/* --- the test -------------------------------------------------------------------------------- */

static void turn_and_look(struct selftest *test)
{
    for (unsigned i = 0; i < TURNS && !test->failed; i++) {
        if (!selftest_ok(test, remap_turn(&common.remap), "mapping the page anew"))
            return;
        (void)selftest_check(test, look(0), "the owner of the page read a frame that is gone");
        (void)selftest_check(test, wait_for_all(common.remap.turn), "a processor stopped looking");
        (void)selftest_check(test, __atomic_load_n(&common.wrong, __ATOMIC_RELAXED) == 0,
                             "another processor read a frame after it was unmapped");
    }
}

void selftest_shootdown(struct selftest *test)
{
    common.wrong = 0;
    common.stop = false;
    for (unsigned cpu = 0; cpu < CONFIG_MAX_CPUS; cpu++)
        common.looks[cpu] = false;
    if (!selftest_ok(test, remap_begin(&common.remap), "mapping a page"))
        return;
    begin_looking();
    check_refusals(test);
    turn_and_look(test);
    end_looking();
    remap_end(&common.remap);
}
