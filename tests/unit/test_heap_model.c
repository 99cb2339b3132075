/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_heap_model.c - operations of all kinds in random order, against a ledger; and with the n-th
 * allocation of a page failing, for every n.
 *
 * MERIDIAN_HEAP_OPERATIONS in the environment makes the first test longer, MERIDIAN_HEAP_SEED another
 * one: make soak-heap.
 */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "heap_ledger.h"
#include "heap_machine.h"
#include "host_log.h"
#include "lib/bits.h"
#include "mm/heap.h"
#include "mm/heap_debug.h"

#define FRAMES       6144u
#define WINDOW_BYTES (64 * MiB)
#define SLOTS        1500u
#define OPERATIONS   20000u
#define BALLAST      10000u /* small objects, of which one in ten stays for a while */
#define TIDE         50021u
#define PROGRESS     1000000u /* a line each so many operations, if they were asked for */
#define LARGE_BYTES  (20 * 1024u)

struct slot {
    unsigned char *object;
    size_t size_bytes;
    size_t alignment;
    enum heap_tag tag; /* of the object's first life: krealloc() keeps it */
};
static struct slot slots[SLOTS];
static unsigned char *ballast[BALLAST];
static uint64_t random_state;

static int set_up(void **state)
{
    (void)state;
    random_state = 0x2545f4914f6cdd1du;
    memset(slots, 0, sizeof(slots));
    memset(ballast, 0, sizeof(ballast));
    heap_ledger_create(FRAMES, WINDOW_BYTES);
    return 0;
}

static uint32_t random_below(uint32_t bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 24) % bound;
}

/* Mostly small, some of a few pages, few large. */
static size_t random_size(void)
{
    switch (random_below(16)) {
    case 0:
        return random_below(20 * 4096);
    case 1:
        return random_below(2) == 0 ? random_below(400 * 4096) : 0;
    default:
        return random_below(1u << (4 + random_below(9)));
    }
}

/* --- one operation ------------------------------------------------------------------------ */

static unsigned number_of(const struct slot *slot)
{
    return (unsigned)(slot - slots);
}

static void adopt(struct slot *slot, void *object, size_t size_bytes)
{
    slot->object = object;
    slot->size_bytes = size_bytes;
    if (object == NULL)
        return;
    assert_true(is_aligned((uintptr_t)object, slot->alignment));
    assert_true(kmalloc_usable(object) >= size_bytes);
    heap_ledger_enter(object);
    heap_ledger_fill(object, size_bytes, number_of(slot));
}

static void expect_zero(const unsigned char *object, size_t size_bytes)
{
    for (size_t i = 0; object != NULL && i < size_bytes; i++)
        assert_int_equal(object[i], 0);
}

static void allocate(struct slot *slot)
{
    size_t size = random_size();
    void *object;

    slot->alignment = 16;
    slot->tag = HEAP_TAG_NONE;
    switch (random_below(6)) {
    case 0:
        object = kzalloc(size);
        expect_zero(object, size);
        break;
    case 1:
        slot->alignment = (size_t)16 << random_below(17);
        object = kmalloc_aligned(size, slot->alignment);
        break;
    case 2:
        slot->tag = (enum heap_tag)random_below(HEAP_TAG_COUNT);
        object = kmalloc_tagged(size, slot->tag, 0);
        break;
    case 3:
        object = kcalloc(size / 8, 8);
        size = size / 8 * 8;
        expect_zero(object, size);
        break;
    case 4:
        slot->tag = HEAP_TAG_TEST;
        object = kmalloc_tagged(size % 20000, HEAP_TAG_TEST,
                                random_below(2) == 0 ? HEAP_GUARDED : HEAP_DMA);
        size %= 20000;
        break;
    default:
        object = kmalloc(size);
        break;
    }
    adopt(slot, object, size);
}

static void release(struct slot *slot)
{
    heap_ledger_expect(slot->object, slot->size_bytes, number_of(slot));
    heap_ledger_strike(slot->object);
    if (random_below(2) == 0)
        assert_true(kfree(slot->object));
    else
        assert_true(kfree_sized(slot->object, slot->size_bytes));
    slot->object = NULL;
}

static void resize(struct slot *slot)
{
    size_t size = random_below(3) == 0 ? slot->size_bytes + slot->size_bytes / 2 : random_size();
    size_t common = size < slot->size_bytes ? size : slot->size_bytes;
    unsigned char *object;

    heap_ledger_strike(slot->object);
    object = krealloc(slot->object, size);
    if (object == NULL) {
        heap_ledger_enter(slot->object);
        heap_ledger_expect(slot->object, slot->size_bytes, number_of(slot));
        return;
    }
    heap_ledger_expect(object, common, number_of(slot));
    slot->alignment = 16;
    adopt(slot, object, size);
}

/* Refused, and without any effect: the ledger and the contents will tell. */
static void free_wrongly(const struct slot *slot)
{
    if (slot->size_bytes > 16)
        assert_false(kfree(slot->object + 1 + random_below((uint32_t)slot->size_bytes - 1)));
    assert_false(kfree_sized(slot->object, slot->size_bytes + 8192));
}

static void describe(const struct slot *slot)
{
    struct heap_object_info info;

    assert_int_equal(heap_describe(slot->object, &info), STATUS_OK);
    assert_ptr_equal(info.start, slot->object);
    assert_true(info.live && info.tag == slot->tag);
}

static void operate(void)
{
    struct slot *slot = &slots[random_below(SLOTS)];
    unsigned kind = random_below(64);

    if (slot->object == NULL)
        allocate(slot);
    else if (kind < 8)
        resize(slot);
    else if (kind == 8)
        free_wrongly(slot);
    else if (kind == 9)
        describe(slot);
    else
        release(slot);
}

static void release_above(size_t size_bytes)
{
    for (unsigned i = 0; i < SLOTS; i++)
        if (slots[i].object != NULL && slots[i].size_bytes > size_bytes)
            release(&slots[i]);
}

static void release_all(void)
{
    for (unsigned i = 0; i < SLOTS; i++)
        if (slots[i].object != NULL)
            release(&slots[i]);
}

/* --- holes --------------------------------------------------------------------------------- */

static size_t ballast_size(unsigned i)
{
    return 16 + i * 7919u % 240;
}

static void drop_ballast(unsigned one_stays_in)
{
    for (unsigned i = 0; i < BALLAST; i++) {
        if (ballast[i] == NULL || (one_stays_in != 0 && random_below(one_stays_in) == 0))
            continue;
        heap_ledger_expect(ballast[i], ballast_size(i), i);
        heap_ledger_strike(ballast[i]);
        assert_true(kfree_sized(ballast[i], ballast_size(i)));
        ballast[i] = NULL;
    }
}

/* Objects that lie in the holes of smaller ones' slabs now. */
static bool holes_are_used(void)
{
    struct heap_class_info info;
    uint64_t inner = 0;

    for (unsigned index = 0; heap_get_class(index, &info); index++)
        inner += info.inner;
    return inner != 0;
}

/* Small objects of all sizes, most of which die; when nothing else is at hand, larger ones find room
 * between those that stay. True if some have. */
static bool make_holes(void)
{
    drop_ballast(0);
    release_above(LARGE_BYTES);
    for (unsigned i = 0; i < BALLAST; i++) {
        ballast[i] = kmalloc(ballast_size(i));
        if (ballast[i] == NULL)
            continue;
        heap_ledger_enter(ballast[i]);
        heap_ledger_fill(ballast[i], ballast_size(i), i);
    }
    drop_ballast(10);
    (void)heap_machine_pressure(FRAMES);
    for (unsigned i = 0; i < SLOTS; i++)
        if (slots[i].object == NULL)
            allocate(&slots[i]);
    return holes_are_used();
}

/* --- the tests ---------------------------------------------------------------------------- */

static void load(unsigned long count, bool holes)
{
    struct heap_stats stats;
    bool used = false;

    for (unsigned long i = 0; i < count; i++) {
        if (i % PROGRESS == 0 && count > PROGRESS)
            fprintf(stderr, "%lu operations\n", i);
        operate();
        if (holes && i % TIDE == TIDE / 4)
            used |= make_holes();
        if (i % 4096 == 0)
            assert_int_equal(heap_check(), STATUS_OK);
        if (i % 10007 == 0)
            (void)heap_machine_pressure(random_below(1000));
        if (i % 1009 == 0)
            heap_machine_fail(1 + random_below(40), 1 + random_below(4));
    }
    heap_machine_fail(0, 0);
    release_all();
    drop_ballast(0);
    (void)heap_shrink(SIZE_MAX);
    assert_int_equal(heap_check(), STATUS_OK);
    heap_get_stats(&stats);
    assert_int_equal(stats.live_objects, 0);
    assert_int_equal(used, holes);
    for (unsigned tag = 0; tag < HEAP_TAG_COUNT; tag++)
        assert_int_equal(stats.tag_bytes[tag], 0);
}

static void random_operations(void **state)
{
    /* No object overlaps another or loses its contents, whatever the order of operations, also when
     * memory is short and when single pages are refused; in the end every frame has come back. */
    const char *wish = getenv("MERIDIAN_HEAP_OPERATIONS");
    const char *seed = getenv("MERIDIAN_HEAP_SEED");
    uint64_t hash;
    size_t before;

    (void)state;
    assert_true(kfree(kmalloc(1)));
    (void)heap_shrink(SIZE_MAX);
    before = heap_machine_frames_used();
    hash = heap_machine_state_hash();
    if (seed != NULL)
        random_state += strtoull(seed, NULL, 0);
    load(wish != NULL ? strtoul(wish, NULL, 0) : OPERATIONS, true);
    assert_int_equal(heap_machine_frames_used(), before);
    printf("state hash %016llx before, %016llx after\n", (unsigned long long)hash,
           (unsigned long long)heap_machine_state_hash());
    assert_int_equal(heap_machine_state_hash(), hash);
}

static void debugged_operations(void **state)
{
    /* The same holds with every check on, but for the records, which are as many after the second time as
     * after the first. */
    const struct heap_debug all = { .options = HEAP_DEBUG_ALL, .guard_one_in = 20, .seed = 3 };
    const struct heap_debug off = { 0 };
    size_t before = 0;

    (void)state;
    for (unsigned turn = 0; turn < 2; turn++) {
        host_log_clear();
        assert_int_equal(heap_debug_set(&all), STATUS_OK);
        random_state = 0x2545f4914f6cdd1du;
        load(OPERATIONS / 4, false);
        assert_int_equal(heap_debug_set(&off), STATUS_OK);
        assert_false(host_log_contains("was written"));
        (void)heap_shrink(SIZE_MAX);
        if (turn == 0)
            before = heap_machine_frames_used();
    }
    assert_int_equal(heap_machine_frames_used(), before);
}

/* A fixed sequence that maps pages of every sort: slabs, states, blocks, large, guarded, DMA. */
static void run_sequence(void)
{
    random_state = 88172645463325252u;
    for (unsigned i = 0; i < 250; i++)
        allocate(&slots[i]);
    for (unsigned i = 0; i < 250; i++)
        if (slots[i].object != NULL && random_below(2) == 0)
            resize(&slots[i]);
}

static void every_failing_page(void **state)
{
    /* Whichever allocation of a page or table fails, once or from then on, the heap stays
     * intact, keeps contents, and gives every frame back. */
    unsigned long calls;

    (void)state;
    heap_machine_fail(0, 0);
    run_sequence();
    calls = heap_machine_calls();
    assert_true(calls > 100);
    for (unsigned long nth = 1; nth <= calls; nth += nth < 24 ? 1 : 127) {
        for (unsigned forever = 0; forever < 2; forever++) {
            size_t before;

            heap_ledger_create(FRAMES, WINDOW_BYTES);
            memset(slots, 0, sizeof(slots));
            before = heap_machine_frames_used();
            heap_machine_fail(nth, forever != 0 ? ULONG_MAX / 2 : 1);
            run_sequence();
            assert_int_equal(heap_check(), STATUS_OK);
            release_all();
            heap_machine_fail(0, 0);
            (void)heap_shrink(SIZE_MAX);
            assert_int_equal(heap_check(), STATUS_OK);
            /* What may stay is this processor's magazines. */
            assert_true(heap_machine_frames_used() - before <= 8);
        }
    }
}

static void every_failing_page_of_init(void **state)
{
    /* heap_init() either succeeds or fails and gives every frame back. */
    (void)state;
    for (unsigned long nth = 1;; nth++) {
        enum status status;

        heap_machine_create_bare(FRAMES, WINDOW_BYTES);
        heap_machine_fail(nth, 1);
        status = heap_init(heap_machine_window(), heap_machine_window_bytes());
        if (status == STATUS_OK)
            break;
        assert_int_equal(status, STATUS_NO_MEMORY);
        assert_int_equal(heap_machine_frames_used(), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(random_operations, set_up, heap_ledger_tear_down),
        cmocka_unit_test_setup_teardown(debugged_operations, set_up, heap_ledger_tear_down),
        cmocka_unit_test_setup_teardown(every_failing_page, set_up, heap_ledger_tear_down),
        cmocka_unit_test_setup_teardown(every_failing_page_of_init, set_up, heap_ledger_tear_down),
    };

    return cmocka_run_group_tests_name("heap_model", tests, NULL, NULL);
}
