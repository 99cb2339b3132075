/* SPDX-License-Identifier: BSD-2-Clause
 *
 * diag/selftest.h - the kernel tests itself, on the machine it runs on.
 *
 * Each test works on the running memory manager, leaves it as it was, and says in one line what
 * became of it. The tests take bounded memory and time on any machine. Not from interrupts; the
 * console and all of kernel/mm must be up.
 */
#ifndef MERIDIAN_DIAG_SELFTEST_H
#define MERIDIAN_DIAG_SELFTEST_H

#include "lib/types.h"
#include "mm/handoff_adopt.h"

/* Runs the test of that name, or all when `name` is NULL, on a machine that its handoff describes.
 * Equal seeds give equal tests. True when there were any and all passed; a failure is noted for
 * the exit code. */
bool selftest_run(const struct handoff_view *machine, const char *name, uint32_t seed);

/* Runs the test of that name with another amount of load (spaces: how many spaces; pmm: how many
 * operations). False when it
 * failed, which is noted for the exit code, or when there is no such test. */
bool selftest_stress(const struct handoff_view *machine, const char *name, unsigned amount,
                     uint32_t seed);

/* Frames that are free, or hold records of the heap, once this processor's caches are empty: what a load
 * that gives everything back must not lower. */
uint64_t selftest_frames_at_hand(void);

/* What the allocators, the tables and the areas say of themselves: STATUS_OK, or what the first that is not
 * sound says. */
enum status selftest_memory_check(void);

/* A seed nobody chose. */
uint32_t selftest_new_seed(void);

/* The index-th test's name and what it proves; false when there is none. */
bool selftest_describe(unsigned index, const char **name, const char **proves);

#endif
