/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_fail_alloc.c - the allocation that is wished for fails, and no other; each place that asks is known.
 */
#include "pmm_machine.h"

#include "arch/cpu.h"
#include "mm/fail_alloc_private.h"
#include "mm/heap_private.h"

#define REQUESTS 6u

static int set_up(void **state)
{
    (void)state;
    machine_boot_plain();
    return 0;
}

static int tear_down(void **state)
{
    fail_alloc_stop();
    return machine_stop(state);
}

/* Asks in every way there is; a bit for each that was refused. What was got is given back. */
static unsigned ask(void)
{
    const struct pmm_request low = { .count_frames = 2, .below = PMM_BELOW_16M, .tag = FRAME_TEST };
    pfn_t frame[REQUESTS];
    const bool refused[REQUESTS] = {
        pmm_alloc_frame(FRAME_TEST, &frame[0]) == STATUS_NO_MEMORY,
        pmm_alloc_zeroed(FRAME_TEST, &frame[1]) == STATUS_NO_MEMORY,
        pmm_alloc(4, FRAME_TEST, &frame[2]) == STATUS_NO_MEMORY,
        pmm_alloc(PMM_ORDER_2M, FRAME_TEST, &frame[3]) == STATUS_NO_MEMORY,
        pmm_alloc_run(&low, &frame[4]) == STATUS_NO_MEMORY,
        pmm_alloc_bulk(FRAME_TEST, &frame[5], 1) == 0,
    };
    static const uint64_t counts[REQUESTS] = { 1, 1, 16, 512, 2, 1 };
    unsigned bits = 0;

    for (unsigned i = 0; i < REQUESTS; i++) {
        bits |= (unsigned)refused[i] << i;
        if (!refused[i])
            assert_ok(pmm_free_run(frame[i], counts[i]));
    }
    return bits;
}

static void the_nth_fails(void **state)
{
    /* Whichever request is to fail does, alone or with all behind it, and every frame comes back. */
    uint64_t before = machine_free_frames();

    (void)state;
    assert_int_equal(ask(), 0);
    for (unsigned nth = 1; nth <= REQUESTS; nth++) {
        fail_alloc_start(nth, 1);
        assert_int_equal(ask(), 1u << (nth - 1));
        assert_int_equal(fail_alloc_calls(), REQUESTS);
        assert_int_equal(fail_alloc_failures(), 1);
        fail_alloc_start(nth, FAIL_ALLOC_EVER);
        assert_int_equal(ask(), ((1u << REQUESTS) - 1) & ~((1u << (nth - 1)) - 1));
        assert_int_equal(fail_alloc_failures(), REQUESTS - nth + 1);
    }
    fail_alloc_stop();
    assert_int_equal(ask(), 0);
    assert_int_equal(machine_free_frames(), before);
    assert_ok(pmm_check());
}

static void nothing_fails_that_is_only_counted(void **state)
{
    /* Armed for no request at all, requests are counted and succeed; disarmed, they are not counted. */
    (void)state;
    fail_alloc_start(0, 0);
    assert_int_equal(ask(), 0);
    assert_int_equal(fail_alloc_calls(), REQUESTS);
    fail_alloc_stop();
    assert_int_equal(ask(), 0);
    assert_int_equal(fail_alloc_calls(), REQUESTS);
}

static void places_are_told_apart(void **state)
{
    /* Each place in the code that asks is one site, with its requests and failures. */
    struct fail_alloc_site site;
    uint64_t calls = 0;
    uint64_t failures = 0;
    unsigned count = 0;

    (void)state;
    while (fail_alloc_get_site(count, &site)) {
        calls += site.calls;
        failures += site.failures;
        assert_true(site.calls >= site.failures);
        count++;
    }
    fail_alloc_start(2, 1);
    (void)ask();
    fail_alloc_stop();
    for (unsigned i = 0; fail_alloc_get_site(i, &site); i++) {
        calls -= site.calls;
        failures -= site.failures;
        count = i + 1;
    }
    assert_int_equal(-calls, REQUESTS);
    assert_int_equal(-failures, 1);
    assert_true(count >= REQUESTS && count < FAIL_ALLOC_SITES);
}

static void more_places_than_are_told_apart(void **state)
{
    /* The first places keep their counts, whoever else asks; further ones are counted in all, and fail in turn. */
    static const char places[FAIL_ALLOC_SITES + 8];
    struct fail_alloc_site site = { 0 };
    unsigned known = 0, failed = 0;

    (void)state;
    while (fail_alloc_get_site(known, &site))
        known++;
    fail_alloc_arm(sizeof(places), 2);
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < sizeof(places); i++)
            failed += fail_alloc_hits(&places[i]);
    assert_int_equal(fail_alloc_calls(), 2 * sizeof(places));
    assert_int_equal(fail_alloc_failures(), 2);
    assert_int_equal(failed, 2);
    for (unsigned i = known; i < FAIL_ALLOC_SITES; i++) {
        assert_true(fail_alloc_get_site(i, &site));
        assert_ptr_equal(site.place, &places[i - known]);
        assert_int_equal(site.calls, 2);
        assert_int_equal(site.failures, i == known);
    }
    assert_false(fail_alloc_get_site(FAIL_ALLOC_SITES, &site));
    fail_alloc_on = false;
}

static void others_are_let_be(void **state)
{
    /* Requests of a processor that has not armed it are neither counted nor refused. */
    (void)state;
    host_cpu_set(1);
    fail_alloc_arm(1, FAIL_ALLOC_EVER);
    host_cpu_set(0);
    assert_false(fail_alloc_hits("place"));
    assert_int_equal(fail_alloc_calls(), 0);
    host_cpu_set(1);
    assert_true(fail_alloc_hits("place"));
    host_cpu_set(0);
    fail_alloc_on = false;
}

static void the_heap_joins_in(void **state)
{
    /* While it is armed, every processor keeps away from its magazines, from the moment that there is a heap; and
     * goes back to them afterwards, once. */
    static struct heap_cpu own[2];
    bool armed_first = true;

    (void)state;
    do {
        heap_window.page_count = 0;
        for (unsigned id = 0; id < CONFIG_MAX_CPUS; id++)
            heap_cpus[id] = heap_cpu_own[id] = &heap_cpu_none;
        if (armed_first)
            fail_alloc_start(0, 0);
        heap_window.page_count = 2; /* there is a heap; two processors have magazines in it */
        heap_cpus[1] = heap_cpu_own[1] = &own[0];
        heap_cpus[2] = heap_cpu_own[2] = &own[1];
        fail_alloc_watch_heap();
        assert_ptr_equal(heap_cpus[1], armed_first ? &heap_cpu_none : &own[0]);
        fail_alloc_start(0, 0);
        fail_alloc_watch_heap();
        assert_true(heap_cpus[1] == &heap_cpu_none && heap_cpus[2] == &heap_cpu_none);
        fail_alloc_stop();
        assert_true(heap_cpus[1] == &own[0] && heap_cpus[2] == &own[1]);
        heap_cpus[1] = &heap_cpu_none;
        fail_alloc_stop();
        assert_ptr_equal(heap_cpus[1], &heap_cpu_none);
        armed_first = !armed_first;
    } while (!armed_first);
    heap_window.page_count = 0;
    for (unsigned id = 0; id < CONFIG_MAX_CPUS; id++)
        heap_cpus[id] = heap_cpu_own[id] = &heap_cpu_none;
    assert_true(heap_largest() == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_nth_fails, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_fails_that_is_only_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(places_are_told_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(more_places_than_are_told_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(others_are_let_be, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_heap_joins_in, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("fail_alloc", tests, NULL, NULL);
}
