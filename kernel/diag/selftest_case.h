/* SPDX-License-Identifier: BSD-2-Clause
 *
 * diag/selftest_case.h - what a self-test is made of.
 *
 * A test calls selftest_check() for everything that must be true, and returns as soon as that is
 * false. It gives back all that it took, whether it passed or not where it can: the runner
 * compares the frames that are free before and after.
 */
#ifndef MERIDIAN_DIAG_SELFTEST_CASE_H
#define MERIDIAN_DIAG_SELFTEST_CASE_H

#include "arch/trap.h"
#include "lib/status.h"
#include "lib/types.h"
#include "mm/handoff_adopt.h"

struct selftest {
    const struct handoff_view *machine;
    uint64_t random; /* state of the generator */
    uint64_t checks;
    unsigned amount; /* of load, where a test says what that is; 0: the usual one */
    bool failed;
    char why[120]; /* of the first failure */
};

/* Counts a check; the text explains the first that fails. Returns `condition`. */
[[gnu::format(printf, 3, 4)]] bool selftest_check(struct selftest *test, bool condition,
                                                  const char *format, ...);

/* The check that something succeeded. */
bool selftest_ok(struct selftest *test, enum status status, const char *what);

/* 64 random bits, and a number below `bound` (> 0). */
uint64_t selftest_random(struct selftest *test);
uint32_t selftest_below(struct selftest *test, uint32_t bound);

/* Reports that follow are provoked on purpose, until selftest_expect_end(): they must not look like
 * failures. */
void selftest_expect_begin(void);
void selftest_expect_end(void);

/* Reads or writes one byte, or calls `address`; true when that was stopped by an exception. */
bool selftest_read_faults(vaddr_t address, struct trap_info *info);
bool selftest_write_faults(vaddr_t address, struct trap_info *info);
bool selftest_call_faults(vaddr_t address, struct trap_info *info);

/* Whether the processor that booted has the protection: "SMEP", as struct cpu_info has it. */
bool selftest_is_protected_by(const char *name);

/* The first word of a frame, wherever it is. */
uint64_t selftest_frame_read(pfn_t frame);
void selftest_frame_write(pfn_t frame, uint64_t word);

/* Free frames, once all caches are empty. */
uint64_t selftest_free_frames(void);

/* A number that stands for the runs of frames that are free. Empties this processor's caches. */
uint64_t selftest_hash_free(void);

/* The tests. */
void selftest_memmap(struct selftest *test);
void selftest_frames(struct selftest *test);
void selftest_memory(struct selftest *test);
void selftest_pmm(struct selftest *test);
void selftest_exhaust(struct selftest *test);
void selftest_tables(struct selftest *test);
void selftest_vmm(struct selftest *test);
void selftest_demand(struct selftest *test);
void selftest_spaces(struct selftest *test); /* amount: spaces */
void selftest_heap(struct selftest *test);
void selftest_heapdebug(struct selftest *test);
void selftest_shootdown(struct selftest *test);
void selftest_kstack(struct selftest *test);
void selftest_traps(struct selftest *test);
void selftest_user(struct selftest *test);
void selftest_badfree(struct selftest *test);

#endif
