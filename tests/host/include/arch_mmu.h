/* SPDX-License-Identifier: BSD-2-Clause
 *
 * arch_mmu.h - the inline side of arch/mmu.h for hosted builds.
 *
 * Physical memory is that of fake_memory.h; the TLB and the table root are modelled in
 * tests/host/fake_mmu.c, which fails the test that uses a stale translation.
 */
#ifndef MERIDIAN_HOST_ARCH_MMU_H
#define MERIDIAN_HOST_ARCH_MMU_H

extern unsigned char *fake_memory_base; /* where physical address 0 is */
extern uint64_t fake_memory_bytes;

/* Says so and aborts. */
[[gnu::noreturn, gnu::cold]] void fake_memory_beyond(paddr_t address);

static inline void *arch_phys_ptr(paddr_t address)
{
    if (__builtin_expect(pa_value(address) >= fake_memory_bytes, 0))
        fake_memory_beyond(address);
    return fake_memory_base + pa_value(address);
}

static inline paddr_t arch_ptr_phys(const void *pointer)
{
    return pa((uint64_t)((const unsigned char *)pointer - fake_memory_base));
}

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

struct pt_format;

const struct pt_format *arch_pt_format(unsigned levels);
bool arch_memory_types_set(void);
paddr_t arch_root_read(void);
void arch_root_write(paddr_t root);
unsigned arch_tlb_tags(void);
void arch_root_write_tagged(paddr_t root, unsigned tag, bool keep);
void arch_tlb_flush_page(vaddr_t page);
void arch_tlb_flush_all(void);
void arch_tlb_flush_others(vaddr_t start, size_t size_bytes);
void arch_tlb_call_others(void (*function)(const void *context), const void *context);

#endif
