/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_resize.c - krealloc() and kmalloc_usable(): objects that get another size.
 *
 * A small object stays where it is as long as the new size is of its class; else it moves to the
 * class of the new size. A large one grows and shrinks where it stands if the pages behind it allow it
 * (heap_large.c), and when it has to move, goes where it has room to grow again. The object's tag
 * and flags move with it.
 */
#include "heap_debug_private.h"
#include "heap_fast.h"
#include "lib/string.h"

/* A new object with the old one's tag, contents and flags. */
static void *move_object(void *object, size_t usable, const struct heap_request *request)
{
    void *moved;

    if (request->size_bytes > HEAP_SMALL_BYTES || (request->flags & ~HEAP_GROWS) != 0)
        moved = heap_request_large(request->size_bytes, 1, request->tag,
                                   request->flags | HEAP_GROWS, request->caller);
    else if (heap_must_fail(request->caller))
        moved = NULL;
    else
        moved = heap_small_alloc(request->size_bytes, heap_class_of(request->size_bytes),
                                 HEAP_STATE_LIVE | (unsigned)request->tag |
                                     heap_site_state(request->caller));
    if (moved == NULL)
        return NULL;
    memcpy(moved, object, usable < request->size_bytes ? usable : request->size_bytes);
    (void)heap_free(object, HEAP_ANY_SIZE, request->caller);
    return moved;
}

static void *large_realloc(void *object, size_t size_bytes, const void *caller)
{
    struct heap_page *head = heap_large_find(object);
    const struct heap_request request = { size_bytes, 1, (enum heap_tag)head->tag, head->flags,
                                          caller };

    if (heap_large_resize(head, size_bytes))
        return object;
    return move_object(object, heap_large_usable(head), &request);
}

/* The usual case: from one class to another, without a tag. */
[[gnu::always_inline]] static inline void *plain_move(void *object, size_t usable,
                                                      unsigned class_index, size_t size_bytes)
{
    void *moved =
        heap_fast_alloc(size_bytes, 1, size_bytes, heap_class_of(size_bytes), HEAP_STATE_LIVE);

    if (moved == NULL)
        return NULL;
    memcpy(moved, object, usable < size_bytes ? usable : size_bytes);
    (void)heap_fast_free(object, HEAP_ANY_SIZE, class_index);
    return moved;
}

[[gnu::always_inline]] static inline void *small_realloc(void *object,
                                                         const struct heap_small *small,
                                                         size_t size_bytes)
{
    size_t usable = heap_small_usable((uintptr_t)object, small);

    if (heap_size_fits((uintptr_t)object, small, size_bytes))
        return object;
    if (size_bytes <= HEAP_SMALL_BYTES && (small->state & HEAP_STATE_TAG) == HEAP_TAG_NONE)
        return plain_move(object, usable, small->class_index, size_bytes);
    return move_object(object, usable,
                       &(struct heap_request){
                           .size_bytes = size_bytes,
                           .alignment = 1,
                           .tag = (enum heap_tag)(small->state & HEAP_STATE_TAG),
                           .caller = CALLER,
                       });
}

void *krealloc(void *object, size_t size_bytes)
{
    struct heap_small small;
    enum heap_find found;

    if (object == NULL)
        return heap_plain_alloc(size_bytes);
    if (UNLIKELY(heap_debug_on) && heap_debug_tracks(object))
        return heap_debug_realloc(object, size_bytes, CALLER);
    found = heap_small_find((uintptr_t)object, &small);
    if (found == HEAP_FIND_LIVE)
        return small_realloc(object, &small, size_bytes);
    if (found == HEAP_FIND_OTHER && heap_large_find(object) != NULL)
        return large_realloc(object, size_bytes, CALLER);
    (void)heap_free(object, HEAP_ANY_SIZE, CALLER); /* which reports it */
    return NULL;
}

size_t kmalloc_usable(const void *object)
{
    const struct heap_page *head;
    struct heap_small small;

    if (heap_debug_on && heap_debug_tracks(object))
        return heap_debug_usable(object);
    switch (heap_small_find((uintptr_t)object, &small)) {
    case HEAP_FIND_LIVE:
        return heap_small_usable((uintptr_t)object, &small);
    case HEAP_FIND_FREE:
    case HEAP_FIND_INTERIOR:
        return 0;
    case HEAP_FIND_OTHER:
        break;
    }
    head = heap_large_find(object);
    return head != NULL ? heap_large_usable(head) : 0;
}
