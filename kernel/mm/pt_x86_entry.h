/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pt_x86_entry.h - what the entries of all x86 page tables have in common.
 *
 * The low 12 bits are the same in 32-bit entries (2 levels) and in 64-bit entries (PAE, 4 and 5
 * levels): SDM vol. 3A, tables 4-4 to 4-6, 4-8 to 4-11, 4-14 to 4-20.
 *
 *      63  62                         12 11    9  8  7  6  5  4   3   2  1  0
 *     +---+-----------------------------+-------+--+--+--+--+---+---+--+--+--+
 *     |NX |  frame or next table        | | | O |G |PS|D |A |PCD|PWT|U |W |P |
 *     +---+-----------------------------+-------+--+--+--+--+---+---+--+--+--+
 *
 * Bit 7 is PS, "this is a leaf", above level 1; at level 1, where all entries are leaves, it is
 * PAT. In larger leaves PAT is bit 12, the lowest of the address. So bit 7 of a page and of a
 * larger leaf must never be carried over from one to the other. The three bits PAT, PCD, PWT
 * number an entry of the PAT register, which is our memory type as it stands (mm/pt.h).
 * O is one of the bits left to software: PT_OWNED.
 *
 * This is a template: a file pt_<encoding>.c that includes it has said what differs, and goes on
 * with pt_walk.h:
 *
 *   ENTRY_ADDRESS           the bits of an address
 *   ENTRY_NX                the bit that forbids execution; 0 where there is none
 *   ENTRY_RIGHTLESS_LEVEL   the level whose entries have no rights, and so grant all; 0 for none
 */
#ifndef MERIDIAN_KERNEL_MM_PT_X86_ENTRY_H
#define MERIDIAN_KERNEL_MM_PT_X86_ENTRY_H

#include "lib/types.h"
#include "mm/pt.h"

#define ENTRY_PRESENT     ((uint64_t)1 << 0)
#define ENTRY_WRITE       ((uint64_t)1 << 1)
#define ENTRY_USER        ((uint64_t)1 << 2)
#define ENTRY_PWT         ((uint64_t)1 << 3)
#define ENTRY_PCD         ((uint64_t)1 << 4)
#define ENTRY_ACCESSED    ((uint64_t)1 << 5)
#define ENTRY_DIRTY       ((uint64_t)1 << 6)
#define ENTRY_LARGE       ((uint64_t)1 << 7) /* above level 1 */
#define ENTRY_PAT_SMALL   ((uint64_t)1 << 7) /* level 1 */
#define ENTRY_GLOBAL      ((uint64_t)1 << 8)
#define ENTRY_OWNED       ((uint64_t)1 << 9)
#define ENTRY_PAT_LARGE   ((uint64_t)1 << 12) /* above level 1 */

/* PAT, PCD and PWT number the memory type; the lower two are where the flags have them. */
#define CACHE_PAT         (4u << PT_CACHE_SHIFT)

/* Bits that have the same place in an entry and in flags. */
#define ENTRY_SAME_RIGHTS (ENTRY_WRITE | ENTRY_USER)
#define ENTRY_SAME_LEAF   (ENTRY_PWT | ENTRY_PCD | ENTRY_DIRTY | ENTRY_GLOBAL | ENTRY_OWNED)
static_assert(ENTRY_SAME_RIGHTS == (PT_WRITE | PT_USER), "the same places");
static_assert(ENTRY_SAME_LEAF == ((3u << PT_CACHE_SHIFT) | PT_DIRTY | PT_GLOBAL | PT_OWNED),
              "the same places");

/*@ assigns \nothing;
  @ ensures \result <==> bit_test(entry, 0); */
static inline bool entry_present(uint64_t entry, unsigned level)
{
    (void)level;
    return (entry & ENTRY_PRESENT) != 0;
}

/*@ assigns \nothing;
  @ ensures \result <==> level > 1 && !bit_test(entry, 7); */
static inline bool entry_is_table(uint64_t entry, unsigned level)
{
    return level > 1 && (entry & ENTRY_LARGE) == 0;
}

static inline paddr_t entry_target(uint64_t entry, unsigned level)
{
    uint64_t address = entry & ENTRY_ADDRESS;

    if (level > 1 && (entry & ENTRY_LARGE) != 0)
        address &= ~ENTRY_PAT_LARGE;
    return pa(address);
}

/*@ assigns \nothing;
  @ ensures \result == (level == 1 ? 128 : 4096); */
static inline uint64_t entry_pat_bit(unsigned level)
{
    return level == 1 ? ENTRY_PAT_SMALL : ENTRY_PAT_LARGE;
}

/* `bit` if the flag is set; the compiler makes a shift of it. */
/*@ assigns \nothing;
  @ ensures \result == ((flags & flag) != 0 ? bit : 0); */
static inline uint64_t bit_if(unsigned flags, unsigned flag, uint64_t bit)
{
    return (flags & flag) != 0 ? bit : 0;
}

/* `flag` if the bit is set: the distance between both is constant. */
static inline unsigned flag_if(uint64_t entry, uint64_t bit, unsigned flag)
{
    uint64_t found = entry & bit;

    return (unsigned)(bit <= flag ? found * (flag / bit) : found / (bit / flag));
}

/* Everything of a leaf but its address. */
static inline uint64_t entry_leaf_bits(unsigned flags, unsigned level)
{
    return ENTRY_PRESENT | (flags & (ENTRY_SAME_RIGHTS | ENTRY_SAME_LEAF)) |
           bit_if(flags, PT_ACCESSED, ENTRY_ACCESSED) |
           bit_if(flags, CACHE_PAT, entry_pat_bit(level)) |
           ((flags & PT_EXECUTE) != 0 ? 0 : ENTRY_NX) | (level == 1 ? 0 : ENTRY_LARGE);
}

static inline uint64_t entry_leaf(paddr_t target, unsigned flags, unsigned level)
{
    return pa_value(target) | entry_leaf_bits(flags, level);
}

/* Rights are the leaf's affair. The accessed bit is set in advance, which spares the processor a
 * locked write at the first walk. */
/*@ assigns \nothing;
  @ ensures bit_test(\result, 0) && bit_test(\result, 1) && bit_test(\result, 2) && bit_test(\result, 5);
  @ ensures \forall integer k; 6 <= k < 64 ==> (bit_test(\result, k) <==> bit_test(target.value, k)); */
static inline uint64_t entry_table(paddr_t target, unsigned level)
{
    if (ENTRY_RIGHTLESS_LEVEL != 0 && level == ENTRY_RIGHTLESS_LEVEL)
        return pa_value(target) | ENTRY_PRESENT;
    return pa_value(target) | ENTRY_PRESENT | ENTRY_WRITE | ENTRY_USER | ENTRY_ACCESSED;
}

static inline unsigned entry_table_flags(uint64_t entry, unsigned level)
{
    if (ENTRY_RIGHTLESS_LEVEL != 0 && level == ENTRY_RIGHTLESS_LEVEL)
        return PT_WRITE | PT_USER | PT_EXECUTE;
    return (unsigned)(entry & ENTRY_SAME_RIGHTS) | flag_if(entry, ENTRY_ACCESSED, PT_ACCESSED) |
           ((entry & ENTRY_NX) != 0 ? 0 : PT_EXECUTE);
}

/*@ assigns \nothing;
  @ ensures \forall integer k; 0 <= k < 63 ==> (bit_test(\result, k) <==> bit_test(entry, k));
  @ ensures bit_test(\result, 63) <==> !bit_test(entry, 63); */
static inline uint64_t entry_grants(uint64_t entry, unsigned level)
{
    if (ENTRY_RIGHTLESS_LEVEL != 0 && level == ENTRY_RIGHTLESS_LEVEL)
        return ~(uint64_t)0;
    return entry ^ ENTRY_NX;
}

static inline unsigned grants_flags(uint64_t grants)
{
    return (unsigned)(grants & ENTRY_SAME_RIGHTS) |
           (ENTRY_NX == 0 || (grants & ENTRY_NX) != 0 ? PT_EXECUTE : 0u);
}

static inline unsigned entry_properties(uint64_t entry, unsigned level)
{
    return (unsigned)(entry & ENTRY_SAME_LEAF) | flag_if(entry, ENTRY_ACCESSED, PT_ACCESSED) |
           (level == 1 ? flag_if(entry, ENTRY_PAT_SMALL, CACHE_PAT)
                       : flag_if(entry, ENTRY_PAT_LARGE, CACHE_PAT));
}

static inline unsigned entry_flags(uint64_t entry, unsigned level)
{
    unsigned flags = entry_table_flags(entry, level);

    return entry_is_table(entry, level) ? flags : flags | entry_properties(entry, level);
}

static inline uint64_t entry_recode(uint64_t entry, unsigned flags, unsigned level)
{
    uint64_t kept = entry & (ENTRY_ACCESSED | ENTRY_DIRTY | ENTRY_OWNED);

    return pa_value(entry_target(entry, level)) | kept | entry_leaf_bits(flags, level);
}

/*@ assigns \nothing;
  @ ensures \forall integer k; 0 <= k < 64 && bit_test(\result, k) ==> bit_test(entry, k); */
static inline uint64_t entry_forget(uint64_t entry, unsigned flags, unsigned level)
{
    (void)level;
    return entry &
           ~(bit_if(flags, PT_ACCESSED, ENTRY_ACCESSED) | bit_if(flags, PT_DIRTY, ENTRY_DIRTY));
}

/*@ assigns \nothing;
  @ ensures !bit_test(\result, 0); */
static inline uint64_t entry_kill(uint64_t entry, unsigned level)
{
    (void)level;
    return entry & ~ENTRY_PRESENT;
}

/* The address is the only number in an entry, so a distance can be taken off the whole. */
static inline bool entry_continues(uint64_t first, uint64_t next, uint64_t distance, unsigned level)
{
    (void)level;
    return (((next - distance) ^ first) & ~(ENTRY_ACCESSED | ENTRY_DIRTY)) == 0;
}

#endif
