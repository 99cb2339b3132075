/* SPDX-License-Identifier: BSD-2-Clause
 *
 * vm_cache.c - memory for the records of the virtual memory manager. vm_cache.h has the contract.
 *
 * One frame is one slab:
 *
 *     +--------+--------+--------+-- ... --+--------+-------+
 *     | header | record | record |         | record | waste |
 *     +--------+--------+--------+-- ... --+--------+-------+
 *
 * Free records of a slab are linked through their first words. Slabs with room are linked both
 * ways, the others are not linked at all: a record finds its slab at the start of its page. A slab
 * without records is given back at once, so that no memory stays here when all spaces are gone.
 * O(1), but for the zeros.
 */
#include "vm_cache.h"

#include "direct_frame.h"
#include "lib/string.h"
#include "mm/fail_alloc.h"

struct vm_slab {
    struct vm_slab *next;
    struct vm_slab *previous;
    void *free; /* records that were freed */
    uint32_t used;
    uint32_t fresh; /* records never given out begin at this one */
};

#define HEADER_BYTES ((sizeof(struct vm_slab) + 63) & ~(size_t)63)

static void link_slab(struct vm_cache *cache, struct vm_slab *slab)
{
    slab->previous = NULL;
    slab->next = cache->partial;
    if (slab->next != NULL)
        slab->next->previous = slab;
    cache->partial = slab;
}

static void unlink_slab(struct vm_cache *cache, struct vm_slab *slab)
{
    if (slab->previous == NULL)
        cache->partial = slab->next;
    else
        slab->previous->next = slab->next;
    if (slab->next != NULL)
        slab->next->previous = slab->previous;
}

static struct vm_slab *slab_of(void *object)
{
    return (struct vm_slab *)((uintptr_t)object & ~(uintptr_t)PAGE_MASK);
}

static struct vm_slab *new_slab(struct vm_cache *cache)
{
    struct vm_slab *slab;
    pfn_t frame;

    if (direct_frame_alloc(FRAME_KERNEL, &frame) != STATUS_OK)
        return NULL;
    slab = arch_phys_ptr(pfn_to_pa(frame));
    *slab = (struct vm_slab){ .free = NULL };
    link_slab(cache, slab);
    return slab;
}

static bool is_full(const struct vm_cache *cache, const struct vm_slab *slab)
{
    return slab->free == NULL && HEADER_BYTES + (slab->fresh + 1) * cache->object_bytes > PAGE_SIZE;
}

static void *take_record(struct vm_cache *cache, struct vm_slab *slab)
{
    void *object = slab->free;

    if (object != NULL)
        memcpy(&slab->free, object, sizeof(slab->free));
    else
        object = (char *)slab + HEADER_BYTES + slab->fresh++ * cache->object_bytes;
    slab->used++;
    if (is_full(cache, slab))
        unlink_slab(cache, slab);
    return object;
}

void *vm_cache_alloc(struct vm_cache *cache)
{
    struct vm_slab *slab;
    irq_state_t state;
    void *object;

    if (FAIL_ALLOC(__builtin_return_address(0)))
        return NULL;
    state = spin_lock(&cache->lock);
    slab = cache->partial != NULL ? cache->partial : new_slab(cache);
    object = slab != NULL ? take_record(cache, slab) : NULL;
    spin_unlock(&cache->lock, state);
    if (object != NULL)
        memset(object, 0, cache->object_bytes);
    return object;
}

void vm_cache_free(struct vm_cache *cache, void *object)
{
    struct vm_slab *slab = slab_of(object);
    irq_state_t state;

    if (object == NULL)
        return;
    state = spin_lock(&cache->lock);
    if (is_full(cache, slab))
        link_slab(cache, slab);
    memcpy(object, &slab->free, sizeof(slab->free));
    slab->free = object;
    if (--slab->used == 0) {
        unlink_slab(cache, slab);
        frame_put(pa_to_pfn(arch_ptr_phys(slab)));
    }
    spin_unlock(&cache->lock, state);
}
