/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pt_bench.h - what the tests of page tables share: a table on the fake machine, in every format.
 *
 * The fake MMU walks the tables by itself and caches what it finds, so that "translates" means what
 * a processor makes of the tables. Addresses are built from the spans of the format's levels:
 * s1 (4 KiB), s2, s3. Where level 3 has no leaves, s3 is a few s2.
 */
#ifndef MERIDIAN_PT_BENCH_H
#define MERIDIAN_PT_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/cpu.h"
#include "arch/mmu.h"
#include "fake_memory.h"
#include "fake_mmu.h"
#include "fake_tables.h"
#include "lib/bits.h"
#include "mm/pt.h"
#include "mm/tlb.h"

#define PHYSICAL_BITS 36

struct bench {
    const struct pt_format *format;
    struct fake_tables tables;
    struct page_table table;
    uintptr_t s1, s2, s3;   /* bytes */
    uintptr_t low;          /* a place in the lower half, a multiple of s3 */
    uintptr_t low_end;      /* of the lower half */
    uintptr_t high;         /* the upper half */
    uintptr_t last;         /* its last byte */
    unsigned largest;       /* level of the largest leaf */
    unsigned implied;       /* PT_EXECUTE where the format cannot forbid it */
    unsigned physical_bits; /* of the processor */
    size_t empty_tables;    /* of a table that maps nothing */
};

/* In a program of 32 bits: those whose addresses it can hold. */
static const struct pt_format *const formats[] = {
#if UINTPTR_MAX > UINT32_MAX
    &pt_format_x86_64_4level, &pt_format_x86_64_5level, &pt_format_fake,
#endif
    &pt_format_i386_2level,   &pt_format_i386_pae,
};

static inline void choose_addresses(struct bench *bench, const struct pt_format *format)
{
    bench->largest = pt_format_largest_leaf(format);
    bench->physical_bits = (unsigned)min_u64(PHYSICAL_BITS, pt_format_physical_bits(format));
    bench->implied = format == &pt_format_i386_2level ? PT_EXECUTE : 0;
    bench->s1 = (uintptr_t)pt_format_span(format, 1);
    bench->s2 = (uintptr_t)pt_format_span(format, 2);
    bench->s3 = bench->largest < 3 ? 4 * bench->s2 : (uintptr_t)pt_format_span(format, 3);
    bench->low = 4 * bench->s3;
    bench->low_end = va_value(pt_format_lower_end(format));
    bench->high = va_value(pt_format_upper_half(format));
    bench->last = bench->high == bench->low_end ? 0xff7fffff : UINTPTR_MAX;
}

/* The processor of the bench, without translations. */
static inline void start_mmu(const struct bench *bench, paddr_t root)
{
    fake_mmu_start(
        &(struct fake_mmu_settings){ bench->format, bench->physical_bits, bench->table.no_execute },
        root);
}

static inline int setup(void **state)
{
    static struct bench bench;
    const struct pt_format *format = *state;

    bench = (struct bench){ .format = format };
    choose_addresses(&bench, format);
    fake_memory_create(min_u64((uint64_t)1 << bench.physical_bits, FAKE_MEMORY_MAX_BYTES));
    fake_tables_start(&bench.tables, 4096);
    bench.table = (struct page_table){ .format = format,
                                       .memory = &bench.tables.memory,
                                       .physical_bits = bench.physical_bits,
                                       .largest_leaf = bench.largest,
                                       .no_execute = bench.implied == 0 };
    assert_int_equal(pt_create(&bench.table), STATUS_OK);
    bench.empty_tables = bench.tables.outstanding;
    start_mmu(&bench, bench.table.root);
    tlb_kernel_begin(&bench.table); /* all processors use it */
    *state = &bench;
    return 0;
}

static inline int teardown(void **state)
{
    struct bench *bench = *state;

    fake_mmu_check();
    assert_int_equal(fake_mmu_failures, 0);
    start_mmu(bench, pa(0));
    pt_destroy(&bench->table);
    assert_int_equal(bench->tables.outstanding, 0);
    fake_tables_stop(&bench->tables);
    fake_memory_destroy();
    host_cpu_set(0);
    return 0;
}

/* --- helpers ----------------------------------------------------------------------------- */

static inline void map(struct bench *bench, uintptr_t address, uint64_t target, size_t size,
                       unsigned flags)
{
    assert_int_equal(pt_map(&bench->table, va(address), pa(target), size, flags), STATUS_OK);
}

static inline void unmap(struct bench *bench, uintptr_t address, size_t size)
{
    struct tlb_batch batch;

    tlb_batch_init(&batch, &bench->table, NULL);
    assert_int_equal(pt_unmap(&bench->table, va(address), size, &batch), STATUS_OK);
    tlb_batch_finish(&batch);
}

static inline void protect(struct bench *bench, uintptr_t address, size_t size, unsigned flags)
{
    struct tlb_batch batch;

    tlb_batch_init(&batch, &bench->table, NULL);
    assert_int_equal(pt_protect(&bench->table, va(address), size, flags, &batch), STATUS_OK);
    tlb_batch_finish(&batch);
}

static inline void expect_at(uintptr_t address, uint64_t target, unsigned access)
{
    paddr_t found;

    assert_true(fake_mmu_access(address, access, &found, NULL));
    assert_int_equal(pa_value(found), target);
}

static inline void expect_fault(uintptr_t address, unsigned access, bool expected_present)
{
    paddr_t found;
    bool present = !expected_present;

    assert_false(fake_mmu_access(address, access, &found, &present));
    assert_int_equal(present, expected_present);
}

/* Touches each page of a range on every processor, so that all of it is cached. */
static inline void cache_all(uintptr_t address, size_t size)
{
    paddr_t found;

    for (unsigned cpu = 0; cpu < fake_mmu_cpus; cpu++) {
        host_cpu_set(cpu);
        for (size_t offset = 0; offset < size; offset += PAGE_SIZE)
            assert_true(fake_mmu_access(address + offset, FAKE_READ, &found, NULL));
    }
    host_cpu_set(0);
}

static inline struct pt_mapping query(const struct bench *bench, uintptr_t address)
{
    struct pt_mapping mapping = { .level = 0 };

    assert_int_equal(pt_query(&bench->table, va(address), &mapping), STATUS_OK);
    return mapping;
}

static inline unsigned level_at(const struct bench *bench, uintptr_t address)
{
    return query(bench, address).level;
}

/* What the tables say, in short: two equal sums mean equal mappings and as many tables. */
static inline bool add_run(void *context, const struct pt_mapping *run)
{
    uint64_t *sum = context;
    const uint64_t facts[] = { va_value(run->address), pa_value(run->target), run->size_bytes,
                               run->flags };

    for (size_t i = 0; i < ARRAY_COUNT(facts); i++)
        *sum = (*sum ^ facts[i]) * 0x100000001b3u;
    return true;
}

static inline uint64_t summary(const struct bench *bench)
{
    uint64_t sum = 0xcbf29ce484222325u + pt_count_tables(&bench->table);

    pt_visit(&bench->table, va(0), SIZE_MAX, add_run, &sum);
    assert_int_equal(pt_count_tables(&bench->table), bench->tables.outstanding);
    return sum;
}

/* --- running ----------------------------------------------------------------------------- */

#define IN_EVERY_FORMAT(function)                                                                  \
    {                                                                                              \
#function, function, setup, teardown, NULL                                                 \
    }

#define MAX_TESTS 32

static inline int run_in_every_format(const char *group, const struct CMUnitTest *tests,
                                      size_t test_count)
{
    static struct CMUnitTest all[ARRAY_COUNT(formats) * MAX_TESTS];
    static char names[ARRAY_COUNT(all)][80];
    size_t count = 0;

    if (test_count > MAX_TESTS)
        abort();
    for (size_t f = 0; f < ARRAY_COUNT(formats); f++) {
        for (size_t t = 0; t < test_count; t++) {
            snprintf(names[count], sizeof(names[count]), "%s (%s)", tests[t].name,
                     pt_format_name(formats[f]));
            all[count] = tests[t];
            all[count].name = names[count];
            all[count].initial_state = (void *)(uintptr_t)formats[f];
            count++;
        }
    }
    return _cmocka_run_group_tests(group, all, count, NULL, NULL);
}

#endif
