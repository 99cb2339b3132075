/* SPDX-License-Identifier: BSD-2-Clause
 *
 * trap_frame.h - what trap_entry.asm leaves on the stack, lowest address first.
 *
 * An exception in ring 0 does not change stacks, so the processor pushes neither ESP nor SS: `esp`
 * is what ESP was, and where the way out continues. One in ring 3 does, and pushes both: `esp` is ring 3's,
 * and the last two members are there.
 */
#ifndef MERIDIAN_I386_TRAP_FRAME_H
#define MERIDIAN_I386_TRAP_FRAME_H

#include "lib/types.h"

struct trap_frame {
    uint32_t cr2;
    uint32_t esp;
    uint32_t gs, fs, es, ds;
    uint32_t edi, esi, ebp, ebx, edx, ecx, eax;
    uint32_t vector, error;
    uint32_t eip, cs, eflags;   /* pushed by the processor: SDM vol. 3A, 6.12.1 */
    uint32_t user_esp, user_ss; /* only from ring 3 */
};
static_assert(offsetof(struct trap_frame, eip) == 15 * 4, "trap_entry.asm counts on it");
static_assert(sizeof(struct trap_frame) == 20 * 4, "trap_entry.asm counts on it");

/* Where execution goes on. */
static inline uintptr_t *trap_frame_place(struct trap_frame *frame)
{
    return &frame->eip;
}

#endif
