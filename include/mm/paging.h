/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mm/paging.h - the kernel's own page tables.
 *
 * init_paging() adopts the tables that the loader built: it checks that the image, the direct map
 * and the stack are where the handoff says and that nothing is writable and executable, takes the
 * identity mapping of the jump away, and from then on kernel mappings are made here.
 * The functions take care of their own locking (rank PAGE_TABLE) and flushing.
 */
#ifndef MERIDIAN_MM_PAGING_H
#define MERIDIAN_MM_PAGING_H

#include "boot/handoff.h"
#include "mm/pt.h"
#include "mm/tlb.h"

/* Early, once, after pmm_init(). STATUS_CORRUPT with a log line when the tables are not as they
 * should be. */
enum status init_paging(const struct handoff *handoff, unsigned physical_bits, bool no_execute,
                        unsigned largest_leaf);

/* The kernel's table: for queries, and for the monitor. */
struct page_table *paging_kernel_table(void);

/* As pt_map(), pt_unmap(), pt_protect() on the kernel's half (STATUS_INVALID below it).
 * paging_unmap() gives the frames back to the PMM (one reference each) if `free_frames`. */
enum status paging_map(vaddr_t address, paddr_t target, size_t size_bytes, unsigned flags);
enum status paging_unmap(vaddr_t address, size_t size_bytes, bool free_frames);
enum status paging_protect(vaddr_t address, size_t size_bytes, unsigned flags);

/* The physical address behind a kernel address. STATUS_NOT_FOUND where nothing is mapped. */
enum status paging_translate(vaddr_t address, paddr_t *target);

/* Walks all of the kernel's table and checks: no W+X, no user-accessible page, page 0 not mapped, nothing in
 * the lower half, text not writable through any alias. STATUS_DENIED and a log line if not. */
enum status paging_audit(void);

#endif
