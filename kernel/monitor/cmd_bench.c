/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_bench.c - bench: what the memory manager's operations cost on this machine.
 *
 * Costs are ticks of the time-stamp counter. Under QEMU's -icount shift=0 a tick is an instruction,
 * and the figures are the same wherever they are taken; on other machines they are time. The loop
 * around an operation (a few instructions) is included.
 */
#include "monitor/bench.h"
#include "monitor/commands.h"

#include "arch/cpu.h"
#include "lib/json.h"
#include "lib/print.h"
#include "lib/string.h"

static const struct bench_suite *const suites[] = { &bench_frames, &bench_vm, &bench_smp };

static void report(const struct bench_suite *suite, const struct bench_row *row,
                   unsigned operations, uint64_t ticks)
{
    uint32_t tenths = (uint32_t)(ticks < UINT32_MAX / 10 ? ticks : UINT32_MAX / 10) * 10;
    struct json event;

    tenths /= operations;
    print("  %-20s%8u.%u\n", row->name, tenths / 10, tenths % 10);
    json_begin(&event, json_console(), "bench");
    json_text(&event, "suite", suite->name);
    json_text(&event, "name", row->name);
    json_number(&event, "operations", operations);
    json_number(&event, "ticks", ticks);
    json_end(&event);
}

static bool run_row(const struct bench_suite *suite, const struct bench_row *row)
{
    unsigned operations = 0;

    if (row->prepare == NULL || row->prepare()) {
        uint64_t start = arch_timestamp();
        uint64_t ticks;

        operations = row->run();
        ticks = arch_timestamp() - start;
        if (operations > 0)
            report(suite, row, operations, ticks);
    }
    if (row->finish != NULL)
        row->finish();
    return operations > 0;
}

static const struct bench_suite *find_suite(const char *name)
{
    for (size_t i = 0; i < ARRAY_COUNT(suites); i++) {
        if (strcmp(suites[i]->name, name) == 0)
            return suites[i];
    }
    return NULL;
}

bool command_bench(const struct command_call *call)
{
    const struct bench_suite *suite = find_suite(call->arguments[0]);
    bool complete = true;

    if (suite == NULL)
        return command_refuse(call, "there is no benchmark of that name");
    print("  %-20s%10s\n", suite->name, "ticks each");
    for (size_t i = 0; i < suite->count; i++)
        complete &= run_row(suite, &suite->rows[i]);
    return complete || command_fail(call, "memory is too short for some of the measurements");
}
