/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_heap_fail.c - the request to the heap that is wished to fail does, and no other; and what the slabs
 * say they gave back is what they gave back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "heap_machine.h"
#include "host_log.h"
#include "mm/fail_alloc_private.h"
#include "mm/heap.h"
#include "mm/heap_debug.h"
#include "mm/slab.h"

#define FRAMES       4096u
#define WINDOW_BYTES (32 * MiB)

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
    fail_alloc_on = false;
    heap_machine_destroy();
    return 0;
}

/* As fail_alloc_start() and fail_alloc_stop(), over a machine without caches of frames. */
static void arm(uint64_t first, uint64_t count)
{
    fail_alloc_arm(first, count);
    heap_set_aside(true);
}

static void disarm(void)
{
    fail_alloc_on = false;
    heap_set_aside(false);
}

/* --- every way to ask ------------------------------------------------------------------------ */

enum { REQUESTS = 13 };

static void *one_request(unsigned number, void *small, void *tagged, void *large)
{
    switch (number) {
    case 0:
        return kmalloc(100);
    case 1:
        return kmalloc(0);
    case 2:
        return kmalloc(10000);
    case 3:
        return kzalloc(100);
    case 4:
        return kcalloc(3, 5000);
    case 5:
        return kmalloc_tagged(100, HEAP_TAG_VMM, 0);
    case 6:
        return kmalloc_tagged(10000, HEAP_TAG_VMM, HEAP_GUARDED);
    case 7:
        return kmalloc_aligned(64, 256);
    case 8:
        return kmalloc_aligned(64, 64 * KiB);
    case 9:
        return krealloc(small, 1000);
    case 10:
        return krealloc(tagged, 1000);
    case 11:
        return krealloc(large, 100);
    default:
        return (void *)kstrdup("a text");
    }
}

/* Which of the requests were refused, as bits. What was got is freed. */
static unsigned ask(void)
{
    void *small = kmalloc(10), *tagged = kmalloc_tagged(10, HEAP_TAG_USER, 0),
         *large = kmalloc(5000);
    unsigned refused = 0;

    for (unsigned i = 0; i < REQUESTS; i++) {
        void *object = one_request(i, small, tagged, large);

        refused |= (unsigned)(object == NULL) << i;
        assert_true(kfree(object));
        small = i == 9 && object != NULL ? NULL : small;
        tagged = i == 10 && object != NULL ? NULL : tagged;
        large = i == 11 && object != NULL ? NULL : large;
    }
    assert_true(kfree(small) && kfree(tagged) && kfree(large));
    return refused;
}

/* Armed before the three objects are had that are resized: requests 4 and up are the asked ones. */
static void every_request_in_turn(void)
{
    for (unsigned nth = 0; nth < REQUESTS; nth++) {
        struct heap_stats before, after;

        heap_get_stats(&before);
        arm(4 + nth, 1);
        assert_int_equal(ask(), 1u << nth);
        disarm();
        heap_get_stats(&after);
        assert_int_equal(fail_alloc_calls(), REQUESTS + 3);
        assert_int_equal(fail_alloc_failures(), 1);
        assert_int_equal(after.failures, before.failures + 1);
        assert_int_equal(after.allocations, before.allocations + REQUESTS + 2);
        assert_int_equal(after.live_objects, before.live_objects);
    }
}

static void the_nth_request_fails(void **state)
{
    /* Each way to ask the heap is one request, which fails alone when it is its turn, is counted as a failure,
     * and leaves what was there before. */
    (void)state;
    every_request_in_turn();
    assert_int_equal(ask(), 0);
    assert_int_equal(heap_check(), STATUS_OK);
}

static void the_nth_request_fails_in_debugging(void **state)
{
    /* The same with every check on, and afterwards the processors stay away from their magazines. */
    const struct heap_debug all = { .options = HEAP_DEBUG_ALL }, off = { 0 };

    (void)state;
    assert_int_equal(heap_debug_set(&all), STATUS_OK);
    every_request_in_turn();
    assert_true(kfree(kmalloc(100)));
    assert_int_equal(heap_count_cached(0), 0);
    assert_int_equal(heap_check(), STATUS_OK);
    assert_int_equal(heap_debug_set(&off), STATUS_OK);
    assert_true(kfree(kmalloc(100)));
    assert_true(heap_count_cached(0) > 0);
}

static void magazines_rest_meanwhile(void **state)
{
    /* While it is armed nothing waits in a magazine; afterwards freed objects do again. */
    (void)state;
    assert_true(kfree(kmalloc(100)));
    assert_true(kfree(kmalloc(100)));
    assert_true(heap_count_cached(0) > 0);
    arm(0, 0);
    assert_int_equal(heap_count_cached(0), 0);
    assert_int_equal(ask(), 0);
    assert_int_equal(heap_count_cached(0), 0);
    disarm();
    assert_int_equal(ask(), 0);
    assert_true(heap_count_cached(0) > 0);
}

/* --- slabs ----------------------------------------------------------------------------------- */

static uint64_t cached_pages(void)
{
    struct heap_stats stats;

    heap_get_stats(&stats);
    return stats.cached_bytes >> PAGE_SHIFT;
}

static void reclaiming_tells_its_pages(void **state)
{
    /* The pages that slab_reclaim() says it freed are those that became cached, over all classes; then there
     * are none left. */
    static void *objects[HEAP_CLASS_END][64];
    struct slab_class_stats stats;
    size_t pages = 0;
    uint64_t before;

    (void)state;
    for (unsigned i = HEAP_CLASS_FIRST; i < HEAP_CLASS_END; i++)
        for (unsigned k = 0; k < ARRAY_COUNT(objects[i]); k++)
            assert_non_null(objects[i][k] = kmalloc(heap_shapes[i].object_bytes));
    for (unsigned i = HEAP_CLASS_FIRST; i < HEAP_CLASS_END; i++)
        for (unsigned k = 0; k < ARRAY_COUNT(objects[i]); k++)
            assert_true(kfree(objects[i][k]));
    heap_set_aside(true);
    before = cached_pages();
    for (unsigned i = HEAP_CLASS_FIRST; i < HEAP_CLASS_END; i++) {
        slab_get_stats(i, &stats);
        assert_true(stats.slabs > 0);
        assert_int_equal(stats.free_objects + stats.depot_objects,
                         stats.slabs * heap_shapes[i].count);
        pages += stats.slabs * heap_shapes[i].pages;
    }
    assert_int_equal(slab_reclaim(), pages);
    assert_int_equal(cached_pages(), before + pages);
    assert_int_equal(slab_reclaim(), 0);
    heap_set_aside(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_nth_request_fails, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_nth_request_fails_in_debugging, set_up, tear_down),
        cmocka_unit_test_setup_teardown(magazines_rest_meanwhile, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reclaiming_tells_its_pages, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("heap_fail", tests, NULL, NULL);
}
