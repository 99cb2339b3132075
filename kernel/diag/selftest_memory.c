/* SPDX-License-Identifier: BSD-2-Clause
 *
 * selftest_memory.c - every free frame is real memory, and its own.
 *
 * Free frames are written through the direct map, each word with its own physical address, all of
 * them before the first is read back: two frames that are the same memory, memory that is not
 * there, and a direct map that leads elsewhere all show. A salt from the seed keeps the words of an
 * earlier run from passing.
 *
 * Up to 2 GiB of free memory all of it is written. Above, a sample: blocks of 2 MiB spread evenly
 * over all free memory, and the edges of every run, where maps are wrong if they are wrong. Whole
 * blocks, since a guest's page that is touched may cost its host 2 MiB, and 1 TiB of guest must
 * not need 1 TiB of host. The choice depends on positions alone, so that both passes choose alike.
 *
 *     free memory   |####......##......##......####|      |####..##......####|
 *                    edge      every n-th block         ^ another run
 *
 * exhaust: the frames are taken one by one until there is none, each is written from its first byte to
 * its last, and they are linked through themselves. That proves that the PMM has exactly as many as it
 * says, each once, fails in good order, and keeps nothing of its own in any of them: no frame changes
 * while others come and go, all go back, and what is free is what was free before, run by run.
 */

#include "diag/selftest_case.h"
#include "arch/mmu.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "mm/heap.h"
#include "mm/pmm.h"

#define FRAME_WORDS   (PAGE_SIZE / sizeof(uint64_t))
#define WHOLE_FRAMES  (2 * GiB >> PAGE_SHIFT) /* up to here all free memory is written */
#define BLOCK_FRAMES  ((uint64_t)1 << PMM_ORDER_2M)
#define SAMPLE_BLOCKS 96 /* 192 MiB */
#define EDGE_FRAMES   16

struct sweep {
    struct selftest *test;
    void (*visit)(struct sweep *sweep, pfn_t frame);
    uint64_t salt;
    uint64_t stride_frames; /* from one sampled block to the next, counted in free frames; 0: all */
    uint64_t passed_frames; /* free frames before the run at hand */
};

static void write_frame(struct sweep *sweep, pfn_t frame)
{
    uint64_t address = pa_value(pfn_to_pa(frame));
    uint64_t *words = arch_frame_map(pa(address));

    for (size_t i = 0; i < FRAME_WORDS; i++)
        words[i] = (address + i * sizeof *words) ^ sweep->salt;
    arch_frame_unmap(words);
}

static void check_frame(struct sweep *sweep, pfn_t frame)
{
    uint64_t address = pa_value(pfn_to_pa(frame));
    uint64_t *words = arch_frame_map(pa(address));
    uint64_t wrong = 0;

    for (size_t i = 0; i < FRAME_WORDS; i++)
        wrong |= words[i] ^ sweep->salt ^ (address + i * sizeof *words);
    arch_frame_unmap(words);
    (void)selftest_check(sweep->test, wrong == 0,
                         "the frame at 0x%llx does not hold what was written to it: bits 0x%llx",
                         (unsigned long long)address, (unsigned long long)wrong);
}

static void visit_frames(struct sweep *sweep, pfn_t first, uint64_t count_frames)
{
    for (uint64_t i = 0; i < count_frames; i++)
        sweep->visit(sweep, pfn_add(first, i));
}

/* The sampled blocks of a run are those whose number among all free frames is a multiple of the
 * stride; each is cut to the 2 MiB that it begins in. */
static void visit_sample(struct sweep *sweep, pfn_t first, uint64_t count_frames)
{
    uint64_t ahead = sweep->passed_frames & (sweep->stride_frames - 1);
    uint64_t at = ahead == 0 ? 0 : sweep->stride_frames - ahead;

    for (; at < count_frames; at += sweep->stride_frames) {
        uint64_t into = (pfn_value(first) + at) & (BLOCK_FRAMES - 1);

        visit_frames(sweep, pfn_add(first, at), min_u64(BLOCK_FRAMES - into, count_frames - at));
    }
}

static bool visit_run(void *context, pfn_t first, uint64_t count_frames)
{
    struct sweep *sweep = context;

    if (sweep->stride_frames == 0 || count_frames <= 2 * EDGE_FRAMES) {
        visit_frames(sweep, first, count_frames);
    } else {
        visit_frames(sweep, first, EDGE_FRAMES);
        visit_sample(sweep, first, count_frames);
        visit_frames(sweep, pfn_add(first, count_frames - EDGE_FRAMES), EDGE_FRAMES);
    }
    sweep->passed_frames += count_frames;
    return !sweep->test->failed;
}

/* A power of two, so that no division is needed: SAMPLE_BLOCKS blocks at most. */
static uint64_t sample_stride(uint64_t free_frames)
{
    uint64_t stride = BLOCK_FRAMES;

    if (free_frames <= WHOLE_FRAMES)
        return 0;
    while (stride * SAMPLE_BLOCKS < free_frames)
        stride <<= 1;
    return stride;
}

void selftest_memory(struct selftest *test)
{
    struct sweep sweep = {
        .test = test,
        .visit = write_frame,
        .salt = selftest_random(test),
        .stride_frames = sample_stride(selftest_free_frames()),
    };

    pmm_visit_free(visit_run, &sweep);
    sweep.visit = check_frame;
    sweep.passed_frames = 0;
    pmm_visit_free(visit_run, &sweep);
}

/* --- to the last frame ----------------------------------------------------------------------- */

/* The frames taken, newest first, linked through their own memory: physical addresses, 0 ends. */
struct chain {
    uint64_t head;
    uint64_t count_frames;
};

/* Writes all of a frame: a link, then ones. */
static void fill_frame(pfn_t frame, uint64_t link)
{
    uint64_t *words = arch_frame_map(pfn_to_pa(frame));

    memset(words, 0xff, PAGE_SIZE);
    words[0] = link;
    arch_frame_unmap(words);
}

/* Reads it back; false when a bit of it has changed. */
static bool read_frame(pfn_t frame, uint64_t *link)
{
    uint64_t *words = arch_frame_map(pfn_to_pa(frame));
    uint64_t all = UINT64_MAX;

    *link = words[0];
    for (size_t i = 1; i < FRAME_WORDS; i++)
        all &= words[i];
    arch_frame_unmap(words);
    return all == UINT64_MAX;
}

/* Takes all frames below `limit`. */
static enum status take_all(struct chain *chain, uint64_t limit)
{
    struct pmm_request request = {
        .count_frames = 1, .below = limit, .tag = FRAME_TEST, .node = PMM_ANY_NODE
    };

    for (;;) {
        pfn_t frame;
        enum status status = limit == PMM_ANYWHERE ? pmm_alloc_frame(FRAME_TEST, &frame)
                                                   : pmm_alloc_run(&request, &frame);

        if (status != STATUS_OK)
            return status;
        fill_frame(frame, chain->head);
        chain->head = pa_value(pfn_to_pa(frame));
        chain->count_frames++;
    }
}

/* Frees the chain; stops at a link that somebody has overwritten. */
static uint64_t free_all(struct selftest *test, struct chain *chain)
{
    uint64_t freed = 0;

    while (chain->head != 0 && freed < chain->count_frames) {
        pfn_t frame = pa_to_pfn(pa(chain->head));
        uint64_t next;

        if (!selftest_check(test, read_frame(frame, &next),
                            "somebody else wrote to the frame at 0x%llx",
                            (unsigned long long)chain->head) ||
            !selftest_ok(test, pmm_free_frame(frame), "freeing the frames again"))
            break;
        chain->head = next;
        freed++;
    }
    return freed;
}

void selftest_exhaust(struct selftest *test)
{
    struct chain chain = { .head = 0 };
    struct pmm_stats before;
    struct pmm_stats empty;
    uint64_t limit = selftest_free_frames() <= WHOLE_FRAMES ? PMM_ANYWHERE : PMM_BELOW_16M;
    uint64_t at_first = selftest_hash_free();
    enum status status;
    uint64_t freed;

    pmm_get_stats(&before);
    selftest_expect_begin();
    status = take_all(&chain, limit);
    selftest_expect_end();
    pmm_get_stats(&empty);
    freed = free_all(test, &chain);
    (void)selftest_check(test, status == STATUS_NO_MEMORY, "the last frame but one: %s",
                         status_name(status));
    (void)selftest_check(test, before.free_frames - empty.free_frames == chain.count_frames,
                         "%llu frames were taken, but %llu fewer are free",
                         (unsigned long long)chain.count_frames,
                         (unsigned long long)(before.free_frames - empty.free_frames));
    (void)selftest_check(test, limit != PMM_ANYWHERE || empty.free_frames == empty.low_free_frames,
                         "%llu free frames could not be had",
                         (unsigned long long)(empty.free_frames - empty.low_free_frames));
    (void)selftest_check(test, freed == chain.count_frames,
                         "of %llu frames taken, %llu were found again",
                         (unsigned long long)chain.count_frames, (unsigned long long)freed);
    (void)selftest_ok(test, pmm_check(), "the PMM's own counts afterwards");
    (void)selftest_check(test, test->failed || selftest_hash_free() == at_first,
                         "what is free afterwards is not what was free before");
}
