/* SPDX-License-Identifier: BSD-2-Clause
 *
 * vm_machine.c - a machine with page tables as a loader leaves them.
 */
#include "vm_machine.h"

#include "mm/paging_private.h"
#include "mm/vm_private.h"

#define FAULTS_MAX 4 /* of one access, before something is wrong */

struct vm_machine vm_machine;

static pfn_t *hoard;
static size_t hoard_count;

/* --- the loader's part ------------------------------------------------------------------- */

static enum status take_table(uint64_t *next, uint64_t end, paddr_t *table)
{
    if (*next == end)
        return STATUS_NO_MEMORY;
    *table = pa(*next);
    *next += PAGE_SIZE;
    memset(arch_phys_ptr(*table), 0, PAGE_SIZE);
    return STATUS_OK;
}

static enum status loader_alloc(void *context, paddr_t *table)
{
    (void)context;
    return take_table(&vm_machine.next_table, VM_TABLES_BASE + VM_TABLES_BYTES, table);
}

static enum status jump_alloc(void *context, paddr_t *table)
{
    (void)context;
    return take_table(&vm_machine.next_jump_table, VM_JUMP_BASE + VM_JUMP_BYTES, table);
}

static void keep_table(void *context, paddr_t table)
{
    (void)context;
    (void)table;
}

static const struct pt_memory loader_memory = { .alloc = loader_alloc, .free = keep_table };
static const struct pt_memory jump_memory = { .alloc = jump_alloc, .free = keep_table };

static void map(uint64_t address, uint64_t target, uint64_t size, unsigned flags)
{
    assert_ok(pt_map(&vm_machine.loader, va(address), pa(target), size, flags | PT_GLOBAL));
}

/* One segment of the image, and its alias in the direct map without more rights than it has. */
static uint64_t map_segment(uint64_t offset, uint64_t size, unsigned flags)
{
    const struct handoff *handoff = &vm_machine.handoff;

    map(handoff->kernel_va + offset, VM_IMAGE_BASE + offset, size, flags);
    if ((flags & PT_WRITE) == 0)
        assert_ok(pt_protect(&vm_machine.loader,
                             va(handoff->direct_map_va + VM_IMAGE_BASE + offset), size, PT_GLOBAL,
                             NULL));
    return offset + size;
}

static void build_tables(void)
{
    const struct handoff *handoff = &vm_machine.handoff;
    uint64_t offset;

    assert_ok(pt_create(&vm_machine.loader));
    map(handoff->direct_map_va, 0, VM_MEMORY_BYTES, PT_WRITE);
    offset = map_segment(0, VM_TEXT_BYTES, PT_EXECUTE);
    offset = map_segment(offset, VM_RODATA_BYTES, 0);
    map_segment(offset, VM_DATA_BYTES, PT_WRITE);
    map(handoff->stack_va, VM_STACK_BASE, VM_STACK_BYTES, PT_WRITE);
    map(LAYOUT_AREAS_START, VM_SCREEN_BASE, VM_SCREEN_BYTES, PT_WRITE | PT_WRITE_COMBINING);
    vm_machine.loader.memory = &jump_memory;
    assert_ok(pt_map(&vm_machine.loader, va(VM_JUMP_BASE), pa(VM_JUMP_BASE), PAGE_SIZE,
                     PT_EXECUTE | PT_SMALL));
}

static void boot_memory(void)
{
    static const struct machine_piece pieces[] = {
        LOW_MEMORY(PAGE_SIZE, 0x9f000),
        FREE_MEMORY(MiB, VM_IMAGE_BASE),
        HELD_MEMORY(VM_IMAGE_BASE, VM_TABLES_BASE, REGION_TAG_KERNEL),
        HELD_MEMORY(VM_TABLES_BASE, VM_JUMP_BASE, REGION_TAG_PAGE_TABLES),
        HELD_MEMORY(VM_JUMP_BASE, VM_STACK_BASE, REGION_TAG_JUMP),
        HELD_MEMORY(VM_STACK_BASE, VM_STACK_BASE + MiB, REGION_TAG_STACK),
        FREE_MEMORY(VM_STACK_BASE + MiB, VM_MEMORY_BYTES),
    };

    MACHINE_BOOT(pieces);
    for (unsigned cpu = fake_mmu_cpus; cpu-- > 0;) { /* the PMM's own frame for each processor */
        pfn_t frame;

        host_cpu_set(cpu);
        assert_ok(pmm_alloc_frame(FRAME_TEST, &frame));
        assert_ok(pmm_free_frame(frame));
        pmm_drain();
    }
}

void vm_machine_load(unsigned levels)
{
    const struct pt_format *format = arch_pt_format(levels);

    boot_memory();
    vm_machine = (struct vm_machine){
        .handoff = { .kernel_base = VM_IMAGE_BASE,
                     .kernel_bytes = VM_TEXT_BYTES + VM_RODATA_BYTES + VM_DATA_BYTES,
                     .kernel_va = LAYOUT_IMAGE_START + 10 * MiB,
                     .direct_map_va = LAYOUT_DIRECT_MAP_START + 3 * GiB,
                     .table_levels = levels,
                     .stack_base = VM_STACK_BASE,
                     .stack_bytes = VM_STACK_BYTES,
                     .stack_va = LAYOUT_STACKS_START + PAGE_SIZE },
        .loader = { .format = format,
                    .memory = &loader_memory,
                    .physical_bits = VM_PHYSICAL_BITS,
                    .largest_leaf = 3,
                    .no_execute = true },
        .next_table = VM_TABLES_BASE,
        .next_jump_table = VM_JUMP_BASE + PAGE_SIZE,
    };
    build_tables();
    vm_machine.handoff.table_root = pa_value(vm_machine.loader.root);
    fake_mmu_start(&(struct fake_mmu_settings){ format, VM_PHYSICAL_BITS, true },
                   vm_machine.loader.root);
}

enum status vm_machine_init_paging(void)
{
    return init_paging(&vm_machine.handoff, VM_PHYSICAL_BITS, true, 3);
}

void vm_machine_boot(unsigned levels)
{
    vm_machine_load(levels);
    assert_ok(vm_machine_init_paging());
    assert_ok(vmm_init(va(LAYOUT_AREAS_START), LAYOUT_AREAS_BYTES));
    assert_ok(kstack_init(va(LAYOUT_STACKS_START), LAYOUT_STACKS_BYTES,
                          va(vm_machine.handoff.stack_va), vm_machine.handoff.stack_bytes));
    vm_space_switch(vm_kernel());
}

void vm_machine_boot_bare(const struct pt_format *format)
{
    bool has_nx = format != &pt_format_i386_2level; /* no entry has room for the bit there */

    boot_memory();
    vm_machine = (struct vm_machine){ .next_table = VM_TABLES_BASE };
    vm_machine.loader = (struct page_table){ .format = format,
                                             .memory = &loader_memory,
                                             .physical_bits = VM_PHYSICAL_BITS,
                                             .largest_leaf = pt_format_largest_leaf(format),
                                             .no_execute = has_nx };
    assert_ok(pt_create(&vm_machine.loader));
    fake_mmu_start(&(struct fake_mmu_settings){ format, VM_PHYSICAL_BITS, has_nx },
                   vm_machine.loader.root);
    *paging_kernel_table() = vm_machine.loader;
    paging_kernel_table()->memory = &paging_table_memory;
    vm_records_reset();
    vm_kernel()->table = paging_kernel_table();
    tlb_kernel_begin(paging_kernel_table());
    vm_space_switch(vm_kernel());
}

int vm_machine_stop(void **state)
{
    fake_mmu_check();
    assert_int_equal(fake_mmu_failures, 0);
    host_cpu_set(0);
    return machine_stop(state);
}

/* --- accesses ---------------------------------------------------------------------------- */

static unsigned trap_bits(unsigned access, bool present)
{
    return ((access & FAKE_WRITE) != 0 ? TRAP_ACCESS_WRITE : 0u) |
           ((access & FAKE_EXECUTE) != 0 ? TRAP_ACCESS_EXECUTE : 0u) |
           ((access & FAKE_USER) != 0 ? TRAP_ACCESS_USER : 0u) |
           (present ? TRAP_ACCESS_PRESENT : 0u);
}

enum status vm_touch(uintptr_t address, unsigned access, paddr_t *target)
{
    for (unsigned faults = 0; faults < FAULTS_MAX; faults++) {
        enum status status;
        bool present;

        if (fake_mmu_access(address, access, target, &present))
            return STATUS_OK;
        status = vm_fault(va(address), trap_bits(access, present));
        if (status != STATUS_OK)
            return status;
    }
    fail_msg("the access to 0x%zx faults again and again", (size_t)address);
    return STATUS_INVALID;
}

enum status vm_write(uintptr_t address, uint64_t value)
{
    paddr_t target;
    enum status status = vm_touch(address, FAKE_WRITE, &target);

    if (status == STATUS_OK)
        *(uint64_t *)arch_phys_ptr(target) = value;
    return status;
}

enum status vm_read(uintptr_t address, uint64_t *value)
{
    paddr_t target;
    enum status status = vm_touch(address, FAKE_READ, &target);

    if (status == STATUS_OK)
        *value = *(const uint64_t *)arch_phys_ptr(target);
    return status;
}

/* --- scarcity ---------------------------------------------------------------------------- */

void vm_machine_leave_frames(size_t count)
{
    size_t capacity = VM_MEMORY_BYTES / PAGE_SIZE;

    hoard = calloc(capacity, sizeof(*hoard));
    assert_non_null(hoard);
    hoard_count = pmm_alloc_bulk(FRAME_TEST, hoard, capacity);
    assert_true(hoard_count >= count);
    for (; count > 0; count--)
        assert_ok(pmm_free_frame(hoard[--hoard_count]));
}

void vm_machine_return_frames(void)
{
    assert_int_equal(pmm_free_bulk(hoard, hoard_count), hoard_count);
    free(hoard);
    hoard = NULL;
    hoard_count = 0;
}
