/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_paging.c - properties of the kernel's page table: adoption, changes, audit.
 */
#include "vm_machine.h"

#define HEAP ((uintptr_t)LAYOUT_HEAP_START)

static unsigned levels = 4;

static void expect_at(uintptr_t address, uint64_t expected, unsigned access)
{
    paddr_t target;

    assert_true(fake_mmu_access(address, access, &target, NULL));
    assert_int_equal(pa_value(target), expected);
}

static void expect_fault(uintptr_t address, unsigned access)
{
    paddr_t target;

    assert_false(fake_mmu_access(address, access, &target, NULL));
}

static pfn_t new_frame(void)
{
    pfn_t frame;

    assert_ok(pmm_alloc_frame(FRAME_HEAP, &frame));
    return frame;
}

/* --- adoption ---------------------------------------------------------------------------- */

static void good_tables_are_adopted(void **state)
{
    /* After adoption image, direct map, stack and framebuffer are where they were, the identity
     * mapping is gone, memory types are set, and the audit is content. */
    const struct handoff *handoff = &vm_machine.handoff;

    (void)state;
    for (levels = 4; levels <= 5; levels++) {
        vm_machine_load(levels);
        expect_at(VM_JUMP_BASE, VM_JUMP_BASE, FAKE_EXECUTE);
        assert_ok(vm_machine_init_paging());
        expect_fault(VM_JUMP_BASE, FAKE_READ);
        expect_at(handoff->kernel_va, VM_IMAGE_BASE, FAKE_EXECUTE);
        expect_at(handoff->direct_map_va + 17 * MiB, 17 * MiB, FAKE_WRITE);
        expect_fault(handoff->direct_map_va + VM_IMAGE_BASE, FAKE_WRITE);
        expect_at(handoff->stack_va, VM_STACK_BASE, FAKE_WRITE);
        expect_at(LAYOUT_AREAS_START, VM_SCREEN_BASE, FAKE_WRITE);
        assert_true(fake_mmu_memory_types_set);
        assert_ok(paging_audit());
        fake_mmu_check();
        assert_int_equal(fake_mmu_failures, 0);
        machine_stop(state);
    }
}

struct spoilt {
    const char *log;
    enum status expected;
    void (*spoil)(struct handoff *handoff, struct page_table *table);
};

static void wrong_levels(struct handoff *handoff, struct page_table *table)
{
    (void)table;
    handoff->table_levels = 6;
}

static void wrong_root(struct handoff *handoff, struct page_table *table)
{
    (void)table;
    handoff->table_root += PAGE_SIZE;
}

static void image_elsewhere(struct handoff *handoff, struct page_table *table)
{
    (void)table;
    handoff->kernel_base += PAGE_SIZE;
}

static void image_outside(struct handoff *handoff, struct page_table *table)
{
    (void)table;
    handoff->kernel_va = 0x400000;
}

static void image_wraps(struct handoff *handoff, struct page_table *table)
{
    (void)table;
    handoff->kernel_bytes = UINT64_MAX;
}

static void direct_map_shifted(struct handoff *handoff, struct page_table *table)
{
    (void)table;
    handoff->direct_map_va -= GiB;
}

static void stack_too_long(struct handoff *handoff, struct page_table *table)
{
    (void)table;
    handoff->stack_bytes += PAGE_SIZE;
}

static void guard_mapped(struct handoff *handoff, struct page_table *table)
{
    assert_ok(pt_map(table, va(handoff->stack_va - PAGE_SIZE), pa(VM_STACK_BASE + 20 * PAGE_SIZE),
                     PAGE_SIZE, PT_WRITE));
}

static void arena_unmapped(struct handoff *handoff, struct page_table *table)
{
    (void)table;
    handoff->arena_base = VM_MEMORY_BYTES;
    handoff->arena_bytes = PAGE_SIZE;
}

static void text_writable_by_alias(struct handoff *handoff, struct page_table *table)
{
    assert_ok(pt_protect(table, va(handoff->direct_map_va + VM_IMAGE_BASE + 3 * PAGE_SIZE),
                         PAGE_SIZE, PT_WRITE, NULL));
}

static void open_to_users(struct handoff *handoff, struct page_table *table)
{
    assert_ok(pt_protect(table, va(handoff->stack_va), PAGE_SIZE, PT_WRITE, NULL));
    assert_ok(pt_protect(table, va(handoff->direct_map_va), PAGE_SIZE, PT_WRITE | PT_USER, NULL));
}

/* Where nothing is mapped, in its window. */
static void image_unmapped(struct handoff *handoff, struct page_table *table)
{
    (void)table;
    handoff->kernel_va = LAYOUT_IMAGE_START + LAYOUT_IMAGE_BYTES / 2;
}

static void image_of_nothing(struct handoff *handoff, struct page_table *table)
{
    (void)table;
    handoff->kernel_bytes = 0;
}

static void image_over_the_end(struct handoff *handoff, struct page_table *table)
{
    (void)table;
    handoff->kernel_bytes = LAYOUT_IMAGE_START + LAYOUT_IMAGE_BYTES - handoff->kernel_va + 1;
}

static void image_inside_a_page(struct handoff *handoff, struct page_table *table)
{
    (void)table;
    handoff->kernel_va += 16;
}

static void direct_map_of_nothing(struct handoff *handoff, struct page_table *table)
{
    assert_ok(pt_unmap(table, va(handoff->direct_map_va), VM_MEMORY_BYTES, NULL));
}

static void stack_with_a_hole(struct handoff *handoff, struct page_table *table)
{
    assert_ok(pt_unmap(table, va(handoff->stack_va + PAGE_SIZE), PAGE_SIZE, NULL));
}

static void stack_read_only(struct handoff *handoff, struct page_table *table)
{
    assert_ok(pt_protect(table, va(handoff->stack_va + PAGE_SIZE), PAGE_SIZE, 0, NULL));
}

static void stack_open_to_users(struct handoff *handoff, struct page_table *table)
{
    assert_ok(pt_protect(table, va(handoff->stack_va), PAGE_SIZE, PT_WRITE | PT_USER, NULL));
}

static void upper_guard_mapped(struct handoff *handoff, struct page_table *table)
{
    assert_ok(pt_map(table, va(handoff->stack_va + handoff->stack_bytes),
                     pa(VM_STACK_BASE + 20 * PAGE_SIZE), PAGE_SIZE, PT_WRITE));
}

static void root_out_of_reach(struct handoff *handoff, struct page_table *table)
{
    assert_ok(pt_unmap(table, va(handoff->direct_map_va + handoff->table_root), PAGE_SIZE, NULL));
}

static void arena_reaches_out(struct handoff *handoff, struct page_table *table)
{
    (void)table;
    handoff->arena_base = VM_MEMORY_BYTES - PAGE_SIZE;
    handoff->arena_bytes = 2 * PAGE_SIZE;
}

static void direct_map_executable(struct handoff *handoff, struct page_table *table)
{
    assert_ok(
        pt_protect(table, va(handoff->direct_map_va + 17 * MiB), PAGE_SIZE, PT_EXECUTE, NULL));
}

/* The walker refuses to make such an entry: it is made by hand. */
static void writable_and_executable(struct handoff *handoff, struct page_table *table)
{
    struct pt_step steps[PT_MAX_LEVELS];
    unsigned count = pt_explain(table, va(handoff->kernel_va), steps);
    uint64_t *entries = arch_phys_ptr(steps[count - 1].table);

    entries[steps[count - 1].index] |= 2; /* writable */
}

static void bad_tables_are_refused(void **state)
{
    /* Tables that are not what the handoff says, or that break the rules, are refused with a line
     * that names the cause. */
    static const struct spoilt cases[] = {
        { "tables of 6 levels", STATUS_UNSUPPORTED, wrong_levels },
        { "the processor uses the root", STATUS_CORRUPT, wrong_root },
        { "kernel image: 0x", STATUS_CORRUPT, image_elsewhere },
        { "kernel image: 0x", STATUS_CORRUPT, image_outside },
        { "kernel image: 0x", STATUS_CORRUPT, image_wraps },
        { "direct map: 0x", STATUS_CORRUPT, direct_map_shifted },
        { "stack: 0x", STATUS_CORRUPT, stack_too_long },
        { "guard page 0x", STATUS_CORRUPT, guard_mapped },
        { "arena: 0x", STATUS_CORRUPT, arena_unmapped },
        { "kernel image: 0x0 of 0x", STATUS_CORRUPT, image_unmapped },
        { "kernel image: 0x0 bytes at 0x", STATUS_CORRUPT, image_of_nothing },
        { "are not within its window", STATUS_CORRUPT, image_over_the_end },
        { "are not within its window", STATUS_CORRUPT, image_inside_a_page },
        { "direct map: 0x0 of 0x", STATUS_CORRUPT, direct_map_of_nothing },
        { "stack: 0x7000 of 0x8000 bytes are mapped at 0x", STATUS_CORRUPT, stack_with_a_hole },
        { "stack: 0x", STATUS_CORRUPT, stack_read_only },
        { "stack: 0x", STATUS_CORRUPT, stack_open_to_users },
        { "guard page 0x", STATUS_CORRUPT, upper_guard_mapped },
        { "root of the page tables: 0x0 of 0x1000 bytes", STATUS_CORRUPT, root_out_of_reach },
        { "arena: 0x1000 of 0x2000 bytes", STATUS_CORRUPT, arena_reaches_out },
        { "executable in the direct map", STATUS_DENIED, direct_map_executable },
        { "a writable alias of executable memory", STATUS_DENIED, text_writable_by_alias },
        { "open to user mode", STATUS_DENIED, open_to_users },
        { "writable and executable", STATUS_DENIED, writable_and_executable },
    };

    for (levels = 4; levels <= 5; levels++) {
        for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
            vm_machine_load(levels);
            cases[i].spoil(&vm_machine.handoff, &vm_machine.loader);
            assert_int_equal(vm_machine_init_paging(), cases[i].expected);
            if (!host_log_contains(cases[i].log))
                fail_msg("'%s' is not in: %s", cases[i].log, host_log_text());
            machine_stop(state);
        }
    }
}

static void adoption_without_memory(void **state)
{
    /* Whichever allocation fails on the way, adoption fails with STATUS_NO_MEMORY, and a frame that
     * it keeps is one of the tables. */
    size_t allowed = 0;
    enum status status;

    vm_machine_load(4);
    do {
        uint64_t before = machine_free_frames();
        uint64_t taken;

        vm_machine_leave_frames(allowed++);
        status = vm_machine_init_paging();
        vm_machine_return_frames();
        taken = before - machine_free_frames();
        if (status != STATUS_OK) {
            assert_int_equal(status, STATUS_NO_MEMORY);
            assert_true(taken < allowed);
        }
    } while (status != STATUS_OK);
    assert_true(allowed > 5);
    machine_stop(state);
}

/* --- changes ----------------------------------------------------------------------------- */

static int boot(void **state)
{
    (void)state;
    vm_machine_boot(levels);
    return 0;
}

static int boot4(void **state)
{
    levels = 4;
    return boot(state);
}

static int boot5(void **state)
{
    levels = 5;
    return boot(state);
}

static void mapping_and_unmapping(void **state)
{
    /* What is mapped in a window translates, is global and kernel-only; unmapped, it is gone from
     * every TLB, and its frames are free if that was asked for. */
    uint64_t before = machine_free_frames();
    paddr_t target;

    (void)state;
    for (unsigned i = 0; i < 40; i++)
        assert_ok(
            paging_map(va(HEAP + i * PAGE_SIZE), pfn_to_pa(new_frame()), PAGE_SIZE, PT_WRITE));
    for (unsigned cpu = 0; cpu < fake_mmu_cpus; cpu++) {
        host_cpu_set(cpu);
        for (unsigned i = 0; i < 40; i++)
            assert_true(fake_mmu_access(HEAP + i * PAGE_SIZE, FAKE_WRITE, &target, NULL));
    }
    host_cpu_set(0);
    expect_fault(HEAP, FAKE_USER);
    expect_fault(HEAP, FAKE_EXECUTE);
    assert_ok(paging_translate(va(HEAP + 39 * PAGE_SIZE + 7), &target));
    expect_at(HEAP + 39 * PAGE_SIZE + 7, pa_value(target), FAKE_WRITE);
    assert_ok(paging_unmap(va(HEAP), 40 * PAGE_SIZE, true));
    fake_mmu_check();
    assert_int_equal(paging_translate(va(HEAP), &target), STATUS_NOT_FOUND);
    assert_int_equal(machine_free_frames(), before);
}

static void owned_frames_are_freed(void **state)
{
    /* Without free_frames, exactly the frames that the mapping owns are freed with it. */
    uint64_t before = machine_free_frames();
    pfn_t kept = new_frame();

    (void)state;
    assert_ok(paging_map(va(HEAP), pfn_to_pa(kept), PAGE_SIZE, PT_WRITE));
    assert_ok(
        paging_map(va(HEAP + PAGE_SIZE), pfn_to_pa(new_frame()), PAGE_SIZE, PT_WRITE | PT_OWNED));
    assert_ok(paging_unmap(va(HEAP), 2 * PAGE_SIZE, false));
    assert_int_equal(machine_free_frames(), before - 1);
    assert_ok(pmm_free_frame(kept));
}

static void ram_joins_the_direct_map(void **state)
{
    /* What the loader did not map of a range is mapped, what it did stays, and beyond the window is
     * refused. */
    const uintptr_t direct = (uintptr_t)vm_machine.handoff.direct_map_va;
    struct pt_mapping found;

    (void)state;
    assert_ok(paging_add_ram(pa(VM_MEMORY_BYTES - MiB), 5 * MiB));
    for (uintptr_t at = VM_MEMORY_BYTES - MiB; at < VM_MEMORY_BYTES + 4 * MiB; at += MiB) {
        assert_ok(pt_query(paging_kernel_table(), va(direct + at), &found));
        assert_int_equal(pa_value(found.target) + (direct + at - va_value(found.address)), at);
        assert_int_equal(found.flags & PT_RIGHTS, PT_WRITE | PT_GLOBAL);
    }
    assert_int_equal(
        pt_query(paging_kernel_table(), va(direct + VM_MEMORY_BYTES + 4 * MiB), &found),
        STATUS_NOT_FOUND);
    assert_ok(paging_add_ram(pa(VM_MEMORY_BYTES - MiB), 5 * MiB));
    assert_ok(paging_add_ram(pa(40 * MiB), MiB));
    assert_int_equal(paging_add_ram(pa(LAYOUT_DIRECT_MAP_BYTES - 4 * GiB), 2 * GiB),
                     STATUS_UNSUPPORTED);
    assert_ok(paging_audit());
}

static void only_windows_are_mapped(void **state)
{
    /* Mappings outside of the windows, open to user mode, or W+X are refused. */
    static const uintptr_t outside[] = { 0,
                                         PAGE_SIZE,
                                         LAYOUT_KERNEL_HALF,
                                         LAYOUT_AREAS_START - PAGE_SIZE,
                                         LAYOUT_HEAP_START + LAYOUT_HEAP_BYTES,
                                         LAYOUT_IMAGE_START + LAYOUT_IMAGE_BYTES };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(outside); i++)
        assert_int_equal(paging_map(va(outside[i]), pa(MiB), PAGE_SIZE, 0), STATUS_INVALID);
    assert_int_equal(paging_map(va(LAYOUT_HEAP_START + LAYOUT_HEAP_BYTES - PAGE_SIZE), pa(MiB),
                                2 * PAGE_SIZE, 0),
                     STATUS_INVALID);
    assert_int_equal(paging_map(va(HEAP), pa(MiB), PAGE_SIZE, PT_USER), STATUS_INVALID);
    assert_int_equal(paging_map(va(HEAP), pa(MiB), PAGE_SIZE, PT_WRITE | PT_EXECUTE),
                     STATUS_DENIED);
    assert_int_equal(paging_unmap(va(PAGE_SIZE), PAGE_SIZE, false), STATUS_INVALID);
    assert_int_equal(paging_protect(va(PAGE_SIZE), PAGE_SIZE, 0), STATUS_INVALID);
    assert_int_equal(paging_protect(va(HEAP), PAGE_SIZE, PT_USER), STATUS_INVALID);
}

static void protecting(void **state)
{
    /* Rights change at once on every processor, and the audit sees what breaks the rules. */
    pfn_t frame = new_frame();

    (void)state;
    assert_ok(paging_map(va(HEAP), pfn_to_pa(frame), PAGE_SIZE, PT_WRITE));
    host_cpu_set(1);
    expect_at(HEAP, pa_value(pfn_to_pa(frame)), FAKE_WRITE);
    host_cpu_set(0);
    assert_ok(paging_protect(va(HEAP), PAGE_SIZE, 0));
    host_cpu_set(1);
    expect_fault(HEAP, FAKE_WRITE);
    host_cpu_set(0);
    assert_ok(paging_audit());
    assert_ok(paging_protect(va(HEAP), PAGE_SIZE, PT_EXECUTE));
    assert_int_equal(paging_audit(), STATUS_DENIED); /* the direct map can write the frame */
    assert_true(host_log_contains("a writable alias of executable memory"));
    assert_ok(paging_unmap(va(HEAP), PAGE_SIZE, true));
}

static void many_texts_are_all_audited(void **state)
{
    /* A writable alias is found whichever of many executable runs it belongs to. */
    const unsigned runs = 50;
    const uint64_t rom = 60 * GiB; /* no RAM: the direct map has no alias of it */

    (void)state;
    for (unsigned i = 0; i < runs; i++)
        assert_ok(paging_map(va(HEAP + 2 * i * PAGE_SIZE), pa(rom + 2 * i * PAGE_SIZE), PAGE_SIZE,
                             PT_EXECUTE));
    assert_ok(paging_audit());
    for (unsigned i = 0; i < runs; i++) {
        assert_ok(paging_map(va(LAYOUT_AREAS_START + GiB), pa(rom + 2 * i * PAGE_SIZE), PAGE_SIZE,
                             PT_WRITE));
        assert_int_equal(paging_audit(), STATUS_DENIED);
        assert_ok(paging_unmap(va(LAYOUT_AREAS_START + GiB), PAGE_SIZE, false));
    }
    assert_ok(paging_unmap(va(HEAP), 2 * runs * PAGE_SIZE, false));
}

static void tables_of_the_loader_are_freed(void **state)
{
    /* A table of the loader that becomes empty goes back to the PMM like any other. */
    uint64_t before = machine_free_frames();

    (void)state;
    assert_ok(paging_unmap(va(LAYOUT_STACKS_START), GiB, false));
    assert_int_equal(machine_free_frames(), before + 2); /* levels 1 and 2 */
    assert_int_equal(host_log_count(LOG_WARNING), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_tables_are_adopted),
        cmocka_unit_test(bad_tables_are_refused),
        cmocka_unit_test(adoption_without_memory),
        cmocka_unit_test_setup_teardown(mapping_and_unmapping, boot4, vm_machine_stop),
        cmocka_unit_test_setup_teardown(mapping_and_unmapping, boot5, vm_machine_stop),
        cmocka_unit_test_setup_teardown(owned_frames_are_freed, boot4, vm_machine_stop),
        cmocka_unit_test_setup_teardown(ram_joins_the_direct_map, boot4, vm_machine_stop),
        cmocka_unit_test_setup_teardown(ram_joins_the_direct_map, boot5, vm_machine_stop),
        cmocka_unit_test_setup_teardown(only_windows_are_mapped, boot4, vm_machine_stop),
        cmocka_unit_test_setup_teardown(only_windows_are_mapped, boot5, vm_machine_stop),
        cmocka_unit_test_setup_teardown(protecting, boot4, vm_machine_stop),
        cmocka_unit_test_setup_teardown(protecting, boot5, vm_machine_stop),
        cmocka_unit_test_setup_teardown(many_texts_are_all_audited, boot4, vm_machine_stop),
        cmocka_unit_test_setup_teardown(tables_of_the_loader_are_freed, boot4, vm_machine_stop),
    };

    return cmocka_run_group_tests_name("paging", tests, NULL, NULL);
}
