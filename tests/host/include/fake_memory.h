/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fake_memory.h - the physical memory of the hosted machine, for tests and benchmarks.
 *
 * Simulated physical memory is one sparse reservation: a page of it costs host memory once it is
 * touched, so that a machine of 1 TiB is as cheap as one of 1 MiB. arch_phys_ptr() (arch_mmu.h
 * of this folder) turns physical addresses into pointers; one beyond the end stops the test.
 */
#ifndef MERIDIAN_FAKE_MEMORY_H
#define MERIDIAN_FAKE_MEMORY_H

#include "lib/types.h"

#define FAKE_MEMORY_MAX_BYTES (sizeof(void *) == sizeof(uint64_t) ? TiB : GiB)

/* A machine with `size_bytes` bytes of zeroed memory, in place of the one before; whole pages, at
 * most FAKE_MEMORY_MAX_BYTES. Ends the program when the host refuses. */
void fake_memory_create(uint64_t size_bytes);

/* Gives everything back to the host. Allowed when there is none. */
void fake_memory_destroy(void);

/* Makes a range of whole pages a hole in the memory: whoever touches it gets SIGSEGV. */
void fake_memory_hole(paddr_t base, uint64_t size_bytes);

/* Fills a range with `byte`: memory is seldom zero on a real machine. Touches every page. */
void fake_memory_fill(paddr_t base, uint64_t size_bytes, unsigned char byte);

#endif
