/* SPDX-License-Identifier: BSD-2-Clause
 *
 * selftest_heap.c - kmalloc and its family under random load, against a model.
 *
 * The model is a list of objects: where, how large, and the byte pattern that fills it. A pattern
 * that is damaged when its object goes means that two objects overlap, or that the allocator
 * wrote into one. Large objects are filled at both ends only, which is where neighbours reach.
 * `stress heap 1000000` is the same with so many operations.
 */

#include "diag/selftest_case.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "mm/heap.h"
#include "mm/pmm.h"

#define SLOTS       256
#define OPERATIONS  12000
#define WRONG_FREES 8             /* in a load: each leaves a line in the log */
#define FILL_BYTES  ((size_t)512) /* at each end */

struct object {
    uint8_t *start; /* NULL: the slot is empty */
    size_t size_bytes;
    uint8_t pattern;
};

static struct object objects[SLOTS];
static uint64_t held_bytes;
static uint64_t most_bytes;

/* --- patterns -------------------------------------------------------------------------------- */

/* Byte i of an object, so that a shifted copy is seen too. */
static uint8_t pattern_byte(const struct object *object, size_t i)
{
    return (uint8_t)(object->pattern + i * 7);
}

static bool is_filled(size_t i, size_t size_bytes)
{
    return i < FILL_BYTES || i >= size_bytes - FILL_BYTES;
}

static void fill(struct object *object)
{
    for (size_t i = 0; i < object->size_bytes; i++) {
        if (!is_filled(i, object->size_bytes))
            i = object->size_bytes - FILL_BYTES;
        object->start[i] = pattern_byte(object, i);
    }
}

/* The first `size_bytes` bytes of an object whose patterns reach to its own size. */
static bool check_pattern(struct selftest *test, const struct object *object, size_t size_bytes)
{
    bool intact = true;

    for (size_t i = 0; i < size_bytes && intact; i++) {
        if (!is_filled(i, object->size_bytes)) {
            i = object->size_bytes - FILL_BYTES - 1;
            continue;
        }
        intact = object->start[i] == pattern_byte(object, i);
    }
    return selftest_check(test, intact, "an object of %zu bytes at %p was overwritten",
                          object->size_bytes, (void *)object->start);
}

/* --- operations ------------------------------------------------------------------------------ */

/* Every power of two up to 1 MiB alike, small ones more often. */
static size_t random_size(struct selftest *test)
{
    unsigned bits =
        selftest_below(test, 8) > 0 ? selftest_below(test, 12) : selftest_below(test, 21);

    return selftest_below(test, 1u << bits) + 1;
}

static bool check_object(struct selftest *test, const struct object *object, size_t alignment)
{
    struct heap_object_info info;

    if (!selftest_check(test, is_aligned((uintptr_t)object->start, alignment),
                        "%p is not aligned to %zu", (void *)object->start, alignment) ||
        !selftest_check(test, kmalloc_usable(object->start) >= object->size_bytes,
                        "%p has less than the %zu bytes asked for", (void *)object->start,
                        object->size_bytes) ||
        !selftest_ok(test, heap_describe(object->start + object->size_bytes - 1, &info),
                     "describing an object"))
        return false;
    return selftest_check(test, info.live && info.start == object->start,
                          "the last byte of %p is said to belong to %p", (void *)object->start,
                          info.start);
}

static bool check_zeroed(struct selftest *test, const struct object *object)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < object->size_bytes; i++)
        sum |= object->start[i];
    return selftest_check(test, sum == 0, "%zu bytes asked for zeroed are not", object->size_bytes);
}

static bool take(struct selftest *test, struct object *object)
{
    size_t size_bytes = random_size(test);
    size_t alignment = 16;
    uint32_t way = selftest_below(test, 4);
    struct object taken = { .size_bytes = size_bytes };

    if (way == 0) {
        alignment = (size_t)16 << selftest_below(test, 9);
        taken.start = kmalloc_aligned(size_bytes, alignment);
    } else if (way == 1) {
        taken.start = kzalloc(size_bytes);
    } else {
        taken.start = kmalloc_tagged(size_bytes, HEAP_TAG_TEST, 0);
    }
    if (!selftest_check(test, taken.start != NULL, "%zu bytes could not be had", size_bytes) ||
        !check_object(test, &taken, alignment) || (way == 1 && !check_zeroed(test, &taken)))
        return false;
    taken.pattern = (uint8_t)selftest_random(test);
    *object = taken;
    held_bytes += size_bytes;
    fill(object);
    return true;
}

static bool give_back(struct selftest *test, struct object *object)
{
    bool intact = check_pattern(test, object, object->size_bytes);
    bool accepted = selftest_below(test, 2) == 0 ? kfree(object->start)
                                                 : kfree_sized(object->start, object->size_bytes);

    held_bytes -= object->size_bytes;
    (void)selftest_check(test, accepted, "a right free of %zu bytes at %p was refused",
                         object->size_bytes, (void *)object->start);
    object->start = NULL;
    return intact && accepted;
}

/* What an object held before stays, up to the smaller size. */
static bool resize(struct selftest *test, struct object *object)
{
    size_t size_bytes = random_size(test);
    struct object resized = *object;

    resized.start = krealloc(object->start, size_bytes);
    if (!selftest_check(test, resized.start != NULL, "%zu bytes could not become %zu",
                        object->size_bytes, size_bytes))
        return false;
    held_bytes = held_bytes - object->size_bytes + size_bytes;
    if (!check_pattern(test, &resized, (size_t)min_u64(size_bytes, object->size_bytes)))
        return false;
    resized.size_bytes = size_bytes;
    *object = resized;
    fill(object);
    return check_object(test, object, 16);
}

/* Into the object, or with another size: refused without any effect, as the pattern will tell. */
static void free_one_wrongly(struct selftest *test)
{
    const struct object *object = &objects[selftest_below(test, SLOTS)];
    bool accepted;

    if (object->start == NULL)
        return;
    accepted = selftest_below(test, 2) == 0
                   ? kfree(object->start + 1 + selftest_below(test, 15))
                   : kfree_sized(object->start, 2 * object->size_bytes + PAGE_SIZE);

    (void)selftest_check(test, !accepted, "a wrong free of %zu bytes at %p was accepted",
                         object->size_bytes, (void *)object->start);
}

static bool step(struct selftest *test)
{
    struct object *object = &objects[selftest_below(test, SLOTS)];

    if (object->start == NULL)
        return held_bytes > most_bytes || take(test, object);
    return selftest_below(test, 6) == 0 && held_bytes <= most_bytes ? resize(test, object)
                                                                    : give_back(test, object);
}

/* Sizes at the edges of what makes sense. */
static void check_edges(struct selftest *test)
{
    void *empty = kmalloc(0);
    void *other = kmalloc(0);
    char *copy = kstrdup("meridian");

    (void)selftest_check(test, empty != NULL && other != NULL && empty != other,
                         "two objects of no bytes are not two");
    (void)selftest_check(test, kfree(empty) && kfree(other) && kfree(NULL),
                         "an object of no bytes, or NULL, cannot be freed");
    (void)selftest_check(test, kcalloc(SIZE_MAX / 2, 3) == NULL, "count x size wrapped");
    (void)selftest_check(test, kmalloc(SIZE_MAX) == NULL, "SIZE_MAX bytes were had");
    (void)selftest_check(test, copy != NULL && strcmp(copy, "meridian") == 0 && kfree(copy),
                         "kstrdup() did not copy");
}

void selftest_heap(struct selftest *test)
{
    struct heap_stats stats;

    heap_get_stats(&stats);
    unsigned operations = test->amount != 0 ? test->amount : OPERATIONS;

    held_bytes = 0;
    most_bytes = min_u64(selftest_free_frames() << PAGE_SHIFT >> 3, 16 * MiB);
    most_bytes = min_u64(most_bytes, stats.window_bytes >> 3);
    selftest_expect_begin();
    for (unsigned i = 0; i < operations && step(test); i++) {
        if (i % (operations / WRONG_FREES + 1) == 0)
            free_one_wrongly(test);
    }
    selftest_expect_end();
    for (size_t i = 0; i < SLOTS; i++) {
        if (objects[i].start != NULL)
            (void)give_back(test, &objects[i]);
    }
    selftest_expect_begin();
    check_edges(test);
    selftest_expect_end();
    (void)selftest_ok(test, heap_check(), "the heap's own counts after the load");
}
