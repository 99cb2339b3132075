/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_block.h - the memory behind a debugged object: taken from the heap, and given back.
 *
 * A block is an object of a slab, taken past the magazines, or a run of pages. It has room for the
 * object and what debugging keeps around it:
 *
 *     | lead: a canary as long as the object's alignment | object | canary, to the end of the block |
 *     | unmapped page |        canary | object, against either end of its pages | unmapped page |
 *
 * A record that is passed in belongs to the caller. Any context; locks are taken inside.
 */
#ifndef MERIDIAN_HEAP_BLOCK_H
#define MERIDIAN_HEAP_BLOCK_H

#include "heap_debug_private.h"
#include "heap_record.h"

/* No object was guarded yet. Early. */
void heap_block_init(void);

/* Where what is random starts from. */
void heap_block_seed(uint64_t seed);

/* A number below `bound`. heap_records_lock is held. */
uint32_t heap_block_random(uint32_t bound);

/* Finds a block for a request, as the options ask for, and fills in the record all that follows from it. False
 * for want of memory. `plain`: no room for anything but the object itself. */
bool heap_block_take(const struct heap_request *request, bool plain, struct heap_record *record);

/* A small object is free from here on, whatever becomes of its block. */
void heap_block_mark_freed(const struct heap_record *record);

/* The block back to the heap. */
void heap_block_give(const struct heap_record *record);

/* Bytes of the object that its owner may use. */
size_t heap_block_room(const struct heap_record *record);

/* Objects that were guarded, so far. */
uint64_t heap_block_guarded(void);

#endif
