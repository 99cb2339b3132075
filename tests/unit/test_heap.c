/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_heap.c - properties of kmalloc() and its family, one processor.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "heap_machine.h"
#include "host_log.h"
#include "lib/bits.h"
#include "mm/heap.h"

#define FRAMES       16384u
#define WINDOW_BYTES (96 * MiB)

static int set_up(void **state)
{
    (void)state;
    host_log_clear();
    heap_machine_create(FRAMES, WINDOW_BYTES);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    heap_machine_destroy();
    return 0;
}

static uint64_t bad_frees(void)
{
    struct heap_stats stats;

    heap_get_stats(&stats);
    return stats.bad_frees;
}

/* --- objects ------------------------------------------------------------------------------ */

static void every_size_is_usable_and_aligned(void **state)
{
    /* Every size up to two pages gives that many bytes, 16-aligned, naturally if a power of two. */
    static void *objects[8193];

    (void)state;
    for (size_t size = 0; size <= 8192; size++) {
        unsigned char *object = kmalloc(size);

        assert_non_null(object);
        assert_true(is_aligned((uintptr_t)object, 16));
        if (is_power_of_two(size) && size <= PAGE_SIZE)
            assert_true(is_aligned((uintptr_t)object, size));
        assert_true(kmalloc_usable(object) >= size);
        memset(object, (int)size, size);
        objects[size] = object;
    }
    for (size_t size = 0; size <= 8192; size++) {
        unsigned char *object = objects[size];

        if (size != 0)
            assert_true(object[0] == (unsigned char)size &&
                        object[size - 1] == (unsigned char)size);
        assert_true(kfree_sized(object, size));
    }
    assert_int_equal(heap_check(), STATUS_OK);
}

static void nothing_is_a_unique_pointer(void **state)
{
    /* Size zero gives a pointer of its own each time, which can be freed and grown. */
    void *a = kmalloc(0), *b = kmalloc(0), *c = kcalloc(0, 8), *d = kcalloc(8, 0);

    (void)state;
    assert_true(a != NULL && b != NULL && c != NULL && d != NULL);
    assert_true(a != b && a != c && a != d && b != c && b != d && c != d);
    a = krealloc(a, 100);
    assert_non_null(a);
    assert_true(kfree(a) && kfree_sized(b, 0) && kfree(c) && kfree(d) && kfree(NULL));
    assert_int_equal(bad_frees(), 0);
}

static void cleared_memory_is_zero(void **state)
{
    /* kzalloc, kcalloc and HEAP_ZERO clear what an earlier owner left, small and large. */
    static const size_t sizes[] = { 1, 16, 100, 2048, 4096, 5000, 100000 };

    (void)state;
    for (unsigned i = 0; i < ARRAY_COUNT(sizes); i++) {
        for (unsigned way = 0; way < 3; way++) {
            unsigned char *dirty = kmalloc(sizes[i]);
            unsigned char *object;

            memset(dirty, 0xff, sizes[i]);
            assert_true(kfree(dirty));
            object = way == 0   ? kzalloc(sizes[i])
                     : way == 1 ? kcalloc(sizes[i], 1)
                                : kmalloc_tagged(sizes[i], HEAP_TAG_TEST, HEAP_ZERO);
            assert_non_null(object);
            for (size_t byte = 0; byte < sizes[i]; byte++)
                assert_int_equal(object[byte], 0);
            assert_true(kfree(object));
        }
    }
}

static void products_and_sizes_that_wrap(void **state)
{
    /* A count times size that overflows, and sizes near the top of the address space, are NULL. */
    (void)state;
    assert_null(kcalloc(SIZE_MAX / 2 + 1, 2));
    assert_null(kcalloc(SIZE_MAX, SIZE_MAX));
    assert_null(kmalloc(SIZE_MAX));
    assert_null(kmalloc(SIZE_MAX - 15));
    assert_null(kmalloc(SIZE_MAX - PAGE_SIZE + 1));
    assert_null(kmalloc((SIZE_MAX >> 1) + 1));
    assert_null(kmalloc_aligned(SIZE_MAX - 10, 64));
    assert_null(kmalloc(heap_largest() + 1));
    assert_int_equal(heap_check(), STATUS_OK);
}

static void alignments(void **state)
{
    /* Every power of two up to 1 MiB is honoured for every size, and nothing else is accepted. */
    static const size_t sizes[] = { 0, 1, 17, 100, 129, 1000, 2049, 4096, 4097, 70000 };

    (void)state;
    for (size_t alignment = 1; alignment <= MiB; alignment *= 2) {
        for (unsigned i = 0; i < ARRAY_COUNT(sizes); i++) {
            unsigned char *a = kmalloc_aligned(sizes[i], alignment);
            unsigned char *b = kmalloc_aligned(sizes[i], alignment);

            assert_true(a != NULL && b != NULL && a != b);
            assert_true(is_aligned((uintptr_t)a, alignment) && is_aligned((uintptr_t)b, alignment));
            memset(a, 1, sizes[i]);
            memset(b, 2, sizes[i]);
            assert_true(sizes[i] == 0 || (a[0] == 1 && a[sizes[i] - 1] == 1));
            assert_true(kfree_sized(a, sizes[i]) && kfree_sized(b, sizes[i]));
        }
    }
    assert_null(kmalloc_aligned(10, 0));
    assert_null(kmalloc_aligned(10, 3));
    assert_null(kmalloc_aligned(10, 2 * MiB));
    assert_int_equal(heap_check(), STATUS_OK);
}

static void strings(void **state)
{
    /* kstrdup copies the terminator too. */
    char *copy = kstrdup("meridian"), *empty = kstrdup("");

    (void)state;
    assert_string_equal(copy, "meridian");
    assert_string_equal(empty, "");
    assert_true(kfree_sized(copy, sizeof("meridian")) && kfree_sized(empty, 1));
}

/* --- another size ------------------------------------------------------------------------- */

static void fill(unsigned char *object, size_t size)
{
    for (size_t i = 0; i < size; i++)
        object[i] = (unsigned char)(i * 7 + size);
}

static void expect_filled(const unsigned char *object, size_t size, size_t filled_as)
{
    for (size_t i = 0; i < size; i++)
        assert_int_equal(object[i], (unsigned char)(i * 7 + filled_as));
}

static void realloc_keeps_contents(void **state)
{
    /* Between any two sizes, krealloc keeps the bytes that both have; NULL makes a new object. */
    static const size_t sizes[] = { 0, 1, 16, 17, 100, 1000, 4096, 4097, 9000, 50000, 300000 };

    (void)state;
    for (unsigned from = 0; from < ARRAY_COUNT(sizes); from++) {
        for (unsigned to = 0; to < ARRAY_COUNT(sizes); to++) {
            unsigned char *object = krealloc(NULL, sizes[from]);
            size_t common = sizes[from] < sizes[to] ? sizes[from] : sizes[to];

            fill(object, sizes[from]);
            object = krealloc(object, sizes[to]);
            assert_non_null(object);
            expect_filled(object, common, sizes[from]);
            assert_true(kfree_sized(object, sizes[to]));
        }
    }
    assert_int_equal(heap_check(), STATUS_OK);
}

static void realloc_in_place(void **state)
{
    /* A large object grows where it stands when the pages behind it are free, and always shrinks
     * there; another object in the way makes it move. */
    unsigned char *object, *wall, *grown;
    void *room = kmalloc(64 * PAGE_SIZE);

    (void)state;
    assert_true(kfree(room)); /* one cached run of 64 pages */
    object = kmalloc(64 * PAGE_SIZE);
    assert_ptr_equal(krealloc(object, 5000), object);
    grown = krealloc(object, 20 * PAGE_SIZE);
    assert_ptr_equal(grown, object);
    wall = kmalloc(44 * PAGE_SIZE);
    assert_ptr_equal(wall, object + 20 * PAGE_SIZE);
    fill(object, 20 * PAGE_SIZE);
    grown = krealloc(object, 21 * PAGE_SIZE);
    assert_true(grown != NULL && grown != object);
    expect_filled(grown, 20 * PAGE_SIZE, 20 * PAGE_SIZE);
    assert_true(kfree(grown) && kfree(wall));
    assert_int_equal(heap_check(), STATUS_OK);
}

static void realloc_that_fails(void **state)
{
    /* When there is no memory for the new size, the old object stays with all its contents. */
    unsigned char *object = kmalloc(3000);

    (void)state;
    fill(object, 3000);
    assert_null(krealloc(object, heap_largest()));
    assert_null(krealloc(object, SIZE_MAX));
    expect_filled(object, 3000, 3000);
    assert_true(kfree_sized(object, 3000));
}

/* --- wrong frees -------------------------------------------------------------------------- */

/* The free is refused, counted, and told with these words; the heap stays intact. */
static void expect_refused(bool accepted, const char *words)
{
    static uint64_t before;

    assert_false(accepted);
    if (bad_frees() != 1)
        assert_true(bad_frees() == before + 1);
    before = bad_frees();
    if (!host_log_contains(words))
        fail_msg("the log '%s' lacks '%s'", host_log_text(), words);
    host_log_clear();
    assert_int_equal(heap_check(), STATUS_OK);
}

static void freed_twice(void **state)
{
    /* A second free is refused at once, after many other frees, and after the slab has gone. */
    void *object = kmalloc_tagged(64, HEAP_TAG_DRIVER, 0), *others[500];

    (void)state;
    assert_true(kfree(object));
    expect_refused(kfree(object), "already free; object of 64 bytes");
    for (unsigned i = 0; i < 500; i++)
        others[i] = kmalloc(64);
    for (unsigned i = 0; i < 500; i++)
        assert_true(kfree(others[i]));
    expect_refused(kfree(object), "already free");
    (void)heap_shrink(SIZE_MAX);
    assert_false(kfree(object));
}

static void freed_twice_names_the_tag(void **state)
{
    /* The report of a double free names the object, its size and its owner's tag. */
    void *object = kmalloc_tagged(100, HEAP_TAG_DRIVER, 0);
    char words[64];

    (void)state;
    assert_true(kfree(object));
    snprintf(words, sizeof(words), "object of 112 bytes at %p, free, tag driver", object);
    expect_refused(kfree(object), words);
}

static void freed_inside(void **state)
{
    /* No address but an object's first byte can be freed, in small and large objects alike. */
    static const size_t sizes[] = { 16, 48, 64, 80, 112, 224, 1792, 4096, 5000, 100000 };

    (void)state;
    for (unsigned i = 0; i < ARRAY_COUNT(sizes); i++) {
        unsigned char *object = kmalloc(sizes[i]);

        expect_refused(kfree(object + 1), "refused");
        expect_refused(kfree(object + 8), "refused");
        expect_refused(kfree(object + sizes[i] - 1), "refused");
        if (sizes[i] > 16)
            expect_refused(kfree(object + 16), "refused");
        if (sizes[i] > PAGE_SIZE)
            expect_refused(kfree(object + PAGE_SIZE), "refused");
        assert_int_equal(kmalloc_usable(object + 8), 0);
        assert_true(kfree(object));
    }
}

static void freed_foreign(void **state)
{
    /* Addresses outside the window, in its metadata, and in its unused part are refused. */
    static char foreign[64];
    unsigned char *window = va_ptr(heap_machine_window());
    unsigned char *object = kmalloc(64);

    (void)state;
    expect_refused(kfree(foreign), "not an address of the heap");
    expect_refused(kfree(&window), "not an address of the heap");
    expect_refused(kfree((void *)16), "not an address of the heap");
    expect_refused(kfree((void *)UINTPTR_MAX), "not an address of the heap");
    expect_refused(kfree(window), "not an address of the heap");
    expect_refused(kfree(window + heap_machine_window_bytes() - PAGE_SIZE), "not an address");
    expect_refused(kfree(object + MiB), "no object is there");
    assert_null(krealloc(foreign, 100));
    assert_int_equal(kmalloc_usable(foreign), 0);
    assert_true(kfree(object));
}

static void freed_with_another_size(void **state)
{
    /* kfree_sized refuses a size of another class, and a large object's size unless it is exact. */
    void *small = kmalloc(64), *large = kmalloc(10000), *aligned = kmalloc_aligned(100, 256);

    (void)state;
    expect_refused(kfree_sized(small, 65), "of another size");
    expect_refused(kfree_sized(small, 48), "of another size");
    expect_refused(kfree_sized(small, 100000), "of another size");
    expect_refused(kfree_sized(large, 9999), "of another size");
    expect_refused(kfree_sized(large, 64), "of another size");
    expect_refused(kfree_sized(aligned, 257), "of another size");
    assert_true(kfree_sized(small, 49) && kfree_sized(large, 10000) && kfree_sized(aligned, 100));
}

static void large_freed_twice(void **state)
{
    /* A large object's second free is refused whether its pages are free, joined or reused. */
    void *a = kmalloc(5 * PAGE_SIZE), *b = kmalloc(5 * PAGE_SIZE), *again;

    (void)state;
    assert_true(kfree(b));
    expect_refused(kfree(b), "no object is there, or no longer");
    assert_true(kfree(a));
    expect_refused(kfree(b), "no object is there, or no longer");
    again = kmalloc(10 * PAGE_SIZE);
    assert_ptr_equal(again, a);
    expect_refused(kfree(b), "no object is there, or no longer");
    assert_true(kfree(again));
}

/* --- mappings of their own ---------------------------------------------------------------- */

static void guarded_objects(void **state)
{
    /* A guarded object has an unmapped page before it and another right behind its last granule. */
    static const size_t sizes[] = { 0, 1, 16, 100, 4096, 4097, 20000 };

    (void)state;
    for (unsigned i = 0; i < ARRAY_COUNT(sizes); i++) {
        unsigned char *object = kmalloc_tagged(sizes[i], HEAP_TAG_TEST, HEAP_GUARDED | HEAP_ZERO);
        size_t usable = kmalloc_usable(object);

        assert_non_null(object);
        assert_true(usable >= sizes[i] && usable < sizes[i] + 17);
        memset(object, 1, usable);
        assert_false(heap_machine_mapped(object + usable));
        assert_false(heap_machine_mapped(
            (unsigned char *)(uintptr_t)align_down((uintptr_t)object, PAGE_SIZE) - PAGE_SIZE));
        expect_refused(kfree(object + 16), "no object is there");
        assert_true(kfree_sized(object, sizes[i]));
        assert_false(heap_machine_mapped(object));
        expect_refused(kfree(object), "no object is there");
    }
    assert_int_equal(heap_check(), STATUS_OK);
}

static void dma_objects(void **state)
{
    /* The frames of a DMA object follow each other, and go back when it is freed. */
    size_t before;
    unsigned char *object;

    (void)state;
    assert_true(kfree(kmalloc(100)));
    before = heap_machine_frames_used();
    object = kmalloc_tagged(30000, HEAP_TAG_DRIVER, HEAP_DMA);
    assert_non_null(object);
    assert_true(heap_machine_contiguous(object, 30000));
    memset(object, 1, 30000);
    assert_int_equal(heap_machine_frames_used(), before + 8);
    assert_true(kfree(object));
    assert_int_equal(heap_machine_frames_used(), before);
    assert_int_equal(heap_check(), STATUS_OK);
}

static void flags_that_are_unknown(void **state)
{
    /* Unknown flags and tags are refused. */
    (void)state;
    assert_null(kmalloc_tagged(10, HEAP_TAG_NONE, 1u << 9));
    assert_null(kmalloc_tagged(10, HEAP_TAG_COUNT, 0));
}

/* --- the end of memory -------------------------------------------------------------------- */

struct node {
    struct node *next;
};

static void free_all(struct node *list)
{
    while (list != NULL) {
        struct node *next = list->next;

        assert_true(kfree(list));
        list = next;
    }
}

/* Allocates until nothing is left; the objects as a list, their number in *count. */
static struct node *exhaust(size_t size, size_t *count)
{
    struct node *list = NULL, *node;

    *count = 0;
    while ((node = kmalloc(size)) != NULL) {
        node->next = list;
        list = node;
        (*count)++;
    }
    return list;
}

static void frames_run_out(void **state)
{
    /* When frames run out kmalloc is NULL, nothing is damaged, and most frames were put to use. */
    static const size_t sizes[] = { 16, 80, 1000, 4096, 3 * PAGE_SIZE, 100 * PAGE_SIZE };

    (void)state;
    for (unsigned i = 0; i < ARRAY_COUNT(sizes); i++) {
        size_t count;
        struct node *list;

        heap_machine_create(2048, WINDOW_BYTES);
        list = exhaust(sizes[i], &count);
        assert_true(count * sizes[i] > 2048 * PAGE_SIZE / 10 * 8);
        assert_int_equal(heap_check(), STATUS_OK);
        free_all(list);
        assert_int_equal(heap_check(), STATUS_OK);
        assert_int_equal(bad_frees(), 0);
    }
}

static void window_runs_out(void **state)
{
    /* When the window is full kmalloc is NULL, and what is freed can be had again in other sizes. */
    size_t count, again, whole;

    (void)state;
    heap_machine_create(FRAMES, 16 * MiB);
    whole = heap_largest();
    free_all(exhaust(48, &count));
    free_all(exhaust(3 * PAGE_SIZE, &again));
    assert_true(count * 48 > whole / 10 * 9 && again * 3 * PAGE_SIZE > whole / 10 * 9);
    free_all(exhaust(48, &again));
    /* Slabs of objects in the magazine stayed where they were, not always in threes. */
    assert_true(again >= count / 100 * 99);
    assert_int_equal(heap_check(), STATUS_OK);
}

static void everything_comes_back(void **state)
{
    /* After everything is freed and shrunk, the largest object fits again and no frame is missing. */
    size_t before, count;
    void *whole;

    (void)state;
    heap_machine_create(FRAMES, 32 * MiB);
    (void)heap_shrink(SIZE_MAX);
    before = heap_machine_frames_used();
    free_all(exhaust(200, &count));
    free_all(exhaust(10000, &count));
    (void)heap_shrink(SIZE_MAX);
    whole = kmalloc(heap_largest());
    assert_non_null(whole);
    assert_true(kfree(whole));
    (void)heap_shrink(SIZE_MAX);
    assert_true(heap_machine_frames_used() - before <= 8); /* this processor's magazines */
    assert_int_equal(heap_check(), STATUS_OK);
}

static void pressure_gives_frames_back(void **state)
{
    /* The shrinker frees what is cached and nothing that is in use. */
    unsigned char *kept = kmalloc(5000);
    size_t before, given;

    (void)state;
    memset(kept, 0x5c, 5000);
    assert_true(kfree(kmalloc(100 * PAGE_SIZE)));
    before = heap_machine_frames_used();
    given = heap_machine_pressure(50);
    assert_true(given >= 50);
    assert_int_equal(heap_machine_frames_used(), before - given);
    (void)heap_machine_pressure(SIZE_MAX);
    assert_true(kept[0] == 0x5c && kept[4999] == 0x5c);
    assert_true(kfree(kmalloc(heap_largest() / 2)));
    before = heap_machine_frames_used();
    given = heap_shrink(SIZE_MAX);
    assert_int_equal(heap_machine_frames_used(), before - given);
    assert_true(kfree(kept));
    assert_int_equal(heap_check(), STATUS_OK);
}

static void pressure_during_a_mapping(void **state)
{
    /* When the PMM asks while this processor changes its page table, nothing is unmapped or given. */
    size_t before;

    (void)state;
    assert_true(kfree(kmalloc(100 * PAGE_SIZE)));
    before = heap_machine_frames_used();
    heap_machine_set_page_table_busy(true);
    assert_int_equal(heap_machine_pressure(50), 0);
    heap_machine_set_page_table_busy(false);
    assert_int_equal(heap_machine_frames_used(), before);
}

static void windows_that_make_no_sense(void **state)
{
    /* A window that is unaligned, wraps, or is too small for anything is refused. */
    vaddr_t window = heap_machine_window();

    (void)state;
    assert_int_equal(heap_init(va_add(window, 1), WINDOW_BYTES), STATUS_INVALID);
    assert_int_equal(heap_init(va(UINTPTR_MAX - 2 * MiB + 1), 64 * MiB), STATUS_INVALID);
    assert_int_equal(heap_init(window, 2 * MiB), STATUS_INVALID);
    assert_int_equal(heap_init(window, 0), STATUS_INVALID);
    heap_machine_create_bare(1, WINDOW_BYTES);
    assert_int_equal(heap_init(heap_machine_window(), WINDOW_BYTES), STATUS_NO_MEMORY);
    assert_int_equal(heap_machine_frames_used(), 0);
}

/* --- figures ------------------------------------------------------------------------------ */

static void statistics_add_up(void **state)
{
    /* Counts and bytes, by tag and in all, are what was allocated and freed. */
    struct heap_stats stats;
    void *a = kmalloc(100), *b = kmalloc_tagged(1000, HEAP_TAG_VMM, 0);
    void *c = kmalloc_tagged(10000, HEAP_TAG_USER, 0), *d = kmalloc(0);

    (void)state;
    assert_null(kmalloc(SIZE_MAX));
    assert_true(kfree(d));
    heap_get_stats(&stats);
    assert_int_equal(stats.live_objects, 3);
    assert_int_equal(stats.live_bytes, 112 + 1024 + 12288);
    assert_int_equal(stats.tag_bytes[HEAP_TAG_NONE], 112);
    assert_int_equal(stats.tag_bytes[HEAP_TAG_VMM], 1024);
    assert_int_equal(stats.tag_bytes[HEAP_TAG_USER], 12288);
    assert_int_equal(stats.large_objects, 1);
    assert_int_equal(stats.allocations, 4);
    assert_int_equal(stats.frees, 1);
    assert_int_equal(stats.failures, 1);
    assert_int_equal(stats.mapped_bytes, heap_machine_frames_used() * PAGE_SIZE);
    b = krealloc(b, 20000);
    assert_true(kfree(a) && kfree(c));
    heap_get_stats(&stats);
    assert_int_equal(stats.tag_bytes[HEAP_TAG_VMM], 20480);
    assert_int_equal(stats.tag_bytes[HEAP_TAG_USER], 0);
    assert_int_equal(stats.live_bytes, 20480);
    assert_true(kfree(b));
}

static void objects_are_described(void **state)
{
    /* heap_describe finds the object around any address in it, live or freed, small or large. */
    unsigned char *small = kmalloc_tagged(70, HEAP_TAG_BOOT, 0), *large = kmalloc(30000);
    struct heap_object_info info;

    (void)state;
    assert_int_equal(heap_describe(small + 79, &info), STATUS_OK);
    assert_ptr_equal(info.start, small);
    assert_true(info.size_bytes == 80 && info.live && info.tag == HEAP_TAG_BOOT);
    assert_int_equal(heap_describe(large + 29999, &info), STATUS_OK);
    assert_ptr_equal(info.start, large);
    assert_true(info.size_bytes == 32768 && info.live && info.class_index == UINT32_MAX);
    assert_true(kfree(small) && kfree(large));
    assert_int_equal(heap_describe(small, &info), STATUS_OK);
    assert_false(info.live);
    assert_int_equal(heap_describe(large, &info), STATUS_NOT_FOUND);
    assert_int_equal(heap_describe(&info, &info), STATUS_NOT_FOUND);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(every_size_is_usable_and_aligned),
        TEST(nothing_is_a_unique_pointer),
        TEST(cleared_memory_is_zero),
        TEST(products_and_sizes_that_wrap),
        TEST(alignments),
        TEST(strings),
        TEST(realloc_keeps_contents),
        TEST(realloc_in_place),
        TEST(realloc_that_fails),
        TEST(freed_twice),
        TEST(freed_twice_names_the_tag),
        TEST(freed_inside),
        TEST(freed_foreign),
        TEST(freed_with_another_size),
        TEST(large_freed_twice),
        TEST(guarded_objects),
        TEST(dma_objects),
        TEST(flags_that_are_unknown),
        TEST(frames_run_out),
        TEST(window_runs_out),
        TEST(everything_comes_back),
        TEST(pressure_gives_frames_back),
        TEST(pressure_during_a_mapping),
        TEST(windows_that_make_no_sense),
        TEST(statistics_add_up),
        TEST(objects_are_described),
    };

    return cmocka_run_group_tests_name("heap", tests, NULL, NULL);
}
