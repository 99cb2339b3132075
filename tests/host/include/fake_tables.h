/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fake_tables.h - a struct pt_memory for tests: tables from the top of the fake memory down.
 *
 * Knows every frame it gave out, refuses the n-th request on demand, hands freed frames out again
 * at once, filled with garbage in between, and tells the fake MMU of each frame that comes back. A
 * wrong free stops the test.
 */
#ifndef MERIDIAN_FAKE_TABLES_H
#define MERIDIAN_FAKE_TABLES_H

#include "mm/pt.h"

struct fake_tables {
    struct pt_memory memory; /* for struct page_table */
    size_t outstanding;      /* given out and not yet back */
    size_t allocations;      /* since the start */
    size_t refuse_after;     /* so many more allocations succeed; SIZE_MAX: all */
    size_t capacity;         /* frames that may be out at once */
    size_t fresh;            /* the next frame never given out */
    size_t free_count;
    uint64_t *free_frames; /* a stack */
    bool *out;             /* by frame, counted from the top of memory */
};

/* `capacity` frames below the end of the fake memory. */
void fake_tables_start(struct fake_tables *tables, size_t capacity);
void fake_tables_stop(struct fake_tables *tables);

#endif
