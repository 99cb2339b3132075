/* SPDX-License-Identifier: BSD-2-Clause
 *
 * arch/mmu.h - what a machine provides to the memory manager.
 *
 * The functions are inline and live in <arch_mmu.h>, which the include path chooses: a kernel's
 * architecture, the loader (identity mapping, no TLB to care for), or the hosted fake machine,
 * which keeps a model of a TLB and fails when a change was not flushed.
 *
 *   uint64_t arch_direct_end(void)           one past the highest address that the direct map reaches;
 *                                            page tables have to lie below
 *   void *arch_phys_ptr(paddr_t address)     RAM below it, through the direct map; valid for the
 *                                            frame's rest
 *   void *arch_frame_map(paddr_t frame)      one frame of RAM, wherever it is, for a moment: a few at
 *                                            a time, each given back by
 *   void arch_frame_unmap(void *pointer)     any order
 *   paddr_t arch_ptr_phys(const void *p)     the way back, for pointers of arch_phys_ptr() only
 *   void *arch_table_ptr(paddr_t table)      a page table, for reading and writing; one table is
 *                                            reachable until the next five calls
 *   uint64_t arch_pte_read(const void *table, unsigned index, unsigned entry_bytes)
 *   void arch_pte_write(void *table, unsigned index, unsigned entry_bytes, uint64_t entry)
 *                                            one store that the processor's walker sees whole
 *   const struct pt_format *arch_pt_format(unsigned levels)
 *                                            the format of tables with so many levels, or NULL
 *   bool arch_memory_types_set(void)         this processor: makes every type of enum pt_cache be
 *                                            what it is called; no mapping uses a type that changes.
 *                                            False: it has no PAT, so the type's lower two bits are
 *                                            PCD and PWT, and nothing is write-combining
 *   paddr_t arch_root_read(void)             the page-table root in use on this processor
 *   void arch_root_write(paddr_t root)       switches, to tag 0; drops its translations that are
 *                                            not global
 *   unsigned arch_tlb_tags(void)             tables whose translations the processor can tell apart by a
 *                                            tag, 0 upwards; 1: none but the one in use
 *   void arch_root_write_tagged(paddr_t root, unsigned tag, bool keep)
 *                                            switches, where there are tags; with `keep` the translations
 *                                            that have the tag stay, else those that are not global go
 *   void arch_tlb_flush_page(vaddr_t page)   this processor: one page, global or with the tag in use,
 *                                            any leaf size
 *   void arch_tlb_flush_all(void)            this processor: everything, whatever its tag, global or not
 *
 * Any context unless said otherwise. Source: Intel SDM vol. 3A, chapter 4; 4.10 for the TLB.
 */
#ifndef MERIDIAN_ARCH_MMU_H
#define MERIDIAN_ARCH_MMU_H

#include "lib/types.h"

#include <arch_mmu.h>

#endif
