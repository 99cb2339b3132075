/* SPDX-License-Identifier: BSD-2-Clause
 *
 * stack.c - a locked stack of frame numbers: the speed limit of anything with one lock.
 *
 * Four bytes a frame, no order above 0, no check, no memory of where a frame is.
 */
#include "bench.h"
#include "spin.h"

const char *const bench_name = "stack";
const unsigned bench_max_order = 0;
const unsigned bench_flags = BENCH_THREADS;

static struct spin lock;
static uint32_t *stack;
static uint64_t depth;
static uint64_t never_used; /* frames from here on */
static uint64_t frame_count;

size_t bench_meta_size(uint64_t frames, unsigned cpus)
{
    (void)cpus;
    return frames * sizeof(*stack);
}

bool bench_init(void *meta, void *backing, uint64_t frames, unsigned cpus)
{
    (void)backing;
    (void)cpus;
    stack = meta;
    depth = 0;
    never_used = 0;
    frame_count = frames;
    return true;
}

uint64_t bench_alloc(unsigned cpu, unsigned order)
{
    uint64_t frame = BENCH_NONE;

    (void)cpu;
    (void)order;
    spin_take(&lock);
    if (depth > 0)
        frame = stack[--depth];
    else if (never_used < frame_count)
        frame = never_used++;
    spin_give(&lock);
    return frame;
}

void bench_free(unsigned cpu, uint64_t frame, unsigned order)
{
    (void)cpu;
    (void)order;
    spin_take(&lock);
    stack[depth++] = (uint32_t)frame;
    spin_give(&lock);
}

void bench_drain(unsigned cpu)
{
    (void)cpu;
}
