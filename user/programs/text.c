/* SPDX-License-Identifier: BSD-2-Clause
 *
 * text.c - hostile: writes to its own code.
 */
#include "program.h"

int main(uintptr_t user_end)
{
    volatile uint8_t *code = (volatile uint8_t *)(uintptr_t)main;

    (void)user_end;
    say("writing to the program's code");
    *code = 0;
    say("code can be written!");
    return 1;
}
