/* SPDX-License-Identifier: BSD-2-Clause
 *
 * arch/user.h - ring 3, as the portable kernel sees it.
 *
 * The kernel runs a program by calling arch_user_enter(), which returns when the program has ended:
 * somebody called arch_user_leave() in a system call or exception of it. Meanwhile they run on a
 * kernel stack of the program's own. Runs nest: a system call may enter ring 3 again, on another
 * kernel stack, before it returns. Which instructions make a system call, and where arguments
 * are: user/abi.h.
 *
 *     run ─ arch_user_enter() ─> ring 3 ─ call ─> user_system_call() ─> result ─> ring 3 ...
 *      ^                                            │ or exception: user_exception()
 *      └────────────────── arch_user_leave() <──────┘
 *
 * Interrupts are on in ring 3 if they were where arch_user_enter() was called, and no program can turn them
 * off; its system calls and exceptions run with interrupts off. Ring 3 is entered on one processor at a time.
 */
#ifndef MERIDIAN_ARCH_USER_H
#define MERIDIAN_ARCH_USER_H

#include "arch/trap.h"
#include "lib/types.h"

/* A system call, whatever registers it came in. */
struct arch_user_call {
    uintptr_t number;
    uintptr_t arguments[3];
};

/* Runs ring 3 in the space that is current, from `entry`, with all registers 0 but the stack and the
 * first argument of the function there. */
void arch_user_enter(vaddr_t entry, vaddr_t stack, uintptr_t argument, vaddr_t kernel_stack);

/* The same, going on where the system call of `frame` would return, with another result. */
void arch_user_enter_copy(const struct trap_frame *frame, uintptr_t result, vaddr_t kernel_stack);

/* Ends the innermost run: its arch_user_enter() returns. Not from an NMI or a machine check. */
[[gnu::noreturn]] void arch_user_leave(void);

/* Copies between user memory and the kernel's; false when a fault that nobody resolved ended it, and
 * part of it may be done. The caller has checked that the user's range ends in the lower half. Page
 * faults of the copy are resolved like the program's own: not with a lock of the VMM. */
bool arch_user_copy(void *to, const void *from, size_t size_bytes);

/* --- what kernel/user provides ------------------------------------------------------------ */

/* A system call, with the registers at that moment; the result for the program. On the program's
 * kernel stack. */
uintptr_t user_system_call(const struct trap_frame *frame, const struct arch_user_call *call);

/* An exception in ring 3 that nobody resolved: the program's end. On the exception's stack. */
[[gnu::noreturn]] void user_exception(const struct trap_frame *frame);

/* The timer's interrupt in ring 3, when it has been handled; the program goes on when it returns. On the
 * program's kernel stack, interrupts off. */
void user_tick(const struct trap_frame *frame);

/* A page fault in ring 3 that was resolved; the program goes on when it returns. */
void user_fault_resolved(const struct trap_info *info);

#endif
