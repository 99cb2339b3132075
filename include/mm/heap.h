/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mm/heap.h - kmalloc and its family.
 *
 * Sizes from 0 (a unique valid pointer) to heap_largest(). Alignment is 16 bytes, and natural for
 * powers of two up to a page. Nothing is stored in a free object. Every wrong free (twice, late twice, into the middle,
 * a foreign pointer, a wrong size) is found in release builds too, reported with class and tag,
 * counted (heap_stats.bad_frees), and refused; the heap stays intact. Failure is NULL.
 *
 * Any processor, after heap_init(), and any context: an interrupt handler may call all of the following
 * but heap_init(), heap_shrink() and heap_check(), wherever it interrupts the heap. What it allocates
 * while this very processor is mapping pages for the heap comes from pages that are mapped already, or is
 * NULL. The caller may hold locks of a lower rank than HEAP_LARGE. The PMM and the page tables may call
 * the heap back (heap_shrink()) from inside of it: it holds none of its locks when it calls them.
 */
#ifndef MERIDIAN_MM_HEAP_H
#define MERIDIAN_MM_HEAP_H

#include "lib/print.h"
#include "lib/status.h"
#include "lib/types.h"

/* Who an object belongs to, for statistics and leak reports. */
enum heap_tag {
    HEAP_TAG_NONE,
    HEAP_TAG_VMM,
    HEAP_TAG_MONITOR,
    HEAP_TAG_BOOT,
    HEAP_TAG_DRIVER,
    HEAP_TAG_USER,
    HEAP_TAG_TEST,
    HEAP_TAG_COUNT,
};

enum heap_flag {
    HEAP_ZERO = 1u << 0,
    HEAP_DMA = 1u << 1,     /* physically contiguous, below 4 GiB */
    HEAP_GUARDED = 1u << 2, /* its own pages, unmapped pages on both sides */
};

/* The window that the heap may grow in; pages of it are backed as needed. Once, after vmm_init(). */
enum status heap_init(vaddr_t window_start, size_t window_bytes);

void *kmalloc(size_t size_bytes);
void *kzalloc(size_t size_bytes);
void *kcalloc(size_t count, size_t size_bytes);
void *kmalloc_tagged(size_t size_bytes, enum heap_tag tag, unsigned flags);
/* `alignment` is a power of two up to 1 MiB. */
void *kmalloc_aligned(size_t size_bytes, size_t alignment);
/* As ISO C realloc(); on failure the old object stays as it is and NULL is returned. */
void *krealloc(void *object, size_t size_bytes);
char *kstrdup(const char *text);

/* NULL is allowed. False when the free was refused (and reported). */
bool kfree(void *object);
/* Checks besides that the object is of the class that `size_bytes` belongs to. */
bool kfree_sized(void *object, size_t size_bytes);

/* Bytes that may be used behind `object`; 0 if it is no live object of the heap. */
size_t kmalloc_usable(const void *object);

size_t heap_largest(void);

struct heap_stats {
    uint64_t live_objects;
    uint64_t live_bytes;   /* usable sizes of live objects */
    uint64_t mapped_bytes; /* pages held, metadata included */
    uint64_t metadata_bytes;
    uint64_t slab_free_bytes; /* mapped: room in slabs that no live object has */
    uint64_t cached_bytes;    /* mapped: free runs of pages */
    uint64_t window_bytes;
    uint64_t allocations; /* since boot */
    uint64_t frees;
    uint64_t failures;
    uint64_t bad_frees;
    uint64_t large_objects;
    uint64_t tag_bytes[HEAP_TAG_COUNT];
};
void heap_get_stats(struct heap_stats *stats);

struct heap_class_info {
    size_t object_bytes;
    uint64_t slabs;
    uint64_t objects; /* room in these slabs */
    uint64_t live;
    uint64_t cached; /* free, in magazines or the depot */
    uint64_t inner;  /* part of a larger object that begins before them */
};
/* Free objects that wait in the magazines of processor `cpu`. Any context. */
uint64_t heap_count_cached(unsigned cpu);

/* False when there is no class `index`. */
bool heap_get_class(unsigned index, struct heap_class_info *info);

/* A slab: pages that are filled with objects of one class. */
struct heap_slab_info {
    const void *start;
    size_t size_bytes;
    size_t object_bytes;
    unsigned objects;
    unsigned free; /* of these, neither live nor in a cache */
};
/* The first slab for *cursor 0, then the next each time; false at the end. Slabs that come and go
 * meanwhile may be missed. */
bool heap_next_slab(uint32_t *cursor, struct heap_slab_info *info);

/* What is known about an address inside the heap's window. STATUS_NOT_FOUND if it is no object's. */
struct heap_object_info {
    const void *start;
    size_t size_bytes;
    bool live;
    enum heap_tag tag;
    unsigned class_index; /* or UINT_MAX for a large object */
    /* In the code, within 8 bytes of where it was allocated, or was last; NULL: not known. */
    const void *alloc_near;
};
enum status heap_describe(const void *address, struct heap_object_info *info);

const char *heap_tag_name(enum heap_tag tag);

/* Gives empty slabs and cached runs back; frames given. */
size_t heap_shrink(size_t count_frames);

/* Re-computes all counts; STATUS_CORRUPT with a log line when one is wrong. */
enum status heap_check(void);

#endif
