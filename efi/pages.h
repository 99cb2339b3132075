/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pages.h - memory from the firmware, and our own list of what it is for.
 *
 * All of it is EfiLoaderData: old firmware crashes on types of our own, and a type says too little
 * anyway. What each piece is for is kept here, and becomes the tags of the handoff's table. A
 * failed start gives everything back.
 *
 * Memory below 4 GiB is preferred: disk controllers' drivers have trouble with buffers above, and
 * what the kernel holds for ever then spoils no large page of the big memory above.
 */
#ifndef MERIDIAN_EFI_PAGES_H
#define MERIDIAN_EFI_PAGES_H

#include "boot/e820.h"
#include "lib/status.h"
#include "lib/types.h"

struct owned_pages {
    paddr_t base; /* never 0 */
    uint64_t size_bytes;
    enum region_tag tag;
    uint64_t granted_base; /* what the firmware gave: may be more */
    uint64_t granted_pages;
};

/* What is aligned how: base % alignment == phase. Both are multiples of the page size. */
struct page_alignment {
    uint64_t alignment;
    uint64_t phase;
};

#define PAGES_ANYWHERE ((struct page_alignment){ PAGE_SIZE, 0 })

/* Contiguous and not zeroed; size_bytes > 0 is rounded up to pages. STATUS_NO_MEMORY, or
 * STATUS_NO_SPACE when the list is full. */
enum status pages_allocate(uint64_t size_bytes, struct page_alignment alignment,
                           enum region_tag tag, paddr_t *base);

/* The piece that begins at `base` is smaller than was thought. What is cut off stays
 * the firmware's loader data, and is free once the kernel runs. */
void pages_shrink(paddr_t base, uint64_t size_bytes);

/* Gives one piece back, or all. */
void pages_free(paddr_t base);
void pages_free_all(void);

const struct owned_pages *pages_owned(size_t *count);

static inline void *pages_pointer(paddr_t base)
{
    return (void *)(uintptr_t)pa_value(base); /* boot services run identity-mapped */
}

#endif
