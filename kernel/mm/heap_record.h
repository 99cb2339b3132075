/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_record.h - a record for each object that debugging knows, beside the heap.
 *
 * Records are found by where the block begins that the heap gave for the object: an object of a
 * slab, or the first page of a run. So any address in the block leads to the record, also those around
 * the object that debugging keeps for itself:
 *
 *     start            start + lead_bytes            + size_bytes        + block_bytes
 *     | canaries or    | the object                  | canaries, slack   |
 *     | unmapped page  |                             | or unmapped page  |
 *
 * A record outlives its object: first the object is held (not used again yet), then gone (its block
 * belongs to the heap again), in the order of the frees, and the oldest are forgotten. A
 * record whose object is gone is stale when somebody has got the block without a record since:
 * the heap's own state shows that, and the record is dropped.
 *
 * Locking: one lock (rank HEAP_DEBUG) for all records and lists. Objects of records that are busy
 * belong to whoever made them so, which is how contents are filled and compared without the lock.
 */
#ifndef MERIDIAN_HEAP_RECORD_H
#define MERIDIAN_HEAP_RECORD_H

#include "heap_fill.h"
#include "lib/lock.h"
#include "mm/heap.h"

enum heap_record_state {
    HEAP_RECORD_UNUSED,
    HEAP_RECORD_BUSY, /* on its way from one state to another */
    HEAP_RECORD_LIVE,
    HEAP_RECORD_HELD,    /* freed, in quarantine */
    HEAP_RECORD_GUARDED, /* freed; its addresses are kept and unmapped */
    HEAP_RECORD_GONE,    /* freed, the block is the heap's again */
    HEAP_RECORD_STATES,
};

struct heap_record {
    uintptr_t start;
    size_t size_bytes;  /* as asked for */
    size_t block_bytes; /* of a guarded object, with its unmapped pages */
    const void *alloc_site;
    const void *free_site;
    uint32_t next;  /* of equal hash; 0 ends a chain */
    uint32_t newer; /* in the list of its state */
    uint32_t older;
    uint32_t sequence; /* of the allocation */
    uint32_t lead_bytes;
    uint16_t flags;      /* enum heap_flag, HEAP_GUARDED also where debugging chose it */
    uint8_t state;       /* enum heap_record_state */
    uint8_t class_index; /* HEAP_NO_CLASS: a large object */
    uint8_t tag;
    uint8_t fill;  /* enum heap_fill: what a freed object's bytes must still be */
    bool canaries; /* around it */
};

/* Records by number, from 1. 0 is none. */
extern struct heap_record *heap_records;
extern uint32_t heap_records_end; /* numbers below this have been used */
extern struct spinlock heap_records_lock;
extern size_t heap_record_counts[HEAP_RECORD_STATES];

/* The area for records; heap_records_start() backs the first of it. */
void heap_records_init(uintptr_t area, size_t size_bytes);
enum status heap_records_start(void);

/* Sees to it that one can be taken, if there is memory. The lock is not held. */
void heap_records_reserve(void);

/* --- the lock is held ------------------------------------------------------------------------ */

/* A busy record that is in no chain, or 0. Forgets the oldest that is gone when there is no other. */
uint32_t heap_record_take(void);

/* Puts a busy record into the chain of record->start. */
void heap_record_enter(uint32_t number);

/* Takes a busy record out of its chain, if it is in one, and frees it. */
void heap_record_drop(uint32_t number);

/* The record of the block at `start`, or 0. */
uint32_t heap_record_at(uintptr_t start);

/* The record of the block that `address` lies in; 0 when there is none. Drops a stale one. */
uint32_t heap_record_of(uintptr_t address);

/* Changes the state, and with it the list: as its newest. */
void heap_record_set(uint32_t number, enum heap_record_state state);

/* The oldest in a state, or 0. Not for live ones. */
uint32_t heap_record_oldest(enum heap_record_state state);

static inline void *heap_record_object(const struct heap_record *record)
{
    return va_ptr(va(record->start + record->lead_bytes));
}

#endif
