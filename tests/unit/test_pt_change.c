/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_pt_change.c - properties of page tables: everything that changes or ends a mapping.
 */
#include "pt_bench.h"

/* --- unmapping --------------------------------------------------------------------------- */

static void unmapping_gives_all_tables_back(void **state)
{
    /* When nothing is mapped any more only the root is left, in whatever pieces it was unmapped. */
    struct bench *bench = *state;

    for (unsigned pieces = 1; pieces <= 64; pieces *= 4) {
        map(bench, bench->low, PAGE_SIZE, 2 * bench->s3, PT_WRITE);
        cache_all(bench->low, 16 * PAGE_SIZE);
        for (unsigned i = 0; i < pieces; i++)
            unmap(bench, bench->low + i * (2 * bench->s3 / pieces), 2 * bench->s3 / pieces);
        expect_fault(bench->low, FAKE_READ, false);
        assert_int_equal(bench->tables.outstanding, bench->empty_tables);
    }
}

static void holes_are_skipped(void **state)
{
    /* Unmapping and protecting pass over what is not mapped, and flush nothing when nothing was. */
    struct bench *bench = *state;

    unmap(bench, bench->low, 4 * bench->s3);
    protect(bench, bench->low, 4 * bench->s3, PT_WRITE);
    assert_int_equal(fake_mmu_flushes[0].pages + fake_mmu_flushes[0].full, 0);
    map(bench, bench->low + 3 * PAGE_SIZE, 0, PAGE_SIZE, PT_WRITE);
    map(bench, bench->low + 9 * PAGE_SIZE, 0, PAGE_SIZE, PT_WRITE);
    protect(bench, bench->low, bench->s2, PT_USER);
    expect_at(bench->low + 9 * PAGE_SIZE, 0, FAKE_USER);
    unmap(bench, bench->low, bench->s2);
    assert_int_equal(fake_mmu_flushes[0].full, 0);
    assert_int_equal(fake_mmu_flushes[0].pages, 4);
    assert_int_equal(bench->tables.outstanding, bench->empty_tables);
}

static void tables_are_freed_after_the_flush(void **state)
{
    /* Regression: until the batch is finished no table is freed, and the range cannot be reused. */
    struct bench *bench = *state;
    struct tlb_batch batch;
    size_t before;

    map(bench, bench->low, 0, 3 * PAGE_SIZE, PT_WRITE);
    cache_all(bench->low, 3 * PAGE_SIZE);
    before = bench->tables.outstanding;
    tlb_batch_init(&batch, &bench->table, NULL);
    assert_int_equal(pt_unmap(&bench->table, va(bench->low), 3 * PAGE_SIZE, &batch), STATUS_OK);
    assert_int_equal(bench->tables.outstanding, before);
    assert_int_equal(pt_map(&bench->table, va(bench->low), pa(0), PAGE_SIZE, 0), STATUS_EXISTS);
    tlb_batch_finish(&batch); /* the fake MMU complains of a free before the flush */
    assert_int_equal(bench->tables.outstanding, bench->empty_tables);
    map(bench, bench->low, 0, PAGE_SIZE, 0);
}

static struct pt_mapping released[64];
static unsigned released_count;

static void remember_release(const struct pt_mapping *leaf)
{
    paddr_t found;

    assert_true(released_count < ARRAY_COUNT(released));
    released[released_count++] = *leaf;
    fake_mmu_frame_freed(leaf->target); /* it must be flushed by now */
    assert_false(fake_mmu_access(va_value(leaf->address), FAKE_READ, &found, NULL));
}

static void each_leaf_is_released_once(void **state)
{
    /* After the flush the batch tells of each leaf that was unmapped, once, with its size and its
     * owner, whichever call unmapped it. */
    struct bench *bench = *state;
    unsigned top_leaves = bench->largest == 3 ? 1 : (unsigned)(bench->s3 / bench->s2);
    struct tlb_batch batch;

    released_count = 0;
    map(bench, bench->low, 0, bench->s2, PT_WRITE | PT_OWNED);
    map(bench, bench->low + bench->s2, 3 * PAGE_SIZE, 2 * PAGE_SIZE, PT_WRITE);
    map(bench, bench->low + bench->s3, bench->s3, bench->s3, PT_OWNED);
    cache_all(bench->low, bench->s2 + 2 * PAGE_SIZE);
    tlb_batch_init(&batch, &bench->table, remember_release);
    assert_int_equal(pt_unmap(&bench->table, va(bench->low + bench->s3), bench->s3, &batch),
                     STATUS_OK);
    assert_int_equal(pt_unmap(&bench->table, va(bench->low), 2 * bench->s2, &batch), STATUS_OK);
    assert_int_equal(released_count, 0);
    tlb_batch_finish(&batch);
    assert_int_equal(released_count, 3 + top_leaves);
    assert_int_equal(released[0].size_bytes, bench->s2);
    assert_int_equal(released[0].flags & PT_OWNED, PT_OWNED);
    assert_int_equal(pa_value(released[1].target), 3 * PAGE_SIZE);
    assert_int_equal(released[1].flags & PT_OWNED, 0);
    assert_int_equal(pa_value(released[2].target), 4 * PAGE_SIZE);
    assert_int_equal(va_value(released[3].address), bench->low + bench->s3);
    assert_int_equal(released[3].size_bytes, bench->s3 / top_leaves);
    assert_int_equal(bench->tables.outstanding, bench->empty_tables);
}

/* --- splitting and merging --------------------------------------------------------------- */

static void a_split_flushes_the_whole_leaf(void **state)
{
    /* Regression: when a large leaf is cut, every translation cached from it is flushed, on all
     * processors, not only those of the part that changed. */
    struct bench *bench = *state;

    map(bench, bench->low, 0, bench->s2, PT_WRITE);
    cache_all(bench->low, bench->s2);
    protect(bench, bench->low + 7 * PAGE_SIZE, PAGE_SIZE, 0);
    fake_mmu_check();
    assert_int_equal(fake_mmu_failures, 0);
    expect_fault(bench->low + 7 * PAGE_SIZE, FAKE_WRITE, true);
    expect_at(bench->low + 6 * PAGE_SIZE, 6 * PAGE_SIZE, FAKE_WRITE);
    expect_at(bench->low + 8 * PAGE_SIZE, 8 * PAGE_SIZE, FAKE_WRITE);
}

static void a_split_keeps_the_rest(void **state)
{
    /* Whatever part of a large leaf is unmapped, all of the rest still translates as before. */
    struct bench *bench = *state;
    size_t step = bench->s2 / 8 + PAGE_SIZE;

    for (size_t size = PAGE_SIZE; size < bench->s3; size = size * 5 & ~(size_t)PAGE_MASK) {
        for (uintptr_t offset = 0; offset + size <= bench->s3; offset += bench->s3 / 4 + step) {
            map(bench, bench->low, bench->s3, bench->s3, PT_WRITE);
            unmap(bench, bench->low + offset, size);
            expect_fault(bench->low + offset, FAKE_READ, false);
            expect_fault(bench->low + offset + size - 1, FAKE_READ, false);
            if (offset > 0)
                expect_at(bench->low + offset - 1, bench->s3 + offset - 1, FAKE_WRITE);
            if (offset + size < bench->s3)
                expect_at(bench->low + offset + size, bench->s3 + offset + size, FAKE_WRITE);
            unmap(bench, bench->low, bench->s3);
            assert_int_equal(bench->tables.outstanding, bench->empty_tables);
        }
    }
}

static void a_split_without_memory_changes_nothing(void **state)
{
    /* When a table for a split cannot be had, nothing is unmapped, protected or replaced. */
    struct bench *bench = *state;
    uintptr_t start = bench->low + 5 * PAGE_SIZE;
    struct tlb_batch batch;
    uint64_t before;
    paddr_t old = pa(77);

    map(bench, bench->low, 0, bench->s3, PT_WRITE);
    before = summary(bench);
    tlb_batch_init(&batch, &bench->table, NULL);
    for (size_t allowed = 0; allowed < bench->largest; allowed++) {
        bench->tables.refuse_after = allowed;
        assert_int_equal(pt_unmap(&bench->table, va(start), bench->s3 / 2, &batch),
                         STATUS_NO_MEMORY);
        bench->tables.refuse_after = allowed;
        assert_int_equal(pt_protect(&bench->table, va(start), bench->s3 / 2, 0, &batch),
                         STATUS_NO_MEMORY);
        assert_int_equal(summary(bench), before);
    }
    bench->tables.refuse_after = bench->largest - 2;
    assert_int_equal(pt_replace(&bench->table, va(start), pa(0), 0, &batch, &old),
                     STATUS_NO_MEMORY);
    bench->tables.refuse_after = SIZE_MAX;
    assert_int_equal(pa_value(old), 77);
    assert_int_equal(summary(bench), before);
    tlb_batch_finish(&batch);
}

static void memory_types_survive_everything(void **state)
{
    /* Every memory type is the same in leaves of every size, before and after splits, merges and
     * a change of rights: the PAT bit moves, and is never taken for "large" or for an address. */
    struct bench *bench = *state;
    struct tlb_batch batch;

    tlb_batch_init(&batch, &bench->table, NULL);
    for (unsigned type = PT_WRITE_BACK; type <= PT_WRITE_THROUGH; type += 1u << PT_CACHE_SHIFT) {
        map(bench, bench->low, bench->s3, bench->s3, PT_WRITE | type);
        assert_int_equal(query(bench, bench->low).flags & PT_CACHE_MASK, type);
        protect(bench, bench->low, PAGE_SIZE, type);
        for (unsigned i = 0; i < 3; i++) {
            uintptr_t offset = i == 0 ? 0 : i == 1 ? PAGE_SIZE : bench->s2;

            assert_int_equal(query(bench, bench->low + offset).flags & PT_CACHE_MASK, type);
            expect_at(bench->low + offset, bench->s3 + offset, FAKE_READ);
        }
        protect(bench, bench->low, bench->s3, PT_WRITE | type);
        assert_true(pt_merge(&bench->table, va(bench->low), bench->s3, &batch) >=
                    bench->largest - 1);
        tlb_batch_finish(&batch);
        assert_int_equal(level_at(bench, bench->low), bench->largest);
        assert_int_equal(query(bench, bench->low).flags & PT_CACHE_MASK, type);
        expect_at(bench->low + bench->s3 - 1, 2 * bench->s3 - 1, FAKE_WRITE);
        unmap(bench, bench->low, bench->s3);
    }
}

static void merging_restores_large_leaves(void **state)
{
    /* Tables whose leaves continue each other become one leaf again, with accessed and dirty
     * united; tables whose leaves do not, or that reach out of the range, stay. */
    struct bench *bench = *state;
    struct tlb_batch batch;

    tlb_batch_init(&batch, &bench->table, NULL);
    map(bench, bench->low, 0, bench->s2, PT_WRITE | PT_SMALL);
    map(bench, bench->low + bench->s2, bench->s2, bench->s2 - PAGE_SIZE, PT_SMALL | PT_WRITE);
    map(bench, bench->low + 2 * bench->s2 - PAGE_SIZE, 0, PAGE_SIZE, PT_WRITE);
    cache_all(bench->low, 2 * bench->s2);
    expect_at(bench->low + 3 * PAGE_SIZE, 3 * PAGE_SIZE, FAKE_WRITE);
    assert_int_equal(pt_merge(&bench->table, va(bench->low), bench->s2 - PAGE_SIZE, &batch), 0);
    assert_int_equal(pt_merge(&bench->table, va(bench->low), 2 * bench->s2, &batch), 1);
    tlb_batch_finish(&batch);
    assert_int_equal(level_at(bench, bench->low), 2);
    assert_int_equal(level_at(bench, bench->low + bench->s2), 1);
    assert_int_equal(query(bench, bench->low).flags & (PT_ACCESSED | PT_DIRTY),
                     PT_ACCESSED | PT_DIRTY);
    expect_at(bench->low + bench->s2 - 1, bench->s2 - 1, FAKE_WRITE);
}

static void many_merges_in_one_batch(void **state)
{
    /* More tables than a batch holds are all freed, none before its flush. */
    struct bench *bench = *state;
    unsigned count = 3 * TLB_BATCH_TABLES;
    struct tlb_batch batch;

    tlb_batch_init(&batch, &bench->table, NULL);
    map(bench, bench->low, 0, count * bench->s2, PT_WRITE | PT_SMALL);
    for (unsigned i = 0; i < count; i++)
        cache_all(bench->low + i * bench->s2, 2 * PAGE_SIZE);
    assert_int_equal(pt_merge(&bench->table, va(bench->low), count * bench->s2, &batch), count);
    tlb_batch_finish(&batch);
    assert_int_equal(bench->tables.outstanding, pt_count_tables(&bench->table));
    expect_at(bench->low + count * bench->s2 - 1, count * bench->s2 - 1, FAKE_WRITE);
}

/* --- rights and targets ------------------------------------------------------------------ */

static void protecting_changes_rights_only(void **state)
{
    /* A change of rights keeps targets, owner, accessed and dirty bits, and is seen at once. */
    struct bench *bench = *state;
    unsigned flags;

    map(bench, bench->low, 0, 8 * PAGE_SIZE, PT_WRITE | PT_OWNED);
    cache_all(bench->low, 8 * PAGE_SIZE);
    expect_at(bench->low + PAGE_SIZE, PAGE_SIZE, FAKE_WRITE);
    protect(bench, bench->low, 4 * PAGE_SIZE, PT_EXECUTE | PT_USER);
    flags = query(bench, bench->low + PAGE_SIZE).flags;
    assert_int_equal(flags, PT_EXECUTE | PT_USER | PT_OWNED | PT_ACCESSED | PT_DIRTY);
    expect_fault(bench->low + PAGE_SIZE, FAKE_WRITE, true);
    expect_at(bench->low + PAGE_SIZE, PAGE_SIZE, FAKE_EXECUTE | FAKE_USER);
    expect_at(bench->low + 4 * PAGE_SIZE, 4 * PAGE_SIZE, FAKE_WRITE);
    if (bench->implied == 0)
        expect_fault(bench->low + 4 * PAGE_SIZE, FAKE_EXECUTE, true);
}

static uint64_t forget(struct bench *bench, uintptr_t address, size_t size, unsigned flags)
{
    struct tlb_batch batch;
    uint64_t pages = UINT64_MAX;

    tlb_batch_init(&batch, &bench->table, NULL);
    assert_int_equal(pt_forget(&bench->table, va(address), size, flags, &batch, &pages), STATUS_OK);
    tlb_batch_finish(&batch);
    return pages;
}

static void use_is_told_and_forgotten(void **state)
{
    /* Accessed and dirty bits tell what was used since they were cleared, page by page, and a large
     * leaf as a whole; nothing else changes. */
    struct bench *bench = *state;
    uintptr_t large = bench->low + bench->s2;

    map(bench, bench->low, 0, 8 * PAGE_SIZE, PT_WRITE);
    map(bench, large, bench->s2, bench->s2, PT_WRITE);
    (void)forget(bench, bench->low, 2 * bench->s2, PT_ACCESSED | PT_DIRTY);
    for (unsigned round = 0; round < 2; round++) {
        expect_at(bench->low + PAGE_SIZE, PAGE_SIZE, FAKE_READ);
        expect_at(bench->low + 3 * PAGE_SIZE, 3 * PAGE_SIZE, FAKE_WRITE);
        expect_at(large + 5 * PAGE_SIZE, bench->s2 + 5 * PAGE_SIZE, FAKE_WRITE);
        assert_int_equal(forget(bench, bench->low, bench->s2, PT_DIRTY), 1);
        assert_int_equal(query(bench, bench->low + 3 * PAGE_SIZE).flags & (PT_ACCESSED | PT_DIRTY),
                         PT_ACCESSED);
        assert_int_equal(forget(bench, bench->low, bench->s2, PT_ACCESSED), 2);
        assert_int_equal(forget(bench, large, bench->s2, PT_ACCESSED | PT_DIRTY),
                         bench->s2 / PAGE_SIZE);
        assert_int_equal(forget(bench, bench->low, 2 * bench->s2, PT_ACCESSED | PT_DIRTY), 0);
    }
    assert_int_equal(query(bench, large).flags & PT_RIGHTS, PT_WRITE | bench->implied);
    assert_int_equal(
        pt_forget(&bench->table, va(bench->low), PAGE_SIZE, PT_WRITE, NULL, &(uint64_t){ 0 }),
        STATUS_INVALID);
}

static void replacing_a_page(void **state)
{
    /* A page gets another frame and rights; its old frame is told; a large leaf is split first. */
    struct bench *bench = *state;
    uintptr_t page = bench->low + 9 * PAGE_SIZE;
    struct tlb_batch batch;
    paddr_t old = pa(1);

    tlb_batch_init(&batch, &bench->table, NULL);
    assert_int_equal(pt_replace(&bench->table, va(page), pa(0), 0, &batch, &old), STATUS_NOT_FOUND);
    map(bench, bench->low, bench->s2, bench->s2, PT_OWNED);
    cache_all(bench->low, bench->s2);
    assert_int_equal(pt_replace(&bench->table, va(page), pa(5 * PAGE_SIZE), PT_WRITE, &batch, &old),
                     STATUS_OK);
    tlb_batch_finish(&batch);
    assert_int_equal(pa_value(old), bench->s2 + 9 * PAGE_SIZE);
    expect_at(page, 5 * PAGE_SIZE, FAKE_WRITE);
    assert_int_equal(query(bench, page).flags & PT_OWNED, 0);
    expect_at(page + PAGE_SIZE, bench->s2 + 10 * PAGE_SIZE, FAKE_READ);
}

static void without_nx_everything_is_executable(void **state)
{
    /* On a processor without NX no entry has the bit (it would be reserved), W+X is still refused,
     * and queries tell the truth. */
    struct bench *bench = *state;

    bench->table.no_execute = false;
    start_mmu(bench, bench->table.root);
    assert_int_equal(pt_map(&bench->table, va(bench->low), pa(0), PAGE_SIZE, PT_WRITE | PT_EXECUTE),
                     STATUS_DENIED);
    map(bench, bench->low, 0, bench->s2, PT_WRITE);
    protect(bench, bench->low, PAGE_SIZE, 0);
    expect_at(bench->low, 0, FAKE_EXECUTE);
    expect_at(bench->low + PAGE_SIZE, PAGE_SIZE, FAKE_WRITE);
    assert_int_equal(query(bench, bench->low).flags & (PT_WRITE | PT_EXECUTE), PT_EXECUTE);
}

static void without_pat_nothing_is_combined(void **state)
{
    /* A processor without PAT gets no bit of it: a screen is uncached, write-through is PWT. */
    static const struct {
        unsigned asked, made;
    } types[] = { { PT_WRITE_BACK, PT_WRITE_BACK },
                  { PT_WRITE_COMBINING, PT_UNCACHED_MINUS },
                  { PT_UNCACHED_MINUS, PT_UNCACHED_MINUS },
                  { PT_UNCACHED, PT_UNCACHED },
                  { PT_WRITE_THROUGH, PT_WRITE_COMBINING } };
    struct bench *bench = *state;

    bench->table.no_pat = true;
    for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
        uintptr_t page = bench->low + i * PAGE_SIZE;

        map(bench, page, i * PAGE_SIZE, PAGE_SIZE, PT_WRITE | types[i].asked);
        assert_int_equal(query(bench, page).flags & PT_CACHE_MASK, types[i].made);
        protect(bench, page, PAGE_SIZE, types[i].asked);
        assert_int_equal(query(bench, page).flags & PT_CACHE_MASK, types[i].made);
    }
}

/* --- tables of their own ----------------------------------------------------------------- */

static void shared_upper_halves(void **state)
{
    /* What the owner maps in a window that it reserved is seen through every table that shares its
     * upper half, at once; destroying one leaves the owner's tables alone. */
    struct bench *bench = *state;
    struct page_table user = bench->table;
    unsigned levels = pt_format_levels(bench->format);
    size_t before;

    bench->table.keeps_top = true;
    assert_int_equal(pt_reserve_top(&bench->table, va(bench->high), bench->s3), STATUS_OK);
    assert_int_equal(pt_create(&user), STATUS_OK);
    pt_share_upper(&user, &bench->table);
    before = pt_count_tables(&user);
    map(bench, bench->high, 0, PAGE_SIZE, PT_WRITE | PT_GLOBAL);
    assert_int_equal(pt_map(&user, va(bench->low), pa(0), PAGE_SIZE, PT_USER), STATUS_OK);
    arch_root_write(user.root);
    expect_at(bench->high, 0, FAKE_WRITE);
    unmap(bench, bench->high, PAGE_SIZE);
    expect_fault(bench->high, FAKE_READ, false);
    arch_root_write(bench->table.root);
    assert_int_equal(pt_count_tables(&user), before + levels - 1 - (before > 1 ? 1u : 0u));
    before = pt_count_tables(&bench->table);
    pt_destroy(&user);
    assert_int_equal(bench->tables.outstanding, before);
    map(bench, bench->high, 0, PAGE_SIZE, PT_WRITE);
    expect_at(bench->high, 0, FAKE_WRITE);
}

static void tops_that_are_kept(void **state)
{
    /* Tables just below the root that others share stay when they become empty; without memory
     * none of them is allocated. */
    struct bench *bench = *state;
    uint64_t top = pt_format_span(bench->format, pt_format_levels(bench->format));
    size_t before = bench->tables.outstanding;

    bench->table.keeps_top = true;
    if (bench->empty_tables > 1) /* they are there from the start */
        return;
    bench->tables.refuse_after = 1;
    assert_int_equal(pt_reserve_top(&bench->table, va(bench->low), (size_t)(2 * top)),
                     STATUS_NO_MEMORY);
    bench->tables.refuse_after = SIZE_MAX;
    assert_int_equal(bench->tables.outstanding, before);
    map(bench, bench->low, 0, PAGE_SIZE, 0);
    unmap(bench, bench->low, PAGE_SIZE);
    assert_int_equal(bench->tables.outstanding, before + 1);
}

static void only_table_memory_is_touched(void **state)
{
    /* Regression: tables are reached through arch_table_ptr() alone, and the memory that is mapped
     * is never touched: here all of it but the tables is a hole that kills. */
    struct bench *bench = *state;
    struct tlb_batch batch;

    fake_memory_hole(pa(0), fake_memory_bytes - 4096 * PAGE_SIZE);
    map(bench, bench->low, 0, bench->s3, PT_WRITE | PT_OWNED);
    unmap(bench, bench->low + PAGE_SIZE, PAGE_SIZE);
    map(bench, bench->low + PAGE_SIZE, PAGE_SIZE, PAGE_SIZE, PT_WRITE | PT_OWNED);
    tlb_batch_init(&batch, &bench->table, NULL);
    assert_int_equal(pt_merge(&bench->table, va(bench->low), bench->s3, &batch),
                     bench->largest - 1);
    tlb_batch_finish(&batch);
    assert_int_equal(level_at(bench, bench->low), bench->largest);
    unmap(bench, bench->low, bench->s3);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        IN_EVERY_FORMAT(unmapping_gives_all_tables_back),
        IN_EVERY_FORMAT(holes_are_skipped),
        IN_EVERY_FORMAT(tables_are_freed_after_the_flush),
        IN_EVERY_FORMAT(each_leaf_is_released_once),
        IN_EVERY_FORMAT(a_split_flushes_the_whole_leaf),
        IN_EVERY_FORMAT(a_split_keeps_the_rest),
        IN_EVERY_FORMAT(a_split_without_memory_changes_nothing),
        IN_EVERY_FORMAT(memory_types_survive_everything),
        IN_EVERY_FORMAT(merging_restores_large_leaves),
        IN_EVERY_FORMAT(many_merges_in_one_batch),
        IN_EVERY_FORMAT(protecting_changes_rights_only),
        IN_EVERY_FORMAT(use_is_told_and_forgotten),
        IN_EVERY_FORMAT(replacing_a_page),
        IN_EVERY_FORMAT(without_nx_everything_is_executable),
        IN_EVERY_FORMAT(without_pat_nothing_is_combined),
        IN_EVERY_FORMAT(shared_upper_halves),
        IN_EVERY_FORMAT(tops_that_are_kept),
        IN_EVERY_FORMAT(only_table_memory_is_touched),
    };

    return run_in_every_format("pt_change", tests, ARRAY_COUNT(tests));
}
