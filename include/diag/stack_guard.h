/* SPDX-License-Identifier: BSD-2-Clause
 *
 * diag/stack_guard.h - the value that protects return addresses.
 */
#ifndef MERIDIAN_DIAG_STACK_GUARD_H
#define MERIDIAN_DIAG_STACK_GUARD_H

#include "lib/types.h"

/* The compiler's own name. */
extern uintptr_t __stack_chk_guard;

/* Another value from `seed`. Only where no function that is yet to return has been entered with
 * the old one: in kmain(). */
static inline void stack_guard_seed(const uint8_t *seed)
{
    uintptr_t value = 0;

    for (size_t i = 1; i < sizeof(value); i++)
        value |= (uintptr_t)seed[i] << (8 * i);
    if (value != 0)
        __stack_chk_guard = value;
}

#endif
