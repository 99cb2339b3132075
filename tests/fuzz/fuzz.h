/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fuzz.h - what the harnesses of tests/fuzz share.
 *
 * A harness is one file with one function, fuzz_run(), that gets bytes of libFuzzer's invention. It feeds
 * them to one part of Meridian as the outsider would, and checks what comes back against what is obvious.
 * A property that fails ends the program; libFuzzer keeps the input.
 *
 * What libFuzzer does around a run costs more than most runs. So each input of its is run with
 * FUZZ_NEIGHBOURS more, which differ from it in a few bytes and depend on nothing but it: the input alone
 * repeats what they found.
 *
 * Bytes that a part must not read beyond lie at the end of a page, and the next one is inaccessible: the
 * fast build has no address sanitizer, and finds it all the same.
 */
#ifndef MERIDIAN_TESTS_FUZZ_H
#define MERIDIAN_TESTS_FUZZ_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/types.h"

#define FUZZ_NEIGHBOURS 31u

/* One run: the harness's. */
void fuzz_run(const uint8_t *data, size_t size);

/* An input and its neighbours: what libFuzzer calls. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input that is run now. */
extern struct fuzz_input {
    const uint8_t *bytes;
    size_t size;
    bool is_neighbour;
} fuzz_input;

/* What must hold, with place and words when it does not. */
#define FUZZ_CHECK(property)                                                                       \
    do {                                                                                           \
        if (__builtin_expect(!(property), 0))                                                      \
            fuzz_found(__FILE__, __LINE__, #property);                                             \
    } while (false)

[[gnu::noreturn, gnu::cold]] void fuzz_found(const char *file, int line, const char *property);

/* Places for bytes with nothing behind them. Whoever asks for the same one again gets it anew. */
enum fuzz_room { FUZZ_INPUT, FUZZ_ROWS, FUZZ_CHANGES, FUZZ_BLOCK, FUZZ_ROOMS };

#define FUZZ_ROOM_BYTES (256u << 10)

/* The last `size_bytes` bytes of a room. What they hold is left from before. */
void *fuzz_room(enum fuzz_room room, size_t size_bytes);

/* The same with a copy of `from`. */
static inline void *fuzz_copy(enum fuzz_room room, const void *from, size_t size_bytes)
{
    void *copy = fuzz_room(room, size_bytes);

    if (size_bytes != 0)
        memcpy(copy, from, size_bytes);
    return copy;
}

/* The input as a stream; zeros behind its end. */
struct feed {
    const uint8_t *bytes;
    size_t left;
};

static inline bool feed_ends(const struct feed *feed)
{
    return feed->left == 0;
}

static inline uint8_t feed_byte(struct feed *feed)
{
    if (feed->left == 0)
        return 0;
    feed->left--;
    return *feed->bytes++;
}

/* A little-endian number of at most 8 bytes. */
static inline uint64_t feed_number(struct feed *feed, unsigned size_bytes)
{
    uint64_t number = 0;

    for (unsigned i = 0; i < size_bytes; i++)
        number |= (uint64_t)feed_byte(feed) << (8 * i);
    return number;
}

/* As many of `size_bytes` as there are; the rest of `to` is zeros. */
static inline void feed_copy(struct feed *feed, void *to, size_t size_bytes)
{
    size_t there = feed->left < size_bytes ? feed->left : size_bytes;

    memset(to, 0, size_bytes);
    if (there != 0)
        memcpy(to, feed->bytes, there);
    feed->bytes += there;
    feed->left -= there;
}

#endif
