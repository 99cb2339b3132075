/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mm/kcache.h - caches of objects of one type: kmalloc() that knows size, alignment, tag and constructor.
 *
 * Objects come from the size classes that all share, so a cache costs nothing but its description.
 * Any context, any processor, but for kcache_destroy(), which nobody may race.
 */
#ifndef MERIDIAN_MM_KCACHE_H
#define MERIDIAN_MM_KCACHE_H

#include "mm/heap.h"

struct kcache;

struct kcache_type {
    const char *name; /* outlives the cache */
    size_t size_bytes;
    size_t alignment; /* a power of two up to 1 MiB; 0 for the usual one */
    enum heap_tag tag;
    unsigned flags;                    /* enum heap_flag */
    void (*constructor)(void *object); /* or NULL; of each object before it is handed out */
};

/* A cache for a type, which is copied. NULL for want of memory, or when the type makes no sense. */
struct kcache *kcache_create(const struct kcache_type *type);

/* A constructed object, or NULL. */
void *kcache_alloc(struct kcache *cache);

/* NULL is allowed. False, and a report, for anything that is not a live object of this cache's size
 * class and tag. */
bool kcache_free(struct kcache *cache, void *object);

/* STATUS_BUSY, and a line that says how many, while objects are live. NULL is allowed. */
enum status kcache_destroy(struct kcache *cache);

/* Objects that are live. */
size_t kcache_live(const struct kcache *cache);

#endif
