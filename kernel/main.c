/* SPDX-License-Identifier: BSD-2-Clause
 *
 * main.c - the kernel's story, from its first C function to the prompt.
 *
 * A machine is described by its handoff; the rest is a list of phases, each of which builds on the
 * one before: table of memory, bump allocator, frames, page tables, address space, stacks, heap.
 * A phase that fails has logged why; a kernel without it cannot go on.
 */
#include "config.h"
#include "arch/clock.h"
#include "arch/cpu.h"
#include "arch/mmu.h"
#include "boot/cmdline.h"
#include "dev/console.h"
#include "dev/numa.h"
#include "dev/pci.h"
#include "dev/stage.h"
#include "diag/boot_report.h"
#include "diag/diag.h"
#include "diag/kasan.h"
#include "diag/selftest.h"
#include "diag/stack_guard.h"
#include "lib/assert.h"
#include "lib/json.h"
#include "lib/lock.h"
#include "lib/log.h"
#include "lib/string.h"
#include "mm/bump.h"
#include "mm/fail_alloc.h"
#include "mm/handoff_adopt.h"
#include "mm/heap.h"
#include "mm/heap_debug.h"
#include "mm/kstack.h"
#include "mm/layout.h"
#include "mm/memmap_cmdline.h"
#include "mm/mtrr.h"
#include "mm/paging.h"
#include "mm/pmm.h"
#include "mm/vmm.h"
#include "monitor/monitor.h"
#include "smp/smp.h"

/* kernel.ld */
extern const char kernel_start[];

#define CONSOLE_OPTION_BYTES 32

[[gnu::noreturn]] void kmain(void *handoff, uint64_t entry_ticks);

static struct handoff_view machine;
static struct cmdline_options options;

/* --- what comes first -------------------------------------------------------------------- */

static void adopt_handoff(void *handoff)
{
    enum status status;

    stage_begin(STAGE_ADOPT);
    status = handoff_adopt(handoff, HANDOFF_MAX_BYTES, &machine);
    if (status != STATUS_OK)
        panic("The loader's handoff at %p cannot be used (%s): start a loader that fits this "
              "kernel",
              handoff, status_name(status));
    stage_show_in_pixels(machine.framebuffer);
}

static void open_console(void)
{
    char wish[CONSOLE_OPTION_BYTES];
    enum status status;

    if (options.console.text == NULL)
        return;
    cmdline_copy(options.console, wish, sizeof(wish));
    status = console_init(wish);
    if (status == STATUS_NOT_FOUND)
        log_warning("console=%s: no such port answers; going on with what there is", wish);
    else if (status != STATUS_OK)
        log_warning("console=%s: expected ttyS0 to ttyS3 and a rate, as in ttyS0,115200", wish);
}

static bool wants_benchmark(const char *name)
{
    char wish[CONSOLE_OPTION_BYTES];

    cmdline_copy(options.bench, wish, sizeof(wish));
    return options.bench.text != NULL && strcmp(wish, name) == 0;
}

/* Whoever built the page tables has read pt= as well, and may have had to decide otherwise. */
static void check_table_format(void)
{
    unsigned wanted = cmdline_table_levels(options.pt);

    if (wanted != 0 && wanted != machine.handoff->table_levels)
        log_warning("command line: pt=%.*s: not on this processor by this loader; the page tables "
                    "have %u levels",
                    (int)options.pt.size, options.pt.text, machine.handoff->table_levels);
}

static void obey_command_line(uint64_t entry_ticks)
{
    stage_begin(STAGE_WORDS);
    cmdline_read_options(machine.command_line, &options);
    open_console();
    if (wants_benchmark("boot")) {
        boot_report_entry(entry_ticks, machine.map.count);
        diag_exit();
    }
    log_set_console_level(options.console_level);
    check_table_format();
    console_enable_json(options.json);
    diag_expect_exit(monitor_will_exit(&options));
}

/* --- the phases -------------------------------------------------------------------------- */

static enum status read_map(void)
{
    memmap_apply_cmdline(&machine.map, machine.command_line);
    boot_report_map(&machine.map);
    return STATUS_OK;
}

static enum status start_bump(void)
{
    bump_init(&machine.map, pa(machine.handoff->arena_base), machine.handoff->arena_bytes);
    return STATUS_OK;
}

static enum status start_frames(void)
{
    enum status status = pmm_init(&machine.map);

    if (status == STATUS_OK && options.fail_alloc != 0) {
        log_notice("fail_alloc=%u: that allocation from here on will fail", options.fail_alloc);
        fail_alloc_start(options.fail_alloc, 1);
    }
    return status;
}

/* What came of fail_alloc=, if we are still here. */
static void end_failing(void)
{
    if (options.fail_alloc == 0)
        return;
    fail_alloc_stop();
    log_notice("fail_alloc=%u: %llu allocations since then, %llu of them failed",
               options.fail_alloc, (unsigned long long)fail_alloc_calls(),
               (unsigned long long)fail_alloc_failures());
}

/* What the firmware made of memory's types, before the first mapping with a type of its own. */
static void start_memory_types(void)
{
    struct mtrr_registers registers;

    mtrr_start(arch_mtrr_read(&registers) ? &registers : NULL);
    mtrr_check_memory(&machine.map);
}

static enum status start_paging(void)
{
    const struct cpu_info *cpu = arch_cpu_info();

    start_memory_types();
    return init_paging(machine.handoff, cpu->physical_bits, cpu->no_execute, cpu->largest_leaf);
}

static enum status start_areas(void)
{
    uint64_t seed;

    memcpy(&seed, machine.handoff->seed + sizeof(seed),
           sizeof(seed)); /* the first is the stack guard's */
    if (options.aslr)
        vm_slide_windows(seed);
    return vmm_init(va(LAYOUT_AREAS_START), LAYOUT_AREAS_BYTES);
}

/* Debugging: who allocates which frame. A kernel that has no room for it goes on. */
static void record_sites(void)
{
    enum status status = STATUS_OK;

    if (CONFIG_DEBUG || options.frame_sites)
        status = pmm_record_sites();
    if (status != STATUS_OK)
        log_warning("frame_sites: not recorded: %s", status_name(status));
}

/* Which memory is near. Tables that lie outside the direct map can be reached from here on. */
static enum status find_nodes(void)
{
    struct acpi_root root;
    enum status status;

    record_sites();
    acpi_machine_allow_mapping();
    status = acpi_machine_open(&machine.map, pa(machine.handoff->acpi_rsdp), &root);
    if (status == STATUS_OK)
        status = numa_start(&root, arch_cpu_info()->apic_id);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        log_warning("NUMA: all memory counts as one node (%s)", status_name(status));
    acpi_machine_unmap();
    return STATUS_OK;
}

/* The boot stack becomes an area like the others, and exceptions get stacks with guard pages. */
static enum status start_stacks(void)
{
    enum status status =
        kstack_init(va(LAYOUT_STACKS_START), LAYOUT_STACKS_BYTES,
                    va((uintptr_t)machine.handoff->stack_va), (size_t)machine.handoff->stack_bytes);

    for (unsigned i = 0; i < arch_cpu_count_exception_stacks() && status == STATUS_OK; i++) {
        vaddr_t top;

        status = kstack_create(arch_cpu_exception_stack_name(i), &top);
        if (status == STATUS_OK)
            arch_cpu_set_exception_stack(i, top);
    }
    return status;
}

/* A heap that cannot be debugged works all the same. */
static void debug_heap(void)
{
    struct heap_debug wish = { 0 };
    enum status status;

    static_assert(sizeof(wish.seed) <= HANDOFF_SEED_BYTES, "the handoff has a seed");
    memcpy(&wish.seed, machine.handoff->seed, sizeof(wish.seed));
    heap_name_places(diag_place_name);
    spin_name_places(diag_place_name);
    if (options.heap.text == NULL && !CONFIG_KASAN)
        return;
    if (options.heap.text != NULL)
        heap_debug_parse(options.heap.text, options.heap.size, &wish);
    status = heap_debug_set(&wish);
    if (status != STATUS_OK)
        log_warning("heap=: no debugging of the heap: no room for its records (%s)",
                    status_name(status));
}

/* The heap maps within its window by itself; to the address space the window is one area. */
static enum status map_heap(vaddr_t place, size_t size_bytes)
{
    const struct vm_request window = { .address = place,
                                       .size_bytes = size_bytes,
                                       .rights = PT_WRITE,
                                       .kind = VM_WINDOW,
                                       .flags = VM_EXACT,
                                       .name = "heap" };
    vaddr_t start;
    enum status status = vm_map(vm_kernel(), &window, &start);

    if (status != STATUS_OK)
        return status;
    return heap_init(start, size_bytes);
}

/* A kernel that has no room for the shadow works all the same. */
static void check_accesses(const struct cmdline_window *heap)
{
    enum status status = STATUS_OK;

    if (CONFIG_KASAN)
        status = kasan_start(&machine.map, va((uintptr_t)heap->start), (size_t)heap->size_bytes);
    if (status != STATUS_OK)
        log_warning("KASAN: accesses are not checked: no room for the shadow (%s)",
                    status_name(status));
}

static enum status start_heap(void)
{
    struct cmdline_window place = { LAYOUT_HEAP_START, LAYOUT_HEAP_BYTES };
    enum status status;

    cmdline_heap_window(&options, &place);
    heap_code_from(kernel_start);
    check_accesses(&place);
    status = map_heap(va((uintptr_t)place.start), (size_t)place.size_bytes);
    if (status == STATUS_OK)
        debug_heap();
    fail_alloc_watch_heap();
    return status;
}

/* What memmap=NN@SS added is not in the direct map that the loader built, and free once it is. */
static void add_users_memory(void)
{
    for (size_t i = 0; i < machine.map.count; i++) {
        const struct region *row = &machine.map.regions[i];
        enum status status;

        if (row->tag != REGION_TAG_USER || row->type != E820_USABLE)
            continue;
        status = paging_add_ram(pa(row->base), row->size_bytes);
        if (status == STATUS_OK)
            status = pmm_add(pa_to_pfn(pa(row->base)), row->size_bytes >> PAGE_SHIFT);
        if (status != STATUS_OK)
            log_error(
                "command line: [mem 0x%016llx-0x%016llx] cannot be used as memory (%s): it is "
                "left alone",
                (unsigned long long)row->base,
                (unsigned long long)(row->base + row->size_bytes - 1), status_name(status));
    }
}

/* ACPI's tables have been read by all who do (nodes, PCI), bytecode is not run, and firmware does not
 * need them once the boot services are left (UEFI 2.10, 7.2): what it calls reclaimable is. */
static enum status reclaim_tables(const struct region *row)
{
    enum status status = pmm_add(pa_to_pfn(pa(row->base)), row->size_bytes >> PAGE_SHIFT);

    if (status != STATUS_OK)
        log_warning("ACPI: [mem 0x%016llx-0x%016llx] stays reserved: %s",
                    (unsigned long long)row->base,
                    (unsigned long long)(row->base + row->size_bytes - 1), status_name(status));
    return STATUS_OK;
}

/* The other processors. Whatever goes wrong with them, one is there. */
static enum status start_processors(void)
{
    struct acpi_root root;
    bool has_tables =
        acpi_machine_open(&machine.map, pa(machine.handoff->acpi_rsdp), &root) == STATUS_OK;

    smp_start(&machine.map, has_tables ? &root : NULL, options.cpus);
    acpi_machine_unmap();
    return STATUS_OK;
}

/* What only the start needed is memory like any other now: the identity mapping of the jump into the
 * kernel, and ACPI's tables. So is what the user knows of. */
static enum status reclaim(void)
{
    enum status status = STATUS_OK;

    add_users_memory();
    acpi_machine_close();
    for (size_t i = 0; i < machine.map.count && status == STATUS_OK; i++) {
        const struct region *row = &machine.map.regions[i];

        if (row->tag == REGION_TAG_JUMP)
            status = pmm_add(pa_to_pfn(pa(row->base)), row->size_bytes >> PAGE_SHIFT);
        else if (row->type == E820_ACPI_DATA && row->tag == REGION_TAG_NONE && region_is_ram(row))
            status = reclaim_tables(row);
    }
    return status;
}

/* What devices say is their own joins the table; a kernel that has no room for it goes on. */
static enum status find_devices(void)
{
    enum status status = pci_machine_start(&machine);

    if (status != STATUS_OK)
        log_warning("PCI: the table of memory does not show devices (%s)", status_name(status));
    return STATUS_OK;
}

static const struct {
    enum stage stage;
    enum status (*start)(void);
} run[] = {
    { STAGE_MAP, read_map },
    { STAGE_BUMP, start_bump },
    { STAGE_FRAMES, start_frames },
    { STAGE_PAGING, start_paging },
    { STAGE_AREAS, start_areas },
    { STAGE_NODES, find_nodes },
    { STAGE_STACKS, start_stacks },
    { STAGE_HEAP, start_heap },
    { STAGE_PROCESSORS, start_processors },
    { STAGE_DEVICES, find_devices },
    { STAGE_RECLAIM, reclaim },
};

static struct boot_phase phases[] = {
    { .name = "memory map" },  { .name = "bump allocator" }, { .name = "frames" },
    { .name = "page tables" }, { .name = "address space" },  { .name = "nodes" },
    { .name = "stacks" },      { .name = "heap" },           { .name = "processors" },
    { .name = "devices" },     { .name = "reclaim" },
};
static_assert(ARRAY_COUNT(run) == ARRAY_COUNT(phases), "each phase has a name");

static void run_phases(void)
{
    for (size_t i = 0; i < ARRAY_COUNT(run); i++) {
        uint64_t start = arch_timestamp();
        enum status status;

        stage_begin(run[i].stage);
        status = run[i].start();
        if (status != STATUS_OK)
            panic("The kernel cannot start: phase '%s' failed (%s); the log says why",
                  phases[i].name, status_name(status));
        phases[i].ticks = arch_timestamp() - start;
    }
}

/* --- the story --------------------------------------------------------------------------- */

void kmain(void *handoff, uint64_t entry_ticks)
{
    stage_begin(STAGE_KERNEL_START);
    arch_cpu_init();
    arch_clock_start(entry_ticks);
    (void)console_init(NULL); /* without a console, the kernel works in silence */
    adopt_handoff(handoff);
    stack_guard_seed(machine.handoff->seed);
    arch_direct_map_set(va((uintptr_t)machine.handoff->direct_map_va));
    obey_command_line(entry_ticks);
    boot_report_machine(&machine, entry_ticks);
    run_phases();
    stage_begin(STAGE_SCREEN);
    arch_clock_refine();
    console_start_screen(&machine);
    stage_begin(STAGE_TICKS);
    smp_start_ticks();
    end_failing();
    boot_report_ready(phases, ARRAY_COUNT(phases), entry_ticks);
    stage_begin(STAGE_PROMPT);
    monitor_main(&machine, &options);
}
