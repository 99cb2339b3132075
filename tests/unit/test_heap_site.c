/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_heap_site.c - without debugging, a report of a wrong free names the place that allocated the object.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "heap_machine.h"
#include "host_log.h"
#include "kernel/mm/heap_site.h"
#include "lib/bits.h"
#include "mm/heap.h"
#include "mm/heap_debug.h"
#include "mm/kcache.h"

#define FRAMES       8192u
#define WINDOW_BYTES (64 * MiB)
#define OTHERS       600u
#define STEP         ((uintptr_t)7 * 16) /* of both bytes of a site, every value comes */
#define SLACK        16                  /* a place is the middle of 16 bytes */

/* Of every shape: powers of two with and without room for a site inside, the odd parts 3, 5 and 7. */
static const size_t sizes[] = { 1,   16,  32,  48,  64,  80,  96,   112,  128,  160,
                                224, 256, 448, 512, 640, 896, 1024, 2048, 3584, 4096 };

/* The bounds of a section with some functions. */
extern const char __start_allocating[], __stop_allocating[];

#define ALLOCATES [[gnu::noinline, gnu::section("allocating")]] static

ALLOCATES void *by_kmalloc(size_t size)
{
    void *volatile object = kmalloc(size);

    return object;
}

ALLOCATES void *by_kzalloc(size_t size)
{
    void *volatile object = kzalloc(size);

    return object;
}

ALLOCATES void *by_kcalloc(size_t size)
{
    void *volatile object = kcalloc(1, size);

    return object;
}

ALLOCATES void *by_tag(size_t size)
{
    void *volatile object = kmalloc_tagged(size, HEAP_TAG_DRIVER, 0);

    return object;
}

ALLOCATES void *by_alignment(size_t size)
{
    void *volatile object = kmalloc_aligned(size, 16);

    return object;
}

ALLOCATES void *by_nothing_before(size_t size)
{
    void *volatile object = krealloc(NULL, size);

    return object;
}

ALLOCATES void *by_krealloc(size_t size, void *smaller)
{
    void *volatile object = krealloc(smaller, size);

    return object;
}

ALLOCATES void *from_cache(struct kcache *cache)
{
    void *volatile object = kcache_alloc(cache);

    return object;
}

static void *(*const ways[])(size_t) = { by_kmalloc, by_kzalloc,   by_kcalloc,
                                         by_tag,     by_alignment, by_nothing_before };

static bool is_near(const void *place)
{
    const char *at = place;

    return at >= __start_allocating - SLACK && at < __stop_allocating + SLACK;
}

static size_t name_place(const void *place, char *text, size_t size)
{
    return print_buffer(text, size, "%s", is_near(place) ? "the_right_place" : "elsewhere");
}

static int set_up(void **state)
{
    (void)state;
    host_log_clear();
    heap_machine_create(FRAMES, WINDOW_BYTES);
    heap_code_from(__start_allocating);
    heap_name_places(name_place);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    heap_machine_destroy();
    return 0;
}

static void expect_named(bool accepted, const char *what)
{
    assert_false(accepted);
    if (!host_log_contains(what) ||
        !host_log_contains("allocated near the_right_place; called from"))
        fail_msg("expected '%s' and the place in: %s", what, host_log_text());
    assert_int_equal(host_log_count(LOG_ERROR), 1);
    host_log_clear();
}

/* Others come and go, so that the object leaves the magazine for the depot or its slab. */
static void churn(size_t size)
{
    static void *others[OTHERS];

    for (unsigned i = 0; i < OTHERS; i++)
        others[i] = kmalloc(size);
    for (unsigned i = 0; i < OTHERS; i++)
        assert_true(kfree(others[i]));
}

static void wrong_frees(unsigned char *object, size_t size)
{
    if (size > 16)
        expect_named(kfree(object + 16), "inside an object");
    expect_named(kfree(object + 1), "inside an object");
    expect_named(kfree_sized(object, size + 5000), "of another size");
    assert_true(kfree(object));
    expect_named(kfree(object), "already free");
}

/* --- tests -------------------------------------------------------------------------------------- */

static void every_wrong_free_names_the_place(void **state)
{
    /* Free inside, of another size, and twice: the report names who allocated, in every class. */
    (void)state;
    for (unsigned i = 0; i < ARRAY_COUNT(sizes); i++)
        wrong_frees(by_kmalloc(sizes[i]), sizes[i]);
    assert_int_equal(heap_check(), STATUS_OK);
}

static void late_second_free_names_the_place(void **state)
{
    /* The place outlives the object as long as nobody else has got its memory. */
    (void)state;
    for (unsigned i = 0; i < ARRAY_COUNT(sizes); i++) {
        void *object = by_kmalloc(sizes[i]), *others[OTHERS];

        for (unsigned k = 0; k < OTHERS; k++)
            others[k] = kmalloc(sizes[i]);
        assert_true(kfree(object));
        for (unsigned k = 0; k < OTHERS; k++)
            assert_true(kfree(others[k]));
        expect_named(kfree(object), "already free");
    }
}

static void every_way_notes_the_place(void **state)
{
    /* Each function of the family notes its caller, not one of its own. */
    (void)state;
    for (unsigned i = 0; i < ARRAY_COUNT(ways); i++) {
        wrong_frees(ways[i](100), 100);
        churn(100);
        wrong_frees(ways[i](100), 100);
    }
    wrong_frees(by_krealloc(1000, kmalloc(100)), 1000);
    wrong_frees(by_krealloc(1000, kmalloc_tagged(100, HEAP_TAG_DRIVER, 0)), 1000);
}

static void caches_note_the_place(void **state)
{
    /* An object of a typed cache tells who took it from the cache. */
    struct kcache *cache =
        kcache_create(&(struct kcache_type){ .name = "things", .size_bytes = 200 });
    void *object;

    (void)state;
    assert_non_null(cache);
    object = from_cache(cache);
    assert_true(kcache_free(cache, object));
    expect_named(kcache_free(cache, object), "already free");
    assert_int_equal(kcache_destroy(cache), STATUS_OK);
}

static void large_objects_note_the_place(void **state)
{
    /* A large object freed with another size, or inside, tells who allocated it. */
    unsigned char *object = by_kmalloc(100000);

    (void)state;
    expect_named(kfree_sized(object, 200000), "of another size");
    expect_named(kfree(object + 20000), "no object is there");
    assert_true(kfree(object));
}

static void objects_are_described(void **state)
{
    /* An object is described with the place that allocated it, and one of unknown origin without. */
    struct heap_object_info info;
    unsigned char *object = by_kmalloc(80);

    (void)state;
    assert_int_equal(heap_describe(object + 79, &info), STATUS_OK);
    assert_true(is_near(info.alloc_near));
    assert_true(kfree(object));
    heap_code_from(&info); /* no code is there */
    object = by_kmalloc(80);
    assert_int_equal(heap_describe(object, &info), STATUS_OK);
    assert_null(info.alloc_near);
    assert_false(kfree(object + 16));
    assert_false(host_log_contains("allocated near"));
    assert_true(kfree(object));
}

static void no_site_looks_live(void **state)
{
    /* No byte of any site is what kfree() takes for a live object; each leads back to its 16 bytes. */
    static unsigned char slab[16];
    const struct heap_shape shape = { .sites = (uintptr_t)slab };
    const char *code = (const char *)(uintptr_t)0x10000000;

    (void)state;
    heap_code_from(code);
    for (uintptr_t offset = 1; offset <= HEAP_SITE_CODE_BYTES; offset++) {
        uintptr_t place;

        heap_site_write(shape.sites, heap_site_state(code + offset) >> HEAP_STATE_SITE_SHIFT);
        place = (uintptr_t)heap_site_place(&shape, 0) - (uintptr_t)code;
        if (slab[0] == HEAP_STATE_LIVE || slab[1] == HEAP_STATE_LIVE ||
            place / 16 != (offset - 1) / 16)
            fail_msg("offset 0x%zx: bytes 0x%x 0x%x, place 0x%zx", (size_t)offset, slab[0], slab[1],
                     (size_t)place);
    }
    assert_int_equal(heap_site_state(code), 0);
    assert_int_equal(heap_site_state(code + HEAP_SITE_CODE_BYTES + 1), 0);
    assert_int_equal(heap_site_state(NULL), 0);
}

static void addresses_inside_are_refused(void **state)
{
    /* With every site there is behind its state byte, no address inside an object is taken for one. */
    unsigned char *objects[2];

    (void)state;
    for (uintptr_t shift = 0; shift < HEAP_SITE_CODE_BYTES; shift += STEP) {
        heap_code_from(__start_allocating - shift);
        for (unsigned i = 0; i < 2; i++) {
            objects[i] = by_kmalloc(i == 0 ? 80 : 64);
            for (unsigned inside = 16; inside < 64; inside += 16)
                assert_false(kfree(objects[i] + inside));
        }
        assert_true(kfree(objects[0]) && kfree(objects[1]));
        host_log_clear();
    }
}

static void slabs_of_another_class(void **state)
{
    /* Where an earlier slab's sites were, a later slab's objects are free, and can be allocated. */
    static unsigned char *objects[OTHERS];

    (void)state;
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < ARRAY_COUNT(sizes); i++) {
            for (unsigned k = 0; k < OTHERS; k++)
                assert_non_null(objects[k] = by_kmalloc(sizes[i]));
            for (unsigned k = 0; k < OTHERS; k++)
                assert_true(kfree(objects[k]));
            (void)heap_machine_pressure(0);
            assert_int_equal(heap_check(), STATUS_OK);
        }
    assert_int_equal(host_log_count(LOG_ERROR), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(every_wrong_free_names_the_place),
        TEST(late_second_free_names_the_place),
        TEST(every_way_notes_the_place),
        TEST(caches_note_the_place),
        TEST(large_objects_note_the_place),
        TEST(objects_are_described),
        TEST(no_site_looks_live),
        TEST(addresses_inside_are_refused),
        TEST(slabs_of_another_class),
    };

    return cmocka_run_group_tests_name("heap_site", tests, NULL, NULL);
}
