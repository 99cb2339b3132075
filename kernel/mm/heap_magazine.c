/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_magazine.c - the processors' magazines: how they come about, are refilled, flushed and emptied.
 *
 * A magazine is a stack of free objects of one class that one processor has for itself. A full one
 * gives its older half to the depot, an empty one takes half from there: at least half a magazine of
 * operations lies between two visits. Who finds the processor's magazines busy (an interrupt
 * handler, or debugging, which keeps them busy) goes past them to the slabs.
 */
#include "fail_alloc_private.h"
#include "heap_debug_private.h"
#include "heap_fast.h"
#include "heap_report.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "slab.h"

/* A processor's structure and the stacks of its magazines. */
struct cpu_memory {
    struct heap_cpu cpu;
    void *objects[HEAP_CLASS_END][HEAP_MAGAZINE_OBJECTS];
};
#define CPU_BYTES ((size_t)align_up(sizeof(struct cpu_memory), PAGE_SIZE))

struct heap_cpu *heap_cpus[CONFIG_MAX_CPUS];
struct heap_cpu *heap_cpu_own[CONFIG_MAX_CPUS];
struct heap_cpu heap_cpu_none = { .busy = true };
struct heap_counters heap_counters;

static uintptr_t cpu_area; /* virtual space for each processor's struct heap_cpu */

/* --- coming about --------------------------------------------------------------------------- */

size_t heap_magazines_fixed_bytes(void)
{
    return CONFIG_MAX_CPUS * CPU_BYTES;
}

void heap_magazines_init(uintptr_t area)
{
    for (unsigned id = 0; id < CONFIG_MAX_CPUS; id++)
        heap_cpus[id] = heap_cpu_own[id] = &heap_cpu_none;
    heap_counters = (struct heap_counters){ 0 };
    cpu_area = area;
}

static void magazine_init(struct cpu_memory *memory, unsigned class_index)
{
    const struct heap_shape *shape = &heap_shapes[class_index];
    void **objects = memory->objects[class_index];

    memory->cpu.magazines[class_index] = (struct heap_magazine){
        .top = objects,
        .base = objects,
        .limit = objects + 2 * shape->batch,
        .states = shape->states,
        .sites = shape->sites,
        .low_mask = (1u << shape->zeros) - 1,
        .plane = shape->plane,
        .site_plane = shape->site_plane,
        .hands_out = true,
    };
}

/* Gives this processor its magazines, if it has none yet; failing that, it goes on without. */
static void cpu_create(void)
{
    unsigned id = arch_cpu_id();
    struct cpu_memory *memory = va_ptr(va(cpu_area + id * CPU_BYTES));

    if (heap_cpus[id] != &heap_cpu_none || heap_debug_on || fail_alloc_on || !heap_grow_enter())
        return;
    if (heap_cpu_own[id] == &heap_cpu_none &&
        heap_window_back_fixed(memory, sizeof(*memory)) == STATUS_OK) {
        for (unsigned i = HEAP_CLASS_FIRST; i < HEAP_CLASS_END; i++)
            magazine_init(memory, i);
        __atomic_store_n(&heap_cpu_own[id], &memory->cpu, __ATOMIC_RELEASE);
        __atomic_store_n(&heap_cpus[id], &memory->cpu, __ATOMIC_RELEASE);
    }
    heap_grow_leave();
}

/* --- allocation ------------------------------------------------------------------------------- */

static void count_tag(struct heap_cpu *cpu, enum heap_tag tag, size_t change)
{
    if (tag != HEAP_TAG_NONE)
        __atomic_store_n(&cpu->tag_bytes[tag], cpu->tag_bytes[tag] + change, __ATOMIC_RELAXED);
}

/* Where to look for free objects: slab_take(), or slab_take_at_hand(). */
typedef unsigned take_objects(unsigned class_index, void **objects, unsigned count);

/* Pops an object, refilling the magazine as needed; NULL when there is none. */
static void *magazine_take(struct heap_magazine *magazine, unsigned class_index, unsigned state,
                           take_objects *take)
{
    for (;;) {
        void *object;

        if (magazine->top == magazine->base) {
            unsigned batch = heap_shapes[class_index].batch;

            magazine->hands_out = true;
            heap_magazine_set_top(magazine,
                                  magazine->base + take(class_index, magazine->base, batch));
            if (magazine->top == magazine->base)
                return NULL;
        }
        heap_magazine_set_top(magazine, magazine->top - 1);
        object = *magazine->top;
        if (heap_mark_live(magazine, object, state, state >> HEAP_STATE_SITE_SHIFT)) {
            magazine->allocations++;
            return object;
        }
        heap_report_in_magazine(object);
    }
}

/* Without magazines: the first time on this processor, in an interrupt, or for want of memory. */
static void *slab_alloc(unsigned class_index, unsigned state, take_objects *take)
{
    const struct heap_shape *shape = &heap_shapes[class_index];
    void *object;

    cpu_create();
    if (take(class_index, &object, 1) == 0)
        return NULL;
    heap_site_mark(shape, (uintptr_t)object, state);
    heap_count(&heap_counters.slow_allocations, 1);
    heap_count(&heap_counters.tag_bytes[(enum heap_tag)(state & HEAP_STATE_TAG)],
               shape->object_bytes);
    return object;
}

static void *class_alloc(unsigned class_index, unsigned state, take_objects *take)
{
    struct heap_cpu *cpu = heap_cpu_idle();
    void *object;

    if (cpu == NULL)
        return slab_alloc(class_index, state, take);
    heap_cpu_enter(cpu);
    object = magazine_take(&cpu->magazines[class_index], class_index, state, take);
    if (object != NULL)
        count_tag(cpu, (enum heap_tag)(state & HEAP_STATE_TAG),
                  heap_shapes[class_index].object_bytes);
    heap_cpu_leave(cpu);
    return object;
}

/* Before more is mapped, the holes in other classes' slabs are tried. */
void *heap_small_alloc(size_t span_bytes, unsigned class_index, unsigned state)
{
    void *object = class_alloc(class_index, state, slab_take_at_hand);

    if (object == NULL)
        object = heap_span_alloc(span_bytes, state);
    if (object == NULL)
        object = class_alloc(class_index, state, slab_take);
    if (object == NULL)
        heap_count(&heap_counters.failures, 1);
    return object;
}

/* The same, after the fast path found nothing to take. */
void *heap_small_alloc_again(struct heap_cpu *cpu, size_t span_bytes, unsigned class_index,
                             unsigned state, const void *caller)
{
    heap_cpu_leave(cpu);
    return heap_small_alloc(span_bytes, class_index, state | heap_site_state(caller));
}

bool heap_must_fail(const void *caller)
{
    if (!FAIL_ALLOC(caller))
        return false;
    heap_count(&heap_counters.failures, 1);
    return true;
}

/* For a caller that has no site, or past the magazines, because they are busy. */
void *heap_busy_alloc(size_t size_bytes, size_t alignment, unsigned class_index, unsigned state,
                      const void *caller)
{
    if (heap_debug_on)
        return heap_request_large(size_bytes, alignment, HEAP_TAG_NONE, 0, caller);
    if (heap_must_fail(caller))
        return NULL;
    return heap_small_alloc(alignment == 1 ? size_bytes : 0, class_index,
                            state | heap_site_state(caller));
}

/* --- freeing ---------------------------------------------------------------------------------- */

/* Gives the older half of a full magazine away. */
static void magazine_flush(struct heap_magazine *magazine, unsigned class_index)
{
    unsigned batch = heap_shapes[class_index].batch;
    size_t rest = (size_t)(magazine->top - magazine->base) - batch;

    magazine->hands_out = magazine->allocations != magazine->flushed_at;
    magazine->flushed_at = magazine->allocations;
    slab_give(class_index, magazine->base, batch);
    memmove(magazine->base, magazine->base + batch, rest * sizeof(magazine->base[0]));
    heap_magazine_set_top(magazine, magazine->base + rest);
}

/* Frees a live object: every case. */
void heap_small_free(const struct heap_small *small, void *object)
{
    struct heap_cpu *cpu = heap_cpu_idle();
    struct heap_magazine *magazine;
    enum heap_tag tag = (enum heap_tag)(small->state & HEAP_STATE_TAG);
    size_t bytes = heap_shapes[small->class_index].object_bytes;

    heap_state_write(small->byte, HEAP_STATE_FREED | (unsigned)tag);
    if (cpu == NULL) {
        heap_count(&heap_counters.tag_bytes[tag], -bytes);
        slab_give(small->class_index, &object, 1);
        cpu_create();
        return;
    }
    heap_cpu_enter(cpu);
    magazine = &cpu->magazines[small->class_index];
    if (magazine->top == magazine->limit)
        magazine_flush(magazine, small->class_index);
    *magazine->top = object;
    heap_magazine_set_top(magazine, magazine->top + 1);
    count_tag(cpu, tag, -bytes);
    heap_cpu_leave(cpu);
}

/* --- all of them ------------------------------------------------------------------------------ */

/* Empties this processor's magazines, unless we interrupted it at them. */
void heap_magazines_drain(void)
{
    struct heap_cpu *cpu = heap_cpu_idle();

    if (cpu == NULL)
        return;
    heap_cpu_enter(cpu);
    for (unsigned i = HEAP_CLASS_FIRST; i < HEAP_CLASS_END; i++) {
        struct heap_magazine *magazine = &cpu->magazines[i];

        slab_give(i, magazine->base, (unsigned)(magazine->top - magazine->base));
        heap_magazine_set_top(magazine, magazine->base);
    }
    heap_cpu_leave(cpu);
}

void heap_magazines_stop(void)
{
    heap_magazines_drain();
    for (unsigned id = 0; id < CONFIG_MAX_CPUS; id++)
        __atomic_store_n(&heap_cpus[id], &heap_cpu_none, __ATOMIC_RELEASE);
}

void heap_magazines_start(void)
{
    for (unsigned id = 0; id < CONFIG_MAX_CPUS; id++)
        __atomic_store_n(&heap_cpus[id], heap_cpu_own[id], __ATOMIC_RELEASE);
}

void heap_set_aside(bool aside)
{
    if (aside)
        heap_magazines_stop();
    else if (!heap_debug_on)
        heap_magazines_start();
}
