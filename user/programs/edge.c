/* SPDX-License-Identifier: BSD-2-Clause
 *
 * edge.c - hostile: makes a system call return to where user space ends.
 *
 * The last two bytes of user space hold the instruction of a call; behind them the program would go on
 * at an address that is not canonical (x86-64: SYSRET would then fault in ring 0, on the program's
 * stack) or that is the kernel's (i386).
 */
#include "lib/string.h"
#include "program.h"

int main(uintptr_t user_end)
{
    uintptr_t instruction = user_end - USER_CALL_BYTES;
    void *page;

    say("calling from the last bytes of user space");
    if (user_map((void *)(user_end - PAGE_SIZE), PAGE_SIZE, USER_WRITE, &page) != STATUS_OK)
        return 2;
    memcpy((void *)instruction, user_call_instruction, USER_CALL_BYTES);
    if (user_protect(page, PAGE_SIZE, USER_EXECUTE) != STATUS_OK)
        return 2;
    user_call_at(instruction, USER_CALL_COUNT);
    say("the kernel returned!");
    return 1;
}
