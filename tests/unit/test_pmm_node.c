/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_pmm_node.c - memory comes from the node it should come from, and every frame has one node.
 *
 * The machine of most tests has four nodes, in areas of 1 GiB, and frames below 1 MiB:
 *
 *     area    0   1   2   3   4   5   6   7   8   9
 *     node    0   0   -   -   1   1   2   0   3   3
 */
#include "pmm_machine.h"

#include "config.h"
#include "arch/cpu.h"
#include "mm/pmm_node.h"

#define AREA_FRAMES (GiB >> PAGE_SHIFT)
#define NODES       4u

static const struct machine_piece pieces[] = {
    LOW_MEMORY(PAGE_SIZE, 0x9f000),
    FREE_MEMORY(MiB, 2 * GiB),
    FREE_MEMORY(4 * GiB, 10 * GiB),
};

#define RANGE(from, to, on)                                                                        \
    {                                                                                              \
        .first = PFN((from) >> PAGE_SHIFT), .count_frames = ((to) - (from)) >> PAGE_SHIFT,         \
        .node = (on)                                                                               \
    }
#define PFN(number)                                                                                \
    {                                                                                              \
        (number)                                                                                   \
    }

static const struct pmm_node_range ranges[] = {
    RANGE(8 * GiB, 10 * GiB, 3), RANGE(0, 640 * KiB, 0),     RANGE(MiB, 2 * GiB, 0),
    RANGE(6 * GiB, 7 * GiB, 2),  RANGE(4 * GiB, 6 * GiB, 1), RANGE(7 * GiB, 8 * GiB, 0),
};

/* From 1: 0 at 12, 3 at 20, 2 at 21. 3 is on its own. */
static const uint8_t distances[NODES][NODES] = {
    { 10, 30, 20, 40 }, { 12, 10, 21, 20 }, { 20, 20, 10, 20 }, { 255, 255, 255, 10 }
};

static uint8_t distance(void *context, unsigned from, unsigned to)
{
    (void)context;
    return distances[from][to];
}

static const struct pmm_topology topology = {
    .node_count = NODES, .ranges = ranges, .range_count = ARRAY_COUNT(ranges), .distance = distance
};

static int setup(void **state)
{
    (void)state;
    host_cpu_set(0);
    MACHINE_BOOT(pieces);
    return pmm_set_nodes(&topology) == STATUS_OK ? 0 : -1;
}

/* Whether all frames of the run are on the node. */
static bool is_on(pfn_t first, uint64_t count, unsigned node)
{
    for (uint64_t i = 0; i < count; i++)
        if (pmm_node_of(pfn_add(first, i)) != node)
            return false;
    return true;
}

/* The sums of all nodes are those of the machine. */
static void check_sums(void)
{
    struct pmm_node_stats sum = { 0 };
    struct pmm_stats all;

    for (unsigned node = 0; node < pmm_count_nodes(); node++) {
        struct pmm_node_stats stats;

        assert_ok(pmm_get_node_stats(node, &stats));
        assert_true(stats.free_frames <= stats.managed_frames);
        sum.managed_frames += stats.managed_frames;
        sum.free_frames += stats.free_frames;
        sum.free_2m_blocks += stats.free_2m_blocks;
    }
    pmm_get_stats(&all);
    assert_int_equal(sum.managed_frames, all.managed_frames);
    assert_int_equal(sum.free_frames + all.cached_frames, all.free_frames);
    assert_int_equal(sum.free_2m_blocks, all.free_2m_blocks);
}

static void one_node_by_default(void **state)
{
    /* A machine that nobody describes is one node with all of its memory. */
    struct pmm_request request = { .count_frames = 1, .tag = FRAME_TEST, .flags = PMM_THIS_NODE };
    pfn_t frame;

    (void)state;
    MACHINE_BOOT(pieces);
    assert_int_equal(pmm_count_nodes(), 1);
    assert_int_equal(pmm_node_of(pfn(9 * AREA_FRAMES)), 0);
    assert_int_equal(pmm_node_here(), 0);
    assert_int_equal(pmm_node_distance(0, 0), PMM_DISTANCE_LOCAL);
    assert_ok(pmm_alloc_run(&request, &frame));
    request.node = 1;
    assert_int_equal(pmm_alloc_run(&request, &frame), STATUS_INVALID);
    assert_int_equal(pmm_set_cpu_node(0, 1), STATUS_INVALID);
    check_sums();
}

static void every_area_has_its_node(void **state)
{
    /* Frames are on the node of their range; in a gap, on the node before it; beyond all, on node 0. */
    static const unsigned nodes[] = { 0, 0, 0, 0, 1, 1, 2, 0, 3, 3, 0 };

    (void)state;
    for (size_t area = 0; area < ARRAY_COUNT(nodes); area++) {
        assert_int_equal(pmm_node_of(pfn(area * AREA_FRAMES)), nodes[area]);
        assert_int_equal(pmm_node_of(pfn((area + 1) * AREA_FRAMES - 1)), nodes[area]);
    }
    check_sums();
}

static void an_area_cut_by_borders(void **state)
{
    /* An area goes to the node that has most of it, however small the pieces are. */
    static const struct pmm_node_range cut[] = {
        RANGE(0, 2 * GiB, 0),
        RANGE(4 * GiB, 4 * GiB + 300 * MiB, 0),
        RANGE(4 * GiB + 300 * MiB, 4 * GiB + 700 * MiB, 1),
        RANGE(4 * GiB + 700 * MiB, 5 * GiB + 500 * MiB, 0),
        RANGE(5 * GiB + 500 * MiB, 8 * GiB + 700 * MiB, 1),
        RANGE(8 * GiB + 700 * MiB, 9 * GiB, 0),
        RANGE(9 * GiB, UINT64_C(1) << 50, 1),
    };
    struct pmm_topology two = {
        .node_count = 2, .ranges = cut, .range_count = ARRAY_COUNT(cut), .distance = distance
    };

    (void)state;
    MACHINE_BOOT(pieces);
    assert_ok(pmm_set_nodes(&two));
    assert_int_equal(pmm_node_of(pfn(4 * AREA_FRAMES)), 0); /* 624 of 1024 MiB */
    assert_int_equal(pmm_node_of(pfn(5 * AREA_FRAMES)), 1); /* 524 of 1024 MiB */
    assert_int_equal(pmm_node_of(pfn(8 * AREA_FRAMES)), 1); /* 700 of 1024 MiB, the lower ones */
    assert_int_equal(pmm_node_of(pfn(9 * AREA_FRAMES)), 1);
    check_sums();
}

/* Uses all memory up by runs of an order; the nodes must come in this order. */
static void expect_nodes(unsigned order, const unsigned *nodes, size_t count)
{
    struct pmm_stats stats;
    size_t at = 0;
    pfn_t first;

    while (pmm_alloc(order, FRAME_TEST, &first) == STATUS_OK) {
        unsigned node = pmm_node_of(first);

        while (at < count && nodes[at] != node)
            at++;
        if (at == count)
            fail_msg("frame 0x%llx of node %u came too late", (unsigned long long)pfn_value(first),
                     node);
    }
    pmm_get_stats(&stats);
    assert_int_equal(order == 0 ? stats.free_frames - stats.low_free_frames : stats.free_2m_blocks,
                     0);
}

static void the_nearest_first(void **state)
{
    /* Each processor uses its own node up, then the others by distance; the first 16 MiB come last. */
    static const unsigned from_1[] = { 1, 0, 3, 2, 0 };
    static const unsigned from_2[] = { 2, 0, 1, 3, 0 };

    for (unsigned order = 0; order <= PMM_ORDER_2M; order += PMM_ORDER_2M) {
        assert_int_equal(setup(state), 0);
        assert_ok(pmm_set_cpu_node(0, 1));
        assert_int_equal(pmm_node_here(), 1);
        expect_nodes(order, from_1, ARRAY_COUNT(from_1));
    }
    assert_int_equal(setup(state), 0);
    assert_ok(pmm_set_cpu_node(0, 2));
    expect_nodes(PMM_ORDER_2M, from_2, ARRAY_COUNT(from_2));
}

static void nodes_out_of_reach(void **state)
{
    /* What a processor cannot reach it is never given; who can, is. */
    struct pmm_node_stats stats;
    pfn_t frame;

    (void)state;
    assert_ok(pmm_set_cpu_node(0, 3));
    for (uint64_t blocks = 0; pmm_alloc(PMM_ORDER_2M, FRAME_TEST, &frame) == STATUS_OK; blocks++)
        assert_int_equal(pmm_node_of(frame), 3);
    assert_ok(pmm_get_node_stats(3, &stats));
    assert_int_equal(stats.free_frames, 0);
    assert_ok(pmm_set_cpu_node(0, 0));
    assert_ok(pmm_alloc(PMM_ORDER_2M, FRAME_TEST, &frame));
    assert_int_equal(pmm_node_of(frame), 0);
}

static void two_processors(void **state)
{
    /* Processors of two nodes allocate side by side, each from its own, by frames, blocks and in bulk. */
    pfn_t frames[600];

    (void)state;
    assert_ok(pmm_set_cpu_node(0, 1));
    assert_ok(pmm_set_cpu_node(1, 2));
    for (unsigned i = 0; i < 2000; i++) {
        unsigned cpu = (unsigned)machine_random_below(2);
        unsigned order = (unsigned)machine_random_below(11);

        host_cpu_set(cpu);
        assert_ok(pmm_alloc(order, FRAME_TEST, &frames[0]));
        assert_true(is_on(frames[0], UINT64_C(1) << order, cpu + 1));
        assert_ok(pmm_free(frames[0], order));
        assert_int_equal(pmm_alloc_bulk(FRAME_TEST, frames, 1 + order * 59), 1 + order * 59);
        for (unsigned f = 0; f < 1 + order * 59; f++)
            assert_int_equal(pmm_node_of(frames[f]), cpu + 1);
        assert_int_equal(pmm_free_bulk(frames, 1 + order * 59), 1 + order * 59);
    }
    host_cpu_set(1);
    pmm_drain();
    host_cpu_set(0);
    pmm_drain();
    check_sums();
    assert_ok(pmm_check());
}

static void this_node_and_no_other(void **state)
{
    /* A wish for a node is met from it, wherever the processor is, until it is used up to the last frame. */
    (void)state;
    for (unsigned node = 0; node < NODES; node++) {
        struct pmm_request request = {
            .count_frames = 300, .tag = FRAME_DMA, .flags = PMM_THIS_NODE, .node = node
        };
        struct pmm_node_stats stats;
        struct pmm_stats before;
        pfn_t first;

        pmm_get_stats(&before);
        for (request.count_frames = 70000; request.count_frames > 0; request.count_frames /= 2)
            while (pmm_alloc_run(&request, &first) == STATUS_OK)
                assert_true(is_on(first, request.count_frames, node));
        assert_ok(pmm_get_node_stats(node, &stats));
        assert_int_equal(stats.free_frames, node == 0 ? before.low_free_frames : 0);
        check_sums();
    }
    assert_ok(pmm_check());
}

static void this_node_below_a_limit(void **state)
{
    /* Node and limit hold both; where no frame satisfies both, the request fails. */
    struct pmm_request request = { .count_frames = 5, .tag = FRAME_DMA, .flags = PMM_THIS_NODE };
    pfn_t first;

    (void)state;
    for (unsigned node = 0; node < NODES; node++) {
        request.node = node;
        request.below = PMM_BELOW_4G;
        assert_int_equal(pmm_alloc_run(&request, &first), node == 0 ? STATUS_OK : STATUS_NO_MEMORY);
        request.below = PMM_BELOW_1M;
        assert_int_equal(pmm_alloc_run(&request, &first), node == 0 ? STATUS_OK : STATUS_NO_MEMORY);
    }
    request.node = 0;
    request.below = 0;
    request.count_frames = 2 * AREA_FRAMES; /* only node 1 and 3 have them in a row */
    assert_int_equal(pmm_alloc_run(&request, &first), STATUS_NO_MEMORY);
    request.node = 3;
    assert_ok(pmm_alloc_run(&request, &first));
    assert_int_equal(pfn_value(first), 8 * AREA_FRAMES);
    request.node = NODES;
    assert_int_equal(pmm_alloc_run(&request, &first), STATUS_INVALID);
}

static void counts_follow_changes(void **state)
{
    /* What is added or reserved is counted where it lies, also across a border. */
    struct pmm_node_stats before[NODES];
    struct pmm_node_stats after;
    pfn_t border = pfn(6 * AREA_FRAMES - 100);

    (void)state;
    for (unsigned node = 0; node < NODES; node++)
        assert_ok(pmm_get_node_stats(node, &before[node]));
    assert_ok(pmm_reserve(border, 300, FRAME_BAD));
    assert_ok(pmm_get_node_stats(1, &after));
    assert_int_equal(after.managed_frames, before[1].managed_frames - 100);
    assert_int_equal(after.free_frames, before[1].free_frames - 100);
    assert_ok(pmm_get_node_stats(2, &after));
    assert_int_equal(after.managed_frames, before[2].managed_frames - 200);
    assert_ok(pmm_add(pfn(0xa0), 0x10)); /* where video memory was */
    assert_ok(pmm_get_node_stats(0, &after));
    assert_int_equal(after.managed_frames, before[0].managed_frames + 0x10);
    check_sums();
}

static void wrong_topologies(void **state)
{
    /* Numbers out of range are refused, and so is a second description, or one that comes too late. */
    static const struct pmm_node_range wrong[] = {
        { .first = PFN(1), .count_frames = 0, .node = 0 },
        { .first = PFN(1), .count_frames = 1, .node = NODES },
        { .first = PFN(2), .count_frames = UINT64_MAX, .node = 0 },
    };
    struct pmm_topology bad = topology;

    (void)state;
    assert_int_equal(pmm_set_nodes(&topology), STATUS_EXISTS);
    MACHINE_BOOT(pieces);
    bad.range_count = 1;
    for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
        bad.ranges = &wrong[i];
        assert_int_equal(pmm_set_nodes(&bad), STATUS_INVALID);
    }
    bad = topology;
    bad.node_count = 0;
    assert_int_equal(pmm_set_nodes(&bad), STATUS_INVALID);
    bad.node_count = PMM_NODES_MAX + 1;
    assert_int_equal(pmm_set_nodes(&bad), STATUS_INVALID);
    assert_ok(pmm_reserve(pfn(5 * AREA_FRAMES), 1, FRAME_BAD));
    assert_int_equal(pmm_set_nodes(&topology), STATUS_BUSY);
    assert_int_equal(pmm_count_nodes(), 1);
    assert_int_equal(pmm_set_cpu_node(CONFIG_MAX_CPUS, 0), STATUS_INVALID);
}

static void tables_may_be_full(void **state)
{
    /* As many nodes and ranges as there may be are taken, one more of either is not; memory may end where numbers
     * do. */
    static struct pmm_node_range many[PMM_NODE_RANGES_MAX + 1];
    struct pmm_topology full = topology;
    static const struct pmm_node_range all[] = {
        { .first = PFN(1), .count_frames = UINT64_MAX - 1, .node = 0 },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(many); i++)
        many[i] = (struct pmm_node_range){ pfn(i * 64), 64, (unsigned)(i % NODES) };
    full.ranges = many;
    MACHINE_BOOT(pieces);
    full.range_count = PMM_NODE_RANGES_MAX + 1;
    assert_int_equal(pmm_set_nodes(&full), STATUS_INVALID);
    full.range_count = PMM_NODE_RANGES_MAX;
    assert_ok(pmm_set_nodes(&full));
    check_sums();
    MACHINE_BOOT(pieces);
    full.ranges = all;
    full.range_count = 1;
    assert_ok(pmm_set_nodes(&full));
    assert_int_equal(pmm_node_of(pfn(10 * AREA_FRAMES - 1)), 0);
    check_sums();
}

static uint8_t same_distance(void *context, unsigned from, unsigned to)
{
    (void)context;
    return from == to ? PMM_DISTANCE_LOCAL : 20;
}

static void as_many_nodes_as_there_may_be(void **state)
{
    /* The last node and the last processor are as good as others; the ones behind them are refused. */
    static const struct pmm_node_range last[] = { RANGE(9 * GiB, 10 * GiB, PMM_NODES_MAX - 1) };
    const struct pmm_topology most = {
        .node_count = PMM_NODES_MAX, .ranges = last, .range_count = 1, .distance = same_distance
    };
    struct pmm_node_stats stats;

    (void)state;
    MACHINE_BOOT(pieces);
    assert_ok(pmm_set_nodes(&most));
    assert_int_equal(pmm_count_nodes(), PMM_NODES_MAX);
    assert_int_equal(pmm_node_of(pfn(9 * AREA_FRAMES)), PMM_NODES_MAX - 1);
    assert_int_equal(pmm_node_of(pfn(9 * AREA_FRAMES - 1)), 0);
    assert_int_equal(pmm_node_of(pfn(10 * AREA_FRAMES)), 0);
    assert_ok(pmm_get_node_stats(PMM_NODES_MAX - 1, &stats));
    assert_int_equal(stats.managed_frames, AREA_FRAMES);
    assert_int_equal(pmm_get_node_stats(PMM_NODES_MAX, &stats), STATUS_INVALID);
    assert_ok(pmm_set_cpu_node(CONFIG_MAX_CPUS - 1, PMM_NODES_MAX - 1));
    assert_int_equal(pmm_set_cpu_node(CONFIG_MAX_CPUS, 0), STATUS_INVALID);
    assert_int_equal(pmm_set_cpu_node(0, PMM_NODES_MAX), STATUS_INVALID);
    check_sums();
}

static void random_topologies(void **state)
{
    /* Whatever the ranges are, spans cover all areas, the sums hold and wishes are met or refused. */
    for (unsigned round = 0; round < 60; round++) {
        struct pmm_node_range any[40];
        struct pmm_topology random = {
            .node_count = 1 + (unsigned)machine_random_below(NODES),
            .ranges = any,
            .range_count = machine_random_below(ARRAY_COUNT(any)),
            .distance = distance,
        };
        uint64_t seed = machine_random();

        assert_int_equal(setup(state), 0);
        MACHINE_BOOT(pieces);
        for (uint64_t i = 0; i < round + (seed & 7); i++)
            (void)machine_random();
        for (size_t i = 0; i < random.range_count; i++)
            any[i] = (struct pmm_node_range){
                .first = pfn(machine_random_below(11 * AREA_FRAMES)),
                .count_frames = 1 + machine_random_below(3 * AREA_FRAMES),
                .node = (unsigned)machine_random_below(random.node_count),
            };
        assert_ok(pmm_set_nodes(&random));
        for (unsigned i = 0; i < 50; i++) {
            struct pmm_request request = { .count_frames = 1 + machine_random_below(3000),
                                           .tag = FRAME_TEST,
                                           .flags = PMM_THIS_NODE,
                                           .node = (unsigned)machine_random_below(NODES) };
            pfn_t first;
            enum status status = pmm_alloc_run(&request, &first);

            if (request.node >= random.node_count)
                assert_int_equal(status, STATUS_INVALID);
            else if (status == STATUS_OK)
                assert_true(is_on(first, request.count_frames, request.node));
        }
        check_sums();
        assert_ok(pmm_check());
    }
}

static void the_most_spans(void **state)
{
    /* A node whose memory is cut by as many ranges of another as can be told: each area has its node. */
    static struct pmm_node_range cut[PMM_NODE_RANGES_MAX];
    static const struct machine_piece wide[] = {
        LOW_MEMORY(PAGE_SIZE, 0x9f000),
        FREE_MEMORY(MiB, GiB),
        FREE_MEMORY(2 * PMM_NODE_RANGES_MAX * GiB - MiB, 2 * PMM_NODE_RANGES_MAX * GiB),
    };
    const struct pmm_topology comb = {
        .node_count = 2, .ranges = cut, .range_count = ARRAY_COUNT(cut), .distance = distance
    };
    uint64_t before;

    (void)state;
    MACHINE_BOOT(wide);
    before = machine_free_frames();
    cut[0] = (struct pmm_node_range){ .first = pfn(0),
                                      .count_frames = 2 * ARRAY_COUNT(cut) * AREA_FRAMES,
                                      .node = 1 };
    for (size_t i = 1; i < ARRAY_COUNT(cut); i++)
        cut[i] = (struct pmm_node_range){ .first = pfn((2 * i - 1) * AREA_FRAMES),
                                          .count_frames = AREA_FRAMES,
                                          .node = 0 };
    assert_ok(pmm_set_nodes(&comb));
    for (size_t area = 0; area < 2 * ARRAY_COUNT(cut) - 1; area++)
        assert_int_equal(pmm_node_of(pfn(area * AREA_FRAMES)), area % 2 == 0);
    assert_int_equal(machine_free_frames(), before);
    check_sums();
}

static void nothing_before_the_start(void **state)
{
    /* Before there is an allocator, nodes can be neither told nor asked for, nor sites recorded. */
    struct pmm_node_stats stats = { .managed_frames = 42 };

    (void)state;
    assert_int_equal(pmm_set_nodes(&topology), STATUS_INVALID);
    assert_int_equal(pmm_get_node_stats(0, &stats), STATUS_INVALID);
    assert_int_equal(stats.managed_frames, 42);
    assert_int_equal(pmm_record_sites(), STATUS_INVALID);
    MACHINE_BOOT(pieces);
    assert_ok(pmm_set_nodes(&topology));
    assert_int_equal(pmm_get_node_stats(NODES, &stats), STATUS_INVALID);
    assert_ok(pmm_get_node_stats(0, &stats));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_before_the_start), /* the first: others start one */
        cmocka_unit_test(one_node_by_default),
        cmocka_unit_test_setup(every_area_has_its_node, setup),
        cmocka_unit_test(an_area_cut_by_borders),
        cmocka_unit_test(the_nearest_first),
        cmocka_unit_test_setup(nodes_out_of_reach, setup),
        cmocka_unit_test_setup(two_processors, setup),
        cmocka_unit_test_setup(this_node_and_no_other, setup),
        cmocka_unit_test_setup(this_node_below_a_limit, setup),
        cmocka_unit_test_setup(counts_follow_changes, setup),
        cmocka_unit_test_setup(tables_may_be_full, setup),
        cmocka_unit_test_setup(as_many_nodes_as_there_may_be, setup),
        cmocka_unit_test_setup(wrong_topologies, setup),
        cmocka_unit_test(random_topologies),
        cmocka_unit_test(the_most_spans),
    };

    return cmocka_run_group_tests(tests, NULL, machine_stop);
}
