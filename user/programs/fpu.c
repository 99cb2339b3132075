/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fpu.c - hostile: uses registers that the kernel does not keep.
 */
#include "program.h"

int main(uintptr_t user_end)
{
    (void)user_end;
    say("loading a number into the FPU");
    __asm__ volatile("fld1");
    say("the FPU can be used!");
    return 1;
}
