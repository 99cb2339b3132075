/* SPDX-License-Identifier: BSD-2-Clause
 *
 * machine.c - the embedder's processors, as the memory manager asks about them.
 *
 * The kernel of this tree knows its processors from smp/smp.h and arch/smp.h. The library knows three functions of
 * the embedder's (arch/embed.h), and keeps of each processor what the memory manager counts.
 */
#include "arch/cpu.h"
#include "arch/embed.h"
#include "arch/mmu.h"
#include "arch/smp.h"
#include "config.h"
#include "smp/call.h"
#include "smp/smp.h"

static_assert(MERIDIAN_CPUS_MAX == CONFIG_MAX_CPUS, "the contract says how many there can be");

static struct smp_cpu processors[CONFIG_MAX_CPUS];

void meridian_ram_at(void *physical_0)
{
    arch_direct_map_set(va_of(physical_0));
}

unsigned smp_count(void)
{
    return meridian_cpu_count();
}

unsigned smp_limit(void)
{
    return meridian_cpu_count();
}

bool smp_is_online(unsigned cpu)
{
    return cpu < meridian_cpu_count();
}

struct smp_cpu *smp_cpu(unsigned cpu)
{
    return cpu < CONFIG_MAX_CPUS ? &processors[cpu] : NULL;
}

void arch_smp_send_call(unsigned cpu)
{
    meridian_cpu_interrupt(cpu);
}

void meridian_cpu_answer(void)
{
    (void)smp_calls_run();
}
