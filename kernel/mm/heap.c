/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap.c - kmalloc and kfree: the fast path.
 *
 * A small object passes through four rooms, each a little further away:
 *
 *     owner  <->  magazine   <->  depot    <->  slab  <->  run of pages
 *                 a processor's   a class's     slab.c     heap_runs.c
 *
 * kmalloc() turns the size into a class (one table look-up), pops the processor's magazine of that
 * class, and marks the object's state byte live. kfree() reads the class from the page map, divides
 * by multiplication to see that the address is an object's first byte, finds the state byte
 * live, marks it free, and pushes. Nothing is read from or written into the object. So every
 * wrong free is found for the price of one byte: an address outside the window, in a page without
 * objects, inside an object, or of an object that is free, whether it waits in a magazine, in the
 * depot or in a slab.
 *
 * Magazines need no lock and leave interrupts on. A processor's `busy` flag is set while it works
 * on them; kernel code is not moved between processors, and an interrupt handler that comes in
 * between has finished before the work goes on. A handler that finds the flag set takes the
 * way past the magazines, to the slabs, whose locks turn interrupts off. Two processors that free one
 * object at the same instant may both find it live; it is then found when it leaves the magazine
 * (live already) or comes to its slab (free already), and dropped.
 *
 * A full magazine gives its older half to the depot, an empty one takes half from there: at least
 * half a magazine of operations lies between two visits.
 */
#include "mm/heap.h"

#include "heap_private.h"
#include "heap_report.h"
#include "heap_runs.h"
#include "lib/bits.h"
#include "lib/lock.h"
#include "lib/string.h"
#include "mm/pmm.h"
#include "slab.h"

#define OBJECT_ALIGNMENT    16u
#define ALIGNMENT_MAX       MiB
#define MAGAZINE_BYTES_MAX  32768u
#define MAGAZINE_MIN        8u

#define CPU_BYTES           ((size_t)align_up(sizeof(struct heap_cpu), PAGE_SIZE))

#define LIKELY(condition)   __builtin_expect((condition), 1)
#define UNLIKELY(condition) __builtin_expect((condition), 0)
#define CALLER              __builtin_return_address(0)

struct heap_cpu *heap_cpus[CONFIG_MAX_CPUS];
struct heap_counters heap_counters;

static uintptr_t cpu_area; /* virtual space for each processor's struct heap_cpu */

/* --- processors --------------------------------------------------------------------------- */

/* This processor's magazines, ours until cpu_leave(); NULL when they can't be had now. */
static inline struct heap_cpu *cpu_enter(void)
{
    struct heap_cpu *cpu = heap_cpus[arch_cpu_id()];

    if (UNLIKELY(cpu == NULL || cpu->busy))
        return NULL;
    cpu->busy = true;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    return cpu;
}

static inline void cpu_leave(struct heap_cpu *cpu)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    cpu->busy = false;
}

static uint32_t magazine_capacity(unsigned class_index)
{
    uint32_t objects = MAGAZINE_BYTES_MAX / heap_shapes[class_index].object_bytes;

    if (objects > HEAP_MAGAZINE_OBJECTS)
        return HEAP_MAGAZINE_OBJECTS;
    return objects > MAGAZINE_MIN ? objects : MAGAZINE_MIN;
}

/* Gives this processor its magazines; failing that, it goes on without. */
static void cpu_create(void)
{
    unsigned id = arch_cpu_id();
    struct heap_cpu *cpu = va_ptr(va(cpu_area + id * CPU_BYTES));

    if (!heap_grow_enter())
        return;
    if (heap_cpus[id] == NULL && heap_window_back_fixed(cpu, sizeof(*cpu)) == STATUS_OK) {
        for (unsigned i = 0; i < HEAP_CLASSES; i++)
            cpu->magazines[i].capacity = magazine_capacity(i);
        __atomic_store_n(&heap_cpus[id], cpu, __ATOMIC_RELEASE);
    }
    heap_grow_leave();
}

static inline void count_tag(struct heap_cpu *cpu, unsigned tag, size_t change)
{
    if (UNLIKELY(tag != HEAP_TAG_NONE))
        cpu->tag_bytes[tag] += change;
}

/* --- small objects: allocation ------------------------------------------------------------ */

/* Pops an object; NULL when there is none. One that is live already is dropped. */
static inline void *magazine_pop(struct heap_magazine *magazine, const struct heap_shape *shape,
                                 unsigned state)
{
    uint32_t count = magazine->count;

    while (LIKELY(count != 0)) {
        void *object = magazine->objects[--count];
        uint8_t *byte = heap_state_of(shape, (uintptr_t)object);

        __atomic_store_n(&magazine->count, count, __ATOMIC_RELAXED);
        if (LIKELY(heap_state_read(byte) < HEAP_STATE_LIVE)) {
            heap_state_write(byte, state);
            magazine->allocations++;
            return object;
        }
        heap_report_in_magazine(object);
    }
    return NULL;
}

/* Without magazines: the first time on this processor, in an interrupt, or for want of memory. */
[[gnu::noinline, gnu::cold]] static void *small_alloc_slow(unsigned class_index, unsigned state)
{
    const struct heap_shape *shape = &heap_shapes[class_index];
    unsigned tag = state & HEAP_STATE_TAG;
    void *object;

    if (heap_cpus[arch_cpu_id()] == NULL)
        cpu_create();
    if (slab_take(class_index, &object, 1) == 0) {
        heap_count(&heap_counters.failures, 1);
        return NULL;
    }
    heap_state_write(heap_state_of(shape, (uintptr_t)object), state);
    heap_count(&heap_counters.slow_allocations, 1);
    if (tag != HEAP_TAG_NONE)
        heap_count(&heap_counters.tag_bytes[tag], shape->object_bytes);
    return object;
}

/* Fills the magazine by half and pops from it. */
[[gnu::noinline]] static void *small_alloc_refill(struct heap_cpu *cpu, unsigned class_index,
                                                  unsigned state)
{
    struct heap_magazine *magazine = &cpu->magazines[class_index];
    void *object = NULL;

    while (object == NULL) {
        unsigned taken = slab_take(class_index, magazine->objects, magazine->capacity / 2);

        if (taken == 0) {
            heap_count(&heap_counters.failures, 1);
            break;
        }
        __atomic_store_n(&magazine->count, taken, __ATOMIC_RELAXED);
        object = magazine_pop(magazine, &heap_shapes[class_index], state);
    }
    if (object != NULL)
        count_tag(cpu, state & HEAP_STATE_TAG, heap_shapes[class_index].object_bytes);
    cpu_leave(cpu);
    return object;
}

/* An object of a class, its state byte set to `state`. */
static inline void *small_alloc(unsigned class_index, unsigned state)
{
    struct heap_cpu *cpu = cpu_enter();
    void *object;

    if (UNLIKELY(cpu == NULL))
        return small_alloc_slow(class_index, state);
    object = magazine_pop(&cpu->magazines[class_index], &heap_shapes[class_index], state);
    if (UNLIKELY(object == NULL))
        return small_alloc_refill(cpu, class_index, state);
    count_tag(cpu, state & HEAP_STATE_TAG, heap_shapes[class_index].object_bytes);
    cpu_leave(cpu);
    return object;
}

static void *large_alloc(size_t size_bytes, size_t alignment, enum heap_tag tag, unsigned flags)
{
    void *object = heap_large_alloc(size_bytes, alignment, tag, flags);

    if (object == NULL)
        heap_count(&heap_counters.failures, 1);
    return object;
}

/* --- small objects: free ------------------------------------------------------------------ */

/* A small object that kfree() was given. */
struct small {
    const struct heap_shape *shape;
    uint8_t *byte;
    unsigned class_index;
    unsigned state;
};

/* Gives the older half of a full magazine away. */
[[gnu::noinline]] static void magazine_flush(struct heap_magazine *magazine, unsigned class_index)
{
    uint32_t half = magazine->capacity / 2;

    slab_give(class_index, magazine->objects, half);
    memmove(magazine->objects, magazine->objects + half,
            (magazine->count - half) * sizeof(magazine->objects[0]));
    __atomic_store_n(&magazine->count, magazine->count - half, __ATOMIC_RELAXED);
}

[[gnu::noinline, gnu::cold]] static bool small_free_slow(const struct small *small, void *object)
{
    unsigned tag = small->state & HEAP_STATE_TAG;

    heap_state_write(small->byte, HEAP_STATE_FREED | tag);
    if (tag != HEAP_TAG_NONE)
        heap_count(&heap_counters.tag_bytes[tag], -(size_t)small->shape->object_bytes);
    slab_give(small->class_index, &object, 1);
    return true;
}

static inline bool small_free(const struct small *small, void *object)
{
    struct heap_cpu *cpu = cpu_enter();
    struct heap_magazine *magazine;
    unsigned tag = small->state & HEAP_STATE_TAG;

    if (UNLIKELY(cpu == NULL))
        return small_free_slow(small, object);
    magazine = &cpu->magazines[small->class_index];
    if (UNLIKELY(magazine->count == magazine->capacity))
        magazine_flush(magazine, small->class_index);
    heap_state_write(small->byte, HEAP_STATE_FREED | tag);
    magazine->objects[magazine->count] = object;
    __atomic_store_n(&magazine->count, magazine->count + 1, __ATOMIC_RELAXED);
    count_tag(cpu, tag, -(size_t)small->shape->object_bytes);
    cpu_leave(cpu);
    return true;
}

enum find { FIND_SMALL, FIND_INTERIOR, FIND_FREE, FIND_OTHER };

/* Looks an address up in the page map. */
static inline enum find small_find(uintptr_t address, struct small *small)
{
    unsigned entry;

    if (UNLIKELY(!heap_window_open(address)))
        return FIND_OTHER;
    entry = __atomic_load_n(&heap_window.map[heap_page_number(address)], __ATOMIC_RELAXED);
    if (UNLIKELY(entry == 0))
        return FIND_OTHER;
    small->class_index = map_class((uint16_t)entry);
    small->shape = &heap_shapes[small->class_index];
    if (UNLIKELY(heap_object_index(small->shape, map_offset((uint16_t)entry, address)) >=
                 small->shape->count))
        return FIND_INTERIOR;
    small->byte = heap_state_of(small->shape, address);
    small->state = heap_state_read(small->byte);
    return LIKELY(small->state >= HEAP_STATE_LIVE) ? FIND_SMALL : FIND_FREE;
}

/* What kfree() can't free as a small object. */
[[gnu::noinline]] static bool free_other(enum find found, void *object, size_t size_bytes,
                                         const void *caller)
{
    if (found == FIND_INTERIOR)
        return heap_report(HEAP_FAULT_INTERIOR, object, size_bytes, caller);
    if (found == FIND_FREE)
        return heap_report(HEAP_FAULT_FREED_TWICE, object, size_bytes, caller);
    if (object == NULL)
        return true;
    if (!heap_window_open((uintptr_t)object))
        return heap_report(HEAP_FAULT_FOREIGN, object, size_bytes, caller);
    return heap_large_free(object, size_bytes, caller);
}

bool kfree(void *object)
{
    struct small small;
    enum find found = small_find((uintptr_t)object, &small);

    if (UNLIKELY(found != FIND_SMALL))
        return free_other(found, object, HEAP_ANY_SIZE, CALLER);
    return small_free(&small, object);
}

/* Whether an object's class may hold an object of that size. */
static inline bool size_fits(const struct small *small, size_t size_bytes)
{
    if (LIKELY(size_bytes <= HEAP_SMALL_BYTES && heap_class_of(size_bytes) == small->class_index))
        return true;
    return (small->state & HEAP_STATE_OVERSIZE) != 0 && size_bytes <= small->shape->object_bytes;
}

bool kfree_sized(void *object, size_t size_bytes)
{
    struct small small;
    enum find found = small_find((uintptr_t)object, &small);

    if (UNLIKELY(found != FIND_SMALL))
        return free_other(found, object, size_bytes, CALLER);
    if (UNLIKELY(!size_fits(&small, size_bytes)))
        return heap_report(HEAP_FAULT_WRONG_SIZE, object, size_bytes, CALLER);
    return small_free(&small, object);
}

/* --- allocation --------------------------------------------------------------------------- */

void *kmalloc(size_t size_bytes)
{
    if (UNLIKELY(size_bytes > HEAP_SMALL_BYTES))
        return large_alloc(size_bytes, 1, HEAP_TAG_NONE, 0);
    return small_alloc(heap_class_of(size_bytes), HEAP_STATE_LIVE);
}

void *kzalloc(size_t size_bytes)
{
    void *object = kmalloc(size_bytes);

    if (object != NULL)
        memset(object, 0, size_bytes);
    return object;
}

void *kcalloc(size_t count, size_t size_bytes)
{
    size_t total;

    if (__builtin_mul_overflow(count, size_bytes, &total)) {
        heap_count(&heap_counters.failures, 1);
        return NULL;
    }
    return kzalloc(total);
}

void *kmalloc_tagged(size_t size_bytes, enum heap_tag tag, unsigned flags)
{
    void *object;

    if ((unsigned)tag >= HEAP_TAG_COUNT ||
        (flags & ~(unsigned)(HEAP_ZERO | HEAP_DMA | HEAP_GUARDED)) != 0) {
        heap_count(&heap_counters.failures, 1);
        return NULL;
    }
    if (size_bytes > HEAP_SMALL_BYTES || (flags & (HEAP_DMA | HEAP_GUARDED)) != 0)
        object = large_alloc(size_bytes, 1, tag, flags);
    else
        object = small_alloc(heap_class_of(size_bytes), HEAP_STATE_LIVE | (unsigned)tag);
    if (object != NULL && (flags & HEAP_ZERO) != 0)
        memset(object, 0, size_bytes);
    return object;
}

void *kmalloc_aligned(size_t size_bytes, size_t alignment)
{
    size_t rounded = (size_t)align_up(size_bytes != 0 ? size_bytes : 1, alignment);
    unsigned class_index;

    if (!is_power_of_two(alignment) || alignment > ALIGNMENT_MAX) {
        heap_count(&heap_counters.failures, 1);
        return NULL;
    }
    if (rounded < size_bytes || rounded > HEAP_SMALL_BYTES)
        return large_alloc(size_bytes, alignment, HEAP_TAG_NONE, 0);
    class_index = heap_class_of(rounded);
    if (class_index == heap_class_of(size_bytes))
        return small_alloc(class_index, HEAP_STATE_LIVE);
    return small_alloc(class_index, HEAP_STATE_LIVE | HEAP_STATE_OVERSIZE);
}

char *kstrdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = kmalloc(size);

    return copy != NULL ? memcpy(copy, text, size) : NULL;
}

/* --- another size ------------------------------------------------------------------------- */

/* A new object with the old one's tag, contents and flags. */
static void *move_object(void *object, size_t usable, size_t size_bytes, unsigned tag,
                         unsigned flags)
{
    void *moved = kmalloc_tagged(size_bytes, (enum heap_tag)tag, flags);

    if (moved == NULL)
        return NULL;
    memcpy(moved, object, usable < size_bytes ? usable : size_bytes);
    (void)kfree(object);
    return moved;
}

static void *large_realloc(void *object, size_t size_bytes, const void *caller)
{
    struct heap_page *head = heap_window_open((uintptr_t)object) ? heap_large_find(object) : NULL;

    if (head == NULL) {
        (void)free_other(FIND_OTHER, object, HEAP_ANY_SIZE, caller);
        return NULL;
    }
    if (heap_large_resize(head, size_bytes))
        return object;
    return move_object(object, heap_large_usable(head), size_bytes, head->tag, head->flags);
}

void *krealloc(void *object, size_t size_bytes)
{
    struct small small;
    enum find found;

    if (object == NULL)
        return kmalloc(size_bytes);
    found = small_find((uintptr_t)object, &small);
    if (found == FIND_OTHER)
        return large_realloc(object, size_bytes, CALLER);
    if (found != FIND_SMALL) {
        (void)free_other(found, object, HEAP_ANY_SIZE, CALLER);
        return NULL;
    }
    if (size_fits(&small, size_bytes))
        return object;
    return move_object(object, small.shape->object_bytes, size_bytes, small.state & HEAP_STATE_TAG,
                       0);
}

size_t kmalloc_usable(const void *object)
{
    struct small small;
    struct heap_page *head;

    switch (small_find((uintptr_t)object, &small)) {
    case FIND_SMALL:
        return small.shape->object_bytes;
    case FIND_INTERIOR:
    case FIND_FREE:
        return 0;
    case FIND_OTHER:
        break;
    }
    head = heap_window_open((uintptr_t)object) ? heap_large_find(object) : NULL;
    return head != NULL ? heap_large_usable(head) : 0;
}

size_t heap_largest(void)
{
    return heap_window.page_count > 1 ? (size_t)(heap_window.page_count - 1) << PAGE_SHIFT : 0;
}

/* --- the whole ---------------------------------------------------------------------------- */

/* Empties this processor's magazines, unless we interrupted it at them. */
static void cpu_drain(void)
{
    struct heap_cpu *cpu = cpu_enter();

    if (cpu == NULL)
        return;
    for (unsigned i = 0; i < HEAP_CLASSES; i++) {
        struct heap_magazine *magazine = &cpu->magazines[i];

        slab_give(i, magazine->objects, magazine->count);
        __atomic_store_n(&magazine->count, 0, __ATOMIC_RELAXED);
    }
    cpu_leave(cpu);
}

size_t heap_shrink(size_t count_frames)
{
    cpu_drain();
    (void)slab_reclaim();
    return heap_runs_shrink(count_frames, true);
}

/* The PMM's call for help may come while it serves the heap, or holds up a page-table change. */
static size_t shrink_for_pmm(struct pmm_shrinker *shrinker, size_t count_frames)
{
    (void)shrinker;
    cpu_drain();
    (void)slab_reclaim();
    return heap_runs_shrink(count_frames, false);
}

static struct pmm_shrinker shrinker = { .shrink = shrink_for_pmm };

enum status heap_init(vaddr_t window_start, size_t window_bytes)
{
    size_t slab_bytes = (size_t)align_up(slab_fixed_bytes(), PAGE_SIZE);
    enum status status =
        heap_window_init(window_start, window_bytes, slab_bytes + CONFIG_MAX_CPUS * CPU_BYTES);

    if (status != STATUS_OK)
        return status;
    heap_runs_init();
    heap_classes_init();
    heap_reports_init();
    memset(heap_cpus, 0, sizeof(heap_cpus));
    heap_counters = (struct heap_counters){ 0 };
    cpu_area = (uintptr_t)heap_window.fixed + slab_bytes;
    status = slab_init(heap_window.fixed);
    if (status == STATUS_OK)
        pmm_register_shrinker(&shrinker);
    return status;
}
