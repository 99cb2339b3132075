/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_kstack.c - properties of kernel stacks.
 */
#include "vm_machine.h"

#include "config.h"

static int setup(void **state)
{
    (void)state;
    vm_machine_boot(4);
    return 0;
}

static void a_stack_between_guards(void **state)
{
    /* All of a stack can be used at once, nothing beside it, and both guards have its name. */
    vaddr_t top;
    uintptr_t bottom;
    paddr_t target;

    (void)state;
    assert_ok(kstack_create("first", &top));
    bottom = va_value(top) - CONFIG_KSTACK_BYTES;
    assert_int_equal(va_value(top) % 16, 0);
    for (uintptr_t page = bottom; page < va_value(top); page += PAGE_SIZE)
        assert_true(fake_mmu_access(page, FAKE_WRITE, &target, NULL)); /* without a fault */
    assert_int_equal(vm_touch(bottom - 1, FAKE_WRITE, &target), STATUS_DENIED);
    assert_int_equal(vm_touch(va_value(top), FAKE_WRITE, &target), STATUS_DENIED);
    assert_string_equal(kstack_guard_owner(va(bottom - 1)), "first");
    assert_string_equal(kstack_guard_owner(va(bottom - PAGE_SIZE)), "first");
    assert_string_equal(kstack_guard_owner(top), "first");
    assert_null(kstack_guard_owner(va(bottom)));
    assert_null(kstack_guard_owner(va(LAYOUT_STACKS_START + GiB)));
    kstack_destroy(top);
    assert_null(kstack_guard_owner(top));
}

static void the_boot_stack_is_one_too(void **state)
{
    /* The stack that the loader made has guards with a name, and new stacks keep off it. */
    uintptr_t bottom = (uintptr_t)vm_machine.handoff.stack_va;
    uintptr_t end = bottom + VM_STACK_BYTES;
    vaddr_t top;

    (void)state;
    assert_string_equal(kstack_guard_owner(va(bottom - 1)), "boot");
    assert_string_equal(kstack_guard_owner(va(end)), "boot");
    assert_ok(kstack_create("second", &top));
    assert_true(va_value(top) - CONFIG_KSTACK_BYTES >= end + 2 * PAGE_SIZE);
    assert_string_equal(kstack_guard_owner(va(end)), "boot");
    kstack_destroy(top);
    assert_panics(kstack_destroy(va(end)), "info.kind == VM_ANONYMOUS");
}

static void stacks_never_share_a_guard(void **state)
{
    /* Whatever comes and goes, each guard page belongs to exactly one stack; places are reused. */
    static const char *const names[] = { "a", "b", "c", "d", "e", "f", "g", "h" };
    vaddr_t tops[ARRAY_COUNT(names)] = { 0 };
    uintptr_t highest = 0;

    (void)state;
    for (unsigned i = 0; i < 400; i++) {
        unsigned slot = (unsigned)machine_random_below(ARRAY_COUNT(names));

        if (va_value(tops[slot]) == 0) {
            assert_ok(kstack_create(names[slot], &tops[slot]));
        } else {
            kstack_destroy(tops[slot]);
            tops[slot] = va(0);
        }
        for (unsigned s = 0; s < ARRAY_COUNT(names); s++) {
            if (va_value(tops[s]) == 0)
                continue;
            assert_string_equal(kstack_guard_owner(tops[s]), names[s]);
            assert_string_equal(kstack_guard_owner(va(va_value(tops[s]) - CONFIG_KSTACK_BYTES - 1)),
                                names[s]);
            highest = highest > va_value(tops[s]) ? highest : va_value(tops[s]);
        }
    }
    assert_true(highest <= LAYOUT_STACKS_START + VM_STACK_BYTES + 2 * PAGE_SIZE +
                               ARRAY_COUNT(names) * (CONFIG_KSTACK_BYTES + 2 * PAGE_SIZE));
}

static void stacks_without_memory(void **state)
{
    /* Whichever allocation fails, no stack is made and no frame is lost; nor by those that are
     * made and destroyed. */
    uint64_t before;
    size_t allowed = 0;
    enum status status;
    vaddr_t top;

    (void)state;
    before = machine_free_frames();
    do {
        vm_machine_leave_frames(allowed++);
        status = kstack_create("scarce", &top);
        vm_machine_return_frames();
        if (status != STATUS_OK) {
            assert_int_equal(status, STATUS_NO_MEMORY);
            assert_int_equal(machine_free_frames(), before);
        }
        assert_ok(vm_space_check(vm_kernel()));
    } while (status != STATUS_OK);
    assert_true(allowed > CONFIG_KSTACK_BYTES / PAGE_SIZE);
    kstack_destroy(top);
    assert_int_equal(machine_free_frames(), before);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_stack_between_guards, setup, vm_machine_stop),
        cmocka_unit_test_setup_teardown(the_boot_stack_is_one_too, setup, vm_machine_stop),
        cmocka_unit_test_setup_teardown(stacks_never_share_a_guard, setup, vm_machine_stop),
        cmocka_unit_test_setup_teardown(stacks_without_memory, setup, vm_machine_stop),
    };

    return cmocka_run_group_tests_name("kstack", tests, NULL, NULL);
}
