/* SPDX-License-Identifier: BSD-2-Clause
 *
 * arch_mmu.h - the inline side of arch/mmu.h on x86-64.
 *
 * All RAM is in the direct map from the kernel's first instruction on, so that a table is reached
 * by one addition.
 */
#ifndef MERIDIAN_X86_64_ARCH_MMU_H
#define MERIDIAN_X86_64_ARCH_MMU_H

/* Where physical address 0 appears; set once by arch_direct_map_set(). */
extern uintptr_t arch_direct_map_base;

/* Tells where the loader put the direct map. Early, before anything of this file is used. */
static inline void arch_direct_map_set(vaddr_t base)
{
    arch_direct_map_base = va_value(base);
}

static inline void *arch_phys_ptr(paddr_t address)
{
    return (void *)(arch_direct_map_base + pa_value(address));
}

static inline paddr_t arch_ptr_phys(const void *pointer)
{
    return pa((uintptr_t)pointer - arch_direct_map_base);
}

#include "arch/mmu_direct.h"

struct pt_format;
extern const struct pt_format pt_format_x86_64_4level;
extern const struct pt_format pt_format_x86_64_5level;

static inline const struct pt_format *arch_pt_format(unsigned levels)
{
    if (levels == 5)
        return &pt_format_x86_64_5level;
    return levels == 4 ? &pt_format_x86_64_4level : (const struct pt_format *)0;
}

/* The low bits of CR3 are not part of the address (SDM vol. 3A, table 4-12). */
#define CR3_ADDRESS_MASK ((uint64_t)0x000ffffffffff000)
#define MMU_CR4_PGE      ((uintptr_t)1 << 7)

static inline paddr_t arch_root_read(void)
{
    uintptr_t cr3;

    __asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
    return pa(cr3 & CR3_ADDRESS_MASK);
}

static inline void arch_root_write(paddr_t root)
{
    __asm__ volatile("mov %0, %%cr3" : : "r"((uintptr_t)pa_value(root)) : "memory");
}

/* Process-context identifiers (SDM vol. 3A, 4.10.1): CR4.PCIDE is on, and there is INVPCID. */
#define CR3_KEEP    ((uintptr_t)1 << 63)
#define PCIDS       4096u
#define INVPCID_ALL ((uintptr_t)2) /* global translations, too */

extern bool arch_has_pcid;
extern bool arch_has_invpcid;

static inline unsigned arch_tlb_tags(void)
{
    return arch_has_pcid ? PCIDS : 1;
}

static inline void arch_root_write_tagged(paddr_t root, unsigned tag, bool keep)
{
    uintptr_t cr3 = (uintptr_t)pa_value(root) | tag | (keep ? CR3_KEEP : 0);

    __asm__ volatile("mov %0, %%cr3" : : "r"(cr3) : "memory");
}

static inline void arch_tlb_flush_page(vaddr_t page)
{
    __asm__ volatile("invlpg (%0)" : : "r"(va_value(page)) : "memory");
}

/* Writing CR4 with another PGE drops all translations, global ones too (SDM vol. 3A, 4.10.4.1). */
static inline void arch_tlb_flush_all(void)
{
    static const uint64_t everything[2];
    uintptr_t cr4;

    if (arch_has_invpcid) {
        __asm__ volatile("invpcid %0, %1" : : "m"(everything), "r"(INVPCID_ALL) : "memory");
        return;
    }
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    if ((cr4 & MMU_CR4_PGE) == 0) {
        arch_root_write(arch_root_read());
        return;
    }
    __asm__ volatile("mov %0, %%cr4" : : "r"(cr4 & ~MMU_CR4_PGE) : "memory");
    __asm__ volatile("mov %0, %%cr4" : : "r"(cr4) : "memory");
}

/* In mmu.c. */
bool arch_memory_types_set(void);

#endif
