/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_heap_check.c - the heap's own checker finds each damage to its records, and names it.
 *
 * The records are spoiled from outside, one at a time, and put back.
 */
#include "damage.h"
#include "heap_machine.h"
#include "lib/bits.h"
#include "mm/heap.h"
#include "mm/heap_debug.h"
#include "mm/heap_runs_private.h"
#include "mm/heap_window.h"

#define FRAMES       8192u
#define WINDOW_BYTES (64 * MiB)
#define LARGE_BYTES  (5 * PAGE_SIZE)

static void *small_object;
static void *large_object;

/* A machine with an object of each sort, and free runs between them. */
static int set_up(void **state)
{
    void *between;

    (void)state;
    host_log_clear();
    heap_machine_create(FRAMES, WINDOW_BYTES);
    small_object = kmalloc(64);
    between = kmalloc(LARGE_BYTES);
    large_object = kmalloc(LARGE_BYTES);
    assert_non_null(small_object);
    assert_non_null(large_object);
    assert_true(kfree(between));
    assert_int_equal(heap_check(), STATUS_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(heap_check(), STATUS_OK);
    heap_machine_destroy();
    return 0;
}

static struct heap_page *record_of(const void *object)
{
    return &heap_window.pages[heap_page_number((uintptr_t)object)];
}

/* The first page of a run that is of this kind. */
static struct heap_page *run_of(enum heap_page_kind kind)
{
    uint32_t page = 1;

    while (page < heap_runs.end_page && heap_window.pages[page].kind != kind)
        page += heap_window.pages[page].page_count;
    assert_true(page < heap_runs.end_page);
    return &heap_window.pages[page];
}

#define EXPECT_DAMAGE(place, value, what) EXPECT_DAMAGE_BY(heap_check, place, value, what)

static void damage_to_runs_is_found(void **state)
{
    /* A run that begins, ends or continues where it should not is found by the walk over the chain. */
    struct heap_page *large = record_of(large_object);
    struct heap_page *free_run = run_of(HEAP_PAGE_CACHED);
    struct heap_page *last = free_run + free_run->page_count - 1;

    (void)state;
    EXPECT_DAMAGE(large->kind, HEAP_PAGE_INNER, "a run should begin here");
    EXPECT_DAMAGE(large->page_count, 0, "length makes no sense");
    EXPECT_DAMAGE(large->page_count, heap_runs.end_page, "length makes no sense");
    EXPECT_DAMAGE(large[1].kind, HEAP_PAGE_LARGE, "says that one begins here");
    EXPECT_DAMAGE(last->page_count, last->page_count + 1, "last page differs");
}

static void damage_to_bins_is_found(void **state)
{
    /* A bin without its bit, and a run in a bin that is not its own, are found. */
    struct heap_page *free_run = run_of(HEAP_PAGE_CACHED);
    unsigned bin = heap_bin_of(free_run->page_count);

    (void)state;
    EXPECT_DAMAGE(heap_runs.cached.words[bin / 32],
                  heap_runs.cached.words[bin / 32] ^ 1u << bin % 32, "a bin and its bit disagree");
    EXPECT_DAMAGE(free_run->previous, free_run->previous + 1, "in a bin where it does not belong");
}

static void wrong_counts_are_found(void **state)
{
    /* Every count is summed up anew: of pages in use, of slabs, and of free objects. */
    struct heap_page *slab = record_of(small_object);

    (void)state;
    EXPECT_DAMAGE(heap_runs.used_pages, heap_runs.used_pages + 1, "counted were");
    EXPECT_DAMAGE(heap_runs.large_objects, heap_runs.large_objects - 1, "counted were");
    EXPECT_DAMAGE(slab->free_count, slab->free_count + 1, "heap: ");
}

static void last_events_are_told(void **state)
{
    /* The ring keeps the last events in order, with kind, size and tag; each kind has a name. */
    const struct heap_debug wish = { .options = HEAP_DEBUG_SITES };
    const struct heap_debug off = { 0 };
    struct heap_event events[HEAP_EVENTS_KEPT];
    void *object;
    unsigned count;

    (void)state;
    assert_int_equal(heap_debug_set(&wish), STATUS_OK);
    object = kmalloc_tagged(100, HEAP_TAG_DRIVER, 0);
    assert_true(kfree(object));
    assert_false(kfree(object));
    count = heap_events(events, HEAP_EVENTS_KEPT);
    assert_true(count >= 3);
    assert_int_equal(events[count - 1].kind, HEAP_EVENT_REFUSE);
    assert_int_equal(events[count - 2].kind, HEAP_EVENT_FREE);
    assert_int_equal(events[count - 3].kind, HEAP_EVENT_ALLOC);
    assert_int_equal(events[count - 3].size_bytes, 100);
    assert_int_equal(events[count - 3].tag, HEAP_TAG_DRIVER);
    assert_ptr_equal((void *)events[count - 2].address, object);
    assert_int_equal(heap_events(events, 2), 2);
    assert_int_equal(events[0].kind, HEAP_EVENT_FREE);
    assert_string_equal(heap_event_name(HEAP_EVENT_ALLOC), "alloc");
    assert_string_equal(heap_event_name(HEAP_EVENT_FREE), "free");
    assert_string_equal(heap_event_name(HEAP_EVENT_REFUSE), "refuse");
    assert_string_equal(heap_event_name(HEAP_EVENT_DAMAGE), "damage");
    assert_string_equal(heap_event_name(HEAP_EVENT_MAP), "map");
    assert_string_equal(heap_event_name(HEAP_EVENT_UNMAP), "unmap");
    assert_int_equal(heap_debug_set(&off), STATUS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(damage_to_runs_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damage_to_bins_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_counts_are_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(last_events_are_told, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
