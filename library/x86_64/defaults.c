/* SPDX-License-Identifier: BSD-2-Clause
 *
 * defaults.c - the processors of a kernel that says nothing about them: there is one. Weak.
 */
#include "arch/embed.h"

unsigned meridian_cpu_id(void)
{
    return 0;
}

unsigned meridian_cpu_count(void)
{
    return 1;
}

void meridian_cpu_interrupt(unsigned cpu)
{
    (void)cpu; /* nobody is there to be interrupted */
}
