/* SPDX-License-Identifier: BSD-2-Clause
 *
 * lib/assert.h - what must be true, and what happens when it is not.
 *
 * VERIFY is always on; ASSERT costs nothing unless CONFIG_DEBUG is set. Both are for the
 * program's own invariants: outside input is validated and refused, never asserted.
 */
#ifndef MERIDIAN_LIB_ASSERT_H
#define MERIDIAN_LIB_ASSERT_H

#include "config.h"

/* Says what happened, with registers and a stack trace, and stops the machine (or leaves QEMU with
 * the failure code when `exit` was asked for). The text is one plain sentence. Any context. Hosted
 * builds abort, or return to a test that expects it. */
[[gnu::noreturn, gnu::cold, gnu::format(printf, 1, 2)]] void panic(const char *format, ...);

#define VERIFY(condition)                                                                          \
    ((condition)                                                                                   \
         ? (void)0                                                                                 \
         : panic("%s:%d: %s: '%s' does not hold", __FILE__, __LINE__, __func__, #condition))

/* VERIFY with two numbers that explain the failure. */
#define VERIFY_VALUES(condition, first, second)                                                    \
    ((condition) ? (void)0                                                                         \
                 : panic("%s:%d: %s: '%s' does not hold (" #first " 0x%llx, " #second " 0x%llx)",  \
                         __FILE__, __LINE__, __func__, #condition, (unsigned long long)(first),    \
                         (unsigned long long)(second)))

#define ASSERT(condition)                                                                          \
    do {                                                                                           \
        if (CONFIG_DEBUG)                                                                          \
            VERIFY(condition);                                                                     \
    } while (0)

#endif
