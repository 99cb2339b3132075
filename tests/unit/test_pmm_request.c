/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_pmm_request.c - requests with wishes, memory that comes and goes, and what happens when there is none.
 */
#include "pmm_machine.h"

#define AREA_FRAMES (GiB >> PAGE_SHIFT)

static int setup(void **state)
{
    (void)state;
    machine_boot_plain();
    return 0;
}

static uint64_t address(pfn_t frame)
{
    return pa_value(pfn_to_pa(frame));
}

/* --- wishes ------------------------------------------------------------------------------ */

static void invalid_requests(void **state)
{
    /* Absurd requests are refused, with nothing changed and nothing written. */
    const struct pmm_request bad[] = {
        { .count_frames = 0, .tag = FRAME_TEST },
        { .count_frames = 1, .tag = FRAME_FREE },
        { .count_frames = 1, .tag = FRAME_TAG_COUNT },
        { .count_frames = 1, .tag = (enum frame_tag)200 },
        { .count_frames = 1, .tag = FRAME_TEST, .align_frames = 3 },
        { .count_frames = 1, .tag = FRAME_TEST, .align_frames = 2 * AREA_FRAMES },
        { .count_frames = 1, .tag = FRAME_TEST, .flags = 0x80 },
        { .count_frames = 1, .tag = FRAME_TEST, .node = 1 },
    };
    uint64_t before = machine_free_frames();
    pfn_t frame = pfn(42);

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        assert_int_equal(pmm_alloc_run(&bad[i], &frame), STATUS_INVALID);
    assert_int_equal(pmm_alloc(PMM_MAX_ORDER + 1, FRAME_TEST, &frame), STATUS_INVALID);
    assert_int_equal(pmm_alloc(3, FRAME_FREE, &frame), STATUS_INVALID);
    assert_int_equal(pmm_alloc_frame(FRAME_FREE, &frame), STATUS_INVALID);
    assert_int_equal(pmm_alloc_frame(FRAME_TAG_COUNT, &frame), STATUS_INVALID);
    assert_int_equal(pmm_alloc_zeroed(FRAME_FREE, &frame), STATUS_INVALID);
    assert_int_equal(pmm_alloc_bulk(FRAME_FREE, &frame, 1), 0);
    assert_int_equal(pmm_alloc_bulk(FRAME_TEST, &frame, 0), 0);
    assert_int_equal(pmm_free(frame, PMM_MAX_ORDER + 1), STATUS_INVALID);
    assert_int_equal(pmm_free_run(frame, 0), STATUS_INVALID);
    assert_int_equal(pmm_add(pfn(0), 1), STATUS_INVALID);
    assert_int_equal(pmm_add(frame, 0), STATUS_INVALID);
    assert_int_equal(pmm_add(frame, UINT64_MAX), STATUS_INVALID);
    assert_int_equal(pmm_reserve(pfn(0), 1, FRAME_BAD), STATUS_INVALID);
    assert_int_equal(pmm_reserve(frame, 1, FRAME_FREE), STATUS_INVALID);
    assert_int_equal(pfn_value(frame), 42);
    assert_int_equal(machine_free_frames(), before);
}

static void limits_and_alignments(void **state)
{
    /* Every combination of size, limit and alignment that can be served is, and keeps to both. */
    static const uint64_t limits[] = { PMM_ANYWHERE, PMM_BELOW_4G, PMM_BELOW_16M,
                                       3 * GiB,      17 * MiB + 5, 6 * GiB };
    static const uint64_t counts[] = { 1, 2, 3, 16, 100, 511, 512, 513, 2000 };

    (void)state;
    for (size_t l = 0; l < ARRAY_COUNT(limits); l++)
        for (size_t c = 0; c < ARRAY_COUNT(counts); c++)
            for (uint64_t align = 1; align <= 1024; align *= 4) {
                struct pmm_request request = { .count_frames = counts[c],
                                               .below = limits[l],
                                               .align_frames = align,
                                               .tag = FRAME_DMA };
                struct frame_info info;
                pfn_t first;

                assert_ok(pmm_alloc_run(&request, &first));
                assert_true(is_aligned(pfn_value(first), align));
                if (limits[l] != PMM_ANYWHERE)
                    assert_true(address(first) + counts[c] * PAGE_SIZE <= limits[l]);
                frame_describe(pfn_add(first, counts[c] - 1), &info);
                assert_true(info.tag == FRAME_DMA && info.references == 1);
                assert_ok(pmm_free_run(first, counts[c]));
            }
    assert_ok(pmm_check());
}

static void runs_across_areas(void **state)
{
    /* A run may be longer than 1 GiB, and lie across areas; it is found when it is the only one. */
    struct pmm_request request = { .count_frames = 5 * AREA_FRAMES - 600, .tag = FRAME_TEST };
    uint64_t before = machine_free_frames();
    pfn_t first;
    pfn_t other;

    (void)state;
    assert_ok(pmm_alloc_run(&request, &first));
    assert_int_equal(machine_free_frames(), before - request.count_frames);
    request.count_frames = AREA_FRAMES;
    request.align_frames = 1;
    assert_ok(pmm_alloc_run(&request, &other)); /* below 4 GiB */
    assert_true(address(other) < 4 * GiB);
    request.count_frames = 3 * AREA_FRAMES;
    assert_int_equal(pmm_alloc_run(&request, &other), STATUS_NO_MEMORY);
    assert_ok(pmm_free_run(first, 5 * AREA_FRAMES - 600));
    assert_ok(pmm_alloc_run(&request, &other));
    assert_ok(pmm_check());
}

static void lowest_without_cache(void **state)
{
    /* Whoever wants no cached frame gets the lowest of its area, whatever the magazine holds. */
    struct pmm_request request = { .count_frames = 1, .tag = FRAME_TEST, .flags = PMM_NO_CACHE };
    pfn_t cached[200];
    pfn_t frame;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cached); i++)
        assert_ok(pmm_alloc_frame(FRAME_TEST, &cached[i]));
    assert_ok(pmm_alloc_run(&request, &frame));
    assert_int_equal(address(frame), 4 * GiB + 256 * PAGE_SIZE);
    assert_ok(pmm_free_frame(cached[0]));
    assert_ok(pmm_alloc_frame(FRAME_TEST, &frame));
    assert_int_equal(pfn_value(frame), pfn_value(cached[0]));
}

static void bulk(void **state)
{
    /* Many frames at once are all different, and as many as there are. */
    static bool seen[16 * MiB >> PAGE_SHIFT];
    static pfn_t frames[16 * MiB >> PAGE_SHIFT];
    static const struct machine_piece pieces[] = { FREE_MEMORY(MiB, 16 * MiB) };
    size_t there;

    (void)state;
    MACHINE_BOOT(pieces);
    there = machine_free_frames();
    for (unsigned round = 0; round < 3; round++) {
        assert_int_equal(pmm_alloc_bulk(FRAME_TEST, frames, ARRAY_COUNT(frames)), there);
        memset(seen, 0, sizeof(seen));
        for (size_t i = 0; i < there; i++) {
            assert_false(seen[pfn_value(frames[i])]);
            seen[pfn_value(frames[i])] = true;
        }
        assert_int_equal(pmm_alloc_bulk(FRAME_TEST, frames, 1), 0);
        assert_int_equal(machine_free_frames(), 0);
        assert_int_equal(pmm_free_bulk(frames, there), there);
        assert_int_equal(pmm_free_bulk(frames, 50), 0);
        assert_int_equal(host_log_count(LOG_ERROR), 50);
        host_log_clear();
        assert_int_equal(machine_free_frames(), there);
        assert_ok(pmm_check());
    }
}

/* --- shortage ---------------------------------------------------------------------------- */

static pfn_t hoard[64];
static size_t hoarded;
static unsigned asked;

static size_t give_hoard(struct pmm_shrinker *shrinker, size_t count)
{
    size_t given = 0;
    pfn_t frame;

    (void)shrinker;
    asked++;
    assert_true(count > 0);
    assert_int_equal(pmm_alloc_frame(FRAME_TEST, &frame), STATUS_NO_MEMORY); /* asks nobody */
    for (; hoarded > 0 && given < count; given++)
        assert_ok(pmm_free_frame(hoard[--hoarded]));
    return given;
}

static size_t give_nothing(struct pmm_shrinker *shrinker, size_t count)
{
    (void)shrinker;
    (void)count;
    asked++;
    return 0;
}

static void use_up(void)
{
    pfn_t frame;

    for (unsigned order = PMM_MAX_ORDER + 1; order-- > 0;)
        while (pmm_alloc(order, FRAME_TEST, &frame) == STATUS_OK)
            continue;
}

static void shrinkers(void **state)
{
    /* Before an allocation fails other caches are asked, all of them, once; what they give serves it. */
    static struct pmm_shrinker first = { .shrink = give_hoard };
    static struct pmm_shrinker second = { .shrink = give_nothing };
    pfn_t frames[ARRAY_COUNT(hoard)];

    (void)state;
    for (hoarded = 0; hoarded < ARRAY_COUNT(hoard); hoarded++)
        assert_ok(pmm_alloc_frame(FRAME_TEST, &hoard[hoarded]));
    use_up();
    pmm_register_shrinker(&first);
    pmm_register_shrinker(&second);
    asked = 0;
    for (size_t i = 0; i < ARRAY_COUNT(hoard) / 2; i++) {
        assert_ok(pmm_alloc_frame(FRAME_TEST, &frames[0]));
        assert_int_equal(asked, 2 * (i + 1));
    }
    assert_int_equal(pmm_alloc_bulk(FRAME_TEST, frames, ARRAY_COUNT(frames)),
                     ARRAY_COUNT(hoard) / 2);
    asked = 0;
    assert_int_equal(pmm_alloc_frame(FRAME_TEST, &frames[0]), STATUS_NO_MEMORY);
    assert_int_equal(pmm_alloc(5, FRAME_TEST, &frames[0]), STATUS_NO_MEMORY);
    assert_int_equal(asked, 4);
}

static void magazines_drain_before_failure(void **state)
{
    /* Frames that wait in the magazine serve a run that needs just them. */
    pfn_t frames[32];
    pfn_t first;

    (void)state;
    assert_ok(pmm_alloc(5, FRAME_TEST, &first));
    use_up();
    for (size_t i = 0; i < ARRAY_COUNT(frames); i++)
        assert_ok(pmm_free_frame(pfn_add(first, i)));
    assert_ok(pmm_alloc(5, FRAME_TEST, &frames[0]));
    assert_int_equal(pfn_value(frames[0]), pfn_value(first));
    assert_int_equal(pmm_alloc_frame(FRAME_TEST, &frames[0]), STATUS_NO_MEMORY);
}

static void cached_blocks_drain_before_failure(void **state)
{
    /* Blocks that the processor keeps for itself serve single frames and larger runs in need. */
    struct pmm_stats stats;
    pfn_t first;
    pfn_t frame;

    (void)state;
    assert_ok(pmm_alloc(10, FRAME_TEST, &first));
    use_up();
    for (unsigned i = 0; i < 1024; i++)
        assert_ok(pmm_free_frame(pfn_add(first, i)));
    pmm_drain();
    assert_ok(pmm_alloc(PMM_ORDER_2M, FRAME_TEST, &frame));
    assert_ok(pmm_alloc(PMM_ORDER_2M, FRAME_TEST, &first));
    assert_ok(pmm_free(frame, PMM_ORDER_2M));
    assert_ok(pmm_free(first, PMM_ORDER_2M));
    pmm_get_stats(&stats);
    assert_int_equal(stats.cached_frames, 1024);
    assert_int_equal(stats.free_frames, 1024 + stats.low_free_frames);
    assert_ok(pmm_check());
    assert_ok(pmm_alloc(10, FRAME_TEST, &first));
    assert_int_equal(machine_free_frames(), stats.low_free_frames);
}

/* --- coming and going -------------------------------------------------------------------- */

static const struct machine_piece changing[] = {
    LOW_MEMORY(PAGE_SIZE, 0x9f000),
    FREE_MEMORY(MiB, 30 * MiB),
    HELD_MEMORY(30 * MiB, 31 * MiB, REGION_TAG_JUMP),
    OTHER_MEMORY(31 * MiB, 33 * MiB + PAGE_SIZE, E820_ACPI_DATA),
    FREE_MEMORY(33 * MiB + PAGE_SIZE, 64 * MiB),
    OTHER_MEMORY(1 * GiB - MiB, 1 * GiB, E820_ACPI_NVS),
    FREE_MEMORY(1 * GiB, 1 * GiB + 4 * MiB),
};

static void adding(void **state)
{
    /* Memory that nobody needs any more becomes free, joins its neighbours, and is counted. */
    struct pmm_stats before;
    struct pmm_stats after;
    struct frame_info info;
    pfn_t jump = pa_to_pfn(pa(30 * MiB));
    pfn_t acpi = pa_to_pfn(pa(31 * MiB));

    (void)state;
    MACHINE_BOOT(changing);
    pmm_get_stats(&before);
    frame_describe(acpi, &info);
    assert_true(!info.managed && info.tag == FRAME_FIRMWARE);
    assert_int_equal(pmm_add(acpi, 514), STATUS_EXISTS);
    assert_int_equal(pmm_add(pfn_add(jump, -(size_t)1), 2), STATUS_EXISTS);
    assert_ok(pmm_check());
    assert_ok(pmm_add(acpi, 513));
    assert_ok(pmm_add(jump, 256));
    assert_int_equal(pmm_add(acpi, 1), STATUS_EXISTS);
    assert_ok(pmm_add(pa_to_pfn(pa(1 * GiB - MiB)), 256));
    pmm_get_stats(&after);
    assert_int_equal(after.total_frames, before.total_frames);
    assert_int_equal(after.managed_frames, before.managed_frames + 513 + 256 + 256);
    assert_int_equal(after.free_frames, before.free_frames + 513 + 256 + 256);
    assert_int_equal(after.free_2m_blocks, before.free_2m_blocks + 2);
    frame_describe(acpi, &info);
    assert_true(info.managed && info.tag == FRAME_FREE);
    assert_ok(pmm_check());
}

static void adding_what_no_row_describes(void **state)
{
    /* Memory between RAM of one area may be added though the map does not know it; the total grows. */
    struct pmm_stats before;
    struct pmm_stats after;

    (void)state;
    MACHINE_BOOT(changing);
    pmm_get_stats(&before);
    assert_ok(pmm_add(pa_to_pfn(pa(100 * MiB)), 5000));
    assert_int_equal(pmm_add(pa_to_pfn(pa(3 * GiB)), 1), STATUS_UNSUPPORTED);
    assert_int_equal(pmm_add(pa_to_pfn(pa(1 * GiB + 4 * MiB)), 1), STATUS_UNSUPPORTED);
    pmm_get_stats(&after);
    assert_int_equal(after.total_frames, before.total_frames + 5000);
    assert_int_equal(after.free_frames, before.free_frames + 5000);
    assert_int_equal(after.reserved_frames, before.reserved_frames);
    assert_ok(pmm_check());
}

static void adding_beyond_the_last_block(void **state)
{
    /* Memory that leaves the blocks set aside for its area is refused as a whole; what lies in them is
     * added. */
    static const struct machine_piece half_a_block[] = {
        LOW_MEMORY(PAGE_SIZE, 0x9f000),
        FREE_MEMORY(MiB, 31 * MiB),
    };
    pfn_t half = pa_to_pfn(pa(31 * MiB));
    uint64_t before;

    (void)state;
    MACHINE_BOOT(half_a_block);
    before = machine_free_frames();
    assert_int_equal(pmm_add(half, 257), STATUS_UNSUPPORTED);
    assert_int_equal(machine_free_frames(), before);
    assert_ok(pmm_add(half, 256));
    assert_int_equal(machine_free_frames(), before + 256);
    assert_ok(pmm_check());
}

static void reserving(void **state)
{
    /* Reserved memory is out of circulation: not handed out, not freed, not added again if bad. */
    struct pmm_stats before;
    struct pmm_stats after;
    struct frame_info info;
    pfn_t bad = pa_to_pfn(pa(5 * MiB + 3 * PAGE_SIZE));
    pfn_t blocks = pa_to_pfn(pa(8 * MiB));

    (void)state;
    MACHINE_BOOT(changing);
    pmm_get_stats(&before);
    assert_ok(pmm_reserve(bad, 3, FRAME_BAD));
    assert_ok(pmm_reserve(blocks, 1500, FRAME_KERNEL));
    assert_ok(pmm_reserve(pfn(0x9e), 1, FRAME_FIRMWARE)); /* below 1 MiB */
    assert_int_equal(pmm_reserve(bad, 1, FRAME_BAD), STATUS_BUSY);
    assert_int_equal(pmm_reserve(pfn_add(bad, -(size_t)10), 20, FRAME_BAD), STATUS_BUSY);
    assert_int_equal(pmm_reserve(pa_to_pfn(pa(63 * MiB)), 300, FRAME_BAD), STATUS_BUSY);
    assert_int_equal(pmm_reserve(pa_to_pfn(pa(3 * GiB)), 1, FRAME_BAD), STATUS_NOT_FOUND);
    assert_int_equal(pmm_add(bad, 1), STATUS_EXISTS);
    pmm_get_stats(&after);
    assert_int_equal(after.managed_frames, before.managed_frames - 4);
    assert_int_equal(after.reserved_frames, before.reserved_frames + 4);
    assert_int_equal(after.used_frames, before.used_frames + 1500);
    frame_describe(bad, &info);
    assert_true(!info.managed && info.tag == FRAME_BAD);
    frame_describe(pfn_add(blocks, 1), &info);
    assert_true(info.managed && info.tag == FRAME_KERNEL);
    assert_refused(pmm_free_frame(bad), "circulation");
    assert_refused(pmm_free_run(blocks, 1500), "circulation");
    assert_refused(pmm_free(blocks, PMM_ORDER_2M), "circulation");
    assert_ok(pmm_check());
    use_up();
    frame_describe(bad, &info);
    assert_int_equal(info.tag, FRAME_BAD);
}

static void reserving_and_adding(void **state)
{
    /* What was reserved can be added again, in pieces and in any order; what was retired cannot. */
    const uint64_t count = 5 * 512 + 77;
    pfn_t first = pa_to_pfn(pa(8 * MiB + 300 * PAGE_SIZE));
    uint64_t before;
    pfn_t frame;

    (void)state;
    MACHINE_BOOT(changing);
    before = machine_free_frames();
    assert_ok(pmm_reserve(first, count, FRAME_RESERVED));
    assert_int_equal(machine_free_frames(), before - count);
    assert_ok(pmm_check());
    for (uint64_t step = 0; step < 7; step++) { /* every seventh, then their neighbours ... */
        for (uint64_t i = step; i < count; i += 7) {
            assert_ok(pmm_add(pfn_add(first, i), 1));
            assert_int_equal(pmm_add(pfn_add(first, i), 1), STATUS_EXISTS);
        }
        assert_ok(pmm_check());
    }
    assert_int_equal(machine_free_frames(), before);
    assert_ok(pmm_reserve(first, count, FRAME_BAD));
    assert_int_equal(pmm_add(first, count), STATUS_EXISTS);
    assert_int_equal(pmm_add(pfn_add(first, 1000), 1), STATUS_EXISTS);
    assert_ok(pmm_check());
    assert_ok(pmm_reserve(pa_to_pfn(pa(22 * MiB)), 1024, FRAME_RESERVED));
    assert_ok(pmm_add(pa_to_pfn(pa(22 * MiB)), 512));
    while (pmm_alloc(PMM_ORDER_2M, FRAME_TEST, &frame) == STATUS_OK)
        assert_true(pmm_free(frame, PMM_ORDER_2M) == STATUS_OK &&
                    pmm_reserve(frame, 512, FRAME_KERNEL) == STATUS_OK);
    assert_ok(pmm_check());
}

static void reserving_what_is_cached(void **state)
{
    /* Frames that wait in this processor's magazine can be reserved, frames in use cannot. */
    pfn_t frame;

    (void)state;
    machine_boot_plain();
    assert_ok(pmm_alloc_frame(FRAME_TEST, &frame));
    assert_int_equal(pmm_reserve(frame, 1, FRAME_BAD), STATUS_BUSY);
    assert_ok(pmm_free_frame(frame));
    assert_ok(pmm_reserve(frame, 1, FRAME_BAD));
    assert_ok(pmm_check());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(invalid_requests, setup),
        cmocka_unit_test_setup(limits_and_alignments, setup),
        cmocka_unit_test_setup(runs_across_areas, setup),
        cmocka_unit_test_setup(lowest_without_cache, setup),
        cmocka_unit_test(bulk),
        cmocka_unit_test_setup(shrinkers, setup),
        cmocka_unit_test_setup(magazines_drain_before_failure, setup),
        cmocka_unit_test_setup(cached_blocks_drain_before_failure, setup),
        cmocka_unit_test(adding),
        cmocka_unit_test(adding_what_no_row_describes),
        cmocka_unit_test(adding_beyond_the_last_block),
        cmocka_unit_test(reserving),
        cmocka_unit_test(reserving_and_adding),
        cmocka_unit_test(reserving_what_is_cached),
    };

    return cmocka_run_group_tests(tests, NULL, machine_stop);
}
