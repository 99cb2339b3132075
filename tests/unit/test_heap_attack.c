/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_heap_attack.c - ways to attack an allocator through its metadata: overflow into the neighbour,
 * write after free, forged pointers, freed foreign slabs. None makes this one return objects that overlap.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "heap_ledger.h"
#include "heap_machine.h"
#include "host_log.h"
#include "mm/heap.h"

#define FRAMES       8192u
#define WINDOW_BYTES (64 * MiB)
#define OBJECTS      600u

static const size_t sizes[] = { 16, 48, 64, 80, 256, 1000, 2048, 4096, 3 * 4096 };
static unsigned char *objects[OBJECTS];

static int set_up(void **state)
{
    (void)state;
    heap_ledger_create(FRAMES, WINDOW_BYTES);
    return 0;
}

/* Takes many objects of a size; the ledger aborts when two overlap. */
static void take(size_t size)
{
    for (unsigned i = 0; i < OBJECTS; i++) {
        objects[i] = kmalloc(size);
        assert_non_null(objects[i]);
        heap_ledger_enter(objects[i]);
    }
}

static void give(unsigned first, unsigned step)
{
    for (unsigned i = first; i < OBJECTS; i += step) {
        heap_ledger_strike(objects[i]);
        assert_true(kfree(objects[i]));
    }
}

static void expect_intact(size_t size)
{
    take(size);
    assert_int_equal(heap_check(), STATUS_OK);
    give(0, 1);
}

/* Pointers into the heap, where an allocator that keeps links in objects would look for them. */
static void scribble(void *bytes, size_t size, const void *target)
{
    memset(bytes, 0x41, size);
    for (size_t i = 0; i + sizeof(target) <= size; i += sizeof(target))
        memcpy((unsigned char *)bytes + i, &target, sizeof(target));
}

/* The free is refused; what it logs is of no interest here, and would grow without bound. */
static void expect_refused(bool accepted)
{
    assert_false(accepted);
    host_log_clear();
}

static void overflow_into_the_neighbour(void **state)
{
    /* Whoever writes past an object damages its neighbours' contents, and nothing else. */
    (void)state;
    for (unsigned s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        take(sizes[s]);
        give(1, 2);
        for (unsigned i = 0; i < OBJECTS; i += 2)
            if (heap_machine_mapped(objects[i] + 2 * sizes[s] - 1))
                scribble(objects[i], 2 * sizes[s], objects[(i + 2) % OBJECTS]);
        give(0, 2);
        expect_intact(sizes[s]);
    }
}

static void write_after_free(void **state)
{
    /* Whoever writes into a freed object damages its next contents, and nothing else. */
    static unsigned char target[256];

    (void)state;
    for (unsigned s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        take(sizes[s]);
        give(0, 1);
        for (unsigned i = 0; i < OBJECTS; i++)
            if (heap_machine_mapped(objects[i]) && heap_machine_mapped(objects[i] + sizes[s] - 1))
                scribble(objects[i], sizes[s], target);
        expect_intact(sizes[s]);
    }
}

static void forged_pointers(void **state)
{
    /* Of all addresses in and around the heap only live objects' first bytes are accepted. */
    unsigned char *window = va_ptr(heap_machine_window());
    uint64_t random = 88172645463325252u;

    (void)state;
    for (unsigned s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        take(sizes[s]);
        for (unsigned i = 0; i < OBJECTS; i++)
            for (size_t inside = 1; inside < sizes[s]; inside += 1 + sizes[s] / 13)
                expect_refused(kfree(objects[i] + inside));
        for (unsigned i = 0; i < 3000; i++) {
            unsigned char *wild;
            struct heap_object_info info;

            random = random * 6364136223846793005u + 1442695040888963407u;
            wild = window + (random >> 20) % heap_machine_window_bytes();
            if (heap_describe(wild, &info) != STATUS_OK || !info.live || info.start != wild)
                expect_refused(kfree(wild));
        }
        give(0, 1);
        expect_intact(sizes[s]);
    }
}

static void freed_foreign_slab(void **state)
{
    /* Pointers into slabs that are gone, and are other classes' or large objects' pages now, are
     * refused, or are such an object's own first byte. */
    static unsigned char *old[OBJECTS];

    (void)state;
    for (unsigned s = 0; s + 1 < sizeof(sizes) / sizeof(sizes[0]); s++) {
        size_t next = sizes[s + 1];

        take(sizes[s]);
        memcpy(old, objects, sizeof(old));
        give(0, 1);
        (void)heap_shrink(SIZE_MAX);
        take(next);
        for (unsigned i = 0; i < OBJECTS; i++) {
            struct heap_object_info info;
            bool own =
                heap_describe(old[i], &info) == STATUS_OK && info.live && info.start == old[i];

            if (!own)
                expect_refused(kfree(old[i]));
            expect_refused(kfree_sized(old[i], sizes[s]));
        }
        assert_int_equal(heap_check(), STATUS_OK);
        give(0, 1);
        expect_intact(sizes[s]);
    }
}

static void forged_pointers_to_large(void **state)
{
    /* Of the pages of large objects, guarded and DMA ones too, only the first byte of each is accepted, and
     * once. */
    static const unsigned flags[] = { 0, HEAP_GUARDED, HEAP_DMA };

    (void)state;
    for (unsigned f = 0; f < sizeof(flags) / sizeof(flags[0]); f++) {
        unsigned char *object = kmalloc_tagged(5 * 4096 + 100, HEAP_TAG_TEST, flags[f]);
        unsigned char *page = object - (uintptr_t)object % PAGE_SIZE;

        assert_non_null(object);
        for (unsigned i = 0; i < 10; i++) {
            expect_refused(kfree(object + 1 + 16 * i));
            if (page + i * PAGE_SIZE != object)
                expect_refused(kfree(page + i * PAGE_SIZE));
            if (page - i * PAGE_SIZE != object)
                expect_refused(kfree(page - i * PAGE_SIZE));
        }
        expect_refused(kfree_sized(object, 64));
        expect_refused(kfree_sized(object, 5 * 4096));
        assert_true(kfree_sized(object, 5 * 4096 + 100));
        expect_refused(kfree(object));
        assert_int_equal(heap_check(), STATUS_OK);
    }
    expect_intact(3 * 4096);
}

static void forged_pointers_to_the_others(void **state)
{
    /* What kfree() refuses has no usable size, is not moved by krealloc(), and stays as it is. */
    (void)state;
    for (unsigned s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        take(sizes[s]);
        memset(objects[0], 0x5a, sizes[s]);
        give(1, 2);
        for (size_t inside = 1; inside < sizes[s]; inside += 1 + sizes[s] / 13) {
            assert_int_equal(kmalloc_usable(objects[0] + inside), 0);
            assert_null(krealloc(objects[0] + inside, 2 * sizes[s]));
            host_log_clear();
        }
        for (unsigned i = 1; i < OBJECTS; i += 2) {
            assert_int_equal(kmalloc_usable(objects[i]), 0);
            assert_null(krealloc(objects[i], 2 * sizes[s]));
            host_log_clear();
        }
        for (size_t i = 0; i < sizes[s]; i++)
            assert_int_equal(objects[0][i], 0x5a);
        give(0, 2);
        expect_intact(sizes[s]);
    }
}

static void metadata_is_out_of_reach(void **state)
{
    /* Below the first object nothing is mapped: who writes on downwards, to where the metadata is,
     * faults before. */
    struct heap_slab_info slab;
    const unsigned char *lowest = NULL;
    uint32_t cursor = 0;

    (void)state;
    take(64);
    while (heap_next_slab(&cursor, &slab))
        if (lowest == NULL || (const unsigned char *)slab.start < lowest)
            lowest = slab.start;
    assert_non_null(lowest);
    assert_false(heap_machine_mapped(lowest - 1));
    give(0, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(overflow_into_the_neighbour, set_up, heap_ledger_tear_down),
        cmocka_unit_test_setup_teardown(write_after_free, set_up, heap_ledger_tear_down),
        cmocka_unit_test_setup_teardown(forged_pointers, set_up, heap_ledger_tear_down),
        cmocka_unit_test_setup_teardown(freed_foreign_slab, set_up, heap_ledger_tear_down),
        cmocka_unit_test_setup_teardown(forged_pointers_to_large, set_up, heap_ledger_tear_down),
        cmocka_unit_test_setup_teardown(forged_pointers_to_the_others, set_up,
                                        heap_ledger_tear_down),
        cmocka_unit_test_setup_teardown(metadata_is_out_of_reach, set_up, heap_ledger_tear_down),
    };

    return cmocka_run_group_tests_name("heap_attack", tests, NULL, NULL);
}
