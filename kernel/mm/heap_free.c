/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_free.c - kfree(): which addresses may be freed, and what is said about those that may not.
 *
 * An address is the first byte of a live object when the page map knows its page's class, the
 * division by the object's size leaves nothing (one multiplication), and the state byte says
 * live. Nothing is read from the object. So every wrong free is found for the price of one byte:
 * an address outside the window, in a page without objects, inside an object, or of an object that
 * is free, whether it waits in a magazine, in the depot or in a slab.
 *
 * Two processors that free one object at the same instant may both find it live; it is then found
 * when it leaves the magazine (live already) or comes to its slab (free already), and dropped.
 */
#include "heap_debug_private.h"
#include "heap_fast.h"
#include "heap_report.h"

enum heap_find heap_small_find(uintptr_t address, struct heap_small *small)
{
    const struct heap_shape *shape;
    unsigned entry;

    if (!heap_window_open(address))
        return HEAP_FIND_OTHER;
    entry = heap_entry_of(address);
    if (entry == HEAP_NO_CLASS)
        return HEAP_FIND_OTHER;
    small->class_index = heap_entry_class(entry);
    shape = &heap_shapes[small->class_index];
    if (heap_object_index(shape, heap_entry_offset(entry, address)) >= shape->count)
        return HEAP_FIND_INTERIOR;
    small->byte = heap_state_of(shape, address);
    small->state = heap_state_read(small->byte);
    if (LIKELY(small->state >= HEAP_STATE_LIVE))
        return HEAP_FIND_LIVE;
    return heap_state_is_inner(small->state) ? HEAP_FIND_INTERIOR : HEAP_FIND_FREE;
}

size_t heap_small_usable(uintptr_t address, const struct heap_small *small)
{
    size_t object_bytes = heap_shapes[small->class_index].object_bytes;

    if ((small->state & HEAP_STATE_SPAN) != 0)
        object_bytes *= heap_span_count(small->class_index, address);
    return object_bytes;
}

bool heap_span_size_fits(uintptr_t address, const struct heap_small *small, size_t size_bytes)
{
    size_t usable = heap_small_usable(address, small);

    return size_bytes <= usable &&
           size_bytes > usable - heap_shapes[small->class_index].object_bytes;
}

/* Frees anything that can be freed, and reports everything else. */
bool heap_free(void *object, size_t size_bytes, const void *caller)
{
    struct heap_small small;
    bool accepted;

    if (heap_debug_on && heap_debug_free(object, size_bytes, caller, &accepted))
        return accepted;
    switch (heap_small_find((uintptr_t)object, &small)) {
    case HEAP_FIND_LIVE:
        if (size_bytes != HEAP_ANY_SIZE && !heap_size_fits((uintptr_t)object, &small, size_bytes))
            return heap_report(HEAP_FAULT_WRONG_SIZE, object, size_bytes, caller);
        if (LIKELY((small.state & HEAP_STATE_SPAN) == 0))
            heap_small_free(&small, object);
        else if (!heap_span_free(&small, object))
            return heap_report(HEAP_FAULT_FREED_TWICE, object, size_bytes, caller);
        return true;
    case HEAP_FIND_FREE:
        return heap_report(HEAP_FAULT_FREED_TWICE, object, size_bytes, caller);
    case HEAP_FIND_INTERIOR:
        return heap_report(HEAP_FAULT_INTERIOR, object, size_bytes, caller);
    case HEAP_FIND_OTHER:
        break;
    }
    if (object == NULL)
        return true;
    if (!heap_window_open((uintptr_t)object))
        return heap_report(HEAP_FAULT_FOREIGN, object, size_bytes, caller);
    return heap_large_free(object, size_bytes, caller);
}

/* The same, after the fast path found something unusual. */
bool heap_free_again(struct heap_cpu *cpu, void *object, size_t size_bytes, const void *caller)
{
    heap_cpu_leave(cpu);
    return heap_free(object, size_bytes, caller);
}

FRAMELESS bool kfree(void *object)
{
    if (UNLIKELY(!heap_window_open((uintptr_t)object)))
        return heap_free(object, HEAP_ANY_SIZE, CALLER);
    return heap_fast_free(object, HEAP_ANY_SIZE,
                          heap_entry_class(heap_entry_of((uintptr_t)object)));
}

/* Faster than kfree(): the processor need not wait for the page map to know the magazine. */
FRAMELESS bool kfree_sized(void *object, size_t size_bytes)
{
    unsigned class_index;

    if (UNLIKELY(size_bytes > HEAP_SMALL_BYTES || !heap_window_open((uintptr_t)object)))
        return heap_free(object, size_bytes, CALLER);
    class_index = heap_class_of(size_bytes);
    if (UNLIKELY(heap_entry_class(heap_entry_of((uintptr_t)object)) != class_index))
        return heap_free(object, size_bytes, CALLER);
    return heap_fast_free(object, size_bytes, class_index);
}
