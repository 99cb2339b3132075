/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_pt.c - properties of the page-table code, each in every format.
 *
 * The fake MMU walks the tables by itself and caches what it finds, so that "translates" means what
 * a processor makes of the tables. Addresses are built from the spans of the format's levels:
 * S1 (4 KiB), S2, S3.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "arch/cpu.h"
#include "arch/mmu.h"
#include "fake_memory.h"
#include "fake_mmu.h"
#include "fake_tables.h"
#include "lib/bits.h"
#include "mm/pt.h"
#include "mm/tlb.h"

#define MEMORY_BYTES  (64 * GiB)
#define PHYSICAL_BITS 36

struct bench {
    const struct pt_format *format;
    struct fake_tables tables;
    struct page_table table;
    uintptr_t s1, s2, s3; /* bytes */
    uintptr_t low;        /* a place in the lower half, a multiple of s3 */
    uintptr_t high;       /* the upper half */
};

static const struct pt_format *const formats[] = { &pt_format_x86_64_4level,
                                                   &pt_format_x86_64_5level, &pt_format_fake };

static int setup(void **state)
{
    static struct bench bench;
    const struct pt_format *format = *state;

    fake_memory_create(MEMORY_BYTES);
    bench = (struct bench){ .format = format };
    fake_tables_start(&bench.tables, 4096);
    bench.table = (struct page_table){ .format = format,
                                       .memory = &bench.tables.memory,
                                       .physical_bits = PHYSICAL_BITS,
                                       .largest_leaf = 3,
                                       .no_execute = true };
    assert_int_equal(pt_create(&bench.table), STATUS_OK);
    fake_mmu_start(&(struct fake_mmu_settings){ format, PHYSICAL_BITS, true }, bench.table.root);
    bench.s1 = (uintptr_t)pt_format_span(format, 1);
    bench.s2 = (uintptr_t)pt_format_span(format, 2);
    bench.s3 = (uintptr_t)pt_format_span(format, 3);
    bench.low = 4 * bench.s3;
    bench.high = va_value(pt_format_upper_half(format));
    *state = &bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;

    fake_mmu_check();
    assert_int_equal(fake_mmu_failures, 0);
    fake_mmu_start(&(struct fake_mmu_settings){ bench->format, PHYSICAL_BITS, true }, pa(0));
    pt_destroy(&bench->table);
    assert_int_equal(bench->tables.outstanding, 0);
    fake_tables_stop(&bench->tables);
    fake_memory_destroy();
    host_cpu_set(0);
    return 0;
}

/* --- helpers ----------------------------------------------------------------------------- */

static void map(struct bench *bench, uintptr_t address, uint64_t target, size_t size,
                unsigned flags)
{
    assert_int_equal(pt_map(&bench->table, va(address), pa(target), size, flags), STATUS_OK);
}

static void unmap(struct bench *bench, uintptr_t address, size_t size)
{
    struct tlb_batch batch;

    tlb_batch_init(&batch, &bench->table, NULL);
    assert_int_equal(pt_unmap(&bench->table, va(address), size, &batch), STATUS_OK);
    tlb_batch_finish(&batch);
}

static void protect(struct bench *bench, uintptr_t address, size_t size, unsigned flags)
{
    struct tlb_batch batch;

    tlb_batch_init(&batch, &bench->table, NULL);
    assert_int_equal(pt_protect(&bench->table, va(address), size, flags, &batch), STATUS_OK);
    tlb_batch_finish(&batch);
}

static void expect_at(uintptr_t address, uint64_t target, unsigned access)
{
    paddr_t found;

    assert_true(fake_mmu_access(address, access, &found, NULL));
    assert_int_equal(pa_value(found), target);
}

static void expect_fault(uintptr_t address, unsigned access, bool expected_present)
{
    paddr_t found;
    bool present = !expected_present;

    assert_false(fake_mmu_access(address, access, &found, &present));
    assert_int_equal(present, expected_present);
}

/* Touches each page of a range on every processor, so that all of it is cached. */
static void cache_all(uintptr_t address, size_t size)
{
    paddr_t found;

    for (unsigned cpu = 0; cpu < FAKE_MMU_CPUS; cpu++) {
        host_cpu_set(cpu);
        for (size_t offset = 0; offset < size; offset += PAGE_SIZE)
            assert_true(fake_mmu_access(address + offset, FAKE_READ, &found, NULL));
    }
    host_cpu_set(0);
}

static struct pt_mapping query(const struct bench *bench, uintptr_t address)
{
    struct pt_mapping mapping = { .level = 0 };

    assert_int_equal(pt_query(&bench->table, va(address), &mapping), STATUS_OK);
    return mapping;
}

static unsigned level_at(const struct bench *bench, uintptr_t address)
{
    return query(bench, address).level;
}

/* What the tables say, in short: two equal sums mean equal mappings and as many tables. */
static bool add_run(void *context, const struct pt_mapping *run)
{
    uint64_t *sum = context;
    const uint64_t facts[] = { va_value(run->address), pa_value(run->target), run->size_bytes,
                               run->flags };

    for (size_t i = 0; i < ARRAY_COUNT(facts); i++)
        *sum = (*sum ^ facts[i]) * 0x100000001b3u;
    return true;
}

static uint64_t summary(const struct bench *bench)
{
    uint64_t sum = 0xcbf29ce484222325u + pt_count_tables(&bench->table);

    pt_visit(&bench->table, va(0), SIZE_MAX, add_run, &sum);
    assert_int_equal(pt_count_tables(&bench->table), bench->tables.outstanding);
    return sum;
}

/* --- mapping ----------------------------------------------------------------------------- */

static void rights_are_what_was_asked_for(void **state)
{
    /* A page can be used in exactly the ways that its flags name, and reading is always one. */
    static const struct {
        unsigned flags, allowed;
    } cases[] = {
        { 0, FAKE_READ },
        { PT_WRITE, FAKE_WRITE },
        { PT_EXECUTE, FAKE_EXECUTE },
        { PT_USER, FAKE_USER },
        { PT_USER | PT_WRITE, FAKE_USER | FAKE_WRITE },
        { PT_USER | PT_EXECUTE | PT_GLOBAL, FAKE_USER | FAKE_EXECUTE },
    };
    struct bench *bench = *state;

    for (unsigned i = 0; i < ARRAY_COUNT(cases); i++) {
        uintptr_t address = bench->low + i * PAGE_SIZE;

        map(bench, address, i * 3 * PAGE_SIZE, PAGE_SIZE, cases[i].flags);
        for (unsigned access = 0; access < 8; access++) {
            if ((access & ~cases[i].allowed) == 0)
                expect_at(address + 123, i * 3 * PAGE_SIZE + 123, access);
            else
                expect_fault(address, access, true);
        }
        assert_int_equal(query(bench, address).flags & PT_RIGHTS, cases[i].flags);
    }
}

static void the_largest_leaf_that_fits(void **state)
{
    /* A range is covered by as few leaves as alignment of both addresses allows. */
    struct bench *bench = *state;
    uintptr_t start = bench->low + bench->s3 - bench->s2 - bench->s1;
    uint64_t target = 8 * bench->s3 + bench->s3 - bench->s2 - bench->s1;

    map(bench, start, target, 2 * (bench->s1 + bench->s2) + bench->s3, PT_WRITE);
    assert_int_equal(level_at(bench, start), 1);
    assert_int_equal(level_at(bench, start + bench->s1), 2);
    assert_int_equal(level_at(bench, bench->low + bench->s3), 3);
    assert_int_equal(level_at(bench, bench->low + 2 * bench->s3), 2);
    assert_int_equal(level_at(bench, bench->low + 2 * bench->s3 + bench->s2), 1);
    for (uintptr_t offset = 0; offset < 2 * (bench->s1 + bench->s2) + bench->s3;
         offset += bench->s2 / 4)
        expect_at(start + offset, target + offset, FAKE_WRITE);
    expect_fault(start - 1, FAKE_READ, false);
    expect_fault(start + 2 * (bench->s1 + bench->s2) + bench->s3, FAKE_READ, false);
}

static void leaves_are_small_where_asked_or_needed(void **state)
{
    /* PT_SMALL, a processor without large leaves, and addresses that never align together give
     * small leaves. */
    struct bench *bench = *state;

    map(bench, bench->low, 0, bench->s2, PT_SMALL);
    assert_int_equal(level_at(bench, bench->low), 1);
    map(bench, bench->low + bench->s3, PAGE_SIZE, bench->s2, 0);
    assert_int_equal(level_at(bench, bench->low + bench->s3), 1);
    bench->table.largest_leaf = 2;
    map(bench, bench->low + 2 * bench->s3, 0, bench->s3, 0);
    assert_int_equal(level_at(bench, bench->low + 2 * bench->s3), 2);
    expect_at(bench->low + bench->s3 + 5, PAGE_SIZE + 5, FAKE_READ);
}

static void overmapping_is_refused(void **state)
{
    /* A range of which any page is mapped, by a leaf of any size, is refused and nothing changes. */
    struct bench *bench = *state;
    uint64_t before;

    map(bench, bench->low + bench->s2, bench->s2, bench->s2, PT_WRITE);
    map(bench, bench->low + 3 * bench->s2 + 5 * PAGE_SIZE, 0, PAGE_SIZE, PT_WRITE);
    before = summary(bench);
    for (uintptr_t size = bench->s2 + PAGE_SIZE; size <= 2 * bench->s3; size *= 2)
        assert_int_equal(pt_map(&bench->table, va(bench->low), pa(0), size, 0), STATUS_EXISTS);
    assert_int_equal(
        pt_map(&bench->table, va(bench->low + bench->s2 + 7 * PAGE_SIZE), pa(0), PAGE_SIZE, 0),
        STATUS_EXISTS);
    assert_int_equal(pt_map(&bench->table, va(bench->low + 2 * bench->s2), pa(0), 2 * bench->s2, 0),
                     STATUS_EXISTS);
    assert_int_equal(summary(bench), before);
}

static void bad_requests_are_refused(void **state)
{
    /* W+X, broken alignment, empty, wrapping or not canonical ranges and unreachable frames are
     * refused with their own status, by every function that changes a table. */
    struct bench *bench = *state;
    uint64_t limit = (uint64_t)1 << PHYSICAL_BITS;
    uintptr_t hole = bench->high - PAGE_SIZE;
    uintptr_t lower_end = 0 - bench->high;
    struct {
        uintptr_t address;
        uint64_t target;
        size_t size;
        unsigned flags;
        enum status expected;
    } const cases[] = {
        { bench->low, 0, PAGE_SIZE, PT_WRITE | PT_EXECUTE, STATUS_DENIED },
        { bench->low, 0, PAGE_SIZE, PT_WRITE | PT_EXECUTE | PT_USER, STATUS_DENIED },
        { bench->low + 1, 0, PAGE_SIZE, 0, STATUS_NOT_ALIGNED },
        { bench->low, 1, PAGE_SIZE, 0, STATUS_NOT_ALIGNED },
        { bench->low, 0, PAGE_SIZE + 8, 0, STATUS_NOT_ALIGNED },
        { bench->low, 0, 0, 0, STATUS_INVALID },
        { bench->low, limit, PAGE_SIZE, 0, STATUS_INVALID },
        { bench->low, limit - PAGE_SIZE, 2 * PAGE_SIZE, 0, STATUS_INVALID },
        { bench->low, UINT64_MAX - PAGE_MASK, PAGE_SIZE, 0, STATUS_INVALID },
        { bench->low, 0, PAGE_SIZE, 5u << PT_CACHE_SHIFT, STATUS_INVALID },
        { hole, 0, PAGE_SIZE, 0, STATUS_INVALID },
        { lower_end, 0, PAGE_SIZE, 0, STATUS_INVALID },
        { lower_end - PAGE_SIZE, 0, 2 * PAGE_SIZE, 0, STATUS_INVALID },
        { lower_end - PAGE_SIZE, 0, bench->high - lower_end + 2 * PAGE_SIZE, 0, STATUS_INVALID },
        { UINTPTR_MAX - PAGE_MASK, 0, 2 * PAGE_SIZE, 0, STATUS_INVALID },
        { bench->high, 0, SIZE_MAX - PAGE_MASK, 0, STATUS_INVALID },
    };
    uint64_t before = summary(bench);

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        enum status status = pt_map(&bench->table, va(cases[i].address), pa(cases[i].target),
                                    cases[i].size, cases[i].flags);

        assert_int_equal(status, cases[i].expected);
        if (cases[i].target != 0)
            continue;
        status =
            pt_protect(&bench->table, va(cases[i].address), cases[i].size, cases[i].flags, NULL);
        assert_int_equal(status, cases[i].expected);
        if (cases[i].flags != 0)
            continue;
        status = pt_unmap(&bench->table, va(cases[i].address), cases[i].size, NULL);
        assert_int_equal(status, cases[i].expected);
    }
    assert_int_equal(summary(bench), before);
}

static void the_ends_of_both_halves(void **state)
{
    /* The first and the last page of either half can be mapped, up to the last byte of all. */
    struct bench *bench = *state;
    uintptr_t pages[] = { 0, 0 - bench->high - PAGE_SIZE, bench->high, UINTPTR_MAX - PAGE_MASK };

    for (unsigned i = 0; i < ARRAY_COUNT(pages); i++)
        map(bench, pages[i], i * PAGE_SIZE, PAGE_SIZE, PT_WRITE);
    for (unsigned i = 0; i < ARRAY_COUNT(pages); i++) {
        expect_at(pages[i] + PAGE_MASK, i * PAGE_SIZE + PAGE_MASK, FAKE_WRITE);
        unmap(bench, pages[i], PAGE_SIZE);
        expect_fault(pages[i] + PAGE_MASK, FAKE_READ, false);
    }
    map(bench, UINTPTR_MAX - bench->s3 + 1, 0, bench->s3, 0);
    expect_at(UINTPTR_MAX, bench->s3 - 1, FAKE_READ);
    assert_int_equal(bench->tables.outstanding, pt_count_tables(&bench->table));
}

static void a_failing_allocation_changes_nothing(void **state)
{
    /* Whichever table allocation of a map fails, the table is what it was and no frame is lost. */
    struct bench *bench = *state;
    uintptr_t start = bench->low + bench->s3 - bench->s2 - bench->s1;
    size_t size = 2 * (bench->s1 + bench->s2) + bench->s3;
    size_t failures = 0;
    enum status status;
    uint64_t before;

    map(bench, bench->low, 0, PAGE_SIZE, 0);
    before = summary(bench);
    do {
        bench->tables.refuse_after = failures;
        status = pt_map(&bench->table, va(start), pa(PAGE_SIZE), size, PT_WRITE);
        bench->tables.refuse_after = SIZE_MAX;
        if (status != STATUS_OK) {
            assert_int_equal(status, STATUS_NO_MEMORY);
            assert_int_equal(summary(bench), before);
            failures++;
        }
    } while (status != STATUS_OK);
    assert_true(failures >= 3);
    assert_int_equal(bench->tables.outstanding, pt_count_tables(&bench->table));
    expect_at(start + size - 1, PAGE_SIZE + size - 1, FAKE_WRITE);
}

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
        assert_int_equal(bench->tables.outstanding, 1);
    }
}

static void holes_are_skipped(void **state)
{
    /* Unmapping and protecting pass over what is not mapped, and flush nothing when nothing was. */
    struct bench *bench = *state;

    unmap(bench, bench->low, 4 * bench->s3);
    protect(bench, bench->low, 4 * bench->s3, PT_WRITE);
    assert_int_equal(fake_mmu_flushes.pages + fake_mmu_flushes.full, 0);
    map(bench, bench->low + 3 * PAGE_SIZE, 0, PAGE_SIZE, PT_WRITE);
    map(bench, bench->low + 9 * PAGE_SIZE, 0, PAGE_SIZE, PT_WRITE);
    protect(bench, bench->low, bench->s2, PT_USER);
    expect_at(bench->low + 9 * PAGE_SIZE, 0, FAKE_USER);
    unmap(bench, bench->low, bench->s2);
    assert_int_equal(fake_mmu_flushes.full, 0);
    assert_int_equal(fake_mmu_flushes.pages, 4);
    assert_int_equal(bench->tables.outstanding, 1);
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
    assert_int_equal(bench->tables.outstanding, 1);
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
    assert_int_equal(released_count, 4);
    assert_int_equal(released[0].size_bytes, bench->s2);
    assert_int_equal(released[0].flags & PT_OWNED, PT_OWNED);
    assert_int_equal(pa_value(released[1].target), 3 * PAGE_SIZE);
    assert_int_equal(released[1].flags & PT_OWNED, 0);
    assert_int_equal(pa_value(released[2].target), 4 * PAGE_SIZE);
    assert_int_equal(va_value(released[3].address), bench->low + bench->s3);
    assert_int_equal(released[3].size_bytes, bench->s3);
    assert_int_equal(bench->tables.outstanding, 1);
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
            assert_int_equal(bench->tables.outstanding, 1);
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
    for (size_t allowed = 0; allowed < 3; allowed++) {
        bench->tables.refuse_after = allowed;
        assert_int_equal(pt_unmap(&bench->table, va(start), bench->s3 / 2, &batch),
                         STATUS_NO_MEMORY);
        bench->tables.refuse_after = allowed;
        assert_int_equal(pt_protect(&bench->table, va(start), bench->s3 / 2, 0, &batch),
                         STATUS_NO_MEMORY);
        assert_int_equal(summary(bench), before);
    }
    bench->tables.refuse_after = 1;
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
        assert_true(pt_merge(&bench->table, va(bench->low), bench->s3, &batch) >= 2);
        tlb_batch_finish(&batch);
        assert_int_equal(level_at(bench, bench->low), 3);
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
    expect_fault(bench->low + 4 * PAGE_SIZE, FAKE_EXECUTE, true);
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
    fake_mmu_start(&(struct fake_mmu_settings){ bench->format, PHYSICAL_BITS, false },
                   bench->table.root);
    assert_int_equal(pt_map(&bench->table, va(bench->low), pa(0), PAGE_SIZE, PT_WRITE | PT_EXECUTE),
                     STATUS_DENIED);
    map(bench, bench->low, 0, bench->s2, PT_WRITE);
    protect(bench, bench->low, PAGE_SIZE, 0);
    expect_at(bench->low, 0, FAKE_EXECUTE);
    expect_at(bench->low + PAGE_SIZE, PAGE_SIZE, FAKE_WRITE);
    assert_int_equal(query(bench, bench->low).flags & (PT_WRITE | PT_EXECUTE), PT_EXECUTE);
}

/* --- looking ----------------------------------------------------------------------------- */

static void a_query_tells_the_hole(void **state)
{
    /* Where nothing is mapped, a query tells the span around the address that no entry covers. */
    struct bench *bench = *state;
    struct pt_mapping hole;

    assert_int_equal(pt_query(&bench->table, va(bench->low + 5), &hole), STATUS_NOT_FOUND);
    assert_int_equal(hole.level, pt_format_levels(bench->format));
    map(bench, bench->low, 0, PAGE_SIZE, 0);
    assert_int_equal(pt_query(&bench->table, va(bench->low + 3 * PAGE_SIZE + 5), &hole),
                     STATUS_NOT_FOUND);
    assert_int_equal(va_value(hole.address), bench->low + 3 * PAGE_SIZE);
    assert_int_equal(hole.size_bytes, PAGE_SIZE);
    assert_int_equal(pt_query(&bench->table, va(bench->low + bench->s2), &hole), STATUS_NOT_FOUND);
    assert_int_equal(hole.size_bytes, bench->s2);
    assert_int_equal(pt_query(&bench->table, va(bench->high - 1), &hole), STATUS_INVALID);
}

struct runs {
    struct pt_mapping run[8];
    unsigned count, wanted;
};

static bool collect(void *context, const struct pt_mapping *run)
{
    struct runs *runs = context;

    assert_true(runs->count < ARRAY_COUNT(runs->run));
    runs->run[runs->count++] = *run;
    return runs->count < runs->wanted;
}

static void visits_join_what_continues(void **state)
{
    /* Leaves of any size that continue each other in both addresses and in rights are one run;
     * runs come in order, over both halves, cut to the range, until the visitor has enough. */
    struct bench *bench = *state;
    struct runs runs = { .wanted = 8 };

    map(bench, bench->low, 0, bench->s3 + bench->s2 + PAGE_SIZE, PT_WRITE);
    map(bench, bench->low + bench->s3 + bench->s2 + PAGE_SIZE, bench->s3 + bench->s2 + PAGE_SIZE,
        PAGE_SIZE, 0);
    map(bench, bench->high + bench->s3, bench->s2, 3 * PAGE_SIZE, PT_GLOBAL);
    expect_at(bench->low + PAGE_SIZE, PAGE_SIZE, FAKE_WRITE); /* dirty bits don't part runs */
    pt_visit(&bench->table, va(0), SIZE_MAX, collect, &runs);
    assert_int_equal(runs.count, 3);
    assert_int_equal(runs.run[0].size_bytes, bench->s3 + bench->s2 + PAGE_SIZE);
    assert_int_equal(runs.run[1].size_bytes, PAGE_SIZE);
    assert_int_equal(va_value(runs.run[2].address), bench->high + bench->s3);
    runs = (struct runs){ .wanted = 8 };
    pt_visit(&bench->table, va(bench->low + PAGE_SIZE), bench->s3, collect, &runs);
    assert_int_equal(runs.count, 1);
    assert_int_equal(pa_value(runs.run[0].target), PAGE_SIZE);
    assert_int_equal(runs.run[0].size_bytes, bench->s3);
    runs = (struct runs){ .wanted = 2 };
    pt_visit(&bench->table, va(0), SIZE_MAX, collect, &runs);
    assert_int_equal(runs.count, 2);
}

static void an_explanation_names_each_level(void **state)
{
    /* The steps of a walk lead from the root to the leaf, or to the entry that stops it. */
    struct bench *bench = *state;
    struct pt_step steps[PT_MAX_LEVELS];
    unsigned levels = pt_format_levels(bench->format);
    unsigned count;

    map(bench, bench->low, 0x5000, PAGE_SIZE, PT_WRITE);
    count = pt_explain(&bench->table, va(bench->low), steps);
    assert_int_equal(count, levels);
    assert_int_equal(pa_value(steps[0].table), pa_value(bench->table.root));
    for (unsigned i = 0; i + 1 < count; i++) {
        assert_int_equal(steps[i].level, levels - i);
        assert_true(steps[i].present && !steps[i].leaf);
        assert_int_equal(pa_value(steps[i].next), pa_value(steps[i + 1].table));
    }
    assert_true(steps[count - 1].leaf);
    assert_int_equal(pa_value(steps[count - 1].next), 0x5000);
    assert_int_equal(steps[count - 1].flags, PT_WRITE);
    count = pt_explain(&bench->table, va(bench->low + bench->s2), steps);
    assert_int_equal(count, levels - 1);
    assert_false(steps[count - 1].present);
    assert_int_equal(pt_explain(&bench->table, va(bench->high - 1), steps), 0);
}

static void flags_as_text(void **state)
{
    /* Flags read "rwx" with what is missing as a dash, then user, then a memory type that is not
     * write-back. */
    char text[16];

    (void)state;
    pt_flags_text(0, text);
    assert_string_equal(text, "r--");
    pt_flags_text(PT_WRITE | PT_WRITE_COMBINING, text);
    assert_string_equal(text, "rw- wc");
    pt_flags_text(PT_WRITE | PT_EXECUTE | PT_USER | PT_UNCACHED_MINUS | PT_ACCESSED, text);
    assert_string_equal(text, "rwxu uc-");
    assert_true(strlen(text) <= 12);
    pt_flags_text(PT_EXECUTE | PT_WRITE_THROUGH, text);
    assert_string_equal(text, "r-x wt");
}

/* --- tables of their own ----------------------------------------------------------------- */

static void shared_upper_halves(void **state)
{
    /* What the owner maps in a window that it reserved is seen through every table that shares its
     * upper half, at once; destroying one leaves the owner's tables alone. */
    struct bench *bench = *state;
    struct page_table user = bench->table;
    size_t before;

    bench->table.keeps_top = true;
    assert_int_equal(pt_reserve_top(&bench->table, va(bench->high), bench->s3), STATUS_OK);
    assert_int_equal(pt_create(&user), STATUS_OK);
    pt_share_upper(&user, &bench->table);
    before = bench->tables.outstanding;
    if (pt_format_levels(bench->format) > 3) {
        map(bench, bench->high, 0, PAGE_SIZE, PT_WRITE | PT_GLOBAL);
        assert_int_equal(pt_map(&user, va(bench->low), pa(0), PAGE_SIZE, PT_USER), STATUS_OK);
        arch_root_write(user.root);
        expect_at(bench->high, 0, FAKE_WRITE);
        unmap(bench, bench->high, PAGE_SIZE);
        expect_fault(bench->high, FAKE_READ, false);
        arch_root_write(bench->table.root);
        assert_int_equal(pt_count_tables(&user), pt_format_levels(bench->format));
    }
    pt_destroy(&user);
    assert_int_equal(bench->tables.outstanding, before - 1);
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

    fake_memory_hole(pa(0), MEMORY_BYTES - 4096 * PAGE_SIZE);
    map(bench, bench->low, 0, bench->s3, PT_WRITE | PT_OWNED);
    unmap(bench, bench->low + PAGE_SIZE, PAGE_SIZE);
    map(bench, bench->low + PAGE_SIZE, PAGE_SIZE, PAGE_SIZE, PT_WRITE | PT_OWNED);
    tlb_batch_init(&batch, &bench->table, NULL);
    assert_int_equal(pt_merge(&bench->table, va(bench->low), bench->s3, &batch), 2);
    tlb_batch_finish(&batch);
    assert_int_equal(level_at(bench, bench->low), 3);
    unmap(bench, bench->low, bench->s3);
}

#define IN_EVERY_FORMAT(function)                                                                  \
    {                                                                                              \
#function, function, setup, teardown, NULL                                                 \
    }

static const struct CMUnitTest tests[] = {
    IN_EVERY_FORMAT(rights_are_what_was_asked_for),
    IN_EVERY_FORMAT(the_largest_leaf_that_fits),
    IN_EVERY_FORMAT(leaves_are_small_where_asked_or_needed),
    IN_EVERY_FORMAT(overmapping_is_refused),
    IN_EVERY_FORMAT(bad_requests_are_refused),
    IN_EVERY_FORMAT(the_ends_of_both_halves),
    IN_EVERY_FORMAT(a_failing_allocation_changes_nothing),
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
    IN_EVERY_FORMAT(replacing_a_page),
    IN_EVERY_FORMAT(without_nx_everything_is_executable),
    IN_EVERY_FORMAT(a_query_tells_the_hole),
    IN_EVERY_FORMAT(visits_join_what_continues),
    IN_EVERY_FORMAT(an_explanation_names_each_level),
    IN_EVERY_FORMAT(flags_as_text),
    IN_EVERY_FORMAT(shared_upper_halves),
    IN_EVERY_FORMAT(tops_that_are_kept),
    IN_EVERY_FORMAT(only_table_memory_is_touched),
};

int main(void)
{
    static struct CMUnitTest all[ARRAY_COUNT(formats) * ARRAY_COUNT(tests)];
    static char names[ARRAY_COUNT(all)][80];
    size_t count = 0;

    for (size_t f = 0; f < ARRAY_COUNT(formats); f++) {
        for (size_t t = 0; t < ARRAY_COUNT(tests); t++) {
            snprintf(names[count], sizeof(names[count]), "%s (%s)", tests[t].name,
                     pt_format_name(formats[f]));
            all[count] = tests[t];
            all[count].name = names[count];
            all[count].initial_state = (void *)(uintptr_t)formats[f];
            count++;
        }
    }
    return _cmocka_run_group_tests("pt", all, count, NULL, NULL);
}
