/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pt_fake.c - page tables of a machine that does not exist. fake_format.h draws its entries.
 */
#define WALK_INDEX_BITS  FAKE_INDEX_BITS
#define WALK_ENTRY_BYTES 8

#include "fake_format.h"
#include "fake_mmu.h"

static inline bool entry_present(uint64_t entry, unsigned level)
{
    return (fake_load(entry, level) & FAKE_HERE) != 0;
}

static inline bool entry_is_table(uint64_t entry, unsigned level)
{
    return (fake_load(entry, level) & FAKE_LEAF) == 0;
}

static inline paddr_t entry_target(uint64_t entry, unsigned level)
{
    uint64_t frame = (fake_load(entry, level) & FAKE_FRAME_MASK) >> FAKE_FRAME_SHIFT;

    return pa(frame << PAGE_SHIFT);
}

static inline uint64_t fake_bits(unsigned flags)
{
    uint64_t plain = (uint64_t)((flags & PT_CACHE_MASK) >> PT_CACHE_SHIFT) << FAKE_CACHE_SHIFT;

    plain |= (flags & PT_WRITE) != 0 ? 0 : FAKE_READ_ONLY;
    plain |= (flags & PT_EXECUTE) != 0 ? 0 : FAKE_NO_EXECUTE;
    plain |= (flags & PT_USER) != 0 ? 0 : FAKE_SUPERVISOR;
    plain |= (flags & PT_GLOBAL) != 0 ? FAKE_GLOBAL : 0;
    plain |= (flags & PT_OWNED) != 0 ? FAKE_OWNED : 0;
    plain |= (flags & PT_ACCESSED) != 0 ? FAKE_ACCESSED : 0;
    return plain | ((flags & PT_DIRTY) != 0 ? FAKE_DIRTY : 0);
}

static inline uint64_t fake_address(paddr_t target)
{
    return (pa_value(target) >> PAGE_SHIFT) << FAKE_FRAME_SHIFT;
}

static inline uint64_t entry_table(paddr_t target, unsigned level)
{
    return fake_store(fake_address(target) | FAKE_HERE, level);
}

static inline uint64_t entry_leaf(paddr_t target, unsigned flags, unsigned level)
{
    return fake_store(fake_address(target) | fake_bits(flags) | FAKE_LEAF | FAKE_HERE, level);
}

static inline unsigned entry_flags(uint64_t entry, unsigned level)
{
    uint64_t plain = fake_load(entry, level);
    unsigned flags = (unsigned)(plain >> FAKE_CACHE_SHIFT & 7) << PT_CACHE_SHIFT;

    flags |= (plain & FAKE_READ_ONLY) != 0 ? 0 : PT_WRITE;
    flags |= (plain & FAKE_NO_EXECUTE) != 0 ? 0 : PT_EXECUTE;
    flags |= (plain & FAKE_SUPERVISOR) != 0 ? 0 : PT_USER;
    flags |= (plain & FAKE_GLOBAL) != 0 ? PT_GLOBAL : 0;
    flags |= (plain & FAKE_OWNED) != 0 ? PT_OWNED : 0;
    flags |= (plain & FAKE_ACCESSED) != 0 ? PT_ACCESSED : 0;
    return flags | ((plain & FAKE_DIRTY) != 0 ? PT_DIRTY : 0);
}

static inline unsigned entry_properties(uint64_t entry, unsigned level)
{
    return entry_flags(entry, level) & ~(unsigned)(PT_WRITE | PT_EXECUTE | PT_USER);
}

static inline uint64_t entry_grants(uint64_t entry, unsigned level)
{
    return ~fake_load(entry, level);
}

static inline unsigned grants_flags(uint64_t grants)
{
    return ((grants & FAKE_READ_ONLY) != 0 ? PT_WRITE : 0u) |
           ((grants & FAKE_NO_EXECUTE) != 0 ? PT_EXECUTE : 0u) |
           ((grants & FAKE_SUPERVISOR) != 0 ? PT_USER : 0u);
}

static inline uint64_t entry_recode(uint64_t entry, unsigned flags, unsigned level)
{
    unsigned kept = entry_flags(entry, level) & (PT_ACCESSED | PT_DIRTY | PT_OWNED);

    return entry_leaf(entry_target(entry, level), flags | kept, level);
}

static inline uint64_t entry_forget(uint64_t entry, unsigned flags, unsigned level)
{
    return entry & ~fake_store(((flags & PT_ACCESSED) != 0 ? FAKE_ACCESSED : 0) |
                                   ((flags & PT_DIRTY) != 0 ? FAKE_DIRTY : 0),
                               level);
}

static inline uint64_t entry_kill(uint64_t entry, unsigned level)
{
    return entry & ~fake_store(FAKE_HERE, level);
}

static inline bool entry_continues(uint64_t first, uint64_t next, uint64_t distance, unsigned level)
{
    uint64_t moved = (distance >> PAGE_SHIFT) << FAKE_FRAME_SHIFT;
    uint64_t difference = (fake_load(next, level) - moved) ^ fake_load(first, level);

    return (difference & ~(FAKE_ACCESSED | FAKE_DIRTY)) == 0;
}

#include "mm/pt_walk.h"
#include "mm/pt_change.h"

WALK_FORMAT(fake, FAKE_LEVELS);

const struct pt_format pt_format_fake = {
    .name = "fake, 3 levels",
    .levels = FAKE_LEVELS,
    .index_bits = WALK_INDEX_BITS,
    .entry_bytes = WALK_ENTRY_BYTES,
    PT_HALVES_EXTENDED(27),
    .physical_bits = 36,
    .largest_leaf = 3,
    .operations = &fake,
};
