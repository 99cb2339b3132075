/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_bins.c - free runs by length: O(1) in and out, and to find one that fits.
 */
#include "heap_bins.h"

#include "heap_window.h"
#include "lib/bits.h"

static_assert(HEAP_BIN_WORDS <= 32, "one word of bits says which words of bits are not empty");

unsigned heap_bin_of(uint32_t count_pages)
{
    unsigned top;

    if (count_pages < BIN_SUB)
        return count_pages;
    top = highest_bit(count_pages);
    return ((top - BIN_SUB_SHIFT + 1) << BIN_SUB_SHIFT) +
           ((count_pages >> (top - BIN_SUB_SHIFT)) & (BIN_SUB - 1));
}

uint32_t heap_bin_round(uint32_t count_pages)
{
    uint32_t step;

    if (count_pages < BIN_SUB)
        return count_pages;
    step = (uint32_t)1 << (highest_bit(count_pages) - BIN_SUB_SHIFT);
    return count_pages <= UINT32_MAX - (step - 1) ? (count_pages + step - 1) & -step : 0;
}

/* The first bin all of whose runs have `count_pages` pages or more; HEAP_BIN_COUNT when there is none. */
static unsigned bin_of_at_least(uint32_t count_pages)
{
    uint32_t least = heap_bin_round(count_pages);

    return least != 0 || count_pages == 0 ? heap_bin_of(least) : HEAP_BIN_COUNT;
}

/* The first bin from `bin` on that is not empty, or HEAP_BIN_COUNT. */
static unsigned bins_next(const struct heap_bins *bins, unsigned bin)
{
    unsigned word = bin / 32;
    uint32_t bits;

    if (bin >= HEAP_BIN_COUNT)
        return HEAP_BIN_COUNT;
    bits = bins->words[word] & (UINT32_MAX << (bin % 32));
    if (bits == 0) {
        uint32_t rest = word == 31 ? 0 : bins->summary & (UINT32_MAX << (word + 1));

        if (rest == 0)
            return HEAP_BIN_COUNT;
        word = lowest_bit(rest);
        bits = bins->words[word];
    }
    return word * 32 + lowest_bit(bits);
}

void heap_bins_insert(struct heap_bins *bins, uint32_t first, uint32_t count_pages)
{
    struct heap_page *pages = heap_window.pages;
    unsigned bin = heap_bin_of(count_pages);
    uint32_t next = bins->heads[bin];

    pages[first + count_pages - 1].kind = bins->kind;
    pages[first + count_pages - 1].page_count = count_pages;
    pages[first].kind = bins->kind;
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

void heap_bins_remove(struct heap_bins *bins, uint32_t first)
{
    struct heap_page *pages = heap_window.pages;
    struct heap_page *head = &pages[first];
    uint32_t count_pages = head->page_count;
    unsigned bin = heap_bin_of(count_pages);

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

/* From the first bin in which all fit, else the first that fits in the bin below. */
uint32_t heap_bins_find(const struct heap_bins *bins, uint32_t count_pages)
{
    unsigned bin = bins_next(bins, bin_of_at_least(count_pages));
    uint32_t run;

    if (bin != HEAP_BIN_COUNT)
        return bins->heads[bin];
    run = bins->heads[heap_bin_of(count_pages)];
    while (run != 0 && heap_window.pages[run].page_count < count_pages)
        run = heap_window.pages[run].next;
    return run;
}

uint32_t heap_bins_longest(const struct heap_bins *bins)
{
    unsigned word;

    if (bins->summary == 0)
        return 0;
    word = highest_bit(bins->summary);
    return bins->heads[word * 32 + highest_bit(bins->words[word])];
}
