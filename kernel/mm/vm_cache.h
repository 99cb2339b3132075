/* SPDX-License-Identifier: BSD-2-Clause
 *
 * vm_cache.h - memory for the records of the virtual memory manager.
 *
 * The heap grows through the VMM, so the VMM cannot stand on the heap: it carves its records, all
 * of a few fixed sizes, from frames of its own, reached through the direct map. Any context that
 * may take a lock of rank VM_CACHE.
 */
#ifndef MERIDIAN_KERNEL_MM_VM_CACHE_H
#define MERIDIAN_KERNEL_MM_VM_CACHE_H

#include "lib/lock.h"
#include "lib/types.h"

struct vm_slab;

struct vm_cache {
    size_t object_bytes;     /* at most a quarter of a page */
    struct vm_slab *partial; /* frames with room */
    struct spinlock lock;
};

#define VM_CACHE_INIT(type)                                                                        \
    {                                                                                              \
        .object_bytes = (sizeof(type) + 63) & ~(size_t)63, .partial = NULL,                        \
        .lock = SPINLOCK_INIT(LOCK_RANK_VM_CACHE, "records of type " #type)                        \
    }

/* A zeroed record at the start of a cache line, or NULL when there is no memory. */
void *vm_cache_alloc(struct vm_cache *cache);

/* `object` is one that vm_cache_alloc() gave, or NULL. A frame without records goes back at once. */
void vm_cache_free(struct vm_cache *cache, void *object);

#endif
