/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_runs.c - runs of pages: found, cut, joined, grown, given back.
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
 * Mapping costs a thousand times what the rest does. So the frames of a freed run stay, up to a
 * bound that follows the use of the heap; what is above goes back to the PMM, longest runs first.
 * The heap grows by more than what is asked for, a sixteenth of its size up to 2 MiB.
 *
 * Locking: one lock (rank HEAP_LARGE) for chain, bins and counts, held for a few dozen
 * instructions, never while pages are mapped or unmapped: such runs are busy meanwhile. The PMM
 * may ask the heap for memory while it serves the heap; with no lock held that does no harm.
 * Opening, closing and backing of metadata is serialised by the grower's gate.
 */
#include "heap_runs.h"

#include "lib/assert.h"
#include "lib/bits.h"
#include "lib/lock.h"
#include "lib/log.h"

#define BIN_SUB_SHIFT    5u /* 32 bins a doubling */
#define BIN_SUB          (1u << BIN_SUB_SHIFT)
#define BIN_COUNT        ((32u - BIN_SUB_SHIFT + 1) * BIN_SUB)
#define BIN_WORDS        (BIN_COUNT / 32)

#define GROW_MIN_PAGES   16u
#define GROW_MAX_PAGES   512u
#define CACHED_MIN_PAGES 512u

static_assert(BIN_WORDS <= 32, "one word of bits says which words of bits are not empty");

/* Free runs of one sort. */
struct bins {
    enum heap_page_kind kind;
    uint32_t summary;          /* words that are not zero */
    uint32_t words[BIN_WORDS]; /* bins that are not empty */
    uint32_t heads[BIN_COUNT];
    size_t count_pages;
};

static struct spinlock lock = SPINLOCK_INIT(LOCK_RANK_HEAP_LARGE, "the heap's page runs");
static struct bins cached;
static struct bins bare;
static uint32_t end_page; /* of the chain; its first page is 1 */
static size_t used_pages;
static size_t large_pages;
static size_t large_objects;
static uint64_t large_allocations;

/* --- bins -------------------------------------------------------------------------------- */

static unsigned bin_of(uint32_t count_pages)
{
    unsigned top;

    if (count_pages < BIN_SUB)
        return count_pages;
    top = highest_bit(count_pages);
    return ((top - BIN_SUB_SHIFT + 1) << BIN_SUB_SHIFT) +
           ((count_pages >> (top - BIN_SUB_SHIFT)) & (BIN_SUB - 1));
}

/* The first bin all of whose runs have `count_pages` pages or more; BIN_COUNT when there is none. */
static unsigned bin_of_at_least(uint32_t count_pages)
{
    uint32_t round;

    if (count_pages < BIN_SUB)
        return count_pages;
    round = ((uint32_t)1 << (highest_bit(count_pages) - BIN_SUB_SHIFT)) - 1;
    return count_pages <= UINT32_MAX - round ? bin_of(count_pages + round) : BIN_COUNT;
}

/* The first bin from `bin` on that is not empty, or BIN_COUNT. */
static unsigned bins_next(const struct bins *bins, unsigned bin)
{
    unsigned word = bin / 32;
    uint32_t bits;

    if (bin >= BIN_COUNT)
        return BIN_COUNT;
    bits = bins->words[word] & (UINT32_MAX << (bin % 32));
    if (bits == 0) {
        uint32_t rest = word == 31 ? 0 : bins->summary & (UINT32_MAX << (word + 1));

        if (rest == 0)
            return BIN_COUNT;
        word = lowest_bit(rest);
        bits = bins->words[word];
    }
    return word * 32 + lowest_bit(bits);
}

static void bins_insert(struct bins *bins, uint32_t first, uint32_t count_pages)
{
    struct heap_page *pages = heap_window.pages;
    unsigned bin = bin_of(count_pages);
    uint32_t next = bins->heads[bin];

    pages[first + count_pages - 1].kind = (uint8_t)bins->kind;
    pages[first + count_pages - 1].page_count = count_pages;
    pages[first].kind = (uint8_t)bins->kind;
    pages[first].page_count = count_pages;
    pages[first].previous = 0;
    pages[first].next = next;
    if (next != 0)
        pages[next].previous = first;
    bins->heads[bin] = first;
    bins->words[bin / 32] |= (uint32_t)1 << (bin % 32);
    bins->summary |= (uint32_t)1 << (bin / 32);
    bins->count_pages += count_pages;
}

/* Takes a run out; its pages are inner pages of nothing then. */
static void bins_remove(struct bins *bins, uint32_t first)
{
    struct heap_page *pages = heap_window.pages;
    struct heap_page *head = &pages[first];
    uint32_t count_pages = head->page_count;
    unsigned bin = bin_of(count_pages);

    if (head->next != 0)
        pages[head->next].previous = head->previous;
    if (head->previous != 0)
        pages[head->previous].next = head->next;
    else
        bins->heads[bin] = head->next;
    if (bins->heads[bin] == 0) {
        bins->words[bin / 32] &= ~((uint32_t)1 << (bin % 32));
        if (bins->words[bin / 32] == 0)
            bins->summary &= ~((uint32_t)1 << (bin / 32));
    }
    bins->count_pages -= count_pages;
    head->kind = HEAP_PAGE_INNER;
    pages[first + count_pages - 1].kind = HEAP_PAGE_INNER;
}

/* A run of at least `count_pages`, or 0: from the first bin in which all fit, else the first that
 * fits in the bin below. */
static uint32_t bins_find(const struct bins *bins, uint32_t count_pages)
{
    unsigned bin = bins_next(bins, bin_of_at_least(count_pages));
    uint32_t run;

    if (bin != BIN_COUNT)
        return bins->heads[bin];
    run = bins->heads[bin_of(count_pages)];
    while (run != 0 && heap_window.pages[run].page_count < count_pages)
        run = heap_window.pages[run].next;
    return run;
}

/* --- the chain --------------------------------------------------------------------------- */

/* Frees [first, + count_pages), joined with neighbours of the same sort. */
static void chain_put(struct bins *bins, uint32_t first, uint32_t count_pages)
{
    struct heap_page *pages = heap_window.pages;
    uint32_t behind = first + count_pages;

    pages[first].kind = HEAP_PAGE_INNER;
    if (behind < end_page && pages[behind].kind == bins->kind) {
        count_pages += pages[behind].page_count;
        bins_remove(bins, behind);
    }
    if (first > 1 && pages[first - 1].kind == bins->kind) {
        uint32_t before = pages[first - 1].page_count;

        bins_remove(bins, first - before);
        first -= before;
        count_pages += before;
    }
    bins_insert(bins, first, count_pages);
}

/* Cuts an aligned run out of the free ones; 0 when none is long enough. */
static uint32_t chain_take(struct bins *bins, uint32_t count_pages, uint32_t align_pages)
{
    uint32_t span = count_pages + align_pages - 1;
    uint32_t run = span >= count_pages ? bins_find(bins, span) : 0;
    uint32_t first, end;

    if (run == 0)
        return 0;
    end = run + heap_window.pages[run].page_count;
    first = (uint32_t)align_up(run, align_pages);
    bins_remove(bins, run);
    if (first > run)
        bins_insert(bins, run, first - run);
    if (first + count_pages < end)
        bins_insert(bins, first + count_pages, end - first - count_pages);
    return first;
}

/* Between two kinds: nobody else touches a busy run. */
static void run_busy(uint32_t first, uint32_t count_pages)
{
    heap_window.pages[first].kind = HEAP_PAGE_BUSY;
    heap_window.pages[first].page_count = count_pages;
}

static void count_large(const struct heap_page *head, bool in)
{
    large_pages += in ? head->page_count : -(size_t)head->page_count;
    large_objects += in ? 1 : -(size_t)1;
    large_allocations += in;
}

/* A run gets an owner. */
static void run_enter(uint32_t first, uint32_t count_pages, enum heap_page_kind kind)
{
    struct heap_page *head = &heap_window.pages[first];

    run_busy(first, count_pages);
    head->kind = (uint8_t)kind;
    head->lead_bytes = 0;
    head->flags = 0;
    used_pages += count_pages;
    if (kind == HEAP_PAGE_LARGE)
        count_large(head, true);
}

/* A run loses its owner. */
static void run_leave(struct heap_page *head)
{
    used_pages -= head->page_count;
    if (head->kind == HEAP_PAGE_LARGE)
        count_large(head, false);
}

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
        arch_cpu_relax();
    }
}

void heap_grow_leave(void)
{
    __atomic_store_n(&grower, 0, __ATOMIC_RELEASE);
}

/* Opens blocks so that `count_pages` bare pages lie at the end of the chain. */
static enum status extend_chain(uint32_t count_pages)
{
    uint32_t old_end = end_page;
    uint32_t spare = 0;
    enum status status;

    if (old_end > 1 && heap_window.pages[old_end - 1].kind == HEAP_PAGE_BARE)
        spare = heap_window.pages[old_end - 1].page_count;
    if (spare >= count_pages)
        return STATUS_OK;
    if (count_pages - spare > heap_window.page_count - old_end)
        return STATUS_NO_SPACE;
    status = heap_window_extend((size_t)old_end + count_pages - spare);
    if (status == STATUS_OK) {
        irq_state_t state = spin_lock(&lock);

        end_page = heap_open_pages();
        chain_put(&bare, old_end, end_page - old_end);
        spin_unlock(&lock, state);
    }
    return status;
}

static uint32_t take_bare(uint32_t count_pages, uint32_t align_pages)
{
    irq_state_t state = spin_lock(&lock);
    uint32_t first = chain_take(&bare, count_pages, align_pages);

    if (first != 0)
        run_busy(first, count_pages);
    spin_unlock(&lock, state);
    return first;
}

static void put_bare(uint32_t first, uint32_t count_pages)
{
    irq_state_t state = spin_lock(&lock);

    chain_put(&bare, first, count_pages);
    spin_unlock(&lock, state);
}

/* A busy run of addresses. The gate is ours. */
static enum status reserve(uint32_t count_pages, uint32_t align_pages, uint32_t *first)
{
    uint32_t run = take_bare(count_pages, align_pages);

    if (run == 0) {
        enum status status = count_pages > UINT32_MAX - align_pages
                                 ? STATUS_NO_SPACE
                                 : extend_chain(count_pages + align_pages - 1);

        if (status != STATUS_OK)
            return status;
        run = take_bare(count_pages, align_pages);
    }
    if (run == 0)
        return STATUS_NO_SPACE;
    *first = run;
    return STATUS_OK;
}

/* A busy run with frames. The gate is ours. */
static enum status reserve_mapped(uint32_t count_pages, uint32_t align_pages, uint32_t *first)
{
    uint32_t run;
    enum status status = reserve(count_pages, align_pages, &run);

    if (status != STATUS_OK)
        return status;
    status = heap_back(heap_page_address(run), count_pages, FRAME_HEAP);
    if (status == STATUS_OK)
        *first = run;
    else
        put_bare(run, count_pages);
    return status;
}

/* How much to map when `count_pages` are asked for. */
static uint32_t growth(uint32_t count_pages)
{
    size_t step = (used_pages + cached.count_pages) / 16;

    if (step < GROW_MIN_PAGES)
        step = GROW_MIN_PAGES;
    if (step > GROW_MAX_PAGES)
        step = GROW_MAX_PAGES;
    return count_pages > step ? count_pages : (uint32_t)step;
}

enum status heap_run_map(uint32_t count_pages, uint32_t align_pages, enum heap_page_kind kind,
                         uint32_t *first)
{
    uint32_t wanted = growth(count_pages);
    enum status status;
    irq_state_t state;

    if (!heap_grow_enter())
        return STATUS_NO_MEMORY;
    status = reserve_mapped(wanted, align_pages, first);
    if (status != STATUS_OK && wanted > count_pages) {
        wanted = count_pages;
        status = reserve_mapped(wanted, align_pages, first);
    }
    heap_grow_leave();
    if (status != STATUS_OK)
        return status;
    state = spin_lock(&lock);
    run_enter(*first, count_pages, kind);
    if (wanted > count_pages)
        chain_put(&cached, *first + count_pages, wanted - count_pages);
    spin_unlock(&lock, state);
    return STATUS_OK;
}

/* --- shrinking ---------------------------------------------------------------------------- */

/* Takes up to `most_pages` from the end of the longest cached run; the run is busy then. */
static uint32_t take_longest(uint32_t most_pages, uint32_t *count_pages)
{
    irq_state_t state = spin_lock(&lock);
    uint32_t first = 0;

    if (cached.summary != 0) {
        unsigned word = highest_bit(cached.summary);
        uint32_t run = cached.heads[word * 32 + highest_bit(cached.words[word])];
        uint32_t length = heap_window.pages[run].page_count;

        *count_pages = length < most_pages ? length : most_pages;
        first = run + length - *count_pages;
        bins_remove(&cached, run);
        if (first > run)
            bins_insert(&cached, run, first - run);
        run_busy(first, *count_pages);
    }
    spin_unlock(&lock, state);
    return first;
}

static size_t release_cached(size_t count_frames)
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
    irq_state_t state = spin_lock(&lock);
    uint32_t old_end = end_page;

    if (end_page > 1 && heap_window.pages[end_page - 1].kind == HEAP_PAGE_BARE) {
        uint32_t first = end_page - heap_window.pages[end_page - 1].page_count;
        uint32_t end = first == 1 ? 1 : (uint32_t)align_up(first, HEAP_BLOCK_PAGES);

        if (end < end_page) {
            bins_remove(&bare, first);
            end_page = end;
            if (end > first)
                bins_insert(&bare, first, end - first);
        }
    }
    spin_unlock(&lock, state);
    return end_page < old_end;
}

static void close_blocks_at_end(void)
{
    if (!heap_grow_enter())
        return;
    if (cut_chain())
        heap_window_retract(end_page == 1 ? 0 : end_page);
    heap_grow_leave();
}

size_t heap_runs_shrink(size_t count_frames, bool close_blocks)
{
    size_t before = heap_window.metadata_pages;
    size_t given = release_cached(count_frames);

    if (!close_blocks)
        return given;
    close_blocks_at_end();
    return given + (before - heap_window.metadata_pages);
}

/* Frames above what a heap of this size may keep for later. */
static size_t cached_excess(void)
{
    size_t bound = used_pages / 4 + CACHED_MIN_PAGES;

    return cached.count_pages > bound ? cached.count_pages - bound + bound / 8 : 0;
}

/* --- interface ---------------------------------------------------------------------------- */

void heap_runs_init(void)
{
    cached = (struct bins){ .kind = HEAP_PAGE_CACHED };
    bare = (struct bins){ .kind = HEAP_PAGE_BARE };
    end_page = 1;
    used_pages = 0;
    large_pages = 0;
    large_objects = 0;
    large_allocations = 0;
    grower = 0;
}

enum status heap_run_alloc(uint32_t count_pages, uint32_t align_pages, enum heap_page_kind kind,
                           uint32_t *first)
{
    irq_state_t state = spin_lock(&lock);
    uint32_t run = chain_take(&cached, count_pages, align_pages);

    if (run != 0)
        run_enter(run, count_pages, kind);
    spin_unlock(&lock, state);
    if (run == 0)
        return STATUS_NOT_FOUND;
    *first = run;
    return STATUS_OK;
}

enum status heap_run_alloc_bare(uint32_t count_pages, uint32_t *first)
{
    enum status status;

    if (!heap_grow_enter())
        return STATUS_NO_MEMORY;
    status = reserve(count_pages, 1, first);
    heap_grow_leave();
    return status;
}

void heap_run_publish_large(uint32_t first)
{
    irq_state_t state = spin_lock(&lock);
    struct heap_page *head = &heap_window.pages[first];

    head->kind = HEAP_PAGE_LARGE;
    used_pages += head->page_count;
    count_large(head, true);
    spin_unlock(&lock, state);
}

void heap_run_free(uint32_t first)
{
    irq_state_t state = spin_lock(&lock);
    struct heap_page *head = &heap_window.pages[first];
    size_t excess;

    run_leave(head);
    chain_put(&cached, first, head->page_count);
    excess = cached_excess();
    spin_unlock(&lock, state);
    if (excess != 0)
        release_cached(excess);
}

void heap_run_free_bare(uint32_t first)
{
    put_bare(first, heap_window.pages[first].page_count);
}

bool heap_run_grow(uint32_t first, uint32_t count_pages)
{
    irq_state_t state = spin_lock(&lock);
    struct heap_page *head = &heap_window.pages[first];
    uint32_t behind = first + head->page_count;
    uint32_t more = count_pages - head->page_count;
    bool fits = behind < end_page && heap_window.pages[behind].kind == HEAP_PAGE_CACHED &&
                heap_window.pages[behind].page_count >= more;

    if (fits) {
        uint32_t rest = heap_window.pages[behind].page_count - more;

        bins_remove(&cached, behind);
        if (rest != 0)
            bins_insert(&cached, behind + more, rest);
        head->page_count = count_pages;
        used_pages += more;
        large_pages += more;
    }
    spin_unlock(&lock, state);
    return fits;
}

void heap_run_trim(uint32_t first, uint32_t count_pages)
{
    irq_state_t state = spin_lock(&lock);
    struct heap_page *head = &heap_window.pages[first];
    uint32_t rest = head->page_count - count_pages;

    head->page_count = count_pages;
    used_pages -= rest;
    large_pages -= rest;
    chain_put(&cached, first + count_pages, rest);
    spin_unlock(&lock, state);
}

bool heap_run_free_large(uint32_t page, uint32_t lead_bytes, size_t size_bytes,
                         struct heap_page *was)
{
    irq_state_t state = spin_lock(&lock);
    struct heap_page *head = &heap_window.pages[page];
    bool live = head->kind == HEAP_PAGE_LARGE && head->lead_bytes == lead_bytes &&
                (size_bytes == HEAP_ANY_SIZE || size_bytes == head->size_bytes);
    size_t excess = 0;

    *was = *head;
    if (live) {
        run_leave(head);
        if (head->flags != 0) {
            head->kind = HEAP_PAGE_BUSY;
        } else {
            chain_put(&cached, page, head->page_count);
            excess = cached_excess();
        }
    }
    spin_unlock(&lock, state);
    if (excess != 0)
        release_cached(excess);
    return live;
}

void heap_runs_get_stats(struct heap_run_stats *stats)
{
    irq_state_t state = spin_lock(&lock);

    *stats = (struct heap_run_stats){ .used_pages = used_pages,
                                      .large_pages = large_pages,
                                      .large_objects = large_objects,
                                      .large_allocations = large_allocations,
                                      .cached_pages = cached.count_pages,
                                      .bare_pages = bare.count_pages };
    spin_unlock(&lock, state);
}

/* --- checking ------------------------------------------------------------------------------ */

struct chain_sums {
    size_t cached_pages;
    size_t bare_pages;
    size_t used_pages;
    size_t large_pages;
    size_t large_objects;
    size_t free_runs;
};

static bool corrupt(const char *what, uint32_t page)
{
    log_error("heap: page %u (at 0x%zx): %s", page, (size_t)heap_page_address(page), what);
    return false;
}

/* Whether the pages behind a run's first say that they are inside it. */
static bool check_inner(uint32_t first, uint32_t end)
{
    const struct heap_page *pages = heap_window.pages;

    for (uint32_t page = first + 1; page < end; page++) {
        if (pages[page].kind == HEAP_PAGE_INSIDE && page == first + 1 &&
            pages[first].lead_bytes >= PAGE_SIZE)
            continue;
        if (pages[page].kind != HEAP_PAGE_INNER)
            return corrupt("inside a run, but says that one begins here", page);
    }
    return true;
}

static bool check_free_run(uint32_t first, uint32_t end)
{
    const struct heap_page *head = &heap_window.pages[first];
    const struct heap_page *last = &heap_window.pages[end - 1];

    if (last->kind != head->kind || last->page_count != head->page_count)
        return corrupt("the free run's last page differs from its first", first);
    if (end < end_page && heap_window.pages[end].kind == head->kind)
        return corrupt("two neighbours are free in the same way", first);
    return check_inner(first, end - 1);
}

/* Adds a run to the sums; false when its kind makes no sense. */
static bool sum_run(struct chain_sums *sums, const struct heap_page *head)
{
    switch ((enum heap_page_kind)head->kind) {
    case HEAP_PAGE_CACHED:
        sums->cached_pages += head->page_count;
        sums->free_runs++;
        return true;
    case HEAP_PAGE_BARE:
        sums->bare_pages += head->page_count;
        sums->free_runs++;
        return true;
    case HEAP_PAGE_LARGE:
        sums->large_pages += head->page_count;
        sums->large_objects++;
        sums->used_pages += head->page_count;
        return true;
    case HEAP_PAGE_SLAB:
        sums->used_pages += head->page_count;
        return true;
    case HEAP_PAGE_BUSY:
        return true;
    case HEAP_PAGE_INNER:
    case HEAP_PAGE_INSIDE:
        return false;
    }
    return false;
}

static bool check_chain(struct chain_sums *sums, bool (*visit)(void *context, uint32_t first),
                        void *context)
{
    uint32_t first = 1;

    while (first < end_page) {
        const struct heap_page *head = &heap_window.pages[first];
        bool is_free = head->kind == HEAP_PAGE_CACHED || head->kind == HEAP_PAGE_BARE;
        uint32_t end = first + head->page_count;

        if (!sum_run(sums, head))
            return corrupt("a run should begin here", first);
        if (end <= first || end > end_page)
            return corrupt("the run's length makes no sense", first);
        if (is_free ? !check_free_run(first, end) : !check_inner(first, end))
            return false;
        if (!visit(context, first))
            return false;
        first = end;
    }
    return true;
}

/* Counts the runs in the bins of one sort. */
static bool check_bins(const struct bins *bins, size_t *count)
{
    for (unsigned bin = 0; bin < BIN_COUNT; bin++) {
        uint32_t previous = 0;

        if ((bins->heads[bin] != 0) != ((bins->words[bin / 32] >> (bin % 32) & 1) != 0))
            return corrupt("a bin and its bit disagree", bins->heads[bin]);
        for (uint32_t run = bins->heads[bin]; run != 0; run = heap_window.pages[run].next) {
            const struct heap_page *head = &heap_window.pages[run];

            if (head->kind != bins->kind || bin_of(head->page_count) != bin ||
                head->previous != previous)
                return corrupt("in a bin where it does not belong", run);
            previous = run;
            (*count)++;
        }
    }
    return true;
}

static bool sums_agree(const struct chain_sums *sums, size_t binned)
{
    if (sums->cached_pages == cached.count_pages && sums->bare_pages == bare.count_pages &&
        sums->used_pages == used_pages && sums->large_pages == large_pages &&
        sums->large_objects == large_objects && sums->free_runs == binned)
        return true;
    log_error("heap: runs hold %zu used, %zu cached and %zu bare pages; counted were %zu, %zu, %zu",
              sums->used_pages, sums->cached_pages, sums->bare_pages, used_pages,
              cached.count_pages, bare.count_pages);
    return false;
}

enum status heap_runs_check(bool (*visit)(void *context, uint32_t first), void *context)
{
    irq_state_t state = spin_lock(&lock);
    struct chain_sums sums = { 0 };
    size_t binned = 0;
    bool good = check_chain(&sums, visit, context) && check_bins(&cached, &binned) &&
                check_bins(&bare, &binned) && sums_agree(&sums, binned);

    spin_unlock(&lock, state);
    return good ? STATUS_OK : STATUS_CORRUPT;
}
