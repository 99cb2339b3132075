/* SPDX-License-Identifier: BSD-2-Clause
 *
 * alone.c - the processors of a machine of which only the one that booted runs.
 */
#include "arch/smp.h"
#include "smp/smp.h"

static struct smp_cpu only = { .state = SMP_ONLINE };

unsigned smp_count(void)
{
    return 1;
}

unsigned smp_limit(void)
{
    return 1;
}

bool smp_is_online(unsigned cpu)
{
    return cpu == 0;
}

struct smp_cpu *smp_cpu(unsigned cpu)
{
    return cpu == 0 ? &only : NULL;
}

void arch_smp_send_call(unsigned cpu)
{
    (void)cpu; /* nobody is there */
}
