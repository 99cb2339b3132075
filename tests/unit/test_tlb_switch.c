/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_tlb_switch.c - properties of switching between spaces on processors that tag translations.
 */
#include "vm_machine.h"

#include "host_smp.h"

#define USER   ((uintptr_t)0x10000000)
#define PAGES  4
#define SPACES 6 /* more than there are tags */

static struct vm_space *spaces[SPACES];

static void fill(struct vm_space *space, uint64_t value)
{
    struct vm_request request = { .address = va(USER),
                                  .size_bytes = PAGES * PAGE_SIZE,
                                  .rights = PT_WRITE | PT_USER,
                                  .kind = VM_ANONYMOUS,
                                  .flags = VM_EXACT,
                                  .name = "memory" };

    assert_ok(vm_map(space, &request, &(vaddr_t){ 0 }));
    vm_space_switch(space);
    for (unsigned page = 0; page < PAGES; page++)
        assert_ok(vm_write(USER + page * PAGE_SIZE, value + page));
}

static int setup(void **state)
{
    (void)state;
    fake_mmu_tags = FAKE_MMU_TAGS;
    fake_mmu_cpus = 4;
    fake_mmu_kept = 0;
    vm_machine_boot(4);
    for (unsigned i = 0; i < SPACES; i++) {
        assert_ok(vm_space_create(&spaces[i]));
        fill(spaces[i], 100 * i);
    }
    vm_space_switch(spaces[0]);
    return 0;
}

static int teardown(void **state)
{
    for (unsigned i = 0; i < SPACES; i++)
        vm_space_destroy(spaces[i]);
    fake_mmu_tags = 1;
    (void)vm_machine_stop(state);
    fake_mmu_cpus = 2;
    return 0;
}

static void expect_page(unsigned space, unsigned page)
{
    uint64_t value;

    vm_space_switch(spaces[space]);
    assert_ok(vm_read(USER + page * PAGE_SIZE, &value));
    assert_int_equal(value, 100 * space + page);
}

static void what_is_cached_is_kept(void **state)
{
    /* Coming back to a space of which nothing has changed keeps its translations. */
    (void)state;
    expect_page(1, 0);
    assert_int_equal(fake_mmu_kept, 0);
    expect_page(0, 0);
    expect_page(1, 0);
    assert_int_equal(fake_mmu_kept, 2);
}

static void a_tag_passes_from_space_to_space(void **state)
{
    /* With more spaces than tags each sees its own memory, whoever had its tag before. */
    (void)state;
    for (unsigned turn = 0; turn < 3 * SPACES; turn++) {
        for (unsigned page = 0; page < PAGES; page++)
            expect_page(turn * 5 % SPACES, page);
    }
    assert_int_equal(fake_mmu_failures, 0);
}

static void a_space_that_changed_begins_anew(void **state)
{
    /* What was unmapped or protected while a space ran nowhere is not found when it runs again. */
    uint64_t value;

    (void)state;
    expect_page(1, 0);
    expect_page(0, 0);
    assert_ok(vm_unmap(spaces[1], va(USER), PAGE_SIZE));
    assert_ok(vm_protect(spaces[1], va(USER + PAGE_SIZE), PAGE_SIZE, PT_USER));
    fake_mmu_kept = 0;
    vm_space_switch(spaces[1]);
    assert_int_equal(fake_mmu_kept, 0);
    assert_int_not_equal(vm_read(USER, &value), STATUS_OK);
    assert_int_not_equal(vm_write(USER + PAGE_SIZE, 1), STATUS_OK);
    assert_int_equal(fake_mmu_failures, 0);
}

static void a_change_of_the_space_in_use_is_flushed_at_once(void **state)
{
    /* The space in use is flushed with the change, and keeps the rest when it comes back. */
    uint64_t value;

    (void)state;
    assert_ok(vm_unmap(spaces[0], va(USER), PAGE_SIZE));
    assert_int_not_equal(vm_read(USER, &value), STATUS_OK);
    expect_page(1, 0);
    fake_mmu_kept = 0;
    expect_page(0, 1);
    assert_int_equal(fake_mmu_kept, 1);
}

static void tables_of_the_kernel_end_all_tags(void **state)
{
    /* After something of the kernel's half was freed no tag is kept: processors cache upper tables by
     * tag, global or not. */
    void *memory;

    (void)state;
    expect_page(1, 0);
    expect_page(0, 0);
    assert_ok(vm_alloc(PAGE_SIZE, "memory", &memory));
    assert_ok(vm_free(memory));
    fake_mmu_kept = 0;
    expect_page(1, 0);
    assert_int_equal(fake_mmu_kept, 0);
}

static void the_kernel_needs_no_switch(void **state)
{
    /* A processor that turns to the kernel's space stays where it was, until that space ends. */
    paddr_t root = arch_root_read();
    struct vm_space *last = spaces[0];

    (void)state;
    host_cpu_set(1);
    vm_space_switch(last);
    vm_space_switch(vm_kernel());
    assert_true(pa_equal(arch_root_read(), root));
    host_cpu_set(0);
    vm_space_switch(vm_kernel());
    assert_true(pa_equal(arch_root_read(), root));
    vm_space_destroy(last);
    for (unsigned cpu = 0; cpu < fake_mmu_cpus; cpu++) {
        host_cpu_set(cpu);
        assert_true(pa_equal(arch_root_read(), paging_kernel_table()->root));
    }
    host_cpu_set(0);
    assert_ok(vm_space_create(&spaces[0]));
}

/* Asked since *before, which follows. */
static void expect_asked(struct tlb_counts *before, unsigned sent, unsigned skipped)
{
    struct tlb_counts now;

    tlb_get_counts(0, &now);
    assert_int_equal(now.sent - before->sent, sent);
    assert_int_equal(now.skipped - before->skipped, skipped);
    *before = now;
}

static void play(unsigned cpu, struct vm_space *space)
{
    uint64_t value;

    host_cpu_set(cpu);
    vm_space_switch(space);
    assert_ok(vm_read(USER, &value));
    host_cpu_set(0);
}

static void only_who_has_a_space_is_asked(void **state)
{
    /* A change of a user space interrupts the processors that have it loaded, those that turned to the kernel
     * since included, and no others; they forget what it concerns. One of the kernel concerns all. */
    struct tlb_counts counts;
    uint64_t value;
    void *memory;

    (void)state;
    vm_space_switch(spaces[2]);
    play(1, spaces[0]);
    play(2, spaces[0]);
    play(3, spaces[1]);
    host_cpu_set(2);
    vm_space_switch(vm_kernel());
    host_cpu_set(0);
    tlb_get_counts(0, &counts);
    assert_ok(vm_unmap(spaces[0], va(USER), PAGE_SIZE));
    expect_asked(&counts, 2, 1);
    assert_ok(vm_unmap(spaces[2], va(USER), PAGE_SIZE));
    expect_asked(&counts, 0, 3);
    assert_ok(vm_alloc(PAGE_SIZE, "memory", &memory));
    assert_ok(vm_free(memory));
    expect_asked(&counts, 3, 0);
    host_cpu_set(1);
    assert_int_not_equal(vm_read(USER, &value), STATUS_OK);
    host_cpu_set(0);
    for (unsigned cpu = 1; cpu < fake_mmu_cpus; cpu++)
        play(cpu, spaces[3]);
}

static void only_who_has_a_space_leaves_it(void **state)
{
    /* The end of a space interrupts nobody but the processors that have it loaded. */
    unsigned sent;

    (void)state;
    vm_space_switch(spaces[2]);
    play(1, spaces[0]);
    play(2, spaces[1]);
    assert_ok(vm_unmap(spaces[0], va(USER), PAGES * PAGE_SIZE));
    assert_ok(vm_unmap(spaces[4], va(USER), PAGES * PAGE_SIZE));
    sent = host_smp_sent();
    vm_space_destroy(spaces[4]);
    assert_int_equal(host_smp_sent() - sent, 0);
    vm_space_destroy(spaces[0]);
    assert_int_equal(host_smp_sent() - sent, 1);
    assert_ok(vm_space_create(&spaces[0]));
    assert_ok(vm_space_create(&spaces[4]));
    host_cpu_set(1);
    assert_true(pa_equal(arch_root_read(), paging_kernel_table()->root));
    host_cpu_set(0);
}

static void a_stale_tag_is_noticed(void **state)
{
    /* The machine itself: whoever keeps a tag that another space filled is found out. */
    (void)state;
    expect_page(1, 0);
    fake_mmu_quiet = true;
    for (unsigned tag = 1; tag < FAKE_MMU_TAGS; tag++)
        arch_root_write_tagged(vm_space_table(spaces[5])->root, tag, true);
    fake_mmu_quiet = false;
    assert_true(fake_mmu_failures > 0);
    arch_tlb_flush_all();
    fake_mmu_failures = 0;
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CASE(what_is_cached_is_kept),
        CASE(a_tag_passes_from_space_to_space),
        CASE(a_space_that_changed_begins_anew),
        CASE(a_change_of_the_space_in_use_is_flushed_at_once),
        CASE(tables_of_the_kernel_end_all_tags),
        CASE(the_kernel_needs_no_switch),
        CASE(only_who_has_a_space_is_asked),
        CASE(only_who_has_a_space_leaves_it),
        CASE(a_stale_tag_is_noticed),
    };

    return cmocka_run_group_tests_name("tlb_switch", tests, NULL, NULL);
}
