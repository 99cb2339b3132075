/* SPDX-License-Identifier: BSD-2-Clause
 *
 * bitmap.c - one bit a frame under one lock, searched onwards from the last hit.
 *
 * A set bit is a free frame. Order 9 takes the first eight full words in a row at a multiple of eight,
 * looking from the start; other orders are not served.
 */
#include <string.h>

#include "bench.h"
#include "spin.h"

#define WORDS_A_2M 8u

const char *const bench_name = "bitmap";
const unsigned bench_max_order = 9;
const unsigned bench_flags = BENCH_THREADS;

static struct spin lock;
static uint64_t *words;
static uint64_t word_count;
static uint64_t next; /* where the next search begins */

size_t bench_meta_size(uint64_t frames, unsigned cpus)
{
    (void)cpus;
    return frames / 8;
}

bool bench_init(void *meta, void *backing, uint64_t frames, unsigned cpus)
{
    (void)backing;
    (void)cpus;
    words = meta;
    word_count = frames / 64;
    next = 0;
    memset(words, 0xff, frames / 8);
    return true;
}

static uint64_t take_frame(void)
{
    for (uint64_t i = 0; i < word_count; i++) {
        uint64_t word = words[next];

        if (word != 0) {
            words[next] = word & (word - 1);
            return next * 64 + (unsigned)__builtin_ctzll(word);
        }
        next = next + 1 == word_count ? 0 : next + 1;
    }
    return BENCH_NONE;
}

static bool is_free_2m(uint64_t first)
{
    uint64_t all = UINT64_MAX;

    for (uint64_t w = first; w < first + WORDS_A_2M; w++)
        all &= words[w];
    return all == UINT64_MAX;
}

static uint64_t take_2m(void)
{
    for (uint64_t first = 0; first < word_count; first += WORDS_A_2M)
        if (is_free_2m(first)) {
            memset(&words[first], 0, WORDS_A_2M * sizeof(*words));
            return first * 64;
        }
    return BENCH_NONE;
}

uint64_t bench_alloc(unsigned cpu, unsigned order)
{
    uint64_t frame = BENCH_NONE;

    (void)cpu;
    spin_take(&lock);
    if (order == 0)
        frame = take_frame();
    else if (order == bench_max_order)
        frame = take_2m();
    spin_give(&lock);
    return frame;
}

void bench_free(unsigned cpu, uint64_t frame, unsigned order)
{
    (void)cpu;
    spin_take(&lock);
    if (order == 0)
        words[frame / 64] |= (uint64_t)1 << (frame % 64);
    else
        memset(&words[frame / 64], 0xff, WORDS_A_2M * sizeof(*words));
    spin_give(&lock);
}

void bench_drain(unsigned cpu)
{
    (void)cpu;
}
