/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_block.c - blocks for debugged objects.
 *
 * Guarded objects are sampled: one request in N, where size and alignment allow it. They lie
 * against the upper and the lower unmapped page by turns, since an object cannot lie against both,
 * unless alignment asks for the lower.
 */
#include "heap_block.h"

#include "heap_class.h"
#include "heap_runs.h"
#include "heap_site.h"
#include "lib/bits.h"
#include "slab.h"

#define CANARY_BYTES    16u /* behind an object, at least */
#define ALIGNMENT_LEAST 16u
#define SAMPLED_PAGES   16u /* larger objects are guarded only when they ask for it */
#define RANDOM_CHOICE   8u  /* of that many free objects one is chosen */

static uint64_t random_state = 1; /* under heap_records_lock, as the rest */
static uint32_t turn;             /* requests since the last sampled one */
static uint64_t guarded;

/* What a request becomes. */
struct plan {
    size_t total_bytes; /* of object, lead and canaries */
    size_t alignment;
    uint32_t lead_bytes;
    unsigned flags;
    bool canaries;
};

/* --- chance ----------------------------------------------------------------------------------- */

void heap_block_init(void)
{
    guarded = 0;
    heap_block_seed(0);
}

void heap_block_seed(uint64_t seed)
{
    random_state = seed != 0 ? seed : 1;
    turn = 0;
}

/* Xorshift (Marsaglia, 2003). */
uint32_t heap_block_random(uint32_t bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(((random_state >> 32) * bound) >> 32);
}

/* Whether it is this request's turn to be guarded. */
static bool take_turn(const struct heap_request *request)
{
    uint32_t one_in = heap_debug_now.guard_one_in;
    irq_state_t state;
    bool mine;

    if (one_in == 0 || request->size_bytes > SAMPLED_PAGES * PAGE_SIZE ||
        request->alignment > PAGE_SIZE || (request->flags & HEAP_DMA) != 0)
        return false;
    state = spin_lock(&heap_records_lock);
    mine = ++turn >= one_in;
    if (mine)
        turn = 0;
    spin_unlock(&heap_records_lock, state);
    return mine;
}

static bool next_is_low(void)
{
    irq_state_t state = spin_lock(&heap_records_lock);
    bool low = guarded++ % 2 != 0;

    spin_unlock(&heap_records_lock, state);
    return low;
}

uint64_t heap_block_guarded(void)
{
    irq_state_t state = spin_lock(&heap_records_lock);
    uint64_t count = guarded;

    spin_unlock(&heap_records_lock, state);
    return count;
}

/* --- plans ------------------------------------------------------------------------------------ */

/* What kmalloc() promises: 16, and natural alignment for powers of two up to a page. */
static size_t alignment_of(const struct heap_request *request)
{
    size_t size = request->size_bytes;
    size_t natural = is_power_of_two(size) && size <= PAGE_SIZE ? size : 1;

    if (natural < request->alignment)
        natural = request->alignment;
    return natural > ALIGNMENT_LEAST ? natural : ALIGNMENT_LEAST;
}

static void plan_guarded(const struct heap_request *request, struct plan *plan)
{
    plan->flags |= HEAP_GUARDED;
    if (request->alignment > ALIGNMENT_LEAST || next_is_low())
        plan->flags |= HEAP_GUARD_LOW;
    plan->canaries = heap_debug_has(HEAP_DEBUG_CANARY);
}

/* The lead keeps the alignment; what is left of the block behind the object is canary, too. */
static void plan_canaries(const struct heap_request *request, struct plan *plan)
{
    size_t alignment = alignment_of(request);
    size_t total;

    if (alignment > PAGE_SIZE ||
        __builtin_add_overflow(request->size_bytes, 2 * alignment + CANARY_BYTES - 1, &total))
        return;
    plan->total_bytes = (size_t)align_down(total, alignment);
    plan->alignment = alignment;
    plan->lead_bytes = (uint32_t)alignment;
    plan->canaries = true;
}

static void make_plan(const struct heap_request *request, bool plain, struct plan *plan)
{
    *plan = (struct plan){ .total_bytes = request->size_bytes,
                           .alignment = request->alignment,
                           .flags = request->flags };
    if (plain || (request->flags & HEAP_DMA) != 0)
        return;
    if ((request->flags & HEAP_GUARDED) != 0 || take_turn(request))
        plan_guarded(request, plan);
    else if (heap_debug_has(HEAP_DEBUG_CANARY))
        plan_canaries(request, plan);
}

/* --- small blocks ----------------------------------------------------------------------------- */

/* One of several free objects, so that nobody knows which comes next. */
static bool take_any(unsigned class_index, void **object)
{
    void *objects[RANDOM_CHOICE];
    unsigned count = slab_take(class_index, objects, RANDOM_CHOICE);
    irq_state_t state;
    unsigned choice;

    if (count == 0)
        return false;
    state = spin_lock(&heap_records_lock);
    choice = heap_block_random(count);
    spin_unlock(&heap_records_lock, state);
    *object = objects[choice];
    objects[choice] = objects[count - 1];
    if (count > 1)
        slab_give(class_index, objects, count - 1);
    return true;
}

static bool take_small(unsigned class_index, struct heap_record *record)
{
    const struct heap_shape *shape = &heap_shapes[class_index];
    void *object;

    if (heap_debug_has(HEAP_DEBUG_RANDOM) ? !take_any(class_index, &object)
                                          : slab_take(class_index, &object, 1) == 0)
        return false;
    heap_site_mark(shape, (uintptr_t)object,
                   HEAP_STATE_LIVE | record->tag | heap_site_state(record->alloc_site));
    heap_count(&heap_counters.slow_allocations, 1);
    heap_count(&heap_counters.tag_bytes[record->tag], shape->object_bytes);
    record->class_index = (uint8_t)class_index;
    record->start = (uintptr_t)object;
    record->block_bytes = shape->object_bytes;
    return true;
}

/* --- blocks ----------------------------------------------------------------------------------- */

static bool take_large(const struct plan *plan, struct heap_record *record)
{
    const struct heap_request request = { plan->total_bytes, plan->alignment,
                                          (enum heap_tag)record->tag, plan->flags,
                                          record->alloc_site };
    void *object = heap_large_alloc(&request);
    const struct heap_page *head;

    if (object == NULL)
        return false;
    head = heap_large_find(object);
    record->class_index = HEAP_NO_CLASS;
    record->start = heap_page_address((uint32_t)(head - heap_window.pages));
    record->block_bytes = (size_t)head->page_count << PAGE_SHIFT;
    record->lead_bytes += head->lead_bytes;
    return true;
}

bool heap_block_take(const struct heap_request *request, bool plain, struct heap_record *record)
{
    struct plan plan;
    size_t rounded;

    make_plan(request, plain, &plan);
    record->size_bytes = request->size_bytes;
    record->tag = (uint8_t)request->tag;
    record->flags = (uint16_t)(plan.flags & (HEAP_DMA | HEAP_GUARDED));
    if ((request->flags & HEAP_GUARDED) != 0)
        record->flags |= HEAP_GUARD_ASKED;
    record->lead_bytes = plan.lead_bytes;
    record->canaries = plan.canaries;
    rounded = (size_t)align_up(plan.total_bytes != 0 ? plan.total_bytes : 1, plan.alignment);
    if (record->flags == 0 && rounded >= plan.total_bytes && rounded <= HEAP_SMALL_BYTES)
        return take_small(heap_class_of(rounded), record);
    return take_large(&plan, record);
}

void heap_block_mark_freed(const struct heap_record *record)
{
    const struct heap_shape *shape = &heap_shapes[record->class_index];

    if (record->class_index == HEAP_NO_CLASS) {
        heap_large_untag(&heap_window.pages[heap_page_number(record->start)]);
        return;
    }
    heap_state_write(heap_state_of(shape, record->start), HEAP_STATE_FREED | record->tag);
    heap_count(&heap_counters.tag_bytes[record->tag], -(size_t)shape->object_bytes);
}

void heap_block_give(const struct heap_record *record)
{
    void *start = va_ptr(va(record->start));
    size_t lead;

    if (record->class_index != HEAP_NO_CLASS) {
        slab_give(record->class_index, &start, 1);
        return;
    }
    lead = heap_window.pages[heap_page_number(record->start)].lead_bytes;
    (void)heap_large_free((uint8_t *)start + lead, HEAP_ANY_SIZE, NULL);
}

size_t heap_block_room(const struct heap_record *record)
{
    size_t unmapped = (record->flags & HEAP_GUARDED) != 0 ? PAGE_SIZE : 0;

    if (record->canaries)
        return record->size_bytes != 0 ? record->size_bytes : 1;
    return record->block_bytes - record->lead_bytes - unmapped;
}
