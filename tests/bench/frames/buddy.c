/* SPDX-License-Identifier: BSD-2-Clause
 *
 * buddy.c - the classic: a record of 64 bytes a frame, lists by order, merging when freed.
 *
 * One lock; before it, a list of single frames for each processor, in batches of 63, as Linux keeps
 * them.
 */
#include <string.h>

#include "bench.h"
#include "spin.h"

#define MAX_ORDER  10u
#define BATCH      63u
#define CACHE_HIGH (6 * BATCH)
#define CPUS       2u

const char *const bench_name = "buddy";
const unsigned bench_max_order = MAX_ORDER;
const unsigned bench_flags = BENCH_THREADS;

struct list {
    struct list *next;
    struct list *previous;
};

struct page {
    uint64_t is_free;
    struct list list;
    uint64_t order;
    uint64_t references;
    uint64_t unused[3];
};
_Static_assert(sizeof(struct page) == 64, "the record of the classic");

struct cache {
    _Alignas(64) struct spin lock;
    struct list list;
    uint64_t count;
};

static struct spin lock;
static struct page *pages;
static uint64_t page_count;
static struct list free_lists[MAX_ORDER + 1];
static struct cache caches[CPUS];

/* --- lists ------------------------------------------------------------------------------- */

static void list_init(struct list *list)
{
    list->next = list->previous = list;
}

static bool list_is_empty(const struct list *list)
{
    return list->next == list;
}

static void list_add(struct list *list, struct page *page)
{
    page->list.next = list->next;
    page->list.previous = list;
    list->next->previous = &page->list;
    list->next = &page->list;
}

static void list_remove(struct page *page)
{
    page->list.previous->next = page->list.next;
    page->list.next->previous = page->list.previous;
}

static struct page *page_of(struct list *link)
{
    return (struct page *)(void *)((char *)link - offsetof(struct page, list));
}

/* --- the buddy system -------------------------------------------------------------------- */

static void put(struct page *page, unsigned order)
{
    page->is_free = 1;
    page->order = order;
    list_add(&free_lists[order], page);
}

static void pull(struct page *page)
{
    list_remove(page);
    page->is_free = 0;
}

static struct page *core_alloc(unsigned order)
{
    for (unsigned have = order; have <= MAX_ORDER; have++) {
        struct page *page;

        if (list_is_empty(&free_lists[have]))
            continue;
        page = page_of(free_lists[have].next);
        pull(page);
        while (have-- > order)
            put(page + ((uint64_t)1 << have), have);
        return page;
    }
    return NULL;
}

static void core_free(struct page *page, unsigned order)
{
    uint64_t index = (uint64_t)(page - pages);

    for (; order < MAX_ORDER; order++) {
        uint64_t other = index ^ (uint64_t)1 << order;

        if (other >= page_count || !pages[other].is_free || pages[other].order != order)
            break;
        pull(&pages[other]);
        index &= other;
    }
    put(&pages[index], order);
}

size_t bench_meta_size(uint64_t frames, unsigned cpus)
{
    (void)cpus;
    return frames * sizeof(struct page);
}

bool bench_init(void *meta, void *backing, uint64_t frames, unsigned cpus)
{
    (void)backing;
    (void)cpus;
    pages = meta;
    page_count = frames;
    memset(pages, 0, frames * sizeof(*pages));
    for (unsigned order = 0; order <= MAX_ORDER; order++)
        list_init(&free_lists[order]);
    for (uint64_t i = frames; i > 0; i -= 1u << MAX_ORDER)
        put(&pages[i - (1u << MAX_ORDER)], MAX_ORDER);
    for (unsigned cpu = 0; cpu < CPUS; cpu++) {
        list_init(&caches[cpu].list);
        caches[cpu].count = 0;
    }
    return true;
}

/* --- caches ------------------------------------------------------------------------------ */

static void fill(struct cache *cache)
{
    spin_take(&lock);
    for (unsigned i = 0; i < BATCH; i++) {
        struct page *page = core_alloc(0);

        if (page == NULL)
            break;
        list_add(&cache->list, page);
        cache->count++;
    }
    spin_give(&lock);
}

static void give_back(struct cache *cache, uint64_t count)
{
    spin_take(&lock);
    for (; count > 0 && cache->count > 0; count--, cache->count--) {
        struct page *page = page_of(cache->list.previous);

        list_remove(page);
        core_free(page, 0);
    }
    spin_give(&lock);
}

static struct page *alloc_cached(struct cache *cache)
{
    struct page *page = NULL;

    spin_take(&cache->lock);
    if (cache->count == 0)
        fill(cache);
    if (cache->count > 0) {
        page = page_of(cache->list.next);
        list_remove(page);
        cache->count--;
    }
    spin_give(&cache->lock);
    return page;
}

static void free_cached(struct cache *cache, struct page *page)
{
    spin_take(&cache->lock);
    list_add(&cache->list, page);
    if (++cache->count > CACHE_HIGH)
        give_back(cache, BATCH);
    spin_give(&cache->lock);
}

uint64_t bench_alloc(unsigned cpu, unsigned order)
{
    struct page *page;

    if (order == 0) {
        page = alloc_cached(&caches[cpu]);
    } else {
        spin_take(&lock);
        page = core_alloc(order);
        spin_give(&lock);
    }
    if (page == NULL)
        return BENCH_NONE;
    page->references = 1;
    return (uint64_t)(page - pages);
}

void bench_free(unsigned cpu, uint64_t frame, unsigned order)
{
    struct page *page = &pages[frame];

    if (page->references != 1 || page->is_free)
        __builtin_trap();
    page->references = 0;
    if (order == 0) {
        free_cached(&caches[cpu], page);
        return;
    }
    spin_take(&lock);
    core_free(page, order);
    spin_give(&lock);
}

void bench_drain(unsigned cpu)
{
    struct cache *cache = &caches[cpu];

    spin_take(&cache->lock);
    give_back(cache, cache->count);
    spin_give(&cache->lock);
}
