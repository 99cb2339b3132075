/* SPDX-License-Identifier: BSD-2-Clause
 *
 * paging_private.h - what the files of kernel/mm share about the kernel's page table.
 */
#ifndef MERIDIAN_KERNEL_MM_PAGING_PRIVATE_H
#define MERIDIAN_KERNEL_MM_PAGING_PRIVATE_H

#include "arch/cpu.h"
#include "mm/paging.h"

/* What the loader mapped, named; the VMM makes areas of it. */
struct paging_boot_mapping {
    vaddr_t start;
    size_t size_bytes;
    unsigned rights;
    const char *name;
};

#define PAGING_BOOT_MAPPINGS_MAX 16

/* Valid after init_paging(); ascending, disjoint, without the boot stack. */
const struct paging_boot_mapping *paging_boot_mappings(size_t *count);

/* The lock around the kernel's table, for a walk or change of several steps. */
irq_state_t paging_lock(void);
void paging_unlock(irq_state_t state);

/* Tables for any space: frames from the PMM, tagged. */
extern const struct pt_memory paging_table_memory;

/* Gives back the references that an unmapped leaf held; for struct tlb_batch. */
void paging_release_owned(const struct pt_mapping *leaf);

/* paging_check.c: whether `table` is what `handoff` describes, and fit for use; logs what is not.
 * The first is for a table that has the jump's identity mapping no more. */
enum status paging_check_adopted(const struct page_table *table, const struct handoff *handoff);
enum status paging_check_rights(const struct page_table *table);

#endif
