/* SPDX-License-Identifier: BSD-2-Clause
 *
 * bench_vm.c - what page tables, areas and faults cost on this machine.
 *
 * The sources of kernel/mm, compiled as the kernel compiles them, over simulated memory; what the
 * hardware would cost (a flush, a fault) is missing. The shapes are those of the project's
 * baselines for walkers and address lookup: ranges of 1 GiB, random queries, a direct map of
 * 64 GiB, areas from 16 to 32,768. Best of several rounds, thread time, one line a figure:
 *
 *     bench vm map-4k-ns 0.87 per entry
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "arch/mmu.h"
#include "fake_memory.h"
#include "lib/bits.h"
#include "mm/bump.h"
#include "mm/layout.h"
#include "mm/memmap.h"
#include "mm/paging_private.h"
#include "mm/pmm.h"
#include "mm/vm_fault.h"
#include "mm/vm_private.h"

#define MEMORY_BYTES (4 * GiB)
#define ROUNDS       7
#define USER         ((uintptr_t)0x10000000000)
#define HIGH         ((uintptr_t)0xffff800000000000)

paddr_t bench_root;

/* --- measuring --------------------------------------------------------------------------- */

static uint64_t random_state = 88172645463325252u;

static uint64_t random_word(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static double now_ns(void)
{
    struct timespec time;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void must(enum status status)
{
    if (status == STATUS_OK)
        return;
    fprintf(stderr, "bench vm: %s\n", status_name(status));
    exit(1);
}

static void report(const char *name, double nanoseconds, const char *unit)
{
    printf("bench vm %-24s %10.2f ns per %s\n", name, nanoseconds, unit);
}

/* Best of ROUNDS of `operation`; `prepare` runs before each round, outside of the measurement. */
static double best(void (*prepare)(void *context), void (*operation)(void *context), void *context)
{
    double least = 1e18;

    for (unsigned i = 0; i < ROUNDS; i++) {
        double start;

        if (prepare != NULL)
            prepare(context);
        start = now_ns();
        operation(context);
        start = now_ns() - start;
        least = start < least ? start : least;
    }
    return least;
}

/* --- page tables ------------------------------------------------------------------------- */

static struct page_table table;

struct range {
    uintptr_t address;
    uint64_t target;
    size_t size;
    unsigned flags;
    unsigned largest_leaf;
};

static void unmap_range(void *context)
{
    const struct range *range = context;
    struct tlb_batch batch;

    tlb_batch_init(&batch, &table, NULL);
    must(pt_unmap(&table, va(range->address), range->size, &batch));
    tlb_batch_finish(&batch);
    table.largest_leaf = range->largest_leaf;
}

static void map_range(void *context)
{
    const struct range *range = context;

    must(pt_map(&table, va(range->address), pa(range->target), range->size, range->flags));
}

static void protect_range(void *context)
{
    const struct range *range = context;
    struct tlb_batch batch;

    tlb_batch_init(&batch, &table, NULL);
    must(pt_protect(&table, va(range->address), range->size, 0, &batch));
    must(pt_protect(&table, va(range->address), range->size, PT_WRITE, &batch));
    tlb_batch_finish(&batch);
}

#define QUERIES 1000000u

static uint64_t found;

/* With the random number in it, about a nanosecond; the size is a power of two. */
static void query_random(void *context)
{
    const struct range *range = context;

    for (unsigned i = 0; i < QUERIES; i++) {
        struct pt_mapping mapping;

        must(pt_query(&table, va(range->address + (random_word() & (range->size - 1))), &mapping));
        found += pa_value(mapping.target);
    }
}

static void translate_random(void *context)
{
    const struct range *range = context;

    for (unsigned i = 0; i < QUERIES; i++) {
        paddr_t target;

        must(pt_translate(&table, va(range->address + (random_word() & (range->size - 1))),
                          &target));
        found += pa_value(target);
    }
}

static void bench_queries(const char *size, struct range *range)
{
    char name[32];

    snprintf(name, sizeof(name), "translate-%s", size);
    report(name, best(NULL, translate_random, range) / QUERIES, "address");
    snprintf(name, sizeof(name), "query-%s", size);
    report(name, best(NULL, query_random, range) / QUERIES, "query");
}

static void bench_tables(void)
{
    struct range small = { HIGH, 0, GiB, PT_WRITE | PT_SMALL, 3 };
    struct range medium = { HIGH, 0, GiB, PT_WRITE, 2 };
    struct range direct = { HIGH, 0, 64 * GiB, PT_WRITE, 3 };

    must(pt_create(&table));
    table.largest_leaf = 3;
    report("map-4k", best(unmap_range, map_range, &small) / 262144, "entry");
    printf("bench vm %-24s %10.3f %% of what they map\n", "tables",
           100.0 * (double)pt_count_tables(&table) * PAGE_SIZE / (double)GiB);
    bench_queries("4k", &small);
    report("protect-4k", best(NULL, protect_range, &small) / 524288, "entry");
    report("unmap-4k",
           best(map_range, unmap_range,
                &(struct range){ HIGH + GiB, 0, GiB, PT_WRITE | PT_SMALL, 3 }) /
               262144,
           "entry");
    unmap_range(&small);
    table.largest_leaf = 2;
    report("map-2m", best(unmap_range, map_range, &medium) / 512, "entry");
    bench_queries("2m", &medium);
    unmap_range(&direct);
    report("direct-map-64g-1g", best(unmap_range, map_range, &direct), "map");
    unmap_range(&direct);
    direct.largest_leaf = 2;
    table.largest_leaf = 2;
    report("direct-map-64g-2m", best(unmap_range, map_range, &direct), "map");
    unmap_range(&direct);
    table.largest_leaf = 3;
}

static void map_unmap(void *context)
{
    struct range *range = context;

    for (unsigned i = 0; i < 1000; i++) {
        map_range(range);
        unmap_range(range);
    }
}

/* A neighbour keeps the tables alive, as in a window that is in use. */
static void bench_map_unmap(void)
{
    static const size_t pages[] = { 1, 50, 1500 };

    must(pt_map(&table, va(HIGH), pa(0), PAGE_SIZE, PT_WRITE));
    for (unsigned i = 0; i < ARRAY_COUNT(pages); i++) {
        struct range range = { HIGH + PAGE_SIZE, 0, pages[i] * PAGE_SIZE, PT_WRITE | PT_SMALL, 3 };
        char name[32];

        snprintf(name, sizeof(name), "map-unmap-%zu", pages[i]);
        report(name, best(NULL, map_unmap, &range) / 1000, "pair");
    }
}

/* --- areas ------------------------------------------------------------------------------- */

static struct vm_space *space;

static struct vm_request request_of(uintptr_t address, size_t size, unsigned flags)
{
    return (struct vm_request){ .address = va(address),
                                .size_bytes = size,
                                .rights = PT_WRITE | PT_USER,
                                .kind = VM_ANONYMOUS,
                                .flags = VM_EXACT | flags,
                                .name = "bench" };
}

static void map_area(uintptr_t address, size_t size, unsigned flags)
{
    struct vm_request request = request_of(address, size, flags);
    vaddr_t start;

    must(vm_map(space, &request, &start));
}

static uintptr_t lookups[65536];

static void look_up(void *context)
{
    (void)context;
    for (unsigned i = 0; i < QUERIES; i++) {
        const struct vm_area *area =
            vm_tree_find(&space->areas, lookups[(i + (unsigned)(found & 1)) & 65535]);

        found += (uintptr_t)area->end >> 12 & 1;
    }
}

/* Insertions into the tree alone, as vm_map() does them, at random places between its areas; records
 * and nodes are there. They are taken out again, unmeasured: the tree keeps its size. */
#define INSERT_BATCH   256u
#define INSERT_BATCHES 32u

static struct vm_area newcomers[INSERT_BATCH];

/* Odd multiples do not meet within a power of two. */
static void place_newcomers(size_t count)
{
    uint64_t stride = random_word() | 1;
    uint64_t first = random_word();

    for (unsigned i = 0; i < INSERT_BATCH; i++) {
        uintptr_t start = USER + ((first + i * stride) % count << 16) + 0xa000;

        newcomers[i] = (struct vm_area){ .start = start, .end = start + PAGE_SIZE };
    }
}

static void insert_newcomers(unsigned number, struct vm_node **nodes)
{
    for (unsigned i = 0; i < number; i++) {
        found += vm_tree_nodes_needed(&space->areas, newcomers[i].start);
        vm_tree_insert(&space->areas, &newcomers[i], nodes);
    }
}

/* Best of ROUNDS, for one. */
static double time_insertions(size_t count)
{
    unsigned number = (unsigned)min_u64(INSERT_BATCH, count);
    double least = 1e18;
    struct vm_edit edit;

    vm_edit_begin(&edit, space);
    must(vm_spares_fill(&edit.spares, 0, (unsigned)count / 4 + INSERT_BATCH));
    for (unsigned round = 0; round < ROUNDS; round++) {
        double spent = 0;

        for (unsigned batch = 0; batch < INSERT_BATCHES; batch++) {
            double start;

            place_newcomers(count);
            start = now_ns();
            insert_newcomers(number, &edit.spares.nodes);
            spent += now_ns() - start;
            for (unsigned i = 0; i < number; i++)
                vm_tree_remove(&space->areas, &newcomers[i], &edit.spares.nodes);
        }
        spent /= INSERT_BATCHES * number;
        least = spent < least ? spent : least;
    }
    vm_edit_end(&edit);
    return least;
}

static void add_and_remove(void *context)
{
    size_t count = *(const size_t *)context;

    for (unsigned i = 0; i < 1000; i++) {
        uintptr_t address = USER + (random_word() % count << 16) + 0x8000;

        map_area(address, PAGE_SIZE, 0);
        must(vm_unmap(space, va(address), PAGE_SIZE));
    }
}

static void bench_areas(void)
{
    static const size_t counts[] = { 16, 256, 4096, 32768 };

    for (unsigned n = 0; n < ARRAY_COUNT(counts); n++) {
        size_t count = counts[n];
        char name[32];

        must(vm_space_create(&space));
        for (size_t i = 0; i < count; i++)
            map_area(USER + ((i * 7919 % count) << 16), 0x8000, 0);
        for (unsigned i = 0; i < 65536; i++)
            lookups[i] = USER + (random_word() % count << 16) + random_word() % 0x8000;
        snprintf(name, sizeof(name), "area-lookup-%zu", count);
        report(name, best(NULL, look_up, NULL) / QUERIES, "lookup");
        snprintf(name, sizeof(name), "area-insert-%zu", count);
        report(name, time_insertions(count), "insertion");
        snprintf(name, sizeof(name), "area-map-unmap-%zu", count);
        report(name, best(NULL, add_and_remove, &count) / 1000, "pair");
        vm_space_destroy(space);
    }
}

/* --- faults ------------------------------------------------------------------------------ */

#define FAULT_PAGES 4096u

static struct vm_space *twin;

static void fresh_area(void *context)
{
    (void)context;
    must(vm_unmap(space, va(USER), FAULT_PAGES * PAGE_SIZE));
    map_area(USER, FAULT_PAGES * PAGE_SIZE, 0);
}

static void fault_all(void *context)
{
    (void)context;
    for (uintptr_t i = 0; i < FAULT_PAGES; i++)
        must(vm_fault(va(USER + i * PAGE_SIZE), TRAP_ACCESS_WRITE));
}

static void fresh_clone(void *context)
{
    if (twin != NULL)
        vm_space_destroy(twin);
    fresh_area(context);
    fault_all(context);
    must(vm_space_clone(space, &twin));
}

static void fault_copies(void *context)
{
    (void)context;
    for (uintptr_t i = 0; i < FAULT_PAGES; i++)
        must(vm_fault(va(USER + i * PAGE_SIZE), TRAP_ACCESS_WRITE | TRAP_ACCESS_PRESENT));
}

static void drop_clone(void *context)
{
    (void)context;
    vm_space_destroy(twin);
    must(vm_space_clone(space, &twin));
}

static void populate(void *context)
{
    (void)context;
    must(vm_unmap(space, va(USER), FAULT_PAGES * PAGE_SIZE));
    map_area(USER, FAULT_PAGES * PAGE_SIZE, VM_POPULATE);
}

static void bench_faults(void)
{
    must(vm_space_create(&space));
    vm_space_switch(space);
    report("fault-zero", best(fresh_area, fault_all, NULL) / FAULT_PAGES, "page");
    report("fault-copy", best(fresh_clone, fault_copies, NULL) / FAULT_PAGES, "page");
    report("clone-and-destroy", best(NULL, drop_clone, NULL) / FAULT_PAGES, "page");
    report("populate-and-unmap", best(NULL, populate, NULL) / FAULT_PAGES, "page");
    vm_space_destroy(twin);
    vm_space_destroy(space);
}

/* --- all of it --------------------------------------------------------------------------- */

static void boot(void)
{
    static struct region rows[1];
    static struct memmap map;
    const struct region memory = { .base = MiB,
                                   .size_bytes = MEMORY_BYTES - MiB,
                                   .type = E820_USABLE,
                                   .flags = REGION_WB | REGION_IS_RAM };

    fake_memory_create(MEMORY_BYTES);
    /* As the kernel's direct map, which has large leaves: the host's own page walks stay short. */
    (void)madvise(fake_memory_base, MEMORY_BYTES, MADV_HUGEPAGE);
    memmap_init(&map, rows, 1, NULL, 0, MEMORY_BYTES);
    must(memmap_add(&map, &memory));
    bump_init(&map, pa(0), 0);
    must(pmm_init(&map));
    table = (struct page_table){ .format = &pt_format_x86_64_4level,
                                 .memory = &paging_table_memory,
                                 .physical_bits = 40,
                                 .largest_leaf = 3,
                                 .no_execute = true };
    *paging_kernel_table() = table;
    must(pt_create(paging_kernel_table()));
    vm_kernel()->table = paging_kernel_table();
}

int main(void)
{
    boot();
    bench_tables();
    bench_map_unmap();
    bench_areas();
    bench_faults();
    return found == 0;
}
