/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pmm_workers.h - a random load on the frame allocator, from several processors, against a model.
 *
 * A worker is a thread that plays a processor. The model is one byte a frame: whose it is. It is
 * changed with an exchange, so that whoever is given a frame that another one holds finds out. Some of
 * what a worker holds goes through a mailbox to another one, which frees it. Wrong frees are part of
 * the load: twice, interior, too short, too long, of what is no memory; each must be refused.
 */
#ifndef MERIDIAN_TESTS_PMM_WORKERS_H
#define MERIDIAN_TESTS_PMM_WORKERS_H

#include "pmm_machine.h"

#include <pthread.h>

#define WORKERS_MAX      8u
#define WORKER_HELD_MAX  256u
#define WORKER_TOP_FRAME ((6 * GiB) >> PAGE_SHIFT)

struct worker_run {
    pfn_t first;
    uint64_t count;
    bool by_order; /* comes from pmm_alloc(), may go back by pmm_free() */
};

struct worker {
    pthread_t thread;
    unsigned id;
    bool plays; /* answers calls; frees nothing twice, as it may be somebody's by then */
    uint64_t random;
    uint64_t operations; /* to do */
    uint64_t done;       /* read by others: progress */
    uint64_t wrong;      /* what went wrong; cmocka's assertions work in the first thread only */
    uint64_t refused;    /* wrong frees that were refused, as they must be */
    size_t held_count;
    struct worker_run held[WORKER_HELD_MAX];
};

extern struct worker workers[WORKERS_MAX];

/* Whose a frame is: 0 nobody's, else a worker's number + 1. */
extern uint8_t worker_owners[WORKER_TOP_FRAME];

/* A machine of five areas, on which `count` processors have their caches; workers that hold nothing and
 * will do `operations` each. */
void workers_boot(unsigned count, uint64_t seed, uint64_t operations);

/* One operation of the load. On the worker's own processor. */
void worker_step(struct worker *self);

/* Everything goes back, but for what is in the mailbox. */
void worker_give_all(struct worker *self);

/* Starts the threads, which do their operations and give everything back; waits for them. */
void workers_start(unsigned count);
void workers_join(unsigned count);

/* What is still in the mailbox. */
void workers_empty_mailbox(void);

/* A number that stands for the state of all memory: which frames are free. */
uint64_t workers_free_runs_hash(void);

#endif
