/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_ledger.h - who owns each 16 bytes of the heap's window: no two objects may overlap.
 *
 * Every object that a test holds is entered with its usable size and struck out before it is freed. The
 * entries are atomic, so that several threads may share the ledger. A conflict aborts.
 */
#ifndef MERIDIAN_HEAP_LEDGER_H
#define MERIDIAN_HEAP_LEDGER_H

#include "lib/types.h"

/* A machine of heap_machine_create() with an empty ledger and an empty log, in place of the one before. */
void heap_ledger_create(size_t count_frames, size_t window_bytes);

/* Ends both: what cmocka calls after a test. Always 0. */
int heap_ledger_tear_down(void **state);

/* An object of the caller's, from now on / no longer. NULL is ignored. */
void heap_ledger_enter(const void *object);
void heap_ledger_strike(const void *object);

/* Contents that depend on the object's number. */
void heap_ledger_fill(void *object, size_t size_bytes, unsigned number);

/* Aborts when the first `size_bytes` bytes are not what was filled in. */
void heap_ledger_expect(const void *object, size_t size_bytes, unsigned number);

#endif
