/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_pmm_model.c - the frame allocator under random load against an obvious model.
 *
 * The model is one number a frame: what it is. It knows nothing of areas, blocks and orders; whether
 * a request could have been served, it finds out by looking at every place.
 */
#include "pmm_machine.h"

/* What the model says of a frame. */
enum {
    NOT_MANAGED,
    IS_FREE,
    IS_HELD,     /* since before the PMM */
    FIRST_OWNER, /* from here on: number of the allocation that it belongs to */
};

#define TOP_FRAME       ((9 * GiB) >> PAGE_SHIFT)
#define GENERAL         256u /* the first frame of general memory */
#define ALLOCATIONS_MAX 4096u

struct allocation {
    uintptr_t first;
    uintptr_t count;
    bool is_run; /* still whole: goes back at once */
};

static uint32_t *frames; /* [TOP_FRAME] */
static struct allocation allocations[ALLOCATIONS_MAX];
static size_t allocation_count;

static const struct machine_piece pieces[] = {
    LOW_MEMORY(PAGE_SIZE, 0x9f000),
    FREE_MEMORY(MiB, 13 * MiB),
    OTHER_MEMORY(13 * MiB, 14 * MiB, E820_ACPI_DATA),
    FREE_MEMORY(14 * MiB + 5 * PAGE_SIZE, 30 * MiB),
    HELD_MEMORY(30 * MiB, 33 * MiB + PAGE_SIZE, REGION_TAG_KERNEL),
    FREE_MEMORY(33 * MiB + PAGE_SIZE, 61 * MiB),
    FREE_MEMORY(1 * GiB - 7 * MiB, 1 * GiB + 5 * MiB),
    FREE_MEMORY(4 * GiB, 4 * GiB + 21 * MiB),
    FREE_MEMORY(6 * GiB - 9 * MiB, 6 * GiB),
    FREE_MEMORY(6 * GiB, 6 * GiB + 11 * MiB),
    FREE_MEMORY(8 * GiB + 512 * MiB + PAGE_SIZE, 8 * GiB + 512 * MiB + 2 * PAGE_SIZE),
};

/* --- the model --------------------------------------------------------------------------- */

static void mark(uint64_t base, uint64_t size_bytes, uint32_t what)
{
    for (uint64_t frame = base >> PAGE_SHIFT; frame < (base + size_bytes) >> PAGE_SHIFT; frame++)
        frames[frame] = what;
}

static void mark_used(void *context, paddr_t base, uint64_t size_bytes)
{
    (void)context;
    mark(pa_value(base), size_bytes, IS_HELD);
}

static void model_start(void)
{
    frames = calloc(TOP_FRAME, sizeof(*frames));
    assert_non_null(frames);
    allocation_count = 0;
    MACHINE_BOOT(pieces);
    for (size_t i = 0; i < ARRAY_COUNT(pieces); i++) {
        if (pieces[i].type == E820_USABLE || pieces[i].tag == REGION_TAG_LOW)
            mark(pieces[i].base, pieces[i].size_bytes,
                 pieces[i].tag == REGION_TAG_KERNEL ? IS_HELD : IS_FREE);
    }
    bump_used(mark_used, NULL);
}

static void model_stop(void)
{
    free(frames);
    machine_stop(NULL);
}

static uint64_t model_count(uint32_t what)
{
    uint64_t count = 0;

    for (size_t i = 0; i < ARRAY_COUNT(pieces); i++)
        for (uintptr_t frame = pieces[i].base >> PAGE_SHIFT;
             frame < (pieces[i].base + pieces[i].size_bytes) >> PAGE_SHIFT; frame++)
            count += frames[frame] == what;
    return count;
}

/* Whether some place suits the request, looking at every frame of one stretch. */
static bool stretch_has_room(uintptr_t from, uintptr_t end, uintptr_t count, uintptr_t align)
{
    uintptr_t length = 0;

    for (uintptr_t frame = from; frame < end; frame++) {
        length = frames[frame] == IS_FREE ? length + 1 : 0;
        if (length >= count && frame + 1 - align_up(frame + 1 - length, align) >= count &&
            align_up(frame + 1 - length, align) <= frame)
            return true;
    }
    return false;
}

static bool model_has_room(uintptr_t count, uintptr_t align, uint64_t below)
{
    uintptr_t limit = below == PMM_ANYWHERE ? TOP_FRAME : below >> PAGE_SHIFT;
    uintptr_t start = limit <= GENERAL ? 0 : GENERAL;

    for (size_t i = 0; i < ARRAY_COUNT(pieces); i++) {
        uintptr_t from = max_u64(pieces[i].base >> PAGE_SHIFT, start);
        uintptr_t end = (pieces[i].base + pieces[i].size_bytes) >> PAGE_SHIFT;

        /* Rows that touch are one stretch. */
        while (i + 1 < ARRAY_COUNT(pieces) && pieces[i + 1].base >> PAGE_SHIFT == end) {
            i++;
            end = (pieces[i].base + pieces[i].size_bytes) >> PAGE_SHIFT;
        }
        if (stretch_has_room(from, min_u64(end, limit), count, align))
            return true;
    }
    return false;
}

/* --- what both do ------------------------------------------------------------------------ */

static void note_allocation(pfn_t first, uintptr_t count)
{
    static uint32_t next_owner = FIRST_OWNER;
    uint32_t owner = next_owner++;

    for (uintptr_t frame = pfn_value(first); frame < pfn_value(first) + count; frame++) {
        assert_true(frame < TOP_FRAME);
        assert_int_equal(frames[frame], IS_FREE);
        frames[frame] = owner;
    }
    allocations[allocation_count++] =
        (struct allocation){ .first = pfn_value(first), .count = count, .is_run = true };
}

static void note_free(uintptr_t first, uintptr_t count)
{
    for (uintptr_t frame = first; frame < first + count; frame++) {
        assert_true(frames[frame] >= FIRST_OWNER);
        frames[frame] = IS_FREE;
    }
}

static void forget(size_t index)
{
    allocations[index] = allocations[--allocation_count];
}

static void allocate_order(void)
{
    unsigned order = machine_random_below(4) != 0 ? 0 : (unsigned)machine_random_below(13);
    pfn_t first;
    enum status status = pmm_alloc(order, FRAME_TEST, &first);

    if (status == STATUS_OK) {
        assert_true(is_aligned(pfn_value(first), (uint64_t)1 << order));
        assert_true(pfn_value(first) >= GENERAL);
        note_allocation(first, (uintptr_t)1 << order);
        return;
    }
    assert_int_equal(status, STATUS_NO_MEMORY);
    assert_false(model_has_room((uintptr_t)1 << order, (uintptr_t)1 << order, PMM_ANYWHERE));
}

static uint64_t random_limit(void)
{
    static const uint64_t limits[] = { PMM_ANYWHERE,  PMM_ANYWHERE, PMM_BELOW_1M,
                                       PMM_BELOW_16M, PMM_BELOW_4G, 300 * KiB };

    if (machine_random_below(4) == 0)
        return MiB + (1 + machine_random_below(8 * 1024)) * MiB / 4;
    return limits[machine_random_below(ARRAY_COUNT(limits))];
}

static void allocate_run(void)
{
    struct pmm_request request = {
        .count_frames = 1 + machine_random_below(machine_random_below(8) == 0 ? 3000 : 40),
        .below = random_limit(),
        .align_frames = machine_random_below(2) == 0 ? 0 : (uint64_t)1 << machine_random_below(11),
        .tag = FRAME_TEST,
        .flags = machine_random_below(8) == 0 ? PMM_NO_CACHE : 0,
        .node = machine_random_below(2) == 0 ? 0 : PMM_ANY_NODE,
    };
    uint64_t align = max_u64(request.align_frames, 1);
    pfn_t first;
    enum status status;

    if (is_power_of_two(request.count_frames))
        align = max_u64(align, request.count_frames);
    status = pmm_alloc_run(&request, &first);
    if (status == STATUS_OK) {
        assert_true(is_aligned(pfn_value(first), align));
        if (request.below != PMM_ANYWHERE)
            assert_true((pfn_value(first) + request.count_frames) << PAGE_SHIFT <= request.below);
        if (request.below == PMM_ANYWHERE || request.below > MiB)
            assert_true(pfn_value(first) >= GENERAL);
        note_allocation(first, request.count_frames);
        return;
    }
    assert_int_equal(status, STATUS_NO_MEMORY);
    assert_false(model_has_room(request.count_frames, align, request.below));
}

static void allocate_bulk(void)
{
    pfn_t some[700];
    size_t want = 1 + machine_random_below(ARRAY_COUNT(some));
    size_t got;

    want = min_u64(want, ALLOCATIONS_MAX - allocation_count);
    got = pmm_alloc_bulk(FRAME_TEST, some, want);
    for (size_t i = 0; i < got; i++)
        note_allocation(some[i], 1);
    if (got < want)
        assert_false(model_has_room(1, 1, PMM_ANYWHERE));
}

static enum status free_whole(const struct allocation *allocation)
{
    bool has_order =
        is_power_of_two(allocation->count) && is_aligned(allocation->first, allocation->count);

    if (has_order && machine_random_below(2) == 0)
        return pmm_free(pfn(allocation->first), highest_bit(allocation->count));
    return pmm_free_run(pfn(allocation->first), allocation->count);
}

static void free_one(void)
{
    size_t index = machine_random_below(allocation_count);
    struct allocation allocation = allocations[index];

    if (machine_random_below(6) == 0) {
        for (uintptr_t i = 0; i < allocation.count; i++)
            assert_ok(pmm_free_frame(pfn(allocation.first + i)));
    } else {
        assert_ok(free_whole(&allocation));
    }
    note_free(allocation.first, allocation.count);
    forget(index);
}

static void free_bulk(void)
{
    pfn_t some[300];
    size_t count = 0;

    for (size_t i = 0; i < allocation_count && count < ARRAY_COUNT(some);) {
        if (allocations[i].count != 1 || machine_random_below(3) == 0) {
            i++;
            continue;
        }
        some[count++] = pfn(allocations[i].first);
        note_free(allocations[i].first, 1);
        forget(i);
    }
    assert_int_equal(pmm_free_bulk(some, count), count);
}

static void free_wrongly(void)
{
    const struct allocation *allocation = &allocations[machine_random_below(allocation_count)];
    uintptr_t count = allocation->count;
    uintptr_t frame = machine_random_below(TOP_FRAME);

    assert_refused(pmm_free_run(pfn(allocation->first), count + 1), "refused");
    if (count > 2) {
        assert_refused(pmm_free_run(pfn(allocation->first), count - 1), "longer");
        assert_refused(pmm_free_run(pfn(allocation->first + 1), count - 1), "inside");
    }
    if (frames[frame] == IS_FREE || frames[frame] == NOT_MANAGED)
        assert_refused(pmm_free_frame(pfn(frame)), "refused");
    host_log_clear();
}

static void share_one(void)
{
    const struct allocation *allocation = &allocations[machine_random_below(allocation_count)];
    pfn_t frame = pfn(allocation->first + machine_random_below(allocation->count));
    unsigned others = 1 + (unsigned)machine_random_below(5);

    for (unsigned i = 0; i < others; i++)
        frame_get(frame);
    assert_int_equal(frame_references(frame), others + 1);
    assert_refused(pmm_free_frame(frame), "reference");
    assert_refused(pmm_free_run(pfn(allocation->first), allocation->count), "reference");
    for (unsigned i = 0; i < others; i++)
        assert_false(frame_put(frame));
}

/* --- comparing --------------------------------------------------------------------------- */

struct comparison {
    uintptr_t next; /* everything below has been compared */
    uint64_t free;
};

static bool compare_run(void *context, pfn_t first, uint64_t count)
{
    struct comparison *comparison = context;
    uintptr_t end = pfn_value(first) + count;

    assert_true(pfn_value(first) >= comparison->next && end <= TOP_FRAME);
    for (uintptr_t frame = pfn_value(first); frame < end; frame++)
        assert_int_equal(frames[frame], IS_FREE);
    assert_int_not_equal(frames[pfn_value(first) - 1], IS_FREE);
    assert_true(end == TOP_FRAME || frames[end] != IS_FREE);
    comparison->next = end;
    comparison->free += count;
    return true;
}

static void compare(void)
{
    struct comparison comparison = { .next = 0 };
    struct frame_info info;

    assert_ok(pmm_check());
    assert_int_equal(machine_free_frames(), model_count(IS_FREE));
    pmm_visit_free(compare_run, &comparison);
    assert_int_equal(comparison.free, model_count(IS_FREE));
    for (unsigned i = 0; i < 200; i++) {
        uintptr_t frame = machine_random_below(TOP_FRAME);

        frame_describe(pfn(frame), &info);
        assert_int_equal(info.managed, frames[frame] != NOT_MANAGED);
        assert_int_equal(info.managed && info.references == 0, frames[frame] == IS_FREE);
    }
}

static void step(unsigned pressure)
{
    unsigned choice = (unsigned)machine_random_below(100);

    if (allocation_count == 0 || (choice < pressure && allocation_count + 1 < ALLOCATIONS_MAX)) {
        switch (machine_random_below(8)) {
        case 0:
            allocate_bulk();
            break;
        case 1:
        case 2:
        case 3:
            allocate_run();
            break;
        default:
            allocate_order();
            break;
        }
        return;
    }
    switch (machine_random_below(40)) {
    case 0:
        free_bulk();
        break;
    case 1:
        pmm_drain();
        break;
    case 2:
        free_wrongly();
        break;
    case 3:
        share_one();
        break;
    default:
        free_one();
        break;
    }
}

static void random_load(void **state)
{
    /* Whatever is allocated and freed in whatever order, the allocator and a model of one number a
     * frame agree: nothing is lost, nothing is twice, a request fails only if no place suits it. */
    uint64_t at_start;

    (void)state;
    model_start();
    at_start = machine_free_frames();
    for (unsigned round = 0; round < 60; round++) {
        unsigned pressure = (unsigned)(20 + machine_random_below(65));

        for (unsigned i = 0; i < 250; i++)
            step(pressure);
        compare();
    }
    while (allocation_count > 0)
        free_one();
    compare();
    assert_int_equal(machine_free_frames(), at_start);
    model_stop();
}

static void exhaustion_with_orders(void **state)
{
    /* Filled to the last frame with falling orders and emptied at random, memory is as it was: the
     * same largest order, the same number of 2 MiB blocks. */
    struct pmm_stats before;
    struct pmm_stats after;

    (void)state;
    model_start();
    pmm_get_stats(&before);
    for (unsigned order = 13; order-- > 0;) {
        pfn_t first;

        while (allocation_count < ALLOCATIONS_MAX &&
               pmm_alloc(order, FRAME_TEST, &first) == STATUS_OK)
            note_allocation(first, (uintptr_t)1 << order);
        assert_false(model_has_room((uintptr_t)1 << order, (uintptr_t)1 << order, PMM_ANYWHERE));
        compare();
    }
    assert_int_equal(model_count(IS_FREE), before.low_free_frames);
    while (allocation_count > 0)
        free_one();
    pmm_drain();
    compare();
    pmm_get_stats(&after);
    assert_int_equal(after.free_frames, before.free_frames);
    assert_int_equal(after.free_2m_blocks, before.free_2m_blocks);
    assert_int_equal(after.largest_free_order, before.largest_free_order);
    model_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_load),
        cmocka_unit_test(exhaustion_with_orders),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
