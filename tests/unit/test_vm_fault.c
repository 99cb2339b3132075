/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_vm_fault.c - properties of page faults: demand-zero, copy-on-write, stacks, large pages.
 */
#include "vm_machine.h"

#include "mm/vm_private.h"

#define USER  ((uintptr_t)0x10000000)
#define LARGE ((uintptr_t)(2 * MiB))

static struct vm_space *user;
static uint64_t free_before;

static int setup(void **state)
{
    (void)state;
    vm_machine_boot(4);
    free_before = machine_free_frames();
    assert_ok(vm_space_create(&user));
    vm_space_switch(user);
    return 0;
}

static int teardown(void **state)
{
    assert_ok(vm_space_check(user));
    vm_space_switch(vm_kernel());
    vm_space_destroy(user);
    fake_mmu_check();
    assert_int_equal(machine_free_frames(), free_before);
    return vm_machine_stop(state);
}

static void map(uintptr_t address, size_t pages, unsigned rights, unsigned flags)
{
    struct vm_request request = { .address = va(address),
                                  .size_bytes = pages * PAGE_SIZE,
                                  .rights = rights,
                                  .kind = VM_ANONYMOUS,
                                  .flags = flags | VM_EXACT,
                                  .tag = FRAME_USER,
                                  .name = "memory" };
    vaddr_t start;

    assert_ok(vm_map(user, &request, &start));
}

static uint64_t frames_in_use(void)
{
    uint64_t counts[FRAME_TAG_COUNT];

    pmm_count_tags(counts);
    return counts[FRAME_USER];
}

static void expect_word(uintptr_t address, uint64_t expected)
{
    uint64_t value = ~expected;

    assert_ok(vm_read(address, &value));
    assert_int_equal(value, expected);
}

static unsigned leaf_level(uintptr_t address)
{
    struct pt_mapping leaf;

    assert_ok(pt_query(vm_space_table(user), va(address), &leaf));
    return leaf.level;
}

/* --- demand-zero ------------------------------------------------------------------------- */

static void memory_comes_with_the_first_touch(void **state)
{
    /* A page costs a frame once it is touched, is zero then, and keeps what is written. */
    (void)state;
    map(USER, 100, PT_WRITE, 0);
    assert_int_equal(frames_in_use(), 0);
    for (unsigned i = 0; i < 100; i += 10) {
        expect_word(USER + i * PAGE_SIZE + 8, 0);
        assert_ok(vm_write(USER + i * PAGE_SIZE, i));
        assert_int_equal(frames_in_use(), i / 10 + 1);
    }
    for (unsigned i = 0; i < 100; i += 10)
        expect_word(USER + i * PAGE_SIZE, i);
    assert_ok(vm_unmap(user, va(USER), 100 * PAGE_SIZE));
    assert_int_equal(frames_in_use(), 0);
}

static void populated_memory_is_there(void **state)
{
    /* With VM_POPULATE no access faults, and every page is zero. */
    paddr_t target;

    (void)state;
    map(USER, 100, PT_WRITE, VM_POPULATE);
    assert_int_equal(frames_in_use(), 100);
    for (unsigned i = 0; i < 100; i++) {
        assert_true(fake_mmu_access(USER + i * PAGE_SIZE, FAKE_WRITE, &target, NULL));
        for (unsigned k = 0; k < PAGE_SIZE / 8; k++)
            assert_int_equal(((uint64_t *)arch_phys_ptr(target))[k], 0);
    }
}

static void what_is_not_allowed_is_refused(void **state)
{
    /* An access that the area does not allow is refused with its reason, and costs no frame. */
    struct vm_request guard = { .address = va(USER + 8 * PAGE_SIZE),
                                .size_bytes = PAGE_SIZE,
                                .kind = VM_GUARD,
                                .flags = VM_EXACT,
                                .name = "wall" };
    paddr_t target;

    (void)state;
    map(USER, 1, 0, 0);
    map(USER + PAGE_SIZE, 1, PT_WRITE, 0);
    assert_ok(vm_map(user, &guard, &(vaddr_t){ 0 }));
    assert_int_equal(vm_touch(USER, FAKE_WRITE, &target), STATUS_DENIED);
    assert_int_equal(vm_touch(USER, FAKE_USER, &target), STATUS_DENIED);
    assert_int_equal(vm_touch(USER + PAGE_SIZE, FAKE_EXECUTE, &target), STATUS_DENIED);
    assert_int_equal(vm_touch(USER + 2 * PAGE_SIZE, FAKE_READ, &target), STATUS_NOT_FOUND);
    assert_int_equal(vm_touch(USER + 8 * PAGE_SIZE, FAKE_READ, &target), STATUS_DENIED);
    assert_int_equal(vm_touch(0, FAKE_READ, &target), STATUS_NOT_FOUND);
    assert_int_equal(vm_fault(va(USER), TRAP_ACCESS_RESERVED), STATUS_CORRUPT);
    assert_int_equal(vm_touch(LAYOUT_HEAP_START, FAKE_READ, &target), STATUS_NOT_FOUND);
    assert_int_equal(frames_in_use(), 0);
}

static void without_memory_nothing_changes(void **state)
{
    /* Whichever allocation of a fault fails, the fault fails and can be tried again later. */
    enum status status;
    size_t allowed = 0;
    paddr_t target;

    (void)state;
    map(USER, 1, PT_WRITE, 0);
    do {
        uint64_t before = machine_free_frames();

        vm_machine_leave_frames(allowed++);
        status = vm_touch(USER, FAKE_WRITE, &target);
        vm_machine_return_frames();
        assert_true(status == STATUS_OK || machine_free_frames() == before);
        assert_true(status == STATUS_OK || status == STATUS_NO_MEMORY);
    } while (status != STATUS_OK);
    assert_int_equal(allowed, 5); /* the frame and three tables */
}

static void old_translations_are_forgiven(void **state)
{
    /* A fault on a page that is mapped and allows the access is resolved by a flush: another
     * processor was faster. */
    (void)state;
    map(USER, 1, PT_WRITE, VM_POPULATE);
    assert_ok(vm_fault(va(USER), TRAP_ACCESS_WRITE));
    assert_ok(vm_fault(va(USER), TRAP_ACCESS_WRITE | TRAP_ACCESS_PRESENT));
    assert_int_equal(frames_in_use(), 1);
}

static void what_smap_and_smep_stop_is_refused(void **state)
{
    /* Regression: ring 0 that faults on a page of ring 3 which is there is refused; a flush would let
     * it fault for ever. */
    (void)state;
    map(USER, 1, PT_WRITE | PT_USER, VM_POPULATE);
    map(USER + PAGE_SIZE, 1, PT_EXECUTE | PT_USER, VM_POPULATE);
    assert_int_equal(vm_fault(va(USER), TRAP_ACCESS_PRESENT), STATUS_DENIED);
    assert_int_equal(vm_fault(va(USER + PAGE_SIZE), TRAP_ACCESS_PRESENT | TRAP_ACCESS_EXECUTE),
                     STATUS_DENIED);
    assert_ok(vm_fault(va(USER), TRAP_ACCESS_PRESENT | TRAP_ACCESS_USER));
}

static void a_fault_inside_of_a_change_is_refused(void **state)
{
    /* Who faults while changing the space would wait for himself: the fault is refused. */
    struct vm_edit edit;

    (void)state;
    map(USER, 1, PT_WRITE, 0);
    vm_edit_begin(&edit, user);
    assert_int_equal(vm_fault(va(USER), TRAP_ACCESS_WRITE), STATUS_BUSY);
    vm_edit_end(&edit);
    vm_edit_begin(&edit, vm_kernel());
    assert_int_equal(vm_fault(va(LAYOUT_AREAS_START), 0), STATUS_BUSY);
    assert_int_equal(vm_fault(va(USER), TRAP_ACCESS_WRITE), STATUS_BUSY); /* the kernel's table */
    vm_edit_end(&edit);
    assert_ok(vm_fault(va(USER), TRAP_ACCESS_WRITE));
}

/* --- copy-on-write ----------------------------------------------------------------------- */

static void a_clone_shares_until_someone_writes(void **state)
{
    /* Parent and clone see the same frames until one writes; then only the other one has the old
     * frame, and each sees its own. The last owner writes without a copy. */
    struct vm_space *copy;
    uint64_t before;

    (void)state;
    map(USER, 4, PT_WRITE, 0);
    for (unsigned i = 0; i < 4; i++)
        assert_ok(vm_write(USER + i * PAGE_SIZE, 10 + i));
    assert_ok(vm_space_clone(user, &copy));
    assert_int_equal(frames_in_use(), 4);
    assert_ok(vm_write(USER, 20));
    assert_int_equal(frames_in_use(), 5);
    assert_ok(vm_space_check(user));
    assert_ok(vm_space_check(copy));
    vm_space_switch(copy);
    expect_word(USER, 10);
    assert_ok(vm_write(USER + PAGE_SIZE, 31));
    expect_word(USER + 3 * PAGE_SIZE, 13);
    assert_int_equal(frames_in_use(), 6);
    vm_space_switch(user);
    expect_word(USER, 20);
    expect_word(USER + PAGE_SIZE, 11);
    assert_ok(vm_write(USER + PAGE_SIZE, 21)); /* the last owner */
    assert_int_equal(frames_in_use(), 6);
    before = frames_in_use();
    vm_space_destroy(copy);
    assert_int_equal(frames_in_use(), before - 2);
    assert_ok(vm_write(USER + 2 * PAGE_SIZE, 22));
    assert_int_equal(frames_in_use(), 4);
    expect_word(USER + 3 * PAGE_SIZE, 13);
}

static void shared_areas_stay_shared(void **state)
{
    /* Memory that is shared is one memory in parent and clone, touched before or after. */
    struct vm_space *copy;

    (void)state;
    map(USER, 4, PT_WRITE, VM_SHARED);
    assert_ok(vm_write(USER, 1));
    assert_ok(vm_space_clone(user, &copy));
    vm_space_switch(copy);
    expect_word(USER, 1);
    assert_ok(vm_write(USER, 2));
    assert_ok(vm_write(USER + 3 * PAGE_SIZE, 3));
    vm_space_switch(user);
    expect_word(USER, 2);
    expect_word(USER + 3 * PAGE_SIZE, 3);
    assert_int_equal(frames_in_use(), 4);
    assert_ok(vm_space_check(copy));
    vm_space_destroy(copy);
    expect_word(USER, 2);
}

static void protecting_does_not_break_sharing(void **state)
{
    /* Giving a shared frame the right to be written again still copies it at the first write. */
    struct vm_space *copy;

    (void)state;
    map(USER, 2, PT_WRITE, VM_POPULATE);
    assert_ok(vm_write(USER, 1));
    assert_ok(vm_space_clone(user, &copy));
    assert_ok(vm_protect(user, va(USER), 2 * PAGE_SIZE, 0));
    assert_ok(vm_protect(user, va(USER), 2 * PAGE_SIZE, PT_WRITE));
    assert_ok(vm_write(USER, 2));
    vm_space_switch(copy);
    expect_word(USER, 1);
    vm_space_switch(user);
    vm_space_destroy(copy);
}

static void clones_of_clones(void **state)
{
    /* A frame that many spaces share is copied for each that writes, and freed with the last. */
    struct vm_space *copies[6];

    (void)state;
    map(USER, 1, PT_WRITE, 0);
    assert_ok(vm_write(USER, 100));
    for (unsigned i = 0; i < ARRAY_COUNT(copies); i++)
        assert_ok(vm_space_clone(i == 0 ? user : copies[i - 1], &copies[i]));
    assert_int_equal(frames_in_use(), 1);
    for (unsigned i = 0; i < ARRAY_COUNT(copies); i++) {
        vm_space_switch(copies[i]);
        expect_word(USER, 100);
        assert_ok(vm_write(USER, i));
    }
    assert_int_equal(frames_in_use(), 1 + ARRAY_COUNT(copies));
    vm_space_switch(user);
    expect_word(USER, 100);
    for (unsigned i = 0; i < ARRAY_COUNT(copies); i++)
        vm_space_destroy(copies[i]);
    assert_int_equal(frames_in_use(), 1);
}

static void a_clone_without_memory(void **state)
{
    /* Whichever allocation of a clone fails, there is no clone, the parent is as it was, and no
     * frame is lost. */
    struct vm_space *copy = NULL;
    size_t allowed = 0;
    enum status status;

    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        map(USER + i * 4 * MiB, 2, PT_WRITE, 0);
        assert_ok(vm_write(USER + i * 4 * MiB, i));
    }
    do {
        uint64_t before = machine_free_frames();

        vm_machine_leave_frames(allowed++);
        status = vm_space_clone(user, &copy);
        vm_machine_return_frames();
        if (status != STATUS_OK) {
            assert_int_equal(status, STATUS_NO_MEMORY);
            assert_null(copy);
            assert_int_equal(machine_free_frames(), before);
            assert_ok(vm_space_check(user));
        }
        expect_word(USER + 5 * 4 * MiB, 5);
        assert_ok(vm_write(USER + 5 * 4 * MiB, 5));
    } while (status != STATUS_OK);
    assert_true(allowed > 20);
    vm_space_destroy(copy);
    assert_int_equal(vm_space_clone(vm_kernel(), &copy), STATUS_INVALID);
}

/* --- stacks ------------------------------------------------------------------------------ */

static void stacks_grow_down(void **state)
{
    /* A touch below a growing stack extends it to the page touched, but not to within
     * VM_GROWTH_GAP of the area below; what was never touched costs nothing. */
    uintptr_t top = USER + GiB;
    struct vm_area_info info;
    paddr_t target;

    (void)state;
    map(top - PAGE_SIZE, 1, PT_WRITE, VM_GROWS_DOWN | VM_GUARDED);
    map(USER, 4, PT_WRITE, 0);
    assert_ok(vm_write(top - 10 * PAGE_SIZE, 1));
    assert_ok(vm_query(user, va(top - 1), &info));
    assert_int_equal(va_value(info.start), top - 10 * PAGE_SIZE);
    assert_int_equal(frames_in_use(), 1);
    assert_ok(vm_query(user, va(top - 11 * PAGE_SIZE), &info));
    assert_int_equal(info.kind, VM_GUARD);
    assert_ok(vm_write(USER + 4 * PAGE_SIZE + VM_GROWTH_GAP, 2));
    assert_int_equal(vm_touch(USER + 4 * PAGE_SIZE + VM_GROWTH_GAP - 1, FAKE_WRITE, &target),
                     STATUS_DENIED);
    assert_int_equal(vm_touch(USER + 4 * PAGE_SIZE, FAKE_EXECUTE, &target), STATUS_DENIED);
    assert_ok(vm_query(user, va(top - 1), &info));
    assert_int_equal(va_value(info.start), USER + 4 * PAGE_SIZE + VM_GROWTH_GAP);
    expect_word(top - 10 * PAGE_SIZE, 1);
}

static void stacks_do_not_grow_without_memory(void **state)
{
    /* A stack that cannot have the frame does not grow either. */
    struct vm_area_info info;
    paddr_t target;

    (void)state;
    map(USER + GiB, 1, PT_WRITE, VM_GROWS_DOWN);
    vm_machine_leave_frames(0);
    assert_int_equal(vm_touch(USER + GiB - PAGE_SIZE, FAKE_WRITE, &target), STATUS_NO_MEMORY);
    vm_machine_return_frames();
    assert_ok(vm_query(user, va(USER + GiB), &info));
    assert_int_equal(va_value(info.start), USER + GiB);
    assert_int_equal(vm_query(user, va(USER + GiB - 1), &info), STATUS_NOT_FOUND);
}

/* --- large pages ------------------------------------------------------------------------- */

static void large_pages(void **state)
{
    /* An area that may have large pages gets them where they fit, at the first touch or at once,
     * zeroed; at its ends, small ones. */
    (void)state;
    map(USER - 4 * PAGE_SIZE, 4 + 2 * LARGE / PAGE_SIZE + 3, PT_WRITE, VM_HUGE);
    assert_ok(vm_write(USER + 5 * PAGE_SIZE, 5));
    assert_int_equal(leaf_level(USER), 2);
    expect_word(USER + LARGE - 8, 0);
    assert_int_equal(frames_in_use(), LARGE / PAGE_SIZE);
    assert_ok(vm_write(USER - PAGE_SIZE, 1));
    assert_int_equal(leaf_level(USER - PAGE_SIZE), 1);
    assert_ok(vm_write(USER + 2 * LARGE + PAGE_SIZE, 1));
    assert_int_equal(leaf_level(USER + 2 * LARGE + PAGE_SIZE), 1);
    map(USER + 8 * LARGE - PAGE_SIZE, LARGE / PAGE_SIZE + 2, PT_WRITE, VM_HUGE | VM_POPULATE);
    assert_int_equal(leaf_level(USER + 8 * LARGE - PAGE_SIZE), 1);
    assert_int_equal(leaf_level(USER + 8 * LARGE), 2);
    assert_int_equal(leaf_level(USER + 9 * LARGE), 1);
    assert_ok(vm_unmap(user, va(USER + 16 * PAGE_SIZE), PAGE_SIZE));
    assert_int_equal(leaf_level(USER), 1);
    expect_word(USER + 5 * PAGE_SIZE, 5);
}

static void large_pages_come_back(void **state)
{
    /* A large page that a change of rights has split is one again, and its table free, when all of it has the same
     * rights again; not across areas, and no page is lost. */
    size_t tables;

    (void)state;
    map(USER, 2 * LARGE / PAGE_SIZE, PT_WRITE, VM_HUGE | VM_POPULATE);
    tables = pt_count_tables(vm_space_table(user));
    assert_ok(vm_write(USER + 7 * PAGE_SIZE, 7));
    assert_ok(vm_protect(user, va(USER + 7 * PAGE_SIZE), LARGE, 0));
    assert_int_equal(leaf_level(USER), 1);
    assert_int_equal(leaf_level(USER + LARGE), 1);
    assert_ok(vm_protect(user, va(USER + 7 * PAGE_SIZE), LARGE - 7 * PAGE_SIZE, PT_WRITE));
    assert_int_equal(leaf_level(USER), 2);
    assert_int_equal(leaf_level(USER + LARGE), 1);
    assert_ok(vm_protect(user, va(USER + LARGE), 7 * PAGE_SIZE, PT_WRITE));
    assert_int_equal(leaf_level(USER + LARGE), 2);
    assert_int_equal(pt_count_tables(vm_space_table(user)), tables);
    assert_int_equal(frames_in_use(), 2 * LARGE / PAGE_SIZE);
    expect_word(USER + 7 * PAGE_SIZE, 7);
    assert_ok(vm_write(USER + 8 * PAGE_SIZE, 8));
    assert_ok(vm_space_check(user));
}

static void large_pages_are_copied_in_small_pieces(void **state)
{
    /* A write to a large page that a clone shares copies one page of it; with the clone gone, the
     * rest is written in place. */
    struct vm_space *copy;

    (void)state;
    map(USER, LARGE / PAGE_SIZE, PT_WRITE, VM_HUGE);
    assert_ok(vm_write(USER + 7 * PAGE_SIZE, 7));
    assert_ok(vm_write(USER + 8 * PAGE_SIZE, 8));
    assert_ok(vm_space_clone(user, &copy));
    assert_ok(vm_write(USER + 7 * PAGE_SIZE, 70));
    assert_int_equal(frames_in_use(), LARGE / PAGE_SIZE + 1);
    vm_space_switch(copy);
    expect_word(USER + 7 * PAGE_SIZE, 7);
    assert_ok(vm_space_check(copy));
    vm_space_destroy(copy);
    vm_space_switch(user);
    assert_ok(vm_write(USER + 8 * PAGE_SIZE, 80));
    expect_word(USER + 7 * PAGE_SIZE, 70);
    assert_int_equal(frames_in_use(), LARGE / PAGE_SIZE);
}

static void small_pages_where_large_ones_cannot_be(void **state)
{
    /* Where memory has no large run, or small pages are there already, small ones do. */
    (void)state;
    map(USER, LARGE / PAGE_SIZE, PT_WRITE, VM_HUGE);
    vm_machine_leave_frames(40);
    assert_ok(vm_write(USER, 1));
    vm_machine_return_frames();
    assert_int_equal(leaf_level(USER), 1);
    assert_ok(vm_write(USER + 9 * PAGE_SIZE, 9));
    assert_int_equal(leaf_level(USER + 9 * PAGE_SIZE), 1);
    assert_int_equal(frames_in_use(), 2);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

static void the_kernel_stays_out_of_pages_of_programs(void **state)
{
    /* A fault of the kernel on a page that is there for ring 3 is the processor's protection at work: it is not
     * resolved, be the page memory or a device's. */
    const struct vm_request screen = { .address = va(USER + 2 * MiB),
                                       .size_bytes = PAGE_SIZE,
                                       .rights = PT_WRITE | PT_USER | PT_UNCACHED,
                                       .kind = VM_FIXED,
                                       .flags = VM_EXACT,
                                       .target = pa(VM_SCREEN_BASE),
                                       .name = "screen" };
    vaddr_t start;

    (void)state;
    map(USER, 1, PT_WRITE | PT_USER, 0);
    assert_ok(vm_write(USER, 1));
    assert_ok(vm_map(user, &screen, &start));
    assert_int_equal(vm_fault(va(USER), TRAP_ACCESS_PRESENT), STATUS_DENIED);
    assert_int_equal(vm_fault(start, TRAP_ACCESS_PRESENT), STATUS_DENIED);
    assert_ok(vm_fault(start, TRAP_ACCESS_PRESENT | TRAP_ACCESS_USER)); /* an old translation */
    assert_ok(vm_unmap(user, start, PAGE_SIZE));
}

static void a_leaf_with_less_than_its_area(void **state)
{
    /* A page whose entry allows less than its area, which nothing but damage explains, is refused. */
    paddr_t target;

    (void)state;
    map(USER, 1, PT_EXECUTE, VM_POPULATE);
    assert_ok(vm_touch(USER, FAKE_EXECUTE, &target));
    assert_ok(pt_protect(vm_space_table(user), va(USER), PAGE_SIZE, PT_OWNED, NULL));
    arch_tlb_flush_page(va(USER));
    assert_int_equal(vm_touch(USER, FAKE_EXECUTE, &target), STATUS_DENIED);
    expect_word(USER, 0);
    assert_int_equal(frames_in_use(), 1);
    assert_ok(vm_unmap(user, va(USER), PAGE_SIZE));
}

static void before_there_are_areas(void **state)
{
    /* A fault before the memory manager knows its tables is nobody's. */
    struct page_table *table = vm_kernel()->table;

    (void)state;
    vm_kernel()->table = NULL;
    assert_int_equal(vm_fault(va(LAYOUT_AREAS_START), 0), STATUS_NOT_FOUND);
    vm_kernel()->table = table;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CASE(memory_comes_with_the_first_touch),
        CASE(the_kernel_stays_out_of_pages_of_programs),
        CASE(populated_memory_is_there),
        CASE(what_is_not_allowed_is_refused),
        CASE(without_memory_nothing_changes),
        CASE(old_translations_are_forgiven),
        CASE(what_smap_and_smep_stop_is_refused),
        CASE(a_fault_inside_of_a_change_is_refused),
        CASE(a_clone_shares_until_someone_writes),
        CASE(shared_areas_stay_shared),
        CASE(protecting_does_not_break_sharing),
        CASE(clones_of_clones),
        CASE(a_clone_without_memory),
        CASE(stacks_grow_down),
        CASE(stacks_do_not_grow_without_memory),
        CASE(large_pages),
        CASE(large_pages_come_back),
        CASE(large_pages_are_copied_in_small_pieces),
        CASE(small_pages_where_large_ones_cannot_be),
        CASE(a_leaf_with_less_than_its_area),
        CASE(before_there_are_areas),
    };

    return cmocka_run_group_tests_name("vm_fault", tests, NULL, NULL);
}
