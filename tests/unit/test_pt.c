/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_pt.c - properties of page tables: mapping, and looking at what is mapped.
 */
#include "pt_bench.h"

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
    unsigned implied = bench->implied != 0 ? FAKE_EXECUTE : 0;

    for (unsigned i = 0; i < ARRAY_COUNT(cases); i++) {
        uintptr_t address = bench->low + i * PAGE_SIZE;

        map(bench, address, i * 3 * PAGE_SIZE, PAGE_SIZE, cases[i].flags);
        for (unsigned access = 0; access < 8; access++) {
            if ((access & ~(cases[i].allowed | implied)) == 0)
                expect_at(address + 123, i * 3 * PAGE_SIZE + 123, access);
            else
                expect_fault(address, access, true);
        }
        assert_int_equal(query(bench, address).flags & PT_RIGHTS, cases[i].flags | bench->implied);
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
    assert_int_equal(level_at(bench, bench->low + bench->s3), bench->largest);
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

static void no_table_more_than_needed(void **state)
{
    /* A map asks for exactly the tables that it uses, whatever mix of leaves it makes. */
    struct bench *bench = *state;

    for (unsigned i = 0; i < 4; i++) {
        uintptr_t start = bench->low + bench->s3 - (i & 1) * bench->s2 - PAGE_SIZE;
        uint64_t target = (i & 2) != 0 ? PAGE_SIZE : start;
        size_t size = 2 * bench->s3 + 3 * bench->s2 + 2 * PAGE_SIZE;
        size_t before = bench->tables.allocations;

        map(bench, start, target, size, PT_WRITE);
        assert_true(bench->tables.outstanding > bench->empty_tables);
        assert_int_equal(bench->tables.allocations - before,
                         bench->tables.outstanding - bench->empty_tables);
        assert_int_equal(bench->tables.outstanding, pt_count_tables(&bench->table));
        unmap(bench, start, size);
        assert_int_equal(bench->tables.outstanding, bench->empty_tables);
    }
}

static void bad_requests_are_refused(void **state)
{
    /* W+X, broken alignment, empty, wrapping or not canonical ranges and unreachable frames are
     * refused with their own status, by every function that changes a table. */
    struct bench *bench = *state;
    uint64_t limit = (uint64_t)1 << bench->physical_bits;
    bool has_hole = bench->high != bench->low_end;
    uintptr_t hole = has_hole ? bench->high - PAGE_SIZE : bench->last + 1;
    uintptr_t border = has_hole ? bench->low_end : bench->last + 1;
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
        { border, 0, PAGE_SIZE, 0, STATUS_INVALID },
        { border - PAGE_SIZE, 0, 2 * PAGE_SIZE, 0, STATUS_INVALID },
        { bench->low_end - PAGE_SIZE, 0, 2 * PAGE_SIZE, 0, STATUS_INVALID },
        { bench->low_end - PAGE_SIZE, 0, bench->high - bench->low_end + 2 * PAGE_SIZE, 0,
          STATUS_INVALID },
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
    uintptr_t pages[] = { 0, bench->low_end - PAGE_SIZE, bench->high, bench->last - PAGE_MASK };

    for (unsigned i = 0; i < ARRAY_COUNT(pages); i++)
        map(bench, pages[i], i * PAGE_SIZE, PAGE_SIZE, PT_WRITE);
    for (unsigned i = 0; i < ARRAY_COUNT(pages); i++) {
        expect_at(pages[i] + PAGE_MASK, i * PAGE_SIZE + PAGE_MASK, FAKE_WRITE);
        unmap(bench, pages[i], PAGE_SIZE);
        expect_fault(pages[i] + PAGE_MASK, FAKE_READ, false);
    }
    map(bench, bench->last - bench->s3 + 1, 0, bench->s3, 0);
    expect_at(bench->last, bench->s3 - 1, FAKE_READ);
    assert_int_equal(bench->tables.outstanding, pt_count_tables(&bench->table));
}

static void a_failing_allocation_changes_nothing(void **state)
{
    /* Whichever table allocation of a map fails, the table is what it was and no frame is lost. */
    struct bench *bench = *state;
    uintptr_t start = bench->low + bench->s3 - bench->s2 - bench->s1;
    size_t size = 2 * (bench->s1 + bench->s2) + bench->s3;
    uint64_t target = 8 * bench->s3 + bench->s3 - bench->s2 - bench->s1;
    size_t failures = 0;
    enum status status;
    uint64_t before;

    map(bench, bench->low, 0, PAGE_SIZE, 0);
    before = summary(bench);
    do {
        bench->tables.refuse_after = failures;
        status = pt_map(&bench->table, va(start), pa(target), size, PT_WRITE);
        bench->tables.refuse_after = SIZE_MAX;
        if (status != STATUS_OK) {
            assert_int_equal(status, STATUS_NO_MEMORY);
            assert_int_equal(summary(bench), before);
            failures++;
        }
    } while (status != STATUS_OK);
    assert_true(failures >= 2);
    assert_int_equal(bench->tables.outstanding, pt_count_tables(&bench->table));
    expect_at(start + size - 1, target + size - 1, FAKE_WRITE);
}

/* --- looking ----------------------------------------------------------------------------- */

static void a_query_tells_the_hole(void **state)
{
    /* Where nothing is mapped, a query tells the span around the address that no entry covers. */
    struct bench *bench = *state;
    uintptr_t outside = bench->high == bench->low_end ? bench->last + 1 : bench->high - 1;
    struct pt_mapping hole;

    assert_int_equal(pt_query(&bench->table, va(bench->low + 5), &hole), STATUS_NOT_FOUND);
    assert_int_equal(hole.level,
                     pt_format_levels(bench->format) - (bench->empty_tables > 1 ? 1u : 0u));
    map(bench, bench->low, 0, PAGE_SIZE, 0);
    assert_int_equal(pt_query(&bench->table, va(bench->low + 3 * PAGE_SIZE + 5), &hole),
                     STATUS_NOT_FOUND);
    assert_int_equal(va_value(hole.address), bench->low + 3 * PAGE_SIZE);
    assert_int_equal(hole.size_bytes, PAGE_SIZE);
    assert_int_equal(pt_query(&bench->table, va(bench->low + bench->s2), &hole), STATUS_NOT_FOUND);
    assert_int_equal(hole.size_bytes, bench->s2);
    assert_int_equal(pt_query(&bench->table, va(outside), &hole), STATUS_INVALID);
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
     * runs come in order, over both halves, cut to the pages that the range touches, until the visitor
     * has enough. */
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
    for (uintptr_t size = 0; size <= 2; size++) {
        runs = (struct runs){ .wanted = 8 };
        pt_visit(&bench->table, va(bench->low), size, collect, &runs);
        assert_int_equal(runs.count, size != 0);
        assert_int_equal(runs.run[0].size_bytes, size != 0 ? PAGE_SIZE : 0);
    }
    runs = (struct runs){ .wanted = 8 };
    pt_visit(&bench->table, va(bench->low + PAGE_MASK), 2, collect, &runs);
    assert_int_equal(runs.run[0].size_bytes, 2 * PAGE_SIZE);
    runs = (struct runs){ .wanted = 2 };
    pt_visit(&bench->table, va(0), SIZE_MAX, collect, &runs);
    assert_int_equal(runs.count, 2);
    runs = (struct runs){ .wanted = 1 };
    pt_visit(&bench->table, va(0), SIZE_MAX, collect, &runs);
    assert_int_equal(runs.count, 1);
}

static void an_explanation_names_each_level(void **state)
{
    /* The steps of a walk lead from the root to the leaf, or to the entry that stops it. */
    struct bench *bench = *state;
    struct pt_step steps[PT_MAX_LEVELS];
    uintptr_t outside = bench->high == bench->low_end ? bench->last + 1 : bench->high - 1;
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
    assert_int_equal(steps[count - 1].flags, PT_WRITE | bench->implied);
    count = pt_explain(&bench->table, va(bench->low + bench->s2), steps);
    assert_int_equal(count, levels - 1);
    assert_false(steps[count - 1].present);
    assert_int_equal(pt_explain(&bench->table, va(outside), steps), 0);
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

int main(void)
{
    static const struct CMUnitTest tests[] = {
        IN_EVERY_FORMAT(rights_are_what_was_asked_for),
        IN_EVERY_FORMAT(the_largest_leaf_that_fits),
        IN_EVERY_FORMAT(leaves_are_small_where_asked_or_needed),
        IN_EVERY_FORMAT(overmapping_is_refused),
        IN_EVERY_FORMAT(no_table_more_than_needed),
        IN_EVERY_FORMAT(bad_requests_are_refused),
        IN_EVERY_FORMAT(the_ends_of_both_halves),
        IN_EVERY_FORMAT(a_failing_allocation_changes_nothing),
        IN_EVERY_FORMAT(a_query_tells_the_hole),
        IN_EVERY_FORMAT(visits_join_what_continues),
        IN_EVERY_FORMAT(an_explanation_names_each_level),
        IN_EVERY_FORMAT(flags_as_text),
    };

    return run_in_every_format("pt", tests, ARRAY_COUNT(tests));
}
