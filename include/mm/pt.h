/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mm/pt.h - page tables of any format, through one walker.
 *
 * A struct pt_format describes a format as data (levels, bits a level, entry size, which levels
 * may hold leaves, how rights and memory types are encoded); kernel/mm/pt_walk.h is the only walker,
 * instantiated for each format by kernel/mm/pt_<format>.c. The functions below find the instance
 * through the table's format.
 *
 * Rights are never implied: a mapping is readable, and writable, executable or open to user mode
 * only if asked for. Write together with execute is refused (STATUS_DENIED), so are addresses that
 * are not canonical, ranges that wrap, and physical addresses that the format or the processor
 * cannot hold (STATUS_INVALID). A change is all-or-nothing: tables are allocated first, entries are
 * written only when nothing can fail any more; on failure the table is what it was.
 *
 * Sizes are in bytes and page-aligned. The largest leaf that fits is used, and split on demand.
 * Locking: the caller's, one writer a table; pt_query() may run beside a writer.
 * Source: Intel SDM vol. 3A, 4.3 to 4.5; AMD APM vol. 2, chapter 5.
 */
#ifndef MERIDIAN_MM_PT_H
#define MERIDIAN_MM_PT_H

#include "lib/print.h"
#include "lib/status.h"
#include "lib/types.h"

#define PT_MAX_LEVELS 5

/* Rights and properties of a mapping, as a word of flags. */
enum pt_flag {
    PT_WRITE = 1u << 0,
    PT_EXECUTE = 1u << 1,
    PT_USER = 1u << 2,
    PT_GLOBAL = 1u << 3,
    PT_ACCESSED = 1u << 4, /* reported; ignored when mapping */
    PT_DIRTY = 1u << 5,    /* reported; ignored when mapping */
    PT_SMALL = 1u << 6,    /* mapping: 4 KiB leaves only */
    PT_CACHE_SHIFT = 8,    /* bits 8 and 9: enum pt_cache */
    PT_CACHE_MASK = 3u << PT_CACHE_SHIFT,
};

/* Memory types, through PAT (SDM vol. 3A, 11.12): PAT = WB WC UC- UC WB WC UC- UC. */
enum pt_cache {
    PT_WRITE_BACK = 0u << PT_CACHE_SHIFT,
    PT_WRITE_COMBINING = 1u << PT_CACHE_SHIFT,
    PT_UNCACHED_MINUS = 2u << PT_CACHE_SHIFT, /* uncached, unless an MTRR says WC */
    PT_UNCACHED = 3u << PT_CACHE_SHIFT,
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
    unsigned
        largest_leaf; /* highest level that may hold a leaf: 1 = 4 KiB, 2 = 2 or 4 MiB, 3 = 1 GiB */
    bool no_execute;  /* the processor honours NX; otherwise PT_EXECUTE is implied */
};

/* The formats. Later ones only join them. */
extern const struct pt_format pt_format_x86_64_4level;
extern const struct pt_format pt_format_x86_64_5level;

const char *pt_format_name(const struct pt_format *format);
unsigned pt_format_levels(const struct pt_format *format);

/* Bytes that one entry of `level` (1 = lowest) spans; 0 for a level the format has not. */
uint64_t pt_format_span(const struct pt_format *format, unsigned level);

/* Whether `address` is one that the format can translate. */
bool pt_canonical(const struct pt_format *format, vaddr_t address);

/* Allocates an empty root. */
enum status pt_create(struct page_table *table);

/* Frees the tables (not what they map) below the entries of [start, end), and the entries with them. */
void pt_free_tables(struct page_table *table, vaddr_t start, size_t size_bytes);

/* Maps [address, + size_bytes) to [target, + size_bytes). STATUS_EXISTS when any page of it is
 * mapped already, STATUS_NO_MEMORY when a table could not be had. Nothing needs a flush. */
enum status pt_map(struct page_table *table, vaddr_t address, paddr_t target, size_t size_bytes,
                   unsigned flags);

/* Removes the mappings of a range; holes in it are skipped. A larger leaf that the range cuts is
 * split (which may fail: STATUS_NO_MEMORY, with nothing changed). Tables left empty are
 * freed through `batch` after its flush. The range is added to `batch`; NULL where no processor has
 * ever used the table. */
enum status pt_unmap(struct page_table *table, vaddr_t address, size_t size_bytes,
                     struct tlb_batch *batch);

/* Gives the mappings of a range other rights and memory type; holes are skipped. As pt_unmap(). */
enum status pt_protect(struct page_table *table, vaddr_t address, size_t size_bytes, unsigned flags,
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
 * the unmapped span around it (address, size_bytes, level). */
enum status pt_query(const struct page_table *table, vaddr_t address, struct pt_mapping *mapping);

/* Calls `visit` for every run of [start, + size_bytes) in order, accessed and dirty bits ignored in the
 * comparison; stops when it returns false. The whole space: va(0), SIZE_MAX. Not recursive in the
 * visitor: it must not change the table. */
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
 * the entry that stops the walk. */
unsigned pt_explain(const struct page_table *table, vaddr_t address,
                    struct pt_step steps[PT_MAX_LEVELS]);

/* "rw-", "r-x", "rwxu" and memory type when it is not write-back: at most 12 characters. */
void pt_flags_text(unsigned flags, char text[16]);

/* Frames that the tables themselves use. O(tables). */
size_t pt_count_tables(const struct page_table *table);

#endif
