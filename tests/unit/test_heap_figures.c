/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_heap_figures.c - the heap's figures are those of a model, after every single operation.
 *
 * The model is a list of the objects that are held. Everything that the heap tells of itself follows from
 * it, from what was asked for so far, and from the frames that the machine has handed out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "config.h"
#include "heap_machine.h"
#include "host_log.h"
#include "lib/bits.h"
#include "mm/heap.h"

#define FRAMES       8192u
#define WINDOW_BYTES (64 * MiB)
#define HELD_MOST    600u
#define OPERATIONS   3000u
#define SMALL_BYTES  4096u /* more is a large object */

struct held {
    unsigned char *object;
    size_t usable; /* as the heap said when it was allocated */
    enum heap_tag tag;
    bool dma; /* and so large, whatever its size becomes */
};

static struct {
    struct held held[HELD_MOST];
    unsigned count;
    uint64_t allocations;
    uint64_t failures;
    uint64_t bad_frees;
} model;

static uint64_t random_state;

static int set_up(void **state)
{
    (void)state;
    host_log_clear();
    memset(&model, 0, sizeof(model));
    random_state = 0x2545f4914f6cdd1du;
    heap_machine_create(FRAMES, WINDOW_BYTES);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    heap_machine_destroy();
    return 0;
}

static uint32_t random_below(uint32_t bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 24) % bound;
}

static size_t random_size(void)
{
    return random_below(8) == 0 ? random_below(30 * 4096)
                                : random_below(1u << (4 + random_below(9)));
}

/* --- what the model says ------------------------------------------------------------------- */

static void expect_totals(const struct heap_stats *stats)
{
    uint64_t tag_bytes[HEAP_TAG_COUNT] = { 0 };
    uint64_t live_bytes = 0, large = 0;

    for (unsigned i = 0; i < model.count; i++) {
        live_bytes += model.held[i].usable;
        tag_bytes[model.held[i].tag] += model.held[i].usable;
        large += model.held[i].usable > SMALL_BYTES;
    }
    assert_int_equal(stats->live_objects, model.count);
    assert_int_equal(stats->live_bytes, live_bytes);
    assert_int_equal(stats->large_objects, large);
    assert_int_equal(stats->allocations, model.allocations);
    assert_int_equal(stats->frees, model.allocations - model.count);
    assert_int_equal(stats->failures, model.failures);
    assert_int_equal(stats->bad_frees, model.bad_frees);
    assert_int_equal(stats->window_bytes, WINDOW_BYTES);
    assert_memory_equal(stats->tag_bytes, tag_bytes, sizeof(tag_bytes));
    assert_int_equal(stats->mapped_bytes, heap_machine_frames_used() * PAGE_SIZE);
    assert_int_equal(stats->mapped_bytes, stats->metadata_bytes + stats->live_bytes +
                                              stats->slab_free_bytes + stats->cached_bytes);
}

/* Objects of the model that a class holds: no class's size is a large object's. */
static uint64_t model_of_size(size_t object_bytes)
{
    uint64_t count = 0;

    for (unsigned i = 0; i < model.count; i++)
        count += model.held[i].usable == object_bytes;
    return count;
}

/* What a walk over the slabs finds, by the size of their objects in units of 16 bytes. */
struct slab_sums {
    uint64_t slabs;
    uint64_t objects;
    uint64_t free;
};
static struct slab_sums walked[SMALL_BYTES / 16 + 1];

static void walk_slabs(void)
{
    struct heap_slab_info slab;
    uint32_t cursor = 0;

    memset(walked, 0, sizeof(walked));
    while (heap_next_slab(&cursor, &slab)) {
        struct slab_sums *sums = &walked[slab.object_bytes / 16];

        assert_true(heap_machine_mapped(slab.start));
        assert_int_equal(slab.size_bytes, slab.objects * slab.object_bytes);
        assert_true(slab.free <= slab.objects);
        sums->slabs++;
        sums->objects += slab.objects;
        sums->free += slab.free;
    }
}

static void expect_classes(void)
{
    struct heap_class_info info;
    uint64_t cached = 0;
    size_t before = 0;

    walk_slabs();
    for (unsigned index = 0; heap_get_class(index, &info); index++) {
        const struct slab_sums *sums = &walked[info.object_bytes / 16];

        assert_true(info.object_bytes > before);
        assert_int_equal(info.live, model_of_size(info.object_bytes));
        assert_int_equal(info.inner, 0);
        assert_int_equal(info.slabs, sums->slabs);
        assert_int_equal(info.objects, sums->objects);
        assert_int_equal(info.objects, info.live + info.cached + sums->free);
        cached += info.cached;
        before = info.object_bytes;
    }
    assert_int_equal(before, SMALL_BYTES);
    assert_true(heap_count_cached(0) <= cached);
    assert_int_equal(heap_count_cached(1), 0);
    assert_int_equal(heap_count_cached(CONFIG_MAX_CPUS), 0);
}

static void expect_figures(void)
{
    struct heap_stats stats;

    heap_get_stats(&stats);
    expect_totals(&stats);
    expect_classes();
}

/* --- operations ---------------------------------------------------------------------------- */

static void enter(struct held *held, void *object)
{
    held->object = object;
    held->usable = kmalloc_usable(object);
    memset(object, 0x5a, held->usable);
}

static void allocate(void)
{
    struct held *held = &model.held[model.count];
    size_t size = random_size();
    void *object;

    held->tag = (enum heap_tag)random_below(HEAP_TAG_COUNT);
    held->dma = size > SMALL_BYTES && random_below(4) == 0;
    if (held->dma)
        object = kmalloc_tagged(size, held->tag, HEAP_DMA);
    else if (random_below(3) == 0)
        object = kmalloc_tagged(size, held->tag, HEAP_ZERO);
    else if (random_below(2) == 0)
        object = kmalloc_tagged(size, held->tag, 0);
    else
        object = (held->tag = HEAP_TAG_NONE, kmalloc_aligned(size, (size_t)1 << random_below(13)));
    assert_non_null(object);
    model.allocations++;
    model.count++;
    enter(held, object);
}

static void release(struct held *held)
{
    assert_true(kfree(held->object));
    *held = model.held[--model.count];
}

static void resize(struct held *held)
{
    size_t size = 1 + random_size() + (held->dma ? SMALL_BYTES : 0);
    void *object = krealloc(held->object, size);

    assert_non_null(object);
    model.allocations += object != held->object;
    enter(held, object);
}

/* What is refused counts as nothing else. */
static void misuse(const struct held *held)
{
    void *object = kmalloc(40);

    assert_true(kfree(object));
    model.allocations++;
    assert_false(kfree(held->object + 1 + random_below(8)));
    assert_false(kfree_sized(held->object, held->usable + 8192));
    assert_false(kfree(object));
    model.bad_frees += 3;
    assert_null(kmalloc(SIZE_MAX / 2));
    assert_null(kcalloc(SIZE_MAX / 2, 3));
    assert_null(kmalloc_aligned(10, 3));
    assert_null(kmalloc_tagged(10, HEAP_TAG_COUNT, 0));
    assert_null(krealloc(held->object, SIZE_MAX / 2));
    model.failures += 5;
}

static void describe(const struct held *held)
{
    struct heap_object_info info;

    assert_int_equal(heap_describe(held->object + random_below((uint32_t)held->usable), &info),
                     STATUS_OK);
    assert_ptr_equal(info.start, held->object);
    assert_int_equal(info.size_bytes, held->usable);
    assert_int_equal(info.tag, held->tag);
    assert_true(info.live);
}

static void operate(bool growing)
{
    struct held *held = &model.held[random_below(model.count + 1)];
    unsigned kind = random_below(64);

    if (model.count == 0 || (model.count < HELD_MOST && kind < (growing ? 40 : 24)))
        allocate();
    else if (held == &model.held[model.count])
        (void)heap_shrink(kind % 2 == 0 ? SIZE_MAX : kind);
    else if (kind < 48)
        release(held);
    else if (kind < 58)
        resize(held);
    else if (kind < 62)
        describe(held);
    else
        misuse(held);
}

/* --- the tests ------------------------------------------------------------------------------ */

static void figures_follow_every_operation(void **state)
{
    /* Totals, tags, classes and slabs are what the objects held add up to, after each operation of any kind;
     * mapped are the frames that the heap has. */
    (void)state;
    for (unsigned i = 0; i < OPERATIONS; i++) {
        operate(i / 750 % 2 == 0);
        expect_figures();
        if (i % 16 == 0)
            assert_int_equal(heap_check(), STATUS_OK);
    }
    while (model.count != 0)
        release(&model.held[0]);
    expect_figures();
}

static void a_heap_knows_nothing_of_the_last(void **state)
{
    /* Whatever happened to a heap before, the next one's figures begin at zero. */
    struct heap_stats stats;

    (void)state;
    for (unsigned i = 0; i < 300; i++)
        operate(true);
    (void)set_up(state);
    heap_get_stats(&stats);
    assert_int_equal(stats.failures, 0);
    assert_int_equal(stats.bad_frees, 0);
    expect_figures();
    for (unsigned i = 0; i < 300; i++) {
        operate(true);
        expect_figures();
    }
    assert_int_equal(heap_check(), STATUS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(figures_follow_every_operation, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_heap_knows_nothing_of_the_last, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("heap_figures", tests, NULL, NULL);
}
