/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pmm_place.c - which area serves a request.
 *
 * A processor has a home area that it takes from, so that processors meet at no lock as long as there
 * are areas enough. Memory above 4 GiB goes first, then what lies between 16 MiB and 4 GiB, then the
 * first 16 MiB: the lower, the more devices want it. Inside such a zone the order is
 *
 *     frames and orders 0 .. 8                        orders 9 .. 18
 *     1  partly free block of a lower own area
 *     2  home, a partly free block
 *     3  partly free block of another own area
 *     4  partly free block of any area                1  home
 *     5  home, a wholly free block
 *     6  wholly free block of a started own area      2  another started area
 *     7  an area that is wholly free, or not made     3  an area that is wholly free, or not made
 *     8  wholly free block of another area
 *     9  homes of other processors                    4  homes of other processors
 *
 * An area is a processor's own when it was its home last, or nobody's. That fills holes before it makes
 * new ones. Frames come from the lowest area that qualifies and runs of blocks from the highest, as inside
 * an area. Hence step 1: a processor that stays in its home while lower areas have holes would leave both
 * thin, and few blocks of either whole. A processor breaks a 1 GiB run of its own (7) before it settles
 * beside another one (8): where the frames of two lie side by side, each free takes lines of records, bits
 * and counts from the other.
 *
 * All of that happens on the nearest node first (pmm_node.c), then on the next. Only the first 16 MiB
 * wait until there is nothing else on any node.
 *
 * The steps are a table; each names the set of areas to try and what to do there. An area that
 * disappoints is passed by: one round over the table ends.
 */
#include "pmm_private.h"

/* One way to find areas. */
struct step {
    bool at_home;            /* only the processor's home */
    bool below_home;         /* only areas below it */
    bool own;                /* only areas where the processor lived last, or nobody did */
    bool whole;              /* look for wholly free blocks: the index of order 9 at least */
    bool fresh;              /* areas that are not made yet */
    bool moves_in;           /* a success makes the area the processor's home */
    enum pmm_index avoid[3]; /* areas that are in one of these are passed by */
};

#define AVOID_NONE                                                                                 \
    {                                                                                              \
        INDEX_COUNT                                                                                \
    }
#define AVOID_CLAIMED                                                                              \
    {                                                                                              \
        INDEX_CLAIMED, INDEX_COUNT                                                                 \
    }
#define AVOID_CLAIMED_AND_WHOLE                                                                    \
    {                                                                                              \
        INDEX_CLAIMED, INDEX_ORDER_MAX, INDEX_COUNT                                                \
    }

static const struct step small_steps[] = {
    { .below_home = true, .own = true, .moves_in = true, .avoid = AVOID_CLAIMED },
    { .at_home = true, .avoid = AVOID_NONE },
    { .own = true, .moves_in = true, .avoid = AVOID_CLAIMED },
    { .avoid = AVOID_CLAIMED },
    { .at_home = true, .whole = true, .avoid = AVOID_NONE },
    { .own = true, .whole = true, .moves_in = true, .avoid = AVOID_CLAIMED_AND_WHOLE },
    { .own = true, .whole = true, .moves_in = true, .avoid = AVOID_CLAIMED },
    { .fresh = true, .moves_in = true, .avoid = AVOID_CLAIMED },
    { .whole = true, .moves_in = true, .avoid = AVOID_CLAIMED },
    { .avoid = AVOID_NONE },
    { .whole = true, .avoid = AVOID_NONE },
};

static const struct step large_steps[] = {
    { .at_home = true, .whole = true, .avoid = AVOID_NONE },
    { .whole = true, .moves_in = true, .avoid = AVOID_CLAIMED_AND_WHOLE },
    { .whole = true, .moves_in = true, .avoid = AVOID_CLAIMED },
    { .fresh = true, .moves_in = true, .avoid = AVOID_CLAIMED },
    { .whole = true, .avoid = AVOID_NONE },
};

/* So many areas of others are passed by in search of one's own. */
#define FOREIGN_MAX 8u

/* The areas from .. end - 1 are to be tried. */
struct zone {
    uintptr_t from;
    uintptr_t end;
};

/* Makes the area the processor's home, unless another one was faster. */
static void move_in(struct pmm_cpu *cpu, struct pmm_area *area)
{
    irq_state_t irq = spin_lock(&pmm_state.lock);
    uintptr_t number = area->first >> AREA_ORDER;

    if (!pmm_sites_on && !index_has(INDEX_CLAIMED, number)) {
        if (cpu->home != NULL)
            index_remove(INDEX_CLAIMED, cpu->home->first >> AREA_ORDER);
        index_add(INDEX_CLAIMED, number);
        __atomic_store_n(&area->tenant, cpu, __ATOMIC_RELAXED);
        cpu->home = area;
    }
    spin_unlock(&pmm_state.lock, irq);
}

void pmm_leave_home(void)
{
    struct pmm_cpu *cpu = pmm_state.cpus[arch_cpu_id()];
    irq_state_t irq = spin_lock(&pmm_state.lock);

    if (cpu != NULL && cpu->home != NULL)
        index_remove(INDEX_CLAIMED, cpu->home->first >> AREA_ORDER);
    if (cpu != NULL)
        cpu->home = NULL;
    spin_unlock(&pmm_state.lock, irq);
}

/* The set of areas that a step looks through. */
static enum pmm_index index_of(const struct step *step, const struct pmm_job *job)
{
    unsigned order = job->order;

    if (step->fresh)
        return INDEX_FRESH;
    if (step->whole && order < BLOCK_ORDER)
        order = BLOCK_ORDER;
    return (enum pmm_index)(INDEX_ORDER_0 + order);
}

static bool try_area(struct pmm_area *area, const struct step *step, struct pmm_job *job,
                     bool (*take)(struct pmm_area *, struct pmm_job *))
{
    job->only_open = step->whole;
    job->may_open = step->whole || step->fresh;
    return take(area, job);
}

static bool try_home(struct pmm_cpu *cpu, const struct step *step, struct zone zone,
                     struct pmm_job *job, bool (*take)(struct pmm_area *, struct pmm_job *))
{
    uintptr_t number;

    if (cpu == NULL || cpu->home == NULL)
        return false;
    number = cpu->home->first >> AREA_ORDER;
    return number >= zone.from && number < zone.end && try_area(cpu->home, step, job, take);
}

/* Whether another processor lived in the area last. */
static bool is_foreign(const struct pmm_cpu *cpu, uintptr_t number)
{
    const struct pmm_area *area = area_if_ready(number);
    const struct pmm_cpu *tenant =
        area != NULL ? __atomic_load_n(&area->tenant, __ATOMIC_RELAXED) : NULL;

    return tenant != NULL && tenant != cpu;
}

static bool try_others(struct pmm_cpu *cpu, const struct step *step, struct zone zone,
                       struct pmm_job *job, bool (*take)(struct pmm_area *, struct pmm_job *))
{
    enum pmm_index index = index_of(step, job);
    bool downwards = job->order >= BLOCK_ORDER;
    unsigned foreign = 0;

    if (step->below_home)
        zone.end = cpu != NULL && cpu->home != NULL
                       ? min_frame(zone.end, cpu->home->first >> AREA_ORDER)
                       : zone.from;
    for (;;) {
        uintptr_t number = downwards ? index_last(index, step->avoid, zone.from, zone.end)
                                     : index_first(index, step->avoid, zone.from, zone.end);
        struct pmm_area *area;
        size_t before = job->got;

        if (number == NO_FRAME)
            return false;
        if (downwards)
            zone.end = number;
        else
            zone.from = number + 1;
        if (step->own && is_foreign(cpu, number)) {
            if (++foreign == FOREIGN_MAX)
                return false;
            continue;
        }
        area = area_make(number);
        if (area == NULL)
            continue;
        if (try_area(area, step, job, take)) {
            if (step->moves_in && cpu != NULL)
                move_in(cpu, area);
            return true;
        }
        if (step->moves_in && cpu != NULL && job->got > before)
            move_in(cpu, area);
    }
}

static bool place_in_zone(struct pmm_cpu *cpu, struct zone zone, struct pmm_job *job,
                          bool (*take)(struct pmm_area *, struct pmm_job *))
{
    bool small = job->order < BLOCK_ORDER;
    const struct step *step = small ? small_steps : large_steps;
    const struct step *end = step + (small ? ARRAY_COUNT(small_steps) : ARRAY_COUNT(large_steps));

    for (; step < end; step++)
        if (step->at_home ? try_home(cpu, step, zone, job, take)
                          : try_others(cpu, step, zone, job, take))
            return true;
    return false;
}

/* --- zones, and nodes -------------------------------------------------------------------- */

/* The function that looks through areas from .. end - 1. */
typedef bool place_fn(struct pmm_cpu *cpu, struct zone areas, struct pmm_job *job,
                      bool (*take)(struct pmm_area *, struct pmm_job *));

/* Above 4 GiB, then below, but for the first 16 MiB. */
static bool place_sparing(struct pmm_cpu *cpu, struct zone areas, struct pmm_job *job,
                          bool (*take)(struct pmm_area *, struct pmm_job *))
{
    struct zone high = { .from = max_frame(areas.from, AREAS_BELOW_4G), .end = areas.end };
    struct zone low = { .from = areas.from, .end = min_frame(areas.end, AREAS_BELOW_4G) };

    job->spare = false;
    if (place_in_zone(cpu, high, job, take))
        return true;
    job->spare = job->end > SCARCE_BLOCKS * BLOCK_FRAMES;
    return job->spare && place_in_zone(cpu, low, job, take);
}

/* Below 4 GiB, anything. */
static bool place_low(struct pmm_cpu *cpu, struct zone areas, struct pmm_job *job,
                      bool (*take)(struct pmm_area *, struct pmm_job *))
{
    areas.end = min_frame(areas.end, AREAS_BELOW_4G);
    job->spare = false;
    return place_in_zone(cpu, areas, job, take);
}

static bool place_on_node(struct pmm_cpu *cpu, unsigned node, uintptr_t end, place_fn *place,
                          struct pmm_job *job, bool (*take)(struct pmm_area *, struct pmm_job *))
{
    for (unsigned i = 0; i < pmm_nodes.span_count; i++) {
        const struct pmm_node_span *span = &pmm_nodes.spans[i];
        struct zone areas = { .from = span->first, .end = min_frame(span->end, end) };

        if (span->node == node && areas.from < areas.end && place(cpu, areas, job, take))
            return true;
    }
    return false;
}

/* On the node that is wished for, or on all that can be reached, the nearest first. */
static bool place_by_node(struct pmm_cpu *cpu, uintptr_t end, place_fn *place, struct pmm_job *job,
                          bool (*take)(struct pmm_area *, struct pmm_job *))
{
    unsigned here = pmm_node_here();

    if (job->only_node != 0)
        return place_on_node(cpu, job->only_node - 1, end, place, job, take);
    for (unsigned i = 0; i < pmm_nodes.reachable[here]; i++)
        if (place_on_node(cpu, pmm_nodes.order[here][i], end, place, job, take))
            return true;
    return false;
}

bool pmm_place(struct pmm_cpu *cpu, struct pmm_job *job,
               bool (*take)(struct pmm_area *area, struct pmm_job *job))
{
    uintptr_t last = min_frame(job->end, pmm_frames_end());
    struct zone areas = { .from = 0, .end = (last + AREA_FRAMES - 1) >> AREA_ORDER };

    if (pmm_nodes.count > 1)
        return place_by_node(cpu, areas.end, place_sparing, job, take) ||
               place_by_node(cpu, areas.end, place_low, job, take);
    return place_sparing(cpu, areas, job, take) || place_low(cpu, areas, job, take);
}
