/* SPDX-License-Identifier: BSD-2-Clause
 *
 * address_space.h - the address space that the kernel wakes up in.
 *
 *     direct map   all RAM, rw-; r-- where the image's text and constants lie
 *     framebuffer  rw-, write-combining, at the start of the mapped areas
 *     stack        rw-, between two pages that are not mapped, at the start of the stacks' window
 *     image        each segment with its own rights
 *     jump         the one page of code, r-x at its physical address, that switches the tables
 *
 * Fresh tables, since the firmware's may be read-only. Nothing is writable and executable; nothing
 * but the jump is in the lower half; device memory is mapped nowhere but for the framebuffer. All
 * but the jump is global. The largest leaves that fit are used.
 */
#ifndef MERIDIAN_EFI_ADDRESS_SPACE_H
#define MERIDIAN_EFI_ADDRESS_SPACE_H

#include "boot/e820.h"
#include "elf.h"
#include "mm/pt.h"
#include "refusal.h"

struct address_space {
    /* Sanitised: sorted, disjoint, page-aligned. */
    const struct region *regions;
    size_t region_count;
    uint64_t direct_map_va;

    const struct elf_image *image;
    paddr_t image_base;
    uint64_t image_va;

    paddr_t stack_base;
    uint64_t stack_bytes;
    uint64_t stack_va;

    uint64_t framebuffer_base;  /* need not be page-aligned */
    uint64_t framebuffer_bytes; /* 0 where there is none */
    uint64_t framebuffer_va;

    paddr_t jump_page;
    const struct pt_memory *jump_memory; /* where the tables of the jump come from */
};

/* Where the image goes: at random within its window, or where it was linked (as near as can be)
 * without. An image that is not relocatable stays. STATUS_NO_SPACE when it does not fit. */
enum status address_space_place_image(const struct elf_image *image, bool slide, uint64_t random,
                                      uint64_t *address);

/* The physical alignment that lets an image have leaves of 2 MiB, where it is large enough to gain
 * from them: the base of its pages must be `phase` modulo `alignment`, wherever it slides. */
void address_space_align_image(const struct elf_image *image, uint64_t *alignment, uint64_t *phase);

/* Where physical address 0 appears; `ram_end` is the first address beyond all RAM. */
uint64_t address_space_place_direct_map(uint64_t ram_end, bool slide, uint64_t random);

/* Where a framebuffer at `base` goes: same offset within 2 MiB, for large leaves. */
uint64_t address_space_place_framebuffer(uint64_t base);

/* The first run of RAM at or after row `*index`, rows that touch taken together and cut at what
 * the direct map's window holds; false when there is none. `*index` moves behind it. */
bool address_space_next_ram(const struct region *regions, size_t count, size_t *index,
                            uint64_t *start, uint64_t *end);

/* Creates the root of `table` (all other members are set) and maps everything. */
enum status address_space_build(struct page_table *table, const struct address_space *space,
                                struct refusal *refusal);

#endif
