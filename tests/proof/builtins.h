/* SPDX-License-Identifier: BSD-2-Clause
 *
 * builtins.h - what the compiler has built in, as contracts: every proof reads it first.
 *
 * These contracts are assumed, not proven: they say what the manual of gcc says (6.56 "Built-in
 * Functions to Perform Arithmetic with Overflow Checking", 6.59 "Other Built-in Functions"). The
 * overflow built-ins are those of 64-bit numbers, the only ones that are used.
 */
#ifndef MERIDIAN_TESTS_PROOF_BUILTINS_H
#define MERIDIAN_TESTS_PROOF_BUILTINS_H

#include "lemmas.h"

/* Alignment in memory is the linker's affair, and no proof depends on it. */
#define _Alignas(bytes)

/*@ requires \valid(exact);
  @ assigns *exact;
  @ ensures *exact == (uint64_t)(a + b);
  @ ensures \result <==> a + b > UINT64_MAX; */
_Bool proof_add_overflow(uint64_t a, uint64_t b, uint64_t *exact);
#define __builtin_add_overflow proof_add_overflow

/*@ requires \valid(exact);
  @ assigns *exact;
  @ ensures *exact == (uint64_t)(a * b);
  @ ensures \result <==> a * b > UINT64_MAX; */
_Bool proof_mul_overflow(uint64_t a, uint64_t b, uint64_t *exact);
#define __builtin_mul_overflow proof_mul_overflow

/*@ requires word != 0;
  @ assigns \nothing;
  @ ensures 0 <= \result < 64;
  @ ensures bit_test(word, \result);
  @ ensures \forall integer bit; 0 <= bit < \result ==> !bit_test(word, bit); */
int proof_ctzl(unsigned long word);
#define __builtin_ctzl proof_ctzl

/*@ requires word != 0;
  @ assigns \nothing;
  @ ensures 0 <= \result < 64;
  @ ensures bit_test(word, 63 - \result);
  @ ensures \forall integer bit; 63 - \result < bit < 64 ==> !bit_test(word, bit); */
int proof_clzl(unsigned long word);
#define __builtin_clzl proof_clzl

#endif
