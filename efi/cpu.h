/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cpu.h - the few instructions of x86-64 that C has no word for. CPUID and the registers are the
 * kernel's.
 *
 * Source: Intel SDM vol. 2.
 */
#ifndef MERIDIAN_EFI_CPU_H
#define MERIDIAN_EFI_CPU_H

#include "lib/types.h"

#include "../kernel/arch/x86/cpuid.h"
#include "../kernel/arch/x86/registers.h"

static inline uint64_t cpu_timestamp(void)
{
    uint32_t low;
    uint32_t high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

/* False when the generator had nothing in time. */
static inline bool cpu_random(uint64_t *value)
{
    bool ok;

    __asm__ volatile("rdrand %0" : "=r"(*value), "=@ccc"(ok));
    return ok;
}

static inline void cpu_port_write8(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline void cpu_interrupts_off(void)
{
    __asm__ volatile("cli" : : : "memory");
}

#endif
