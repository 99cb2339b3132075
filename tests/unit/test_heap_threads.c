/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_heap_threads.c - several processors at the heap, and interrupts in the middle of it.
 *
 * A thread plays a processor; SIGALRM plays an interrupt, which is lost while the thread has its
 * interrupts off.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <cmocka.h>

#include "arch/cpu.h"
#include "heap_ledger.h"
#include "heap_machine.h"
#include "host_log.h"
#include "mm/heap.h"

#define FRAMES       8192u
#define WINDOW_BYTES (64 * MiB)
#define THREADS      4u
#define SLOTS        256u
#define STEPS        20000u

static int set_up(void **state)
{
    (void)state;
    heap_ledger_create(FRAMES, WINDOW_BYTES);
    return 0;
}

static void run_threads(void *(*body)(void *))
{
    pthread_t threads[THREADS];

    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, body, (void *)i), 0);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state >> 20;
}

/* Live objects and wrong frees. */
static struct heap_stats stats_now(void)
{
    struct heap_stats stats;

    heap_get_stats(&stats);
    return stats;
}

/* --- processors --------------------------------------------------------------------------- */

struct object {
    size_t size_bytes;
    unsigned number;
};
static struct object *shared[SLOTS];

static struct object *make_object(uint64_t *random)
{
    size_t size = sizeof(struct object) +
                  next_random(random) % (next_random(random) % 32 == 0 ? 60000 : 1000);
    struct object *object = kmalloc(size);

    if (object == NULL)
        abort();
    heap_ledger_enter(object);
    object->size_bytes = size;
    object->number = (unsigned)next_random(random);
    heap_ledger_fill(object + 1, size - sizeof(*object), object->number);
    return object;
}

static void end_object(struct object *object)
{
    heap_ledger_expect(object + 1, object->size_bytes - sizeof(*object), object->number);
    heap_ledger_strike(object);
    if (!kfree_sized(object, object->size_bytes))
        abort();
}

/* Puts new objects into random slots and frees what was there, whoever made it. */
static void *exchange(void *argument)
{
    uint64_t random = 88172645463325252u + (uintptr_t)argument;

    host_cpu_set((unsigned)(uintptr_t)argument);
    for (unsigned i = 0; i < STEPS; i++) {
        struct object *mine = make_object(&random);
        struct object *theirs =
            __atomic_exchange_n(&shared[next_random(&random) % SLOTS], mine, __ATOMIC_ACQ_REL);

        if (theirs != NULL)
            end_object(theirs);
        if (i % 5000 == 0)
            (void)heap_shrink(100);
    }
    return NULL;
}

static void processors_exchange_objects(void **state)
{
    /* What one processor allocates another may free, in any order, and nothing overlaps. */
    (void)state;
    run_threads(exchange);
    for (unsigned i = 0; i < SLOTS; i++)
        if (shared[i] != NULL)
            end_object(shared[i]);
    memset(shared, 0, sizeof(shared));
    assert_int_equal(heap_check(), STATUS_OK);
    assert_int_equal(stats_now().live_objects, 0);
    assert_int_equal(stats_now().bad_frees, 0);
}

/* --- one object, freed by two -------------------------------------------------------------- */

#define ROUNDS 400u

static pthread_barrier_t barrier;
static void *victims[16];
static unsigned accepted;

static void *free_together(void *argument)
{
    unsigned me = (unsigned)(uintptr_t)argument;

    host_cpu_set(me);
    for (unsigned round = 0; round < ROUNDS; round++) {
        pthread_barrier_wait(&barrier);
        if (me == 0) {
            host_log_clear();
            for (unsigned i = 0; i < 16; i++)
                victims[i] = kmalloc(64);
        }
        pthread_barrier_wait(&barrier);
        for (unsigned i = 0; i < 16; i++)
            if (kfree(victims[i]))
                __atomic_fetch_add(&accepted, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

static void one_object_freed_by_all(void **state)
{
    /* When processors free one object at the same instant, one free too many may be accepted, but
     * the object never gets two owners. */
    enum { HELD = 4000 };
    static void *held[HELD];

    (void)state;
    accepted = 0;
    pthread_barrier_init(&barrier, NULL, THREADS);
    run_threads(free_together);
    pthread_barrier_destroy(&barrier);
    assert_true(accepted >= ROUNDS * 16);
    for (unsigned id = 0; id < THREADS; id++) {
        host_cpu_set(id);
        for (unsigned i = 0; i < HELD / THREADS; i++) {
            held[id * HELD / THREADS + i] = kmalloc(64);
            heap_ledger_enter(held[id * HELD / THREADS + i]);
        }
    }
    for (unsigned i = 0; i < HELD; i++)
        assert_true(kfree(held[i]));
    host_cpu_set(0);
}

/* --- interrupts ---------------------------------------------------------------------------- */

#define KEPT       64u
#define INTERRUPTS 1000u

static void *kept[KEPT];
static volatile unsigned interrupts_taken;

static void interrupt(int signal)
{
    static uint64_t random = 12345;
    unsigned slot;

    (void)signal;
    if (!host_cpu.interrupts_on)
        return;
    interrupts_taken++;
    for (unsigned i = 0; i < 8; i++) {
        slot = (unsigned)(next_random(&random) % KEPT);
        if (kept[slot] != NULL) {
            heap_ledger_strike(kept[slot]);
            if (!kfree(kept[slot]))
                abort();
        }
        kept[slot] = kmalloc(next_random(&random) % 600);
        heap_ledger_enter(kept[slot]);
    }
}

static void set_timer(unsigned microseconds)
{
    struct itimerval timer = { .it_interval.tv_usec = (suseconds_t)microseconds,
                               .it_value.tv_usec = (suseconds_t)microseconds };

    assert_int_equal(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

static void interrupts_allocate_too(void **state)
{
    /* A handler may allocate and free wherever it interrupts: in a magazine, a slab or a mapping. */
    struct sigaction action = { .sa_handler = interrupt, .sa_flags = SA_RESTART };
    uint64_t random = 99;
    void *mine[200] = { NULL };

    (void)state;
    interrupts_taken = 0;
    memset(kept, 0, sizeof(kept));
    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    set_timer(50);
    for (unsigned long i = 0; interrupts_taken < INTERRUPTS; i++) {
        unsigned slot = (unsigned)(next_random(&random) % 200);

        if (mine[slot] != NULL) {
            heap_ledger_strike(mine[slot]);
            assert_true(kfree(mine[slot]));
        }
        mine[slot] = kmalloc(next_random(&random) % (i % 64 == 0 ? 30000 : 600));
        heap_ledger_enter(mine[slot]);
    }
    set_timer(0);
    for (unsigned i = 0; i < 200; i++)
        assert_true(kfree(mine[i]));
    for (unsigned i = 0; i < KEPT; i++)
        assert_true(kfree(kept[i]));
    assert_int_equal(heap_check(), STATUS_OK);
    assert_int_equal(stats_now().live_objects, 0);
    assert_int_equal(stats_now().bad_frees, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(processors_exchange_objects, set_up, heap_ledger_tear_down),
        cmocka_unit_test_setup_teardown(one_object_freed_by_all, set_up, heap_ledger_tear_down),
        cmocka_unit_test_setup_teardown(interrupts_allocate_too, set_up, heap_ledger_tear_down),
    };

    return cmocka_run_group_tests_name("heap_threads", tests, NULL, NULL);
}
