/* SPDX-License-Identifier: BSD-2-Clause
 *
 * registers.h - control registers and model-specific registers, as wide as a pointer. The loader
 * sets them, too.
 *
 * Source: SDM vol. 3A, 2.5 "Control Registers"; vol. 4, chapter 2.
 */
#ifndef MERIDIAN_X86_REGISTERS_H
#define MERIDIAN_X86_REGISTERS_H

#include "lib/types.h"

#define CR0_MP             (1u << 1)  /* WAIT obeys TS, too */
#define CR0_TS             (1u << 3)  /* x87, MMX, SSE and AVX are "device not available" */
#define CR0_WP             (1u << 16) /* ring 0 obeys read-only pages */
#define CR3_PCID           0xfffu     /* with CR4.PCIDE: which one */
#define CR4_PSE            (1u << 4)  /* pages of 4 MiB */
#define CR4_PAE            (1u << 5)  /* entries of 64 bits */
#define CR4_PGE            (1u << 7)  /* global pages */
#define CR4_UMIP           (1u << 11) /* SGDT, SIDT, SLDT, SMSW and STR are for ring 0 */
#define CR4_LA57           (1u << 12) /* 5-level paging */
#define CR4_PCIDE          (1u << 17) /* translations carry the number of their address space */
#define CR4_FSGSBASE       (1u << 16) /* ring 3 may write the bases of FS and GS */
#define CR4_SMEP           (1u << 20) /* ring 0 executes no user page */
#define CR4_SMAP           (1u << 21) /* ring 0 touches no user page */
#define CR4_PKE            (1u << 22) /* protection keys of user pages */
#define CR4_CET            (1u << 23) /* shadow stacks and tracked branches */
#define CR4_PKS            (1u << 24) /* protection keys of supervisor pages */

/* One byte a memory type, entry 0 lowest (SDM vol. 3A, 11.12.2): WB WC UC- UC, WT WC UC- UC. */
#define MSR_PAT            0x277u
#define PAT_VALUE          0x0007010400070106u

#define MSR_SYSENTER_CS    0x174u
#define MSR_SYSENTER_ESP   0x175u
#define MSR_SYSENTER_EIP   0x176u
#define MSR_EFER           0xc0000080u
#define EFER_SCE           (1u << 0)   /* SYSCALL and SYSRET */
#define EFER_LMA           (1u << 10)  /* long mode is active: read-only */
#define EFER_NXE           (1u << 11)  /* no-execute bits are honoured */
#define MSR_STAR           0xc0000081u /* selectors of SYSCALL and SYSRET */
#define MSR_LSTAR          0xc0000082u /* where SYSCALL goes */
#define MSR_FMASK          0xc0000084u /* flags that SYSCALL clears */
#define MSR_GS_BASE        0xc0000101u
#define MSR_KERNEL_GS_BASE 0xc0000102u /* what SWAPGS exchanges it with */

#define FLAGS_FIXED        2u /* bit 1 is always set: SDM vol. 1, 3.4.3 */
#define FLAG_TRAP          (1u << 8)
#define FLAG_DIRECTION     (1u << 10)
#define FLAG_INTERRUPT     (1u << 9)
#define FLAG_IOPL          (3u << 12)
#define FLAG_NESTED        (1u << 14)
#define FLAG_ALIGNMENT     (1u << 18) /* alignment checks; in ring 0, SMAP's override */

/* What LGDT and LIDT take: SDM vol. 3A, figure 2-6. */
struct [[gnu::packed]] table_pointer {
    uint16_t limit; /* bytes - 1 */
    uintptr_t base;
};

static inline uintptr_t cr0_read(void)
{
    uintptr_t value;

    __asm__ volatile("mov %%cr0, %0" : "=r"(value));
    return value;
}

static inline void cr0_write(uintptr_t value)
{
    __asm__ volatile("mov %0, %%cr0" : : "r"(value) : "memory");
}

static inline uintptr_t cr2_read(void)
{
    uintptr_t value;

    __asm__ volatile("mov %%cr2, %0" : "=r"(value));
    return value;
}

static inline uintptr_t cr3_read(void)
{
    uintptr_t value;

    __asm__ volatile("mov %%cr3, %0" : "=r"(value));
    return value;
}

static inline uintptr_t cr4_read(void)
{
    uintptr_t value;

    __asm__ volatile("mov %%cr4, %0" : "=r"(value));
    return value;
}

static inline void cr4_write(uintptr_t value)
{
    __asm__ volatile("mov %0, %%cr4" : : "r"(value) : "memory");
}

static inline uint64_t msr_read(uint32_t number)
{
    uint32_t low, high;

    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(number));
    return (uint64_t)high << 32 | low;
}

static inline void msr_write(uint32_t number, uint64_t value)
{
    __asm__ volatile("wrmsr"
                     :
                     : "c"(number), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
                     : "memory");
}

#endif
