/* SPDX-License-Identifier: BSD-2-Clause
 *
 * stack.c - hostile: overruns its stack.
 */
#include "program.h"

#define TURN_BYTES 2048

static volatile unsigned turns_left = 1000000;

[[gnu::noinline]] static unsigned recurse(unsigned depth)
{
    volatile uint8_t locals[TURN_BYTES];

    locals[0] = (uint8_t)depth;
    if (depth == turns_left)
        return depth;
    return recurse(depth + 1) + locals[0];
}

int main(uintptr_t user_end)
{
    (void)user_end;
    say("recursing without end");
    (void)recurse(0);
    say("the stack has no end!");
    return 1;
}
