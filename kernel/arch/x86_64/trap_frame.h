/* SPDX-License-Identifier: BSD-2-Clause
 *
 * trap_frame.h - what trap_entry.asm leaves on the stack, lowest address first.
 */
#ifndef MERIDIAN_X86_64_TRAP_FRAME_H
#define MERIDIAN_X86_64_TRAP_FRAME_H

#include "lib/types.h"

struct trap_frame {
    uint64_t cr2;
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
    uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
    uint64_t vector, error;
    uint64_t rip, cs, rflags, rsp, ss; /* pushed by the processor: SDM vol. 3A, 6.14.2 */
};
static_assert(offsetof(struct trap_frame, rip) == 18 * 8, "trap_entry.asm counts on it");

/* Where execution goes on. */
static inline uintptr_t *trap_frame_place(struct trap_frame *frame)
{
    return &frame->rip;
}

#endif
