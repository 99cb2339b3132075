/* SPDX-License-Identifier: BSD-2-Clause
 *
 * selftest.c - runs the self-tests and says what became of them.
 *
 * The tests run on the memory manager that is in use, so each must leave it as it was. The runner
 * makes sure: with all caches emptied, exactly as many frames are free after a test as before it.
 * What an allocator keeps for good the first time (tables that it never gives back) is no loss: a
 * test that leaves fewer frames is run again in the same way, and then must leave as many.
 *
 * After each test all live tables are walked (mm/paging.h, mm/vmm.h): nothing is writable and
 * executable or open to ring 3, no mapping leads to a free frame, and every frame that a mapping owns
 * has as many references as mappings. No user space outlives a test, so the kernel's is all there is.
 *
 * Every test draws its random numbers from a generator of its own, seeded with the seed of the run
 * and the test's name. So a test does the same whether it runs alone or among the others, and a
 * failure is reproduced by `selftest NAME seed=N`.
 *
 * A test ends at its first failure: what fails after it is rarely news.
 */

#include "diag/selftest.h"
#include "diag/diag.h"
#include "diag/selftest_case.h"
#include "arch/mmu.h"
#include "arch/cpu.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/string.h"
#include "mm/heap.h"
#include "mm/paging.h"
#include "mm/pmm.h"
#include "mm/vmm.h"

#define LEAK_RUNS 4

struct selftest_entry {
    const char *name;
    const char *proves;
    void (*run)(struct selftest *test);
};

static const struct selftest_entry entries[] = {
    { "memmap", "the region table is sound and agrees with the firmware's map", selftest_memmap },
    { "frames", "free, used and reserved frames add up to the table", selftest_frames },
    { "memory", "free frames hold their own addresses", selftest_memory },
    { "pmm", "frames under random load, against a model", selftest_pmm },
    { "exhaust", "every frame can be had and written, and not one more", selftest_exhaust },
    { "tables", "page tables: W^X, direct map, nothing at page 0", selftest_tables },
    { "vmm", "areas under random load, against a model", selftest_vmm },
    { "demand", "demand-zero, huge pages and copy-on-write take the frames they should",
      selftest_demand },
    { "spaces", "user spaces made, cloned, dirtied and ended, against a model", selftest_spaces },
    { "heap", "kmalloc and its family under random load, against a model", selftest_heap },
    { "heapdebug", "the heap's debugging finds what it says, and names the places",
      selftest_heapdebug },
    { "shootdown", "no processor reads through a mapping that is gone", selftest_shootdown },
    { "kstack", "kernel stacks hold and their guards stop an overrun", selftest_kstack },
    { "traps", "null, W^X, NX and other faults are what they should be", selftest_traps },
    { "user", "programs of ring 3 do what they may and are ended where they may not",
      selftest_user },
    { "badfree", "wrong frees are found and refused", selftest_badfree },
};

/* --- what tests use -------------------------------------------------------------------------- */

bool selftest_check(struct selftest *test, bool condition, const char *format, ...)
{
    va_list arguments;

    test->checks++;
    if (condition || test->failed)
        return condition;
    test->failed = true;
    va_start(arguments, format);
    (void)print_buffer_va(test->why, sizeof test->why, format, arguments);
    va_end(arguments);
    return false;
}

bool selftest_ok(struct selftest *test, enum status status, const char *what)
{
    return selftest_check(test, status == STATUS_OK, "%s: %s", what, status_name(status));
}

/* SplitMix64 (Steele, Lea, Flood 2014): any state is good, also 0. */
uint64_t selftest_random(struct selftest *test)
{
    uint64_t z = test->random += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint32_t selftest_below(struct selftest *test, uint32_t bound)
{
    return (uint32_t)(((selftest_random(test) >> 32) * bound) >> 32);
}

void selftest_expect_begin(void)
{
    log_expect(true);
}

void selftest_expect_end(void)
{
    log_expect(false);
}

/* Addresses that nobody may touch, touched on purpose: these are the processor's to stop. */
[[gnu::no_sanitize_address]] static void read_byte(void *context)
{
    (void)*(volatile uint8_t *)context;
}

[[gnu::no_sanitize_address]] static void write_byte(void *context)
{
    *(volatile uint8_t *)context = 1;
}

static void call_address(void *context)
{
    void (*function)(void);

    memcpy(&function, &context, sizeof function);
    function();
}

bool selftest_read_faults(vaddr_t address, struct trap_info *info)
{
    return arch_trap_try(read_byte, va_ptr(address), info);
}

bool selftest_write_faults(vaddr_t address, struct trap_info *info)
{
    return arch_trap_try(write_byte, va_ptr(address), info);
}

bool selftest_call_faults(vaddr_t address, struct trap_info *info)
{
    return arch_trap_try(call_address, va_ptr(address), info);
}

uint64_t selftest_frame_read(pfn_t frame)
{
    uint64_t *words = arch_frame_map(pfn_to_pa(frame));
    uint64_t word = *words;

    arch_frame_unmap(words);
    return word;
}

void selftest_frame_write(pfn_t frame, uint64_t word)
{
    uint64_t *words = arch_frame_map(pfn_to_pa(frame));

    *words = word;
    arch_frame_unmap(words);
}

uint64_t selftest_free_frames(void)
{
    struct pmm_stats stats;

    (void)heap_shrink(SIZE_MAX);
    pmm_drain();
    pmm_get_stats(&stats);
    return stats.free_frames;
}

/* FNV-1a over the runs that are free. */
static bool add_to_hash(void *context, pfn_t first, uint64_t count_frames)
{
    uint64_t *hash = context;

    *hash = (*hash ^ pfn_value(first)) * 0x100000001b3u;
    *hash = (*hash ^ count_frames) * 0x100000001b3u;
    return true;
}

uint64_t selftest_hash_free(void)
{
    uint64_t hash = 0xcbf29ce484222325u;

    pmm_visit_free(add_to_hash, &hash);
    return hash;
}

/* --- running --------------------------------------------------------------------------------- */

/* FNV-1a: a test's name as a number. */
static uint64_t name_hash(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (; *name != '\0'; name++)
        hash = (hash ^ (uint8_t)*name) * 0x100000001b3u;
    return hash;
}

static void report(const struct selftest_entry *entry, const struct selftest *test)
{
    struct json event;

    if (test->failed)
        print("selftest %s: FAILED: %s\n", entry->name, test->why);
    else
        print("selftest %s: passed (%llu checks)\n", entry->name, (unsigned long long)test->checks);
    json_begin(&event, json_console(), "selftest");
    json_text(&event, "name", entry->name);
    json_text(&event, "result", test->failed ? "failed" : "passed");
    json_number(&event, "checks", test->checks);
    if (test->failed)
        json_text(&event, "why", test->why);
    json_end(&event);
}

/* Frames that are free or hold records of the heap: it keeps those as long as anything lives in the
 * same block, and how many a load needs depends on where its objects came to lie. */
uint64_t selftest_frames_at_hand(void)
{
    uint64_t free_frames = selftest_free_frames();
    struct heap_stats stats;

    heap_get_stats(&stats);
    return free_frames + (stats.metadata_bytes >> PAGE_SHIFT);
}

enum status selftest_memory_check(void)
{
    enum status status = pmm_check();

    if (status == STATUS_OK)
        status = heap_check();
    if (status == STATUS_OK)
        status = paging_audit();
    if (status == STATUS_OK)
        status = vm_space_check(vm_kernel());
    return status;
}

/* Runs a test that did not leave as many frames as it found once more, and again: what is needed once
 * stays, such as the tables behind pages of metadata, wherever chance put them; a leak is there each time. */
static void look_for_leak(const struct selftest_entry *entry, const struct selftest *first,
                          struct selftest *test)
{
    uint64_t before = 0;
    uint64_t after = 1;

    for (unsigned run = 0; run < LEAK_RUNS && before != after && !test->failed; run++) {
        struct selftest again = *first;

        before = selftest_frames_at_hand();
        entry->run(&again);
        after = selftest_frames_at_hand();
        (void)selftest_check(test, !again.failed, "once more: %s", again.why);
    }
    (void)selftest_check(test, before == after, "%llu frames were at hand before it, %llu after",
                         (unsigned long long)before, (unsigned long long)after);
}

/* What a test did may not show in its own results. */
static void check_live_tables(struct selftest *test)
{
    (void)selftest_ok(test, paging_audit(), "the rights of all mappings after it");
    (void)selftest_ok(test, vm_space_check(vm_kernel()), "areas, mappings and frames after it");
}

static bool run_entry(const struct selftest_entry *entry, const struct handoff_view *machine,
                      uint32_t seed, unsigned amount)
{
    const struct selftest first = { .machine = machine,
                                    .random = seed ^ name_hash(entry->name),
                                    .amount = amount };
    struct selftest test = first;
    uint64_t before = selftest_frames_at_hand();

    entry->run(&test);
    if (!test.failed && selftest_frames_at_hand() != before)
        look_for_leak(entry, &first, &test);
    if (!test.failed)
        check_live_tables(&test);
    report(entry, &test);
    return !test.failed;
}

static void report_all(unsigned passed, unsigned failed, uint32_t seed)
{
    struct json event;

    print("selftest: %u passed, %u failed (seed=%u)\n", passed, failed, seed);
    json_begin(&event, json_console(), "selftests");
    json_number(&event, "passed", passed);
    json_number(&event, "failed", failed);
    json_number(&event, "seed", seed);
    json_end(&event);
}

bool selftest_run(const struct handoff_view *machine, const char *name, uint32_t seed)
{
    unsigned passed = 0;
    unsigned failed = 0;

    for (size_t i = 0; i < ARRAY_COUNT(entries); i++) {
        if (name != NULL && strcmp(name, entries[i].name) != 0)
            continue;
        if (run_entry(&entries[i], machine, seed, 0))
            passed++;
        else
            failed++;
    }
    report_all(passed, failed, seed);
    if (failed > 0)
        diag_note_failure();
    return failed == 0 && passed > 0;
}

bool selftest_stress(const struct handoff_view *machine, const char *name, unsigned amount,
                     uint32_t seed)
{
    for (size_t i = 0; i < ARRAY_COUNT(entries); i++) {
        if (strcmp(name, entries[i].name) != 0)
            continue;
        if (run_entry(&entries[i], machine, seed, amount))
            return true;
        diag_note_failure();
    }
    return false;
}

uint32_t selftest_new_seed(void)
{
    struct selftest generator = { .random = arch_timestamp() };

    return selftest_below(&generator, 1000000000);
}

bool selftest_describe(unsigned index, const char **name, const char **proves)
{
    if (index >= ARRAY_COUNT(entries))
        return false;
    *name = entries[index].name;
    *proves = entries[index].proves;
    return true;
}
