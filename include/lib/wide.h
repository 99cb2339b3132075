/* SPDX-License-Identifier: BSD-2-Clause
 *
 * lib/wide.h - 64-bit division and 128-bit products, on machines that have neither.
 *
 * A bare i386 cannot divide 64-bit numbers without a helper library, and multiplies 32 bits at a
 * time. These do it in pieces: exact, and slow enough to be kept out of hot paths. Any context.
 */
#ifndef MERIDIAN_LIB_WIDE_H
#define MERIDIAN_LIB_WIDE_H

#include "lib/types.h"

struct wide {
    uint64_t high, low;
};

/* All 128 bits of a * b, from four products of 32 bits; none of the sums can carry out. */
static inline struct wide wide_multiply(uint64_t a, uint64_t b)
{
    uint64_t a_high = a >> 32, a_low = a & 0xffffffffu;
    uint64_t b_high = b >> 32, b_low = b & 0xffffffffu;
    uint64_t low = a_low * b_low;
    uint64_t middle = a_high * b_low + (low >> 32);
    uint64_t other = a_low * b_high + (middle & 0xffffffffu);

    return (struct wide){ .high = a_high * b_high + (middle >> 32) + (other >> 32),
                          .low = other << 32 | (low & 0xffffffffu) };
}

/* floor(high * 2^64 + low) / divisor), which must fit: high < divisor. Long division. */
static inline uint64_t wide_divide(struct wide value, uint64_t divisor)
{
    uint64_t quotient = 0;

    for (int bit = 63; bit >= 0; bit--) {
        bool carry = value.high >> 63;

        value.high = value.high << 1 | value.low >> 63;
        value.low <<= 1;
        if (carry || value.high >= divisor) {
            value.high -= divisor;
            quotient |= (uint64_t)1 << bit;
        }
    }
    return quotient;
}

/* floor(value / divisor); divisor > 0. */
static inline uint64_t wide_divide_64(uint64_t value, uint64_t divisor)
{
    return wide_divide((struct wide){ .high = 0, .low = value }, divisor);
}

#endif
