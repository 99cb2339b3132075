/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pt_change.h - the page-table walker: what changes tables.
 *
 * This is a template: the second half of the one that pt_walk.h begins.
 *
 * Mapping is prepared, then committed. The first walk proves that the range is free and counts the
 * tables it lacks; they are allocated; the second walk cannot fail. What a missing entry will need
 * below it is computed, not walked:
 *
 *     [..........|..........|..........|..........]   spans of the entries of level k + 1
 *          ^------------------------^                 the range
 *          partial     full      partial
 *
 * each span that the range touches needs a table of level k, except full ones where a leaf of
 * level k + 1 fits.
 *
 * Unmapping kills, then buries. Killed entries are not present but still name what they held, and
 * a table of which nothing present is left is killed with its own entry in the table above, so
 * that it is out of the processor's reach as a whole. After the flush, burying finds them all
 * again, releases them and writes zeros. Thus one flush does for any amount, nothing has to be
 * remembered meanwhile, and nothing can fail.
 *
 * Splitting a leaf puts a table of smaller leaves in its place that translates alike. The whole
 * span of the old leaf is flushed, not only the part that will change: the processor may have
 * cached its translation in pieces (SDM vol. 3A, 4.10.2.3), each of which outlives the leaf.
 */
#ifndef MERIDIAN_KERNEL_MM_PT_CHANGE_H
#define MERIDIAN_KERNEL_MM_PT_CHANGE_H

#include "pt_walk.h"

/* --- tables in reserve ------------------------------------------------------------------- */

/* Allocated, not yet used: linked through their first bytes, all others are zero. */
struct table_reserve {
    const struct pt_memory *memory;
    paddr_t head; /* 0 when empty: no table lies there */
};

static paddr_t reserve_pop(struct table_reserve *reserve)
{
    paddr_t table = reserve->head;
    uint64_t *link = arch_table_ptr(table);

    reserve->head = pa(*link);
    *link = 0;
    return table;
}

static void reserve_release(struct table_reserve *reserve)
{
    while (pa_value(reserve->head) != 0)
        reserve->memory->free(reserve->memory->context, reserve_pop(reserve));
}

static enum status reserve_fill(struct table_reserve *reserve, const struct page_table *table,
                                uint64_t count)
{
    reserve->memory = table->memory;
    reserve->head = pa(0);
    for (; count > 0; count--) {
        paddr_t fresh;
        enum status status = reserve->memory->alloc(reserve->memory->context, &fresh);

        if (status != STATUS_OK) {
            reserve_release(reserve);
            return status;
        }
        *(uint64_t *)arch_table_ptr(fresh) = pa_value(reserve->head);
        reserve->head = fresh;
    }
    return STATUS_OK;
}

/* --- mapping ----------------------------------------------------------------------------- */

struct map_request {
    uint64_t offset;       /* target - virtual address, modulo 2^64 */
    unsigned largest_leaf; /* level */
    unsigned flags;
};

/* Whether leaves of `level` can be used where address and target are aligned: they are so
 * together, or never. */
static bool map_congruent(const struct map_request *map, unsigned level)
{
    return level <= map->largest_leaf && is_aligned(map->offset, walk_span(level) << PAGE_SHIFT);
}

/* Tables that the range needs below the entry under the cursor, which is 0. */
static uint64_t map_missing_tables(const struct cursor *cursor, const struct map_request *map)
{
    uint64_t first = (cursor->address >> PAGE_SHIFT) & (walk_span(cursor->level) - 1);
    uint64_t end = first + cursor_pages(cursor);
    uint64_t tables = 0;

    for (unsigned level = 2; level <= cursor->level; level++) {
        uint64_t span = walk_span(level);
        unsigned shift = WALK_INDEX_BITS * (level - 1);
        uint64_t touched = ((end + span - 1) >> shift) - (first >> shift);
        uint64_t full_first = (first + span - 1) >> shift;
        uint64_t full_end = end >> shift;

        if (map_congruent(map, level) && full_end > full_first)
            touched -= full_end - full_first;
        tables += touched;
    }
    return tables;
}

/* Whether `count` entries from the cursor on are unused. */
static bool map_run_is_free(const struct cursor *cursor, unsigned count)
{
    unsigned index = cursor->at[cursor->level].index;
    uint64_t found = 0;

    for (unsigned i = 0; i < count; i++)
        found |= arch_pte_read(cursor->entries, index + i, WALK_ENTRY_BYTES);
    return found == 0;
}

/* The first walk: STATUS_EXISTS, or the number of tables that are missing. */
static enum status map_prepare(const struct page_table *table, uintptr_t address, uint64_t pages,
                               const struct map_request *map, uint64_t *missing)
{
    struct cursor cursor;
    uint64_t tables = 0;

    cursor_begin(&cursor, table, address, pages);
    while (cursor_settle(&cursor)) {
        unsigned left = cursor_entries_left(&cursor);
        uint64_t entry;

        if (cursor.level == 1) {
            if (!map_run_is_free(&cursor, left))
                return STATUS_EXISTS;
            cursor_skip(&cursor, left, left);
            continue;
        }
        entry = cursor_read(&cursor);
        if (entry == 0) {
            tables += map_missing_tables(&cursor, map);
            cursor_pass(&cursor);
        } else if (entry_present(entry, cursor.level) && entry_is_table(entry, cursor.level)) {
            cursor_down(&cursor, entry_target(entry, cursor.level));
        } else {
            return STATUS_EXISTS;
        }
    }
    *missing = tables;
    return STATUS_OK;
}

/* How many leaves of this level the map can have from the cursor on. Above level 1 an entry may
 * hold a table (an empty one, as prepare has proved), which is then used instead. */
static unsigned map_leaf_run(const struct cursor *cursor, const struct map_request *map)
{
    uint64_t span = walk_span(cursor->level);
    unsigned limit;

    if (cursor->level == 1)
        return cursor_entries_left(cursor);
    if (!map_congruent(map, cursor->level) || ((cursor->address >> PAGE_SHIFT) & (span - 1)) != 0)
        return 0;
    limit = (unsigned)min_u64(WALK_ENTRIES - cursor->at[cursor->level].index,
                              cursor->pages >> (WALK_INDEX_BITS * (cursor->level - 1)));
    for (unsigned count = 0; count < limit; count++) {
        if (arch_pte_read(cursor->entries, cursor->at[cursor->level].index + count,
                          WALK_ENTRY_BYTES) != 0)
            return count;
    }
    return limit;
}

static void map_write_leaves(struct cursor *cursor, const struct map_request *map, unsigned count)
{
    unsigned level = cursor->level;
    unsigned index = cursor->at[level].index;
    uint64_t span_bytes = walk_span(level) << PAGE_SHIFT;
    uint64_t target = cursor->address + map->offset;

    for (unsigned end = index + count; index < end; index++, target += span_bytes)
        arch_pte_write(cursor->entries, index, WALK_ENTRY_BYTES,
                       entry_leaf(pa(target), map->flags, level));
    cursor_skip(cursor, count, (uint64_t)count << (WALK_INDEX_BITS * (level - 1)));
}

/* The second walk. */
static void map_commit(struct page_table *table, uintptr_t address, uint64_t pages,
                       const struct map_request *map, struct table_reserve *reserve)
{
    struct cursor cursor;

    cursor_begin(&cursor, table, address, pages);
    while (cursor_settle(&cursor)) {
        unsigned count = map_leaf_run(&cursor, map);
        uint64_t entry;

        if (count != 0) {
            map_write_leaves(&cursor, map, count);
            continue;
        }
        entry = cursor_read(&cursor);
        if (entry == 0) {
            entry = entry_table(reserve_pop(reserve), cursor.level);
            cursor_write(&cursor, entry);
        }
        cursor_down(&cursor, entry_target(entry, cursor.level));
    }
}

static enum status walk_map(struct page_table *table, uintptr_t address, uint64_t pages,
                            uint64_t target, unsigned flags)
{
    struct map_request map = {
        .offset = target - address,
        .largest_leaf = (flags & PT_SMALL) != 0 ? 1 : table->largest_leaf,
        .flags = flags,
    };
    struct table_reserve reserve;
    uint64_t missing;
    enum status status = map_prepare(table, address, pages, &map, &missing);

    if (status == STATUS_OK)
        status = reserve_fill(&reserve, table, missing);
    if (status != STATUS_OK)
        return status;
    map_commit(table, address, pages, &map, &reserve);
    reserve_release(&reserve); /* nothing, unless prepare counted too many */
    return STATUS_OK;
}

/* --- the tables just below the root ------------------------------------------------------ */

static enum status walk_reserve_top(struct page_table *table, uintptr_t address, uint64_t pages)
{
    unsigned top = table->format->levels;
    void *root = arch_table_ptr(table->root);
    unsigned first = walk_index(address, top);
    unsigned last = walk_index(address + (uintptr_t)((pages - 1) << PAGE_SHIFT), top);
    struct table_reserve reserve;
    uint64_t missing = 0;
    enum status status;

    for (unsigned index = first; index <= last; index++)
        missing += arch_pte_read(root, index, WALK_ENTRY_BYTES) == 0;
    status = reserve_fill(&reserve, table, missing);
    if (status != STATUS_OK)
        return status;
    for (unsigned index = first; index <= last; index++) {
        if (arch_pte_read(root, index, WALK_ENTRY_BYTES) == 0)
            arch_pte_write(root, index, WALK_ENTRY_BYTES, entry_table(reserve_pop(&reserve), top));
    }
    return STATUS_OK;
}

/* What stands in the way are empty tables that pt_create() made. */
static void walk_share_top(struct page_table *table, const struct page_table *owner,
                           uintptr_t address, uint64_t pages)
{
    unsigned top = table->format->levels;
    unsigned last = walk_index(address + (uintptr_t)((pages - 1) << PAGE_SHIFT), top);

    for (unsigned index = walk_index(address, top); index <= last; index++) {
        uint64_t entry = arch_pte_read(arch_table_ptr(owner->root), index, WALK_ENTRY_BYTES);
        uint64_t old = arch_pte_read(arch_table_ptr(table->root), index, WALK_ENTRY_BYTES);

        arch_pte_write(arch_table_ptr(table->root), index, WALK_ENTRY_BYTES, entry);
        if (old != 0)
            table->memory->free(table->memory->context, entry_target(old, top));
    }
}

/* --- splitting --------------------------------------------------------------------------- */

/* Brings the cursor to the leaf, or the unused entry, that holds its address. */
static void cursor_sink(struct cursor *cursor)
{
    for (;;) {
        uint64_t entry = cursor_read(cursor);

        if (!entry_present(entry, cursor->level) || !entry_is_table(entry, cursor->level))
            return;
        cursor_down(cursor, entry_target(entry, cursor->level));
    }
}

static bool split_cuts_leaf(const struct cursor *cursor)
{
    return entry_present(cursor_read(cursor), cursor->level) &&
           !is_aligned(cursor->address >> PAGE_SHIFT, walk_span(cursor->level));
}

/* Tables that it takes until a leaf begins at `address`. */
static unsigned split_tables_needed(const struct page_table *table, uintptr_t address)
{
    struct cursor cursor;
    unsigned level;

    cursor_begin(&cursor, table, address, 1);
    cursor_sink(&cursor);
    if (!split_cuts_leaf(&cursor))
        return 0;
    for (level = cursor.level; !is_aligned(address >> PAGE_SHIFT, walk_span(level)); level--)
        ;
    return cursor.level - level;
}

/* Puts `fresh` in the place of the leaf under the cursor. */
static void split_leaf(struct cursor *cursor, paddr_t fresh, struct tlb_batch *batch)
{
    unsigned level = cursor->level;
    uint64_t leaf = cursor_read(cursor);
    uint64_t target = pa_value(entry_target(leaf, level));
    uint64_t span_bytes = walk_span(level) << PAGE_SHIFT;
    unsigned flags = entry_flags(leaf, level);
    void *entries = arch_table_ptr(fresh);

    for (unsigned i = 0; i < WALK_ENTRIES; i++)
        arch_pte_write(
            entries, i, WALK_ENTRY_BYTES,
            entry_leaf(pa(target + i * (walk_span(level - 1) << PAGE_SHIFT)), flags, level - 1));
    cursor->entries = arch_table_ptr(cursor->at[level].table);
    cursor_write(cursor, entry_table(fresh, level));
    if (batch != NULL)
        tlb_batch_add(batch, va(cursor->address & ~(uintptr_t)(span_bytes - 1)),
                      (size_t)span_bytes);
}

static void split_at(struct page_table *table, uintptr_t address, struct table_reserve *reserve,
                     struct tlb_batch *batch)
{
    struct cursor cursor;

    cursor_begin(&cursor, table, address, 1);
    for (cursor_sink(&cursor); split_cuts_leaf(&cursor); cursor_sink(&cursor))
        split_leaf(&cursor, reserve_pop(reserve), batch);
}

/* Both borders may lie in one leaf and share tables; what is left over goes back. */
static enum status walk_split(struct page_table *table, uintptr_t address, uint64_t pages,
                              struct tlb_batch *batch)
{
    uintptr_t end = address + (uintptr_t)(pages << PAGE_SHIFT); /* 0 at the end of all */
    unsigned needed = split_tables_needed(table, address);
    struct table_reserve reserve;
    enum status status;

    if (end != 0 && pt_canonical(table->format, va(end)))
        needed += split_tables_needed(table, end);
    if (needed == 0)
        return STATUS_OK;
    status = reserve_fill(&reserve, table, needed);
    if (status != STATUS_OK)
        return status;
    split_at(table, address, &reserve, batch);
    if (end != 0 && pt_canonical(table->format, va(end)))
        split_at(table, end, &reserve, batch);
    reserve_release(&reserve);
    return STATUS_OK;
}

/* --- unmapping --------------------------------------------------------------------------- */

static void change_note(struct tlb_batch *batch, const struct cursor *cursor, uint64_t pages)
{
    if (batch != NULL)
        tlb_batch_add(batch, va(cursor->address), (size_t)(pages << PAGE_SHIFT));
}

/* Kills the pages under the cursor and after it; those that were present, in one run or more, are
 * noted. */
static void kill_pages(struct cursor *cursor, struct tlb_batch *batch)
{
    unsigned index = cursor->at[1].index;
    unsigned left = cursor_entries_left(cursor);

    while (left > 0) {
        unsigned run = 0;

        for (; run < left; run++) {
            uint64_t entry = arch_pte_read(cursor->entries, index + run, WALK_ENTRY_BYTES);

            if (!entry_present(entry, 1))
                break;
            arch_pte_write(cursor->entries, index + run, WALK_ENTRY_BYTES, entry_kill(entry, 1));
        }
        if (run > 0)
            change_note(batch, cursor, run);
        run += run < left; /* the one that was not present */
        cursor_skip(cursor, run, run);
        index += run;
        left -= run;
    }
}

/* Whether the processor could still translate through the cursor's table. Looks outwards from where
 * the range ended: neighbours of what was unmapped are the likeliest to be in use. */
static bool kill_table_in_use(const struct cursor *cursor)
{
    unsigned up = cursor->at[cursor->level].index;
    unsigned down = up;

    while (up < WALK_ENTRIES || down > 0) {
        if (down > 0 &&
            entry_present(arch_pte_read(cursor->entries, --down, WALK_ENTRY_BYTES), cursor->level))
            return true;
        if (up < WALK_ENTRIES &&
            entry_present(arch_pte_read(cursor->entries, up++, WALK_ENTRY_BYTES), cursor->level))
            return true;
    }
    return false;
}

/* Climbs by one level, past the table, which is killed if nothing in it is in use. */
static void kill_leave_table(struct cursor *cursor, const struct page_table *table)
{
    bool in_use = kill_table_in_use(cursor);

    cursor_up(cursor);
    if (!in_use && !(table->keeps_top && cursor->level == cursor->levels))
        cursor_write(cursor, entry_kill(cursor_read(cursor), cursor->level));
    cursor->at[cursor->level].index++;
}

static void walk_kill(struct page_table *table, uintptr_t address, uint64_t pages,
                      struct tlb_batch *batch)
{
    struct cursor cursor;

    cursor_begin(&cursor, table, address, pages);
    for (;;) {
        uint64_t entry;

        if (cursor_table_done(&cursor)) {
            if (cursor.level == cursor.levels)
                return;
            kill_leave_table(&cursor, table);
            continue;
        }
        if (cursor.level == 1) {
            kill_pages(&cursor, batch);
            continue;
        }
        entry = cursor_read(&cursor);
        if (entry_present(entry, cursor.level) && entry_is_table(entry, cursor.level)) {
            cursor_down(&cursor, entry_target(entry, cursor.level));
            continue;
        }
        if (entry_present(entry, cursor.level)) {
            cursor_write(&cursor, entry_kill(entry, cursor.level));
            change_note(batch, &cursor, cursor_pages(&cursor));
        }
        cursor_pass(&cursor);
    }
}

static inline void bury_leaf(struct cursor *cursor, uint64_t entry,
                             void (*release)(const struct pt_mapping *leaf))
{
    unsigned level = cursor->level;

    cursor_write(cursor, 0);
    if (release != NULL)
        release(&(struct pt_mapping){ .address = va(cursor->address),
                                      .target = entry_target(entry, level),
                                      .size_bytes = walk_span(level) << PAGE_SHIFT,
                                      .flags = entry_flags(entry, level),
                                      .level = level });
}

/* Buries the pages under the cursor and after it. */
static void bury_pages(struct cursor *cursor, void (*release)(const struct pt_mapping *leaf))
{
    unsigned left = cursor_entries_left(cursor);

    for (; left > 0; left--) {
        uint64_t entry = cursor_read(cursor);

        if (entry != 0 && !entry_present(entry, 1))
            bury_leaf(cursor, entry, release);
        cursor_skip(cursor, 1, 1);
    }
}

/* Climbs by one level, past the table, which is freed if it was dead. */
static void bury_leave_table(struct cursor *cursor, struct page_table *table)
{
    uint64_t entry;

    cursor_up(cursor);
    entry = cursor_read(cursor);
    if (!entry_present(entry, cursor->level)) {
        cursor_write(cursor, 0);
        table->memory->free(table->memory->context, entry_target(entry, cursor->level));
    }
    cursor->at[cursor->level].index++;
}

static void walk_bury(struct page_table *table, uintptr_t address, uint64_t pages,
                      void (*release)(const struct pt_mapping *leaf))
{
    struct cursor cursor;

    cursor_begin(&cursor, table, address, pages);
    for (;;) {
        uint64_t entry;

        if (cursor_table_done(&cursor)) {
            if (cursor.level == cursor.levels)
                return;
            bury_leave_table(&cursor, table);
            continue;
        }
        if (cursor.level == 1) {
            bury_pages(&cursor, release);
            continue;
        }
        entry = cursor_read(&cursor);
        if (entry != 0 && entry_is_table(entry, cursor.level)) {
            cursor_down(&cursor, entry_target(entry, cursor.level));
            continue;
        }
        if (entry != 0 && !entry_present(entry, cursor.level))
            bury_leaf(&cursor, entry, release);
        cursor_pass(&cursor);
    }
}

/* --- rights and targets ------------------------------------------------------------------ */

/* What becomes of an entry: entry_recode or entry_forget. */
typedef uint64_t (*leaf_change)(uint64_t entry, unsigned flags, unsigned level);

/* Changes the leaf under the cursor; false if it was like that before. */
[[gnu::always_inline]] static inline bool change_leaf(struct cursor *cursor, uint64_t entry,
                                                      unsigned flags, leaf_change change)
{
    uint64_t changed = change(entry, flags, cursor->level);

    if (changed == entry)
        return false;
    cursor_write(cursor, changed);
    return true;
}

/* The pages under the cursor and after it; those that change are noted in runs, and counted. */
[[gnu::always_inline]] static inline uint64_t change_pages(struct cursor *cursor, unsigned flags,
                                                           leaf_change change,
                                                           struct tlb_batch *batch)
{
    uint64_t count = 0;
    struct cursor run = *cursor; /* where a run of changes began */
    unsigned left = cursor_entries_left(cursor);

    for (; left > 0; left--) {
        uint64_t entry = cursor_read(cursor);
        bool changed = entry_present(entry, 1) && change_leaf(cursor, entry, flags, change);

        count += changed;
        if (!changed && run.pages != cursor->pages)
            change_note(batch, &run, run.pages - cursor->pages);
        cursor_skip(cursor, 1, 1);
        if (!changed)
            run = *cursor;
    }
    if (run.pages != cursor->pages)
        change_note(batch, &run, run.pages - cursor->pages);
    return count;
}

/* Changes all leaves of the range; counts the pages of those that were not like that before.
 * Instantiated with a constant change. */
[[gnu::always_inline]] static inline uint64_t walk_change(struct page_table *table,
                                                          uintptr_t address, uint64_t pages,
                                                          unsigned flags, leaf_change change,
                                                          struct tlb_batch *batch)
{
    struct cursor cursor;
    uint64_t count = 0;

    cursor_begin(&cursor, table, address, pages);
    while (cursor_settle(&cursor)) {
        uint64_t entry;

        if (cursor.level == 1) {
            count += change_pages(&cursor, flags, change, batch);
            continue;
        }
        entry = cursor_read(&cursor);
        if (entry_present(entry, cursor.level) && entry_is_table(entry, cursor.level)) {
            cursor_down(&cursor, entry_target(entry, cursor.level));
            continue;
        }
        if (entry_present(entry, cursor.level) && change_leaf(&cursor, entry, flags, change)) {
            change_note(batch, &cursor, cursor_pages(&cursor));
            count += cursor_pages(&cursor);
        }
        cursor_pass(&cursor);
    }
    return count;
}

static void walk_protect(struct page_table *table, uintptr_t address, uint64_t pages,
                         unsigned flags, struct tlb_batch *batch)
{
    (void)walk_change(table, address, pages, flags, entry_recode, batch);
}

static uint64_t walk_forget(struct page_table *table, uintptr_t address, uint64_t pages,
                            unsigned flags, struct tlb_batch *batch)
{
    return walk_change(table, address, pages, flags, entry_forget, batch);
}

static paddr_t walk_replace(struct page_table *table, uintptr_t address, uint64_t target,
                            unsigned flags)
{
    struct cursor cursor;
    paddr_t old;

    cursor_begin(&cursor, table, address, 1);
    cursor_sink(&cursor);
    old = entry_target(cursor_read(&cursor), 1);
    cursor_write(&cursor, entry_leaf(pa(target), flags, 1));
    return old;
}

/* --- merging ----------------------------------------------------------------------------- */

/* The leaf that could stand for a whole table of `level`; 0 if there is none. */
static uint64_t merge_table_leaf(paddr_t table, unsigned level)
{
    const void *entries = arch_table_ptr(table);
    uint64_t first = arch_pte_read(entries, 0, WALK_ENTRY_BYTES);
    uint64_t target = pa_value(entry_target(first, level));
    uint64_t span_bytes = walk_span(level) << PAGE_SHIFT;
    unsigned flags = entry_flags(first, level);
    unsigned touched = 0;

    if (!is_aligned(target, span_bytes << WALK_INDEX_BITS))
        return 0;
    for (unsigned i = 0; i < WALK_ENTRIES; i++, target += span_bytes) {
        uint64_t entry = arch_pte_read(entries, i, WALK_ENTRY_BYTES);

        if (!entry_present(entry, level) || entry_is_table(entry, level) ||
            pa_value(entry_target(entry, level)) != target ||
            ((entry_flags(entry, level) ^ flags) & WALK_IN_RUN) != 0)
            return 0;
        touched |= entry_flags(entry, level) & ~WALK_IN_RUN;
    }
    return entry_leaf(entry_target(first, level), flags | touched, level + 1);
}

/* Merges tables of one level into leaves of the next. Only tables wholly within the range. */
static size_t merge_level(struct page_table *table, uintptr_t address, uint64_t pages,
                          unsigned level, struct tlb_batch *batch)
{
    struct cursor cursor;
    size_t merged = 0;

    cursor_begin(&cursor, table, address, pages);
    while (cursor_settle(&cursor)) {
        uint64_t entry = cursor_read(&cursor);
        uint64_t leaf;

        if (!entry_present(entry, cursor.level) || !entry_is_table(entry, cursor.level) ||
            (cursor.level == level + 1 && cursor_pages(&cursor) != walk_span(level + 1))) {
            cursor_pass(&cursor);
            continue;
        }
        if (cursor.level > level + 1) {
            cursor_down(&cursor, entry_target(entry, cursor.level));
            continue;
        }
        leaf = merge_table_leaf(entry_target(entry, cursor.level), level);
        cursor.entries = arch_table_ptr(cursor.at[cursor.level].table);
        if (leaf != 0) {
            cursor_write(&cursor, leaf);
            change_note(batch, &cursor, cursor_pages(&cursor));
            tlb_batch_free_table(batch, entry_target(entry, cursor.level));
            merged++;
        }
        cursor_pass(&cursor);
    }
    return merged;
}

static size_t walk_merge(struct page_table *table, uintptr_t address, uint64_t pages,
                         struct tlb_batch *batch)
{
    size_t merged = 0;

    for (unsigned level = 1; level < table->largest_leaf; level++)
        merged += merge_level(table, address, pages, level, batch);
    return merged;
}

/* --- the end ----------------------------------------------------------------------------- */

/* Frees all tables below the entries of a range, which is whole entries of the root. */
static void walk_free_tables(struct page_table *table, uintptr_t address, uint64_t pages)
{
    struct cursor cursor;

    cursor_begin(&cursor, table, address, pages);
    for (;;) {
        uint64_t entry;

        if (cursor_table_done(&cursor)) {
            if (cursor.level == cursor.levels)
                return;
            cursor_up(&cursor);
            entry = cursor_read(&cursor);
            cursor_write(&cursor, 0);
            table->memory->free(table->memory->context, entry_target(entry, cursor.level));
            cursor.at[cursor.level].index++;
            continue;
        }
        entry = cursor_read(&cursor);
        if (entry_present(entry, cursor.level) && entry_is_table(entry, cursor.level))
            cursor_down(&cursor, entry_target(entry, cursor.level));
        else
            cursor_pass(&cursor);
    }
}

/* The operations of one format, as `name`. */
#define WALK_FORMAT(name, levels)                                                                  \
    static enum status name##_query(const struct page_table *table, uintptr_t address,             \
                                    struct pt_mapping *mapping)                                    \
    {                                                                                              \
        return walk_query(table, address, mapping, levels);                                        \
    }                                                                                              \
                                                                                                   \
    static enum status name##_translate(const struct page_table *table, uintptr_t address,         \
                                        paddr_t *target)                                           \
    {                                                                                              \
        return walk_translate(table, address, target, levels);                                     \
    }                                                                                              \
                                                                                                   \
    static const struct pt_operations name = {                                                     \
        .query = name##_query,                                                                     \
        .translate = name##_translate,                                                             \
        .explain = walk_explain,                                                                   \
        .visit = walk_visit,                                                                       \
        .count_tables = walk_count_tables,                                                         \
        .map = walk_map,                                                                           \
        .reserve_top = walk_reserve_top,                                                           \
        .share_top = walk_share_top,                                                               \
        .split = walk_split,                                                                       \
        .kill = walk_kill,                                                                         \
        .bury = walk_bury,                                                                         \
        .protect = walk_protect,                                                                   \
        .forget = walk_forget,                                                                     \
        .replace = walk_replace,                                                                   \
        .merge = walk_merge,                                                                       \
        .free_tables = walk_free_tables,                                                           \
    }

#endif
