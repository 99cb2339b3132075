/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cli.c - hostile: turns interrupts off.
 */
#include "program.h"

int main(uintptr_t user_end)
{
    (void)user_end;
    say("turning interrupts off");
    __asm__ volatile("cli");
    say("interrupts can be turned off!");
    return 1;
}
