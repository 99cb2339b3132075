/* SPDX-License-Identifier: BSD-2-Clause
 *
 * jump.h - the last instructions of the loader (jump.asm).
 */
#ifndef MERIDIAN_EFI_JUMP_H
#define MERIDIAN_EFI_JUMP_H

#include "lib/types.h"

/* Switches to the page tables at `root`, where the page of this function must be mapped at its own
 * address, and enters the kernel at `entry` with RDI = handoff_va, RSP = stack_top - 8, a return
 * address of 0, and all other general registers 0. Interrupts must be off. With `change_levels` CR4.LA57
 * is toggled on the way: then root and this function must lie below 4 GiB. */
[[gnu::noreturn]] void jump_to_kernel(uint64_t root, uint64_t stack_top, uint64_t handoff_va,
                                      uint64_t entry, bool change_levels);

#endif
