/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pt_format.h - what a page-table format is, for the files of kernel/mm that implement them.
 *
 * The data says how a format is laid out; the operations are the walker of pt_walk.h and
 * pt_change.h, compiled once for each encoding of entries. They trust their arguments: pt.c has
 * checked them. Ranges are whole pages, canonical, within one half, and given as a first address
 * and a number of pages, which holds even the whole of a 64-bit half.
 */
#ifndef MERIDIAN_KERNEL_MM_PT_FORMAT_H
#define MERIDIAN_KERNEL_MM_PT_FORMAT_H

#include "mm/pt.h"
#include "mm/tlb.h"

struct pt_operations {
    enum status (*query)(const struct page_table *table, uintptr_t address,
                         struct pt_mapping *mapping);
    enum status (*translate)(const struct page_table *table, uintptr_t address, paddr_t *target);
    unsigned (*explain)(const struct page_table *table, uintptr_t address, struct pt_step *steps);
    bool (*visit)(const struct page_table *table, uintptr_t address, uint64_t pages,
                  bool (*visit)(void *context, const struct pt_mapping *run), void *context);
    size_t (*count_tables)(const struct page_table *table, uintptr_t address, uint64_t pages);
    enum status (*map)(struct page_table *table, uintptr_t address, uint64_t pages, uint64_t target,
                       unsigned flags);
    enum status (*reserve_top)(struct page_table *table, uintptr_t address, uint64_t pages);
    void (*share_top)(struct page_table *table, const struct page_table *owner, uintptr_t address,
                      uint64_t pages);
    /* Splits the leaves that the borders of the range cut. All-or-nothing. */
    enum status (*split)(struct page_table *table, uintptr_t address, uint64_t pages,
                         struct tlb_batch *batch);
    /* Unmapping, before and after the flush. kill() never fails. */
    void (*kill)(struct page_table *table, uintptr_t address, uint64_t pages,
                 struct tlb_batch *batch);
    void (*bury)(struct page_table *table, uintptr_t address, uint64_t pages,
                 void (*release)(const struct pt_mapping *leaf));
    void (*protect)(struct page_table *table, uintptr_t address, uint64_t pages, unsigned flags,
                    struct tlb_batch *batch);
    uint64_t (*forget)(struct page_table *table, uintptr_t address, uint64_t pages, unsigned flags,
                       struct tlb_batch *batch);
    /* The leaf at `address` is a page. */
    paddr_t (*replace)(struct page_table *table, uintptr_t address, uint64_t target,
                       unsigned flags);
    size_t (*merge)(struct page_table *table, uintptr_t address, uint64_t pages,
                    struct tlb_batch *batch);
    void (*free_tables)(struct page_table *table, uintptr_t address, uint64_t pages);
};

/* The two halves of the addresses, [0, lower_end) and [upper_start, last]: on i386 3 GiB for user
 * space and 1 GiB, a whole entry of the root with PAE, but for its end: there a directory may refer to
 * itself, which is no table below it. Elsewhere, where addresses of `bits` bits are
 * sign-extended, with a hole between. */
#define PT_HALVES_I386                                                                             \
    .lower_end = 0xc0000000, .upper_start = 0xc0000000, .last = 0xff7fffff, .top = 0xffffffff
#define PT_HALVES_EXTENDED(bits)                                                                   \
    .lower_end = (uint64_t)1 << ((bits)-1), .upper_start = -((uint64_t)1 << ((bits)-1)),           \
    .last = UINT64_MAX, .top = UINT64_MAX

struct pt_format {
    const char *name;
    unsigned levels;
    unsigned index_bits;  /* address bits that one level translates; the root may use fewer */
    unsigned entry_bytes; /* 4 or 8 */
    uint64_t lower_end;   /* PT_HALVES_... */
    uint64_t upper_start;
    uint64_t last;
    uint64_t top;           /* end of what the root translates: >= last */
    unsigned physical_bits; /* that an entry has room for, in leaves of any size */
    unsigned largest_leaf;  /* highest level that may hold a leaf */
    bool whole_root;        /* all entries of the root exist from the start and stay */
    const struct pt_operations *operations;
};

/* Pages that one entry of `level` spans. */
static inline uint64_t pt_span_pages(const struct pt_format *format, unsigned level)
{
    return (uint64_t)1 << (format->index_bits * (level - 1));
}

#endif
