/* SPDX-License-Identifier: BSD-2-Clause
 *
 * meridian.h - our own frame allocator, as the driver calls it.
 *
 * The operations are inline, so that the driver calls pmm_alloc_frame() and its like directly, as the
 * kernel does.
 */
#ifndef MERIDIAN_BENCH_MERIDIAN_H
#define MERIDIAN_BENCH_MERIDIAN_H

#define BENCH_INLINE

#include "bench.h"
#include "arch/cpu.h"
#include "mm/pmm.h"

/* Frame 0 of the driver: simulated memory begins at 4 GiB. */
#define BENCH_FIRST_FRAME ((uint64_t)1 << 20)

[[gnu::noreturn]] void bench_refused(uint64_t frame, unsigned order);

static inline void bench_enter(unsigned cpu)
{
    host_cpu.id = cpu;
}

static inline uint64_t bench_alloc(unsigned cpu, unsigned order)
{
    pfn_t frame;
    enum status status;

    (void)cpu;
    status =
        order == 0 ? pmm_alloc_frame(FRAME_TEST, &frame) : pmm_alloc(order, FRAME_TEST, &frame);
    return status == STATUS_OK ? pfn_value(frame) - BENCH_FIRST_FRAME : BENCH_NONE;
}

static inline void bench_free(unsigned cpu, uint64_t frame, unsigned order)
{
    pfn_t first = pfn(frame + BENCH_FIRST_FRAME);

    (void)cpu;
    if ((order == 0 ? pmm_free_frame(first) : pmm_free(first, order)) != STATUS_OK)
        bench_refused(frame, order);
}

#endif
