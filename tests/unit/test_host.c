/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_host.c - the hosted build's own log, panic and processor do what tests rely on.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>
#include <pthread.h>

#include "host_log.h"
#include "host_panic.h"
#include "lib/assert.h"
#include "lib/lock.h"
#include "lib/types.h"

static void panics_reach_their_test(void **state)
{
    /* An expected panic comes back with its message, values included, and only once. */
    int answer = 41;

    (void)state;
    assert_panics(panic("no %s at %d", "luck", 7), "no luck at 7");
    assert_panics(VERIFY(answer == 42), "'answer == 42' does not hold");
    assert_panics(VERIFY_VALUES(answer == 42, answer, 42), "answer 0x29, 42 0x2a");
    VERIFY(answer == 41);
}

static void the_log_is_collected(void **state)
{
    /* Lines are kept with their levels until they are cleared. */
    (void)state;
    host_log_clear();
    log_warning("frame 0x%x is odd", 0x10);
    log_info("fine");
    assert_string_equal(host_log_text(), "warning: frame 0x10 is odd\ninfo: fine\n");
    assert_true(host_log_contains("odd"));
    assert_false(host_log_contains("even"));
    assert_int_equal(host_log_count(LOG_WARNING), 1);
    assert_int_equal(host_log_count(LOG_ERROR), 0);
    host_log_clear();
    assert_string_equal(host_log_text(), "");
    assert_int_equal(host_log_count(LOG_WARNING), 0);
}

#define TURNS 20000

static struct spinlock lock = SPINLOCK_INIT(LOCK_RANK_PMM, "a counter");
static unsigned counter;

static void *count(void *id)
{
    host_cpu_set(*(unsigned *)id);
    for (int i = 0; i < TURNS; i++) {
        irq_state_t state = spin_lock(&lock);

        assert_false(host_cpu.interrupts_on);
        counter++;
        spin_unlock(&lock, state);
    }
    return (void *)(uintptr_t)arch_cpu_id();
}

static void locks_exclude_and_restore(void **state)
{
    /* Threads as processors: no increment under a lock is lost, and interrupts come back on. */
    pthread_t threads[3];
    unsigned ids[3];

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        ids[i] = i + 1;
        pthread_create(&threads[i], NULL, count, &ids[i]);
    }
    for (unsigned i = 0; i < 3; i++) {
        void *id;

        pthread_join(threads[i], &id);
        assert_int_equal((uintptr_t)id, i + 1);
    }
    assert_int_equal(counter, 3 * TURNS);
    assert_int_equal(arch_cpu_id(), 0);
    spin_unlock(&lock, spin_lock(&lock));
    assert_true(host_cpu.interrupts_on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(panics_reach_their_test),
        cmocka_unit_test(the_log_is_collected),
        cmocka_unit_test(locks_exclude_and_restore),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
