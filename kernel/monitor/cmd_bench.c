/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_bench.c - bench: what the memory manager's operations cost on this machine.
 *
 * Costs are ticks of the time-stamp counter. Under QEMU's -icount shift=0 a tick is an instruction,
 * and the figures are the same wherever they are taken; on other machines they are time. Each row is
 * measured in a run that nothing warms up but the row before it, all frames are given back, and the
 * loop around an operation (a few instructions) is included.
 *
 *     pair             a frame, and back                      magazine only
 *     bulk alloc       BENCH_FRAMES single frames             every 128th goes to an area
 *     bulk free        the same, in the order of allocation
 *     order 9 pair     a block of 2 MiB, and back             the processor's cached blocks
 */
#include "monitor/commands.h"

#include "arch/cpu.h"
#include "lib/json.h"
#include "lib/print.h"
#include "mm/pmm.h"

#define BENCH_FRAMES 2048u

/* One row: how many operations it did; fewer than it should where memory is short. */
struct bench_row {
    const char *name;
    unsigned (*run)(void);
};

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
    { "pair", frame_pairs },
    { "bulk alloc", alloc_all },
    { "bulk free", free_all },
    { "order 9 pair", block_pairs },
};

static void report(const struct bench_row *row, unsigned operations, uint64_t ticks)
{
    uint32_t tenths = (uint32_t)(ticks < UINT32_MAX / 10 ? ticks : UINT32_MAX / 10) * 10;
    struct json event;

    tenths /= operations;
    print("  %-14s%8u.%u\n", row->name, tenths / 10, tenths % 10);
    json_begin(&event, json_console(), "bench");
    json_text(&event, "suite", "frames");
    json_text(&event, "name", row->name);
    json_number(&event, "operations", operations);
    json_number(&event, "ticks", ticks);
    json_end(&event);
}

bool command_bench(const struct command_call *call)
{
    bool complete = true;

    if (!command_argument_is(call, 0, "frames"))
        return command_refuse(call, "there is no benchmark of that name");
    print("  %-14s%10s\n", "frames", "ticks each");
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        uint64_t start = arch_timestamp();
        unsigned operations = rows[i].run();
        uint64_t ticks = arch_timestamp() - start;

        if (operations > 0)
            report(&rows[i], operations, ticks);
        complete &= operations > 0;
    }
    pmm_drain();
    return complete || command_fail(call, "memory is too short for some of the measurements");
}
