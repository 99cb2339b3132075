/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_pmm_site.c - where frames are allocated is known once somebody wants to know, and costs nothing before.
 */
#include "pmm_machine.h"

#include "mm/fail_alloc.h"

static int setup(void **state)
{
    (void)state;
    machine_boot_plain();
    return 0;
}

/* Two callers that nobody mistakes for each other. */
[[gnu::noinline]] static pfn_t take_here(uint64_t count)
{
    struct pmm_request request = { .count_frames = count, .align_frames = 2, .tag = FRAME_TEST };
    pfn_t first;

    assert_ok(pmm_alloc_run(&request, &first));
    return first;
}

[[gnu::noinline]] static pfn_t take_there(uint64_t count)
{
    struct pmm_request request = { .count_frames = count, .align_frames = 2, .tag = FRAME_TEST };
    pfn_t first;

    assert_ok(pmm_alloc_run(&request, &first));
    return first;
}

/* Whether `site` is in the function, which is short. */
static bool is_in(const void *site, pfn_t (*function)(uint64_t count))
{
    uintptr_t start;

    memcpy(&start, &function, sizeof(start));
    return (uintptr_t)site > start && (uintptr_t)site < start + 2048;
}

static void nothing_is_noted_unasked(void **state)
{
    /* Until it is asked for, no site is known, and no memory is taken. */
    uint64_t before = machine_free_frames();
    pfn_t first = take_here(3);

    (void)state;
    assert_null(frame_site(first));
    assert_int_equal(machine_free_frames(), before - 3);
}

static void each_frame_has_its_site(void **state)
{
    /* The caller of the last allocation is told for each frame of a run, freed or not, and no other. */
    uint64_t before = machine_free_frames();
    pfn_t old = take_here(1);
    pfn_t first;
    pfn_t second;

    (void)state;
    assert_ok(pmm_record_sites());
    assert_int_equal(pmm_record_sites(), STATUS_EXISTS);
    /* 3 + 5 areas have memory: 1 MiB each, and a frame for the directory. */
    assert_int_equal(machine_free_frames(), before - 1 - 8 * 256 - 1);
    assert_null(frame_site(old));
    first = take_here(700);
    second = take_there(2);
    for (uint64_t i = 0; i < 700; i++)
        assert_true(is_in(frame_site(pfn_add(first, i)), take_here));
    assert_true(is_in(frame_site(second), take_there));
    assert_ok(pmm_free_run(first, 700));
    assert_true(is_in(frame_site(first), take_here));
    assert_null(frame_site(pfn(UINTPTR_MAX >> PAGE_SHIFT)));
    assert_ok(pmm_check());
}

static void every_way_is_noted(void **state)
{
    /* Frames by order, in bulk, zeroed or one by one: each has a site afterwards; all can be freed. */
    pfn_t frames[300];

    (void)state;
    assert_ok(pmm_record_sites());
    for (unsigned order = 0; order <= 10; order++) {
        assert_ok(pmm_alloc(order, FRAME_TEST, &frames[0]));
        assert_non_null(frame_site(pfn_add(frames[0], (UINT64_C(1) << order) - 1)));
        assert_ok(pmm_free(frames[0], order));
        assert_int_equal(pmm_free(frames[0], order), STATUS_DENIED);
    }
    assert_int_equal(pmm_alloc_bulk(FRAME_TEST, frames, ARRAY_COUNT(frames)), ARRAY_COUNT(frames));
    for (size_t i = 0; i < ARRAY_COUNT(frames); i++)
        assert_non_null(frame_site(frames[i]));
    assert_int_equal(pmm_free_bulk(frames, ARRAY_COUNT(frames)), ARRAY_COUNT(frames));
    assert_true(pmm_zero_ahead());
    assert_ok(pmm_alloc_zeroed(FRAME_TEST, &frames[0]));
    assert_non_null(frame_site(frames[0]));
    assert_ok(pmm_free_frame(frames[0]));
    pmm_drain();
    assert_ok(pmm_check());
}

static void no_memory_for_sites(void **state)
{
    /* Whichever of its tables there is no memory for, recording is refused, and the others come back. */
    uint64_t before = machine_free_frames();
    pfn_t first;

    (void)state;
    for (unsigned table = 1; table <= 1 + 8; table++) { /* a directory and eight areas */
        fail_alloc_start(table, 1);
        assert_int_equal(pmm_record_sites(), STATUS_NO_MEMORY);
        fail_alloc_stop();
        assert_int_equal(machine_free_frames(), before);
    }
    first = take_here(3);
    assert_null(frame_site(first));
    assert_ok(pmm_check());
    assert_ok(pmm_record_sites());
    assert_true(is_in(frame_site(take_here(3)), take_here));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nothing_is_noted_unasked, setup),
        cmocka_unit_test_setup(each_frame_has_its_site, setup),
        cmocka_unit_test_setup(every_way_is_noted, setup),
        cmocka_unit_test_setup(no_memory_for_sites, setup),
    };

    return cmocka_run_group_tests(tests, NULL, machine_stop);
}
