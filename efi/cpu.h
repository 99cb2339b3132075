/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cpu.h - the few instructions of x86-64 that C has no word for.
 *
 * Source: Intel SDM vol. 2 for the instructions, vol. 3A 2.5 for control registers, vol. 4 for
 * model-specific registers.
 */
#ifndef MERIDIAN_EFI_CPU_H
#define MERIDIAN_EFI_CPU_H

#include "lib/types.h"

#define CPU_MSR_PAT   0x277u
#define CPU_MSR_EFER  0xc0000080u

#define CPU_EFER_NXE  ((uint64_t)1 << 11)

#define CPU_CR0_WP    ((uint64_t)1 << 16)

#define CPU_CR4_PGE   ((uint64_t)1 << 7)
#define CPU_CR4_LA57  ((uint64_t)1 << 12)
#define CPU_CR4_PCIDE ((uint64_t)1 << 17)
#define CPU_CR4_PKE   ((uint64_t)1 << 22)
#define CPU_CR4_CET   ((uint64_t)1 << 23)
#define CPU_CR4_PKS   ((uint64_t)1 << 24)

/* PAT with entry 1 write-combining: WB WC UC- UC, twice (SDM vol. 3A, 11.12.2). */
#define CPU_PAT       0x0007010600070106u

struct cpuid {
    uint32_t eax;
    uint32_t ebx;
    uint32_t ecx;
    uint32_t edx;
};

static inline struct cpuid cpu_id(uint32_t leaf)
{
    struct cpuid id;

    __asm__ volatile("cpuid"
                     : "=a"(id.eax), "=b"(id.ebx), "=c"(id.ecx), "=d"(id.edx)
                     : "a"(leaf), "c"(0));
    return id;
}

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

static inline uint64_t cpu_read_msr(uint32_t msr)
{
    uint32_t low;
    uint32_t high;

    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (uint64_t)high << 32 | low;
}

static inline void cpu_write_msr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr"
                     :
                     : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
                     : "memory");
}

static inline uint64_t cpu_read_cr0(void)
{
    uint64_t value;

    __asm__ volatile("mov %%cr0, %0" : "=r"(value));
    return value;
}

static inline void cpu_write_cr0(uint64_t value)
{
    __asm__ volatile("mov %0, %%cr0" : : "r"(value) : "memory");
}

static inline uint64_t cpu_read_cr4(void)
{
    uint64_t value;

    __asm__ volatile("mov %%cr4, %0" : "=r"(value));
    return value;
}

static inline void cpu_write_cr4(uint64_t value)
{
    __asm__ volatile("mov %0, %%cr4" : : "r"(value) : "memory");
}

static inline void cpu_interrupts_off(void)
{
    __asm__ volatile("cli" : : : "memory");
}

#endif
