/* SPDX-License-Identifier: BSD-2-Clause
 *
 * table_pool.c - see table_pool.h.
 */
#include "table_pool.h"

#include "lib/string.h"
#include "pages.h"

static enum status refill(struct table_pool *pool)
{
    uint64_t bytes = pool->used_bytes == 0 ? pool->chunk_bytes : 2 * pool->chunk_bytes;
    paddr_t chunk;
    enum status status = pages_allocate(bytes, PAGES_ANYWHERE, pool->tag, &chunk);

    if (status != STATUS_OK)
        return status;
    pool->chunk = chunk;
    pool->chunk_bytes = bytes;
    pool->used_bytes = 0;
    return STATUS_OK;
}

static enum status pool_alloc(void *context, paddr_t *table)
{
    struct table_pool *pool = context;
    bool empty = pa_value(pool->chunk) == 0 || pool->used_bytes == pool->chunk_bytes;
    enum status status = empty ? refill(pool) : STATUS_OK;

    if (status != STATUS_OK)
        return status;
    *table = pa_add(pool->chunk, pool->used_bytes);
    pool->used_bytes += PAGE_SIZE;
    memset(pages_pointer(*table), 0, PAGE_SIZE);
    return STATUS_OK;
}

/* The loader only adds to its tables; what a failed change gives back is freed with the rest. */
static void pool_free(void *context, paddr_t table)
{
    (void)context;
    (void)table;
}

void table_pool_init(struct table_pool *pool, enum region_tag tag, size_t first_pages)
{
    *pool = (struct table_pool){
        .memory = { pool_alloc, pool_free, pool },
        .tag = tag,
        .chunk_bytes = (uint64_t)first_pages << PAGE_SHIFT,
    };
}

enum status table_pool_prepare(struct table_pool *pool)
{
    return refill(pool);
}

void table_pool_finish(struct table_pool *pool)
{
    if (pa_value(pool->chunk) != 0)
        pages_shrink(pool->chunk, pool->used_bytes);
}
