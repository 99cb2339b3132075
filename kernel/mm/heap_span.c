/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_span.c - spans: objects in the holes that smaller ones have left.
 *
 * When nine of ten small objects have died, hardly a slab is empty, and larger objects would ask for
 * new pages beside 90 % of free room. A span is one object in the place of 2 to 63 free neighbours of
 * a slab. The slab's free bits say that they are taken; the first one's state byte says live and
 * span, the second one's how many there are:
 *
 *     class of 96 bytes     |  a   | free | free | free | free |  b   |
 *     after kmalloc(350)    |  a   |            span           |  b   |
 *     state bytes             live   live+   inner  inner  inner  live
 *                                    span    4      0      0
 *
 * Spans are made only when a new slab would ask for pages that are not mapped yet, and only while much
 * of the heap is such room (slab_sparse()); the short way of kmalloc() never looks for them. kfree()
 * finds a state byte that is not as usual and comes here. Only alignment of 16 bytes is to be had, so
 * that powers of two, which kmalloc() aligns naturally, get none.
 *
 * Locking: who changes the first state byte from live to freed frees the span; then that of the class.
 * Cost: a search of a few slabs for each class that would do.
 */
#include "heap_private.h"
#include "heap_site.h"
#include "heap_small.h"
#include "lib/bits.h"
#include "slab.h"

#define SPAN_COUNT_MAX 63u
#define SPAN_BYTES_MIN 128u
static_assert(SPAN_COUNT_MAX <= HEAP_STATE_COUNT, "the number of objects fits a state byte");

/* Objects of `object_bytes` that it takes. */
static size_t count_for(size_t size_bytes, size_t object_bytes)
{
    return (size_bytes + object_bytes - 1) / object_bytes;
}

/* Inner objects first, so that nobody finds a live span without its number. */
static void mark(unsigned class_index, uintptr_t start, unsigned count, unsigned state)
{
    const struct heap_shape *shape = &heap_shapes[class_index];

    for (unsigned i = count - 1; i > 0; i--)
        heap_state_write(heap_state_of(shape, start + (uintptr_t)i * shape->object_bytes),
                         HEAP_STATE_INNER | (i == 1 ? count : 0));
    heap_site_mark(shape, start, state | HEAP_STATE_SPAN);
}

static void unmark_inner(unsigned class_index, uintptr_t start, unsigned count)
{
    const struct heap_shape *shape = &heap_shapes[class_index];

    for (unsigned i = 1; i < count; i++)
        heap_state_write(heap_state_of(shape, start + (uintptr_t)i * shape->object_bytes), 0);
}

static void count_tag(unsigned state, size_t change)
{
    heap_count(&heap_counters.tag_bytes[state & HEAP_STATE_TAG], change);
}

/* From the largest class that is small enough: fewer objects, less room lost at the end. */
void *heap_span_alloc(size_t size_bytes, unsigned state)
{
    unsigned class_index;

    if (size_bytes < SPAN_BYTES_MIN || is_power_of_two(size_bytes) || !slab_sparse())
        return NULL;
    for (class_index = heap_class_of(size_bytes); class_index >= HEAP_CLASS_FIRST; class_index--) {
        size_t object_bytes = heap_shapes[class_index].object_bytes;
        size_t count = count_for(size_bytes, object_bytes);
        void *object;

        if (count < 2 || count > SPAN_COUNT_MAX)
            continue;
        object = slab_take_span(class_index, (unsigned)count);
        if (object != NULL) {
            mark(class_index, (uintptr_t)object, (unsigned)count, state);
            heap_count(&heap_counters.slow_allocations, 1);
            count_tag(state, count * object_bytes);
            return object;
        }
    }
    return NULL;
}

bool heap_span_free(const struct heap_small *small, void *object)
{
    uint8_t expected = (uint8_t)small->state;
    uint8_t freed = (uint8_t)(HEAP_STATE_FREED | (small->state & HEAP_STATE_TAG));
    unsigned count;

    if (!__atomic_compare_exchange_n(small->byte, &expected, freed, false, __ATOMIC_RELAXED,
                                     __ATOMIC_RELAXED))
        return false;
    count = heap_span_count(small->class_index, (uintptr_t)object);
    unmark_inner(small->class_index, (uintptr_t)object, count);
    count_tag(small->state, -((size_t)count * heap_shapes[small->class_index].object_bytes));
    slab_give_span(small->class_index, object, count);
    return true;
}

unsigned heap_span_count(unsigned class_index, uintptr_t address)
{
    const struct heap_shape *shape = &heap_shapes[class_index];

    return heap_state_read(heap_state_of(shape, address + shape->object_bytes)) & HEAP_STATE_COUNT;
}

uintptr_t heap_span_start(unsigned class_index, uintptr_t address)
{
    const struct heap_shape *shape = &heap_shapes[class_index];

    do
        address -= shape->object_bytes;
    while (heap_state_is_inner(heap_state_read(heap_state_of(shape, address))));
    return address;
}
