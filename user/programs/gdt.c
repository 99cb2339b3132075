/* SPDX-License-Identifier: BSD-2-Clause
 *
 * gdt.c - hostile: asks the processor where the kernel's descriptor table lies.
 */
#include "program.h"

int main(uintptr_t user_end)
{
    uint8_t pointer[10]; /* limit and base: SDM vol. 2B, SGDT */

    (void)user_end;
    say("asking where the kernel's descriptor table lies");
    __asm__ volatile("sgdt %0" : "=m"(pointer));
    say("the processor tells where the kernel lies!");
    return 1;
}
