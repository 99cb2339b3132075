/* SPDX-License-Identifier: BSD-2-Clause
 *
 * bench_smp.c - bench smp: what a pair costs on one processor, and on all of them at the same time.
 *
 *     frame pair, one     a frame, and back, on this processor
 *     frame pair, all     the same on every processor at once
 *     heap pair, one      an object of 64 bytes, and back
 *     heap pair, all
 *
 * An operation is a pair, whoever did it. Under QEMU's -icount processors take turns and the clock counts
 * the instructions of all of them, so that ticks by pairs are instructions a pair in both rows, those that a
 * processor spends waiting for another included; waking the others, and waiting for the last, is small
 * beside the pairs. Where processors really run at once, a row of all says how many ticks pass for each
 * pair that the machine does.
 */
#include "monitor/bench.h"

#include "lib/lock.h"
#include "mm/heap.h"
#include "mm/pmm.h"
#include "smp/smp.h"

#define PAIRS        16384u
#define OBJECT_BYTES 64u

static unsigned wrong; /* pairs that failed */

static void frame_pairs(void *context)
{
    (void)context;
    for (unsigned i = 0; i < PAIRS; i++) {
        pfn_t frame;

        if (pmm_alloc_frame(FRAME_TEST, &frame) != STATUS_OK || pmm_free_frame(frame) != STATUS_OK)
            (void)__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
    }
}

static void heap_pairs(void *context)
{
    (void)context;
    for (unsigned i = 0; i < PAIRS; i++) {
        if (!kfree(kmalloc(OBJECT_BYTES)))
            (void)__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
    }
}

static unsigned on_one(void (*pairs)(void *context))
{
    wrong = 0;
    pairs(NULL);
    return wrong == 0 ? PAIRS : 0;
}

static unsigned on_all(void (*pairs)(void *context))
{
    unsigned count = 1;

    wrong = 0;
    for (unsigned cpu = 1; cpu < smp_limit(); cpu++)
        count += smp_run_on(cpu, pairs, NULL) == STATUS_OK;
    pairs(NULL);
    for (unsigned cpu = 1; cpu < smp_limit(); cpu++) {
        while (!smp_has_finished(cpu))
            spin_pause();
    }
    return __atomic_load_n(&wrong, __ATOMIC_RELAXED) == 0 ? count * PAIRS : 0;
}

static unsigned frames_one(void)
{
    return on_one(frame_pairs);
}

static unsigned frames_all(void)
{
    return on_all(frame_pairs);
}

static unsigned heap_one(void)
{
    return on_one(heap_pairs);
}

static unsigned heap_all(void)
{
    return on_all(heap_pairs);
}

/* Each processor has its caches before it is measured. */
static bool warm_frames(void)
{
    return on_all(frame_pairs) != 0;
}

static bool warm_heap(void)
{
    return on_all(heap_pairs) != 0;
}

static const struct bench_row rows[] = {
    { .name = "frame pair, one", .prepare = warm_frames, .run = frames_one },
    { .name = "frame pair, all", .run = frames_all },
    { .name = "heap pair, one", .prepare = warm_heap, .run = heap_one },
    { .name = "heap pair, all", .run = heap_all },
};

const struct bench_suite bench_smp = { "smp", rows, ARRAY_COUNT(rows) };
