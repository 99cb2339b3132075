/* SPDX-License-Identifier: BSD-2-Clause
 *
 * clone.c - a clone of the address space shares all frames, until one of both writes.
 */
#include "lib/print.h"
#include "program.h"

#define CODE 42

static volatile uint8_t byte = 1;

static int in_clone(void)
{
    print("in the clone: the byte is %u, as in the original\n", byte);
    byte = 2;
    print("in the clone: the byte is %u after a write\n", byte);
    return byte == 2 ? CODE : 1;
}

int main(uintptr_t user_end)
{
    uintptr_t end = 0;
    uintptr_t result;

    (void)user_end;
    print("the byte is %u; now the address space is cloned\n", byte);
    result = user_call(USER_CALL_CLONE, (uintptr_t)&end, 0, 0);
    if (result == USER_IN_CLONE)
        return in_clone();
    if (result != USER_IN_ORIGINAL)
        return 2;
    print("in the original: the byte is %u, and the clone ended with %u\n", byte, (unsigned)end);
    return byte == 1 && end == CODE ? 0 : 1;
}
