/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_window.h - the heap's window: pages for objects, and what is known about each of them.
 *
 * The window is divided once. Nothing that the heap itself relies on lies among the objects:
 *
 *     start of the window                                                       end of the window
 *     +---------+----------+---------+---------+------------------------+---+------------------+
 *     | fixed   | page map | records | blocks  | state planes 3 to 10   | G | objects          |
 *     +---------+----------+---------+---------+------------------------+---+------------------+
 *       classes,  2 bytes    64 bytes  16 bytes  a byte per 2^n bytes    |    blocks of 2 MiB
 *       caches    a page     a page    a block   of objects              |
 *                                                        page 0 of the objects: never mapped
 *
 * All of it is virtual space; frames stand behind a part only when it is used. Where a page's
 * entry lies follows from the page's number by a shift, in every array. Pages are counted from
 * the start of the objects, and page 0 is never used, so that 0 can mean "none".
 *
 * A block is opened before its first page is used: its share of the map, the records, the blocks
 * and plane 10 is backed then, for all blocks up to it. Planes 3 to 9 are backed
 * page by page when a slab needs them; a bit for each of their pages is kept with the block.
 */
#ifndef MERIDIAN_HEAP_WINDOW_H
#define MERIDIAN_HEAP_WINDOW_H

#include "lib/status.h"
#include "lib/types.h"
#include "mm/frame.h"

#define HEAP_BLOCK_SHIFT 21
#define HEAP_BLOCK_BYTES ((size_t)1 << HEAP_BLOCK_SHIFT)
#define HEAP_BLOCK_PAGES ((size_t)1 << (HEAP_BLOCK_SHIFT - PAGE_SHIFT))

/* Planes of state bytes, by the logarithm of the bytes that one state byte stands for. */
#define HEAP_PLANE_FIRST 3u
#define HEAP_PLANE_LAST  10u
#define HEAP_PLANES      (HEAP_PLANE_LAST - HEAP_PLANE_FIRST + 1)

/* What begins at a page. Pages inside a run are HEAP_PAGE_INNER. */
enum heap_page_kind {
    HEAP_PAGE_INNER,
    HEAP_PAGE_CACHED, /* first or last page of a free run with frames behind it */
    HEAP_PAGE_BARE,   /* first or last page of a free run without */
    HEAP_PAGE_BUSY,   /* first page of a run that is on its way from one kind to another */
    HEAP_PAGE_KEPT,   /* first page of a run kept for the slabs of one plane */
    HEAP_PAGE_SLAB,   /* first page of a slab */
    HEAP_PAGE_LARGE,  /* first page of a large object */
    HEAP_PAGE_INSIDE, /* second page of one, which begins here behind a guard page */
};

#define HEAP_SLAB_WORDS 4u /* of free bits: at most 256 objects a slab */

/* The record of a page: who has the run that begins (or, for free runs, ends) here. */
struct heap_page {
    uint8_t kind;        /* enum heap_page_kind */
    uint8_t class_index; /* of a slab */
    uint8_t list;        /* of a slab: in which list of its class it is */
    uint8_t tag;         /* of a large object */
    uint16_t free_count; /* of a slab: set bits of free_bits */
    uint16_t flags;      /* of a large object: enum heap_flag */
    uint32_t page_count; /* of the run */
    uint32_t next;       /* in a list of free runs or of slabs: page numbers, 0 is none */
    uint32_t previous;
    uint32_t lead_bytes; /* of a large object: where it begins in its run */
    size_t size_bytes;   /* of a large object: what was asked for */
    union {
        uint64_t free_bits[HEAP_SLAB_WORDS]; /* of a slab: objects that no cache and no owner has */
        const void *alloc_site;              /* of a large object: who asked for it */
    };
};

struct heap_window {
    uintptr_t start;         /* address of page 0: a multiple of 2 MiB */
    size_t open_bytes;       /* pages below start + open_bytes have their metadata */
    uint16_t *map;           /* by page: 0, or class + 1, and the page's number in its slab << 8 */
    struct heap_page *pages; /* the records */
    uintptr_t
        planes[HEAP_PLANES]; /* the state byte of address A in plane n: planes[n] + (A >> n) */
    void *fixed;             /* the heap's own structures */
    uint32_t page_count;     /* of the objects' part, page 0 included */
    size_t metadata_pages;   /* backed now; changed by the grower only */
    size_t window_bytes;
};
extern struct heap_window heap_window;

static inline uintptr_t heap_page_address(uint32_t page)
{
    return heap_window.start + ((uintptr_t)page << PAGE_SHIFT);
}

/* Of an address in the open part of the window. */
static inline size_t heap_page_index(uintptr_t address)
{
    return (address - heap_window.start) >> PAGE_SHIFT;
}

static inline uint32_t heap_page_number(uintptr_t address)
{
    return (uint32_t)heap_page_index(address);
}

static inline bool heap_window_open(uintptr_t address)
{
    return address - heap_window.start < __atomic_load_n(&heap_window.open_bytes, __ATOMIC_RELAXED);
}

static inline uint32_t heap_open_pages(void)
{
    return (uint32_t)(__atomic_load_n(&heap_window.open_bytes, __ATOMIC_RELAXED) >> PAGE_SHIFT);
}

/* Divides a window, with `fixed_bytes` of virtual space for the heap's own structures. Nothing is
 * backed yet. STATUS_INVALID for a window that wraps or has no room for one block. */
enum status heap_window_init(vaddr_t start, size_t size_bytes, size_t fixed_bytes);

/* Puts frames behind whole pages / takes them away. All or nothing. No lock may be held: the PMM
 * may ask the heap itself for memory. */
enum status heap_back(uintptr_t address, size_t count_pages, enum frame_tag tag);
void heap_unback(uintptr_t address, size_t count_pages);

/* The following change metadata and are the grower's alone (heap_grow_enter()). */

/* A part of the fixed structures: zeroed frames behind [address, + size_bytes). */
enum status heap_window_back_fixed(void *address, size_t size_bytes);

/* Opens blocks until `count_pages` pages are open. */
enum status heap_window_extend(size_t count_pages);

/* Closes whole blocks until not more than `count_pages`, rounded up to a block, are open. Their
 * pages are bare and in no list. */
void heap_window_retract(size_t count_pages);

/* Whether the state bytes of a run are there; any context. */
bool heap_states_backed(uint32_t page, size_t count_pages, unsigned plane);
enum status heap_states_back(uint32_t page, size_t count_pages, unsigned plane);

#endif
