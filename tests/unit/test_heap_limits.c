/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_heap_limits.c - every limit of the heap's debugging is where it is said to be, and what needs frames of a
 * sort gets no others.
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
#include "mm/heap_block.h"
#include "mm/heap_debug.h"
#include "mm/heap_window.h"

#define FRAMES       3072u
#define WINDOW_BYTES (96 * MiB)
#define OBJECTS      5600u

static const struct heap_debug off = { 0 };
static void *objects[OBJECTS];

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
    assert_int_equal(heap_debug_set(&off), STATUS_OK);
    assert_int_equal(heap_check(), STATUS_OK);
    heap_machine_destroy();
    return 0;
}

static void debug(unsigned options, uint32_t guard_one_in)
{
    const struct heap_debug wish = { .options = options, .guard_one_in = guard_one_in, .seed = 1 };

    assert_int_equal(heap_debug_set(&wish), STATUS_OK);
}

static uint64_t held(void)
{
    struct heap_debug_stats stats;

    heap_debug_get_stats(&stats);
    return stats.held;
}

/* Frees `count` objects of a size one by one; the most that wait is `most`, and that is reached. */
static void expect_to_wait(unsigned count, size_t size, uint64_t most)
{
    for (unsigned i = 0; i < count; i++)
        assert_non_null(objects[i] = kmalloc(size));
    for (unsigned i = 0; i < count; i++) {
        assert_true(kfree(objects[i]));
        assert_int_equal(held(), i + 1 < most ? i + 1 : most);
    }
}

static void quarantine_holds_so_many(void **state)
{
    /* 1024 objects wait, or 1 MiB of them, none of more than 256 KiB; with random order alone 64; without either
     * none. */
    (void)state;
    debug(HEAP_DEBUG_QUARANTINE, 0);
    expect_to_wait(1500, 64, 1024);
    debug(HEAP_DEBUG_QUARANTINE, 0);
    expect_to_wait(400, 4096, 256);
    debug(HEAP_DEBUG_QUARANTINE, 0);
    expect_to_wait(6, 256 * KiB, 4);
    debug(HEAP_DEBUG_QUARANTINE, 0);
    expect_to_wait(3, 260 * KiB, 0);
    debug(HEAP_DEBUG_RANDOM, 0);
    expect_to_wait(100, 64, 64);
    debug(HEAP_DEBUG_SITES, 0);
    expect_to_wait(10, 64, 0);
    debug(0, 1);
    expect_to_wait(300, 64, 256);
}

static void held_memory_is_not_lost(void **state)
{
    /* What waits is neither live nor free: its bytes are counted as cached, and come back when it goes. */
    struct heap_stats before, after;
    struct heap_class_info info;

    (void)state;
    debug(HEAP_DEBUG_QUARANTINE, 0);
    heap_get_stats(&before);
    expect_to_wait(10, 100 * KiB, 10);
    heap_get_stats(&after);
    assert_int_equal(after.live_objects, before.live_objects);
    assert_int_equal(after.live_bytes, before.live_bytes);
    assert_int_equal(after.large_objects, 0);
    assert_true(after.cached_bytes >= before.cached_bytes + 10 * 100 * KiB);
    expect_to_wait(0, 0, 0);
    (void)heap_shrink(SIZE_MAX);
    assert_int_equal(held(), 0);
    for (unsigned i = 0; i < 20; i++)
        assert_non_null(objects[i] = kmalloc(64));
    for (unsigned i = 0; i < 20; i++)
        assert_true(kfree(objects[i]));
    assert_int_equal(held(), 20);
    for (unsigned index = 0; heap_get_class(index, &info); index++)
        if (info.object_bytes == 64) {
            assert_int_equal(info.live, 0);
            assert_true(info.cached >= 20);
        }
}

static void history_remembers_so_many(void **state)
{
    /* An allocation forgets the oldest object that is gone while 4096 or more are remembered. */
    static void *others[OBJECTS / 2];
    struct heap_history history;
    unsigned freed = 0, count = 0;

    (void)state;
    debug(HEAP_DEBUG_SITES, 0);
    for (unsigned i = 0; i < OBJECTS; i++)
        assert_non_null(objects[i] = kmalloc(64));
    for (unsigned i = 0; i < OBJECTS; i++) {
        if (i % 8 == 0) /* which keeps the slab, and the records of those in it */
            continue;
        assert_true(kfree(objects[i]));
        freed++;
    }
    assert_true(freed > 4096 + 300);
    for (unsigned i = 0; i < OBJECTS / 2; i++)
        assert_non_null(others[i] = kmalloc(128));
    for (unsigned i = 0; i < OBJECTS; i++)
        assert_int_equal(heap_debug_find(objects[i], &history),
                         i % 8 == 0 || count++ > freed - 4096 ? STATUS_OK : STATUS_NOT_FOUND);
    for (unsigned i = 0; i < OBJECTS; i += 8)
        assert_true(kfree(objects[i]));
    for (unsigned i = 0; i < OBJECTS / 2; i++)
        assert_true(kfree(others[i]));
}

static void every_byte_around_is_watched(void **state)
{
    /* One byte that was changed is found and told by its distance: from 16 before an object to 16 behind it. */
    static const size_t sizes[] = { 1, 16, 40, 64, 100, 1000, 5000 };
    char words[64];

    (void)state;
    debug(HEAP_DEBUG_CANARY, 0);
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        for (unsigned distance = 1; distance <= 32; distance++) {
            unsigned char *object = kmalloc(sizes[i]);
            bool before = distance > 16;
            unsigned away = before ? distance - 16 : distance;

            object[before ? -(ptrdiff_t)away : (ptrdiff_t)(sizes[i] + away - 1)] ^= 0x40;
            snprintf(words, sizeof(words), "byte %u %s the object of %zu bytes", away,
                     before ? "before" : "behind", sizes[i]);
            host_log_clear();
            assert_int_equal(heap_check(), STATUS_CORRUPT);
            if (!host_log_contains(words))
                fail_msg("'%s' is not in: %s", words, host_log_text());
            assert_true(kfree(object));
        }
    }
    assert_int_equal(heap_check(), STATUS_OK);
}

/* --- frames of a sort ----------------------------------------------------------------------------- */

/* Every second frame of the machine is free. */
static void scatter_frames(void)
{
    static void *pages[FRAMES];
    unsigned count = 0;

    while (count < FRAMES && (pages[count] = kmalloc_tagged(PAGE_SIZE, 0, HEAP_GUARDED)) != NULL)
        count++;
    assert_true(count > FRAMES / 2);
    for (unsigned i = 0; i < count; i += 2)
        assert_true(kfree(pages[i]));
}

static void contiguous_memory_is_contiguous(void **state)
{
    /* Where hardly two free frames follow each other, memory for DMA is refused rather than had in pieces; other
     * memory is had. */
    unsigned char *object;

    (void)state;
    scatter_frames();
    while ((object = kmalloc_tagged(2 * PAGE_SIZE, HEAP_TAG_DRIVER, HEAP_DMA)) != NULL)
        assert_true(heap_machine_contiguous(object, 2 * PAGE_SIZE));
    assert_null(kmalloc_tagged(5 * PAGE_SIZE, HEAP_TAG_DRIVER, HEAP_DMA | HEAP_GUARDED));
    object = kmalloc_tagged(5 * PAGE_SIZE, HEAP_TAG_DRIVER, HEAP_GUARDED);
    assert_non_null(object);
    assert_false(heap_machine_contiguous(object, 5 * PAGE_SIZE));
    memset(object, 1, 5 * PAGE_SIZE);
    assert_true(kfree(object));
}

static void guarded_objects_take_turns(void **state)
{
    /* With guard=N each N-th object that may be is guarded, by turns against the page behind and the one before. */
    struct heap_debug_stats stats;

    (void)state;
    for (uint32_t one_in = 1; one_in <= 4; one_in++) {
        uint64_t before;

        debug(HEAP_DEBUG_SITES, one_in);
        heap_debug_get_stats(&stats);
        before = stats.guarded;
        for (unsigned i = 0; i < 40; i++)
            assert_non_null(objects[i] = kmalloc(32));
        heap_debug_get_stats(&stats);
        assert_int_equal(stats.guarded, before + 40 / one_in);
        for (unsigned i = 0; i < 40 && one_in == 1; i++)
            assert_int_equal((uintptr_t)objects[i] % PAGE_SIZE,
                             (before + i) % 2 == 0 ? PAGE_SIZE - 32 : 0);
        for (unsigned i = 0; i < 40; i++)
            assert_true(kfree(objects[i]));
    }
}

static void large_objects_are_guarded_on_demand_alone(void **state)
{
    /* Of its own accord debugging guards what has up to 16 pages, and nothing that must be contiguous. */
    struct heap_debug_stats stats;
    void *object;

    (void)state;
    debug(HEAP_DEBUG_SITES, 1);
    assert_true(kfree(kmalloc(16 * PAGE_SIZE)));
    heap_debug_get_stats(&stats);
    assert_int_equal(stats.guarded, 1);
    assert_true(kfree(kmalloc(16 * PAGE_SIZE + 1)));
    assert_true(kfree(kmalloc_tagged(64, HEAP_TAG_TEST, HEAP_DMA)));
    assert_true(kfree(kmalloc_aligned(64, 2 * PAGE_SIZE)));
    heap_debug_get_stats(&stats);
    assert_int_equal(stats.guarded, 1);
    object = kmalloc_tagged(17 * PAGE_SIZE, HEAP_TAG_TEST, HEAP_GUARDED);
    assert_false(heap_machine_mapped((unsigned char *)object + 17 * PAGE_SIZE));
    assert_true(kfree(object));
}

static void seeds_choose_what_is_random(void **state)
{
    /* Equal seeds give equal numbers, other seeds others; every seed, 0 too, gives many, all below their bound. */
    enum { SEEDS = 8, NUMBERS = 64 };
    uint32_t numbers[SEEDS][NUMBERS];

    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        uint64_t seen = 0;

        heap_block_seed(seed);
        for (unsigned i = 0; i < NUMBERS; i++) {
            numbers[seed][i] = heap_block_random(64);
            assert_true(numbers[seed][i] < 64);
            seen |= (uint64_t)1 << numbers[seed][i];
        }
        assert_true(count_bits(seen) > 20);
        heap_block_seed(seed);
        for (unsigned i = 0; i < NUMBERS; i++)
            assert_int_equal(heap_block_random(64), numbers[seed][i]);
        for (uint64_t other = 2; other < seed; other++)
            assert_memory_not_equal(numbers[seed], numbers[other], sizeof(numbers[0]));
    }
}

/* The newest event of a kind; false when the ring has none. */
static bool newest(enum heap_event_kind kind, struct heap_event *event)
{
    static struct heap_event events[HEAP_EVENTS_KEPT];
    unsigned count = heap_events(events, HEAP_EVENTS_KEPT);

    while (count-- > 0) {
        *event = events[count];
        if (event->kind == kind)
            return true;
    }
    return false;
}

static void growth_and_shrinking_are_told(void **state)
{
    /* Pages that are backed and given back are events with their address and size. */
    unsigned char *object = kmalloc_tagged(3 * PAGE_SIZE, HEAP_TAG_TEST, HEAP_GUARDED);
    struct heap_event event;

    (void)state;
    assert_true(newest(HEAP_EVENT_MAP, &event));
    assert_int_equal(event.address, (uintptr_t)object);
    assert_int_equal(event.size_bytes, 3 * PAGE_SIZE);
    assert_false(newest(HEAP_EVENT_UNMAP, &event));
    assert_true(kfree(object));
    assert_true(newest(HEAP_EVENT_UNMAP, &event));
    assert_int_equal(event.address, (uintptr_t)object);
    assert_int_equal(event.size_bytes, 3 * PAGE_SIZE);
}

static void a_peak_is_forgotten(void **state)
{
    /* Frames of a peak stay at hand for a while and go back by and by, without anybody asking for them. */
    struct heap_stats stats;
    size_t peak;

    (void)state;
    for (unsigned i = 0; i < 250; i++)
        assert_non_null(objects[i] = kmalloc(10 * PAGE_SIZE));
    for (unsigned i = 0; i < 250; i++)
        assert_true(kfree(objects[i]));
    peak = heap_machine_frames_used();
    heap_get_stats(&stats);
    assert_true(stats.cached_bytes >= 2500 * PAGE_SIZE);
    for (unsigned i = 0; i < 150000; i++)
        assert_true(kfree(kmalloc(3 * PAGE_SIZE)));
    assert_true(heap_machine_frames_used() < peak / 2);
    heap_get_stats(&stats);
    assert_true(stats.cached_bytes >= 256 * PAGE_SIZE);
}

static void dma_between_guards(void **state)
{
    /* An object may be both contiguous and guarded: its pages follow each other, those around are not mapped. */
    unsigned char *object = kmalloc_tagged(3 * PAGE_SIZE, HEAP_TAG_DRIVER, HEAP_DMA | HEAP_GUARDED);
    size_t used = heap_machine_frames_used();

    (void)state;
    assert_non_null(object);
    assert_true(heap_machine_contiguous(object, 3 * PAGE_SIZE));
    assert_false(heap_machine_mapped(object - 1));
    assert_false(heap_machine_mapped(object + 3 * PAGE_SIZE));
    memset(object, 1, 3 * PAGE_SIZE);
    assert_int_equal(kmalloc_usable(object), 3 * PAGE_SIZE);
    assert_true(kfree(object));
    assert_int_equal(heap_machine_frames_used(), used - 3);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(quarantine_holds_so_many),
        TEST(held_memory_is_not_lost),
        TEST(history_remembers_so_many),
        TEST(contiguous_memory_is_contiguous),
        TEST(dma_between_guards),
        TEST(a_peak_is_forgotten),
        TEST(growth_and_shrinking_are_told),
        TEST(seeds_choose_what_is_random),
        TEST(every_byte_around_is_watched),
        TEST(guarded_objects_take_turns),
        TEST(large_objects_are_guarded_on_demand_alone),
    };

    return cmocka_run_group_tests_name("heap_limits", tests, NULL, NULL);
}
