/* SPDX-License-Identifier: BSD-2-Clause
 *
 * arch/boot.h - what a machine provides where the kernel builds its first address space itself:
 * started by a Multiboot loader, without page tables worth keeping (kernel/boot/multiboot_boot.c).
 *
 * Until arch_boot_enter() the processor runs on the boot directory, which shows the first 4 MiB of
 * memory where the direct map will be. Early, one processor.
 */
#ifndef MERIDIAN_ARCH_BOOT_H
#define MERIDIAN_ARCH_BOOT_H

#include "lib/types.h"

/* What the image and its entry are, physically. */
struct arch_boot_image {
    uint64_t base;
    uint64_t text_end; /* from base to here: code */
    uint64_t rodata_end;
    uint64_t end;
    uint64_t stack_base; /* part of the image */
    uint64_t stack_bytes;
    uint64_t root; /* of the boot directory, part of the image */
};

void arch_boot_image(struct arch_boot_image *image);

/* Levels of the best page tables that the processor has: 3 (PAE), else 2; and with so many levels, the
 * highest that may hold a leaf, the bits of physical addresses, and whether it honours NX. */
unsigned arch_boot_levels(void);
unsigned arch_boot_largest_leaf(unsigned levels);
unsigned arch_boot_physical_bits(unsigned levels);
bool arch_boot_no_execute(unsigned levels);

/* Fills `words` with numbers that are hard to guess, and says where they come from. */
enum arch_random {
    ARCH_RANDOM_NONE,      /* nowhere: `words` is what it was */
    ARCH_RANDOM_COUNTER,   /* the varying time of some steps: guessable */
    ARCH_RANDOM_GENERATOR, /* the processor's generator */
};
enum arch_random arch_boot_random(uint64_t *words, size_t count);

/* Makes the 4 MiB around `address` appear in the direct map, for arch_phys_ptr(). `window` is 0 or
 * 1; what it showed before is gone. `address` is below arch_direct_end(). */
void arch_boot_reach(unsigned window, paddr_t address);

/* Shows the page for a moment, uncached, wherever below 4 GiB it is; what it showed before is gone. */
volatile uint32_t *arch_boot_show(paddr_t page);

/* Lets the kernel's root refer to itself, turns to it and calls multiboot_continue(handoff, ticks) on
 * the stack whose highest byte lies below `stack_top`. The page of the code that does it is mapped at its
 * physical address for that moment, by the caller, and unmapped by init_paging(). */
[[gnu::noreturn]] void arch_boot_enter(paddr_t root, unsigned levels, vaddr_t stack_top,
                                       void *handoff, uint64_t ticks);

/* The page that arch_boot_enter() needs. */
paddr_t arch_boot_jump_page(void);

#endif
