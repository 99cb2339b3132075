/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_pmm_figures.c - the frame allocator's figures are those that one gets by asking it about every frame.
 *
 * frame_describe() answers for one frame, and test_pmm_model.c holds it to a model. Here a small machine is
 * worked at random, and after each step every frame is asked; what the allocator says in sums has to agree.
 */
#include "pmm_machine.h"

#include "config.h"
#include "mm/pmm_node.h"
#include "mm/pmm_private.h"

#define HOLE_END    (GiB + 5 * MiB + 12 * PAGE_SIZE)
#define TOP_FRAME   ((uintptr_t)(HOLE_END / PAGE_SIZE))
#define SECOND_PART ((uintptr_t)((GiB - 7 * MiB) / PAGE_SIZE))
#define FIRST_END   ((uintptr_t)(37 * MiB / PAGE_SIZE + 3))
#define RUNS_MOST   400u
#define STEPS       240u

/* Two areas, the second reached by memory that begins in the first; and all that may be there besides. */
static const struct machine_piece pieces[] = {
    LOW_MEMORY(PAGE_SIZE, 0x9f000),
    OTHER_MEMORY(0xf0000, MiB, E820_RESERVED),
    HELD_MEMORY(MiB, MiB + 3 * PAGE_SIZE, REGION_TAG_MODULE),
    FREE_MEMORY(MiB + 3 * PAGE_SIZE, 9 * MiB),
    HELD_MEMORY(9 * MiB, 9 * MiB + 300 * KiB, REGION_TAG_KERNEL),
    HELD_MEMORY(9 * MiB + 300 * KiB, 12 * MiB, REGION_TAG_PAGE_TABLES),
    FREE_MEMORY(12 * MiB, 37 * MiB + 3 * PAGE_SIZE),
    OTHER_MEMORY(40 * MiB, 41 * MiB, E820_ACPI_DATA),
    FREE_MEMORY(GiB - 7 * MiB, HOLE_END),
};

struct run {
    uintptr_t first;
    uintptr_t count;
};

static struct run runs[RUNS_MOST];
static unsigned run_count;
static uint64_t total_frames;
static uint64_t bad_frees;

static int set_up(void **state)
{
    struct pmm_stats stats;

    (void)state;
    run_count = 0;
    bad_frees = 0;
    MACHINE_BOOT(pieces);
    total_frames = 0;
    for (size_t i = 0; i < ARRAY_COUNT(pieces); i++)
        total_frames += pieces[i].size_bytes / PAGE_SIZE;
    pmm_get_stats(&stats);
    assert_int_equal(stats.total_frames, total_frames);
    return 0;
}

/* --- every frame is asked --------------------------------------------------------------------- */

/* Frames that may be memory: the two stretches, as one row of indices. */
static uintptr_t after(uintptr_t frame)
{
    return frame + 1 == FIRST_END              ? 40 * MiB / PAGE_SIZE
           : frame + 1 == 41 * MiB / PAGE_SIZE ? SECOND_PART
                                               : frame + 1;
}

struct census {
    uint64_t tags[FRAME_TAG_COUNT];
    uint64_t cached;
    uint64_t low_free;
    uint64_t blocks; /* wholly free, and in no cache */
    unsigned largest_order;
};

/* The frames that are free and lie in their areas, from `frame` on without a gap. */
static uintptr_t free_from(uintptr_t frame)
{
    struct frame_info info;
    uintptr_t count = 0;

    for (;; count++) {
        frame_describe(pfn(frame + count), &info);
        if (info.tag != FRAME_FREE || info.cached || (count > 0 && frame + count == LOW_FRAMES))
            return count;
    }
}

/* A maximal run of free frames: the blocks in it, and the largest order. */
static void add_run(struct census *census, uintptr_t first, uintptr_t count)
{
    uintptr_t block = (uintptr_t)align_up(first, BLOCK_FRAMES);
    unsigned order = census->largest_order;

    for (; block + BLOCK_FRAMES <= first + count; block += BLOCK_FRAMES)
        census->blocks++;
    while (order <= PMM_MAX_ORDER &&
           align_up(first, (uint64_t)1 << order) + ((uint64_t)1 << order) <= first + count)
        census->largest_order = order++;
}

static void take_census(struct census *census)
{
    struct frame_info info;
    uintptr_t run_end = 0;

    *census = (struct census){ 0 };
    for (uintptr_t frame = 0; frame < TOP_FRAME; frame = after(frame)) {
        frame_describe(pfn(frame), &info);
        if (!info.managed)
            continue;
        census->tags[info.tag]++;
        assert_int_equal(info.references == 0, info.tag == FRAME_FREE);
        if (info.tag != FRAME_FREE)
            continue;
        census->cached += info.cached;
        census->low_free += frame < LOW_FRAMES;
        if (!info.cached && frame >= run_end) {
            run_end = frame + free_from(frame);
            add_run(census, frame, run_end - frame);
        }
    }
}

/* --- what the allocator says -------------------------------------------------------------------- */

struct visit {
    uintptr_t end; /* of the run before */
    uint64_t frames;
};

static bool visit_run(void *context, pfn_t first, uint64_t count)
{
    struct visit *visit = context;
    struct frame_info info;

    assert_true(count > 0 && (pfn_value(first) > visit->end || visit->end == 0));
    for (uintptr_t i = 0; i < count; i++) {
        frame_describe(pfn_add(first, i), &info);
        assert_int_equal(info.tag, FRAME_FREE);
    }
    visit->end = pfn_value(first) + (uintptr_t)count;
    visit->frames += count;
    return true;
}

static bool stop_at_once(void *context, pfn_t first, uint64_t count)
{
    (void)first;
    (void)count;
    ++*(unsigned *)context;
    return false;
}

static void expect_tags(const struct census *census)
{
    uint64_t tags[FRAME_TAG_COUNT];

    memset(tags, 0xa5, sizeof(tags));
    pmm_count_tags(tags);
    for (unsigned tag = 0; tag < FRAME_TAG_COUNT; tag++)
        if (tags[tag] != census->tags[tag])
            fail_msg("%s: %llu frames, found %llu", frame_tag_name((enum frame_tag)tag),
                     (unsigned long long)tags[tag], (unsigned long long)census->tags[tag]);
}

static void expect_stats(const struct census *census)
{
    struct pmm_stats stats;
    uint64_t used = 0;

    for (unsigned tag = FRAME_FREE + 1; tag < FRAME_TAG_COUNT; tag++)
        used += census->tags[tag];
    pmm_get_stats(&stats);
    assert_int_equal(stats.total_frames, total_frames);
    assert_int_equal(stats.free_frames, census->tags[FRAME_FREE]);
    assert_int_equal(stats.used_frames, used);
    assert_int_equal(stats.managed_frames, census->tags[FRAME_FREE] + used);
    assert_int_equal(stats.reserved_frames, total_frames - stats.managed_frames);
    assert_int_equal(stats.cached_frames, census->cached);
    assert_int_equal(stats.cached_frames, pmm_count_cached(0) + stats.zeroed_frames);
    assert_int_equal(stats.low_free_frames, census->low_free);
    assert_int_equal(stats.free_2m_blocks, census->blocks);
    assert_int_equal(stats.largest_free_order, census->largest_order);
    assert_int_equal(stats.bad_frees, bad_frees);
    assert_int_equal(pmm_count_cached(1), 0);
    assert_int_equal(pmm_count_cached(CONFIG_MAX_CPUS), 0);
}

static void expect_node(const struct census *census)
{
    struct pmm_node_stats node;
    struct pmm_stats stats;

    pmm_get_stats(&stats);
    assert_ok(pmm_get_node_stats(0, &node));
    assert_int_equal(node.managed_frames, stats.managed_frames);
    assert_int_equal(node.free_frames, stats.free_frames - stats.cached_frames);
    assert_int_equal(node.free_2m_blocks, census->blocks);
    assert_int_equal(pmm_get_node_stats(1, &node), STATUS_INVALID);
}

static void expect_figures(void)
{
    struct census census;
    struct visit visit = { 0 };
    unsigned visits = 0;

    take_census(&census);
    expect_stats(&census);
    expect_tags(&census);
    expect_node(&census);
    pmm_visit_free(visit_run, &visit);
    assert_true(visit.frames <= census.tags[FRAME_FREE]);
    assert_true(visit.frames >= census.tags[FRAME_FREE] - census.cached);
    pmm_visit_free(stop_at_once, &visits);
    assert_int_equal(visits, visit.frames != 0);
    assert_ok(pmm_check());
}

/* --- steps ---------------------------------------------------------------------------------------- */

static void note(pfn_t first, uintptr_t count)
{
    runs[run_count++] = (struct run){ pfn_value(first), count };
}

static void allocate(void)
{
    static const uint64_t limits[] = { PMM_ANYWHERE, PMM_ANYWHERE, PMM_BELOW_1M, PMM_BELOW_16M,
                                       GiB - 5 * MiB };
    struct pmm_request request = {
        .count_frames = 1 + machine_random_below((uint64_t)1 << machine_random_below(12)),
        .below = limits[machine_random_below(ARRAY_COUNT(limits))],
        .align_frames = (uint64_t)1 << machine_random_below(6),
        .tag = (enum frame_tag)(1 + machine_random_below(FRAME_CACHE)),
        .flags = machine_random_below(2) == 0 ? PMM_NO_CACHE : 0,
    };
    unsigned order = (unsigned)machine_random_below(11);
    pfn_t first;

    if (machine_random_below(2) == 0) {
        if (pmm_alloc_run(&request, &first) == STATUS_OK)
            note(first, (uintptr_t)request.count_frames);
    } else if (pmm_alloc(order, request.tag, &first) == STATUS_OK) {
        note(first, (uintptr_t)1 << order);
    }
}

static void allocate_singles(void)
{
    pfn_t frames[40];
    size_t got = pmm_alloc_bulk(FRAME_USER, frames, 1 + machine_random_below(40));
    pfn_t zeroed;

    for (size_t i = 0; i < got && run_count < RUNS_MOST; i++)
        note(frames[i], 1);
    if (run_count < RUNS_MOST && pmm_alloc_zeroed(FRAME_PAGE_TABLE, &zeroed) == STATUS_OK)
        note(zeroed, 1);
}

static void release(void)
{
    struct run *run = &runs[machine_random_below(run_count)];

    if (machine_random_below(3) == 0) {
        for (uintptr_t i = 0; i < run->count; i++)
            assert_ok(pmm_free_frame(pfn(run->first + i)));
    } else {
        assert_ok(pmm_free_run(pfn(run->first), run->count));
    }
    *run = runs[--run_count];
}

static void release_wrongly(void)
{
    const struct run *run = &runs[machine_random_below(run_count)];

    assert_int_equal(pmm_free_run(pfn(run->first), run->count + 1), STATUS_DENIED);
    assert_int_equal(pmm_free_frame(pfn(TOP_FRAME)), STATUS_DENIED);
    bad_frees += 2;
}

/* The last step takes away what the machine keeps for itself. */
static void step(bool filling)
{
    unsigned kind = (unsigned)machine_random_below(32);

    if (run_count == 0 || (run_count < RUNS_MOST - 50 && kind < (filling ? 16 : 6)))
        allocate();
    else if (run_count < RUNS_MOST - 50 && kind < (filling ? 20 : 10))
        allocate_singles();
    else if (kind < 28)
        release();
    else if (kind == 28)
        release_wrongly();
    else if (kind == 29)
        pmm_drain();
    else
        (void)pmm_zero_ahead();
}

/* --- tests ---------------------------------------------------------------------------------------- */

static void figures_are_true_at_every_step(void **state)
{
    /* Free, used, reserved and cached frames, tags, blocks and the largest order are those of a census, from
     * the first moment, through any load, until all is free again. */
    struct census before, later;

    (void)state;
    take_census(&before);
    expect_figures();
    for (unsigned i = 0; i < STEPS; i++) {
        step(i / 80 % 2 == 0);
        expect_figures();
    }
    while (run_count > 0)
        release();
    expect_figures();
    pmm_drain();
    take_census(&later);
    assert_memory_equal(&before, &later, sizeof(before));
    expect_figures();
}

static void memory_that_comes_and_goes_is_counted(void **state)
{
    /* Frames that are added, or retired under any tag, change the sums by themselves alone. */
    struct census before, later;
    uintptr_t acpi = 40 * MiB / PAGE_SIZE;

    (void)state;
    take_census(&before);
    assert_ok(pmm_add(pfn(acpi), 256));
    take_census(&later);
    assert_int_equal(later.tags[FRAME_FREE], before.tags[FRAME_FREE] + 256);
    expect_figures();
    assert_int_equal(pmm_add(pfn(acpi + 255), 2), STATUS_EXISTS);
    expect_figures();
    for (unsigned tag = FRAME_FREE + 1; tag < FRAME_TAG_COUNT; tag++) {
        bool goes = frame_tag_is_foreign((enum frame_tag)tag);

        assert_ok(pmm_reserve(pfn(acpi + 10 * tag), 7, (enum frame_tag)tag));
        assert_int_equal(pmm_reserve(pfn(acpi + 10 * tag + 6), 2, (enum frame_tag)tag),
                         STATUS_BUSY);
        before = later;
        take_census(&later);
        assert_int_equal(later.tags[FRAME_FREE], before.tags[FRAME_FREE] - 7);
        assert_int_equal(later.tags[tag], before.tags[tag] + (goes ? 0 : 7));
        expect_figures();
    }
}

static void changes_reach_across_areas(void **state)
{
    /* A range over the border of two areas comes and goes whole, to its last frame and no further. */
    const uintptr_t border = GiB / PAGE_SIZE;
    struct census before, later;

    (void)state;
    pmm_drain();
    take_census(&before);
    for (uintptr_t left = 1; left <= 1000; left += 333) {
        for (uintptr_t right = 1; right <= 1000; right += 333) {
            assert_ok(pmm_reserve(pfn(border - left), left + right, FRAME_RESERVED));
            take_census(&later);
            assert_int_equal(later.tags[FRAME_FREE], before.tags[FRAME_FREE] - left - right);
            assert_ok(pmm_check());
            assert_ok(pmm_add(pfn(border - left), left + right));
            take_census(&later);
            assert_int_equal(later.tags[FRAME_FREE], before.tags[FRAME_FREE]);
            expect_figures();
        }
    }
}

static void a_drain_says_how_much_it_gave(void **state)
{
    /* What emptying a processor's caches returns is what they held: frames, and blocks of 2 MiB. */
    pfn_t frames[300];
    pfn_t block[2];
    uint64_t cached, before;
    size_t got;

    (void)machine_stop(state);
    machine_boot_plain();
    got = pmm_alloc_bulk(FRAME_TEST, frames, ARRAY_COUNT(frames));
    assert_ok(pmm_alloc(PMM_ORDER_2M, FRAME_TEST, &block[0]));
    assert_ok(pmm_alloc(PMM_ORDER_2M, FRAME_TEST, &block[1]));
    for (size_t i = 0; i < got; i++)
        assert_ok(pmm_free_frame(frames[i]));
    assert_ok(pmm_free(block[0], PMM_ORDER_2M));
    assert_ok(pmm_free(block[1], PMM_ORDER_2M));
    cached = pmm_count_cached(0);
    assert_true(cached > 2 * BLOCK_FRAMES);
    before = machine_free_frames();
    assert_int_equal(cpu_drain(), cached);
    assert_int_equal(pmm_count_cached(0), 0);
    assert_int_equal(cpu_drain(), 0);
    assert_int_equal(machine_free_frames(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(figures_are_true_at_every_step, set_up, machine_stop),
        cmocka_unit_test_setup_teardown(memory_that_comes_and_goes_is_counted, set_up,
                                        machine_stop),
        cmocka_unit_test_setup_teardown(changes_reach_across_areas, set_up, machine_stop),
        cmocka_unit_test_setup_teardown(a_drain_says_how_much_it_gave, set_up, machine_stop),
    };

    return cmocka_run_group_tests_name("pmm_figures", tests, NULL, NULL);
}
