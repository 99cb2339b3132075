/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_lock.c - properties of the checks of locks: each mistake is a report, none a hang.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <pthread.h>

#include "host_panic.h"
#include "lib/assert.h"
#include "lib/lock.h"
#include "lib/print.h"

static struct spinlock outer;
static struct spinlock inner;
static struct spinlock twin; /* of inner */

static int setup(void **state)
{
    (void)state;
    outer = (struct spinlock)SPINLOCK_INIT(LOCK_RANK_VMM, "the outer thing");
    inner = (struct spinlock)SPINLOCK_INIT(LOCK_RANK_PMM, "the inner thing");
    twin = (struct spinlock)SPINLOCK_INIT(LOCK_RANK_PMM, "its twin");
    spin_name_places(NULL);
    for (unsigned cpu = 2; cpu-- > 0;) {
        host_cpu_set(cpu);
        spin_forget_held();
    }
    host_cpu.interrupts_on = true;
    return 0;
}

static void growing_ranks_are_right(void **state)
{
    /* Locks in growing rank may be held together, and given back in any order. */
    irq_state_t first, second;

    (void)state;
    first = spin_lock(&outer);
    second = spin_lock(&inner);
    spin_unlock(&inner, second);
    second = spin_lock(&twin);
    spin_unlock(&outer, second);
    spin_unlock(&twin, first);
    spin_expect_none("sleep");
    assert_true(host_cpu.interrupts_on);
}

static void a_wrong_order_is_reported(void **state)
{
    /* A lock of lower rank inside of one of higher rank is refused, with both their names. */
    (void)state;
    (void)spin_lock(&inner);
    assert_panics((void)spin_lock(&outer), "wrong order: 'the outer thing' (rank ");
    assert_non_null(strstr(host_panic_message(), "inside of 'the inner thing' (rank "));
    assert_int_equal(outer.next, 0);
}

static void equal_ranks_have_no_order(void **state)
{
    /* Two locks of one rank could be taken the other way round elsewhere: that is a wrong order. */
    (void)state;
    (void)spin_lock(&inner);
    assert_panics((void)spin_lock(&twin), "wrong order: 'its twin'");
}

static void a_recursive_take_is_reported(void **state)
{
    /* A lock that is held already is reported as such, also when another was taken since. */
    (void)state;
    (void)spin_lock(&inner);
    assert_panics((void)spin_lock(&inner), "taken twice: 'the inner thing'");
    (void)setup(NULL);
    (void)spin_lock(&outer);
    (void)spin_lock(&inner);
    assert_panics((void)spin_lock(&outer), "taken twice: 'the outer thing'");
}

static void a_wrong_release_is_reported(void **state)
{
    /* Who does not hold a lock cannot release it, even while another processor holds it. */
    irq_state_t irq;

    (void)state;
    assert_panics(spin_unlock(&inner, 1), "does not hold it: 'the inner thing'");
    irq = spin_lock(&inner);
    host_cpu_set(1);
    assert_panics(spin_unlock(&inner, irq), "by processor 1, which does not hold it");
    assert_int_equal(inner.owner, 0);
}

static void a_lock_at_the_wrong_place_is_reported(void **state)
{
    /* Where no lock may be held, one that is held is named, with the place that it was taken at. */
    (void)state;
    spin_expect_none("ring 3");
    (void)spin_lock(&outer);
    assert_panics(spin_expect_none("ring 3"), "held on the way to ring 3: 'the outer thing'");
    spin_expect_none("ring 3"); /* the report let go of it */
}

static size_t name_of(const void *place, char *text, size_t size)
{
    return print_buffer(text, size, "function+%u", place != NULL ? 4 : 0);
}

static void places_have_names(void **state)
{
    /* Places are written as the machine names them; without names they are addresses. */
    (void)state;
    (void)spin_lock(&inner);
    assert_panics((void)spin_lock(&outer), " at 0x");
    spin_name_places(name_of);
    (void)spin_lock(&twin);
    assert_panics((void)spin_lock(&twin), "at function+4, and before that at function+4");
}

static void what_is_held_is_bounded(void **state)
{
    /* More locks than there are notes for end in a report, not in a write past them. */
    static struct spinlock many[17];

    (void)state;
    for (unsigned i = 0; i < 16; i++) {
        many[i] = (struct spinlock)SPINLOCK_INIT((enum lock_rank)i, "one of many");
        (void)spin_lock(&many[i]);
    }
    many[16] = (struct spinlock)SPINLOCK_INIT((enum lock_rank)16, "the last straw");
    assert_panics((void)spin_lock(&many[16]),
                  "16 locks are held at once, the last is 'the last straw'");
}

static void *hold_outer(void *context)
{
    irq_state_t irq;

    host_cpu_set(1);
    irq = spin_lock(&outer);
    spin_unlock(&outer, irq);
    return context;
}

static void processors_do_not_see_each_others(void **state)
{
    /* What one processor holds says nothing about the order in which another takes. */
    irq_state_t irq;
    pthread_t thread;

    (void)state;
    irq = spin_lock(&inner);
    assert_int_equal(pthread_create(&thread, NULL, hold_outer, NULL), 0);
    pthread_join(thread, NULL);
    spin_unlock(&inner, irq);
}

#define CASE(function) cmocka_unit_test_setup(function, setup)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CASE(growing_ranks_are_right),
        CASE(a_wrong_order_is_reported),
        CASE(equal_ranks_have_no_order),
        CASE(a_recursive_take_is_reported),
        CASE(a_wrong_release_is_reported),
        CASE(a_lock_at_the_wrong_place_is_reported),
        CASE(places_have_names),
        CASE(what_is_held_is_bounded),
        CASE(processors_do_not_see_each_others),
    };

    return cmocka_run_group_tests_name("lock", tests, NULL, NULL);
}
