/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_grow.c - addresses and frames for the runs of heap_runs.c, and back.
 *
 * Growing takes a bare run (opening blocks of the window when there is none), puts frames behind
 * it, and hands out what was asked for; the rest is cached. Shrinking takes cached runs, longest first,
 * gives their frames to the PMM and leaves bare runs; blocks at the end of the window that hold
 * nothing else are closed, which gives their metadata back.
 *
 *     addresses:   closed  <->  bare  <->  cached  <->  used
 *                     metadata     frames      heap_runs.c
 *
 * Locking: runs are made busy under the lock of the runs and mapped with no lock held, since the
 * PMM may ask the heap itself for memory. The gate serialises what opens, closes and backs metadata:
 * a processor that meets it closed by itself, further out, is refused, which ends the recursion.
 */
#include "heap_runs_private.h"

#include "lib/assert.h"
#include "lib/bits.h"

#define GROW_MIN_PAGES 16u
#define GROW_MAX_PAGES 512u

/* --- growing ------------------------------------------------------------------------------ */

static uint32_t grower; /* processor + 1, or 0 */

bool heap_grow_enter(void)
{
    uint32_t me = arch_cpu_id() + 1;

    for (;;) {
        uint32_t holder = 0;

        if (__atomic_compare_exchange_n(&grower, &holder, me, false, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED))
            return true;
        if (holder == me)
            return false;
        spin_pause();
    }
}

void heap_grow_leave(void)
{
    __atomic_store_n(&grower, 0, __ATOMIC_RELEASE);
}

/* Bare pages at the end of the chain. */
static uint32_t bare_at_end(void)
{
    irq_state_t state = spin_lock(&heap_runs.lock);
    const struct heap_page *last = &heap_window.pages[heap_runs.end_page - 1];
    uint32_t spare = heap_runs.end_page > 1 && last->kind == HEAP_PAGE_BARE ? last->page_count : 0;

    spin_unlock(&heap_runs.lock, state);
    return spare;
}

/* Opens blocks so that `count_pages` bare pages lie at the end of the chain. */
static enum status extend_chain(uint32_t count_pages)
{
    uint32_t old_end = heap_runs.end_page;
    uint32_t spare = bare_at_end();
    enum status status;

    if (spare >= count_pages)
        return STATUS_OK;
    if (count_pages - spare > heap_window.page_count - old_end)
        return STATUS_NO_SPACE;
    status = heap_window_extend((size_t)old_end + count_pages - spare);
    if (status == STATUS_OK) {
        irq_state_t state = spin_lock(&heap_runs.lock);

        heap_runs.end_page = heap_open_pages();
        heap_chain_put(&heap_runs.bare, old_end, heap_runs.end_page - old_end);
        spin_unlock(&heap_runs.lock, state);
    }
    return status;
}

static uint32_t take_bare(const struct heap_wish *wish)
{
    irq_state_t state = spin_lock(&heap_runs.lock);
    uint32_t first = heap_chain_take(&heap_runs.bare, wish);

    if (first != 0)
        heap_run_busy(first, wish->count_pages);
    spin_unlock(&heap_runs.lock, state);
    return first;
}

static void put_bare(uint32_t first, uint32_t count_pages)
{
    irq_state_t state = spin_lock(&heap_runs.lock);

    heap_chain_put(&heap_runs.bare, first, count_pages);
    spin_unlock(&heap_runs.lock, state);
}

/* A busy run of addresses. The gate is ours. */
static enum status reserve(const struct heap_wish *wish, uint32_t *first)
{
    uint32_t run = take_bare(wish);

    if (run == 0) {
        enum status status = wish->count_pages > UINT32_MAX - wish->align_pages
                                 ? STATUS_NO_SPACE
                                 : extend_chain(wish->count_pages + wish->align_pages - 1);

        if (status != STATUS_OK)
            return status;
        run = take_bare(wish);
        VERIFY(run != 0); /* nobody but who has the gate takes bare runs away */
    }
    *first = run;
    return STATUS_OK;
}

/* A busy run with frames. The gate is ours. */
static enum status reserve_mapped(const struct heap_wish *wish, uint32_t *first)
{
    uint32_t run;
    enum status status = reserve(wish, &run);

    if (status != STATUS_OK)
        return status;
    status = heap_back(heap_page_address(run), wish->count_pages, FRAME_HEAP);
    if (status == STATUS_OK)
        *first = run;
    else
        put_bare(run, wish->count_pages);
    return status;
}

/* How much to map when `count_pages` are asked for. */
static uint32_t growth(uint32_t count_pages)
{
    irq_state_t state = spin_lock(&heap_runs.lock);
    size_t step = (heap_runs.used_pages + heap_runs.cached.count_pages) / 16;

    spin_unlock(&heap_runs.lock, state);
    if (step < GROW_MIN_PAGES)
        step = GROW_MIN_PAGES;
    if (step > GROW_MAX_PAGES)
        step = GROW_MAX_PAGES;
    return count_pages > step ? count_pages : (uint32_t)step;
}

enum status heap_run_map(const struct heap_wish *wish, bool no_more, uint32_t *first)
{
    struct heap_wish larger = *wish;
    enum status status;
    irq_state_t state;

    if (!heap_grow_enter())
        return STATUS_NO_MEMORY;
    if (!no_more)
        larger.count_pages = growth(wish->count_pages);
    status = reserve_mapped(&larger, first);
    if (status != STATUS_OK && larger.count_pages > wish->count_pages) {
        larger = *wish;
        status = reserve_mapped(&larger, first);
    }
    heap_grow_leave();
    if (status != STATUS_OK)
        return status;
    state = spin_lock(&heap_runs.lock);
    heap_run_enter(*first, wish->count_pages, wish->kind);
    if (larger.count_pages > wish->count_pages)
        heap_chain_put(&heap_runs.cached, *first + wish->count_pages,
                       larger.count_pages - wish->count_pages);
    spin_unlock(&heap_runs.lock, state);
    return STATUS_OK;
}

/* --- shrinking ---------------------------------------------------------------------------- */

/* Takes up to `most_pages` from the end of the longest cached run; the run is busy then. */
static uint32_t take_longest(uint32_t most_pages, uint32_t *count_pages)
{
    irq_state_t state = spin_lock(&heap_runs.lock);
    uint32_t run = heap_bins_longest(&heap_runs.cached);
    uint32_t first = 0;

    if (run != 0) {
        uint32_t length = heap_window.pages[run].page_count;

        *count_pages = length < most_pages ? length : most_pages;
        first = run + length - *count_pages;
        heap_bins_remove(&heap_runs.cached, run);
        if (first > run)
            heap_bins_insert(&heap_runs.cached, run, first - run);
        heap_run_busy(first, *count_pages);
    }
    spin_unlock(&heap_runs.lock, state);
    return first;
}

static void release_kept(void)
{
    irq_state_t state = spin_lock(&heap_runs.lock);

    for (unsigned plane = HEAP_PLANE_FIRST; plane <= HEAP_KEPT_PLANE_LAST; plane++)
        heap_kept_release(plane);
    spin_unlock(&heap_runs.lock, state);
}

size_t heap_release_cached(size_t count_frames)
{
    size_t given = 0;

    while (given < count_frames) {
        size_t left = count_frames - given;
        uint32_t count_pages;
        uint32_t first =
            take_longest(left < UINT32_MAX ? (uint32_t)left : UINT32_MAX, &count_pages);

        if (first == 0)
            break;
        heap_unback(heap_page_address(first), count_pages);
        put_bare(first, count_pages);
        given += count_pages;
    }
    return given;
}

/* Takes the last bare run off the chain, as far as whole blocks go; true if there was one. */
static bool cut_chain(void)
{
    irq_state_t state = spin_lock(&heap_runs.lock);
    uint32_t old_end = heap_runs.end_page;
    bool shorter;

    if (heap_runs.end_page > 1 &&
        heap_window.pages[heap_runs.end_page - 1].kind == HEAP_PAGE_BARE) {
        uint32_t first = heap_runs.end_page - heap_window.pages[heap_runs.end_page - 1].page_count;
        uint32_t end = first == 1 ? 1 : (uint32_t)align_up(first, HEAP_BLOCK_PAGES);

        if (end < heap_runs.end_page) {
            heap_bins_remove(&heap_runs.bare, first);
            heap_runs.end_page = end;
            if (end > first)
                heap_bins_insert(&heap_runs.bare, first, end - first);
        }
    }
    shorter = heap_runs.end_page < old_end;
    spin_unlock(&heap_runs.lock, state);
    return shorter;
}

/* Returns the frames of metadata that came free. */
static size_t close_blocks_at_end(void)
{
    size_t frames;

    if (!heap_grow_enter())
        return 0;
    frames = heap_window.metadata_pages;
    if (cut_chain())
        heap_window_retract(heap_runs.end_page == 1 ? 0 : heap_runs.end_page);
    frames -= heap_window.metadata_pages;
    heap_grow_leave();
    return frames;
}

size_t heap_runs_shrink(size_t count_frames, bool close_blocks)
{
    size_t given;

    release_kept();
    given = heap_release_cached(count_frames);
    return close_blocks ? given + close_blocks_at_end() : given;
}

/* --- addresses alone ----------------------------------------------------------------------- */

enum status heap_run_alloc_bare(uint32_t count_pages, uint32_t *first)
{
    const struct heap_wish wish = { .count_pages = count_pages, .align_pages = 1 };
    enum status status;

    if (!heap_grow_enter())
        return STATUS_NO_MEMORY;
    status = reserve(&wish, first);
    heap_grow_leave();
    return status;
}

void heap_run_free_bare(uint32_t first)
{
    put_bare(first, heap_window.pages[first].page_count);
}
