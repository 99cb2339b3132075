/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_heap_span.c - larger objects in the holes that small ones have left: what they save, and that
 * they are objects like all others.
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
#define SMALL        30000u
#define LARGER       6000u

static unsigned char *small[SMALL];
static unsigned char *larger[LARGER];
static size_t larger_sizes[LARGER];
static uint64_t random_state;

static int set_up(void **state)
{
    (void)state;
    random_state = 88172645463325252u;
    heap_ledger_create(FRAMES, WINDOW_BYTES);
    return 0;
}

static unsigned next_random(unsigned bound)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(random_state >> 33) % bound;
}

static size_t small_size(unsigned i)
{
    return 16 + i * 7919u % 240;
}

/* Small objects of all sizes, of which one in ten stays; what was live before, in bytes. */
static size_t make_holes(void)
{
    size_t peak = 0;

    for (unsigned i = 0; i < SMALL; i++) {
        small[i] = kmalloc(small_size(i));
        assert_non_null(small[i]);
        peak += small_size(i);
        heap_ledger_enter(small[i]);
        heap_ledger_fill(small[i], small_size(i), i);
    }
    for (unsigned i = 0; i < SMALL; i++) {
        if (next_random(10) != 0) {
            heap_ledger_strike(small[i]);
            assert_true(kfree(small[i]));
            small[i] = NULL;
        }
    }
    return peak;
}

/* Larger objects until about as much is live as before; how many. */
static unsigned fill_holes(size_t peak)
{
    size_t live = peak / 10;
    unsigned count = 0;

    for (; count < LARGER && live < peak; count++) {
        size_t size = 256 + next_random(1793);

        larger[count] = kmalloc_tagged(size, (enum heap_tag)(count % HEAP_TAG_COUNT), 0);
        assert_non_null(larger[count]);
        larger_sizes[count] = size;
        live += size;
        heap_ledger_enter(larger[count]);
        heap_ledger_fill(larger[count], size, count);
    }
    return count;
}

static void expect_contents(unsigned count)
{
    for (unsigned i = 0; i < SMALL; i++)
        if (small[i] != NULL)
            heap_ledger_expect(small[i], small_size(i), i);
    for (unsigned i = 0; i < count; i++)
        if (larger[i] != NULL)
            heap_ledger_expect(larger[i], larger_sizes[i], i);
}

static void free_all(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        heap_ledger_strike(larger[i]);
        assert_true(kfree_sized(larger[i], larger_sizes[i]));
    }
    for (unsigned i = 0; i < SMALL; i++) {
        heap_ledger_strike(small[i]);
        assert_true(kfree(small[i]));
    }
}

/* Whether an object lies in a slab of smaller ones; *object_bytes is their size. */
static bool is_span(const void *object, size_t *object_bytes)
{
    struct heap_object_info info;
    struct heap_class_info class;

    assert_int_equal(heap_describe(object, &info), STATUS_OK);
    assert_true(heap_get_class(info.class_index, &class));
    *object_bytes = class.object_bytes;
    return info.size_bytes > class.object_bytes;
}

/* The first span from `from` on. */
static unsigned find_span(unsigned from, unsigned count, size_t *object_bytes)
{
    while (from < count && !is_span(larger[from], object_bytes))
        from++;
    assert_true(from < count);
    return from;
}

static void holes_are_filled(void **state)
{
    /* After nine of ten small objects have died, larger ones of as many bytes need less than 80 % more
     * than these bytes; all keep their contents, and everything can be freed. */
    size_t peak = make_holes();
    unsigned count = fill_holes(peak);

    (void)state;
    assert_true(heap_machine_frames_used() * PAGE_SIZE < peak / 10 * 18);
    assert_int_equal(heap_check(), STATUS_OK);
    expect_contents(count);
    free_all(count);
    assert_int_equal(heap_check(), STATUS_OK);
    (void)heap_shrink(SIZE_MAX);
    assert_int_equal(heap_check(), STATUS_OK);
}

static void spans_are_counted(void **state)
{
    /* Objects, bytes and tags of a heap with spans are those of what is live in it. */
    unsigned count = fill_holes(make_holes());
    uint64_t live_bytes = 0, live_objects = count;
    uint64_t tags[HEAP_TAG_COUNT] = { 0 };
    struct heap_stats stats;

    (void)state;
    for (unsigned i = 0; i < count; i++) {
        live_bytes += kmalloc_usable(larger[i]);
        tags[i % HEAP_TAG_COUNT] += kmalloc_usable(larger[i]);
        assert_true(kmalloc_usable(larger[i]) >= larger_sizes[i]);
    }
    for (unsigned i = 0; i < SMALL; i++) {
        live_objects += small[i] != NULL;
        live_bytes += kmalloc_usable(small[i]);
        tags[HEAP_TAG_NONE] += kmalloc_usable(small[i]);
    }
    heap_get_stats(&stats);
    assert_int_equal(stats.live_objects, live_objects);
    assert_int_equal(stats.live_bytes, live_bytes);
    assert_memory_equal(stats.tag_bytes, tags, sizeof(tags));
    free_all(count);
    heap_get_stats(&stats);
    assert_int_equal(stats.live_objects, 0);
    assert_int_equal(stats.live_bytes, 0);
    for (unsigned tag = 0; tag < HEAP_TAG_COUNT; tag++)
        assert_int_equal(stats.tag_bytes[tag], 0);
}

static void wrong_frees_of_spans(void **state)
{
    /* A span is freed once, by its first byte, by its own size; everything else is refused and named. */
    unsigned count = fill_holes(make_holes());
    size_t step;

    (void)state;
    for (unsigned i = 0, tested = 0; tested < 50; tested++, i++) {
        struct heap_object_info info;

        i = find_span(i, count, &step);
        for (size_t inside = 1; inside < larger_sizes[i]; inside += inside < 48 ? 1 : 16)
            assert_false(kfree(larger[i] + inside));
        assert_int_equal(heap_describe(larger[i] + larger_sizes[i] - 1, &info), STATUS_OK);
        assert_ptr_equal(info.start, larger[i]);
        assert_true(info.live && info.tag == (enum heap_tag)(i % HEAP_TAG_COUNT));
        assert_false(kfree_sized(larger[i], step));
        assert_false(kfree_sized(larger[i], info.size_bytes + 1));
        assert_true(host_log_contains("inside an object, not its first byte; object of"));
        assert_true(host_log_contains("of another size"));
        heap_ledger_strike(larger[i]);
        assert_true(kfree(larger[i]));
        host_log_clear();
        assert_false(kfree(larger[i]));
        assert_true(host_log_contains("already free"));
        assert_int_equal(heap_describe(larger[i], &info), STATUS_OK);
        assert_true(!info.live && info.tag == (enum heap_tag)(i % HEAP_TAG_COUNT));
        assert_int_equal(info.size_bytes, step);
        assert_false(kfree(larger[i] + step));
        larger[i] = larger[--count];
        larger_sizes[i] = larger_sizes[count];
        host_log_clear();
    }
    assert_int_equal(heap_check(), STATUS_OK);
}

static void spans_get_another_size(void **state)
{
    /* krealloc() of a span keeps contents and tag, in place where its objects have the room. */
    unsigned count = fill_holes(make_holes());
    size_t step;
    unsigned i = find_span(0, count, &step);
    size_t usable = kmalloc_usable(larger[i]);
    struct heap_object_info info;
    unsigned char *moved;

    (void)state;
    assert_ptr_equal(krealloc(larger[i], usable), larger[i]);
    moved = krealloc(larger[i], usable + 1);
    assert_ptr_not_equal(moved, larger[i]);
    heap_ledger_expect(moved, larger_sizes[i], i);
    assert_int_equal(heap_describe(moved, &info), STATUS_OK);
    assert_true(info.live && info.tag == (enum heap_tag)(i % HEAP_TAG_COUNT));
    assert_int_equal(heap_check(), STATUS_OK);
    assert_true(kfree(moved));
}

static void alignment_is_kept(void **state)
{
    /* Holes are not used for what asks for more than their alignment: powers of two, aligned requests. */
    (void)fill_holes(make_holes());
    (void)state;
    for (unsigned i = 0; i < 300; i++) {
        size_t power = (size_t)256 << i % 4;
        uintptr_t plain = (uintptr_t)kmalloc(power);
        uintptr_t aligned = (uintptr_t)kmalloc_aligned(300 + i, power / 4);

        assert_true(plain != 0 && plain % power == 0);
        assert_true(aligned != 0 && aligned % (power / 4) == 0);
    }
    assert_int_equal(heap_check(), STATUS_OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, heap_ledger_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(holes_are_filled),       TEST(spans_are_counted), TEST(wrong_frees_of_spans),
        TEST(spans_get_another_size), TEST(alignment_is_kept),
    };

    return cmocka_run_group_tests_name("heap_span", tests, NULL, NULL);
}
