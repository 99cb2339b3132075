/* SPDX-License-Identifier: BSD-2-Clause
 *
 * stress_fail.c - stress fail: each allocation of each operation fails once, and from then on.
 *
 * An operation does something and undoes it, and may give up at any place where there is no memory. It is run
 * to count its allocations, then once with each of them failing alone and once with all from it on
 * failing. After each run the memory manager must be sound and as many frames at hand as before.
 */
#include "monitor/commands.h"
#include "monitor/stress.h"

#include "arch/cpu.h"
#include "diag/diag.h"
#include "diag/selftest.h"
#include "lib/json.h"
#include "lib/print.h"
#include "lib/string.h"
#include "mm/fail_alloc.h"
#include "mm/heap.h"
#include "mm/kcache.h"
#include "mm/kstack.h"
#include "mm/paging.h"
#include "mm/pmm.h"
#include "mm/vm_fault.h"
#include "mm/vmm.h"
#include "user/program.h"

#define USER_ADDRESS ((uintptr_t)0x10000000)
#define USER_STACK   ((uintptr_t)0x20000000)
#define PAGES        24u
#define HUGE_BYTES   ((size_t)(2 * MiB))
#define WARM_RUNS    2u
#define NAME_BYTES   64u

/* --- operations: true if nothing was refused ------------------------------------------------ */

static bool take_frames(void)
{
    const struct pmm_request low = {
        .count_frames = 3, .below = PMM_BELOW_16M, .tag = FRAME_TEST, .flags = PMM_ZERO
    };
    pfn_t one, zeroed, run, block, below;
    pfn_t many[8];
    bool has_one = pmm_alloc_frame(FRAME_TEST, &one) == STATUS_OK;
    bool has_zeroed = pmm_alloc_zeroed(FRAME_TEST, &zeroed) == STATUS_OK;
    bool has_run = pmm_alloc(3, FRAME_TEST, &run) == STATUS_OK;
    bool has_block = pmm_alloc(PMM_ORDER_2M, FRAME_TEST, &block) == STATUS_OK;
    bool has_below = pmm_alloc_run(&low, &below) == STATUS_OK;
    size_t count = pmm_alloc_bulk(FRAME_TEST, many, ARRAY_COUNT(many));
    bool freed = pmm_free_bulk(many, count) == count;

    freed &= !has_one || pmm_free_frame(one) == STATUS_OK;
    freed &= !has_zeroed || pmm_free_frame(zeroed) == STATUS_OK;
    freed &= !has_run || pmm_free(run, 3) == STATUS_OK;
    freed &= !has_block || pmm_free(block, PMM_ORDER_2M) == STATUS_OK;
    freed &= !has_below || pmm_free_run(below, 3) == STATUS_OK;
    return freed && has_one && has_zeroed && has_run && has_block && has_below &&
           count == ARRAY_COUNT(many);
}

static bool take_objects(void)
{
    void *objects[] = { kmalloc(48),
                        kzalloc(700),
                        kmalloc_aligned(96, 64),
                        kmalloc_tagged(120, HEAP_TAG_TEST, 0),
                        kmalloc(3 * PAGE_SIZE),
                        kmalloc(300 * KiB),
                        kmalloc_tagged(PAGE_SIZE, HEAP_TAG_TEST, HEAP_GUARDED),
                        kmalloc_tagged(PAGE_SIZE, HEAP_TAG_TEST, HEAP_DMA),
                        kstrdup("a text") };
    bool all = true;

    for (unsigned i = 0; i < ARRAY_COUNT(objects); i++) {
        void *grown = objects[i] != NULL ? krealloc(objects[i], 5000 + i) : NULL;

        all &= grown != NULL;
        (void)kfree(grown != NULL ? grown : objects[i]);
    }
    (void)heap_shrink(SIZE_MAX);
    return all;
}

static bool take_from_cache(void)
{
    const struct kcache_type type = { .name = "stress", .size_bytes = 200, .tag = HEAP_TAG_TEST };
    struct kcache *cache = kcache_create(&type);
    void *object = cache != NULL ? kcache_alloc(cache) : NULL;
    bool all = object != NULL;

    if (object != NULL)
        (void)kcache_free(cache, object);
    if (cache != NULL && kcache_destroy(cache) != STATUS_OK)
        return false;
    (void)heap_shrink(SIZE_MAX);
    return all;
}

static bool map_kernel_memory(void)
{
    void *memory;
    void *frames;
    pfn_t first;
    bool all = vm_alloc(40 * PAGE_SIZE, "stress", &memory) == STATUS_OK;
    bool has_frames = pmm_alloc(2, FRAME_TEST, &first) == STATUS_OK;
    bool mapped = has_frames && vm_map_frames(pfn_to_pa(first), 4 * PAGE_SIZE, PT_WRITE, "stress",
                                              &frames) == STATUS_OK;

    if (all && vm_free(memory) != STATUS_OK)
        return false;
    if (mapped && vm_free(frames) != STATUS_OK)
        return false;
    if (has_frames && pmm_free(first, 2) != STATUS_OK)
        return false;
    return all && mapped;
}

static bool make_stack(void)
{
    vaddr_t top;

    if (kstack_create("stress", &top) != STATUS_OK)
        return false;
    kstack_destroy(top);
    return true;
}

static enum status map_user(struct vm_space *space, uintptr_t address, size_t size_bytes,
                            unsigned flags)
{
    const struct vm_request request = { .address = va(address),
                                        .size_bytes = size_bytes,
                                        .rights = PT_WRITE,
                                        .kind = VM_ANONYMOUS,
                                        .flags = VM_EXACT | flags,
                                        .tag = FRAME_TEST,
                                        .name = "stress" };
    vaddr_t start;

    return vm_map(space, &request, &start);
}

/* An area that is there, cut in three, with other rights in its middle; and the same of a huge one. */
static bool change_areas(struct vm_space *space, uintptr_t address, size_t size_bytes,
                         unsigned flags)
{
    bool all = map_user(space, address, size_bytes, VM_POPULATE | flags) == STATUS_OK;

    all &= vm_protect(space, va(address + 8 * PAGE_SIZE), 4 * PAGE_SIZE, 0) == STATUS_OK;
    all &= vm_unmap(space, va(address + 2 * PAGE_SIZE), 3 * PAGE_SIZE) == STATUS_OK;
    return all;
}

static bool change_space(void)
{
    struct vm_space *space;
    struct vm_space *copy;
    bool all;

    if (vm_space_create(&space) != STATUS_OK)
        return false;
    all = change_areas(space, USER_ADDRESS, PAGES * PAGE_SIZE, 0);
    all &= change_areas(space, USER_ADDRESS + 2 * HUGE_BYTES, HUGE_BYTES, VM_HUGE);
    all &= map_user(space, USER_STACK, PAGE_SIZE, VM_SHARED) == STATUS_OK;
    if (vm_space_clone(space, &copy) == STATUS_OK) {
        all &= vm_unmap(copy, va(USER_ADDRESS), PAGE_SIZE) == STATUS_OK;
        vm_space_destroy(copy);
    } else {
        all = false;
    }
    vm_space_destroy(space);
    return all;
}

/* The faults that a program would make, one by one. */
static bool fault_in(uintptr_t address, unsigned access)
{
    irq_state_t irq = arch_irq_save();
    enum status status = vm_fault(va(address), access);

    arch_irq_restore(irq);
    return status == STATUS_OK;
}

static bool fault_pages(struct vm_space *space, struct vm_space *outer)
{
    struct vm_space *copy;
    bool all = true;

    vm_space_switch(space);
    for (unsigned page = 0; page < PAGES; page += 3)
        all &= fault_in(USER_ADDRESS + page * PAGE_SIZE, TRAP_ACCESS_WRITE);
    all &= fault_in(USER_STACK - PAGE_SIZE, TRAP_ACCESS_WRITE);
    if (vm_space_clone(space, &copy) == STATUS_OK) {
        vm_space_switch(copy);
        all &= fault_in(USER_ADDRESS, TRAP_ACCESS_WRITE | TRAP_ACCESS_PRESENT);
        all &= fault_in(USER_ADDRESS + PAGE_SIZE, TRAP_ACCESS_WRITE);
        vm_space_switch(outer);
        vm_space_destroy(copy);
    } else {
        all = false;
    }
    vm_space_switch(outer);
    return all;
}

static bool touch_space(void)
{
    struct vm_space *outer = vm_space_current();
    struct vm_space *space;
    bool all;

    if (vm_space_create(&space) != STATUS_OK)
        return false;
    all = map_user(space, USER_ADDRESS, PAGES * PAGE_SIZE, 0) == STATUS_OK;
    all &= map_user(space, USER_STACK, PAGE_SIZE, VM_GROWS_DOWN) == STATUS_OK;
    all &= fault_pages(space, outer);
    vm_space_destroy(space);
    return all;
}

static bool run_program(void)
{
    struct program_end end = { .faulted = true };

    return program_run("clone", PROGRAM_SILENT, 0, &end) == STATUS_OK && !end.faulted &&
           end.refused == 0;
}

static const struct operation {
    const char *name;
    bool (*run)(void);
} operations[] = {
    { "frames", take_frames },       { "objects", take_objects }, { "cache", take_from_cache },
    { "memory", map_kernel_memory }, { "stack", make_stack },     { "space", change_space },
    { "faults", touch_space },       { "program", run_program },
};

/* --- the sweep ------------------------------------------------------------------------------- */

struct sweep {
    const struct command_call *call;
    const struct operation *operation;
    uint64_t at_hand;  /* before */
    uint64_t calls;    /* of the operation when nothing fails */
    uint64_t failures; /* that were injected */
    uint64_t runs;
    uint64_t survived; /* runs that had a failure and did all the same */
};

/* Whether all is well after a run in which the `nth` allocation failed, alone or with all behind it. */
static bool is_as_before(const struct sweep *sweep, uint64_t nth, bool ever)
{
    enum status status = selftest_memory_check();
    uint64_t at_hand = selftest_frames_at_hand();

    if (status == STATUS_OK && at_hand == sweep->at_hand)
        return true;
    return command_fail(
        sweep->call, "%s: allocation %llu of %llu failed%s: %s, %llu frames at hand, not %llu",
        sweep->operation->name, (unsigned long long)nth, (unsigned long long)sweep->calls,
        ever ? " with all behind it" : "", status_name(status), (unsigned long long)at_hand,
        (unsigned long long)sweep->at_hand);
}

static bool run_failing(struct sweep *sweep, uint64_t nth, bool ever)
{
    bool done;

    fail_alloc_start(nth, ever ? FAIL_ALLOC_EVER : 1);
    done = sweep->operation->run();
    fail_alloc_stop();
    sweep->failures += fail_alloc_failures();
    sweep->survived += done && fail_alloc_failures() > 0;
    sweep->runs++;
    return is_as_before(sweep, nth, ever);
}

/* What is kept for good the first time is there before frames are counted. */
static bool count_calls(struct sweep *sweep)
{
    bool done = true;

    for (unsigned i = 0; i < WARM_RUNS && done; i++) {
        fail_alloc_start(0, 0);
        done = sweep->operation->run();
        fail_alloc_stop();
        sweep->calls = fail_alloc_calls();
        sweep->at_hand = selftest_frames_at_hand();
    }
    return done || command_fail(sweep->call, "%s: there is not enough memory for it",
                                sweep->operation->name);
}

static bool sweep_operation(struct sweep *sweep)
{
    if (!count_calls(sweep))
        return false;
    for (uint64_t nth = 1; nth <= sweep->calls; nth++) {
        for (unsigned ever = 0; ever < 2; ever++)
            if (!run_failing(sweep, nth, ever != 0))
                return false;
    }
    return true;
}

/* --- what became of it ----------------------------------------------------------------------- */

static unsigned count_sites(bool show)
{
    struct fail_alloc_site site;
    unsigned failed = 0;

    for (unsigned i = 0; fail_alloc_get_site(i, &site); i++) {
        char name[NAME_BYTES];

        failed += site.failures > 0;
        (void)diag_place_name(site.place, name, sizeof(name));
        if (show)
            print("  %-40s %8llu calls %8llu failed\n", name, (unsigned long long)site.calls,
                  (unsigned long long)site.failures);
    }
    return failed;
}

static void print_sweep(const struct sweep *sweep)
{
    print("  %-10s %12llu %8llu %9llu %9llu\n", sweep->operation->name,
          (unsigned long long)sweep->calls, (unsigned long long)sweep->runs,
          (unsigned long long)sweep->failures, (unsigned long long)sweep->survived);
}

static void write_sweep(struct json *event, const struct sweep *sweep)
{
    json_item_begin(event);
    json_text(event, "name", sweep->operation->name);
    json_number(event, "allocations", sweep->calls);
    json_number(event, "runs", sweep->runs);
    json_number(event, "failures", sweep->failures);
    json_number(event, "survived", sweep->survived);
    json_item_end(event);
}

static void report(const struct sweep *sweeps, unsigned count, bool passed, bool show_sites)
{
    unsigned sites = count_sites(show_sites);
    uint64_t failures = 0;
    struct json event;

    json_begin(&event, json_console(), "failures");
    json_list_begin(&event, "operations");
    for (unsigned i = 0; i < count; i++) {
        failures += sweeps[i].failures;
        write_sweep(&event, &sweeps[i]);
    }
    json_list_end(&event);
    json_number(&event, "sites", sites);
    json_number(&event, "failures", failures);
    json_boolean(&event, "passed", passed);
    json_end(&event);
    if (passed)
        print("%llu allocations failed at %u sites: nothing was lost, everything is sound.\n",
              (unsigned long long)failures, sites);
}

bool stress_fail_run(const struct command_call *call, bool show_sites)
{
    struct sweep sweeps[ARRAY_COUNT(operations)];
    unsigned count = 0;
    bool passed = true;

    print("  %-10s %12s %8s %9s %9s\n", "operation", "allocations", "runs", "failures", "survived");
    while (count < ARRAY_COUNT(operations) && passed) {
        sweeps[count] = (struct sweep){ .call = call, .operation = &operations[count] };
        passed = sweep_operation(&sweeps[count]);
        print_sweep(&sweeps[count++]);
    }
    report(sweeps, count, passed, show_sites);
    return passed;
}
