/* SPDX-License-Identifier: BSD-2-Clause
 *
 * arch_mmu.h - the inline side of arch/mmu.h on i386.
 *
 * Low memory is in the direct map, and page tables lie there always, so that a table is reached by
 * one addition. All other memory appears for a moment in the window of temporary mappings.
 *
 * An entry of PAE has 64 bits, which this processor writes as two halves. The half with the present
 * bit goes last where the entry becomes present and first where it ceases to be; where it is present
 * before and after, one locked exchange writes both (SDM vol. 3A, 9.1.2.1).
 */
#ifndef MERIDIAN_I386_ARCH_MMU_H
#define MERIDIAN_I386_ARCH_MMU_H

#include <arch_layout.h>

#define MMU_PRESENT 1u

/* Whether the processor has global pages, whose translations survive a load of CR3. */
extern bool arch_has_global_pages;

static inline void arch_direct_map_set(vaddr_t base)
{
    (void)base; /* it does not slide */
}

/* One past the highest physical address that the direct map reaches. */
static inline uint64_t arch_direct_end(void)
{
    return LAYOUT_DIRECT_MAP_BYTES;
}

static inline void *arch_phys_ptr(paddr_t address)
{
    return (void *)(LAYOUT_DIRECT_MAP_START + (uintptr_t)pa_value(address));
}

static inline paddr_t arch_ptr_phys(const void *pointer)
{
    return pa((uintptr_t)pointer - LAYOUT_DIRECT_MAP_START);
}

/* In mmu.c. */
void *arch_frame_map_high(paddr_t frame);
void arch_frame_unmap_high(void *pointer);

static inline void *arch_frame_map(paddr_t frame)
{
    return pa_value(frame) < arch_direct_end() ? arch_phys_ptr(frame) : arch_frame_map_high(frame);
}

static inline void arch_frame_unmap(void *pointer)
{
    if ((uintptr_t)pointer - LAYOUT_TEMPORARY_START < LAYOUT_TEMPORARY_BYTES)
        arch_frame_unmap_high(pointer);
}

static inline void *arch_table_ptr(paddr_t table)
{
    return arch_phys_ptr(table);
}

static inline uint64_t arch_pte_read(const void *table, unsigned index, unsigned entry_bytes)
{
    const volatile uint32_t *words = table;

    if (entry_bytes == sizeof(uint32_t))
        return words[index];
    return (uint64_t)words[2 * index + 1] << 32 | words[2 * index];
}

static inline void arch_pte_exchange(volatile uint32_t *words, uint64_t entry)
{
    uint32_t low = words[0], high = words[1];
    bool done;

    do
        __asm__ volatile("lock cmpxchg8b %1\n\tsete %0"
                         : "=q"(done), "+m"(*(volatile uint64_t *)words), "+a"(low), "+d"(high)
                         : "b"((uint32_t)entry), "c"((uint32_t)(entry >> 32))
                         : "memory", "cc");
    while (!done);
}

static inline void arch_pte_write(void *table, unsigned index, unsigned entry_bytes, uint64_t entry)
{
    volatile uint32_t *words = (volatile uint32_t *)table + 2 * index;

    if (entry_bytes == sizeof(uint32_t)) {
        ((volatile uint32_t *)table)[index] = (uint32_t)entry;
    } else if ((entry & MMU_PRESENT) == 0) {
        words[0] = (uint32_t)entry;
        words[1] = (uint32_t)(entry >> 32);
    } else if ((words[0] & MMU_PRESENT) == 0) {
        words[1] = (uint32_t)(entry >> 32);
        words[0] = (uint32_t)entry;
    } else {
        arch_pte_exchange(words, entry);
    }
}

struct pt_format;
extern const struct pt_format pt_format_i386_2level;
extern const struct pt_format pt_format_i386_pae;

static inline const struct pt_format *arch_pt_format(unsigned levels)
{
    if (levels == 3)
        return &pt_format_i386_pae;
    return levels == 2 ? &pt_format_i386_2level : (const struct pt_format *)0;
}

/* The low bits of CR3 are not part of the address (SDM vol. 3A, tables 4-3 and 4-7); roots of both
 * formats are whole pages here. */
#define CR3_ADDRESS_MASK 0xfffff000u
#define MMU_CR4_PGE      ((uintptr_t)1 << 7)

static inline paddr_t arch_root_read(void)
{
    uintptr_t cr3;

    __asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
    return pa(cr3 & CR3_ADDRESS_MASK);
}

/* A double fault's task switch loads another CR3: what was here before is noted in struct cpu_local. */
static inline void arch_root_write(paddr_t root)
{
    __asm__ volatile("mov %0, %%gs:8\n\tmov %0, %%cr3"
                     :
                     : "r"((uintptr_t)pa_value(root))
                     : "memory");
}

/* Tags are for 64-bit mode only (SDM vol. 3A, 4.10.1). */
static inline unsigned arch_tlb_tags(void)
{
    return 1;
}

static inline void arch_root_write_tagged(paddr_t root, unsigned tag, bool keep)
{
    (void)tag;
    (void)keep;
    arch_root_write(root);
}

static inline void arch_tlb_flush_page(vaddr_t page)
{
    __asm__ volatile("invlpg (%0)" : : "r"(va_value(page)) : "memory");
}

/* Writing CR4 with another PGE drops all translations, global ones too (SDM vol. 3A, 4.10.4.1). */
static inline void arch_tlb_flush_all(void)
{
    uintptr_t cr4;

    if (!arch_has_global_pages) {
        arch_root_write(arch_root_read());
        return;
    }
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    __asm__ volatile("mov %0, %%cr4" : : "r"(cr4 & ~MMU_CR4_PGE) : "memory");
    __asm__ volatile("mov %0, %%cr4" : : "r"(cr4) : "memory");
}

/* In mmu.c. */
bool arch_memory_types_set(void);

#endif
