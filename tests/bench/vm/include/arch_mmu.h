/* SPDX-License-Identifier: BSD-2-Clause
 *
 * arch_mmu.h - the inline side of arch/mmu.h for benchmarks: the kernel's, over simulated memory,
 * with nothing to flush. What the hardware would cost is missing, what the hosted fake machine
 * checks is not there to be paid for.
 */
#ifndef MERIDIAN_BENCH_ARCH_MMU_H
#define MERIDIAN_BENCH_ARCH_MMU_H

#include "lib/types.h"

extern unsigned char *fake_memory_base;
extern uint64_t fake_memory_bytes;
extern paddr_t bench_root;

struct pt_format;
extern const struct pt_format pt_format_x86_64_4level;

[[gnu::noreturn, gnu::cold]] void fake_memory_beyond(paddr_t address);

static inline void *arch_phys_ptr(paddr_t address)
{
    return fake_memory_base + pa_value(address);
}

static inline paddr_t arch_ptr_phys(const void *pointer)
{
    return pa((uint64_t)((const unsigned char *)pointer - fake_memory_base));
}

#include "arch/mmu_direct.h"

static inline const struct pt_format *arch_pt_format(unsigned levels)
{
    return levels == 4 ? &pt_format_x86_64_4level : (const struct pt_format *)0;
}

static inline bool arch_memory_types_set(void)
{
    return true;
}

static inline paddr_t arch_root_read(void)
{
    return bench_root;
}

static inline void arch_root_write(paddr_t root)
{
    bench_root = root;
}

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
    (void)page;
}

static inline void arch_tlb_flush_all(void)
{
}

static inline void arch_tlb_flush_others(vaddr_t start, size_t size_bytes)
{
    (void)start;
    (void)size_bytes;
}

static inline void arch_tlb_call_others(void (*function)(const void *context), const void *context)
{
    (void)function;
    (void)context;
}

#endif
