/* SPDX-License-Identifier: BSD-2-Clause
 *
 * bench_frames.c - bench frames: what the frame allocator's operations cost.
 *
 *     pair             a frame, and back                      magazine only
 *     bulk alloc       BENCH_FRAMES single frames             every 128th goes to an area
 *     bulk free        the same, in the order of allocation
 *     order 9 pair     a block of 2 MiB, and back             the processor's cached blocks
 *
 * Nothing warms a row up but the row before it; all frames are given back.
 */
#include "monitor/bench.h"

#include "mm/pmm.h"

#define BENCH_FRAMES 2048u

static pfn_t frames[BENCH_FRAMES];
static unsigned frame_count;

static unsigned run_pairs(unsigned order)
{
    for (unsigned i = 0; i < BENCH_FRAMES; i++) {
        pfn_t frame;

        if (pmm_alloc(order, FRAME_TEST, &frame) != STATUS_OK ||
            pmm_free(frame, order) != STATUS_OK)
            return 0;
    }
    return BENCH_FRAMES;
}

static unsigned frame_pairs(void)
{
    return run_pairs(0);
}

static unsigned block_pairs(void)
{
    return run_pairs(PMM_ORDER_2M);
}

static unsigned alloc_all(void)
{
    for (frame_count = 0; frame_count < BENCH_FRAMES; frame_count++)
        if (pmm_alloc_frame(FRAME_TEST, &frames[frame_count]) != STATUS_OK)
            break;
    return frame_count == BENCH_FRAMES ? BENCH_FRAMES : 0;
}

static unsigned free_all(void)
{
    unsigned freed = 0;

    for (unsigned i = 0; i < frame_count; i++)
        freed += pmm_free_frame(frames[i]) == STATUS_OK;
    return freed == BENCH_FRAMES ? BENCH_FRAMES : 0;
}

static const struct bench_row rows[] = {
    { .name = "pair", .run = frame_pairs },
    { .name = "bulk alloc", .run = alloc_all },
    { .name = "bulk free", .run = free_all },
    { .name = "order 9 pair", .run = block_pairs, .finish = pmm_drain },
};

const struct bench_suite bench_frames = { "frames", rows, ARRAY_COUNT(rows) };
