; SPDX-License-Identifier: BSD-2-Clause
;
; lemmas.smt2 - the lemmas and axioms of lemmas.h about words of 64 bits, each as the formula that
; would refute it: "unsat" is the proof. The name in front of each is that in lemmas.h.
;
; A power of two is (one << k) with k < 64, named a; v and n are any words, sum and divisor any
; integers. Sums that may need a 65th bit are compared as differences.

(set-logic ALL)
(define-sort word () (_ BitVec 64))
(define-const zero word #x0000000000000000)
(define-const one word #x0000000000000001)
(declare-const v word)
(declare-const k word)
(define-const a word (bvshl one k))
(define-const k_in_word Bool (bvult k #x0000000000000040))
(define-fun is_power ((w word)) Bool (and (distinct w zero) (= (bvand w (bvsub w one)) zero)))

(echo "power_of_two_range")
(push)
(assert (and k_in_word (not (and (bvuge a one) (bvule a #x8000000000000000)))))
(check-sat-using qfbv)
(pop)

(echo "power_of_two_4096")
(push)
(assert (and (= k #x000000000000000c) (distinct a #x0000000000001000)))
(check-sat-using qfbv)
(pop)

(echo "power_of_two_shift")
(push)
(assert (and k_in_word (not (is_power a))))
(check-sat-using qfbv)
(pop)

(echo "power_of_two_test")
(push)
(assert (distinct (is_power v) (or
    (= v #x0000000000000001) (= v #x0000000000000002) (= v #x0000000000000004) (= v #x0000000000000008)
    (= v #x0000000000000010) (= v #x0000000000000020) (= v #x0000000000000040) (= v #x0000000000000080)
    (= v #x0000000000000100) (= v #x0000000000000200) (= v #x0000000000000400) (= v #x0000000000000800)
    (= v #x0000000000001000) (= v #x0000000000002000) (= v #x0000000000004000) (= v #x0000000000008000)
    (= v #x0000000000010000) (= v #x0000000000020000) (= v #x0000000000040000) (= v #x0000000000080000)
    (= v #x0000000000100000) (= v #x0000000000200000) (= v #x0000000000400000) (= v #x0000000000800000)
    (= v #x0000000001000000) (= v #x0000000002000000) (= v #x0000000004000000) (= v #x0000000008000000)
    (= v #x0000000010000000) (= v #x0000000020000000) (= v #x0000000040000000) (= v #x0000000080000000)
    (= v #x0000000100000000) (= v #x0000000200000000) (= v #x0000000400000000) (= v #x0000000800000000)
    (= v #x0000001000000000) (= v #x0000002000000000) (= v #x0000004000000000) (= v #x0000008000000000)
    (= v #x0000010000000000) (= v #x0000020000000000) (= v #x0000040000000000) (= v #x0000080000000000)
    (= v #x0000100000000000) (= v #x0000200000000000) (= v #x0000400000000000) (= v #x0000800000000000)
    (= v #x0001000000000000) (= v #x0002000000000000) (= v #x0004000000000000) (= v #x0008000000000000)
    (= v #x0010000000000000) (= v #x0020000000000000) (= v #x0040000000000000) (= v #x0080000000000000)
    (= v #x0100000000000000) (= v #x0200000000000000) (= v #x0400000000000000) (= v #x0800000000000000)
    (= v #x1000000000000000) (= v #x2000000000000000) (= v #x4000000000000000) (= v #x8000000000000000))))
(check-sat-using qfbv)
(pop)

(declare-const sum Int)
(define-const two_to_64 Int 18446744073709551616)

(echo "wraps_above")
(push)
(assert (and (>= sum two_to_64) (<= sum (* 2 (- two_to_64 1)))
             (distinct (mod sum two_to_64) (- sum two_to_64))))
(check-sat)
(pop)

(echo "wraps_below")
(push)
(assert (and (< sum 0) (> sum (- two_to_64))
             (distinct (mod sum two_to_64) (+ sum two_to_64))))
(check-sat)
(pop)

(declare-const divisor Int)

(echo "aligned_below")
(push)
(assert (and (<= 0 sum) (< sum divisor) (= (mod sum divisor) 0) (distinct sum 0)))
(check-sat)
(pop)

(echo "and_low")
(push)
(assert (and k_in_word (distinct (bvand v (bvsub a one)) (bvurem v a))))
(check-sat-using qfbv)
(pop)

(define-const high word (bvand v (bvnot (bvsub a one))))

(echo "and_high_aligned")
(push)
(assert (and k_in_word (distinct (bvurem high a) zero)))
(check-sat-using qfbv)
(pop)

(echo "and_high_near")
(push)
(assert (and k_in_word (not (and (bvule high v) (bvult (bvsub v high) a)))))
(check-sat-using qfbv)
(pop)

(define-const n word v)
(define-const bit_k word (bvshl one k))

(echo "all_ones")
(push)
(assert (and k_in_word (= (bvand (bvnot zero) bit_k) zero)))
(check-sat-using qfbv)
(pop)

(echo "low_ones")
(push)
(assert (and k_in_word (bvult n #x0000000000000040)
             (distinct (distinct (bvand (bvsub (bvshl one n) one) bit_k) zero) (bvult k n))))
(check-sat-using qfbv)
(pop)

(echo "and_4095")
(push)
(assert (distinct (bvand v #x0000000000000fff) (bvurem v #x0000000000001000)))
(check-sat-using qfbv)
(pop)

(echo "right_12")
(push)
(assert (distinct (bvlshr v #x000000000000000c) (bvudiv v #x0000000000001000)))
(check-sat-using qfbv)
(pop)
