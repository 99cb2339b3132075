/* SPDX-License-Identifier: BSD-2-Clause
 *
 * bench.h - what a physical frame allocator provides to be measured.
 *
 * One program per allocator: driver.c linked with one file that defines what is declared here. Calls
 * are direct and nothing is optimised across files, so that each operation costs one call, whoever
 * serves it. Frames are numbered 0 to frames - 1; a block of order n is 2^n frames, aligned to 2^n.
 *
 * An allocator whose own interface differs may define BENCH_INLINE and give bench_alloc(),
 * bench_free() and bench_enter() inline in a header of its own, which the driver is compiled with.
 */
#ifndef MERIDIAN_BENCH_H
#define MERIDIAN_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_NONE UINT64_MAX

enum bench_flag {
    BENCH_THREADS = 1, /* several processors at once */
    BENCH_BACKING = 2, /* writes into the frames: wants real memory behind them */
};

extern const char *const bench_name;
extern const unsigned bench_max_order; /* 0: only single frames */
extern const unsigned bench_flags;

/* Bytes of metadata for this many frames and processors. */
size_t bench_meta_size(uint64_t frames, unsigned cpus);

/* Makes every frame free. `meta` is 4 KiB-aligned, filled with 0xA5; `backing` is NULL unless
 * BENCH_BACKING. This call is timed. */
bool bench_init(void *meta, void *backing, uint64_t frames, unsigned cpus);

/* Gives cached frames back, so that high orders can be found. */
void bench_drain(unsigned cpu);

#ifndef BENCH_INLINE
/* The first frame of a free block, or BENCH_NONE. One thread a processor. */
uint64_t bench_alloc(unsigned cpu, unsigned order);
void bench_free(unsigned cpu, uint64_t frame, unsigned order);
/* The calling thread is processor `cpu` from now on. */
static inline void bench_enter(unsigned cpu)
{
    (void)cpu;
}
#endif

#endif
