/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pmm_node.c - which areas belong to which node, and where a processor looks first.
 *
 *     ranges of SRAT    |--- 0 ---|  hole  |-- 0 --|------- 1 -------|
 *     areas             |    |    |    |    |    |    |    |    |    |
 *     spans             |-------------- 0 -------------|----- 1 -----|
 *
 * An area is the smallest thing that has a node, since all that the allocator knows of free memory it
 * knows by area: the index, homes, locks. Where a border cuts an area, who has most of it gets it. The
 * spans cover all areas and are in ascending order.
 *
 * For each node the others are sorted by distance, once. pmm_place.c then goes through the spans of the
 * nearest node, of the second nearest, and so on. On a machine of one node there is nothing of all
 * this: count is 0, and a request costs a comparison more, once in 128.
 *
 * Never changed after pmm_set_nodes() but for the nodes of processors and the counts, which
 * pmm_state.lock guards.
 */
#include "mm/pmm_node.h"

#include "pmm_private.h"

#include "arch/cpu.h"
#include "lib/assert.h"
#include "lib/string.h"

struct pmm_nodes pmm_nodes;

/* --- who has an area --------------------------------------------------------------------- */

/* How many frames of [first, end) the range has. */
static uintptr_t overlap(const struct pmm_node_range *range, uintptr_t first, uintptr_t end)
{
    uint64_t from = max_u64(pfn_value(range->first), first);
    uint64_t to = min_u64(pfn_value(range->first) + range->count_frames, end);

    return to > from ? (uintptr_t)(to - from) : 0;
}

/* The node that has most of the area; `otherwise` if none has any. */
static unsigned owner_of(const struct pmm_topology *topology, uintptr_t area, unsigned otherwise)
{
    uintptr_t shares[PMM_NODES_MAX] = { 0 };
    uintptr_t most = 0;
    unsigned owner = otherwise;

    for (size_t i = 0; i < topology->range_count; i++) {
        const struct pmm_node_range *range = &topology->ranges[i];

        shares[range->node] += overlap(range, area << AREA_ORDER, (area + 1) << AREA_ORDER);
    }
    for (unsigned node = 0; node < topology->node_count; node++) {
        if (shares[node] > most) {
            most = shares[node];
            owner = node;
        }
    }
    return owner;
}

/* The first area above `area` where the owner may be another one: a range begins or ends in it, or in
 * the one before. */
static uintptr_t next_change(const struct pmm_topology *topology, uintptr_t area)
{
    uint64_t next = pmm_state.area_count;

    for (size_t i = 0; i < topology->range_count; i++) {
        uint64_t first = pfn_value(topology->ranges[i].first);
        uint64_t last = first + topology->ranges[i].count_frames - 1;
        const uint64_t places[] = { first >> AREA_ORDER, (first >> AREA_ORDER) + 1,
                                    last >> AREA_ORDER, (last >> AREA_ORDER) + 1 };

        for (size_t p = 0; p < ARRAY_COUNT(places); p++)
            if (places[p] > area)
                next = min_u64(next, places[p]);
    }
    return (uintptr_t)next;
}

/* Appends areas of one node. The table holds two spans a range, and there are no more: where the owner
 * changes, the new one's share rose or the old one's fell, and a range does each but once. It rises in
 * two areas at most, which follow each other, and its node cannot win the second who has the first;
 * it falls likewise. The range that ends last never loses an area to anybody. */
static void append_span(uintptr_t first, uintptr_t end, unsigned node)
{
    struct pmm_node_span *last = pmm_nodes.spans + pmm_nodes.span_count;

    if (pmm_nodes.span_count > 0 && last[-1].node == node) {
        last[-1].end = end;
        return;
    }
    VERIFY(pmm_nodes.span_count < PMM_NODE_SPANS);
    *last = (struct pmm_node_span){ .first = first, .end = end, .node = node };
    pmm_nodes.span_count++;
}

static void make_spans(const struct pmm_topology *topology)
{
    unsigned owner = 0;

    pmm_nodes.span_count = 0;
    for (uintptr_t area = 0, next; area < pmm_state.area_count; area = next) {
        next = next_change(topology, area);
        owner = owner_of(topology, area, owner);
        append_span(area, next, owner);
    }
}

static const struct pmm_node_span *span_with(uintptr_t area)
{
    const struct pmm_node_span *span = pmm_nodes.spans;

    while (span + 1 < pmm_nodes.spans + pmm_nodes.span_count && span->end <= area)
        span++;
    return span;
}

/* --- who is near whom -------------------------------------------------------------------- */

/* Puts `node` into its place among the `count` neighbours of `from`, which are sorted. */
static void insert_neighbour(unsigned from, unsigned count, unsigned node)
{
    const uint8_t *distances = pmm_nodes.distances[from];
    uint8_t *order = pmm_nodes.order[from];

    while (count > 1 && distances[order[count - 1]] > distances[node]) {
        order[count] = order[count - 1];
        count--;
    }
    order[count] = (uint8_t)node;
}

static void sort_neighbours(const struct pmm_topology *topology, unsigned from)
{
    unsigned count = 1;

    pmm_nodes.order[from][0] = (uint8_t)from;
    for (unsigned to = 0; to < topology->node_count; to++) {
        uint8_t distance = topology->distance(topology->context, from, to);

        pmm_nodes.distances[from][to] = to == from ? PMM_DISTANCE_LOCAL : distance;
        if (to != from && distance != PMM_DISTANCE_NONE)
            insert_neighbour(from, count++, to);
    }
    pmm_nodes.reachable[from] = (uint8_t)count;
}

/* --- counts ------------------------------------------------------------------------------ */

void pmm_nodes_count(uintptr_t first, uintptr_t count, bool come)
{
    for (uintptr_t done = 0, part; pmm_nodes.count != 0 && done < count; done += part) {
        const struct pmm_node_span *span = span_with((first + done) >> AREA_ORDER);

        part = min_frame(count - done, (span->end << AREA_ORDER) - first - done);
        pmm_nodes.managed[span->node] += come ? part : (uint64_t)0 - part;
    }
}

static uint64_t count_extents(void)
{
    uint64_t frames = 0;

    for (const struct pmm_extent *extent = pmm_state.extents; extent < extent_end(); extent++)
        frames += extent->end - extent->first;
    return frames;
}

/* What areas that are not made have free in [first, end), by the extents. */
static void add_fresh(uintptr_t first, uintptr_t end, struct pmm_node_stats *stats)
{
    for (const struct pmm_extent *extent = extent_above(first);
         extent < extent_end() && extent->first < end; extent++) {
        uintptr_t from = max_frame(extent->first, first);
        uintptr_t to = min_frame(extent->end, end);
        uintptr_t whole = (from + BLOCK_FRAMES - 1) / BLOCK_FRAMES;

        if (extent->tag != FRAME_FREE)
            continue;
        stats->free_frames += to - from;
        stats->free_2m_blocks += to / BLOCK_FRAMES > whole ? to / BLOCK_FRAMES - whole : 0;
    }
}

static void add_made(struct pmm_area *area, struct pmm_node_stats *stats)
{
    irq_state_t irq = spin_lock(&area->lock);

    stats->free_frames += area_free_frames(area);
    stats->free_2m_blocks += area->whole_count;
    spin_unlock(&area->lock, irq);
}

static void add_areas(uintptr_t number, uintptr_t end, struct pmm_node_stats *stats)
{
    if (number == 0 && pmm_state.low != NULL)
        add_made(pmm_state.low, stats);
    for (; number < end; number++) {
        struct pmm_area *area = area_if_ready(number);
        uintptr_t start = number << AREA_ORDER;

        if (area != NULL)
            add_made(area, stats);
        else
            add_fresh(max_frame(start, LOW_FRAMES), start + AREA_FRAMES, stats);
    }
}

/* --- interface --------------------------------------------------------------------------- */

static bool topology_is_valid(const struct pmm_topology *topology)
{
    if (topology->node_count == 0 || topology->node_count > PMM_NODES_MAX ||
        topology->range_count > PMM_NODE_RANGES_MAX)
        return false;
    for (size_t i = 0; i < topology->range_count; i++) {
        const struct pmm_node_range *range = &topology->ranges[i];

        if (range->node >= topology->node_count || range->count_frames == 0 ||
            range->count_frames > UINT64_MAX - pfn_value(range->first))
            return false;
    }
    return true;
}

enum status pmm_set_nodes(const struct pmm_topology *topology)
{
    if (pmm_state.general_frames == 0 || !topology_is_valid(topology))
        return STATUS_INVALID;
    if (pmm_nodes.count != 0)
        return STATUS_EXISTS;
    if (count_extents() != pmm_state.managed_frames)
        return STATUS_BUSY;
    make_spans(topology);
    for (unsigned node = 0; node < topology->node_count; node++) {
        sort_neighbours(topology, node);
        pmm_nodes.managed[node] = 0;
    }
    memset(pmm_nodes.of_cpu, 0, sizeof(pmm_nodes.of_cpu));
    pmm_nodes.count = topology->node_count;
    for (const struct pmm_extent *extent = pmm_state.extents; extent < extent_end(); extent++)
        pmm_nodes_count(extent->first, extent->end - extent->first, true);
    pmm_drain();
    pmm_leave_home();
    return STATUS_OK;
}

enum status pmm_set_cpu_node(unsigned cpu, unsigned node)
{
    if (cpu >= CONFIG_MAX_CPUS || node >= pmm_count_nodes())
        return STATUS_INVALID;
    __atomic_store_n(&pmm_nodes.of_cpu[cpu], (uint8_t)node, __ATOMIC_RELAXED);
    if (cpu == arch_cpu_id()) {
        pmm_drain();
        pmm_leave_home();
    }
    return STATUS_OK;
}

unsigned pmm_count_nodes(void)
{
    return pmm_nodes.count != 0 ? pmm_nodes.count : 1;
}

unsigned pmm_node_of(pfn_t frame)
{
    if (pmm_nodes.count == 0 || pfn_value(frame) >= pmm_frames_end())
        return 0;
    return span_with(pfn_value(frame) >> AREA_ORDER)->node;
}

unsigned pmm_node_here(void)
{
    if (pmm_nodes.count == 0)
        return 0;
    return __atomic_load_n(&pmm_nodes.of_cpu[arch_cpu_id()], __ATOMIC_RELAXED);
}

unsigned pmm_node_distance(unsigned from, unsigned to)
{
    return pmm_nodes.count == 0 ? PMM_DISTANCE_LOCAL : pmm_nodes.distances[from][to];
}

enum status pmm_get_node_stats(unsigned node, struct pmm_node_stats *stats)
{
    struct pmm_node_stats found = { 0 };
    irq_state_t irq;

    if (pmm_state.general_frames == 0 || node >= pmm_count_nodes())
        return STATUS_INVALID;
    if (pmm_nodes.count == 0)
        add_areas(0, pmm_state.area_count, &found);
    for (unsigned i = 0; pmm_nodes.count != 0 && i < pmm_nodes.span_count; i++)
        if (pmm_nodes.spans[i].node == node)
            add_areas(pmm_nodes.spans[i].first, pmm_nodes.spans[i].end, &found);
    irq = spin_lock(&pmm_state.lock);
    found.managed_frames =
        pmm_nodes.count == 0 ? pmm_state.managed_frames : pmm_nodes.managed[node];
    spin_unlock(&pmm_state.lock, irq);
    *stats = found;
    return STATUS_OK;
}
