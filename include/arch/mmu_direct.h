/* SPDX-License-Identifier: BSD-2-Clause
 *
 * arch/mmu_direct.h - the part of arch/mmu.h that a machine need not write whose direct map has all of its memory and
 * whose processor reads an entry of a page table whole.
 *
 * This is a template: an <arch_mmu.h> includes it after its own arch_phys_ptr(). Entries are read and written by
 * single loads and stores of their own size, which the processor's walker sees whole (SDM vol. 3A, 9.1.1).
 */
#ifndef MERIDIAN_ARCH_MMU_DIRECT_H
#define MERIDIAN_ARCH_MMU_DIRECT_H

/* One past the highest physical address that the direct map reaches: it has all there is. */
static inline uint64_t arch_direct_end(void)
{
    return UINT64_MAX;
}

static inline void *arch_frame_map(paddr_t frame)
{
    return arch_phys_ptr(frame);
}

static inline void arch_frame_unmap(void *pointer)
{
    (void)pointer;
}

static inline void *arch_table_ptr(paddr_t table)
{
    return arch_phys_ptr(table);
}

static inline uint64_t arch_pte_read(const void *table, unsigned index, unsigned entry_bytes)
{
    if (entry_bytes == sizeof(uint64_t))
        return __atomic_load_n((const uint64_t *)table + index, __ATOMIC_RELAXED);
    return __atomic_load_n((const uint32_t *)table + index, __ATOMIC_RELAXED);
}

static inline void arch_pte_write(void *table, unsigned index, unsigned entry_bytes, uint64_t entry)
{
    if (entry_bytes == sizeof(uint64_t))
        __atomic_store_n((uint64_t *)table + index, entry, __ATOMIC_RELAXED);
    else
        __atomic_store_n((uint32_t *)table + index, (uint32_t)entry, __ATOMIC_RELAXED);
}

#endif
