/* SPDX-License-Identifier: BSD-2-Clause
 *
 * selftest_pmm.c - frames under random load, against a model.
 *
 * The model has two parts. A map of all memory, one bit a frame, says what is held: a frame that comes
 * while its bit is set was handed out twice. And a list of the runs that are held: first frame, length,
 * and a stamp, which is written into the first and the last frame; when the run goes back, both
 * are still there, or somebody else writes to the same memory.
 *
 *     map      0 0 1 1 1 1 0 0 1 0 ...      list   [2, 4 frames, stamp] [8, 1 frame, stamp] ...
 *
 * Sizes, limits, alignments and nodes are mixed; runs go back as they came or frame by frame; some
 * frees are wrong, and must be refused. At the end exactly what was free at first is free again, run by
 * run. Memory: the map, and at most an eighth of what is free.
 *
 * `stress frames 10000000` is the same with so many operations.
 */

#include "diag/selftest_case.h"
#include "arch/mmu.h"
#include "lib/bits.h"
#include "mm/heap.h"
#include "mm/memmap.h"
#include "mm/pmm.h"
#include "mm/pmm_node.h"

#define SLOTS        256
#define USUAL_AMOUNT 6000 /* operations */
#define WRONG_FREES  64   /* among them: each leaves a line in the log */

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
static uint64_t *held_map;
static uint64_t map_frames;

/* --- the map of what is held ----------------------------------------------------------------- */

/* Turns the bits of a run over; false, with a part of them turned, when one was not as it should be. */
static bool turn_bits(pfn_t first, uint64_t count_frames, bool held)
{
    uint64_t frame = pfn_value(first);
    uint64_t end = frame + count_frames;

    if (end > map_frames)
        return false;
    while (frame < end) {
        unsigned bit = (unsigned)(frame & 63);
        unsigned part = (unsigned)min_u64(64 - bit, end - frame);
        uint64_t mask = low_mask(part) << bit;
        uint64_t *word = &held_map[frame >> 6];

        if ((*word & mask) != (held ? 0 : mask))
            return false;
        *word ^= mask;
        frame += part;
    }
    return true;
}

static bool note_taken(struct selftest *test, pfn_t first, uint64_t count_frames)
{
    return selftest_check(test, turn_bits(first, count_frames, true),
                          "of %llu frames at frame 0x%llx one was handed out before, or is none",
                          (unsigned long long)count_frames, (unsigned long long)pfn_value(first));
}

static bool note_given(struct selftest *test, pfn_t first, uint64_t count_frames)
{
    return selftest_check(test, turn_bits(first, count_frames, false),
                          "%llu frames at frame 0x%llx were freed, and not held",
                          (unsigned long long)count_frames, (unsigned long long)pfn_value(first));
}

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
    if ((request->flags & PMM_THIS_NODE) != 0 &&
        !selftest_check(test,
                        pmm_node_of(run->first) == request->node &&
                            pmm_node_of(pfn_add(run->first, run->count_frames - 1)) ==
                                request->node,
                        "frame 0x%llx is not on node %u", (unsigned long long)first, request->node))
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
        !check_tag(test, pfn_add(run->first, run->count_frames - 1)) ||
        !note_taken(test, run->first, run->count_frames))
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

/* Lengths of all magnitudes, short ones most. */
static struct pmm_request random_request(struct selftest *test)
{
    static const uint64_t limits[] = { PMM_ANYWHERE, PMM_ANYWHERE, PMM_BELOW_4G, PMM_BELOW_16M };
    bool near = selftest_below(test, 4) == 0;

    return (struct pmm_request){
        .count_frames = 1 + selftest_below(test, 1u << selftest_below(test, 11)),
        .below = limits[selftest_below(test, ARRAY_COUNT(limits))],
        .align_frames = (uint64_t)1 << selftest_below(test, 8),
        .tag = FRAME_TEST,
        .flags = (selftest_below(test, 32) == 0 ? PMM_ZERO : 0) | (near ? PMM_THIS_NODE : 0),
        .node = near ? selftest_below(test, pmm_count_nodes()) : PMM_ANY_NODE,
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

    if (!check_stamps(test, run) || !note_given(test, run->first, run->count_frames))
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
        if (!note_taken(test, frames[i], 1))
            return false;
    for (size_t i = 0; i < count; i++)
        if (!note_given(test, frames[i], 1))
            return false;
    freed = pmm_free_bulk(frames, count);
    return selftest_check(test, count == wanted && freed == count,
                          "bulk: %zu frames wanted, %zu had, %zu freed", wanted, count, freed);
}

/* --- wrong frees ------------------------------------------------------------------------------ */

static bool expect_denied(struct selftest *test, enum status status, const char *what)
{
    return selftest_check(test, status == STATUS_DENIED, "%s: %s", what, status_name(status));
}

/* Twice, into the middle, with a wrong order: of a run of eight frames that is nobody else's. */
static bool free_wrongly(struct selftest *test)
{
    pfn_t first;
    bool passed;

    if (!selftest_ok(test, pmm_alloc(3, FRAME_TEST, &first), "eight frames"))
        return false;
    selftest_expect_begin();
    passed = expect_denied(test, pmm_free(first, 4), "freeing order 3 as order 4") &&
             expect_denied(test, pmm_free(pfn_add(first, 4), 2), "freeing from the middle") &&
             selftest_ok(test, pmm_free(first, 3), "freeing order 3") &&
             expect_denied(test, pmm_free(first, 3), "freeing order 3 twice") &&
             expect_denied(test, pmm_free_frame(pfn_add(first, selftest_below(test, 8))),
                           "freeing a frame of a freed run");
    selftest_expect_end();
    return passed;
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

static void run_load(struct selftest *test)
{
    unsigned amount = test->amount != 0 ? test->amount : USUAL_AMOUNT;
    unsigned between = amount / WRONG_FREES + 1;

    held_frames = 0;
    for (unsigned i = 0; i < amount; i++)
        if (!step(test) || (i % between == 0 && !free_wrongly(test)))
            break;
    give_all_back(test);
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

/* The map has a bit for each frame up to the end of RAM. */
static bool make_map(struct selftest *test)
{
    struct memmap_totals totals;

    memmap_total(&test->machine->map, &totals);
    map_frames = totals.highest_ram_end >> PAGE_SHIFT;
    held_map = kzalloc((size_t)(map_frames / 64 + 1) * sizeof(*held_map));
    return selftest_check(test, held_map != NULL, "no memory for a map of %llu frames",
                          (unsigned long long)map_frames);
}

void selftest_pmm(struct selftest *test)
{
    uint64_t at_first;

    if (!make_map(test))
        return;
    most_frames = selftest_free_frames() / 8;
    at_first = selftest_hash_free();
    run_load(test);
    check_refusals(test);
    (void)selftest_ok(test, pmm_check(), "the PMM's own counts after the load");
    (void)selftest_check(test, test->failed || selftest_hash_free() == at_first,
                         "what is free after the load is not what was free before it");
    (void)kfree(held_map);
}
