/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mm/pt.h - page tables of any format, through one walker.
 *
 * A struct pt_format describes a format as data (levels, bits a level, entry size, which levels
 * may hold leaves); how an entry encodes rights and memory types is a handful of bit-twiddling
 * functions beside it. kernel/mm/pt_walk.h is the only walker, instantiated for each encoding by
 * kernel/mm/pt_<encoding>.c. The functions below check their arguments and find the instance
 * through the table's format.
 *
 * Rights are never implied: a mapping is readable, and writable, executable or open to user mode
 * only if asked for. Refused are write together with execute (STATUS_DENIED), addresses and sizes
 * that are not whole pages (STATUS_NOT_ALIGNED), and empty ranges, ranges that wrap, addresses
 * that are not canonical, physical addresses that the format or the processor cannot hold
 * (STATUS_INVALID). A change is all-or-nothing: tables are allocated first, entries are written
 * only when nothing can fail any more; on failure the table is what it was.
 *
 * Sizes are in bytes. The largest leaf that fits is used, and split on demand. A level is counted
 * from 1, the tables whose entries span 4 KiB.
 * Locking: the caller's, one writer a table; pt_query() may run beside a writer.
 * Source: Intel SDM vol. 3A, 4.3 to 4.5; AMD APM vol. 2, chapter 5.
 */
#ifndef MERIDIAN_MM_PT_H
#define MERIDIAN_MM_PT_H

#include "lib/print.h"
#include "lib/status.h"
#include "lib/types.h"

#define PT_MAX_LEVELS 5

/* Rights and properties of a mapping, as a word of flags. Where an x86 entry has a bit for one, it
 * has the same place here, which makes translation nearly free there. */
enum pt_flag {
    PT_EXECUTE = 1u << 0,
    PT_WRITE = 1u << 1,
    PT_USER = 1u << 2,
    PT_CACHE_SHIFT = 3, /* bits 3 to 5: enum pt_cache */
    PT_CACHE_MASK = 7u << PT_CACHE_SHIFT,
    PT_DIRTY = 1u << 6,    /* reported; ignored when mapping */
    PT_ACCESSED = 1u << 7, /* reported; ignored when mapping */
    PT_GLOBAL = 1u << 8,
    PT_OWNED = 1u << 9,  /* the mapping holds a reference on each of its frames; for software */
    PT_SMALL = 1u << 10, /* mapping: 4 KiB leaves only */
};

/* What one may choose: the rest of the word describes. */
#define PT_RIGHTS (PT_WRITE | PT_EXECUTE | PT_USER | PT_GLOBAL | PT_CACHE_MASK)

/* Memory types, as numbers of PAT entries (SDM vol. 3A, 11.12). The loader sets entries 0 to 3,
 * WB WC UC- UC, the kernel entry 4, WT; 5 to 7 repeat 1 to 3. */
enum pt_cache {
    PT_WRITE_BACK = 0u << PT_CACHE_SHIFT,
    PT_WRITE_COMBINING = 1u << PT_CACHE_SHIFT,
    PT_UNCACHED_MINUS = 2u << PT_CACHE_SHIFT, /* uncached, unless an MTRR says WC */
    PT_UNCACHED = 3u << PT_CACHE_SHIFT,
    PT_WRITE_THROUGH = 4u << PT_CACHE_SHIFT,
};

struct pt_format;
struct tlb_batch;

/* Where tables come from and go to. `alloc` gives a zeroed frame. */
struct pt_memory {
    enum status (*alloc)(void *context, paddr_t *table);
    void (*free)(void *context, paddr_t table);
    void *context;
};

struct page_table {
    const struct pt_format *format;
    const struct pt_memory *memory;
    paddr_t root;
    unsigned physical_bits; /* MAXPHYADDR: addresses beyond are refused */
    unsigned largest_leaf;  /* highest level that may hold a leaf: 1 = 4 KiB, 2 = 2 or 4 MiB,
                               3 = 1 GiB */
    bool no_execute;        /* the processor honours NX; otherwise PT_EXECUTE is implied */
    bool no_pat;            /* the processor has no PAT: see pt_map() */
    bool keeps_top;         /* tables just below the root stay even when empty: others share them */
    bool shares_upper;      /* the upper half's tables belong to another table: pt_share_upper() */

    /* mm/tlb.h: which table this is to the processors that cache its entries, and how they forget what
     * is in a batch. All zero: this processor alone uses it, and no tlb_..._begin() knows it. */
    uintptr_t tlb_identity;
    uintptr_t tlb_generation;
    void (*flush)(struct page_table *table, const struct tlb_batch *batch);
};

/* The formats. Later ones only join them. */
extern const struct pt_format pt_format_i386_2level;
extern const struct pt_format pt_format_i386_pae;
extern const struct pt_format pt_format_x86_64_4level;
extern const struct pt_format pt_format_x86_64_5level;

const char *pt_format_name(const struct pt_format *format);
unsigned pt_format_levels(const struct pt_format *format);

/* Bytes that one entry of `level` (1 = lowest) spans; 0 for a level the format has not. */
uint64_t pt_format_span(const struct pt_format *format, unsigned level);

/* The highest level that may hold a leaf. */
unsigned pt_format_largest_leaf(const struct pt_format *format);

/* Bits of a physical address that an entry has room for. */
unsigned pt_format_physical_bits(const struct pt_format *format);

/* One past the highest address of the lower half. */
vaddr_t pt_format_lower_end(const struct pt_format *format);

/* The lowest address of the upper half. */
vaddr_t pt_format_upper_half(const struct pt_format *format);

/* Whether all entries of the root exist from the start and stay (PAE). */
bool pt_format_keeps_root(const struct pt_format *format);

/* Whether `address` is one that the format can translate. */
bool pt_canonical(const struct pt_format *format, vaddr_t address);

/* Allocates an empty root; every other field of `table` is set before. Where the processor reads
 * the root only once (PAE), the tables just below it are allocated too, and keeps_top is set. */
enum status pt_create(struct page_table *table);

/* Frees the tables and the root, but not what they map, nor the upper half if it is shared. No
 * processor may be using the table. */
void pt_destroy(struct page_table *table);

/* Allocates the tables just below the root for all of a range, so that other tables can share
 * them. All-or-nothing. */
enum status pt_reserve_top(struct page_table *table, vaddr_t address, size_t size_bytes);

/* Lets the upper half of `table`, still empty, be that of `owner`, which has keeps_top and
 * outlives `table`: root entries are copied. */
void pt_share_upper(struct page_table *table, const struct page_table *owner);

/* Maps [address, + size_bytes) to [target, + size_bytes). Without PAT, write-combining becomes
 * uncached (an MTRR may combine writes), and write-through is reported as what has its number there,
 * PT_WRITE_COMBINING. STATUS_EXISTS when any page of it is
 * mapped already, STATUS_NO_MEMORY when a table could not be had. Nothing needs a flush. */
enum status pt_map(struct page_table *table, vaddr_t address, paddr_t target, size_t size_bytes,
                   unsigned flags);

/* Removes the mappings of a range; holes in it are skipped. A larger leaf that the range cuts is
 * split (which may fail: STATUS_NO_MEMORY, with nothing changed). The entries stop translating at
 * once; what they held, and tables left empty, is released by tlb_batch_finish(), after its
 * flush; until then the range cannot be mapped again. `batch` NULL, where no processor has ever
 * used the table: released now, PT_OWNED or not only the tables are freed. */
enum status pt_unmap(struct page_table *table, vaddr_t address, size_t size_bytes,
                     struct tlb_batch *batch);

/* Gives the mappings of a range other rights and memory type; holes are skipped, PT_OWNED,
 * PT_ACCESSED and PT_DIRTY stay. Splits and batch as pt_unmap(). */
enum status pt_protect(struct page_table *table, vaddr_t address, size_t size_bytes, unsigned flags,
                       struct tlb_batch *batch);

/* Forgets that a range was accessed or written: `flags` are PT_ACCESSED, PT_DIRTY or both. `pages` is
 * how many pages had one of them, since the last time. A larger leaf has them as a whole, and forgets
 * as a whole. The processor sets them again once the batch is finished, not before. While another processor
 * may write there, its PT_DIRTY can be lost: take the right to write away first. */
enum status pt_forget(struct page_table *table, vaddr_t address, size_t size_bytes, unsigned flags,
                      struct tlb_batch *batch, uint64_t *pages);

/* Splits the larger leaves that the borders of a range cut, so that a change of the range, or of
 * parts of it along borders of mappings, cannot fail any more. Nothing translates differently. */
enum status pt_split(struct page_table *table, vaddr_t address, size_t size_bytes,
                     struct tlb_batch *batch);

/* Lets the page at `address`, which is mapped, have another frame and rights (PT_OWNED counts
 * here); a larger leaf around it is split. `old` is the frame it had: the caller's, once
 * tlb_batch_finish() is done. STATUS_NOT_FOUND where nothing is mapped. */
enum status pt_replace(struct page_table *table, vaddr_t address, paddr_t target, unsigned flags,
                       struct tlb_batch *batch, paddr_t *old);

/* Replaces tables within the range whose leaves continue each other with equal flags by one larger
 * leaf each (PT_ACCESSED and PT_DIRTY are united). Returns the number of tables saved. */
size_t pt_merge(struct page_table *table, vaddr_t address, size_t size_bytes,
                struct tlb_batch *batch);

/* A leaf, or a run of leaves that continue each other with equal rights. */
struct pt_mapping {
    vaddr_t address;
    paddr_t target;
    uint64_t size_bytes;
    unsigned flags; /* enum pt_flag and enum pt_cache; rights already combined over all levels */
    unsigned level; /* of the leaf; of the first leaf in a run */
};

/* The leaf that translates `address`. STATUS_NOT_FOUND where there is none; `mapping` then tells
 * the unmapped span around it (address, size_bytes, level). STATUS_INVALID: not canonical. */
enum status pt_query(const struct page_table *table, vaddr_t address, struct pt_mapping *mapping);

/* The physical address behind `address`, where that is all one wants to know: half of a pt_query().
 * STATUS_NOT_FOUND, STATUS_INVALID. */
enum status pt_translate(const struct page_table *table, vaddr_t address, paddr_t *target);

/* Calls `visit` for every run of [start, + size_bytes) in order, accessed and dirty bits ignored in
 * the comparison; stops when it returns false. The range is cut to what is canonical and page-aligned
 * outward; all of the space: va(0), SIZE_MAX. The visitor must not change the table. */
void pt_visit(const struct page_table *table, vaddr_t start, size_t size_bytes,
              bool (*visit)(void *context, const struct pt_mapping *run), void *context);

/* One level of a translation, for people. */
struct pt_step {
    unsigned level; /* counted down from the root's */
    paddr_t table;
    unsigned index;
    uint64_t entry; /* as it stands */
    bool present;
    bool leaf;
    unsigned flags; /* of this entry alone */
    paddr_t next;   /* next table, or the frame */
};

/* The walk of `address`, root first; returns the number of steps, the last one being the leaf or
 * the entry that stops the walk; 0 for an address that is not canonical. */
unsigned pt_explain(const struct page_table *table, vaddr_t address,
                    struct pt_step steps[PT_MAX_LEVELS]);

/* "rw-", "r-x", "rwxu" and memory type when it is not write-back: at most 12 characters. */
void pt_flags_text(unsigned flags, char text[16]);

/* Frames that the tables themselves use, the root included, tables of a shared upper half not.
 * O(tables). */
size_t pt_count_tables(const struct page_table *table);

#endif
