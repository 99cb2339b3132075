/* SPDX-License-Identifier: BSD-2-Clause
 *
 * lib/bits.h - rounding, checked arithmetic and single bits, on every width alike.
 *
 * Alignments are powers of two. Nothing here divides, and words are searched in halves where the
 * machine's are 32 bits: 64-bit division and __ctzdi2() do not exist on a bare i386. The checked
 * forms return true when the exact result fits, and write it only then.
 */
#ifndef MERIDIAN_LIB_BITS_H
#define MERIDIAN_LIB_BITS_H

#include "lib/types.h"

/*@ assigns \nothing;
  @ ensures \result <==> power_of_two(value); */
static inline bool is_power_of_two(uint64_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

/*@ requires power_of_two(alignment);
  @ assigns \nothing;
  @ ensures \result % alignment == 0;
  @ ensures \result <= value < \result + alignment; */
static inline uint64_t align_down(uint64_t value, uint64_t alignment)
{
    return value & ~(alignment - 1);
}

/* Wraps to 0 when no multiple of `alignment` is left above `value`: see checked_align_up(). */
/*@ requires power_of_two(alignment);
  @ assigns \nothing;
  @ ensures \result % alignment == 0;
  @ ensures value + alignment <= UINT64_MAX + 1 ==> value <= \result < value + alignment;
  @ ensures value + alignment > UINT64_MAX + 1 ==> \result == 0; */
static inline uint64_t align_up(uint64_t value, uint64_t alignment)
{
    return align_down(value + alignment - 1, alignment);
}

/*@ requires power_of_two(alignment);
  @ assigns \nothing;
  @ ensures \result <==> value % alignment == 0; */
static inline bool is_aligned(uint64_t value, uint64_t alignment)
{
    return (value & (alignment - 1)) == 0;
}

/*@ requires \valid(sum);
  @ assigns *sum;
  @ ensures \result <==> a + b <= UINT64_MAX;
  @ ensures *sum == (\result ? a + b : \old(*sum)); */
static inline bool checked_add(uint64_t a, uint64_t b, uint64_t *sum)
{
    uint64_t exact;

    if (__builtin_add_overflow(a, b, &exact))
        return false;
    *sum = exact;
    return true;
}

/*@ requires \valid(product);
  @ assigns *product;
  @ ensures \result <==> a * b <= UINT64_MAX;
  @ ensures *product == (\result ? a * b : \old(*product)); */
static inline bool checked_mul(uint64_t a, uint64_t b, uint64_t *product)
{
    uint64_t exact;

    if (__builtin_mul_overflow(a, b, &exact))
        return false;
    *product = exact;
    return true;
}

/*@ requires power_of_two(alignment) && \valid(aligned);
  @ assigns *aligned;
  @ ensures \result <==> value + alignment - 1 <= UINT64_MAX;
  @ ensures \result ==> *aligned % alignment == 0 && value <= *aligned < value + alignment;
  @ ensures !\result ==> *aligned == \old(*aligned); */
static inline bool checked_align_up(uint64_t value, uint64_t alignment, uint64_t *aligned)
{
    uint64_t sum;

    if (!checked_add(value, alignment - 1, &sum))
        return false;
    *aligned = align_down(sum, alignment);
    return true;
}

/* Index of the lowest set bit; `word` is not 0. */
/*@ requires word != 0;
  @ assigns \nothing;
  @ ensures \result < 64 && bit_test(word, \result);
  @ ensures \forall integer bit; 0 <= bit < \result ==> !bit_test(word, bit); */
static inline unsigned lowest_bit(uint64_t word)
{
    if (sizeof(long) == sizeof(word))
        return (unsigned)__builtin_ctzl((unsigned long)word);
    return (uint32_t)word != 0 ? (unsigned)__builtin_ctz((uint32_t)word)
                               : 32u + (unsigned)__builtin_ctz((uint32_t)(word >> 32));
}

/* Index of the highest set bit, that is floor(log2(word)); `word` is not 0. */
/*@ requires word != 0;
  @ assigns \nothing;
  @ ensures \result < 64 && bit_test(word, \result);
  @ ensures \forall integer bit; \result < bit < 64 ==> !bit_test(word, bit); */
static inline unsigned highest_bit(uint64_t word)
{
    if (sizeof(long) == sizeof(word))
        return 63u - (unsigned)__builtin_clzl((unsigned long)word);
    return word >> 32 != 0 ? 63u - (unsigned)__builtin_clz((uint32_t)(word >> 32))
                           : 31u - (unsigned)__builtin_clz((uint32_t)word);
}

/* Number of set bits; the multiplication form needs no library on a machine without POPCNT. */
static inline unsigned count_bits(uint64_t word)
{
    word -= (word >> 1) & 0x5555555555555555u;
    word = (word & 0x3333333333333333u) + ((word >> 2) & 0x3333333333333333u);
    word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return (unsigned)((word * 0x0101010101010101u) >> 56);
}

/* A word with the `count` lowest bits set; `count` is 0 to 64. */
/*@ assigns \nothing;
  @ ensures \forall integer bit; 0 <= bit < 64 ==>
  @   (bit_test(\result, bit) <==> bit < count); */
static inline uint64_t low_mask(unsigned count)
{
    return count >= 64 ? ~(uint64_t)0 : ((uint64_t)1 << count) - 1;
}

/*@ assigns \nothing;
  @ ensures \result == \min(a, b); */
static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/*@ assigns \nothing;
  @ ensures \result == \max(a, b); */
static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

#endif
