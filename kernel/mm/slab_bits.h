/* SPDX-License-Identifier: BSD-2-Clause
 *
 * slab_bits.h - the free bits of a slab: which of its objects nobody has.
 *
 * Four words of 64 bits, object i in bit i % 64 of word i / 64; bits beyond the slab's last object
 * stay clear. A set bit is an object that no owner, no magazine and no depot has:
 *
 *     word 0     1 1 0 0 0 1 0 ... 0     objects 63 to 0: here 1 and 5 are free, counted from the right
 *     word 1     0 0 0 0 0 0 0 ... 1     objects 127 to 64: 64 is free
 *
 * Everything that makes an object somebody's, or nobody's, is one of the few functions here. They know
 * of no class, no list and no lock: pure functions on memory that the caller has locked, with contracts
 * that say of each bit what becomes of it.
 */
#ifndef MERIDIAN_SLAB_BITS_H
#define MERIDIAN_SLAB_BITS_H

#include "heap_window.h"
#include "lib/bits.h"

#define FREE_BITS (64 * HEAP_SLAB_WORDS)

/* What proofs say of a word: its bits below `count` are set, and no others; bit k is as `one` says; its bits
 * from `first` to `end` are what they were not, and no others; they all are as `one` says. */
/*@ predicate valid_free_bits(uint64_t *words) = \valid(words + (0 .. HEAP_SLAB_WORDS - 1));
  @ predicate filled(integer word, integer count) =
  @   \forall integer k; 0 <= k < 64 ==> (bit_test(word, k) <==> k < count);
  @ predicate tells(integer word, integer k, boolean one) =
  @   0 <= k < 64 ==> (bit_test(word, k) <==> one);
  @ predicate turned(integer word, integer was, integer first, integer end) =
  @   \forall integer k; 0 <= k < 64 ==>
  @     ((bit_test(word, k) <==> bit_test(was, k)) <==> !(first <= k < end));
  @ predicate alike(integer word, integer first, integer end, boolean one) =
  @   \forall integer k; 0 <= k < 64 && first <= k < end ==> tells(word, k, one); */

/* The bits of a slab whose `count` objects are all free. */
/*@ requires valid_free_bits(words) && count <= FREE_BITS;
  @ assigns words[0 .. HEAP_SLAB_WORDS - 1];
  @ ensures \forall integer w; 0 <= w < HEAP_SLAB_WORDS ==> filled(words[w], count - 64 * w); */
static inline void free_bits_fill(uint64_t *words, unsigned count)
{
    /*@ loop invariant 0 <= word <= HEAP_SLAB_WORDS;
      @ loop invariant count == \max(0, \at(count, Pre) - 64 * word);
      @ loop invariant \forall integer w; 0 <= w < word ==> filled(words[w], \at(count, Pre) - 64 * w);
      @ loop assigns word, count, words[0 .. HEAP_SLAB_WORDS - 1];
      @ loop variant HEAP_SLAB_WORDS - word; */
    for (unsigned word = 0; word < HEAP_SLAB_WORDS; word++) {
        words[word] = low_mask(count);
        /*@ assert filled(words[word], count); */
        /*@ assert filled(words[word], \at(count, Pre) - 64 * word); */
        count -= count < 64 ? count : 64;
    }
}

/* Whether the object of that index is free by the word that holds its bit; and that word with the bit set. */
/*@ assigns \nothing;
  @ ensures \result <==> bit_test(word, index % 64); */
static inline bool free_bits_has(uint64_t word, unsigned index)
{
    return (word & (uint64_t)1 << (index % 64)) != 0;
}

/*@ assigns \nothing;
  @ ensures \forall integer k; 0 <= k < 64 ==>
  @   (bit_test(\result, k) <==> k == index % 64 || bit_test(word, k)); */
static inline uint64_t free_bits_with(uint64_t word, unsigned index)
{
    return word | (uint64_t)1 << (index % 64);
}

/* Takes the first free object of a word of free bits, and says which it is. */
/*@ requires \valid(word) && *word != 0;
  @ assigns *word;
  @ ensures \result < 64 && bit_test(\old(*word), \result);
  @ ensures alike(\old(*word), 0, \result, \false);
  @ ensures turned(*word, \old(*word), \result, \result + 1); */
static inline unsigned free_bits_take(uint64_t *word)
{
    unsigned bit = lowest_bit(*word);

    *word &= *word - 1;
    return bit;
}

/* The lowest bit from `from` on that is set in a word, or (`set` false) is not; 64 if there is none. */
/*@ requires from < 64;
  @ assigns \nothing;
  @ ensures from <= \result <= 64;
  @ ensures alike(word, from, \result, !set);
  @ ensures \result < 64 ==> tells(word, \result, (boolean)set); */
static inline unsigned next_in_word(uint64_t word, unsigned from, bool set)
{
    uint64_t bits = (set ? word : ~word) & UINT64_MAX << from;

    /*@ assert \forall integer k; 0 <= k < 64 ==>
      @   (bit_test(bits, k) <==> from <= k && (bit_test(word, k) <==> set)); */
    return bits != 0 ? lowest_bit(bits) : 64;
}

/* The first object from `from` on that is free, or (`is_free` false) is not; `count` if there is none. */
/*@ requires valid_free_bits(words) && from <= count <= FREE_BITS;
  @ assigns \nothing;
  @ ensures from <= \result <= count;
  @ ensures \forall integer w; 0 <= w < HEAP_SLAB_WORDS ==>
  @   alike(words[w], from - 64 * w, \result - 64 * w, !is_free);
  @ ensures \result < count ==> tells(words[\result / 64], \result % 64, (boolean)is_free); */
static inline unsigned free_bits_next(const uint64_t *words, unsigned from, unsigned count,
                                      bool is_free)
{
    unsigned word = from / 64;
    unsigned bit = from % 64;
    unsigned found;

    /*@ assert from == 64 * word + bit; */
    /*@ loop invariant from <= 64 * word + bit && bit < 64 && word <= HEAP_SLAB_WORDS;
      @ loop invariant \forall integer w; 0 <= w < word ==> alike(words[w], from - 64 * w, 64, !is_free);
      @ loop invariant word < HEAP_SLAB_WORDS ==> alike(words[word], from - 64 * word, bit, !is_free);
      @ loop assigns word, bit;
      @ loop variant HEAP_SLAB_WORDS - word; */
    while (64 * word + bit < count) {
        bit = next_in_word(words[word], bit, is_free);
        if (bit < 64)
            break;
        /*@ assert \forall integer w; w == word ==> alike(words[w], from - 64 * w, 64, !is_free); */
        /*@ assert \forall integer w; 0 <= w <= word ==> alike(words[w], from - 64 * w, 64, !is_free); */
        word++;
        bit = 0;
    }
    found = 64 * word + bit;
    /*@ assert found == 64 * word + bit; */
    /*@ assert word < HEAP_SLAB_WORDS ==> alike(words[word], from - 64 * word, bit, !is_free); */
    /*@ assert \forall integer w; 0 <= w < word ==>
      @   alike(words[w], from - 64 * w, found - 64 * w, !is_free); */
    /*@ assert \forall integer w; word <= w <= word < HEAP_SLAB_WORDS ==>
      @   alike(words[w], from - 64 * w, found - 64 * w, !is_free); */
    /*@ assert \forall integer w; w > word ==>
      @   alike(words[w], from - 64 * w, found - 64 * w, !is_free); */
    /*@ assert \forall integer w; 0 <= w < HEAP_SLAB_WORDS ==>
      @   alike(words[w], from - 64 * w, found - 64 * w, !is_free); */
    /*@ assert found < count ==> found / 64 == word && found % 64 == bit; */
    return found < count ? found : count;
}

/* Where the first `count` free neighbours begin among `objects`; `objects` if there are none. */
/*@ requires valid_free_bits(words) && 0 < count <= objects <= FREE_BITS;
  @ assigns \nothing;
  @ ensures \result < objects ==> \result + count <= objects;
  @ ensures \result < objects ==> \forall integer w; 0 <= w < HEAP_SLAB_WORDS ==>
  @   alike(words[w], \result - 64 * w, \result + count - 64 * w, \true); */
static inline unsigned free_bits_run(const uint64_t *words, unsigned objects, unsigned count)
{
    unsigned start = free_bits_next(words, 0, objects, true);
    unsigned end = free_bits_next(words, start, objects, false);

    /*@ loop invariant 0 <= start <= end <= objects;
      @ loop invariant end < objects ==> tells(words[end / 64], end % 64, \false);
      @ loop invariant \forall integer w; 0 <= w < HEAP_SLAB_WORDS ==>
      @   alike(words[w], start - 64 * w, end - 64 * w, \true);
      @ loop assigns start, end;
      @ loop variant objects - end; */
    while (end - start < count && end < objects) {
        start = free_bits_next(words, end, objects, true);
        end = free_bits_next(words, start, objects, false);
    }
    return end - start < count ? objects : start;
}

/* Turns the bits from `first` to `end` of a word into the opposite. */
/*@ requires \valid(word) && first <= end <= 64 && first < 64;
  @ assigns *word;
  @ ensures turned(*word, \old(*word), first, end); */
static inline void turn_in_word(uint64_t *word, unsigned first, unsigned end)
{
    uint64_t mask = low_mask(end - first) << first;

    /*@ assert \forall integer k; 0 <= k < 64 ==> (bit_test(mask, k) <==> first <= k < end); */
    *word ^= mask;
}

/* The same for the bits of objects that follow each other, 63 at most. */
/*@ requires valid_free_bits(words) && count < 64 && start < FREE_BITS && start + count <= FREE_BITS;
  @ assigns words[start / 64], words[start / 64 + 1];
  @ ensures turned(words[start / 64], \old(words[start / 64]), start % 64, \min(64, start % 64 + count));
  @ ensures start % 64 + count > 64 ==>
  @   turned(words[start / 64 + 1], \old(words[start / 64 + 1]), 0, start % 64 + count - 64);
  @ ensures start % 64 + count <= 64 ==> words[start / 64 + 1] == \old(words[start / 64 + 1]); */
static inline void free_bits_flip(uint64_t *words, unsigned start, unsigned count)
{
    unsigned end = start % 64 + count;

    turn_in_word(&words[start / 64], start % 64, end < 64 ? end : 64);
    if (end > 64)
        turn_in_word(&words[start / 64 + 1], 0, end - 64);
}

#endif
