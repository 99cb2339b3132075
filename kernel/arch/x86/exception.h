/* SPDX-License-Identifier: BSD-2-Clause
 *
 * exception.h - what an exception means, whatever the width: vectors and error codes are the same
 * in 32-bit and 64-bit mode. How one is delivered and what is saved is each width's trap.c.
 *
 * Source: SDM vol. 3A, 6.15 for the vectors, 4.7 for the error code of page faults.
 */
#ifndef MERIDIAN_X86_EXCEPTION_H
#define MERIDIAN_X86_EXCEPTION_H

#include "arch/trap.h"

#define VECTOR_COUNT        256u
#define VECTOR_DIVIDE       0u
#define VECTOR_DEBUG        1u
#define VECTOR_NMI          2u
#define VECTOR_BREAK        3u
#define VECTOR_NO_FPU       7u
#define VECTOR_DOUBLE       8u
#define VECTOR_TASK         10u /* invalid TSS */
#define VECTOR_PROTECT      13u
#define VECTOR_PAGE         14u
#define VECTOR_MACHINE      18u

#define TRAP_FRAME_SNAPSHOT 256u /* `vector` of arch_trap_snapshot(), which is no vector */
#define TRAP_FRAME_CALL     257u /* the same of a system call by SYSCALL */

/* Fills in what vector, error code and CR2 tell; the places in the code are 0. Any context. */
void exception_describe(uintptr_t vector, uintptr_t error, uintptr_t cr2, struct trap_info *info);

/* Offers a page fault to the memory manager: the one door from here into mm. True when execution
 * can go on; false for every other exception. On the exception's stack, interrupts off. */
bool exception_resolve(uintptr_t vector, uintptr_t error, uintptr_t cr2);

/* Whether an exception in ring 3 is the program's own doing, and not the machine's. */
bool exception_is_programs(uintptr_t vector);

/* Instructions that may fault: where execution goes on when the one at `instruction` did, 0 for all
 * others. `offered`: the memory manager could not resolve it; some are not offered to it at all. */
uintptr_t exception_fixup(uintptr_t vector, uintptr_t instruction, bool offered);

/* trap_entry.asm: reads a word, or returns false when that faults. */
bool trap_read_word(const uintptr_t *address, uintptr_t *value);

#endif
