/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_pmm_free.c - every wrong free is refused, reported, counted, and changes nothing.
 */
#include "pmm_machine.h"

#define AREA_FRAMES (GiB >> PAGE_SHIFT)
#define HIGH_FRAMES ((4 * GiB) >> PAGE_SHIFT) /* first frame above 4 GiB */

/* A run of any length; it must be there. */
static pfn_t take_run(uint64_t count, uint64_t align)
{
    struct pmm_request request = {
        .count_frames = count, .align_frames = align, .tag = FRAME_TEST, .node = PMM_ANY_NODE
    };
    pfn_t first;

    assert_ok(pmm_alloc_run(&request, &first));
    return first;
}

static pfn_t take_order(unsigned order)
{
    pfn_t first;

    assert_ok(pmm_alloc(order, FRAME_TEST, &first));
    return first;
}

static uint64_t bad_frees(void)
{
    struct pmm_stats stats;

    pmm_get_stats(&stats);
    return stats.bad_frees;
}

static int setup(void **state)
{
    (void)state;
    machine_boot_plain();
    return 0;
}

static void double_free_in_magazine(void **state)
{
    /* A frame that waits in the magazine is not freed again, however deep it lies. */
    pfn_t frames[300];

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(frames); i++)
        frames[i] = take_order(0);
    for (size_t i = 0; i < ARRAY_COUNT(frames); i++) {
        assert_ok(pmm_free_frame(frames[i]));
        assert_refused(pmm_free_frame(frames[i]), "freed before");
        assert_refused(pmm_free(frames[i], 0), "freed before");
        assert_refused(pmm_free_run(frames[i], 1), "freed before");
    }
    assert_ok(pmm_check());
    assert_int_equal(bad_frees(), 3 * ARRAY_COUNT(frames));
}

static void double_free_in_area(void **state)
{
    /* A frame that is back in its area is not freed again, with other frames of its word held or not. */
    pfn_t frames[200];

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(frames); i++)
        frames[i] = take_order(0);
    for (size_t i = 0; i < ARRAY_COUNT(frames); i += 2)
        assert_ok(pmm_free_frame(frames[i]));
    pmm_drain();
    for (size_t i = 0; i < ARRAY_COUNT(frames); i += 2)
        assert_refused(pmm_free_frame(frames[i]), "free already");
    for (size_t i = 1; i < ARRAY_COUNT(frames); i += 2)
        assert_ok(pmm_free_frame(frames[i]));
    pmm_drain();
    for (size_t i = 0; i < ARRAY_COUNT(frames); i++)
        assert_refused(pmm_free_frame(frames[i]), "free already");
    assert_ok(pmm_check());
}

static void double_free_of_runs(void **state)
{
    /* A run of any order is not freed twice, whatever became of it in between. */
    (void)state;
    for (unsigned order = 1; order <= PMM_MAX_ORDER; order++) {
        uint64_t before = machine_free_frames();
        pfn_t first = take_order(order);

        assert_ok(pmm_free(first, order));
        assert_refused(pmm_free(first, order), "free");
        assert_refused(pmm_free_frame(first), "free");
        pmm_drain();
        assert_refused(pmm_free(first, order), "free already");
        assert_ok(pmm_check());
        assert_int_equal(machine_free_frames(), before);
    }
}

static void wrong_order(void **state)
{
    /* A run is not freed with a smaller or a larger order or count, and is intact afterwards. */
    (void)state;
    for (unsigned order = 1; order <= PMM_MAX_ORDER; order++) {
        uint64_t count = (uint64_t)1 << order;
        pfn_t first = take_order(order);
        uint64_t free_frames = machine_free_frames();

        assert_refused(pmm_free_run(first, count + 1), "refused");
        if (order > 1) {
            assert_refused(pmm_free(first, order - 1), "longer");
            assert_refused(pmm_free_run(first, count - 1), "longer");
        }
        if (order < PMM_MAX_ORDER && is_aligned(pfn_value(first), 2 * count))
            assert_refused(pmm_free(first, order + 1), "refused");
        assert_int_equal(machine_free_frames(), free_frames);
        assert_ok(pmm_check());
        assert_ok(pmm_free(first, order));
    }
}

/* The index of a run whose neighbour above is in the array too, both in one run of order + 1. */
static size_t find_lower_half(const pfn_t *runs, size_t count, unsigned order)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++)
            if (is_aligned(pfn_value(runs[i]), UINT64_C(2) << order) &&
                pfn_value(runs[j]) == pfn_value(runs[i]) + (UINT64_C(1) << order))
                return i;
    fail_msg("no neighbours of order %u among %zu", order, count);
    return 0;
}

static void neighbours_are_two(void **state)
{
    /* Two runs of one order side by side are not freed as one of the next, nor as a longer run. */
    (void)state;
    for (unsigned order = 0; order < PMM_MAX_ORDER; order++) {
        pfn_t runs[40];
        size_t count = order < 14 ? ARRAY_COUNT(runs) : 4;
        pfn_t lower;

        for (size_t i = 0; i < count; i++)
            runs[i] = take_order(order);
        lower = runs[find_lower_half(runs, count, order)];
        assert_refused(pmm_free(lower, order + 1), "shorter");
        assert_refused(pmm_free_run(lower, (UINT64_C(1) << order) + 1), "shorter");
        assert_ok(pmm_check());
        for (size_t i = 0; i < count; i++)
            assert_ok(pmm_free(runs[i], order));
        pmm_drain();
    }
}

static void interior(void **state)
{
    /* A run is not freed from its middle on; a single frame of it may go by itself, and only then the
     * rest cannot go as one any more. */
    (void)state;
    for (unsigned order = 2; order <= PMM_MAX_ORDER; order++) {
        uint64_t count = (uint64_t)1 << order;
        pfn_t first = take_order(order);
        pfn_t middle = pfn_add(first, count / 2);

        assert_refused(pmm_free(middle, order - 1), "inside");
        assert_refused(pmm_free(pfn_add(first, 1), order), "can begin");
        assert_refused(pmm_free_run(pfn_add(first, 1), count - 1), "inside");
        assert_refused(pmm_free_run(middle, count / 2), "inside");
        assert_ok(pmm_check());
        assert_ok(pmm_free_frame(middle));
        assert_refused(pmm_free(first, order), "freed before");
        assert_refused(pmm_free_frame(middle), "freed before");
        for (uint64_t i = 0; i < count; i++)
            if (i != count / 2)
                assert_ok(pmm_free_frame(pfn_add(first, i)));
        assert_ok(pmm_check());
    }
}

static void foreign(void **state)
{
    /* What the PMM never managed is not freed: page 0, holes, other people's memory, beyond the end. */
    static const struct machine_piece pieces[] = {
        LOW_MEMORY(PAGE_SIZE, 0x9f000),  OTHER_MEMORY(0xf0000, MiB, E820_RESERVED),
        FREE_MEMORY(MiB, 64 * MiB),      OTHER_MEMORY(64 * MiB, 65 * MiB, E820_ACPI_DATA),
        FREE_MEMORY(70 * MiB, 80 * MiB), FREE_MEMORY(5 * GiB, 5 * GiB + 3 * MiB),
    };
    static const uint64_t foreign_bytes[] = {
        0,
        0x9f000,
        0xa0000,
        0xff000,
        64 * MiB,
        65 * MiB,
        70 * MiB - 1,
        80 * MiB,
        1 * GiB,
        5 * GiB - 1,
        5 * GiB - 4096,
        5 * GiB + 3 * MiB,
        5 * GiB + 4 * MiB,
        6 * GiB,
        1 * TiB,
        UINT64_C(1) << 52,
        UINT64_MAX,
    };

    (void)state;
    MACHINE_BOOT(pieces);
    for (size_t i = 0; i < ARRAY_COUNT(foreign_bytes); i++) {
        pfn_t frame = pa_to_pfn(pa(foreign_bytes[i]));

        assert_refused(pmm_free_frame(frame), "not managed");
        assert_refused(pmm_free_run(frame, 1000), "refused");
        assert_refused(pmm_free_run(frame, UINT64_MAX >> PAGE_SHIFT), "refused");
        assert_int_equal(pmm_free_bulk(&frame, 1), 0);
    }
    assert_refused(pmm_free(pfn(UINTPTR_MAX << PMM_MAX_ORDER), PMM_MAX_ORDER), "not managed");
    assert_ok(pmm_check());
}

static void never_allocated(void **state)
{
    /* Free memory is not freed, whether or not its area and block were ever looked at. */
    static const uint64_t places[] = { 100, HIGH_FRAMES, HIGH_FRAMES + 511, HIGH_FRAMES + 512,
                                       HIGH_FRAMES + 3 * AREA_FRAMES };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
        assert_refused(pmm_free_frame(pfn(places[i])), "free already");
        assert_refused(pmm_free_run(pfn(places[i]), 700), "refused");
    }
    take_order(0);
    assert_refused(pmm_free_frame(pfn(HIGH_FRAMES + 511)), "free already");
    assert_ok(pmm_check());
}

static void shared(void **state)
{
    /* What others refer to is not freed; the last reference frees it. */
    pfn_t frame = take_order(0);
    pfn_t block = take_order(PMM_ORDER_2M);
    pfn_t inner = pfn_add(block, 17);

    (void)state;
    frame_get(frame);
    frame_get(inner);
    assert_refused(pmm_free_frame(frame), "more than one reference");
    assert_refused(pmm_free_frame(inner), "more than one reference");
    assert_refused(pmm_free(block, PMM_ORDER_2M), "more than one reference");
    assert_false(frame_put(frame));
    assert_false(frame_put(inner));
    assert_true(frame_put(frame));
    assert_refused(pmm_free_frame(frame), "freed before");
    assert_ok(pmm_free(block, PMM_ORDER_2M));
    assert_ok(pmm_check());
}

static void runs_of_any_length(void **state)
{
    /* A run that ends inside a block or crosses blocks and areas goes back whole, and only whole. */
    static const uint64_t counts[] = {
        3, 511, 513, 700, 1024, 1537, AREA_FRAMES - 1, AREA_FRAMES + 1, 2 * AREA_FRAMES + 700
    };
    uint64_t before = machine_free_frames();

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(counts); i++) {
        uint64_t count = counts[i];
        pfn_t first = take_run(count, 1);

        assert_int_equal(machine_free_frames(), before - count);
        assert_refused(pmm_free_run(first, count - 1), "longer");
        assert_refused(pmm_free_run(first, count + 1), "refused");
        assert_refused(pmm_free_run(pfn_add(first, 1), count - 1), "inside");
        if (count > 512)
            assert_refused(pmm_free_run(first, 512), "longer");
        if (count > 512 && pfn_value(first) % 512 == 0)
            assert_refused(pmm_free(first, PMM_ORDER_2M), "longer");
        assert_ok(pmm_check());
        assert_ok(pmm_free_run(first, count));
        assert_refused(pmm_free_run(first, count), "free already");
        assert_int_equal(machine_free_frames(), before);
        assert_ok(pmm_check());
    }
}

static void held_rows(void **state)
{
    /* What was held before the start is one run a row: it goes back whole, or frame by frame. */
    static const struct machine_piece pieces[] = {
        FREE_MEMORY(MiB, 8 * MiB),
        HELD_MEMORY(8 * MiB, 13 * MiB + 5 * PAGE_SIZE, REGION_TAG_MODULE),
        HELD_MEMORY(13 * MiB + 5 * PAGE_SIZE, 14 * MiB, REGION_TAG_PAGE_TABLES),
        HELD_MEMORY(14 * MiB, 14 * MiB + 4 * PAGE_SIZE, REGION_TAG_STACK),
        FREE_MEMORY(16 * MiB, 64 * MiB),
    };
    pfn_t module = pa_to_pfn(pa(8 * MiB));
    pfn_t tables = pa_to_pfn(pa(13 * MiB + 5 * PAGE_SIZE));
    size_t module_frames = (5 * MiB >> PAGE_SHIFT) + 5;
    size_t table_frames = (MiB >> PAGE_SHIFT) - 5;
    struct frame_info info;
    uint64_t before;

    (void)state;
    MACHINE_BOOT(pieces);
    before = machine_free_frames();
    frame_describe(module, &info);
    assert_true(info.managed && info.tag == FRAME_KERNEL && info.references == 1);
    frame_describe(tables, &info);
    assert_true(info.managed && info.tag == FRAME_PAGE_TABLE && info.references == 1);
    assert_refused(pmm_free_run(module, module_frames - 1), "longer");
    assert_refused(pmm_free_run(module, module_frames + 1), "shorter");
    assert_ok(pmm_free_run(module, module_frames));
    for (size_t i = 0; i < table_frames; i++)
        assert_ok(pmm_free_frame(pfn_add(tables, i)));
    assert_refused(pmm_free_frame(tables), "free");
    assert_ok(pmm_check());
    assert_int_equal(machine_free_frames(), before + module_frames + table_frames);
    frame_describe(pa_to_pfn(pa(14 * MiB)), &info);
    assert_true(info.managed && info.tag == FRAME_STACK && info.references == 1);
}

/* Takes runs of `order` until one begins at `place`, which is given back as a run at once. */
static void take_and_give_at(pfn_t place, unsigned order)
{
    static pfn_t others[1u << 16];
    size_t count = 0;
    pfn_t run;

    pmm_drain();
    while (count < ARRAY_COUNT(others)) {
        assert_ok(pmm_alloc(order, FRAME_TEST, &run));
        if (pfn_value(run) == pfn_value(place))
            break;
        others[count++] = run;
    }
    assert_true(count < ARRAY_COUNT(others));
    assert_ok(pmm_free(run, order));
    while (count > 0)
        assert_ok(pmm_free(others[--count], order));
}

static void a_hole_in_a_run(void **state)
{
    /* A run that takes the place of single frames of another run can be freed as one, whatever is left of the
     * other behind it; and so can that. */
    pfn_t frames = take_order(6);
    pfn_t blocks = take_order(PMM_ORDER_2M + 1);
    uint64_t before = machine_free_frames();

    (void)state;
    for (unsigned i = 0; i < 8; i++)
        assert_ok(pmm_free_frame(pfn_add(frames, 8 + i)));
    take_and_give_at(pfn_add(frames, 8), 3);
    assert_ok(pmm_free_run(pfn_add(frames, 16), 48));
    assert_ok(pmm_free_run(frames, 8));
    for (unsigned i = 0; i < (1u << PMM_ORDER_2M); i++)
        assert_ok(pmm_free_frame(pfn_add(blocks, i)));
    take_and_give_at(blocks, PMM_ORDER_2M);
    assert_ok(pmm_free(pfn_add(blocks, ((size_t)1 << PMM_ORDER_2M)), PMM_ORDER_2M));
    assert_int_equal(machine_free_frames(), before + 64 + 2 * ((size_t)1 << PMM_ORDER_2M));
    assert_ok(pmm_check());
}

static void report(void **state)
{
    /* A report says how many frames, where, why, and from where it was asked. */
    pfn_t frame = take_order(0);
    char where[32];

    (void)state;
    assert_ok(pmm_free_frame(frame));
    print_buffer(where, sizeof(where), "0x%llx", (unsigned long long)pa_value(pfn_to_pa(frame)));
    assert_refused(pmm_free_frame(frame), where);
    assert_true(host_log_contains("1 frame"));
    assert_true(host_log_contains("called from 0x"));
}

static void before_the_start(void **state)
{
    /* Before pmm_init() nothing is given out and nothing taken, and nothing crashes. */
    struct pmm_stats stats;
    struct memmap empty = { .count = 0 };
    pfn_t frame = pfn(42);

    (void)state;
    assert_int_equal(pmm_init(&empty), STATUS_NO_MEMORY);
    assert_int_equal(pmm_alloc_frame(FRAME_TEST, &frame), STATUS_INVALID);
    assert_int_equal(pmm_alloc(3, FRAME_TEST, &frame), STATUS_INVALID);
    assert_int_equal(pmm_alloc_bulk(FRAME_TEST, &frame, 1), 0);
    assert_int_equal(pmm_add(pfn(300), 1), STATUS_INVALID);
    assert_int_equal(pmm_reserve(pfn(300), 1, FRAME_BAD), STATUS_INVALID);
    assert_int_equal(pmm_free_frame(pfn(300)), STATUS_DENIED);
    assert_int_equal(pmm_free(pfn(0), 9), STATUS_DENIED);
    pmm_drain();
    pmm_get_stats(&stats);
    assert_int_equal(stats.total_frames, 0);
    assert_ok(pmm_check());
    assert_int_equal(pfn_value(frame), 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(double_free_in_magazine, setup),
        cmocka_unit_test_setup(double_free_in_area, setup),
        cmocka_unit_test_setup(double_free_of_runs, setup),
        cmocka_unit_test_setup(wrong_order, setup),
        cmocka_unit_test_setup(neighbours_are_two, setup),
        cmocka_unit_test_setup(interior, setup),
        cmocka_unit_test(foreign),
        cmocka_unit_test_setup(never_allocated, setup),
        cmocka_unit_test_setup(shared, setup),
        cmocka_unit_test_setup(runs_of_any_length, setup),
        cmocka_unit_test(held_rows),
        cmocka_unit_test_setup(a_hole_in_a_run, setup),
        cmocka_unit_test_setup(report, setup),
        cmocka_unit_test(before_the_start),
    };

    return cmocka_run_group_tests(tests, NULL, machine_stop);
}
