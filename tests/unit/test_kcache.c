/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_kcache.c - typed caches, and the flags that they share with kmalloc_tagged().
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
#include "mm/kcache.h"

struct thing {
    uint64_t words[9];
};

static unsigned constructed;

static int set_up(void **state)
{
    (void)state;
    constructed = 0;
    host_log_clear();
    heap_machine_create(4096, 32 * MiB);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    heap_machine_destroy();
    return 0;
}

static void construct(void *object)
{
    struct thing *thing = object;

    for (size_t i = 0; i < ARRAY_COUNT(thing->words); i++)
        thing->words[i] = i;
    constructed++;
}

static const struct kcache_type thing_type = { .name = "thing",
                                               .size_bytes = sizeof(struct thing),
                                               .alignment = 256,
                                               .tag = HEAP_TAG_TEST,
                                               .constructor = construct };

static void objects_are_constructed(void **state)
{
    /* Each object is constructed, aligned and tagged, and counted until it is freed; with debugging
     * too. */
    const struct heap_debug all = { .options = HEAP_DEBUG_ALL, .guard_one_in = 3 };
    struct kcache *cache = kcache_create(&thing_type);
    struct heap_object_info info;
    struct thing *things[40];

    (void)state;
    assert_non_null(cache);
    assert_int_equal(constructed, 0);
    for (unsigned turn = 0; turn < 2; turn++) {
        if (turn == 1)
            assert_int_equal(heap_debug_set(&all), STATUS_OK);
        for (size_t i = 0; i < ARRAY_COUNT(things); i++) {
            things[i] = kcache_alloc(cache);
            assert_non_null(things[i]);
            assert_true(is_aligned((uintptr_t)things[i], 256));
            assert_int_equal(things[i]->words[8], 8);
            assert_int_equal(heap_describe(things[i], &info), STATUS_OK);
            assert_int_equal(info.tag, HEAP_TAG_TEST);
        }
        assert_int_equal(constructed, (turn + 1) * ARRAY_COUNT(things));
        assert_int_equal(kcache_live(cache), ARRAY_COUNT(things));
        for (size_t i = 0; i < ARRAY_COUNT(things); i++)
            assert_true(kcache_free(cache, things[i]));
        assert_int_equal(kcache_live(cache), 0);
    }
    assert_true(kcache_free(cache, NULL));
    assert_int_equal(kcache_destroy(cache), STATUS_OK);
    assert_int_equal(host_log_count(LOG_ERROR), 0);
}

static void wrong_objects_are_refused(void **state)
{
    /* What is not the cache's is refused, and reported: another tag, another size, twice. */
    struct kcache *cache = kcache_create(&thing_type);
    void *thing = kcache_alloc(cache);
    void *untagged = kmalloc(sizeof(struct thing));
    void *larger = kmalloc_tagged(2000, HEAP_TAG_TEST, 0);

    (void)state;
    assert_false(kcache_free(cache, untagged));
    assert_true(host_log_contains("its tag is none, not test"));
    assert_false(kcache_free(cache, larger));
    assert_true(host_log_contains("of another size"));
    assert_false(kcache_free(cache, (char *)thing + 16));
    assert_true(kcache_free(cache, thing));
    assert_false(kcache_free(cache, thing));
    assert_true(host_log_contains("already free"));
    assert_int_equal(kcache_live(cache), 0);
    assert_true(kfree(untagged) && kfree(larger));
    assert_int_equal(kcache_destroy(cache), STATUS_OK);
}

static void destroyed_when_empty(void **state)
{
    /* A cache with live objects is not destroyed, and says how many there are. */
    struct kcache *cache = kcache_create(&thing_type);
    void *thing = kcache_alloc(cache);

    (void)state;
    assert_int_equal(kcache_destroy(cache), STATUS_BUSY);
    assert_true(host_log_contains("'thing' is not destroyed: 1 objects"));
    assert_true(kcache_free(cache, thing));
    assert_int_equal(kcache_destroy(cache), STATUS_OK);
    assert_int_equal(kcache_destroy(NULL), STATUS_OK);
}

static void types_without_sense(void **state)
{
    /* A type without a name or size, with a wrong alignment, tag or flag, makes no cache, and
     * leaves nothing behind. */
    struct kcache_type types[6];
    struct heap_stats stats;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(types); i++)
        types[i] = thing_type;
    types[0].name = NULL;
    types[1].size_bytes = 0;
    types[2].alignment = 24;
    types[3].alignment = (size_t)(2 * MiB);
    types[4].flags = 1u << 9;
    types[5].size_bytes = SIZE_MAX;
    for (size_t i = 0; i < ARRAY_COUNT(types); i++)
        assert_null(kcache_create(&types[i]));
    heap_get_stats(&stats);
    assert_int_equal(stats.live_objects, 0);
}

static void flags_are_kept(void **state)
{
    /* HEAP_ZERO gives zeros, HEAP_DMA contiguous frames, HEAP_GUARDED unmapped pages around. */
    struct kcache_type type = { .name = "flags",
                                .size_bytes = 3 * PAGE_SIZE,
                                .tag = HEAP_TAG_DRIVER };
    struct kcache *cache;
    unsigned char *object;

    (void)state;
    type.flags = HEAP_ZERO | HEAP_DMA;
    cache = kcache_create(&type);
    object = kcache_alloc(cache);
    assert_true(heap_machine_contiguous(object, type.size_bytes));
    for (size_t i = 0; i < type.size_bytes; i++)
        assert_int_equal(object[i], 0);
    assert_true(kcache_free(cache, object));
    assert_int_equal(kcache_destroy(cache), STATUS_OK);
    type.flags = HEAP_GUARDED;
    cache = kcache_create(&type);
    object = kcache_alloc(cache);
    assert_false(heap_machine_mapped(object + type.size_bytes));
    assert_false(heap_machine_mapped(object - PAGE_SIZE));
    assert_true(kcache_free(cache, object));
    assert_int_equal(kcache_destroy(cache), STATUS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(objects_are_constructed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_objects_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(destroyed_when_empty, set_up, tear_down),
        cmocka_unit_test_setup_teardown(types_without_sense, set_up, tear_down),
        cmocka_unit_test_setup_teardown(flags_are_kept, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("kcache", tests, NULL, NULL);
}
