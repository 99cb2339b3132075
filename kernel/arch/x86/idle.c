/* SPDX-License-Identifier: BSD-2-Clause
 *
 * idle.c - sleeping until an interrupt.
 *
 * STI takes effect one instruction late, so that no interrupt fits between it and the HLT that it should
 * end (SDM vol. 2B, STI). MWAIT also wakes when the monitored line is written, without a message; it
 * is used on machines, not under hypervisors: those that offer it at all do not sleep in it.
 *
 * Source: SDM vol. 2B, MONITOR and MWAIT; vol. 3A, 8.10.
 */
#include "arch/smp.h"

#include "arch/cpu.h"
#include "arch/x86/cpuid.h"

/* Found by whoever sleeps first; all find the same. */
static enum { SLEEP_UNKNOWN, SLEEP_HALT, SLEEP_MONITOR } sleep;

static void find_sleep(void)
{
    uint32_t features = cpuid_or_zero(CPUID_FEATURES, 0).ecx;
    bool monitor = (features & CPUID_1_ECX_MONITOR) && !(features & CPUID_1_ECX_HYPERVISOR);

    sleep = monitor ? SLEEP_MONITOR : SLEEP_HALT;
}

static void sleep_by_monitor(const uint32_t *word, uint32_t value)
{
    __asm__ volatile("monitor" : : "a"(word), "c"(0), "d"(0) : "memory");
    if (__atomic_load_n(word, __ATOMIC_ACQUIRE) == value)
        __asm__ volatile("sti\n\tmwait\n\tcli" : : "a"(0), "c"(0) : "memory");
}

void arch_smp_idle(const uint32_t *word, uint32_t value)
{
    if (sleep == SLEEP_UNKNOWN)
        find_sleep();
    if (sleep == SLEEP_MONITOR)
        sleep_by_monitor(word, value);
    else if (__atomic_load_n(word, __ATOMIC_ACQUIRE) == value)
        __asm__ volatile("sti\n\thlt\n\tcli" : : : "memory");
}

const char *arch_smp_idle_name(void)
{
    if (sleep == SLEEP_UNKNOWN)
        find_sleep();
    return sleep == SLEEP_MONITOR ? "MWAIT" : "HLT";
}
