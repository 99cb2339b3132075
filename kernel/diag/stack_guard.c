/* SPDX-License-Identifier: BSD-2-Clause
 *
 * stack_guard.c - what the compiler's stack protector asks for.
 *
 * Functions with arrays put this value between them and their return address, and compare before
 * they return. It is one word for all processors, random from the loader's seed once the handoff
 * is believed; its lowest byte is 0, so that an overlong string cannot write it.
 */
#include "diag/stack_guard.h"

#include "lib/assert.h"

/* Names that the compiler uses. */
extern uintptr_t __stack_chk_guard;
[[gnu::noreturn]] void __stack_chk_fail(void);

uintptr_t __stack_chk_guard = (uintptr_t)0x9d3f6ab1c42e5700u;

void __stack_chk_fail(void)
{
    panic("A function wrote beyond one of its arrays and destroyed its own stack frame");
}
