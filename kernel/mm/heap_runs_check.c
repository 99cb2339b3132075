/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_runs_check.c - does the chain of runs hold together?
 *
 * Walks the chain from page to page and the bins from link to link, and compares them with each
 * other and with the counts. O(open pages).
 */
#include "heap_runs_private.h"
#include "heap_window.h"
#include "lib/log.h"

struct chain_sums {
    size_t cached_pages;
    size_t bare_pages;
    size_t kept_pages;
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
    if (end < heap_runs.end_page && heap_window.pages[end].kind == head->kind)
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
    case HEAP_PAGE_KEPT:
        sums->kept_pages += head->page_count;
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

    while (first < heap_runs.end_page) {
        const struct heap_page *head = &heap_window.pages[first];
        bool is_free = head->kind == HEAP_PAGE_CACHED || head->kind == HEAP_PAGE_BARE;
        uint32_t end = first + head->page_count;

        if (!sum_run(sums, head))
            return corrupt("a run should begin here", first);
        if (end <= first || end > heap_runs.end_page)
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
static bool check_bins(const struct heap_bins *bins, size_t *count)
{
    for (unsigned bin = 0; bin < HEAP_BIN_COUNT; bin++) {
        uint32_t previous = 0;

        if ((bins->heads[bin] != 0) != ((bins->words[bin / 32] >> (bin % 32) & 1) != 0))
            return corrupt("a bin and its bit disagree", bins->heads[bin]);
        for (uint32_t run = bins->heads[bin]; run != 0; run = heap_window.pages[run].next) {
            const struct heap_page *head = &heap_window.pages[run];

            if (head->kind != bins->kind || heap_bin_of(head->page_count) != bin ||
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
    if (sums->cached_pages == heap_runs.cached.count_pages &&
        sums->bare_pages == heap_runs.bare.count_pages &&
        sums->kept_pages == heap_runs.kept_pages && sums->used_pages == heap_runs.used_pages &&
        sums->large_pages == heap_runs.large_pages &&
        sums->large_objects == heap_runs.large_objects && sums->free_runs == binned)
        return true;
    log_error("heap: runs hold %zu used, %zu cached and %zu bare pages; counted were %zu, %zu, %zu",
              sums->used_pages, sums->cached_pages, sums->bare_pages, heap_runs.used_pages,
              heap_runs.cached.count_pages, heap_runs.bare.count_pages);
    return false;
}

enum status heap_runs_check(bool (*visit)(void *context, uint32_t first), void *context)
{
    irq_state_t state = spin_lock(&heap_runs.lock);
    struct chain_sums sums = { 0 };
    size_t binned = 0;
    bool good = check_chain(&sums, visit, context) && check_bins(&heap_runs.cached, &binned) &&
                check_bins(&heap_runs.bare, &binned) && sums_agree(&sums, binned);

    spin_unlock(&heap_runs.lock, state);
    return good ? STATUS_OK : STATUS_CORRUPT;
}
