/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fake_mmu.h - the memory management unit of the hosted machine: a processor's walker and TLB.
 *
 * Written from the manuals, not from kernel/mm: it decodes entries by itself and so checks what
 * the page-table code encodes. It caches whatever it can, for as long as nobody tells it not to:
 * each processor keeps each translation it ever used, page by page even under large leaves, with
 * the tables it was found through. It complains (fake_mmu_failures) when
 *
 *   - an access uses a cached translation that the tables no longer grant,
 *   - a frame or table is given back while a translation to it or through it is cached,
 *   - a switch keeps translations of a tag that the tables no longer grant, or another table's,
 *   - an entry has a reserved bit set,
 *   - a root that the processor reads only once (PAE) has changed since,
 *
 * and prints what it saw. fake_mmu_cpus processors are online (host_smp.h), of which each has its own
 * TLB; the one in use is host_cpu.id. When threads play them (fake_mmu_threads), a translation that the tables no longer
 * grant may be used until its processor has answered the flush; a frame that is given back before is
 * still complained of.
 */
#ifndef MERIDIAN_FAKE_MMU_H
#define MERIDIAN_FAKE_MMU_H

#include "mm/pt.h"

#define FAKE_MMU_CPUS 8 /* at most */
#define FAKE_MMU_TAGS 4 /* at most */

/* A format no machine has: 3 levels of 32 entries, each level with its bits in other places and
 * all rights spelt as prohibitions; leaves are allowed at all three, the root's included. 27-bit
 * addresses in two halves. Whatever is true of x86 only goes wrong with it. */
extern const struct pt_format pt_format_fake;

struct fake_mmu_settings {
    const struct pt_format *format; /* one that it knows */
    unsigned physical_bits;
    bool no_execute;
};

/* Empty TLBs, no failures; every processor runs on `root`. */
void fake_mmu_start(const struct fake_mmu_settings *settings, paddr_t root);

enum fake_access {
    FAKE_READ = 0,
    FAKE_WRITE = 1u << 0,
    FAKE_EXECUTE = 1u << 1,
    FAKE_USER = 1u << 2,
};

/* What the processor in use does with an access: true, and where it goes; or false: a page fault,
 * of which `present` says whether a translation was there. Sets accessed and dirty bits. */
bool fake_mmu_access(uintptr_t address, unsigned access, paddr_t *target, bool *present);

/* A frame goes back to whoever manages memory: complains when a TLB still knows it. */
void fake_mmu_frame_freed(paddr_t frame);

/* Looks for translations in all TLBs that the tables no longer grant, and complains. */
void fake_mmu_check(void);

/* Complaints since fake_mmu_start(). A test that provokes one resets the count. */
extern unsigned fake_mmu_failures;
/* While true, complaints are counted and not printed. */
extern bool fake_mmu_quiet;

/* Set before fake_mmu_start(): how many processors there are; whether threads play them. */
extern unsigned fake_mmu_cpus;
extern bool fake_mmu_threads;

/* Tags that the processors have: 1 to FAKE_MMU_TAGS; and switches that kept translations. */
extern unsigned fake_mmu_tags;
extern unsigned fake_mmu_kept;

/* Whether arch_memory_types_set() was called. */
extern bool fake_mmu_memory_types_set;

/* Flushes since fake_mmu_start(), by processor. */
struct fake_mmu_flushes {
    unsigned pages;
    unsigned full;
};
extern struct fake_mmu_flushes fake_mmu_flushes[FAKE_MMU_CPUS];

#endif
