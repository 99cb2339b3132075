/* SPDX-License-Identifier: BSD-2-Clause
 *
 * stress.h - the load that one processor does in `stress SECONDS`.
 */
#ifndef MERIDIAN_MONITOR_STRESS_H
#define MERIDIAN_MONITOR_STRESS_H

#include "config.h"
#include "diag/remap.h"
#include "lib/types.h"
#include "mm/vmm.h"

#define STRESS_FRAMES  16u
#define STRESS_OBJECTS 24u
#define STRESS_AREAS   8u

enum stress_count {
    STRESS_FRAME,    /* runs of frames taken and given back */
    STRESS_OBJECT,   /* objects of the heap allocated, resized, freed */
    STRESS_MAPPING,  /* areas mapped, protected, unmapped */
    STRESS_FAULT,    /* pages touched for the first time, or copied */
    STRESS_SPACE,    /* spaces made, cloned and ended */
    STRESS_SHOOTING, /* pages mapped anew while others look, and looks at those of others */
    STRESS_COUNT,
};

/* What is held, and what was written into it. A size of 0: nothing. */
struct stress_piece {
    void *memory; /* objects and areas */
    pfn_t frame;  /* runs of frames */
    uint32_t size_bytes;
    uint32_t stamp;
};

struct stress_cpu {
    unsigned cpu;
    bool failed;
    uint64_t random; /* state of the generator */
    uint64_t steps;
    uint64_t checks;
    uint64_t refused; /* requests for which there was no memory */
    uint64_t counts[STRESS_COUNT];
    struct remap remap;
    bool has_remap;
    struct vm_space *space; /* of its own: where its areas are; NULL: the kernel's */
    struct stress_piece frames[STRESS_FRAMES];
    struct stress_piece objects[STRESS_OBJECTS];
    struct stress_piece areas[STRESS_AREAS];
    char why[96]; /* of the first failure */
};

/* By processor; NULL: it takes no part. */
extern struct stress_cpu *stress_cpus[CONFIG_MAX_CPUS];

/* On its own processor: the load's beginning, one operation of it, and the end, after which the
 * processor keeps nothing, caches included. Equal seeds give equal operations. */
void stress_begin(struct stress_cpu *self, uint64_t seed);
void stress_step(struct stress_cpu *self);
void stress_end(struct stress_cpu *self);

/* stress fail: lets each allocation of a list of operations fail. False, after command_fail(), when that
 * lost memory or broke something. */
struct command_call;
bool stress_fail_run(const struct command_call *call, bool show_sites);

/* Notes a failure, unless there was one. */
[[gnu::format(printf, 2, 3)]] void stress_note_failure(struct stress_cpu *self, const char *format,
                                                       ...);

#endif
