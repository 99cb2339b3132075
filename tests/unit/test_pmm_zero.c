/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_pmm_zero.c - frames that are zeroed ahead are zero, free, and lost to nobody.
 */
#include "pmm_machine.h"

#include "arch/cpu.h"
#include "mm/pmm_node.h"

#define ZEROED_MAX 64u

static int setup(void **state)
{
    static const struct machine_piece pieces[] = {
        LOW_MEMORY(PAGE_SIZE, 0x9f000),
        FREE_MEMORY(MiB, 1 * GiB),
        FREE_MEMORY(4 * GiB, 4 * GiB + 256 * MiB),
    };

    (void)state;
    host_cpu_set(0);
    MACHINE_BOOT(pieces);
    fake_memory_fill(pa(4 * GiB), 16 * MiB, 0xa5);
    return 0;
}

static unsigned zero_all(void)
{
    unsigned count = 0;

    while (pmm_zero_ahead())
        count++;
    return count;
}

static bool is_zero(pfn_t frame)
{
    const unsigned char *bytes = arch_phys_ptr(pfn_to_pa(frame));

    return bytes[0] == 0 && memcmp(bytes, bytes + 1, PAGE_SIZE - 1) == 0;
}

static uint64_t zeroed_frames(void)
{
    struct pmm_stats stats;

    pmm_get_stats(&stats);
    assert_true(stats.zeroed_frames <= stats.cached_frames);
    return stats.zeroed_frames;
}

static void zeroed_ahead(void **state)
{
    /* Frames zeroed ahead stay free, come out full of zeros, each once, and with the tag asked for. */
    uint64_t before = machine_free_frames();
    pfn_t frames[2 * ZEROED_MAX];
    struct frame_info info;

    (void)state;
    assert_int_equal(zero_all(), ZEROED_MAX);
    assert_int_equal(zeroed_frames(), ZEROED_MAX);
    assert_int_equal(machine_free_frames(), before);
    for (unsigned i = 0; i < ARRAY_COUNT(frames); i++) {
        assert_ok(pmm_alloc_zeroed(FRAME_USER, &frames[i]));
        assert_true(is_zero(frames[i]));
        *(volatile char *)arch_phys_ptr(pfn_to_pa(frames[i])) = 1; /* so that no second one is */
        frame_describe(frames[i], &info);
        assert_true(info.tag == FRAME_USER && info.references == 1);
        assert_int_equal(zeroed_frames(), i < ZEROED_MAX ? ZEROED_MAX - 1 - i : 0);
    }
    assert_int_equal(machine_free_frames(), before - ARRAY_COUNT(frames));
    assert_int_equal(pmm_free_bulk(frames, ARRAY_COUNT(frames)), ARRAY_COUNT(frames));
    pmm_drain();
    assert_ok(pmm_check());
}

static void a_request_for_zeros_uses_them(void **state)
{
    /* A request for one zeroed frame anywhere is served from them; one with limits is not. */
    struct pmm_request request = { .count_frames = 1, .tag = FRAME_TEST, .flags = PMM_ZERO };
    pfn_t frame;

    (void)state;
    zero_all();
    assert_ok(pmm_alloc_run(&request, &frame));
    assert_int_equal(zeroed_frames(), ZEROED_MAX - 1);
    request.below = PMM_BELOW_4G;
    assert_ok(pmm_alloc_run(&request, &frame));
    assert_true(is_zero(frame) && pa_value(pfn_to_pa(frame)) < 4 * GiB);
    assert_int_equal(zeroed_frames(), ZEROED_MAX - 1);
    assert_int_equal(pmm_alloc_zeroed(FRAME_FREE, &frame), STATUS_INVALID);
    assert_int_equal(zeroed_frames(), ZEROED_MAX - 1);
}

static void drained_before_failure(void **state)
{
    /* The last frames of a machine can be had though they were zeroed ahead, by the frame and as a run. */
    pfn_t first;
    pfn_t frame;

    (void)state;
    assert_ok(pmm_alloc(6, FRAME_TEST, &first));
    for (unsigned order = PMM_MAX_ORDER + 1; order-- > 0;)
        while (pmm_alloc(order, FRAME_TEST, &frame) == STATUS_OK)
            continue;
    for (unsigned round = 0; round < 2; round++) {
        assert_ok(pmm_free(first, 6));
        pmm_drain();
        assert_int_equal(zero_all(), 64);
        if (round == 0)
            assert_ok(pmm_alloc(6, FRAME_TEST, &frame));
        else
            for (unsigned i = 0; i < 64; i++)
                assert_ok(pmm_alloc_frame(FRAME_TEST, &frame));
        assert_int_equal(zeroed_frames(), 0);
        assert_int_equal(pmm_alloc_frame(FRAME_TEST, &frame), STATUS_NO_MEMORY);
    }
    assert_false(pmm_zero_ahead()); /* and nobody is asked to give memory for it */
}

static void wrong_frees_are_refused(void **state)
{
    /* A frame that waits is free: it cannot be freed, it can be reserved, and it is described as such. */
    struct frame_info info;
    pfn_t frame;

    (void)state;
    assert_true(pmm_zero_ahead());
    assert_ok(pmm_alloc_zeroed(FRAME_TEST, &frame));
    assert_ok(pmm_free_frame(frame));
    pmm_drain();
    assert_true(pmm_zero_ahead()); /* the lowest free one, again */
    frame_describe(frame, &info);
    assert_true(info.tag == FRAME_FREE && info.cached);
    assert_refused(pmm_free_frame(frame), "waits in a processor's cache");
    assert_ok(pmm_reserve(frame, 1, FRAME_BAD));
    assert_int_equal(zeroed_frames(), 0);
    assert_ok(pmm_check());
}

static void small_machines_zero_less(void **state)
{
    /* On a machine of 8 MiB no more than a thousandth of memory waits. */
    static const struct machine_piece small[] = { FREE_MEMORY(MiB, 9 * MiB) };

    (void)state;
    MACHINE_BOOT(small);
    assert_in_range(zero_all(), 1, 2);
}

static uint8_t far(void *context, unsigned from, unsigned to)
{
    (void)context;
    (void)from;
    (void)to;
    return 20;
}

static void other_nodes_pass_by(void **state)
{
    /* A processor of another node zeroes memory of its own. */
    static const struct pmm_node_range ranges[] = {
        { .first = { 0 }, .count_frames = 4 * GiB >> PAGE_SHIFT, .node = 0 },
        { .first = { 4 * GiB >> PAGE_SHIFT }, .count_frames = GiB >> PAGE_SHIFT, .node = 1 },
    };
    static const struct pmm_topology two = {
        .node_count = 2, .ranges = ranges, .range_count = 2, .distance = far
    };
    pfn_t frame;

    (void)state;
    assert_ok(pmm_set_nodes(&two));
    assert_ok(pmm_set_cpu_node(1, 1));
    assert_int_equal(zero_all(), ZEROED_MAX);
    host_cpu_set(1);
    assert_ok(pmm_alloc_zeroed(FRAME_TEST, &frame));
    assert_true(is_zero(frame) && pmm_node_of(frame) == 1);
    assert_int_equal(zeroed_frames(), ZEROED_MAX);
    host_cpu_set(0);
    assert_ok(pmm_alloc_zeroed(FRAME_TEST, &frame));
    assert_int_equal(pmm_node_of(frame), 0);
    assert_int_equal(zeroed_frames(), ZEROED_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(zeroed_ahead, setup),
        cmocka_unit_test_setup(a_request_for_zeros_uses_them, setup),
        cmocka_unit_test_setup(drained_before_failure, setup),
        cmocka_unit_test_setup(wrong_frees_are_refused, setup),
        cmocka_unit_test(small_machines_zero_less),
        cmocka_unit_test_setup(other_nodes_pass_by, setup),
    };

    return cmocka_run_group_tests(tests, NULL, machine_stop);
}
