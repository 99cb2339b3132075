/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_heap_debug.c - debugging finds what it says it finds, names both places, and nothing else
 * changes.
 */
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <cmocka.h>

#include "heap_machine.h"
#include "host_log.h"
#include "lib/bits.h"
#include "mm/heap_debug.h"
#include "mm/heap_debug_private.h"
#include "mm/heap_runs.h"

#define FRAMES       8192u
#define WINDOW_BYTES (64 * MiB)
#define LARGE_BYTES  (MiB)
#define FEW_BYTES    (16 * MiB) /* a window with records for 25,000 objects at most */

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
    heap_machine_destroy();
    return 0;
}

static void debug(const char *words)
{
    struct heap_debug wish = { .seed = 7 };

    heap_debug_parse(words, strlen(words), &wish);
    assert_int_equal(heap_debug_set(&wish), STATUS_OK);
}

/* --- two places, with names -------------------------------------------------------------------- */

/* The bounds of two sections with a function each. */
extern const char __start_allocating[], __stop_allocating[];
extern const char __start_freeing[], __stop_freeing[];

[[gnu::noinline, gnu::section("allocating")]] static unsigned char *allocate_here(size_t size)
{
    unsigned char *volatile object = kmalloc(size);

    return object;
}

[[gnu::noinline, gnu::section("freeing")]] static bool free_here(void *object)
{
    volatile bool accepted = kfree(object);

    return accepted;
}

static size_t name_place(const void *place, char *text, size_t size)
{
    const char *at = place;

    if (at >= __start_allocating && at < __stop_allocating)
        return print_buffer(text, size, "allocate_here");
    if (at >= __start_freeing && at < __stop_freeing)
        return print_buffer(text, size, "free_here");
    return print_buffer(text, size, "elsewhere");
}

/* The error that says `what` names both places. */
static void expect_report(const char *what)
{
    if (!host_log_contains(what) || !host_log_contains("allocated at allocate_here") ||
        !host_log_contains("free_here"))
        fail_msg("expected '%s' and two places in: %s", what, host_log_text());
    assert_int_equal(host_log_count(LOG_ERROR), 1);
    host_log_clear();
}

static int set_up_named(void **state)
{
    heap_name_places(name_place);
    return set_up(state);
}

/* --- faults ------------------------------------------------------------------------------------ */

static sigjmp_buf after_fault;
static uintptr_t fault_address;
static uintptr_t fault_registers[16];

static void on_fault(int number, siginfo_t *info, void *context)
{
    const ucontext_t *machine = context;

    (void)number;
    fault_address = (uintptr_t)info->si_addr;
    for (unsigned i = 0; i < ARRAY_COUNT(fault_registers); i++)
        fault_registers[i] = (uintptr_t)machine->uc_mcontext.gregs[i];
    siglongjmp(after_fault, 1);
}

[[gnu::no_sanitize_address]] static bool touch_faults(void *pointer, bool write)
{
    const struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
    struct sigaction before, before_bus;
    bool faulted = true;
    volatile unsigned char *at = pointer;

    sigaction(SIGSEGV, &action, &before);
    sigaction(SIGBUS, &action, &before_bus);
    if (sigsetjmp(after_fault, 1) == 0) {
        if (write)
            *at = 1;
        else
            (void)*at;
        faulted = false;
    }
    sigaction(SIGSEGV, &before, NULL);
    sigaction(SIGBUS, &before_bus, NULL);
    return faulted;
}

static void expect_explained(const char *what, bool freed)
{
    struct host_text text;

    host_text_init(&text);
    assert_true(heap_explain_address(va(fault_address), &text.sink));
    if (strstr(text.text, what) == NULL ||
        strstr(text.text, "allocated at allocate_here") == NULL ||
        (freed && strstr(text.text, "freed at free_here") == NULL))
        fail_msg("expected '%s' and the places in: %s", what, text.text);
    host_text_free(&text);
}

/* --- the tests --------------------------------------------------------------------------------- */

static const size_t sizes[] = { 1, 15, 16, 24, 64, 100, 256, 1000, 4096, 5000, 40000 };

static void bytes_behind_and_before(void **state)
{
    /* An overflow and an underflow by one byte are found at the free, with both places, at every
     * size; the free itself is good. */
    (void)state;
    debug("canary");
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        unsigned char *object = allocate_here(sizes[i]);

        object[sizes[i]] ^= 1;
        assert_true(free_here(object));
        expect_report("overflow: byte 1 behind");
        object = allocate_here(sizes[i]);
        object[-1] ^= 1;
        assert_true(free_here(object));
        expect_report("underflow: byte 1 before");
    }
    assert_int_equal(heap_check(), STATUS_OK);
}

static void check_finds_damage(void **state)
{
    /* heap_check() finds a damaged canary of a live object and a freed object that was written, and
     * reports each once. */
    unsigned char *object, *freed;

    (void)state;
    debug("canary,poison,quarantine");
    object = allocate_here(100);
    freed = allocate_here(100);
    assert_true(free_here(freed));
    assert_int_equal(heap_check(), STATUS_OK);
    object[107] = 0;
    object[108] = 1;
    freed[50] = 3;
    assert_int_equal(heap_check(), STATUS_CORRUPT);
    assert_true(host_log_contains("behind the object of 100 bytes"));
    assert_true(host_log_contains("write after free: byte 51"));
    assert_int_equal(heap_check(), STATUS_OK);
    assert_true(free_here(object));
}

static void write_after_free(void **state)
{
    /* A write into a freed object is found when its memory is allocated again, or leaves
     * quarantine; with zeros instead of poison, too. */
    static const char *const words[] = { "verify", "verify,zero", "verify,canary",
                                         "verify,quarantine", "verify,random" };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
        unsigned char *object;

        debug(words[i]);
        object = allocate_here(64);
        assert_true(free_here(object));
        object[17] ^= 4;
        for (unsigned turn = 0; turn < 3000; turn++)
            assert_true(kfree(kmalloc(64)));
        expect_report("write after free: byte 18 of");
        debug("off");
    }
}

static void guarded_accesses(void **state)
{
    /* With guard=1 a read or write beside an object, or of a freed one, faults at once, and the
     * address is explained with the object and its places. */
    (void)state;
    debug("guard=1");
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        size_t size = sizes[i];
        bool seen_before = false, seen_behind = false;

        for (unsigned turn = 0; turn < 2; turn++) {
            unsigned char *object = allocate_here(size);
            size_t slack =
                (size_t)align_up((uintptr_t)object + size, PAGE_SIZE) - (uintptr_t)object - size;

            memset(object, 1, size);
            if (touch_faults(object - 1, true)) {
                expect_explained("1 byte before the object", false);
                seen_before = true;
            }
            if (slack < 16 && touch_faults(object + size + slack, false)) {
                expect_explained("behind the object", false);
                seen_behind = true;
            }
            assert_true(free_here(object));
            assert_true(touch_faults(object, false));
            expect_explained("byte 1 of the freed object", true);
            assert_true(touch_faults(object + size - 1, true));
            expect_explained("the freed object", true);
        }
        assert_true(seen_before && seen_behind);
    }
    assert_int_equal(heap_check(), STATUS_OK);
}

static void guard_by_chance(void **state)
{
    /* guard=N puts every N-th object between unmapped pages, and keeps the addresses of those that
     * were freed. */
    struct heap_debug_stats stats;
    void *objects[400];

    (void)state;
    debug("guard=40");
    for (size_t i = 0; i < ARRAY_COUNT(objects); i++)
        objects[i] = kmalloc(100);
    heap_debug_get_stats(&stats);
    assert_int_equal(stats.guarded, 10);
    assert_int_equal(stats.live, 400);
    for (size_t i = 0; i < ARRAY_COUNT(objects); i++)
        assert_true(kfree(objects[i]));
    heap_debug_get_stats(&stats);
    assert_int_equal(stats.held, 10);
    assert_int_equal(stats.live, 0);
}

static void uninitialised_pointer(void **state)
{
    /* Following a pointer that was never written, or is read after the free, faults; the register
     * that holds it leads to the object and its places. */
    void **object;
    void *pointer;

    (void)state;
    debug("poison,quarantine");
    object = (void **)(void *)allocate_here(64);
    for (unsigned freed = 0; freed < 2; freed++) {
        struct host_text text;
        bool explained = false;

        if (freed != 0)
            assert_true(free_here(object));
        memcpy(&pointer, &object[2], sizeof(pointer));
        assert_true(touch_faults(pointer, freed != 0));
        host_text_init(&text);
        for (unsigned i = 0; i < ARRAY_COUNT(fault_registers) && !explained; i++)
            explained = heap_explain_value(fault_registers[i], &text.sink);
        assert_true(explained);
        assert_non_null(strstr(text.text, freed != 0 ? "freed memory" : "uninitialised memory"));
        assert_non_null(strstr(text.text, "allocated at allocate_here"));
        assert_true(freed == 0 || strstr(text.text, "freed at free_here") != NULL);
        host_text_free(&text);
    }
}

static void uninitialised_contents(void **state)
{
    /* heap_debug_initialised() finds the word that was never written, and names who allocated it
     * and who uses it; memory that was written, or zeroed, is accepted. */
    unsigned char *object;

    (void)state;
    debug("poison");
    object = allocate_here(64);
    memset(object, 0, 64);
    assert_true(heap_debug_initialised(object, 64));
    assert_true(free_here(object));
    object = allocate_here(64);
    memset(object, 0, 40);
    assert_true(heap_debug_initialised(object, 40));
    assert_false(heap_debug_initialised(object, 64));
    assert_true(host_log_contains("byte 41 of 64"));
    assert_true(host_log_contains("allocated at allocate_here (64 bytes), used at elsewhere"));
    assert_true(free_here(object));
    object = kzalloc(200);
    assert_true(heap_debug_initialised(object, 200));
    assert_true(kfree(object));
}

static void wrong_frees(void **state)
{
    /* Every wrong free is refused whatever is on, and reported with the places where they are
     * known. */
    static const char *const words[] = { "sites", "canary", "guard=1", "canary,quarantine,poison" };
    static unsigned char foreign[64];

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
        unsigned char *object;

        debug(words[i]);
        object = allocate_here(64);
        assert_false(free_here(object + 16));
        expect_report("inside an object");
        assert_false(kfree_sized(object, 2000));
        assert_true(host_log_contains("of another size"));
        host_log_clear();
        assert_true(kfree_sized(object, 64));
        object = allocate_here(300);
        assert_true(free_here(object));
        assert_false(free_here(object));
        expect_report("already free");
        assert_false(kfree(foreign));
        assert_true(host_log_contains("not an address of the heap"));
        host_log_clear();
        assert_null(krealloc(object, 500));
        assert_true(host_log_contains("already free"));
        host_log_clear();
        debug("off");
    }
}

static void late_double_free(void **state)
{
    /* A second free after many other operations still names the first. */
    unsigned char *object;

    (void)state;
    debug("quarantine");
    object = allocate_here(64);
    assert_true(free_here(object));
    for (unsigned i = 0; i < 200; i++)
        assert_true(kfree(kmalloc(16 + i)));
    assert_false(free_here(object));
    expect_report("freed at free_here");
}

static void quarantine_and_random(void **state)
{
    /* A freed object does not come back while it is in quarantine; without it, but with random
     * reuse, it seldom comes back at once. */
    unsigned same = 0;
    void *first;

    (void)state;
    debug("quarantine");
    first = kmalloc(64);
    assert_true(kfree(first));
    for (unsigned i = 0; i < 500; i++) {
        void *object = kmalloc(64);

        assert_ptr_not_equal(object, first);
        assert_true(kfree(object));
    }
    debug("random");
    for (unsigned i = 0; i < 64; i++) {
        void *object = kmalloc(64);

        assert_true(kfree(object));
        first = kmalloc(64);
        same += first == object;
        assert_true(kfree(first));
    }
    assert_true(same < 8);
}

static void large_objects_wait_too(void **state)
{
    /* A large object that was freed waits as a small one does: nobody else gets its pages, a second free and
     * a write are found; all that wait have 1 MiB at most, and count as free. */
    struct heap_stats stats;
    unsigned char *first;
    size_t frames;

    (void)state;
    debug("verify,quarantine");
    first = kmalloc_tagged(50000, HEAP_TAG_USER, 0);
    heap_get_stats(&stats);
    assert_int_equal(stats.tag_bytes[HEAP_TAG_USER], kmalloc_usable(first));
    assert_true(kfree(first));
    heap_get_stats(&stats);
    assert_int_equal(stats.live_objects, 0);
    assert_int_equal(stats.live_bytes, 0);
    assert_int_equal(stats.large_objects, 0);
    assert_int_equal(stats.tag_bytes[HEAP_TAG_USER], 0);
    assert_false(kfree(first));
    assert_true(host_log_contains("already free; object of"));
    assert_int_equal(heap_check(), STATUS_OK);
    first[40000] ^= 1;
    assert_int_equal(heap_check(), STATUS_CORRUPT);
    first[40000] ^= 1;
    for (unsigned i = 0; i < 8; i++) {
        unsigned char *next = kmalloc(50000);

        assert_ptr_not_equal(next, first);
        assert_true(kfree(next));
    }
    first[1] ^= 1;
    frames = heap_machine_frames_used();
    for (unsigned i = 0; i < 40; i++)
        assert_true(kfree(kmalloc(50000)));
    assert_true(host_log_contains("when it left quarantine"));
    assert_true(heap_machine_frames_used() < frames + 300);
    debug("off");
    heap_get_stats(&stats);
    assert_int_equal(stats.live_objects, 0);
    assert_int_equal(heap_check(), STATUS_OK);
}

static void zero_on_free(void **state)
{
    /* With zero, nothing of a freed object's contents is left. */
    unsigned char *object;

    (void)state;
    debug("zero,quarantine");
    object = kmalloc(256);
    memset(object, 0x53, 256);
    assert_true(kfree(object));
    for (unsigned i = 0; i < 256; i++)
        assert_int_equal(object[i], 0);
}

static void alignment_stays(void **state)
{
    /* Alignment and contents are as without debugging, at every size and alignment. */
    static const char *const words[] = { "canary", "guard=1",
                                         "canary,guard=3,random,poison,verify" };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
        debug(words[i]);
        for (size_t size = 1; size <= 8192; size += size / 3 + 1) {
            for (size_t alignment = 16; alignment <= 16384; alignment *= 2) {
                unsigned char *object = kmalloc_aligned(size, alignment);

                assert_true(object != NULL && is_aligned((uintptr_t)object, alignment));
                memset(object, 0x11, size);
                object = krealloc(object, size + 100);
                assert_true(object != NULL && object[size - 1] == 0x11);
                assert_true(kmalloc_usable(object) >= size + 100);
                assert_true(kfree(object));
            }
            if (is_power_of_two(size) && size <= PAGE_SIZE) {
                void *object = kmalloc(size);

                assert_true(is_aligned((uintptr_t)object, size));
                assert_true(kfree_sized(object, size));
            }
        }
        debug("off");
    }
    assert_int_equal(host_log_count(LOG_ERROR), 0);
}

static void on_and_off(void **state)
{
    /* Objects outlive a change of the options in both directions; when the last one that has a record
     * is gone, the heap works as if debugging had never been on. */
    struct heap_debug now;
    struct heap_stats stats;
    unsigned char *before, *during;
    char text[80];

    (void)state;
    before = kmalloc(64);
    debug("canary,poison,guard=5");
    heap_debug_get(&now);
    heap_debug_text(&now, text, sizeof(text));
    assert_string_equal(text, "sites,poison,canary,guard=5");
    during = kmalloc(64);
    assert_true(kfree(before));
    debug("off");
    assert_int_equal(kmalloc_usable(during), 64);
    before = kmalloc(64);
    assert_true(kfree(during));
    assert_true(kfree(before));
    assert_false(kfree(before));
    heap_get_stats(&stats);
    assert_int_equal(stats.live_objects, 0);
    assert_int_equal(stats.allocations, 3);
    assert_int_equal(heap_check(), STATUS_OK);
}

static void unknown_words(void **state)
{
    /* A word that is not known gets a warning that lists those that are; the others count. */
    static const char text[] = "poison,bogus,guard=0,guard=x,guard=12,,canary";
    struct heap_debug wish = { 0 };

    (void)state;
    heap_debug_parse(text, strlen(text), &wish);
    assert_int_equal(wish.options, HEAP_DEBUG_POISON | HEAP_DEBUG_CANARY);
    assert_int_equal(wish.guard_one_in, 12);
    assert_int_equal(host_log_count(LOG_WARNING), 4);
    assert_true(host_log_contains("heap=bogus: no such option"));
    assert_true(host_log_contains("quarantine"));
}

static void short_of_memory(void **state)
{
    /* Without memory for records or blocks a request fails or goes on untracked; nothing is lost. */
    (void)state;
    debug("canary,poison,verify,quarantine,guard=7");
    for (unsigned long nth = 1; nth < 60; nth++) {
        void *objects[300];

        heap_machine_fail(nth, ULONG_MAX / 2);
        for (size_t i = 0; i < ARRAY_COUNT(objects); i++)
            objects[i] = kmalloc(i * 37);
        heap_machine_fail(0, 0);
        for (size_t i = 0; i < ARRAY_COUNT(objects); i++)
            assert_true(kfree(objects[i]));
        assert_int_equal(heap_check(), STATUS_OK);
        (void)heap_shrink(SIZE_MAX);
    }
    assert_int_equal(host_log_count(LOG_ERROR), 0);
}

static void no_room_for_records(void **state)
{
    /* In a window without an area for records debugging stays off; in a small one, objects beyond its
     * records are not tracked, and are objects all the same. */
    static void *objects[30000];
    const struct heap_debug wish = { .options = HEAP_DEBUG_SITES };
    struct heap_debug now;
    struct heap_history history = { .size_bytes = 42 };

    (void)state;
    heap_debug_init(0, 0);
    assert_int_equal(heap_debug_set(&wish), STATUS_NO_SPACE);
    heap_debug_get(&now);
    assert_int_equal(now.options, 0);
    assert_true(kfree(kmalloc(100)));
    assert_int_equal(heap_check(), STATUS_OK);
    heap_machine_destroy();
    heap_machine_create(FRAMES, FEW_BYTES);
    assert_int_equal(heap_debug_find(&now, &history), STATUS_NOT_FOUND);
    assert_int_equal(heap_debug_set(&wish), STATUS_OK);
    for (size_t i = 0; i < ARRAY_COUNT(objects); i++) {
        objects[i] = kmalloc(16);
        assert_non_null(objects[i]);
    }
    assert_int_equal(heap_debug_find(objects[ARRAY_COUNT(objects) - 1], &history),
                     STATUS_NOT_FOUND);
    assert_int_equal(heap_debug_find(&now, &history), STATUS_NOT_FOUND);
    assert_int_equal(history.size_bytes, 42);
    assert_int_equal(heap_debug_find(objects[0], &history), STATUS_OK);
    assert_int_equal(history.size_bytes, 16);
    for (size_t i = 0; i < ARRAY_COUNT(objects); i++)
        assert_true(kfree(objects[i]));
    assert_int_equal(heap_check(), STATUS_OK);
}

static void failing_takes_no_records(void **state)
{
    /* A request that finds no room leaves its record to the next: more of them fail than there are records. */
    enum { FAILURES = 26000 };
    struct heap_history history;
    void *object;

    (void)state;
    heap_machine_destroy();
    heap_machine_create(FRAMES, FEW_BYTES);
    debug("canary");
    for (unsigned i = 0; i < FAILURES; i++)
        assert_null(kmalloc(FEW_BYTES));
    object = kmalloc(100);
    assert_int_equal(heap_debug_find(object, &history), STATUS_OK);
    assert_true(kfree(object));
    assert_int_equal(heap_check(), STATUS_OK);
}

static void objects_tell_their_class(void **state)
{
    /* In debugging, too, an object says which class it is of, or that it is of none. */
    struct heap_object_info small, large;
    void *objects[] = { kmalloc(100), NULL, NULL };

    (void)state;
    assert_int_equal(heap_describe(objects[0], &small), STATUS_OK);
    debug("canary");
    objects[1] = kmalloc(100);
    assert_int_equal(heap_describe(objects[1], &large), STATUS_OK);
    assert_in_range(large.class_index, small.class_index, small.class_index + 2);
    objects[2] = kmalloc(LARGE_BYTES);
    assert_int_equal(heap_describe(objects[2], &large), STATUS_OK);
    assert_int_equal(large.class_index, UINT_MAX);
    for (size_t i = 0; i < ARRAY_COUNT(objects); i++)
        assert_true(kfree(objects[i]));
}

static void while_the_heap_grows(void **state)
{
    /* Who interrupts the processor that is growing the heap gets nothing for which pages have to be
     * mapped; afterwards it can be had, and nothing is lost. */
    const struct heap_debug wish = { .options = HEAP_DEBUG_SITES };
    const struct heap_debug off = { 0 };
    uint64_t mapped;

    (void)state;
    assert_true(kfree(kmalloc(16)));
    (void)heap_shrink(SIZE_MAX);
    mapped = heap_machine_state_hash();
    assert_true(kfree(kmalloc(LARGE_BYTES))); /* its pages stay, without states of small objects */
    assert_true(heap_grow_enter());
    assert_null(kmalloc_tagged(100, HEAP_TAG_TEST, HEAP_GUARDED));
    assert_null(kmalloc(16));
    assert_null(kmalloc(2 * LARGE_BYTES));
    assert_int_equal(heap_debug_set(&wish), STATUS_NO_MEMORY);
    heap_grow_leave();
    assert_true(kfree(kmalloc_tagged(100, HEAP_TAG_TEST, HEAP_GUARDED)));
    assert_true(kfree(kmalloc(16)));
    assert_true(kfree(kmalloc(2 * LARGE_BYTES)));
    (void)heap_shrink(SIZE_MAX);
    assert_true(heap_machine_state_hash() == mapped);
    assert_int_equal(heap_debug_set(&wish), STATUS_OK);
    assert_int_equal(heap_debug_set(&off), STATUS_OK);
    assert_int_equal(heap_check(), STATUS_OK);
}

static void leaks_by_place(void **state)
{
    /* What was allocated since a mark and is held is listed by place, most bytes first. */
    struct heap_leak rows[4], rest;
    void *object, *other;
    uint32_t mark;

    (void)state;
    debug("sites");
    object = kmalloc(5000);
    mark = heap_leaks_mark();
    other = kmalloc_tagged(100, HEAP_TAG_TEST, 0);
    for (unsigned i = 0; i < 3; i++)
        (void)allocate_here(200);
    assert_true(free_here(allocate_here(900)));
    assert_int_equal(heap_leaks(mark, rows, ARRAY_COUNT(rows), &rest), 2);
    assert_int_equal(rows[0].objects, 3);
    assert_int_equal(rows[0].bytes, 600);
    assert_int_equal(rows[1].bytes, 100);
    assert_int_equal(rows[1].tag, HEAP_TAG_TEST);
    assert_int_equal(rest.objects, 0);
    assert_int_equal(heap_leaks(0, rows, 1, &rest), 1);
    assert_int_equal(rest.objects, 4);
    assert_true(kfree(object));
    assert_true(kfree(other));
}

static void last_events(void **state)
{
    /* The ring holds the last events in order, with address, size, tag and place. */
    struct heap_event events[HEAP_EVENTS_KEPT];
    unsigned count;
    void *object;

    (void)state;
    debug("sites");
    for (unsigned i = 0; i < 1000; i++)
        assert_true(kfree(kmalloc(64)));
    object = kmalloc_tagged(100, HEAP_TAG_TEST, 0);
    assert_false(kfree((char *)object + 1));
    assert_true(kfree(object));
    count = heap_events(events, HEAP_EVENTS_KEPT);
    assert_int_equal(count, HEAP_EVENTS_KEPT);
    for (unsigned i = 1; i < count; i++)
        assert_int_equal(events[i].sequence, events[i - 1].sequence + 1);
    assert_int_equal(events[count - 1].kind, HEAP_EVENT_FREE);
    assert_int_equal(events[count - 1].address, (uintptr_t)object);
    assert_int_equal(events[count - 2].kind, HEAP_EVENT_REFUSE);
    assert_int_equal(events[count - 3].kind, HEAP_EVENT_ALLOC);
    assert_int_equal(events[count - 3].size_bytes, 100);
    assert_int_equal(events[count - 3].tag, HEAP_TAG_TEST);
    assert_int_equal(heap_events(events, 2), 2);
    assert_int_equal(events[0].kind, HEAP_EVENT_REFUSE);
}

#define NAMED(test) cmocka_unit_test_setup_teardown(test, set_up_named, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        NAMED(bytes_behind_and_before),
        NAMED(check_finds_damage),
        NAMED(write_after_free),
        NAMED(guarded_accesses),
        NAMED(guard_by_chance),
        NAMED(uninitialised_pointer),
        NAMED(uninitialised_contents),
        NAMED(wrong_frees),
        NAMED(late_double_free),
        NAMED(quarantine_and_random),
        NAMED(large_objects_wait_too),
        NAMED(zero_on_free),
        NAMED(alignment_stays),
        NAMED(on_and_off),
        NAMED(unknown_words),
        NAMED(short_of_memory),
        NAMED(no_room_for_records),
        NAMED(while_the_heap_grows),
        NAMED(leaks_by_place),
        NAMED(last_events),
        NAMED(failing_takes_no_records),
        NAMED(objects_tell_their_class),
    };

    return cmocka_run_group_tests_name("heap_debug", tests, NULL, NULL);
}
