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

#include "arch/mmu_direct.h"

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
