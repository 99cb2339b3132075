/* SPDX-License-Identifier: BSD-2-Clause
 *
 * kcache.c - typed caches over the heap's classes.
 *
 * A cache of its own slabs would keep pages that no other type can use. Objects of equal class
 * share slabs and magazines instead; what a cache adds is the type, and a check at each free that the
 * object has its class and its tag.
 */
#include "mm/kcache.h"

#include "heap_private.h"
#include "lib/log.h"

#define CALLER __builtin_return_address(0)

struct kcache {
    struct kcache_type type;
    size_t live; /* atomic */
};

struct kcache *kcache_create(const struct kcache_type *type)
{
    struct kcache *cache;
    void *sample;

    if (type->name == NULL || type->size_bytes == 0)
        return NULL;
    cache = kmalloc_tagged(sizeof(*cache), type->tag, 0);
    if (cache == NULL)
        return NULL;
    *cache = (struct kcache){ .type = *type };
    if (cache->type.alignment == 0)
        cache->type.alignment = 1;
    cache->type.constructor = NULL;
    sample = kcache_alloc(cache); /* refused if the type makes no sense */
    if (sample == NULL || !kcache_free(cache, sample)) {
        (void)kfree(cache);
        return NULL;
    }
    cache->type.constructor = type->constructor;
    return cache;
}

void *kcache_alloc(struct kcache *cache)
{
    const struct heap_request request = {
        .size_bytes = cache->type.size_bytes,
        .alignment = cache->type.alignment,
        .tag = cache->type.tag,
        .flags = cache->type.flags,
        .caller = CALLER,
    };
    void *object = heap_request(&request);

    if (object == NULL)
        return NULL;
    heap_count(&cache->live, 1);
    if (cache->type.constructor != NULL)
        cache->type.constructor(object);
    return object;
}

bool kcache_free(struct kcache *cache, void *object)
{
    struct heap_object_info info;

    if (object == NULL)
        return true;
    if (heap_describe(object, &info) == STATUS_OK && info.live && info.start == object &&
        info.tag != cache->type.tag) {
        log_error("heap: free of %p into the cache '%s' refused: its tag is %s, not %s", object,
                  cache->type.name, heap_tag_name(info.tag), heap_tag_name(cache->type.tag));
        return false;
    }
    if (!heap_free(object, cache->type.size_bytes, CALLER))
        return false;
    heap_count(&cache->live, -(size_t)1);
    return true;
}

enum status kcache_destroy(struct kcache *cache)
{
    if (cache == NULL)
        return STATUS_OK;
    if (kcache_live(cache) != 0) {
        log_error("heap: the cache '%s' is not destroyed: %zu objects of it are live",
                  cache->type.name, kcache_live(cache));
        return STATUS_BUSY;
    }
    (void)kfree(cache);
    return STATUS_OK;
}

size_t kcache_live(const struct kcache *cache)
{
    return __atomic_load_n(&cache->live, __ATOMIC_RELAXED);
}
