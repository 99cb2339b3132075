/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_fault_heap.c - fault heap-...: mistakes with objects that the heap's debugging stops.
 *
 * Each turns on what stops it, in addition to what is on, so that the report can be seen on any boot.
 * As in cmd_fault.c, functions are named for their mistakes, kept out of line, and what they go
 * wrong with is volatile.
 */

#include "config.h"
#include "lib/string.h"
#include "mm/heap_debug.h"
#include "monitor/commands.h"

#define OBJECT_BYTES 64

static void debug(unsigned options, uint32_t guard_one_in)
{
    struct heap_debug wish;

    heap_debug_get(&wish);
    wish.options |= options;
    if (guard_one_in != 0 &&
        !CONFIG_KASAN) /* which finds it by itself, before the processor does */
        wish.guard_one_in = guard_one_in;
    (void)heap_debug_set(&wish); /* without it, the processor does not fault, which is then said */
}

[[gnu::noinline]] static volatile uint8_t *allocate_object(void)
{
    volatile uint8_t *volatile object = kmalloc_tagged(OBJECT_BYTES, HEAP_TAG_MONITOR, 0);

    return object;
}

[[gnu::noinline]] static bool free_object(volatile uint8_t *object)
{
    volatile bool accepted = kfree((void *)object);

    return accepted;
}

/* Of two guarded objects, one lies against each unmapped page. */
[[gnu::noinline]] static void write_behind_object(void)
{
    debug(HEAP_DEBUG_SITES, 1);
    for (unsigned turn = 0; turn < 2; turn++) {
        volatile uint8_t *object = allocate_object();

        if (object != NULL)
            object[OBJECT_BYTES] = 1;
    }
}

[[gnu::noinline]] static void write_before_object(void)
{
    debug(HEAP_DEBUG_SITES, 1);
    for (unsigned turn = 0; turn < 2; turn++) {
        volatile uint8_t *object = allocate_object();

        if (object != NULL)
            object[-1] = 1;
    }
}

[[gnu::noinline]] static void read_freed_object(void)
{
    volatile uint8_t *object;

    debug(HEAP_DEBUG_SITES, 1);
    object = allocate_object();
    (void)free_object(object);
    object[0] = object[1];
}

/* A list of which nobody ever wrote the second link. */
struct link {
    struct link *next;
    unsigned value;
};

[[gnu::noinline]] static void follow_unwritten_pointer(void)
{
    const struct heap_debug poison = { .options = HEAP_DEBUG_POISON };
    volatile struct link *link;

    (void)heap_debug_set(&poison);
    link = (volatile struct link *)allocate_object();
    link->value = link->next->value;
}

static const struct {
    const char *name;
    void (*provoke)(void);
} faults[] = {
    { "heap-overflow", write_behind_object },
    { "heap-underflow", write_before_object },
    { "heap-freed", read_freed_object },
    { "heap-fresh", follow_unwritten_pointer },
};

bool fault_heap_provoke(const char *name)
{
    for (size_t i = 0; i < ARRAY_COUNT(faults); i++) {
        if (strcmp(name, faults[i].name) == 0) {
            faults[i].provoke();
            return true;
        }
    }
    return false;
}
