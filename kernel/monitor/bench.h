/* SPDX-License-Identifier: BSD-2-Clause
 *
 * bench.h - what a benchmark of the monitor is: suites of rows, a file bench_<suite>.c each.
 */
#ifndef MERIDIAN_MONITOR_BENCH_H
#define MERIDIAN_MONITOR_BENCH_H

#include "lib/types.h"

/* One row. `run` alone is measured. `prepare` and `finish` may be NULL; `finish` gives everything
 * back, also after a `prepare` or `run` that did not succeed. */
struct bench_row {
    const char *name;
    bool (*prepare)(void);
    unsigned (*run)(void); /* how many operations it did; 0 where memory is short */
    void (*finish)(void);
};

struct bench_suite {
    const char *name;
    const struct bench_row *rows;
    size_t count;
};

extern const struct bench_suite bench_frames;
extern const struct bench_suite bench_vm;
extern const struct bench_suite bench_smp;

#endif
