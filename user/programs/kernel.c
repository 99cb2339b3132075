/* SPDX-License-Identifier: BSD-2-Clause
 *
 * kernel.c - hostile: reads the kernel.
 *
 * On i386 the kernel is at this address; on x86-64 it slides, and is there with `nokaslr`. Whether
 * anything is there makes no difference to a program.
 */
#include "program.h"

#define KERNEL_BYTE (sizeof(void *) == 8 ? (uintptr_t)0xffffffff80000000u : (uintptr_t)0xc0100000u)

int main(uintptr_t user_end)
{
    volatile const uint8_t *kernel = (volatile const uint8_t *)KERNEL_BYTE;

    (void)user_end;
    say("reading a byte of the kernel");
    (void)*kernel;
    say("the kernel can be read!");
    return 1;
}
