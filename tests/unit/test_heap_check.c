/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_heap_check.c - the heap's own checker finds each damage to its records, and names it.
 *
 * The records are spoiled from outside, one at a time, and put back.
 */
#include "damage.h"
#include "heap_machine.h"
#include "lib/bits.h"
#include "mm/fail_alloc_private.h"
#include "mm/heap.h"
#include "mm/heap_class.h"
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

/* --- every field ------------------------------------------------------------------------------- */

static void every_count_of_runs_matters(void **state)
{
    /* Each sum over the runs is compared, one more and one less. */
    size_t *const counts[] = { &heap_runs.used_pages,         &heap_runs.kept_pages,
                               &heap_runs.large_pages,        &heap_runs.large_objects,
                               &heap_runs.cached.count_pages, &heap_runs.bare.count_pages };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(counts); i++) {
        EXPECT_DAMAGE(*counts[i], *counts[i] + 1, "counted were");
        EXPECT_DAMAGE(*counts[i], *counts[i] - 1, "counted were");
    }
}

static void every_bin_matters(void **state)
{
    /* Each bin's bit and head are compared with its runs, and each run with its bin. */
    struct heap_bins *const sorts[] = { &heap_runs.cached, &heap_runs.bare };

    (void)state;
    for (size_t sort = 0; sort < ARRAY_COUNT(sorts); sort++) {
        struct heap_bins *bins = sorts[sort];

        for (unsigned bin = 0; bin < HEAP_BIN_COUNT; bin++) {
            struct heap_page *run = &heap_window.pages[bins->heads[bin]];

            EXPECT_DAMAGE(bins->words[bin / 32], bins->words[bin / 32] ^ 1u << bin % 32,
                          "a bin and its bit disagree");
            if (bins->heads[bin] == 0)
                continue;
            EXPECT_DAMAGE(bins->heads[bin], 0, "a bin and its bit disagree");
            EXPECT_DAMAGE(bins->heads[bin], heap_page_number((uintptr_t)large_object),
                          "in a bin where it does not belong");
            EXPECT_DAMAGE(run->previous, 1, "in a bin where it does not belong");
            EXPECT_DAMAGE(run->next, heap_page_number((uintptr_t)small_object),
                          "in a bin where it does not belong");
        }
    }
}

/* Each page of the run says what it is: its first one its kind and length, the others that they are inner. */
static void expect_each_page_matters(uint32_t first)
{
    struct heap_page *head = &heap_window.pages[first];
    bool is_free = head->kind == HEAP_PAGE_CACHED || head->kind == HEAP_PAGE_BARE;

    EXPECT_DAMAGE(head->kind, HEAP_PAGE_INNER, "a run should begin here");
    EXPECT_DAMAGE(head->kind, HEAP_PAGE_INSIDE, "a run should begin here");
    EXPECT_DAMAGE(head->page_count, 0, "length makes no sense");
    EXPECT_DAMAGE(head->page_count, UINT32_MAX - first + 1, "length makes no sense");
    EXPECT_DAMAGE(head->page_count, heap_runs.end_page - first + 1, "length makes no sense");
    EXPECT_DAMAGE(head->page_count, head->page_count - 1, "heap: ");
    for (uint32_t page = 1; page < head->page_count; page++) {
        bool last = is_free && page + 1 == head->page_count;

        EXPECT_DAMAGE(head[page].kind, HEAP_PAGE_LARGE,
                      last ? "last page differs" : "says that one begins here");
        if (last)
            EXPECT_DAMAGE(head[page].page_count, head->page_count + 1, "last page differs");
        else
            EXPECT_DAMAGE(head[page].kind, HEAP_PAGE_INSIDE, "says that one begins here");
    }
}

static void every_page_matters(void **state)
{
    /* Wherever in the chain of runs a page's record is spoiled, the check says so. */
    (void)state;
    for (uint32_t first = 1; first < heap_runs.end_page;
         first += heap_window.pages[first].page_count)
        expect_each_page_matters(first);
}

static void neighbours_that_are_free_in_the_same_way(void **state)
{
    /* A free run that was not joined with its free neighbour is found. */
    struct heap_page *run = run_of(HEAP_PAGE_BARE);
    uint32_t first = (uint32_t)(run - heap_window.pages), length = run->page_count;

    (void)state;
    heap_bins_remove(&heap_runs.bare, first);
    heap_bins_insert(&heap_runs.bare, first, 2);
    heap_bins_insert(&heap_runs.bare, first + 2, length - 2);
    expect_corrupt(heap_check, "two neighbours are free in the same way");
    heap_bins_remove(&heap_runs.bare, first);
    heap_bins_remove(&heap_runs.bare, first + 2);
    heap_bins_insert(&heap_runs.bare, first, length);
}

/* --- slabs ------------------------------------------------------------------------------------- */

static void expect_each_object_matters(struct heap_page *slab, const struct heap_shape *shape)
{
    uint32_t first = (uint32_t)(slab - heap_window.pages);

    for (unsigned i = 0; i < shape->count; i++) {
        uintptr_t address = heap_page_address(first) + (uintptr_t)i * shape->object_bytes;
        uint8_t *state = heap_state_of(shape, address);
        uint64_t *bits = &slab->free_bits[i / 64];
        bool is_free = (*bits >> i % 64 & 1) != 0;
        const char *what = "its free objects and their number disagree";

        EXPECT_DAMAGE(*bits, *bits ^ (uint64_t)1 << i % 64, what);
        if (*state >= HEAP_STATE_LIVE)
            EXPECT_DAMAGE(*state, HEAP_STATE_FREED, "live objects found");
        else
            EXPECT_DAMAGE(*state, HEAP_STATE_LIVE, is_free ? what : "live objects found");
    }
}

static void every_field_of_a_slab_matters(void **state)
{
    /* Of a slab of each class: class, list, number and bits of free objects, each object's state, and each page's
     * entry in the map. */
    (void)state;
    for (unsigned class_index = HEAP_CLASS_FIRST; class_index < HEAP_CLASS_END; class_index += 3) {
        const struct heap_shape *shape = &heap_shapes[class_index];
        void *object = kmalloc(shape->object_bytes);
        struct heap_page *slab = record_of(object);
        uint16_t *map;

        slab -= heap_entry_page(heap_window.map[slab - heap_window.pages]);
        map = &heap_window.map[slab - heap_window.pages];
        for (unsigned other = HEAP_CLASS_FIRST; other < HEAP_CLASS_END; other++)
            if (other != class_index)
                EXPECT_DAMAGE(slab->class_index, other,
                              heap_shapes[other].pages == shape->pages
                                  ? "the page map does not know it"
                                  : "its class makes no sense");
        EXPECT_DAMAGE(slab->class_index, HEAP_NO_CLASS, "its class makes no sense");
        EXPECT_DAMAGE(slab->class_index, HEAP_CLASS_END, "its class makes no sense");
        for (unsigned list = 0; list < 8; list++)
            if (list != slab->list)
                EXPECT_DAMAGE(slab->list, list, "it is in the wrong list");
        EXPECT_DAMAGE(slab->free_count, slab->free_count + 1, "their number disagree");
        EXPECT_DAMAGE(slab->free_count, slab->free_count - 1, "their number disagree");
        for (unsigned page = 0; page < shape->pages; page++) {
            EXPECT_DAMAGE(map[page], map[page] + 1, "the page map does not know it");
            EXPECT_DAMAGE(map[page], map[page] + 0x100, "the page map does not know it");
        }
        expect_each_object_matters(slab, shape);
        assert_true(kfree(object));
    }
}

static void a_slab_that_is_in_no_list_is_found(void **state)
{
    /* A slab with free objects that its class's list does not lead to would never be used again. */
    const struct heap_shape *shape = &heap_shapes[heap_class_of(64)];
    static void *objects[3 * 256];
    struct heap_page *head = NULL;

    (void)state;
    heap_set_aside(true);
    for (unsigned i = 0; i < 3u * shape->count; i++)
        assert_non_null(objects[i] = kmalloc(64));
    for (unsigned i = 0; i < 3; i++)
        assert_true(kfree(objects[i * shape->count + 1]));
    for (unsigned i = 0; i < 3; i++)
        if (record_of(objects[i * shape->count])->previous == 0)
            head = record_of(objects[i * shape->count]);
    assert_non_null(head);
    assert_int_equal(heap_check(), STATUS_OK);
    assert_true(head->next != 0 && heap_window.pages[head->next].next != 0);
    EXPECT_DAMAGE(head->next, 0, "it is in the wrong list");
    EXPECT_DAMAGE(head->next, heap_window.pages[head->next].next, "it is in the wrong list");
    heap_set_aside(false);
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
        cmocka_unit_test_setup_teardown(every_count_of_runs_matters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_bin_matters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_page_matters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(neighbours_that_are_free_in_the_same_way, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(every_field_of_a_slab_matters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_slab_that_is_in_no_list_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(last_events_are_told, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
