/* SPDX-License-Identifier: BSD-2-Clause
 *
 * null.c - no allocator at all: what the loop and the call cost.
 *
 * Hands out frame numbers in turn, wrapping; all but -n patterns of the driver mean nothing here.
 */
#include "bench.h"

const char *const bench_name = "null";
const unsigned bench_max_order = 0;
const unsigned bench_flags = 0;

static uint64_t last;
static uint64_t left;

size_t bench_meta_size(uint64_t frames, unsigned cpus)
{
    (void)frames;
    (void)cpus;
    return 4096;
}

bool bench_init(void *meta, void *backing, uint64_t frames, unsigned cpus)
{
    (void)meta;
    (void)backing;
    (void)cpus;
    last = 0;
    left = frames;
    return true;
}

uint64_t bench_alloc(unsigned cpu, unsigned order)
{
    (void)cpu;
    (void)order;
    return left != 0 ? left-- : BENCH_NONE;
}

void bench_free(unsigned cpu, uint64_t frame, unsigned order)
{
    (void)cpu;
    (void)order;
    last = frame;
    left++;
}

void bench_drain(unsigned cpu)
{
    (void)cpu;
}
