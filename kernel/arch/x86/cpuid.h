/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cpuid.h - the CPUID instruction, and the leaves that kernel and loader ask for.
 *
 * Source: SDM vol. 2A, CPUID; AMD APM vol. 3, appendix E. Leaves from 0x40000000 on are the
 * hypervisors' own convention.
 */
#ifndef MERIDIAN_X86_CPUID_H
#define MERIDIAN_X86_CPUID_H

#include "lib/types.h"

#define CPUID_BASIC             0x0u
#define CPUID_FEATURES          0x1u
#define CPUID_STRUCTURED        0x7u
#define CPUID_TOPOLOGY          0xbu
#define CPUID_TSC               0x15u
#define CPUID_FREQUENCY         0x16u
#define CPUID_HYPERVISOR        0x40000000u
#define CPUID_HYPERVISOR_TIMING 0x40000010u
#define CPUID_EXTENDED          0x80000000u
#define CPUID_EXTENDED_FEATURES 0x80000001u
#define CPUID_BRAND             0x80000002u /* and the two leaves after it */
#define CPUID_ADDRESS_SIZES     0x80000008u

#define CPUID_1_EBX_APIC_SHIFT  24
#define CPUID_1_ECX_MONITOR     (1u << 3)
#define CPUID_1_ECX_PCID        (1u << 17)
#define CPUID_1_ECX_HYPERVISOR  (1u << 31)
#define CPUID_1_ECX_RDRAND      (1u << 30)
#define CPUID_1_EDX_PSE         (1u << 3)
#define CPUID_1_EDX_TSC         (1u << 4)
#define CPUID_1_EDX_PAE         (1u << 6)
#define CPUID_1_EDX_APIC        (1u << 9)
#define CPUID_1_EDX_SEP         (1u << 11) /* SYSENTER */
#define CPUID_1_EDX_MTRR        (1u << 12)
#define CPUID_1_EDX_PGE         (1u << 13)
#define CPUID_1_EDX_PAT         (1u << 16)
#define CPUID_1_EDX_PSE36       (1u << 17)
#define CPUID_7_EBX_SMEP        (1u << 7)
#define CPUID_7_EBX_INVPCID     (1u << 10)
#define CPUID_7_EBX_SMAP        (1u << 20)
#define CPUID_7_ECX_UMIP        (1u << 2)
#define CPUID_7_ECX_LA57        (1u << 16)
#define CPUID_80000001_EDX_NX   (1u << 20)
#define CPUID_80000001_EDX_1G   (1u << 26)

#define EFLAGS_ID               ((uintptr_t)1 << 21)

/* Whether there is the instruction: then, and only then, EFLAGS.ID can be changed. */
static inline bool cpuid_is_there(void)
{
    uintptr_t before, after;

    __asm__ volatile("pushf\n\tpop %0\n\tmov %0, %1\n\txor %2, %1\n\tpush %1\n\tpopf\n\t"
                     "pushf\n\tpop %1\n\tpush %0\n\tpopf"
                     : "=&r"(before), "=&r"(after)
                     : "i"(EFLAGS_ID)
                     : "cc");
    return ((before ^ after) & EFLAGS_ID) != 0;
}

struct cpuid {
    uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid r;

    __asm__ volatile("cpuid"
                     : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
                     : "a"(leaf), "c"(subleaf));
    return r;
}

/* All zeros for a leaf that the processor has not, or without CPUID: Intel answers such a question
 * with the data of its highest leaf. Leaves come in ranges, whose first leaf tells the last. */
static inline struct cpuid cpuid_or_zero(uint32_t leaf, uint32_t subleaf)
{
    uint32_t first = leaf & 0xf0000000u;

    if (!cpuid_is_there() || cpuid(first, 0).eax < leaf || cpuid(first, 0).eax > (first | 0xffffu))
        return (struct cpuid){ 0, 0, 0, 0 };
    return cpuid(leaf, subleaf);
}

/* The calling processor's APIC number: of 32 bits where the processor tells them, else of 8. */
static inline uint32_t cpuid_apic_id(void)
{
    struct cpuid topology = cpuid_or_zero(CPUID_TOPOLOGY, 0);

    if (topology.ebx != 0)
        return topology.edx;
    return cpuid_or_zero(CPUID_FEATURES, 0).ebx >> CPUID_1_EBX_APIC_SHIFT;
}

#endif
