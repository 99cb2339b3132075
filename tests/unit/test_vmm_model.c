/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_vmm_model.c - address spaces under random load, against a model of single pages.
 *
 * The playground is a stretch of pages around a border of tables of all levels. The model knows for
 * each page of each space whether there is an area, of what kind and rights, and what word it
 * holds; shared pages of a family of clones hold one word together. After every operation both
 * must agree, no TLB may hold what the tables no longer grant, and an operation that fails must
 * have changed nothing. Some operations are tried with 0, 1, 2 ... frames left until they succeed.
 */
#include "vm_machine.h"

#include "mm/vm_private.h"

#define PAGES      96
#define SPACES     4
#define OPERATIONS 4000
#define SHARED_MAX 4096

enum page_kind { PAGE_NOTHING, PAGE_PRIVATE, PAGE_SHARED, PAGE_GUARD };

struct page {
    enum page_kind kind;
    unsigned rights;
    uint64_t value;  /* private */
    unsigned shared; /* index of the shared word */
};

static struct {
    struct vm_space *space;
    struct page pages[PAGES];
} worlds[SPACES];
static uint64_t shared_words[SHARED_MAX];
static unsigned shared_count;
static unsigned current;
static uintptr_t base;

static uintptr_t address_of(unsigned page)
{
    return base + page * PAGE_SIZE;
}

static unsigned below(unsigned limit)
{
    return (unsigned)machine_random_below(limit);
}

struct span {
    unsigned start, end;
};

static struct span random_span(unsigned longest)
{
    unsigned start = below(PAGES);
    unsigned end = start + 1 + below(longest);

    return (struct span){ start, end < PAGES ? end : PAGES };
}

static bool has_kind(const struct page *pages, struct span span, enum page_kind kind)
{
    for (unsigned i = span.start; i < span.end; i++) {
        if (pages[i].kind == kind)
            return true;
    }
    return false;
}

static bool is_free(const struct page *pages, struct span span)
{
    return !has_kind(pages, span, PAGE_PRIVATE) && !has_kind(pages, span, PAGE_SHARED) &&
           !has_kind(pages, span, PAGE_GUARD);
}

static uint64_t *word_of(struct page *page)
{
    return page->kind == PAGE_SHARED ? &shared_words[page->shared] : &page->value;
}

/* --- scarcity ---------------------------------------------------------------------------- */

/* Runs `operation`, now and then with ever more frames left until it does not fail any more. */
static enum status attempt(enum status (*operation)(void *context), void *context)
{
    enum status status = STATUS_NO_MEMORY;

    if (below(40) != 0)
        return operation(context);
    for (size_t allowed = 0; status == STATUS_NO_MEMORY; allowed++) {
        vm_machine_leave_frames(allowed);
        status = operation(context);
        vm_machine_return_frames();
        fake_mmu_check();
        assert_true(allowed < 1000);
    }
    return status;
}

/* --- operations -------------------------------------------------------------------------- */

static const unsigned rights_choices[] = { 0,       PT_WRITE,           PT_EXECUTE,
                                           PT_USER, PT_USER | PT_WRITE, PT_USER | PT_EXECUTE };

static unsigned random_rights(void)
{
    return rights_choices[below(ARRAY_COUNT(rights_choices))];
}

static enum status do_map(void *context)
{
    vaddr_t start;

    return vm_map(worlds[current].space, context, &start);
}

static void map(void)
{
    struct page *pages = worlds[current].pages;
    struct span span = random_span(below(4) == 0 ? 70 : 8);
    enum page_kind kind = below(6) == 0 ? PAGE_GUARD : below(4) == 0 ? PAGE_SHARED : PAGE_PRIVATE;
    struct vm_request request = {
        .address = va(address_of(span.start)),
        .size_bytes = (span.end - span.start) * PAGE_SIZE,
        .rights = random_rights(),
        .kind = kind == PAGE_GUARD ? VM_GUARD : VM_ANONYMOUS,
        .flags = VM_EXACT | (kind == PAGE_SHARED ? VM_SHARED : 0u) |
                 (below(3) == 0 ? VM_HUGE : 0u) | (below(3) == 0 ? VM_POPULATE : 0u),
        .name = "model",
    };
    enum status status = attempt(do_map, &request);

    if (!is_free(pages, span)) {
        assert_int_equal(status, STATUS_EXISTS);
        return;
    }
    assert_ok(status);
    for (unsigned i = span.start; i < span.end; i++) {
        pages[i] = (struct page){ .kind = kind, .rights = request.rights };
        if (kind == PAGE_SHARED) {
            assert_true(shared_count < SHARED_MAX);
            shared_words[shared_count] = 0;
            pages[i].shared = shared_count++;
        }
    }
}

static enum status do_unmap(void *context)
{
    const struct span *span = context;

    return vm_unmap(worlds[current].space, va(address_of(span->start)),
                    (span->end - span->start) * PAGE_SIZE);
}

static void unmap(void)
{
    struct span span = random_span(below(4) == 0 ? 70 : 8);

    assert_ok(attempt(do_unmap, &span));
    for (unsigned i = span.start; i < span.end; i++)
        worlds[current].pages[i] = (struct page){ .kind = PAGE_NOTHING };
}

struct protection {
    struct span span;
    unsigned rights;
};

static enum status do_protect(void *context)
{
    const struct protection *change = context;

    return vm_protect(worlds[current].space, va(address_of(change->span.start)),
                      (change->span.end - change->span.start) * PAGE_SIZE, change->rights);
}

/* The first page that is no ordinary memory decides. */
static enum status expected_of_protect(const struct page *pages, struct span span)
{
    for (unsigned i = span.start; i < span.end; i++) {
        if (pages[i].kind == PAGE_NOTHING)
            return STATUS_NOT_FOUND;
        if (pages[i].kind == PAGE_GUARD)
            return STATUS_DENIED;
    }
    return STATUS_OK;
}

static void protect(void)
{
    struct page *pages = worlds[current].pages;
    struct protection change = { random_span(12), random_rights() };
    enum status expected = expected_of_protect(pages, change.span);

    assert_int_equal(attempt(do_protect, &change), expected);
    for (unsigned i = change.span.start; expected == STATUS_OK && i < change.span.end; i++)
        pages[i].rights = change.rights;
}

struct access {
    unsigned page;
    unsigned kind; /* enum fake_access */
    paddr_t target;
};

static enum status do_access(void *context)
{
    struct access *access = context;

    return vm_touch(address_of(access->page) + 16, access->kind, &access->target);
}

static enum status expected_of_access(const struct page *page, unsigned kind)
{
    if (page->kind == PAGE_NOTHING)
        return STATUS_NOT_FOUND;
    if (page->kind == PAGE_GUARD || ((kind & FAKE_WRITE) != 0 && (page->rights & PT_WRITE) == 0) ||
        ((kind & FAKE_EXECUTE) != 0 && (page->rights & PT_EXECUTE) == 0) ||
        ((kind & FAKE_USER) != 0 && (page->rights & PT_USER) == 0))
        return STATUS_DENIED;
    return STATUS_OK;
}

/* Without NX a page that is there is executed, whatever its area says; one that is not there yet is
 * refused. Which of both it is depends on what was touched before. */
static bool is_execution_implied(const struct page *page, unsigned kind)
{
    return !paging_kernel_table()->no_execute && (kind & FAKE_EXECUTE) != 0 &&
           (page->rights & PT_EXECUTE) == 0;
}

/* What is there is what was written, seen by an access of any kind, on any processor. */
static void access_page(void)
{
    static const unsigned kinds[] = {
        FAKE_READ,    FAKE_READ, FAKE_WRITE, FAKE_WRITE, FAKE_WRITE | FAKE_USER,
        FAKE_EXECUTE, FAKE_USER
    };
    struct access access = { below(PAGES), kinds[below(ARRAY_COUNT(kinds))], pa(0) };
    struct page *page = &worlds[current].pages[access.page];
    enum status expected = expected_of_access(page, access.kind);
    uint64_t *word;

    if (is_execution_implied(page, access.kind))
        return;
    assert_int_equal(attempt(do_access, &access), expected);
    if (expected != STATUS_OK)
        return;
    word = arch_phys_ptr(access.target);
    assert_int_equal(*word, *word_of(page));
    if ((access.kind & FAKE_WRITE) == 0)
        return;
    *word = machine_random();
    *word_of(page) = *word;
}

static void run_on(unsigned world)
{
    current = world;
    for (unsigned cpu = 0; cpu < fake_mmu_cpus; cpu++) {
        host_cpu_set(cpu);
        vm_space_switch(worlds[world].space);
    }
    host_cpu_set(below(fake_mmu_cpus));
}

static enum status do_clone(void *context)
{
    return vm_space_clone(worlds[current].space, context);
}

static void clone_or_destroy(void)
{
    unsigned other = below(SPACES);

    if (other == current)
        return;
    if (worlds[other].space != NULL) {
        vm_space_destroy(worlds[other].space);
        worlds[other].space = NULL;
        return;
    }
    assert_ok(attempt(do_clone, &worlds[other].space));
    memcpy(worlds[other].pages, worlds[current].pages, sizeof(worlds[other].pages));
}

static void switch_space(void)
{
    unsigned other = below(SPACES);

    if (worlds[other].space != NULL)
        run_on(other);
}

/* --- agreement --------------------------------------------------------------------------- */

static void check_areas(void)
{
    unsigned i = below(PAGES);
    const struct page *page = &worlds[current].pages[i];
    struct vm_area_info info;
    enum status status = vm_query(worlds[current].space, va(address_of(i) + 5), &info);

    assert_int_equal(status, page->kind == PAGE_NOTHING ? STATUS_NOT_FOUND : STATUS_OK);
    if (status != STATUS_OK)
        return;
    assert_int_equal(info.kind, page->kind == PAGE_GUARD ? VM_GUARD : VM_ANONYMOUS);
    assert_int_equal(info.rights, page->rights);
    assert_int_equal((info.flags & VM_SHARED) != 0, page->kind == PAGE_SHARED);
}

static void check_spaces(void)
{
    for (unsigned i = 0; i < SPACES; i++) {
        if (worlds[i].space != NULL)
            assert_ok(vm_space_check(worlds[i].space));
    }
}

static void step(void)
{
    unsigned choice = below(24);

    if (choice < 3)
        map();
    else if (choice < 5)
        unmap();
    else if (choice < 7)
        protect();
    else if (choice < 8)
        clone_or_destroy();
    else if (choice < 9)
        switch_space();
    else
        access_page();
    check_areas();
}

static void run_model(const struct pt_format *format, uintptr_t middle)
{
    uint64_t before;

    vm_machine_boot_bare(format);
    before = machine_free_frames();
    base = middle - PAGES / 2 * PAGE_SIZE;
    memset(worlds, 0, sizeof(worlds));
    shared_count = 0;
    assert_ok(vm_space_create(&worlds[0].space));
    run_on(0);
    for (unsigned i = 0; i < OPERATIONS; i++) {
        step();
        fake_mmu_check();
        assert_int_equal(fake_mmu_failures, 0);
        if (i % 128 == 0)
            check_spaces();
    }
    check_spaces();
    for (unsigned cpu = 0; cpu < fake_mmu_cpus; cpu++) {
        host_cpu_set(cpu);
        vm_space_switch(vm_kernel());
    }
    for (unsigned i = 0; i < SPACES; i++) {
        if (worlds[i].space != NULL)
            vm_space_destroy(worlds[i].space);
    }
    assert_int_equal(machine_free_frames(), before);
}

#if UINTPTR_MAX > UINT32_MAX /* a program of 32 bits cannot hold these addresses */
static void with_4_levels(void **state)
{
    /* Areas, faults and clones do what the model does, around the border of two entries of the
     * root. */
    (void)state;
    run_model(&pt_format_x86_64_4level, (uintptr_t)(512 * GiB));
}

static void with_tags(void **state)
{
    /* The same on processors that keep the translations of two spaces beside the kernel's: none that is
     * kept is ever wrong, and some are kept. */
    (void)state;
    fake_mmu_tags = 3;
    fake_mmu_kept = 0;
    run_model(&pt_format_x86_64_4level, (uintptr_t)(512 * GiB));
    assert_true(fake_mmu_kept > 5);
    fake_mmu_tags = 1;
}

static void with_5_levels(void **state)
{
    /* The same with 5 levels, beyond what 4 can address. */
    (void)state;
    run_model(&pt_format_x86_64_5level, (uintptr_t)(3 * 256 * TiB));
}

#endif

static void with_pae(void **state)
{
    /* The same with PAE, whose root is complete from the start and read only once. */
    (void)state;
    run_model(&pt_format_i386_pae, (uintptr_t)(2 * GiB));
}

static void with_2_levels(void **state)
{
    /* The same with the 2 levels of the i386, large pages of 4 MiB and no NX. */
    (void)state;
    run_model(&pt_format_i386_2level, (uintptr_t)(1 * GiB));
}

static void with_a_strange_format(void **state)
{
    /* The same on a machine that has little in common with x86, large pages included. */
    (void)state;
    run_model(&pt_format_fake, (uintptr_t)(16 * MiB));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
#if UINTPTR_MAX > UINT32_MAX
        cmocka_unit_test_teardown(with_4_levels, vm_machine_stop),
        cmocka_unit_test_teardown(with_tags, vm_machine_stop),
        cmocka_unit_test_teardown(with_5_levels, vm_machine_stop),
#endif
        cmocka_unit_test_teardown(with_pae, vm_machine_stop),
        cmocka_unit_test_teardown(with_2_levels, vm_machine_stop),
        cmocka_unit_test_teardown(with_a_strange_format, vm_machine_stop),
    };

    return cmocka_run_group_tests_name("vmm_model", tests, NULL, NULL);
}
