/* SPDX-License-Identifier: BSD-2-Clause
 *
 * selftest_pmm.c - frames under random load, against a model; and to the last one.
 *
 * The model is a list of the runs that are held: first frame, length, and a stamp. The stamp is
 * written into the first and the last frame of the run; when the run goes back, both are still
 * there, or somebody else was given the same frame. Besides, a new run is compared with every run
 * held, so that even frames that nobody wrote to cannot be handed out twice. Memory: the list,
 * and at most an eighth of what is free.
 */

#include "diag/selftest_case.h"
#include "arch/mmu.h"
#include "lib/bits.h"
#include "mm/pmm.h"

#define SLOTS      256
#define OPERATIONS 6000

struct run {
    pfn_t first;
    uint64_t count_frames; /* 0: the slot is empty */
    uint64_t stamp;
    unsigned order;
    bool by_order; /* given by pmm_alloc(), goes back by pmm_free() */
};

static struct run runs[SLOTS];
static uint64_t held_frames;
static uint64_t most_frames;

/* --- stamps ---------------------------------------------------------------------------------- */

static void stamp_run(struct selftest *test, struct run *run)
{
    run->stamp = selftest_random(test);
    selftest_frame_write(run->first, run->stamp);
    selftest_frame_write(pfn_add(run->first, run->count_frames - 1), run->stamp);
}

static bool check_stamps(struct selftest *test, const struct run *run)
{
    pfn_t last = pfn_add(run->first, run->count_frames - 1);

    return selftest_check(
        test,
        selftest_frame_read(run->first) == run->stamp && selftest_frame_read(last) == run->stamp,
        "frame 0x%llx, %llu frames: somebody else wrote to it",
        (unsigned long long)pfn_value(run->first), (unsigned long long)run->count_frames);
}

static bool check_alone(struct selftest *test, const struct run *run)
{
    uintptr_t start = pfn_value(run->first);
    uintptr_t end = start + (uintptr_t)run->count_frames;

    for (size_t i = 0; i < SLOTS; i++) {
        const struct run *other = &runs[i];

        if (other == run || other->count_frames == 0)
            continue;
        if (start < pfn_value(other->first) + other->count_frames && pfn_value(other->first) < end)
            return selftest_check(test, false, "frame 0x%llx was handed out twice",
                                  (unsigned long long)start);
    }
    return selftest_check(test, true, " ");
}

/* --- taking and giving back ------------------------------------------------------------------ */

static bool check_tag(struct selftest *test, pfn_t frame)
{
    struct frame_info info;

    frame_describe(frame, &info);
    return selftest_check(test, info.managed && info.tag == FRAME_TEST && info.references == 1,
                          "frame 0x%llx is %s with %u references, not a test's with one",
                          (unsigned long long)pfn_value(frame), frame_tag_name(info.tag),
                          info.references);
}

static bool check_zeroed(struct selftest *test, pfn_t frame)
{
    uint64_t *words = arch_frame_map(pfn_to_pa(frame));
    uint64_t sum = 0;

    for (size_t i = 0; i < PAGE_SIZE / sizeof *words; i++)
        sum |= words[i];
    arch_frame_unmap(words);
    return selftest_check(test, sum == 0, "frame 0x%llx was asked for zeroed and is not",
                          (unsigned long long)pfn_value(frame));
}

static bool check_constraints(struct selftest *test, const struct run *run,
                              const struct pmm_request *request)
{
    uint64_t first = pfn_value(run->first);
    uint64_t end = (first + run->count_frames) << PAGE_SHIFT;

    if (request->below != PMM_ANYWHERE &&
        !selftest_check(test, end <= request->below, "a run ends at 0x%llx, asked below 0x%llx",
                        (unsigned long long)end, (unsigned long long)request->below))
        return false;
    return selftest_check(test,
                          request->align_frames == 0 || is_aligned(first, request->align_frames),
                          "frame 0x%llx is not aligned to %llu frames", (unsigned long long)first,
                          (unsigned long long)request->align_frames);
}

static bool adopt_run(struct selftest *test, struct run *run)
{
    held_frames += run->count_frames;
    if (!check_tag(test, run->first) ||
        !check_tag(test, pfn_add(run->first, run->count_frames - 1)) || !check_alone(test, run))
        return false;
    stamp_run(test, run);
    return true;
}

static bool take_order(struct selftest *test, struct run *run)
{
    unsigned order = selftest_below(test, 4) > 0 ? 0 : selftest_below(test, PMM_ORDER_2M + 2);
    enum status status = order == 0 ? pmm_alloc_frame(FRAME_TEST, &run->first)
                                    : pmm_alloc(order, FRAME_TEST, &run->first);

    if (status != STATUS_OK)
        return selftest_check(test, status == STATUS_NO_MEMORY && order > 0, "order %u: %s", order,
                              status_name(status));
    *run = (struct run){ run->first, (uint64_t)1 << order, 0, order, true };
    return selftest_check(test, is_aligned(pfn_value(run->first), run->count_frames),
                          "a run of order %u begins at frame 0x%llx", order,
                          (unsigned long long)pfn_value(run->first)) &&
           adopt_run(test, run);
}

static struct pmm_request random_request(struct selftest *test)
{
    static const uint64_t limits[] = { PMM_ANYWHERE, PMM_ANYWHERE, PMM_BELOW_4G, PMM_BELOW_16M };

    return (struct pmm_request){
        .count_frames = 1 + selftest_below(test, 600),
        .below = limits[selftest_below(test, ARRAY_COUNT(limits))],
        .align_frames = (uint64_t)1 << selftest_below(test, 8),
        .tag = FRAME_TEST,
        .flags = selftest_below(test, 8) == 0 ? PMM_ZERO : 0,
        .node = PMM_ANY_NODE,
    };
}

static bool take_request(struct selftest *test, struct run *run)
{
    struct pmm_request request = random_request(test);
    enum status status = pmm_alloc_run(&request, &run->first);

    if (status != STATUS_OK)
        return selftest_check(test, status == STATUS_NO_MEMORY, "a run of %llu frames: %s",
                              (unsigned long long)request.count_frames, status_name(status));
    *run = (struct run){ run->first, request.count_frames, 0, 0, false };
    if ((request.flags & PMM_ZERO) != 0 &&
        !check_zeroed(test, pfn_add(run->first, selftest_below(test, (uint32_t)run->count_frames))))
        return false;
    return check_constraints(test, run, &request) && adopt_run(test, run);
}

/* A run goes back as it came, or frame by frame. */
static bool give_back(struct selftest *test, struct run *run)
{
    bool whole = selftest_below(test, 4) > 0;
    enum status status = STATUS_OK;

    if (!check_stamps(test, run))
        return false;
    if (whole) {
        status = run->by_order ? pmm_free(run->first, run->order)
                               : pmm_free_run(run->first, run->count_frames);
    } else {
        for (uint64_t i = 0; i < run->count_frames && status == STATUS_OK; i++)
            status = pmm_free_frame(pfn_add(run->first, i));
    }
    held_frames -= run->count_frames;
    run->count_frames = 0;
    return selftest_ok(test, status, whole ? "freeing a run" : "freeing a run frame by frame");
}

/* A shared frame stays until its last reference goes. */
static bool share(struct selftest *test, const struct run *run)
{
    frame_get(run->first);
    return selftest_check(test, frame_references(run->first) == 2,
                          "a shared frame has %u references", frame_references(run->first)) &&
           selftest_check(test, !frame_put(run->first), "a shared frame went with its first owner");
}

static bool bulk(struct selftest *test)
{
    pfn_t frames[48];
    size_t wanted = 1 + selftest_below(test, ARRAY_COUNT(frames));
    size_t count = pmm_alloc_bulk(FRAME_TEST, frames, wanted);
    size_t freed;

    for (size_t i = 0; i < count; i++)
        selftest_frame_write(frames[i], i);
    for (size_t i = 0; i < count; i++) {
        if (!selftest_check(test, selftest_frame_read(frames[i]) == i,
                            "a bulk request got a frame twice"))
            break;
    }
    freed = pmm_free_bulk(frames, count);
    return selftest_check(test, count == wanted && freed == count,
                          "bulk: %zu frames wanted, %zu had, %zu freed", wanted, count, freed);
}

/* --- the load -------------------------------------------------------------------------------- */

static bool step(struct selftest *test)
{
    struct run *run = &runs[selftest_below(test, SLOTS)];

    if (run->count_frames != 0)
        return selftest_below(test, 8) == 0 ? share(test, run) : give_back(test, run);
    if (held_frames + ((uint64_t)2 << PMM_ORDER_2M) > most_frames)
        return bulk(test);
    return selftest_below(test, 3) == 0 ? take_request(test, run) : take_order(test, run);
}

static void give_all_back(struct selftest *test)
{
    for (size_t i = 0; i < SLOTS; i++) {
        if (runs[i].count_frames != 0)
            (void)give_back(test, &runs[i]);
    }
}

/* More than there is, and what cannot lie where it is wanted, is refused in good order. */
static void check_refusals(struct selftest *test)
{
    struct pmm_request request = { .count_frames = (uint64_t)1 << 40, .tag = FRAME_TEST };
    pfn_t first = pfn(42);
    enum status status = pmm_alloc_run(&request, &first);

    (void)selftest_check(test, status == STATUS_NO_MEMORY || status == STATUS_INVALID,
                         "2^40 frames: %s", status_name(status));
    request = (struct pmm_request){ .count_frames = 257, .below = PMM_BELOW_1M, .tag = FRAME_TEST };
    status = pmm_alloc_run(&request, &first);
    (void)selftest_check(test, status == STATUS_NO_MEMORY, "257 frames below 1 MiB: %s",
                         status_name(status));
    request.count_frames = 0;
    status = pmm_alloc_run(&request, &first);
    (void)selftest_check(test, status == STATUS_INVALID, "no frames: %s", status_name(status));
    (void)selftest_check(test, pfn_value(first) == 42, "a refusal wrote its result");
}

void selftest_pmm(struct selftest *test)
{
    most_frames = selftest_free_frames() / 8;
    held_frames = 0;
    for (int i = 0; i < OPERATIONS && step(test); i++)
        ;
    give_all_back(test);
    check_refusals(test);
    (void)selftest_ok(test, pmm_check(), "the PMM's own counts after the load");
}
