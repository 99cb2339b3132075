/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_debug_private.h - what the heap asks its debugging for, and what the files of debugging share.
 */
#ifndef MERIDIAN_HEAP_DEBUG_PRIVATE_H
#define MERIDIAN_HEAP_DEBUG_PRIVATE_H

#include "heap_private.h"
#include "mm/heap_debug.h"

/* --- for the heap --------------------------------------------------------------------------- */

/* Requests are debugging's, and frees are shown to it: while it is on, and afterwards as long as
 * objects with records live. Changes while one processor runs. */
extern bool heap_debug_on;

/* What is asked for. */
extern struct heap_debug heap_debug_now;

static inline bool heap_debug_has(unsigned option)
{
    return (heap_debug_now.options & option) != 0;
}

/* Virtual space for records in a window of that size; 0 when it is too small for any. */
size_t heap_debug_fixed_bytes(size_t window_bytes);
void heap_debug_init(uintptr_t area, size_t size_bytes);

/* An object with a record, or NULL. HEAP_ZERO is the caller's affair. */
void *heap_debug_alloc(const struct heap_request *request);

/* Frees a tracked object, or refuses to: *accepted. False when there is no record for it. */
bool heap_debug_free(void *object, size_t size_bytes, const void *caller, bool *accepted);

/* Whether `address` belongs to an object with a record. */
bool heap_debug_tracks(const void *address);

/* Of tracked objects: krealloc(), kmalloc_usable() and heap_describe(). */
void *heap_debug_realloc(void *object, size_t size_bytes, const void *caller);
size_t heap_debug_usable(const void *object);
bool heap_debug_describe(const void *address, struct heap_object_info *info); /* false: untracked */

/* Objects of a class that are free, but not back in a slab; those of HEAP_NO_CLASS, large ones, not back
 * in the run allocator: their bytes. */
size_t heap_debug_held(unsigned class_index);
size_t heap_debug_held_large_bytes(void);

/* A slab goes back to the run allocator: what is known of its former objects means nothing then. */
void heap_debug_forget(unsigned class_index, uint32_t first);

/* "; allocated at f+0x12, freed at g+0x34", as far as it is known. */
void heap_debug_history(const void *address, char *text, size_t size);

/* --- for its own files ---------------------------------------------------------------------- */

/* Nothing waits, nothing was counted. Early. */
void heap_debug_reset(void);

/* Gives back what waits, but for that many objects; whether anything was. */
bool heap_debug_release(size_t objects, size_t guarded_objects);

/* Debugging that was turned off ends when no object with a record is left. */
void heap_debug_settle(void);

/* Allocations without a record. */
size_t heap_debug_untracked(void);

/* The same as heap_debug_history(), of a record of the caller's. */
struct heap_record;
void heap_record_places(const struct heap_record *record, char *text, size_t size);

/* --- events --------------------------------------------------------------------------------- */

void heap_event_note(enum heap_event_kind kind, uintptr_t address, size_t size_bytes,
                     enum heap_tag tag, const void *site);
void heap_events_init(void);

#endif
