/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pt_walk.h - the page-table walker: a cursor, and what only looks.
 *
 * This is a template: a file pt_<encoding>.c says how an entry is encoded, includes this header
 * and pt_change.h, and so gets a walker in which the encoding is constant. It provides
 *
 *   WALK_INDEX_BITS, WALK_ENTRY_BYTES          the shape of a table
 *   bool     entry_present(entry, level)       the processor would use it
 *   bool     entry_is_table(entry, level)      else a leaf; present or not
 *   paddr_t  entry_target(entry, level)        the next table, or the leaf's first frame
 *   unsigned entry_flags(entry, level)         enum pt_flag of this entry alone
 *   unsigned entry_properties(entry, level)    of a leaf's flags, those that are no rights
 *   uint64_t entry_grants(entry, level)        rights as bits: the AND of all levels is what is had
 *   unsigned grants_flags(grants)              as PT_WRITE, PT_EXECUTE and PT_USER
 *   uint64_t entry_table(target, level)        refers to the table below, all rights allowed
 *   uint64_t entry_leaf(target, flags, level)
 *   uint64_t entry_recode(entry, flags, level) a leaf with other rights; the rest as it was
 *   uint64_t entry_forget(entry, flags, level) without accessed or dirty, as the flags say
 *   uint64_t entry_kill(entry, level)          not present, but otherwise the same
 *   bool     entry_continues(first, next, distance, level)
 *                                              next is a leaf like first, `distance` bytes further;
 *                                              accessed and dirty may differ
 *
 * Only an unused entry is 0 as stored. An entry that is neither 0 nor present is dead: unmapped,
 * waiting for the flush and its release (mm/tlb.h).
 *
 * The cursor stands on one entry and knows the way there. At any moment it has one table within
 * reach, and asks for it anew when it climbs: on a machine that reaches tables through a few
 * temporary windows none of them is held for long.
 *
 *       root      [ . . x . . ]       at[4] = { root, 2 }
 *                       |
 *                 [ x . . . . ]       at[3] = { ..., 0 }
 *                   |
 *                 [ . . . x . ]       at[2] = { ..., 3 }, level = 2: the cursor is here
 *                         |
 *                 [ . . . . . ]       cursor_down() leads here
 *
 * A walk is a loop around cursor_settle(), which climbs out of tables that are done with:
 *
 *       while (cursor_settle(&cursor)) {
 *           ... either cursor_down(), or handle the entry and cursor_pass()
 *       }
 */
#ifndef MERIDIAN_KERNEL_MM_PT_WALK_H
#define MERIDIAN_KERNEL_MM_PT_WALK_H

#include "arch/mmu.h"
#include "lib/bits.h"
#include "pt_format.h"

#define WALK_ENTRIES (1u << WALK_INDEX_BITS)

struct cursor {
    uintptr_t address; /* where the entry under the cursor is entered */
    uint64_t pages;    /* from there to the end of the range */
    unsigned level;
    unsigned levels; /* that of the root */
    void *entries;   /* the table it stands in */
    struct {
        paddr_t table;
        unsigned index;
    } at[PT_MAX_LEVELS + 1];
};

/* --- the cursor -------------------------------------------------------------------------- */

/*@ requires 1 <= level <= PT_MAX_LEVELS;
  @ assigns \nothing;
  @ ensures \result == PAGE_SHIFT + WALK_INDEX_BITS * (level - 1) && PAGE_SHIFT <= \result < 64; */
static inline unsigned walk_shift(unsigned level)
{
    return PAGE_SHIFT + WALK_INDEX_BITS * (level - 1);
}

/*@ requires 1 <= level <= PT_MAX_LEVELS;
  @ assigns \nothing;
  @ ensures \result < WALK_ENTRIES; */
static inline unsigned walk_index(uintptr_t address, unsigned level)
{
    return (unsigned)(address >> walk_shift(level)) & (WALK_ENTRIES - 1);
}

/* Pages that an entry of `level` spans. */
/*@ requires 1 <= level <= PT_MAX_LEVELS;
  @ assigns \nothing;
  @ ensures \result == (1 << (WALK_INDEX_BITS * (level - 1))) && power_of_two(\result); */
static inline uint64_t walk_span(unsigned level)
{
    return (uint64_t)1 << (WALK_INDEX_BITS * (level - 1));
}

static inline void cursor_enter(struct cursor *cursor, paddr_t table, unsigned level)
{
    cursor->level = level;
    cursor->at[level].table = table;
    cursor->at[level].index = walk_index(cursor->address, level);
    cursor->entries = arch_table_ptr(table);
}

static inline void cursor_begin(struct cursor *cursor, const struct page_table *table,
                                uintptr_t address, uint64_t pages)
{
    cursor->address = address;
    cursor->pages = pages;
    cursor->levels = table->format->levels;
    cursor_enter(cursor, table->root, cursor->levels);
}

static inline uint64_t cursor_read(const struct cursor *cursor)
{
    return arch_pte_read(cursor->entries, cursor->at[cursor->level].index, WALK_ENTRY_BYTES);
}

static inline void cursor_write(struct cursor *cursor, uint64_t entry)
{
    arch_pte_write(cursor->entries, cursor->at[cursor->level].index, WALK_ENTRY_BYTES, entry);
}

/* Pages of the range that the entry under the cursor spans. */
/*@ requires \valid_read(cursor) && 1 <= cursor->level <= PT_MAX_LEVELS;
  @ assigns \nothing;
  @ ensures \result <= cursor->pages;
  @ ensures \result <= (1 << (WALK_INDEX_BITS * (cursor->level - 1)));
  @ ensures cursor->pages > 0 ==> \result > 0; */
static inline uint64_t cursor_pages(const struct cursor *cursor)
{
    uint64_t span = walk_span(cursor->level);
    uint64_t first = (cursor->address >> PAGE_SHIFT) & (span - 1);

    /*@ assert first < span; */
    return min_u64(span - first, cursor->pages);
}

/* The entries of the range that are left in this table, the one under the cursor being entered
 * at its beginning; a last one may be cut. */
static inline unsigned cursor_entries_left(const struct cursor *cursor)
{
    unsigned in_table = WALK_ENTRIES - cursor->at[cursor->level].index;
    uint64_t shift = WALK_INDEX_BITS * (cursor->level - 1);
    uint64_t in_range = (cursor->pages + walk_span(cursor->level) - 1) >> shift;

    return (unsigned)min_u64(in_table, in_range);
}

/* To the next entry, beyond `pages` pages. */
/*@ requires \valid(cursor) && 1 <= cursor->level <= PT_MAX_LEVELS && pages <= cursor->pages;
  @ requires cursor->at[cursor->level].index + entries <= WALK_ENTRIES;
  @ assigns cursor->address, cursor->pages, cursor->at[cursor->level].index;
  @ ensures cursor->pages == \old(cursor->pages) - pages;
  @ ensures cursor->at[cursor->level].index == \old(cursor->at[cursor->level].index) + entries; */
static inline void cursor_skip(struct cursor *cursor, unsigned entries, uint64_t pages)
{
    cursor->address += (uintptr_t)(pages << PAGE_SHIFT);
    cursor->pages -= pages;
    cursor->at[cursor->level].index += entries;
}

/*@ requires \valid(cursor) && 1 <= cursor->level <= PT_MAX_LEVELS;
  @ requires cursor->at[cursor->level].index < WALK_ENTRIES;
  @ assigns cursor->address, cursor->pages, cursor->at[cursor->level].index;
  @ ensures \old(cursor->pages) > 0 ==> cursor->pages < \old(cursor->pages);
  @ ensures cursor->at[cursor->level].index == \old(cursor->at[cursor->level].index) + 1; */
static inline void cursor_pass(struct cursor *cursor)
{
    cursor_skip(cursor, 1, cursor_pages(cursor));
}

static inline void cursor_down(struct cursor *cursor, paddr_t table)
{
    cursor_enter(cursor, table, cursor->level - 1);
}

/* Back to the entry that led into this table. Address and pages stay beyond it. */
static inline void cursor_up(struct cursor *cursor)
{
    cursor->level++;
    cursor->entries = arch_table_ptr(cursor->at[cursor->level].table);
}

/*@ requires \valid_read(cursor) && 1 <= cursor->level <= PT_MAX_LEVELS;
  @ assigns \nothing;
  @ ensures \result <==> cursor->pages == 0 || cursor->at[cursor->level].index == WALK_ENTRIES; */
static inline bool cursor_table_done(const struct cursor *cursor)
{
    return cursor->pages == 0 || cursor->at[cursor->level].index == WALK_ENTRIES;
}

/* Climbs until there is an entry to visit; false at the end of the range. */
static inline bool cursor_settle(struct cursor *cursor)
{
    while (cursor_table_done(cursor)) {
        if (cursor->level == cursor->levels)
            return false;
        cursor_up(cursor);
        cursor->at[cursor->level].index++;
    }
    return true;
}

/* --- looking ----------------------------------------------------------------------------- */

/* Rights shrink on the way down: each of these is had only if all levels grant it. */
#define WALK_COMBINED (PT_WRITE | PT_EXECUTE | PT_USER)

/*@ assigns \nothing;
  @ ensures \forall integer k; 0 <= k < 32 && bit_test(\result, k) ==> bit_test(flags, k); */
static inline unsigned walk_combine(unsigned inherited, unsigned flags)
{
    return flags & (inherited | ~(unsigned)WALK_COMBINED);
}

static inline void walk_fill_mapping(struct pt_mapping *mapping, uintptr_t address, uint64_t target,
                                     unsigned flags, unsigned level)
{
    uintptr_t mask = (uintptr_t)((walk_span(level) << PAGE_SHIFT) - 1);

    mapping->address = va(address & ~mask);
    mapping->target = pa(target);
    mapping->size_bytes = walk_span(level) << PAGE_SHIFT;
    mapping->flags = flags;
    mapping->level = level;
}

static inline void walk_fill_leaf(struct pt_mapping *mapping, uintptr_t address, uint64_t entry,
                                  uint64_t grants, unsigned level)
{
    walk_fill_mapping(mapping, address, pa_value(entry_target(entry, level)),
                      entry_properties(entry, level) | grants_flags(grants), level);
}

/* Instantiated with a constant number of levels (WALK_FORMAT), for which the loop is unrolled. Pages have
 * code of their own, in which the level is constant. */
[[gnu::always_inline]] static inline enum status walk_query(const struct page_table *table,
                                                            uintptr_t address,
                                                            struct pt_mapping *mapping,
                                                            unsigned levels)
{
    uint64_t grants = ~(uint64_t)0;
    paddr_t entries = table->root;

    uint64_t entry;

#pragma GCC unroll 5
    for (unsigned level = levels; level > 1; level--) {
        entry =
            arch_pte_read(arch_table_ptr(entries), walk_index(address, level), WALK_ENTRY_BYTES);
        if (!entry_present(entry, level)) {
            walk_fill_mapping(mapping, address, 0, 0, level);
            return STATUS_NOT_FOUND;
        }
        grants &= entry_grants(entry, level);
        if (!entry_is_table(entry, level)) {
            walk_fill_leaf(mapping, address, entry, grants, level);
            return STATUS_OK;
        }
        entries = entry_target(entry, level);
    }
    entry = arch_pte_read(arch_table_ptr(entries), walk_index(address, 1), WALK_ENTRY_BYTES);
    if (!entry_present(entry, 1)) {
        walk_fill_mapping(mapping, address, 0, 0, 1);
        return STATUS_NOT_FOUND;
    }
    walk_fill_leaf(mapping, address, entry, grants & entry_grants(entry, 1), 1);
    return STATUS_OK;
}

/* As walk_query(), for the physical address alone. */
[[gnu::always_inline]] static inline enum status walk_translate(const struct page_table *table,
                                                                uintptr_t address, paddr_t *target,
                                                                unsigned levels)
{
    paddr_t entries = table->root;
    uint64_t entry;

#pragma GCC unroll 5
    for (unsigned level = levels; level > 1; level--) {
        entry =
            arch_pte_read(arch_table_ptr(entries), walk_index(address, level), WALK_ENTRY_BYTES);
        if (!entry_present(entry, level))
            return STATUS_NOT_FOUND;
        entries = entry_target(entry, level);
        if (!entry_is_table(entry, level)) {
            *target = pa_add(entries, address & ((walk_span(level) << PAGE_SHIFT) - 1));
            return STATUS_OK;
        }
    }
    entry = arch_pte_read(arch_table_ptr(entries), walk_index(address, 1), WALK_ENTRY_BYTES);
    if (!entry_present(entry, 1))
        return STATUS_NOT_FOUND;
    *target = pa_add(entry_target(entry, 1), address & PAGE_MASK);
    return STATUS_OK;
}

static unsigned walk_explain(const struct page_table *table, uintptr_t address,
                             struct pt_step *steps)
{
    unsigned level = table->format->levels;
    paddr_t entries = table->root;
    unsigned count = 0;

    for (;; level--) {
        struct pt_step *step = &steps[count++];

        *step = (struct pt_step){ .level = level,
                                  .table = entries,
                                  .index = walk_index(address, level) };
        step->entry = arch_pte_read(arch_table_ptr(entries), step->index, WALK_ENTRY_BYTES);
        step->present = entry_present(step->entry, level);
        if (!step->present)
            return count;
        step->leaf = !entry_is_table(step->entry, level);
        step->flags = entry_flags(step->entry, level);
        step->next = entry_target(step->entry, level);
        if (step->leaf)
            return count;
        entries = step->next;
    }
}

#define WALK_IN_RUN (~(unsigned)(PT_ACCESSED | PT_DIRTY))

/* Whether `leaf` continues `run`, which it then joins. */
static bool walk_join_run(struct pt_mapping *run, const struct pt_mapping *leaf)
{
    if (run->size_bytes == 0)
        return false;
    if (va_value(run->address) + run->size_bytes != va_value(leaf->address) ||
        pa_value(run->target) + run->size_bytes != pa_value(leaf->target) ||
        ((run->flags ^ leaf->flags) & WALK_IN_RUN) != 0)
        return false;
    run->size_bytes += leaf->size_bytes;
    run->flags |= leaf->flags;
    return true;
}

/* The leaf under the cursor, cut to the range. */
static struct pt_mapping walk_leaf_at(const struct cursor *cursor, uint64_t entry,
                                      unsigned inherited)
{
    uint64_t first = (cursor->address >> PAGE_SHIFT) & (walk_span(cursor->level) - 1);

    return (struct pt_mapping){
        .address = va(cursor->address),
        .target = pa_add(entry_target(entry, cursor->level), first << PAGE_SHIFT),
        .size_bytes = cursor_pages(cursor) << PAGE_SHIFT,
        .flags = walk_combine(inherited, entry_flags(entry, cursor->level)),
        .level = cursor->level,
    };
}

/* Beyond `count` entries of this table, the last of which the range may cut. */
static inline void walk_skip(struct cursor *cursor, unsigned count)
{
    uint64_t pages = cursor_pages(cursor) + (count - 1) * walk_span(cursor->level);

    cursor_skip(cursor, count, min_u64(pages, cursor->pages));
}

/* Beyond all entries that are unused, from the one under the cursor to the end of its table. */
static void walk_pass_unused(struct cursor *cursor)
{
    unsigned left = cursor_entries_left(cursor);
    unsigned index = cursor->at[cursor->level].index;
    unsigned count = 1;

    while (count < left && arch_pte_read(cursor->entries, index + count, WALK_ENTRY_BYTES) == 0)
        count++;
    cursor_skip(
        cursor, count,
        min_u64(cursor_pages(cursor) + (count - 1) * walk_span(cursor->level), cursor->pages));
}

/* Passes the leaf under the cursor, and those behind it in the same table that continue it with
 * equal rights: `leaf` grows by them. */
static void walk_pass_leaves(struct cursor *cursor, struct pt_mapping *leaf, uint64_t entry)
{
    unsigned level = cursor->level;
    unsigned index = cursor->at[level].index;
    unsigned left = cursor_entries_left(cursor);
    uint64_t span = walk_span(level);
    uint64_t pages = leaf->size_bytes >> PAGE_SHIFT;
    uint64_t distance = span << PAGE_SHIFT;
    uint64_t used = 0; /* accessed and dirty, of any of them */
    unsigned count = 1;

    for (; count < left; count++, distance += span << PAGE_SHIFT) {
        uint64_t next = arch_pte_read(cursor->entries, index + count, WALK_ENTRY_BYTES);

        if (!entry_continues(entry, next, distance, level))
            break;
        used |= next;
    }
    pages = min_u64(pages + (count - 1) * span, cursor->pages);
    leaf->size_bytes = pages << PAGE_SHIFT;
    leaf->flags |= entry_flags(used, level) & ~WALK_IN_RUN;
    cursor_skip(cursor, count, pages);
}

/* False when the visitor wants no more. Most entries of a table are unused or continue a run, so
 * both are passed in loops of their own. */
static bool walk_visit(const struct page_table *table, uintptr_t address, uint64_t pages,
                       bool (*visit)(void *context, const struct pt_mapping *run), void *context)
{
    struct pt_mapping run = { .size_bytes = 0 };
    unsigned inherited[PT_MAX_LEVELS + 1];
    struct cursor cursor;

    cursor_begin(&cursor, table, address, pages);
    inherited[cursor.level] = WALK_COMBINED;
    while (cursor_settle(&cursor)) {
        uint64_t entry = cursor_read(&cursor);
        struct pt_mapping leaf;

        if (entry == 0) {
            walk_pass_unused(&cursor);
            continue;
        }
        if (!entry_present(entry, cursor.level)) {
            cursor_pass(&cursor);
            continue;
        }
        if (entry_is_table(entry, cursor.level)) {
            inherited[cursor.level - 1] =
                walk_combine(inherited[cursor.level], entry_flags(entry, cursor.level));
            cursor_down(&cursor, entry_target(entry, cursor.level));
            continue;
        }
        leaf = walk_leaf_at(&cursor, entry, inherited[cursor.level]);
        walk_pass_leaves(&cursor, &leaf, entry);
        if (walk_join_run(&run, &leaf))
            continue;
        if (run.size_bytes != 0 && !visit(context, &run))
            return false;
        run = leaf;
    }
    return run.size_bytes == 0 || visit(context, &run);
}

/* Beyond the entry under the cursor and all behind it in the same table that lead to no table. */
static void walk_pass_to_table(struct cursor *cursor)
{
    unsigned level = cursor->level;
    unsigned left = cursor_entries_left(cursor);
    unsigned index = cursor->at[level].index;
    unsigned count = 1;

    for (; count < left; count++) {
        uint64_t next = arch_pte_read(cursor->entries, index + count, WALK_ENTRY_BYTES);

        if (entry_present(next, level) && entry_is_table(next, level))
            break;
    }
    walk_skip(cursor, count);
}

/* Tables below the root; those of level 1 are counted from above, without a look into them. */
static size_t walk_count_tables(const struct page_table *table, uintptr_t address, uint64_t pages)
{
    struct cursor cursor;
    size_t count = 0;

    cursor_begin(&cursor, table, address, pages);
    while (cursor_settle(&cursor)) {
        uint64_t entry = cursor_read(&cursor);

        if (!entry_present(entry, cursor.level) || !entry_is_table(entry, cursor.level)) {
            walk_pass_to_table(&cursor);
            continue;
        }
        count++;
        if (cursor.level == 2)
            cursor_pass(&cursor);
        else
            cursor_down(&cursor, entry_target(entry, cursor.level));
    }
    return count;
}

#endif
