/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_vm_list.c - all spaces can be visited, in the order they were made, and what each of them maps; accesses that
 * no area allows, and requests for which no record is left, are refused.
 */
#include "vm_machine.h"

#include "mm/vm_private.h"

#define USER   ((uintptr_t)0x10000000)
#define SPACES 3u

static struct vm_space *spaces[SPACES];

static int setup(void **state)
{
    (void)state;
    vm_machine_boot(4);
    for (size_t i = 0; i < SPACES; i++)
        assert_ok(vm_space_create(&spaces[i]));
    vm_space_switch(spaces[0]);
    return 0;
}

static int teardown(void **state)
{
    vm_space_switch(vm_kernel());
    for (size_t i = 0; i < SPACES; i++)
        if (spaces[i] != NULL)
            vm_space_destroy(spaces[i]);
    fake_mmu_check();
    return vm_machine_stop(state);
}

static enum status map(struct vm_space *space, uintptr_t address, unsigned rights,
                       enum vm_kind kind)
{
    const struct vm_request request = { .address = va(address),
                                        .size_bytes = PAGE_SIZE,
                                        .rights = rights,
                                        .kind = kind,
                                        .flags = VM_EXACT,
                                        .tag = FRAME_USER,
                                        .name = "memory" };
    vaddr_t start;

    return vm_map(space, &request, &start);
}

struct visited {
    struct vm_space *spaces[SPACES + 1];
    unsigned count;
    unsigned most;
};

static bool note_space(void *context, struct vm_space *space, unsigned number)
{
    struct visited *visited = context;

    assert_true(visited->count < visited->most);
    assert_int_equal(number, vm_space_is_kernel(space) ? 0 : vm_space_number(space));
    visited->spaces[visited->count++] = space;
    return visited->count < visited->most;
}

static void spaces_are_visited_in_order(void **state)
{
    /* The kernel's space comes first, then the others from the oldest on, numbered from 1, until
     * the visitor has enough. */
    struct visited visited = { .most = SPACES + 1 };

    (void)state;
    for (unsigned i = 0; i < SPACES; i++)
        assert_int_equal(vm_space_number(spaces[i]), i + 1);
    vm_visit_spaces(note_space, &visited);
    assert_int_equal(visited.count, SPACES + 1);
    assert_ptr_equal(visited.spaces[0], vm_kernel());
    for (size_t i = 0; i < SPACES; i++)
        assert_ptr_equal(visited.spaces[i + 1], spaces[i]);
    visited = (struct visited){ .most = 2 };
    vm_visit_spaces(note_space, &visited);
    assert_int_equal(visited.count, 2);
}

static void spaces_that_end_are_not_visited(void **state)
{
    /* One from the middle leaves the list; the numbers of the others stay. */
    struct visited visited = { .most = SPACES };
    unsigned number = vm_space_number(spaces[2]);

    (void)state;
    vm_space_destroy(spaces[1]);
    spaces[1] = NULL;
    vm_visit_spaces(note_space, &visited);
    assert_int_equal(visited.count, SPACES);
    assert_ptr_equal(visited.spaces[2], spaces[2]);
    assert_int_equal(vm_space_number(spaces[2]), number);
}

static bool add_pages(void *context, const struct pt_mapping *run)
{
    *(uint64_t *)context += run->size_bytes / PAGE_SIZE;
    return true;
}

static void mappings_of_a_space_are_visited(void **state)
{
    /* Of a user space its own half is told, page for page; of the kernel's, the kernel's half. */
    uint64_t pages = 0;
    uint64_t kernel_pages = 0;

    (void)state;
    for (uintptr_t i = 0; i < 5; i++) {
        assert_ok(map(spaces[0], USER + 2 * i * PAGE_SIZE, PT_WRITE | PT_USER, VM_ANONYMOUS));
        assert_ok(vm_write(USER + 2 * i * PAGE_SIZE, i));
    }
    vm_visit_mappings(spaces[0], add_pages, &pages);
    vm_visit_mappings(vm_kernel(), add_pages, &kernel_pages);
    assert_int_equal(pages, 5);
    assert_true(kernel_pages >= VM_MEMORY_BYTES / PAGE_SIZE);
}

static void nobody_touches_guards_and_windows(void **state)
{
    /* A fault in an area without memory of its own is refused, whatever rights it has. */
    paddr_t target;

    (void)state;
    assert_ok(map(spaces[0], USER, 0, VM_GUARD));
    assert_ok(map(spaces[0], USER + 4 * PAGE_SIZE, PT_WRITE, VM_WINDOW));
    assert_int_equal(vm_touch(USER, 0, &target), STATUS_DENIED);
    assert_int_equal(vm_touch(USER + 4 * PAGE_SIZE, TRAP_ACCESS_WRITE, &target), STATUS_DENIED);
}

static void areas_need_records(void **state)
{
    /* Areas whose records need a frame that nobody has are refused, and the space is as sound as before. */
    uintptr_t address = USER;
    enum status status = STATUS_OK;

    (void)state;
    vm_machine_leave_frames(0);
    for (; status == STATUS_OK && address < USER + 4096 * PAGE_SIZE; address += 2 * PAGE_SIZE)
        status = map(spaces[0], address, PT_WRITE, VM_ANONYMOUS);
    vm_machine_return_frames();
    assert_int_equal(status, STATUS_NO_MEMORY);
    assert_ok(vm_space_check(spaces[0]));
    assert_ok(map(spaces[0], address, PT_WRITE, VM_ANONYMOUS));
}

static void addresses_that_cannot_be_are_refused(void **state)
{
    /* Neither a query nor a translation looks at an address that the processor would not take. */
    struct pt_mapping leaf;
    paddr_t target;
    vaddr_t impossible = va((uintptr_t)1 << 62);

    (void)state;
    assert_int_equal(pt_query(vm_space_table(spaces[0]), impossible, &leaf), STATUS_INVALID);
    assert_int_equal(pt_translate(vm_space_table(spaces[0]), impossible, &target), STATUS_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(spaces_are_visited_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(spaces_that_end_are_not_visited, setup, teardown),
        cmocka_unit_test_setup_teardown(mappings_of_a_space_are_visited, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_touches_guards_and_windows, setup, teardown),
        cmocka_unit_test_setup_teardown(areas_need_records, setup, teardown),
        cmocka_unit_test_setup_teardown(addresses_that_cannot_be_are_refused, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
