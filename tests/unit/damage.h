/* SPDX-License-Identifier: BSD-2-Clause
 *
 * damage.h - spoils the records of an allocator, one at a time, and expects its own checker to say so.
 */
#ifndef MERIDIAN_DAMAGE_H
#define MERIDIAN_DAMAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "host_log.h"
#include "lib/status.h"

static inline void expect_corrupt(enum status (*check)(void), const char *what)
{
    host_log_clear();
    assert_int_equal(check(), STATUS_CORRUPT);
    if (!host_log_contains(what))
        fail_msg("'%s' is not in: %s", what, host_log_text());
}

/* With `place` another value, the check fails and says `what`; then it is as it was. */
#define EXPECT_DAMAGE_BY(check, place, value, what)                                                \
    do {                                                                                           \
        __typeof__(place) as_it_was = (place);                                                     \
        (place) = (__typeof__(place))(value);                                                      \
        expect_corrupt(check, what);                                                               \
        (place) = as_it_was;                                                                       \
    } while (false)

#endif
