/* SPDX-License-Identifier: BSD-2-Clause
 *
 * loop.c - hostile: never ends, and asks the kernel nothing.
 */
#include "program.h"

int main(uintptr_t user_end)
{
    (void)user_end;
    say("looping for ever");
    for (;;)
        __asm__ volatile("pause");
}
