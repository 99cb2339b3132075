/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_pt_model.c - page tables under random load, against a model of single pages.
 *
 * The playground is a stretch of pages around a border of tables of all levels, long enough for
 * large leaves. The model knows target and flags of each page. After every change no TLB of any
 * processor may hold what the tables no longer grant; what the fake MMU makes of an address, what
 * queries say and what visits show must be what the model says; the number of tables must be the
 * number of frames that are out. Every change that needs tables is tried, now and then, with none,
 * then one, then two left, until it succeeds: each failure must have changed nothing.
 */
#include "pt_bench.h"

#define PAGES      1400
#define OPERATIONS 3000

struct page {
    bool mapped;
    uint64_t target;
    unsigned flags;
};

static struct bench *bench;
static struct page pages[PAGES];
static uintptr_t base;
static uint64_t random_state;

static uint64_t below(uint64_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % limit;
}

static uintptr_t address_of(size_t page)
{
    return base + page * PAGE_SIZE;
}

struct change {
    size_t start, end; /* pages */
    uint64_t target;
    unsigned flags;
    struct tlb_batch batch;
    paddr_t old;
};

static size_t bytes_of(const struct change *change)
{
    return (change->end - change->start) * PAGE_SIZE;
}

static struct change random_change(void)
{
    static const unsigned choices[] = { 0, PT_WRITE, PT_EXECUTE, PT_WRITE | PT_USER,
                                        PT_USER | PT_EXECUTE };
    size_t longest = below(3) == 0 ? PAGES : 20;
    struct change change = { .start = below(PAGES) };

    change.end = change.start + 1 + below(longest);
    if (change.end > PAGES)
        change.end = PAGES;
    change.flags = choices[below(ARRAY_COUNT(choices))];
    if (below(3) == 0)
        change.flags |= PT_GLOBAL;
    change.flags |= (unsigned)below(5) << PT_CACHE_SHIFT;
    /* In step with the address, so that large leaves fit, or somewhere. */
    change.target = 16 * bench->s3 + change.start * PAGE_SIZE + (base & (bench->s3 - 1));
    if (below(3) == 0)
        change.target = below((uint64_t)1 << (bench->physical_bits - 1)) & ~(uint64_t)PAGE_MASK;
    return change;
}

/* --- attempts ---------------------------------------------------------------------------- */

/* Runs a change, now and then with ever more tables left until it does not fail any more. */
static enum status attempt(enum status (*run)(struct change *change), struct change *change)
{
    enum status status = STATUS_NO_MEMORY;
    uint64_t before;

    tlb_batch_init(&change->batch, &bench->table, NULL);
    if (below(8) != 0) {
        status = run(change);
        tlb_batch_finish(&change->batch);
        return status;
    }
    before = summary(bench);
    for (size_t allowed = 0; status == STATUS_NO_MEMORY; allowed++) {
        bench->tables.refuse_after = allowed;
        status = run(change);
        bench->tables.refuse_after = SIZE_MAX;
        tlb_batch_finish(&change->batch);
        assert_true(status != STATUS_NO_MEMORY || summary(bench) == before);
        fake_mmu_check();
    }
    return status;
}

static enum status run_map(struct change *change)
{
    return pt_map(&bench->table, va(address_of(change->start)), pa(change->target),
                  bytes_of(change), change->flags);
}

static enum status run_unmap(struct change *change)
{
    return pt_unmap(&bench->table, va(address_of(change->start)), bytes_of(change), &change->batch);
}

static enum status run_protect(struct change *change)
{
    return pt_protect(&bench->table, va(address_of(change->start)), bytes_of(change), change->flags,
                      &change->batch);
}

static enum status run_replace(struct change *change)
{
    return pt_replace(&bench->table, va(address_of(change->start)), pa(change->target),
                      change->flags, &change->batch, &change->old);
}

static enum status run_merge(struct change *change)
{
    pt_merge(&bench->table, va(address_of(change->start)), bytes_of(change), &change->batch);
    return STATUS_OK;
}

/* --- operations -------------------------------------------------------------------------- */

static void map_some(void)
{
    struct change change = random_change();
    bool free = true;
    enum status status;

    if (below(4) == 0)
        change.flags |= PT_SMALL;
    if (below(4) == 0)
        change.flags |= PT_OWNED;
    status = attempt(run_map, &change);
    for (size_t i = change.start; i < change.end; i++)
        free = free && !pages[i].mapped;
    assert_int_equal(status, free ? STATUS_OK : STATUS_EXISTS);
    for (size_t i = change.start; free && i < change.end; i++)
        pages[i] = (struct page){ true, change.target + (i - change.start) * PAGE_SIZE,
                                  (change.flags & ~(unsigned)PT_SMALL) | bench->implied };
}

static void unmap_some(void)
{
    struct change change = random_change();

    assert_int_equal(attempt(run_unmap, &change), STATUS_OK);
    for (size_t i = change.start; i < change.end; i++)
        pages[i].mapped = false;
}

static void protect_some(void)
{
    struct change change = random_change();

    assert_int_equal(attempt(run_protect, &change), STATUS_OK);
    for (size_t i = change.start; i < change.end; i++)
        pages[i].flags = change.flags | bench->implied | (pages[i].flags & PT_OWNED);
}

static void replace_one(void)
{
    struct change change = random_change();
    struct page *page = &pages[change.start];
    enum status status = attempt(run_replace, &change);

    assert_int_equal(status, page->mapped ? STATUS_OK : STATUS_NOT_FOUND);
    if (!page->mapped)
        return;
    assert_int_equal(pa_value(change.old), page->target);
    page->target = change.target;
    page->flags = change.flags | bench->implied;
}

static void merge_some(void)
{
    struct change change = random_change();

    assert_int_equal(attempt(run_merge, &change), STATUS_OK);
}

/* --- agreement --------------------------------------------------------------------------- */

static bool allowed(const struct page *page, unsigned access)
{
    return page->mapped && ((access & FAKE_WRITE) == 0 || (page->flags & PT_WRITE) != 0) &&
           ((access & FAKE_EXECUTE) == 0 || (page->flags & PT_EXECUTE) != 0) &&
           ((access & FAKE_USER) == 0 || (page->flags & PT_USER) != 0);
}

static void access_some(void)
{
    for (unsigned i = 0; i < 6; i++) {
        size_t number = below(PAGES);
        unsigned access = (unsigned)below(8);
        paddr_t target;

        host_cpu_set((unsigned)below(fake_mmu_cpus));
        if (fake_mmu_access(address_of(number) + 3, access, &target, NULL)) {
            assert_true(allowed(&pages[number], access));
            assert_int_equal(pa_value(target), pages[number].target + 3);
        } else {
            assert_false(allowed(&pages[number], access));
        }
    }
    host_cpu_set(0);
}

#define COMPARED (PT_RIGHTS | PT_OWNED)

static void query_one(void)
{
    size_t number = below(PAGES);
    struct pt_mapping leaf;
    enum status status = pt_query(&bench->table, va(address_of(number)), &leaf);

    assert_int_equal(status, pages[number].mapped ? STATUS_OK : STATUS_NOT_FOUND);
    if (status != STATUS_OK)
        return;
    assert_int_equal(pa_value(leaf.target) + (address_of(number) - va_value(leaf.address)),
                     pages[number].target);
    assert_int_equal(leaf.flags & COMPARED, pages[number].flags);
}

static void translate_one(void)
{
    size_t number = below(PAGES);
    uintptr_t offset = (uintptr_t)below(PAGE_SIZE);
    paddr_t target = pa(1);
    enum status status = pt_translate(&bench->table, va(address_of(number) + offset), &target);

    assert_int_equal(status, pages[number].mapped ? STATUS_OK : STATUS_NOT_FOUND);
    assert_int_equal(pa_value(target), pages[number].mapped ? pages[number].target + offset : 1);
}

static bool compare_run(void *context, const struct pt_mapping *run)
{
    size_t *next = context;
    size_t number = (va_value(run->address) - base) / PAGE_SIZE;

    for (; *next < number; ++*next)
        assert_false(pages[*next].mapped);
    for (uint64_t offset = 0; offset < run->size_bytes; offset += PAGE_SIZE, ++*next) {
        assert_true(pages[*next].mapped);
        assert_int_equal(pages[*next].target, pa_value(run->target) + offset);
        assert_int_equal(pages[*next].flags, run->flags & COMPARED);
    }
    return true;
}

static void compare_all(void)
{
    size_t next = 0;

    pt_visit(&bench->table, va(0), SIZE_MAX, compare_run, &next);
    for (; next < PAGES; next++)
        assert_false(pages[next].mapped);
    assert_int_equal(pt_count_tables(&bench->table), bench->tables.outstanding);
}

static void step(void)
{
    switch (below(12)) {
    case 0:
    case 1:
    case 2:
        map_some();
        return;
    case 3:
    case 4:
        unmap_some();
        return;
    case 5:
        protect_some();
        return;
    case 6:
        replace_one();
        return;
    case 7:
        merge_some();
        return;
    default:
        access_some();
        query_one();
        translate_one();
        return;
    }
}

static void run_model(uintptr_t middle, uint64_t seed)
{
    base = middle - PAGES / 2 * PAGE_SIZE;
    memset(pages, 0, sizeof(pages));
    random_state = seed;
    for (unsigned i = 0; i < OPERATIONS; i++) {
        step();
        fake_mmu_check();
        assert_int_equal(fake_mmu_failures, 0);
        if (i % 32 == 0)
            compare_all();
    }
    compare_all();
    unmap(bench, base, PAGES * PAGE_SIZE);
    assert_int_equal(bench->tables.outstanding, bench->empty_tables);
}

static uintptr_t root_span(void)
{
    return (uintptr_t)pt_format_span(bench->format, pt_format_levels(bench->format));
}

static void the_lower_half(void **state)
{
    /* Around a border of entries of the root in the lower half, tables are what the model is. */
    bench = *state;
    run_model(root_span(), 0x9e3779b97f4a7c15);
}

static void the_upper_half(void **state)
{
    /* The same in the upper half, whose addresses are sign-extended where a format has so many;
     * between entries of the root where that half has more than one. */
    uintptr_t middle;

    bench = *state;
    middle = bench->last - bench->high > 4 * root_span() ? bench->high + 2 * root_span()
                                                         : bench->high + root_span() / 2;
    run_model(middle, 0xd1b54a32d192ed03);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        IN_EVERY_FORMAT(the_lower_half),
        IN_EVERY_FORMAT(the_upper_half),
    };

    return run_in_every_format("pt_model", tests, ARRAY_COUNT(tests));
}
