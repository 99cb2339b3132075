/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_runs.c - runs of pages: found, cut, joined, grown, freed.
 *
 * The open part of the window is one chain of runs without gaps, each used, cached (free, frames
 * still behind it) or bare (free, addresses only):
 *
 *     | slab | cached      | large          | slab | bare              | cached | bare ...    |
 *            ^first   last^                        ^first         last^
 *
 * Free runs carry their length in the records of their first and last page, used ones in the
 * first, so that a run that is freed finds both neighbours without a search and joins those of its
 * own sort: two neighbours are never free in the same way. Cached and bare runs do not join, for
 * then nobody would know which pages have frames.
 *
 * Free runs are kept in bins by length: one bin a length up to 32 pages, then 32 bins a doubling,
 * with a bit for each bin that is not empty (Masmano et al., TLSF, 2004). The shortest bin whose
 * runs all fit is found with two bit scans. Whatever is not needed of a run goes back at once.
 *
 * A state byte's page in a plane of small objects stands for 32 KiB to 512 KiB of window. So that one
 * slab doesn't cost a page of state bytes, runs are kept for the slabs of each such plane, which
 * are cut from them one behind the other.
 *
 * Mapping costs a thousand times what the rest does. So the frames of a freed run stay, up to a
 * bound that follows the use of the heap, with a memory of its last peak; what is above goes back to
 * the PMM, longest runs first, and all of it when the PMM asks.
 * The heap grows by more than what is asked for, a sixteenth of its size up to 2 MiB (heap_grow.c).
 *
 * Locking: one lock (rank HEAP_LARGE) for chain, bins and counts, held for a few dozen
 * instructions, never while pages are mapped or unmapped: such runs are busy meanwhile.
 */
#include "heap_runs_private.h"

#include "lib/bits.h"
#include "lib/lock.h"

#define CACHED_MIN_PAGES 512u
#define WARM_FADE_FREES  256u /* so often a part of the peak is forgotten */
#define WARM_FADE_PART   128u
#define KEPT_MAX_PAGES   64u
#define KEPT_SHARE       64u

struct heap_runs heap_runs;

/* --- the chain --------------------------------------------------------------------------- */

void heap_chain_put(struct heap_bins *bins, uint32_t first, uint32_t count_pages)
{
    struct heap_page *pages = heap_window.pages;
    uint32_t behind = first + count_pages;

    pages[first].kind = HEAP_PAGE_INNER;
    if (behind < heap_runs.end_page && pages[behind].kind == bins->kind) {
        count_pages += pages[behind].page_count;
        heap_bins_remove(bins, behind);
    }
    if (first > 1 && pages[first - 1].kind == bins->kind) {
        uint32_t before = pages[first - 1].page_count;

        heap_bins_remove(bins, first - before);
        first -= before;
        count_pages += before;
    }
    heap_bins_insert(bins, first, count_pages);
}

/* A free run in which the wish can be cut, or 0. */
static uint32_t chain_find(const struct heap_bins *bins, const struct heap_wish *wish)
{
    uint32_t span = wish->count_pages + wish->align_pages - 1;
    uint32_t run = 0;

    if (span < wish->count_pages)
        return 0;
    if (wish->room_pages > span)
        run = heap_bins_find(bins, wish->room_pages);
    return run != 0 ? run : heap_bins_find(bins, span);
}

uint32_t heap_chain_take(struct heap_bins *bins, const struct heap_wish *wish)
{
    uint32_t run = chain_find(bins, wish);
    uint32_t first, end, free_end;

    if (run == 0)
        return 0;
    free_end = run + heap_window.pages[run].page_count;
    first = (uint32_t)align_up(run, wish->align_pages);
    __builtin_prefetch(va_ptr(va(heap_page_address(first))), 1); /* the owner will write there */
    end = first + wish->count_pages;
    heap_bins_remove(bins, run);
    if (first > run)
        heap_bins_insert(bins, run, first - run);
    if (end < free_end)
        heap_bins_insert(bins, end, free_end - end);
    return first;
}

static void count_large(const struct heap_page *head, bool in)
{
    heap_runs.large_pages += in ? head->page_count : -(size_t)head->page_count;
    heap_runs.large_objects += in ? 1 : -(size_t)1;
    heap_runs.large_allocations += in;
}

static void use_pages(size_t more)
{
    heap_runs.used_pages += more;
    if (heap_runs.used_pages > heap_runs.warm_pages)
        heap_runs.warm_pages = heap_runs.used_pages;
}

void heap_run_enter(uint32_t first, uint32_t count_pages, enum heap_page_kind kind)
{
    struct heap_page *head = &heap_window.pages[first];

    heap_run_busy(first, count_pages);
    head->kind = (uint8_t)kind;
    head->lead_bytes = 0;
    head->flags = 0;
    use_pages(count_pages);
    if (kind == HEAP_PAGE_LARGE)
        count_large(head, true);
}

/* A run loses its owner. */
static void run_leave(struct heap_page *head)
{
    heap_runs.used_pages -= head->page_count;
    if (head->kind == HEAP_PAGE_LARGE)
        count_large(head, false);
}

/* --- runs kept for the slabs of a plane ----------------------------------------------------- */

/* A run is kept, or no longer: heap_runs.kept[plane] is set by the caller. */
static void keep(uint32_t first, uint32_t count_pages)
{
    heap_run_busy(first, count_pages);
    heap_window.pages[first].kind = HEAP_PAGE_KEPT;
    heap_runs.kept_pages += count_pages;
}

static void unkeep(uint32_t first)
{
    heap_runs.kept_pages -= heap_window.pages[first].page_count;
    heap_window.pages[first].kind = HEAP_PAGE_BUSY;
}

void heap_kept_release(unsigned plane)
{
    uint32_t first = heap_runs.kept[plane - HEAP_PLANE_FIRST];

    if (first == 0)
        return;
    unkeep(first);
    heap_chain_put(&heap_runs.cached, first, heap_window.pages[first].page_count);
    heap_runs.kept[plane - HEAP_PLANE_FIRST] = 0;
}

/* Cuts a slab from the run kept for its plane; 0 when there is not enough of it. */
static uint32_t kept_take(unsigned plane, uint32_t count_pages)
{
    uint32_t first = heap_runs.kept[plane - HEAP_PLANE_FIRST];
    uint32_t length;

    if (first == 0 || heap_window.pages[first].page_count < count_pages)
        return 0;
    length = heap_window.pages[first].page_count;
    unkeep(first);
    heap_runs.kept[plane - HEAP_PLANE_FIRST] = 0;
    if (length > count_pages) {
        heap_runs.kept[plane - HEAP_PLANE_FIRST] = first + count_pages;
        keep(first + count_pages, length - count_pages);
    }
    return first;
}

/* Keeps a new run for a plane, cut from a long cached one, if the heap is large enough for that to
 * be a small part of it. */
static void kept_refill(unsigned plane, uint32_t count_pages)
{
    size_t share = heap_runs.used_pages / KEPT_SHARE;
    uint32_t length = share < KEPT_MAX_PAGES ? (uint32_t)share : KEPT_MAX_PAGES;
    uint32_t run;

    if (length <= count_pages)
        return;
    run = heap_bins_find(&heap_runs.cached, length);
    if (run == 0 || run != heap_bins_find(&heap_runs.cached, count_pages))
        return;
    heap_kept_release(plane);
    run = heap_chain_take(&heap_runs.cached,
                          &(struct heap_wish){ .count_pages = length, .align_pages = 1 });
    heap_runs.kept[plane - HEAP_PLANE_FIRST] = run;
    keep(run, length);
}

/* A run for a slab: next to others of its plane, while there is no shorter hole for it. */
static uint32_t take_for_slab(const struct heap_wish *wish)
{
    uint32_t first = kept_take(wish->plane, wish->count_pages);

    if (first == 0) {
        kept_refill(wish->plane, wish->count_pages);
        first = kept_take(wish->plane, wish->count_pages);
    }
    return first != 0 ? first : heap_chain_take(&heap_runs.cached, wish);
}

/* Frames above what may be kept for later: room for what was in use lately, and for the holes between
 * runs. The memory of a peak fades with every run that is freed. */
static size_t cached_excess(void)
{
    size_t bound;

    if (++heap_runs.frees % WARM_FADE_FREES == 0)
        heap_runs.warm_pages -= (heap_runs.warm_pages - heap_runs.used_pages) / WARM_FADE_PART;
    bound =
        heap_runs.warm_pages - heap_runs.used_pages + heap_runs.warm_pages / 2 + CACHED_MIN_PAGES;
    return heap_runs.cached.count_pages > bound ? heap_runs.cached.count_pages - bound + bound / 8
                                                : 0;
}

/* --- interface ---------------------------------------------------------------------------- */

void heap_runs_init(void)
{
    heap_runs = (struct heap_runs){
        .lock = SPINLOCK_INIT(LOCK_RANK_HEAP_LARGE, "the heap's page runs"),
        .cached.kind = HEAP_PAGE_CACHED,
        .bare.kind = HEAP_PAGE_BARE,
        .end_page = 1,
    };
}

/* Takes the lock, which waits for all that the processor has written, and has the records of the run
 * and of its neighbours on their way meanwhile. The length is a guess as yet. */
static irq_state_t lock_near(const struct heap_page *head)
{
    __builtin_prefetch(head + __atomic_load_n(&head->page_count, __ATOMIC_RELAXED), 1);
    __builtin_prefetch(head - 1, 1);
    return spin_lock(&heap_runs.lock);
}

enum status heap_run_alloc(const struct heap_wish *wish, uint32_t *first)
{
    irq_state_t state = spin_lock(&heap_runs.lock);
    uint32_t run = wish->plane != 0 && wish->plane <= HEAP_KEPT_PLANE_LAST
                       ? take_for_slab(wish)
                       : heap_chain_take(&heap_runs.cached, wish);

    if (run != 0)
        heap_run_enter(run, wish->count_pages, wish->kind);
    spin_unlock(&heap_runs.lock, state);
    if (run == 0)
        return STATUS_NOT_FOUND;
    *first = run;
    return STATUS_OK;
}

void heap_run_publish_large(uint32_t first)
{
    irq_state_t state = spin_lock(&heap_runs.lock);
    struct heap_page *head = &heap_window.pages[first];

    head->kind = HEAP_PAGE_LARGE;
    use_pages(head->page_count);
    count_large(head, true);
    spin_unlock(&heap_runs.lock, state);
}

void heap_run_free(uint32_t first)
{
    irq_state_t state = spin_lock(&heap_runs.lock);
    struct heap_page *head = &heap_window.pages[first];
    size_t excess;

    run_leave(head);
    heap_chain_put(&heap_runs.cached, first, head->page_count);
    excess = cached_excess();
    spin_unlock(&heap_runs.lock, state);
    if (excess != 0)
        heap_release_cached(excess);
}

bool heap_run_grow(uint32_t first, uint32_t count_pages)
{
    irq_state_t state = spin_lock(&heap_runs.lock);
    struct heap_page *head = &heap_window.pages[first];
    uint32_t behind = first + head->page_count;
    uint32_t more = count_pages - head->page_count;
    bool fits = behind < heap_runs.end_page && heap_window.pages[behind].kind == HEAP_PAGE_CACHED &&
                heap_window.pages[behind].page_count >= more;

    if (fits) {
        uint32_t rest = heap_window.pages[behind].page_count - more;

        heap_bins_remove(&heap_runs.cached, behind);
        if (rest != 0)
            heap_bins_insert(&heap_runs.cached, behind + more, rest);
        head->page_count = count_pages;
        use_pages(more);
        heap_runs.large_pages += more;
    }
    spin_unlock(&heap_runs.lock, state);
    return fits;
}

void heap_run_trim(uint32_t first, uint32_t count_pages)
{
    irq_state_t state = spin_lock(&heap_runs.lock);
    struct heap_page *head = &heap_window.pages[first];
    uint32_t rest = head->page_count - count_pages;

    head->page_count = count_pages;
    heap_runs.used_pages -= rest;
    heap_runs.large_pages -= rest;
    heap_chain_put(&heap_runs.cached, first + count_pages, rest);
    spin_unlock(&heap_runs.lock, state);
}

bool heap_run_free_large(uint32_t page, uint32_t lead_bytes, size_t size_bytes,
                         struct heap_page *was)
{
    struct heap_page *head = &heap_window.pages[page];
    irq_state_t state = lock_near(head);
    bool live = head->kind == HEAP_PAGE_LARGE && head->lead_bytes == lead_bytes &&
                (size_bytes == HEAP_ANY_SIZE || size_bytes == head->size_bytes);
    size_t excess = 0;

    if (live) {
        was->flags = head->flags;
        was->tag = head->tag;
        was->page_count = head->page_count;
        was->lead_bytes = head->lead_bytes;
        run_leave(head);
        if (head->flags != 0) {
            head->kind = HEAP_PAGE_BUSY;
        } else {
            heap_chain_put(&heap_runs.cached, page, head->page_count);
            excess = cached_excess();
        }
    }
    spin_unlock(&heap_runs.lock, state);
    if (excess != 0)
        heap_release_cached(excess);
    return live;
}

size_t heap_runs_slab_bytes(void)
{
    irq_state_t state = spin_lock(&heap_runs.lock);
    size_t pages = heap_runs.used_pages - heap_runs.large_pages;

    spin_unlock(&heap_runs.lock, state);
    return pages << PAGE_SHIFT;
}

void heap_runs_get_stats(struct heap_run_stats *stats)
{
    irq_state_t state = spin_lock(&heap_runs.lock);

    *stats = (struct heap_run_stats){ .used_pages = heap_runs.used_pages,
                                      .large_pages = heap_runs.large_pages,
                                      .large_objects = heap_runs.large_objects,
                                      .large_allocations = heap_runs.large_allocations,
                                      .cached_pages =
                                          heap_runs.cached.count_pages + heap_runs.kept_pages,
                                      .bare_pages = heap_runs.bare.count_pages };
    spin_unlock(&heap_runs.lock, state);
}
