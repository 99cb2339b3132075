/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_pmm_holes.c - a request that one hole alone can serve gets that hole, wherever it is.
 *
 * All memory of a small machine is taken; then one run is freed, and asked for again, by its length, alignment and
 * limits. Every boundary of the search is met: by words, blocks, the first 16 MiB, and areas.
 */
#include "pmm_machine.h"

#include "mm/pmm_private.h"

#define HOLE_START (GiB - 3 * MiB)
#define HOLE_END   (GiB + 3 * MiB)

static const struct machine_piece pieces[] = {
    LOW_MEMORY(PAGE_SIZE, 0x9f000),
    FREE_MEMORY(MiB, 20 * MiB),
    FREE_MEMORY(HOLE_START, HOLE_END),
};

/* Everything is one frame after another, all of them taken. */
static void take_all(void)
{
    const struct pmm_request low = { .count_frames = 1, .below = PMM_BELOW_1M, .tag = FRAME_TEST };
    pfn_t frame;

    while (pmm_alloc_frame(FRAME_TEST, &frame) == STATUS_OK)
        ;
    while (pmm_alloc_run(&low, &frame) == STATUS_OK)
        ;
}

static int set_up(void **state)
{
    (void)state;
    MACHINE_BOOT(pieces);
    take_all();
    return 0;
}

/* Places around which holes are tried, in frames: of a word, a block, the scarce blocks, an area, the low part. */
static const uintptr_t borders[] = {
    20,
    0x80,
    9 * 512 + 64,
    3 * 512,
    16 * MiB / PAGE_SIZE,
    8 * MiB / PAGE_SIZE + 128,
    GiB / PAGE_SIZE - 512,
    GiB / PAGE_SIZE,
    GiB / PAGE_SIZE + 512 - 64,
};

static const uintptr_t lengths[] = { 1, 2, 3, 4, 5, 7, 8, 9, 31, 63, 64, 65, 100, 255 };

/* Whether all of it was taken by set_up(): some is the allocator's own. */
static bool is_taken(uintptr_t first, uintptr_t count)
{
    struct frame_info info;

    for (uintptr_t i = 0; i < count; i++) {
        frame_describe(pfn(first + i), &info);
        if (info.tag != FRAME_TEST)
            return false;
    }
    return true;
}

static void expect_none(const struct pmm_request *request)
{
    pfn_t first = pfn(1);

    assert_int_equal(pmm_alloc_run(request, &first), STATUS_NO_MEMORY);
    assert_int_equal(pfn_value(first), 1);
}

static void expect_at(const struct pmm_request *request, uintptr_t place)
{
    pfn_t first;

    assert_ok(pmm_alloc_run(request, &first));
    assert_int_equal(pfn_value(first), place);
}

/* The hole [first, + count) is free, and the rest is not: what fits is found, what does not is not. */
static void try_hole(uintptr_t first, uintptr_t count)
{
    struct pmm_request request = { .count_frames = count, .tag = FRAME_TEST };
    bool low = first < LOW_FRAMES;

    for (uintptr_t i = 0; i < count; i++)
        assert_ok(pmm_free_frame(pfn(first + i)));
    pmm_drain();
    if (low) {
        expect_none(&request);
        request.below = PMM_BELOW_1M;
    }
    request.count_frames = count + 1;
    expect_none(&request);
    request.count_frames = count;
    request.align_frames = (uintptr_t)1 << lowest_bit(first);
    request.align_frames *= 2;
    if (request.align_frames <= AREA_FRAMES)
        expect_none(&request);
    request.align_frames /= 2;
    request.below = (first + count - 1) * PAGE_SIZE;
    expect_none(&request);
    request.below = (first + count) * PAGE_SIZE;
    /* A limit within the first MiB asks for what is below it, one above it for what is above. */
    expect_at(&request, first);
    assert_ok(pmm_free_run(pfn(first), count));
    pmm_drain();
    request = (struct pmm_request){ .count_frames = count, .tag = FRAME_TEST };
    request.below = low ? PMM_BELOW_1M : PMM_ANYWHERE;
    request.flags = PMM_NO_CACHE;
    expect_at(&request, first);
    assert_ok(pmm_free_run(pfn(first), count));
    pmm_drain();
    assert_ok(pmm_check());
    take_all();
}

static void the_only_hole_is_found(void **state)
{
    /* For each length, at each side of each border: the run is found without a wish, with the alignment that it
     * has, below the limit that it ends at; a frame more, twice the alignment or a frame less of limit is too much. */
    (void)state;
    for (size_t b = 0; b < ARRAY_COUNT(borders); b++) {
        for (size_t l = 0; l < ARRAY_COUNT(lengths); l++) {
            const uintptr_t starts[] = { borders[b], borders[b] + 1, borders[b] - lengths[l] / 2,
                                         borders[b] - lengths[l] };

            for (size_t s = 0; s < ARRAY_COUNT(starts); s++)
                if (starts[s] < borders[b] + 2 && is_taken(starts[s], lengths[l]) &&
                    (lengths[l] & (lengths[l] - 1)) != 0)
                    try_hole(starts[s], lengths[l]);
        }
    }
    assert_ok(pmm_check());
}

static void orders_are_aligned_by_themselves(void **state)
{
    /* A run of a power of two is had only where a multiple of its length is free, and there it is. */
    (void)state;
    for (unsigned order = 1; order <= 8; order++) {
        uintptr_t count = (uintptr_t)1 << order, first = 5 * MiB / PAGE_SIZE + 3 * count;
        struct pmm_request request = { .count_frames = count, .tag = FRAME_TEST };

        for (uintptr_t i = 1; i <= count; i++)
            assert_ok(pmm_free_frame(pfn(first + i)));
        pmm_drain();
        expect_none(&request);
        assert_ok(pmm_free_frame(pfn(first)));
        pmm_drain();
        expect_at(&request, first);
        request.count_frames = 1;
        expect_at(&request, first + count);
    }
    assert_ok(pmm_check());
}

static void frames_taken_alone_are_no_runs(void **state)
{
    /* Without caches, too, neighbours that were allocated one by one are not freed as one run. */
    const struct pmm_request one = { .count_frames = 1, .below = PMM_BELOW_4G, .tag = FRAME_TEST };
    pfn_t frames[40];
    unsigned pairs = 0;

    (void)state;
    MACHINE_BOOT(pieces);
    assert_ok(pmm_record_sites());
    for (size_t i = 0; i < ARRAY_COUNT(frames); i++)
        assert_ok(i % 2 == 0 ? pmm_alloc_run(&one, &frames[i])
                             : pmm_alloc_frame(FRAME_TEST, &frames[i]));
    for (size_t i = 1; i < ARRAY_COUNT(frames); i++) {
        if (pfn_value(frames[i]) != pfn_value(frames[i - 1]) + 1)
            continue;
        assert_int_equal(pmm_free_run(frames[i - 1], 2), STATUS_DENIED);
        pairs++;
    }
    assert_true(pairs > 0);
}

static void nodes_that_are_no_wish(void **state)
{
    /* Without PMM_THIS_NODE a request names no node but 0 or any; with it, one that there is. */
    struct pmm_request request = { .count_frames = 3, .tag = FRAME_TEST };
    pfn_t first;

    (void)state;
    for (uintptr_t i = 0; i < 3; i++)
        assert_ok(pmm_free_frame(pfn(5000 + i)));
    for (unsigned node = 0; node <= PMM_ANY_NODE; node++) {
        bool good = node == 0 || node == PMM_ANY_NODE;

        request.node = node;
        request.flags = 0;
        assert_int_equal(pmm_alloc_run(&request, &first), good ? STATUS_OK : STATUS_INVALID);
        if (good)
            assert_ok(pmm_free_run(first, 3));
        request.flags = PMM_THIS_NODE;
        assert_int_equal(pmm_alloc_run(&request, &first), node == 0 ? STATUS_OK : STATUS_INVALID);
        if (node == 0)
            assert_ok(pmm_free_run(first, 3));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_only_hole_is_found, set_up, machine_stop),
        cmocka_unit_test_setup_teardown(orders_are_aligned_by_themselves, set_up, machine_stop),
        cmocka_unit_test_teardown(frames_taken_alone_are_no_runs, machine_stop),
        cmocka_unit_test_setup_teardown(nodes_that_are_no_wish, set_up, machine_stop),
    };

    return cmocka_run_group_tests_name("pmm_holes", tests, NULL, NULL);
}
