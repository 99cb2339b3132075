/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mm/paging.h - the kernel's own page tables.
 *
 * init_paging() adopts the tables that the loader built: it checks that the image, the direct map
 * and the stack are where the handoff says and that nothing is writable and executable, takes the
 * identity mapping of the jump away, and from then on kernel mappings are made here.
 *
 * The functions below it take care of their own locking (rank PAGE_TABLE) and flushing. They change
 * the windows of mm/layout.h only: user spaces share the tables below those, so that a change is
 * seen in all spaces at once. All mappings are global. Any context but the page fault handler's
 * own use of the same lock; not from interrupts that may hit a holder of it.
 */
#ifndef MERIDIAN_MM_PAGING_H
#define MERIDIAN_MM_PAGING_H

#include "boot/handoff.h"
#include "mm/pt.h"
#include "mm/tlb.h"

/* Early, once, after pmm_init(). STATUS_CORRUPT, STATUS_DENIED or STATUS_UNSUPPORTED with a log line
 * when the tables are not as they should be. When it succeeds nothing is mapped below the
 * kernel's half: every region tagged REGION_TAG_JUMP is free, and the caller may hand it to
 * pmm_add(). `handoff` is not needed afterwards. */
enum status init_paging(const struct handoff *handoff, unsigned physical_bits, bool no_execute,
                        unsigned largest_leaf);

/* The kernel's table: for queries, and for the monitor. */
struct page_table *paging_kernel_table(void);

/* Shows RAM that the loader did not know of in the direct map, as far as that reaches; parts that
 * are there already stay. Pages. STATUS_UNSUPPORTED: beyond the direct map's window; STATUS_NO_MEMORY:
 * for tables, and part of it may be mapped then. Any context that may allocate. */
enum status paging_add_ram(paddr_t base, uint64_t size_bytes);

/* As pt_map(), in a window for areas, the heap or stacks (STATUS_INVALID elsewhere). With PT_OWNED
 * the mapping takes over one reference on each frame. */
enum status paging_map(vaddr_t address, paddr_t target, size_t size_bytes, unsigned flags);

/* As pt_unmap(), flush included, in the kernel's half (STATUS_INVALID elsewhere). Frames that the
 * mapping owns lose a reference; with `free_frames` all frames do. */
enum status paging_unmap(vaddr_t address, size_t size_bytes, bool free_frames);

/* As pt_protect(), flush included, in the kernel's half. */
enum status paging_protect(vaddr_t address, size_t size_bytes, unsigned flags);

/* Whether this processor is inside of one of these. Who is called from there (by the PMM, for memory)
 * must not call them; nor can a fault that happens then be resolved. */
bool paging_lock_is_mine(void);

/* The physical address behind a kernel address. STATUS_NOT_FOUND where nothing is mapped. */
enum status paging_translate(vaddr_t address, paddr_t *target);

/* Walks all of the kernel's table and checks: no W+X, no user-accessible page, nothing in the
 * lower half (so page 0 neither), text not writable through any alias. STATUS_DENIED and a log line
 * if not. Where the processor has no NX, executability says nothing and is not checked. */
enum status paging_audit(void);

#endif
