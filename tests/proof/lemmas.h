/* SPDX-License-Identifier: BSD-2-Clause
 *
 * lemmas.h - what the provers need to be told about bits: every proof reads it, by way of builtins.h.
 *
 * The tool treats words as integers and knows little of & and >>. Each lemma here is a fact about
 * 64-bit words that ties them to / and %. It is proven by itself, in the theory of bit vectors,
 * under the same name in lemmas.smt2; `make proof` does that first, and refuses a lemma that has
 * no such proof.
 */
#ifndef MERIDIAN_TESTS_PROOF_LEMMAS_H
#define MERIDIAN_TESTS_PROOF_LEMMAS_H

#include "lib/types.h"

/* Bit `place` of a word; the tool knows this name. */
/*@ logic boolean bit_test(integer word, integer place) = (boolean)(word & (1 << place)); */

/*@ axiomatic power_of_two {
  @   predicate power_of_two(integer a);
  @   axiom power_of_two_range: \forall integer a;
  @     power_of_two(a) ==> 1 <= a <= 9223372036854775808;
  @ } */

/*@ lemma power_of_two_8: power_of_two(8); */

/*@ lemma power_of_two_4096: power_of_two(4096); */

/*@ lemma power_of_two_shift: \forall integer k; 0 <= k < 64 ==> power_of_two(1 << k); */

/*@ lemma power_of_two_test: \forall uint64_t a;
  @   power_of_two(a) <==> (a != 0 && (a & (uint64_t)(a - 1)) == 0); */

/*@ lemma wraps_above: \forall integer sum;
  @   UINT64_MAX < sum <= 2 * UINT64_MAX ==> (uint64_t)sum == sum - UINT64_MAX - 1; */

/*@ lemma wraps_below: \forall integer difference;
  @   -UINT64_MAX <= difference < 0 ==> (uint64_t)difference == difference + UINT64_MAX + 1; */

/*@ lemma aligned_below: \forall integer v, a; 0 <= v < a && v % a == 0 ==> v == 0; */

/*@ lemma and_low: \forall uint64_t v, integer a;
  @   power_of_two(a) ==> (v & (uint64_t)(a - 1)) == v % a; */

/*@ lemma and_high_aligned: \forall uint64_t v, integer a;
  @   power_of_two(a) ==> (v & (uint64_t)~(a - 1)) % a == 0; */

/*@ lemma and_high_near: \forall uint64_t v, integer a;
  @   power_of_two(a) ==> (v & (uint64_t)~(a - 1)) <= v < (v & (uint64_t)~(a - 1)) + a; */

/*@ lemma no_ones: \forall integer k; 0 <= k < 64 ==> !bit_test(0, k); */

/*@ lemma some_ones: \forall uint64_t v, integer k; bit_test(v, k) && 0 <= k < 64 ==> v != 0; */

/*@ lemma all_ones: \forall integer k; 0 <= k < 64 ==> bit_test(UINT64_MAX, k); */

/*@ lemma low_ones: \forall integer n, k; 0 <= k < 64 && 0 <= n < 64 ==>
  @   (bit_test((uint64_t)((uint64_t)(1 << n) - 1), k) <==> k < n); */

/*@ lemma high_ones: \forall integer n, k; 0 <= k < 64 && 0 <= n < 64 ==>
  @   (bit_test((uint64_t)(UINT64_MAX << n), k) <==> n <= k); */

/*@ lemma not_ones: \forall uint64_t v, integer k; 0 <= k < 64 ==>
  @   (bit_test((uint64_t)~v, k) <==> !bit_test(v, k)); */

/*@ lemma lowest_one: \forall uint64_t v, integer n, k;
  @   0 <= k < 64 && 0 <= n < 64 && bit_test(v, n) &&
  @   (\forall integer bit; 0 <= bit < n ==> !bit_test(v, bit)) ==>
  @   (bit_test(v & (uint64_t)(v - 1), k) <==> bit_test(v, k) && k != n); */

/*@ lemma and_4095: \forall uint64_t v; (v & 4095) == v % 4096; */

/*@ lemma and_255: \forall uint64_t v; (v & 255) == v % 256; */

/*@ lemma and_511: \forall uint64_t v; ((uint32_t)v & 511) == v % 512; */

/*@ lemma and_low_pages: \forall uint64_t v, integer a; power_of_two(a) ==>
  @   ((v >> 12) & (uint64_t)(a - 1)) == (v >> 12) % a; */

/*@ lemma right_8: \forall uint64_t v; (v >> 8) == v / 256; */

/*@ lemma ones_of_1: \forall integer k; 0 <= k < 64 ==> (bit_test(0x1, k) <==> k == 0); */

/*@ lemma ones_of_20: \forall integer k; 0 <= k < 64 ==> (bit_test(0x20, k) <==> k == 5); */

/*@ lemma ones_of_40: \forall integer k; 0 <= k < 64 ==> (bit_test(0x40, k) <==> k == 6); */

/*@ lemma ones_of_1000: \forall integer k; 0 <= k < 64 ==> (bit_test(0x1000, k) <==> k == 12); */

/*@ lemma ones_of_27: \forall integer k; 6 <= k < 64 ==> !bit_test(0x27, k); */

/*@ lemma ones_of_address: \forall integer k; 0 <= k < 64 ==>
  @   (bit_test(0x000ffffffffff000, k) <==> 12 <= k < 52); */

/*@ lemma right_12: \forall uint64_t v; (v >> 12) == v / 4096; */

#endif
