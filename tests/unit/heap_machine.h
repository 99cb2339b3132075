/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_machine.h - what the heap stands on, for its tests: frames, and pages that are really mapped.
 *
 * It plays pmm.h and paging.h with memory of the host. Frames are pages of a memory file; mapping
 * frame F at page P makes the file's page F appear at P, unmapping makes P inaccessible, so that a
 * heap that touches what it gave back, or never got, is stopped by SIGSEGV. Frames come filled
 * with rubbish. A frame freed twice, a page mapped over another, or one unmapped that was not mapped
 * aborts.
 */
#ifndef MERIDIAN_HEAP_MACHINE_H
#define MERIDIAN_HEAP_MACHINE_H

#include "lib/types.h"

/* A machine with that many frames and a window of that size; the heap is initialised over it. */
void heap_machine_create(size_t count_frames, size_t window_bytes);

/* From the next machine on pages are only said to be mapped, and the window is there all the time: ten times
 * as fast, but nobody is stopped who touches what is not mapped. */
void heap_machine_play_flat(void);

/* The same without heap_init(). */
void heap_machine_create_bare(size_t count_frames, size_t window_bytes);
void heap_machine_destroy(void);

vaddr_t heap_machine_window(void);
size_t heap_machine_window_bytes(void);

/* Frames handed out now, and the most since heap_machine_create(). */
size_t heap_machine_frames_used(void);
size_t heap_machine_frames_peak(void);

/* Whether a page is mapped. */
bool heap_machine_mapped(const void *address);

/* A hash of which pages are mapped: equal after a load that left nothing behind. */
uint64_t heap_machine_state_hash(void);

/* Frames behind [address, + size_bytes) follow each other and lie below 4 GiB of this machine. */
bool heap_machine_contiguous(const void *address, size_t size_bytes);

/* From the n-th call on (1: the next one), that many frame allocations or mappings fail, as one
 * stream of calls. 0 calls: none. */
void heap_machine_fail(unsigned long nth, unsigned long count);

/* Calls that could have failed since heap_machine_fail(). */
unsigned long heap_machine_calls(void);

/* As if this processor were changing its page table: mapping and unmapping abort. */
void heap_machine_set_page_table_busy(bool busy);

/* Calls the shrinker that the heap registered. */
size_t heap_machine_pressure(size_t count_frames);

#endif
