/* SPDX-License-Identifier: BSD-2-Clause
 *
 * arch/provoke.h - exceptions on purpose, where C has no way to make them.
 *
 * For self-tests and the monitor's `fault`. The functions have names that read well in a stack
 * trace. Any context.
 */
#ifndef MERIDIAN_ARCH_PROVOKE_H
#define MERIDIAN_ARCH_PROVOKE_H

#include "lib/types.h"

/* Touches an address that the processor cannot translate: TRAP_PROTECTION. */
void arch_provoke_protection_fault(void);

/* Pushes to a stack that cannot take it, so that the exception itself cannot be delivered:
 * TRAP_DOUBLE_FAULT. Does not return. */
[[gnu::noreturn]] void arch_provoke_double_fault(void);

/* The machine code of a function that does nothing but return, to be copied where nothing may be
 * executed. */
#define ARCH_RETURN_BYTES 1
extern const uint8_t arch_return_code[ARCH_RETURN_BYTES];

#endif
