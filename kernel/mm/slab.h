/* SPDX-License-Identifier: BSD-2-Clause
 *
 * slab.h - small objects by the handful: what stands behind the processors' magazines.
 *
 * Objects taken are in no slab's free bits and in no depot; who took them sees to it that each has
 * one owner. State bytes are the caller's affair, not the slabs'. Any context; each class has a
 * lock of its own (rank HEAP_CLASS), which is not held while pages are allocated.
 */
#ifndef MERIDIAN_SLAB_H
#define MERIDIAN_SLAB_H

#include "heap_class.h"
#include "heap_runs.h"

/* Virtual space that the classes need in the window's fixed part; slab_init() backs it. */
size_t slab_fixed_bytes(void);
enum status slab_init(void *fixed);

/* Takes 1 to `count` free objects of a class; 0 when there is no memory. The first form takes what is
 * there, be it for a new slab: no page is mapped. */
unsigned slab_take_at_hand(unsigned class_index, void **objects, unsigned count);
unsigned slab_take(unsigned class_index, void **objects, unsigned count);

/* Gives objects of a class back. One that a slab holds already is reported and dropped. */
void slab_give(unsigned class_index, void *const *objects, unsigned count);

/* Whether much of the heap is room in slabs that are mostly free. */
bool slab_sparse(void);

/* Takes `count` (2 to 63) free objects that follow each other, if the class has many free ones and a
 * short search finds them; NULL if not. They count as one live object. And back. */
void *slab_take_span(unsigned class_index, unsigned count);
void slab_give_span(unsigned class_index, void *first, unsigned count);

/* Empties the depots and frees empty slabs; returns the pages that became cached runs. */
size_t slab_reclaim(void);

/* A run of pages with frames for any purpose: cached, reclaimed from empty slabs, or newly mapped. */
enum status slab_or_heap_run(const struct heap_wish *wish, uint32_t *first);

struct slab_class_stats {
    size_t slabs;
    size_t free_objects;  /* in slabs */
    size_t depot_objects; /* free, in the depot */
    size_t inner_objects; /* of spans, behind the first */
};
void slab_get_stats(unsigned class_index, struct slab_class_stats *stats);

/* Compares one slab's record with its bits, its list and its pages' entries in the map; adds it to
 * the sums. False with a log line when something is wrong. */
struct slab_sums {
    size_t slabs;
    size_t free_objects;
    size_t live_objects; /* by state byte */
};
bool slab_check(uint32_t first, struct slab_sums sums[HEAP_CLASS_END]);

#endif
