/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_events.c - the heap's last events, in a ring.
 *
 * A writer takes the next number and fills the slot that the number names, first marking it as
 * unfinished; a reader copies a slot and looks at its number before and after. No locks: events happen in
 * any context. A slot that is written while it is read is left out.
 */
#include "heap_debug_private.h"

#include "arch/cpu.h"
#include "lib/bits.h"
#include "lib/string.h"

static struct heap_event ring[HEAP_EVENTS_KEPT];
static uint32_t written; /* atomic: events so far */
static_assert((HEAP_EVENTS_KEPT & (HEAP_EVENTS_KEPT - 1)) == 0, "numbers wrap with the ring");

void heap_events_init(void)
{
    memset(ring, 0, sizeof(ring));
    written = 0;
}

void heap_event_note(enum heap_event_kind kind, uintptr_t address, size_t size_bytes,
                     enum heap_tag tag, const void *site)
{
    uint32_t number = __atomic_add_fetch(&written, 1, __ATOMIC_RELAXED);
    struct heap_event *slot = &ring[number % HEAP_EVENTS_KEPT];

    /* What follows is written after the mark; a fence, which the thread sanitizer does not know. */
    (void)__atomic_exchange_n(&slot->sequence, 0, __ATOMIC_ACQ_REL);
    slot->kind = kind;
    slot->cpu = arch_cpu_id();
    slot->tag = tag;
    slot->address = address;
    slot->size_bytes = size_bytes;
    slot->site = site;
    __atomic_store_n(&slot->sequence, number, __ATOMIC_RELEASE);
}

static bool copy_event(uint32_t number, struct heap_event *event)
{
    struct heap_event *slot = &ring[number % HEAP_EVENTS_KEPT];

    if (__atomic_load_n(&slot->sequence, __ATOMIC_ACQUIRE) != number)
        return false;
    *event = *slot;
    /* What was copied is read before this: as above. */
    return __atomic_fetch_add(&slot->sequence, 0, __ATOMIC_ACQ_REL) == number;
}

unsigned heap_events(struct heap_event *events, unsigned most)
{
    uint32_t last = __atomic_load_n(&written, __ATOMIC_ACQUIRE);
    uint32_t kept = (uint32_t)min_u64(min_u64(last, HEAP_EVENTS_KEPT), most);
    unsigned count = 0;

    for (uint32_t number = last - kept + 1; number - 1 != last; number++)
        count += copy_event(number, &events[count]);
    return count;
}

const char *heap_event_name(enum heap_event_kind kind)
{
    switch (kind) {
    case HEAP_EVENT_ALLOC:
        return "alloc";
    case HEAP_EVENT_FREE:
        return "free";
    case HEAP_EVENT_REFUSE:
        return "refuse";
    case HEAP_EVENT_DAMAGE:
        return "damage";
    case HEAP_EVENT_MAP:
        return "map";
    case HEAP_EVENT_UNMAP:
        return "unmap";
    }
    return "?";
}
