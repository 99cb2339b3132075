/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_heap_explain.c - any address in the heap is told by the object it lies in, behind or before, tracked or not;
 * and records never speak for objects that have none.
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
#include "mm/heap_debug.h"

#define FRAMES       8192u
#define WINDOW_BYTES (64 * MiB)

static const struct heap_debug sites = { .options = HEAP_DEBUG_SITES };
static const struct heap_debug off = { 0 };

static const size_t sizes[] = { 1, 16, 17, 48, 64, 100, 256, 1000, 2048, 4096, 5000, 8192, 70000 };

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
    assert_int_equal(heap_check(), STATUS_OK);
    heap_machine_destroy();
    return 0;
}

/* --- what an address is ----------------------------------------------------------------------- */

static void expect_words(const unsigned char *address, const char *words)
{
    struct host_text text;

    host_text_init(&text);
    assert_true(heap_explain_address(va_of(address), &text.sink));
    if (strncmp(text.text, words, strlen(words)) != 0)
        fail_msg("expected '%s...' in: %s", words, text.text);
    host_text_free(&text);
}

static void expect_nothing(const void *address)
{
    struct host_text text;

    host_text_init(&text);
    assert_false(heap_explain_address(va_of(address), &text.sink));
    assert_string_equal(text.text, "");
    host_text_free(&text);
}

/* The words for an address so many bytes from the first of an object. */
static void expect_told(const unsigned char *object, size_t size, ptrdiff_t offset,
                        const char *rest)
{
    char words[200];
    size_t behind = (size_t)offset - size + 1;

    if (offset < 0)
        snprintf(words, sizeof(words), "%td byte%s before %s", -offset, offset == -1 ? "" : "s",
                 rest);
    else if ((size_t)offset < size)
        snprintf(words, sizeof(words), "byte %td of %s", offset + 1, rest);
    else
        snprintf(words, sizeof(words), "%zu byte%s behind %s", behind, behind == 1 ? "" : "s",
                 rest);
    expect_words(object + offset, words);
}

static void expect_told_around(const unsigned char *object, size_t size, ptrdiff_t low,
                               ptrdiff_t high, const char *rest)
{
    const ptrdiff_t offsets[] = {
        low, -2, -1, 0, 1, (ptrdiff_t)size - 1, (ptrdiff_t)size, (ptrdiff_t)size + 1, high
    };

    for (size_t i = 0; i < ARRAY_COUNT(offsets); i++)
        if (offsets[i] >= low && offsets[i] <= high)
            expect_told(object, size, offsets[i], rest);
}

static void untracked_objects_are_explained(void **state)
{
    /* Without debugging, an address in a large object's pages, its guard pages among them, is told by its
     * distance from the object; nothing is known of small ones, of free pages and of what is outside. */
    unsigned char *object = kmalloc_tagged(5001, HEAP_TAG_USER, HEAP_GUARDED);
    unsigned char *large = kmalloc_tagged(9000, HEAP_TAG_VMM, 0);
    unsigned char *small = kmalloc(100);
    ptrdiff_t lead = (ptrdiff_t)((uintptr_t)object % PAGE_SIZE + PAGE_SIZE);
    char rest[100];

    (void)state;
    snprintf(rest, sizeof(rest), "the object of 5001 bytes at 0x%zx, tag user", (size_t)object);
    expect_told_around(object, 5001, -lead, 4 * (ptrdiff_t)PAGE_SIZE - 1 - lead, rest);
    snprintf(rest, sizeof(rest), "the object of 9000 bytes at 0x%zx, tag vmm", (size_t)large);
    expect_told_around(large, 9000, 0, 3 * (ptrdiff_t)PAGE_SIZE - 1, rest);
    expect_nothing(small);
    assert_true(kfree(large) && kfree(object));
    expect_nothing(large);
    expect_nothing(object);
    expect_nothing(&object);
    expect_nothing(va_ptr(heap_machine_window()));
    assert_true(kfree(small));
}

static void tracked_objects_are_explained(void **state)
{
    /* With debugging, every object is told by the bytes that were asked for, and by its tag; freed ones, too. */
    char rest[100];

    (void)state;
    assert_int_equal(heap_debug_set(&sites), STATUS_OK);
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        unsigned char *object = kmalloc_tagged(sizes[i], HEAP_TAG_BOOT, 0);
        ptrdiff_t last = (ptrdiff_t)kmalloc_usable(object) - 1;

        snprintf(rest, sizeof(rest), "the object of %zu bytes at %p, tag boot; allocated at ",
                 sizes[i], (void *)object);
        expect_told_around(object, sizes[i], 0, last, rest);
        assert_true(kfree(object));
        snprintf(rest, sizeof(rest), "the freed object of %zu bytes at %p, tag boot; allocated at ",
                 sizes[i], (void *)object);
        expect_told(object, sizes[i], 0, rest);
        if (last > 0 && sizes[i] > 1)
            expect_told(object, sizes[i], 1, rest);
    }
    assert_int_equal(heap_debug_set(&off), STATUS_OK);
}

/* --- records ----------------------------------------------------------------------------------- */

static void expect_history(const unsigned char *object, size_t size, size_t reach, bool live)
{
    const size_t offsets[] = { 0, 1, size / 2, size - 1, reach - 1 };
    struct heap_history history;

    for (size_t i = 0; i < ARRAY_COUNT(offsets); i++) {
        assert_int_equal(heap_debug_find(object + offsets[i], &history), STATUS_OK);
        assert_ptr_equal(history.start, object);
        assert_int_equal(history.size_bytes, size);
        assert_int_equal(history.live, live);
        assert_non_null(history.alloc_site);
        assert_int_equal(history.free_site == NULL, live);
    }
}

static void histories_reach_all_of_an_object(void **state)
{
    /* A live object's history is found from each of its bytes; a freed small one's too, and a freed large one's
     * from its first page, until the memory has another owner. */
    struct heap_history history;
    uint32_t sequence = 0;

    (void)state;
    assert_int_equal(heap_debug_find("", &history), STATUS_NOT_FOUND);
    assert_int_equal(heap_debug_set(&sites), STATUS_OK);
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        unsigned char *object = kmalloc(sizes[i]);
        size_t usable = kmalloc_usable(object);

        expect_history(object, sizes[i], usable, true);
        assert_int_equal(heap_debug_find(object, &history), STATUS_OK);
        assert_int_equal(history.sequence, ++sequence);
        assert_true(kfree(object));
        if (sizes[i] <= PAGE_SIZE) {
            expect_history(object, sizes[i], usable, false);
        } else {
            assert_int_equal(heap_debug_find(object, &history), STATUS_OK);
            assert_int_equal(heap_debug_find(object + PAGE_SIZE - 1, &history), STATUS_OK);
            assert_true(!history.live && history.start == object);
        }
    }
    assert_int_equal(heap_debug_find("", &history), STATUS_NOT_FOUND);
    assert_int_equal(heap_debug_set(&off), STATUS_OK);
}

/* An object of each kind that a block may be of: by size, tag, alignment. */
static void *one_of_each(unsigned kind, size_t size)
{
    switch (kind) {
    case 0:
        return kmalloc(size);
    case 1:
        return kmalloc_tagged(size, HEAP_TAG_TEST, 0);
    default:
        return kmalloc_aligned(size, 256);
    }
}

static void records_do_not_outlive_their_object(void **state)
{
    /* Where an object without a record lies in the place of one that had one, nothing of the old one is told, and
     * it can be resized and freed, once. */
    unsigned reused = 0;
    void *keeper;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        for (unsigned kind = 0; kind < 3; kind++) {
            struct heap_debug_stats stats;
            struct heap_history history;
            unsigned char *before, *now;

            assert_int_equal(heap_debug_set(&sites), STATUS_OK);
            keeper = kmalloc(16); /* whose record keeps the tracking alive */
            before = one_of_each(kind, sizes[i]);
            assert_true(kfree(before));
            assert_int_equal(heap_debug_find(before, &history), STATUS_OK);
            assert_int_equal(heap_debug_set(&off), STATUS_OK);
            now = one_of_each(kind, sizes[i]);
            reused += now == before;
            assert_int_equal(heap_debug_find(now, &history), STATUS_NOT_FOUND);
            assert_int_equal(heap_debug_find(now + sizes[i] - 1, &history), STATUS_NOT_FOUND);
            assert_true(kmalloc_usable(now) >= sizes[i]);
            heap_debug_get_stats(&stats);
            assert_int_equal(stats.live, 1);
            assert_int_equal(stats.held, 0);
            assert_true(kfree(now));
            host_log_clear();
            assert_false(kfree(now));
            assert_int_equal(host_log_count(LOG_ERROR), 1);
            assert_true(kfree(keeper));
        }
    }
    assert_true(reused > 2 * ARRAY_COUNT(sizes));
}

static void a_new_heap_has_no_past(void **state)
{
    /* Debugging's figures, records and events begin anew with each heap. */
    const struct heap_debug all = { .options = HEAP_DEBUG_ALL, .guard_one_in = 2 };
    struct heap_debug_stats stats;
    struct heap_event event;
    struct heap_debug now;
    unsigned char *object;
    uint32_t first_event;

    assert_int_equal(heap_events(&event, 1), 1);
    first_event = event.sequence;
    assert_int_equal(heap_debug_set(&all), STATUS_OK);
    for (unsigned i = 0; i < 20; i++) {
        object = kmalloc(24);
        if (i % 2 == 0)
            object[24] ^= 1;
        assert_true(kfree(object));
        assert_false(kfree(object));
    }
    heap_debug_get_stats(&stats);
    assert_true(stats.damaged > 0 && stats.guarded > 0 && stats.held > 0);
    (void)set_up(state);
    heap_debug_get(&now);
    assert_true(now.options == 0 && now.guard_one_in == 0);
    heap_debug_get_stats(&stats);
    assert_true(stats.live == 0 && stats.held == 0 && stats.guarded == 0);
    assert_true(stats.untracked == 0 && stats.damaged == 0);
    assert_int_equal(heap_events(&event, 1), 1);
    assert_int_equal(event.sequence, first_event);
    assert_int_equal(heap_debug_set(&sites), STATUS_OK);
    object = kmalloc(24);
    assert_int_equal(heap_leaks_mark(), 1);
    assert_true(kfree(object));
    assert_int_equal(heap_debug_set(&off), STATUS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(untracked_objects_are_explained, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tracked_objects_are_explained, set_up, tear_down),
        cmocka_unit_test_setup_teardown(histories_reach_all_of_an_object, set_up, tear_down),
        cmocka_unit_test_setup_teardown(records_do_not_outlive_their_object, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_new_heap_has_no_past, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("heap_explain", tests, NULL, NULL);
}
