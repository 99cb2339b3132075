/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_debug.c - the heap with its checks on: what happens to an object from kmalloc() to reuse.
 *
 * While this is on, the processors' magazines are kept busy (heap_magazines_stop()), which is the
 * one thing that the fast path looks at anyway; every request then takes the long way, and that
 * leads here. So debugging costs nothing while it is off.
 *
 *     request ──> a block (heap_block.c) and a record; poison, canaries
 *                   │
 *                 live ──> free: are the canaries as they were? poison, or zeros
 *                            ├─ guarded: unmapped, its addresses are kept          HEAP_RECORD_GUARDED
 *                            ├─ with quarantine or random: waits                   HEAP_RECORD_HELD
 *                            v
 *                          gone: the block is the heap's; when it is handed out again, its
 *                                filling is compared first                         HEAP_RECORD_GONE
 *
 * A wrong free is told from a right one by the record's state, under the lock. Contents are filled
 * and compared outside of it, by whoever made the record busy. When there is no memory for a record,
 * the object gets none; the heap's own checks still hold for it.
 */
#include "heap_debug_private.h"

#include "heap_block.h"
#include "heap_damage.h"
#include "heap_fast.h"
#include "heap_report.h"
#include "heap_runs.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "mm/shadow.h"

/* What waits at most. */
#define HELD_OBJECTS    1024u
#define HELD_BYTES      ((size_t)MiB)
#define HELD_RANDOM     64u              /* where only the order matters */
#define HELD_BYTES_EACH (HELD_BYTES / 4) /* larger blocks do not wait */
#define GUARDED_OBJECTS 256u

static uint32_t sequence; /* of the last allocation; under the lock, as the next two */
static size_t held_bytes;
static size_t held_large_bytes;
static size_t held_by_class[HEAP_CLASS_END];
static size_t untracked; /* atomic */

void heap_debug_reset(void)
{
    sequence = 0;
    held_bytes = 0;
    held_large_bytes = 0;
    untracked = 0;
    memset(held_by_class, 0, sizeof(held_by_class));
}

/* --- what waits ------------------------------------------------------------------------------- */

static size_t held_objects_most(void)
{
    if (heap_debug_has(HEAP_DEBUG_QUARANTINE))
        return HELD_OBJECTS;
    return heap_debug_has(HEAP_DEBUG_RANDOM) ? HELD_RANDOM : 0;
}

static void count_held(const struct heap_record *record, bool in)
{
    size_t change = in ? record->block_bytes : -record->block_bytes;

    held_bytes += change;
    if (record->class_index == HEAP_NO_CLASS)
        held_large_bytes += change;
    held_by_class[record->class_index] += in ? 1 : -(size_t)1;
}

/* The oldest, or with HEAP_DEBUG_RANDOM one of the oldest. The lock is held. */
static uint32_t choose_held(void)
{
    uint32_t number = heap_record_oldest(HEAP_RECORD_HELD);
    uint32_t skip = heap_debug_has(HEAP_DEBUG_RANDOM) ? heap_block_random(HELD_RANDOM) : 0;

    while (skip-- > 0 && heap_records[number].newer != 0)
        number = heap_records[number].newer;
    return number;
}

/* Makes one busy that must go; 0 when not more than `objects` wait. *guarded says which sort. */
static uint32_t next_to_go(size_t objects, size_t guarded_objects, bool *guarded)
{
    irq_state_t state = spin_lock(&heap_records_lock);
    uint32_t number = 0;

    *guarded = false;
    if (heap_record_counts[HEAP_RECORD_HELD] > objects || held_bytes > HELD_BYTES) {
        number = choose_held();
        count_held(&heap_records[number], false);
    } else if (heap_record_counts[HEAP_RECORD_GUARDED] > guarded_objects) {
        number = heap_record_oldest(HEAP_RECORD_GUARDED);
        *guarded = true;
    }
    if (number != 0)
        heap_record_set(number, HEAP_RECORD_BUSY);
    spin_unlock(&heap_records_lock, state);
    return number;
}

/* A busy record whose block goes back. A small block's filling will be compared when it is handed
 * out again, so its record is ready before; a run may have another record by then. */
static void let_go(uint32_t number, bool guarded)
{
    struct heap_record record = heap_records[number];
    bool small = record.class_index != HEAP_NO_CLASS;
    irq_state_t state;

    if (!small && !guarded)
        heap_block_give(&record);
    state = spin_lock(&heap_records_lock);
    if (!small)
        heap_records[number].fill = HEAP_FILL_NONE;
    if (heap_record_at(record.start) == number)
        heap_record_set(number, HEAP_RECORD_GONE);
    else
        heap_record_drop(number);
    spin_unlock(&heap_records_lock, state);
    if (guarded)
        heap_run_free_bare(heap_page_number(record.start));
    else if (small)
        heap_block_give(&record);
}

bool heap_debug_release(size_t objects, size_t guarded_objects)
{
    bool any = false;
    bool guarded;
    uint32_t number;

    while ((number = next_to_go(objects, guarded_objects, &guarded)) != 0) {
        if (!guarded && heap_debug_has(HEAP_DEBUG_VERIFY))
            (void)heap_damage_check_fill(number, "when it left quarantine");
        let_go(number, guarded);
        any = true;
    }
    return any;
}

static void wait_or_go(uint32_t number)
{
    struct heap_record *record = &heap_records[number];
    bool guarded = (record->flags & HEAP_GUARDED) != 0;
    bool waits = held_objects_most() != 0 && record->block_bytes <= HELD_BYTES_EACH &&
                 (record->flags & HEAP_DMA) == 0;
    irq_state_t state;

    if (guarded)
        heap_large_unmap(heap_page_number(record->start));
    if (!guarded && !waits) {
        let_go(number, false);
        return;
    }
    state = spin_lock(&heap_records_lock);
    if (waits && !guarded)
        count_held(record, true);
    heap_record_set(number, guarded ? HEAP_RECORD_GUARDED : HEAP_RECORD_HELD);
    spin_unlock(&heap_records_lock, state);
    (void)heap_debug_release(held_objects_most(), GUARDED_OBJECTS);
}

size_t heap_debug_held(unsigned class_index)
{
    return __atomic_load_n(&held_by_class[class_index], __ATOMIC_RELAXED);
}

size_t heap_debug_held_large_bytes(void)
{
    return __atomic_load_n(&held_large_bytes, __ATOMIC_RELAXED);
}

/* --- allocation ------------------------------------------------------------------------------- */

/* A busy record for a new block: that of the object that was there before, if it is known, else the
 * spare one, which otherwise is dropped. The lock is held. */
static uint32_t adopt_record(uint32_t spare, uintptr_t start)
{
    uint32_t before = heap_record_at(start);

    if (before == 0 || heap_records[before].state != HEAP_RECORD_GONE)
        return spare;
    heap_record_set(before, HEAP_RECORD_BUSY);
    heap_record_drop(spare);
    return before;
}

/* Compares what is left of the freed object that had the block. */
static void check_former(uint32_t number, const struct heap_record *now)
{
    struct heap_record *former = &heap_records[number];

    if (former->start == now->start && former->class_index == now->class_index &&
        heap_debug_has(HEAP_DEBUG_VERIFY))
        (void)heap_damage_check_fill(number, "when it was allocated again");
    former->fill = HEAP_FILL_NONE;
}

static void fill_fresh(uint32_t number)
{
    const struct heap_record *record = &heap_records[number];

    if (heap_debug_has(HEAP_DEBUG_POISON))
        heap_fill_write(heap_record_object(record), heap_block_room(record), HEAP_FILL_FRESH,
                        number);
    if (record->canaries)
        heap_damage_write_canaries(record);
}

/* Gives the block its record, which is live from then on. */
static void *publish(uint32_t spare, const struct heap_record *wanted)
{
    irq_state_t state = spin_lock(&heap_records_lock);
    uint32_t number = adopt_record(spare, wanted->start);
    struct heap_record *record = &heap_records[number];

    spin_unlock(&heap_records_lock, state);
    if (number != spare)
        check_former(number, wanted);
    state = spin_lock(&heap_records_lock);
    record->start = wanted->start;
    record->size_bytes = wanted->size_bytes;
    record->block_bytes = wanted->block_bytes;
    record->alloc_site = wanted->alloc_site;
    record->free_site = NULL;
    record->lead_bytes = wanted->lead_bytes;
    record->flags = wanted->flags;
    record->class_index = wanted->class_index;
    record->tag = wanted->tag;
    record->fill = HEAP_FILL_NONE;
    record->canaries = wanted->canaries;
    record->sequence = ++sequence;
    if (number == spare)
        heap_record_enter(number);
    spin_unlock(&heap_records_lock, state);
    fill_fresh(number);
    state = spin_lock(&heap_records_lock);
    heap_record_set(number, HEAP_RECORD_LIVE);
    spin_unlock(&heap_records_lock, state);
    return heap_record_object(record);
}

static uint32_t take_record(void)
{
    irq_state_t state;
    uint32_t number;

    heap_records_reserve();
    state = spin_lock(&heap_records_lock);
    number = heap_record_take();
    spin_unlock(&heap_records_lock, state);
    return number;
}

static void drop_record(uint32_t number)
{
    irq_state_t state = spin_lock(&heap_records_lock);

    heap_record_drop(number);
    spin_unlock(&heap_records_lock, state);
}

/* A block, if need be at the cost of what waits, then without extras. */
static bool take_block(const struct heap_request *request, bool plain, struct heap_record *record)
{
    if (heap_block_take(request, plain, record))
        return true;
    if (heap_debug_release(0, 0) && heap_block_take(request, plain, record))
        return true;
    return !plain && heap_block_take(request, true, record);
}

void *heap_debug_alloc(const struct heap_request *request)
{
    struct heap_record wanted = { .alloc_site = request->caller };
    uint32_t number = heap_debug_now.options != 0 ? take_record() : 0;
    void *object;

    if (!take_block(request, number == 0, &wanted)) {
        if (number != 0)
            drop_record(number);
        return NULL;
    }
    if (number != 0) {
        object = publish(number, &wanted);
    } else {
        heap_count(&untracked, 1);
        object = heap_record_object(&wanted);
    }
    shadow_open(object,
                number != 0 && wanted.canaries ? wanted.size_bytes : heap_block_room(&wanted));
    heap_event_note(HEAP_EVENT_ALLOC, (uintptr_t)object, request->size_bytes, request->tag,
                    request->caller);
    return object;
}

size_t heap_debug_untracked(void)
{
    return __atomic_load_n(&untracked, __ATOMIC_RELAXED);
}

/* --- freeing ---------------------------------------------------------------------------------- */

static bool size_fits(const struct heap_record *record, size_t size_bytes)
{
    size_t asked = record->size_bytes;

    if (size_bytes == HEAP_ANY_SIZE || size_bytes == asked)
        return true;
    return size_bytes <= HEAP_SMALL_BYTES && asked <= HEAP_SMALL_BYTES &&
           heap_class_of(size_bytes) == heap_class_of(asked);
}

/* What is wrong with a free, if anything. */
static bool is_wrong(const struct heap_record *record, const void *object, size_t size_bytes,
                     enum heap_fault *fault)
{
    if (object != heap_record_object(record))
        *fault = HEAP_FAULT_INTERIOR;
    else if (record->state != HEAP_RECORD_LIVE)
        *fault = HEAP_FAULT_FREED_TWICE;
    else if (!size_fits(record, size_bytes))
        *fault = HEAP_FAULT_WRONG_SIZE;
    else
        return false;
    return true;
}

static void fill_freed(uint32_t number)
{
    struct heap_record *record = &heap_records[number];

    if (heap_debug_has(HEAP_DEBUG_ZERO))
        record->fill = HEAP_FILL_ZERO;
    else if (heap_debug_has(HEAP_DEBUG_POISON))
        record->fill = HEAP_FILL_FREED;
    heap_fill_write(heap_record_object(record), record->fill != 0 ? heap_block_room(record) : 0,
                    (enum heap_fill)record->fill, number);
}

/* Frees the object of a busy record. */
static void retire(uint32_t number)
{
    struct heap_record *record = &heap_records[number];

    (void)heap_damage_check_canaries(record, "when it was freed");
    fill_freed(number);
    shadow_close(heap_record_object(record), heap_block_room(record), SHADOW_FREED);
    heap_block_mark_freed(record);
    heap_event_note(HEAP_EVENT_FREE, (uintptr_t)heap_record_object(record), record->size_bytes,
                    (enum heap_tag)record->tag, record->free_site);
    wait_or_go(number);
}

bool heap_debug_free(void *object, size_t size_bytes, const void *caller, bool *accepted)
{
    irq_state_t state = spin_lock(&heap_records_lock);
    uint32_t number = heap_record_of((uintptr_t)object);
    enum heap_fault fault = HEAP_FAULT_UNUSED;
    bool wrong = number == 0 || is_wrong(&heap_records[number], object, size_bytes, &fault);

    if (!wrong) {
        heap_record_set(number, HEAP_RECORD_BUSY);
        heap_records[number].free_site = caller;
    }
    spin_unlock(&heap_records_lock, state);
    if (number == 0)
        return false;
    *accepted = !wrong;
    if (wrong)
        (void)heap_report(fault, object, size_bytes, caller);
    else
        retire(number);
    heap_debug_settle();
    return true;
}

void heap_debug_forget(unsigned class_index, uint32_t first)
{
    const struct heap_shape *shape = &heap_shapes[class_index];
    irq_state_t state;

    if (!heap_debug_on)
        return;
    state = spin_lock(&heap_records_lock);
    for (unsigned i = 0; i < shape->count; i++) {
        uint32_t number = heap_record_at(heap_page_address(first) + i * shape->object_bytes);

        if (number != 0 && heap_records[number].state == HEAP_RECORD_GONE)
            heap_record_drop(number);
    }
    spin_unlock(&heap_records_lock, state);
}

/* --- questions -------------------------------------------------------------------------------- */

/* A copy of the record that an address belongs to. */
static bool copy_record(const void *address, struct heap_record *record)
{
    irq_state_t state = spin_lock(&heap_records_lock);
    uint32_t number = heap_record_of((uintptr_t)address);

    if (number != 0)
        *record = heap_records[number];
    spin_unlock(&heap_records_lock, state);
    return number != 0;
}

bool heap_debug_tracks(const void *address)
{
    struct heap_record record;

    return copy_record(address, &record);
}

size_t heap_debug_usable(const void *object)
{
    struct heap_record record;

    if (!copy_record(object, &record) || record.state != HEAP_RECORD_LIVE ||
        object != heap_record_object(&record))
        return 0;
    return heap_block_room(&record);
}

bool heap_debug_describe(const void *address, struct heap_object_info *info)
{
    struct heap_record record;

    if (!copy_record(address, &record))
        return false;
    *info = (struct heap_object_info){
        .start = heap_record_object(&record),
        .size_bytes = heap_block_room(&record),
        .live = record.state == HEAP_RECORD_LIVE,
        .tag = (enum heap_tag)record.tag,
        .class_index = record.class_index != HEAP_NO_CLASS ? record.class_index - HEAP_CLASS_FIRST
                                                           : UINT32_MAX,
    };
    return true;
}

void *heap_debug_realloc(void *object, size_t size_bytes, const void *caller)
{
    struct heap_record record;
    size_t usable = heap_debug_usable(object);
    unsigned flags;
    bool accepted;
    void *moved;

    if (!copy_record(object, &record) || record.state != HEAP_RECORD_LIVE ||
        object != heap_record_object(&record)) {
        (void)heap_debug_free(object, HEAP_ANY_SIZE, caller, &accepted); /* which reports it */
        return NULL;
    }
    flags = record.flags & (unsigned)HEAP_DMA;
    if ((record.flags & HEAP_GUARD_ASKED) != 0)
        flags |= HEAP_GUARDED;
    moved = heap_request_large(size_bytes, 1, (enum heap_tag)record.tag, flags, caller);
    if (moved == NULL)
        return NULL;
    memcpy(moved, object, usable < size_bytes ? usable : size_bytes);
    (void)heap_debug_free(object, HEAP_ANY_SIZE, caller, &accepted);
    return moved;
}
