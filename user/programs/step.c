/* SPDX-License-Identifier: BSD-2-Clause
 *
 * step.c - hostile: lets every instruction trap, also the first ones of a system call.
 *
 * On i386 SYSENTER brings the flag along into the kernel, and back nothing of it: the program goes on and
 * tries again without a call.
 */
#include "program.h"

#define FLAG_TRAP 0x100u /* TF: SDM vol. 1, 3.4.3.3 */

int main(uintptr_t user_end)
{
    uintptr_t flags;

    (void)user_end;
    say("stepping through a system call");
    (void)user_call_stepped(USER_CALL_COUNT);
    say("stepping through instructions");
    __asm__ volatile("pushf\n\tpop %0" : "=r"(flags));
    __asm__ volatile("push %0\n\tpopf" : : "r"(flags | FLAG_TRAP) : "memory", "cc");
    say("instructions can be stepped through!");
    return 1;
}
