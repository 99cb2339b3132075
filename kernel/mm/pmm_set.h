/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pmm_set.h - sets of 512 bits: the one shape that the frame allocator is made of.
 *
 * 512 frames make a block of 2 MiB, and 512 blocks an area of 1 GiB. At both levels "which of them"
 * is 512 bits, eight words, one cache line. A summary byte kept beside the set says which of its
 * words are not 0, so that finding a bit costs two searches in a register and no loop:
 *
 *      summary          0 0 1 0 0 1 0 1      bit w: word[w] != 0
 *                           |     |   |
 *      word[]     ...  word[5] word[2] word[0]
 *
 * A run of order n is 2^n bits at a multiple of 2^n. It is found by folding: after
 * x &= x >> 1, x >> 2 ... x >> 2^(n-1), bit i says that bits i .. i + 2^n - 1 were all set; a mask then
 * leaves the multiples of 2^n:
 *
 *      word        1 1 1 1 0 1 1 0 1 1 1 0
 *      order 1       1   1     1     1         pairs that begin at an even bit
 *      order 2             1                   fours that begin at a multiple of four
 *
 * Pure functions on memory that the caller has locked. SET_NONE means "no such bit".
 */
#ifndef MERIDIAN_MM_PMM_SET_H
#define MERIDIAN_MM_PMM_SET_H

#include "lib/bits.h"

#define SET_BITS       512u
#define SET_ORDER      9u /* of the whole set */
#define SET_WORDS      8u
#define SET_WORD_ORDER 6u /* of a word */
#define SET_NONE       SET_BITS

/*@ predicate valid_set(uint64_t *word) = \valid(word + (0 .. SET_WORDS - 1)); */

/* Bits from a given place on in one word: what a run has in common with it. */
struct set_piece {
    unsigned word;
    uint64_t mask;
};

/* The part of [first, first + count) that lies in the word of `first`; 0 < count. */
/*@ requires 0 < count <= 64 - first % 64;
  @ assigns \nothing;
  @ ensures \result.word == first / 64;
  @ ensures \forall integer k; 0 <= k < 64 ==>
  @   (bit_test(\result.mask, k) <==> first % 64 <= k < first % 64 + count); */
static inline struct set_piece set_piece_at(unsigned first, unsigned count)
{
    unsigned shift = first % 64;

    return (struct set_piece){ .word = first / 64, .mask = low_mask(count) << shift };
}

/* How many bits of [first, first + count) lie in the word of `first`. */
/*@ assigns \nothing;
  @ ensures \result == \min(count, 64 - first % 64); */
static inline unsigned set_piece_length(unsigned first, unsigned count)
{
    unsigned room = 64 - first % 64;

    return count < room ? count : room;
}

/*@ requires valid_set(word) && bit < SET_BITS;
  @ assigns \nothing;
  @ ensures \result <==> bit_test(word[bit / 64], bit % 64); */
static inline bool set_has(const uint64_t *word, unsigned bit)
{
    return (word[bit / 64] >> (bit % 64) & 1) != 0;
}

/*@ requires valid_set(word) && bit < SET_BITS;
  @ requires \valid(summary) && \separated(summary, word + (0 .. SET_WORDS - 1));
  @ assigns word[bit / 64], *summary;
  @ ensures \forall integer k; 0 <= k < 64 ==> (bit_test(word[bit / 64], k) <==>
  @   k == bit % 64 || bit_test(\old(word[bit / 64]), k)); */
static inline void set_add(uint64_t *word, uint8_t *summary, unsigned bit)
{
    word[bit / 64] |= (uint64_t)1 << (bit % 64);
    *summary = (uint8_t)(*summary | 1u << (bit / 64));
}

static inline void set_remove(uint64_t *word, uint8_t *summary, unsigned bit)
{
    word[bit / 64] &= ~((uint64_t)1 << (bit % 64));
    if (word[bit / 64] == 0)
        *summary = (uint8_t)(*summary & ~(1u << (bit / 64)));
}

static inline void set_add_range(uint64_t *word, uint8_t *summary, unsigned first, unsigned count)
{
    while (count > 0) {
        unsigned length = set_piece_length(first, count);
        struct set_piece piece = set_piece_at(first, length);

        word[piece.word] |= piece.mask;
        *summary = (uint8_t)(*summary | 1u << piece.word);
        first += length;
        count -= length;
    }
}

static inline void set_remove_range(uint64_t *word, uint8_t *summary, unsigned first,
                                    unsigned count)
{
    while (count > 0) {
        unsigned length = set_piece_length(first, count);
        struct set_piece piece = set_piece_at(first, length);

        word[piece.word] &= ~piece.mask;
        if (word[piece.word] == 0)
            *summary = (uint8_t)(*summary & ~(1u << piece.word));
        first += length;
        count -= length;
    }
}

/* Whether all of [first, first + count) is set. */
static inline bool set_has_range(const uint64_t *word, unsigned first, unsigned count)
{
    while (count > 0) {
        unsigned length = set_piece_length(first, count);
        struct set_piece piece = set_piece_at(first, length);

        if ((word[piece.word] & piece.mask) != piece.mask)
            return false;
        first += length;
        count -= length;
    }
    return true;
}

/* Whether the aligned run of `order` that holds `bit` is all set. */
static inline bool set_has_run(const uint64_t *word, unsigned bit, unsigned order)
{
    return set_has_range(word, bit & ~((1u << order) - 1), 1u << order);
}

static inline unsigned set_count(const uint64_t *word)
{
    unsigned count = 0;

    for (unsigned w = 0; w < SET_WORDS; w++)
        count += count_bits(word[w]);
    return count;
}

/* The lowest bit. */
static inline unsigned set_first(const uint64_t *word, uint8_t summary)
{
    unsigned w;

    if (summary == 0)
        return SET_NONE;
    w = lowest_bit(summary);
    return w * 64 + lowest_bit(word[w]);
}

/* The lowest bit at or above `from`. */
static inline unsigned set_first_from(const uint64_t *word, uint8_t summary, unsigned from)
{
    unsigned w = from / 64;
    uint64_t rest;

    if (from >= SET_BITS)
        return SET_NONE;
    rest = word[w] & ~low_mask(from % 64);
    if (rest != 0)
        return w * 64 + lowest_bit(rest);
    return set_first(word, (uint8_t)(summary & ~low_mask(w + 1)));
}

/* The highest bit below `end`. */
static inline unsigned set_last_below(const uint64_t *word, uint8_t summary, unsigned end)
{
    unsigned w = end / 64;
    uint64_t rest = end < SET_BITS ? word[w] & low_mask(end % 64) : 0;

    if (rest != 0)
        return w * 64 + highest_bit(rest);
    summary = (uint8_t)(summary & low_mask(w));
    if (summary == 0)
        return SET_NONE;
    w = highest_bit(summary);
    return w * 64 + highest_bit(word[w]);
}

/* The places in `word` where an aligned run of `order` (0 to 6) begins, as bits. */
static inline uint64_t set_fold(uint64_t word, unsigned order)
{
    static const uint64_t multiples[SET_WORD_ORDER + 1] = {
        0xffffffffffffffff, 0x5555555555555555, 0x1111111111111111, 0x0101010101010101,
        0x0001000100010001, 0x0000000100000001, 0x0000000000000001,
    };

    for (unsigned step = 0; step < order; step++)
        word &= word >> (1u << step);
    return word & multiples[order];
}

/* Whether the bits show a run above `order` (0 to 9) around `bit`, of which only the word they are of is
 * looked at: the run of order + 1 is set, or all of the word when the run is larger than that. */
static inline bool set_word_beats(uint64_t word, unsigned bit, unsigned order)
{
    static const struct {
        uint64_t run;
        unsigned multiple;
    } above[SET_ORDER + 1] = {
        { UINT64_C(0x3), 62 },
        { UINT64_C(0xf), 60 },
        { UINT64_C(0xff), 56 },
        { UINT64_C(0xffff), 48 },
        { UINT64_C(0xffffffff), 32 },
        { UINT64_MAX, 0 },
        { UINT64_MAX, 0 },
        { UINT64_MAX, 0 },
        { UINT64_MAX, 0 },
        { UINT64_MAX, 0 },
    };

    return (word >> (bit & above[order].multiple) & above[order].run) == above[order].run;
}

/* The lowest aligned run of `order` (0 to 9) that ends at or below `end`. */
static inline unsigned set_first_run(const uint64_t *word, uint8_t summary, unsigned order,
                                     unsigned end)
{
    if (order > SET_WORD_ORDER) {
        for (unsigned first = 0; first + (1u << order) <= end; first += 1u << order)
            if (set_has_run(word, first, order))
                return first;
        return SET_NONE;
    }
    for (; summary != 0; summary = (uint8_t)(summary & (summary - 1))) {
        unsigned w = lowest_bit(summary);
        uint64_t starts = set_fold(word[w], order);

        if (starts != 0) {
            unsigned first = w * 64 + lowest_bit(starts);

            return first + (1u << order) <= end ? first : SET_NONE;
        }
    }
    return SET_NONE;
}

/* The highest aligned run of `order` (0 to 9) that ends at or below `end`. */
static inline unsigned set_last_run(const uint64_t *word, uint8_t summary, unsigned order,
                                    unsigned end)
{
    unsigned size = 1u << order;

    if (order == 0)
        return set_last_below(word, summary, end);
    for (unsigned first = end & ~(size - 1); first >= size; first -= size)
        if (set_has_run(word, first - size, order))
            return first - size;
    return SET_NONE;
}

#endif
