/* SPDX-License-Identifier: BSD-2-Clause
 *
 * slab.c - slabs: runs of pages filled with objects of one class.
 *
 * A slab is known by its first page's record: a bit for each free object, their number, and links.
 * Its pages' entries in the page map name the class and the page's place in the slab, so that
 * any address leads to its object by arithmetic alone. Nothing is written into objects, and the
 * record lies in another part of the window: whoever writes past an object, or into a freed one,
 * damages data, never the allocator.
 *
 * A class keeps its slabs in lists by fullness (eighths), takes objects from the fullest slab that
 * has any, and so gives the emptier ones time to become empty; full slabs are in no list:
 *
 *     list 0                       list 7             list 8
 *     | up to 1/8 free | ... | more than 7/8 free | all free |
 *
 * Some empty slabs are kept, since a class that has just freed much often allocates again; the
 * others, and all when the heap is about to grow or the PMM is short, go back to the run allocator.
 *
 * In front of the slabs stands the depot, a stack of free objects that have left one processor's
 * magazine and may soon be wanted by another's: a batch through it costs one copy.
 *
 * Cost: taking or giving a batch is one lock and a few instructions an object. What can fail:
 * slab_take(), when no page is to be had.
 */
#include "slab.h"

#include "heap_report.h"
#include "heap_runs.h"
#include "lib/assert.h"
#include "lib/bits.h"
#include "lib/lock.h"
#include "lib/log.h"
#include "lib/string.h"

#define FULLNESS_LISTS 8u
#define EMPTY_LIST     FULLNESS_LISTS
#define LIST_COUNT     (FULLNESS_LISTS + 1)
#define NO_LIST        0xffu

#define DEPOT_OBJECTS  256u
#define EMPTY_KEPT     4u /* slabs a class, and a quarter of them all */

struct heap_class {
    struct spinlock lock;
    uint32_t lists[LIST_COUNT]; /* first pages of slabs; 0 ends a list */
    uint32_t listed;            /* lists that are not empty, as bits */
    size_t slabs;
    size_t empty_slabs;
    size_t free_objects; /* in slabs */
    uint32_t depot_count;
    void *depot[DEPOT_OBJECTS];
};

static struct heap_class *classes;
static size_t empty_slabs_total; /* atomic; a hint whether reclaiming is worth while */

/* --- lists ------------------------------------------------------------------------------- */

static unsigned list_for(const struct heap_shape *shape, unsigned free_count)
{
    if (free_count == 0)
        return NO_LIST;
    if (free_count == shape->count)
        return EMPTY_LIST;
    return (free_count - 1) >> (shape->count_shift - 3);
}

static void list_insert(struct heap_class *class, uint32_t first, unsigned list)
{
    struct heap_page *slab = &heap_window.pages[first];
    uint32_t next = class->lists[list];

    slab->list = (uint8_t)list;
    slab->previous = 0;
    slab->next = next;
    if (next != 0)
        heap_window.pages[next].previous = first;
    class->lists[list] = first;
    class->listed |= 1u << list;
}

static void list_remove(struct heap_class *class, uint32_t first)
{
    struct heap_page *slab = &heap_window.pages[first];

    if (slab->next != 0)
        heap_window.pages[slab->next].previous = slab->previous;
    if (slab->previous != 0)
        heap_window.pages[slab->previous].next = slab->next;
    else
        class->lists[slab->list] = slab->next;
    if (class->lists[slab->list] == 0)
        class->listed &= ~(1u << slab->list);
}

/* Puts a slab into the list that its number of free objects asks for. */
static void list_update(struct heap_class *class, const struct heap_shape *shape, uint32_t first)
{
    struct heap_page *slab = &heap_window.pages[first];
    unsigned list = list_for(shape, slab->free_count);

    if (list == slab->list)
        return;
    if (slab->list != NO_LIST)
        list_remove(class, first);
    if (slab->list == EMPTY_LIST) {
        class->empty_slabs--;
        __atomic_fetch_sub(&empty_slabs_total, 1, __ATOMIC_RELAXED);
    }
    slab->list = (uint8_t)list;
    if (list == EMPTY_LIST) {
        class->empty_slabs++;
        __atomic_fetch_add(&empty_slabs_total, 1, __ATOMIC_RELAXED);
    }
    if (list != NO_LIST)
        list_insert(class, first, list);
}

/* --- slabs ------------------------------------------------------------------------------- */

static void slab_fill_record(uint32_t first, unsigned class_index)
{
    const struct heap_shape *shape = &heap_shapes[class_index];
    struct heap_page *slab = &heap_window.pages[first];

    slab->class_index = (uint8_t)class_index;
    slab->list = NO_LIST;
    slab->free_count = shape->count;
    for (unsigned word = 0; word < HEAP_SLAB_WORDS; word++)
        slab->free_bits[word] = shape->count > 64 * word ? low_mask(shape->count - 64 * word) : 0;
    for (unsigned page = 0; page < shape->pages; page++)
        __atomic_store_n(&heap_window.map[first + page], (uint16_t)(page << 8 | (class_index + 1)),
                         __ATOMIC_RELAXED);
}

static enum status back_states(uint32_t first, const struct heap_shape *shape)
{
    enum status status;

    if (heap_states_backed(first, shape->pages, shape->plane))
        return STATUS_OK;
    if (!heap_grow_enter())
        return STATUS_NO_MEMORY;
    status = heap_states_back(first, shape->pages, shape->plane);
    heap_grow_leave();
    return status;
}

/* A new slab in its class's list of empty ones. */
static enum status slab_create(unsigned class_index)
{
    const struct heap_shape *shape = &heap_shapes[class_index];
    struct heap_class *class = &classes[class_index];
    uint32_t first;
    enum status status = slab_or_heap_run(shape->pages, 1, HEAP_PAGE_SLAB, &first);
    irq_state_t state;

    if (status != STATUS_OK)
        return status;
    status = back_states(first, shape);
    if (status != STATUS_OK) {
        heap_run_free(first);
        return status;
    }
    slab_fill_record(first, class_index);
    state = spin_lock(&class->lock);
    class->slabs++;
    class->free_objects += shape->count;
    list_update(class, shape, first);
    spin_unlock(&class->lock, state);
    return STATUS_OK;
}

/* Takes an empty slab off its class; 0 when there are not more than `kept`. The lock is held. */
static uint32_t detach_empty(struct heap_class *class, const struct heap_shape *shape, size_t kept)
{
    uint32_t first = class->lists[EMPTY_LIST];

    if (class->empty_slabs <= kept)
        return 0;
    list_remove(class, first);
    class->empty_slabs--;
    __atomic_fetch_sub(&empty_slabs_total, 1, __ATOMIC_RELAXED);
    class->slabs--;
    class->free_objects -= shape->count;
    return first;
}

static void slab_destroy(uint32_t first, const struct heap_shape *shape)
{
    for (unsigned page = 0; page < shape->pages; page++)
        __atomic_store_n(&heap_window.map[first + page], 0, __ATOMIC_RELAXED);
    heap_run_free(first);
}

/* Takes up to `count` objects out of a slab, from the lowest on. */
static unsigned slab_take_objects(const struct heap_shape *shape, uint32_t first, void **objects,
                                  unsigned count)
{
    struct heap_page *slab = &heap_window.pages[first];
    uintptr_t base = heap_page_address(first);
    unsigned taken = 0;

    for (unsigned word = 0; word < HEAP_SLAB_WORDS && taken < count; word++) {
        uint64_t bits = slab->free_bits[word];

        while (bits != 0 && taken < count) {
            unsigned index = word * 64 + lowest_bit(bits);

            bits &= bits - 1;
            objects[taken++] = va_ptr(va(base + (size_t)index * shape->object_bytes));
        }
        slab->free_bits[word] = bits;
    }
    slab->free_count = (uint16_t)(slab->free_count - taken);
    return taken;
}

/* Marks an object free in its slab; false if it is already. */
static bool slab_give_object(struct heap_class *class, const struct heap_shape *shape, void *object)
{
    uintptr_t address = (uintptr_t)object;
    uint32_t page = heap_page_number(address);
    uint16_t entry = heap_window.map[page];
    uint32_t first = page - (entry >> 8);
    uint32_t index = heap_object_index(shape, map_offset(entry, address));
    struct heap_page *slab = &heap_window.pages[first];
    uint64_t bit = (uint64_t)1 << (index % 64);

    if ((slab->free_bits[index / 64] & bit) != 0)
        return false;
    slab->free_bits[index / 64] |= bit;
    slab->free_count++;
    class->free_objects++;
    list_update(class, shape, first);
    return true;
}

/* --- interface ---------------------------------------------------------------------------- */

size_t slab_fixed_bytes(void)
{
    return HEAP_CLASSES * sizeof(struct heap_class);
}

enum status slab_init(void *fixed)
{
    enum status status = heap_window_back_fixed(fixed, slab_fixed_bytes());

    if (status != STATUS_OK)
        return status;
    classes = fixed;
    empty_slabs_total = 0;
    for (unsigned i = 0; i < HEAP_CLASSES; i++)
        classes[i].lock =
            (struct spinlock)SPINLOCK_INIT(LOCK_RANK_HEAP_CLASS, "one size class's slabs");
    return STATUS_OK;
}

static unsigned take_from_depot(struct heap_class *class, void **objects, unsigned count)
{
    unsigned taken = class->depot_count < count ? class->depot_count : count;

    class->depot_count -= taken;
    memcpy(objects, class->depot + class->depot_count, taken * sizeof(void *));
    return taken;
}

static unsigned take_from_slabs(struct heap_class *class, const struct heap_shape *shape,
                                void **objects, unsigned count)
{
    unsigned taken = 0;

    while (taken < count && class->listed != 0) {
        uint32_t first = class->lists[lowest_bit(class->listed)];

        taken += slab_take_objects(shape, first, objects + taken, count - taken);
        list_update(class, shape, first);
    }
    class->free_objects -= taken;
    return taken;
}

unsigned slab_take(unsigned class_index, void **objects, unsigned count)
{
    struct heap_class *class = &classes[class_index];

    do {
        irq_state_t state = spin_lock(&class->lock);
        unsigned taken = take_from_depot(class, objects, count);

        if (taken == 0)
            taken = take_from_slabs(class, &heap_shapes[class_index], objects, count);
        spin_unlock(&class->lock, state);
        if (taken != 0)
            return taken;
    } while (slab_create(class_index) == STATUS_OK);
    return 0;
}

static void give_to_slabs(struct heap_class *class, const struct heap_shape *shape,
                          void *const *objects, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (!slab_give_object(class, shape, objects[i]))
            heap_report_in_slab(objects[i]);
    }
}

void slab_give(unsigned class_index, void *const *objects, unsigned count)
{
    struct heap_class *class = &classes[class_index];
    const struct heap_shape *shape = &heap_shapes[class_index];
    irq_state_t state = spin_lock(&class->lock);
    uint32_t surplus = 0;

    if (class->depot_count + count <= DEPOT_OBJECTS) {
        memcpy(class->depot + class->depot_count, objects, count * sizeof(void *));
        class->depot_count += count;
    } else {
        give_to_slabs(class, shape, objects, count);
        surplus = detach_empty(class, shape, EMPTY_KEPT + class->slabs / 4);
    }
    spin_unlock(&class->lock, state);
    if (surplus != 0)
        slab_destroy(surplus, shape);
}

static size_t class_reclaim(unsigned class_index)
{
    struct heap_class *class = &classes[class_index];
    const struct heap_shape *shape = &heap_shapes[class_index];
    size_t pages = 0;
    irq_state_t state = spin_lock(&class->lock);
    unsigned depot_count = class->depot_count;
    uint32_t first;

    class->depot_count = 0;
    give_to_slabs(class, shape, class->depot, depot_count);
    while ((first = detach_empty(class, shape, 0)) != 0) {
        spin_unlock(&class->lock, state);
        slab_destroy(first, shape);
        pages += shape->pages;
        state = spin_lock(&class->lock);
    }
    spin_unlock(&class->lock, state);
    return pages;
}

size_t slab_reclaim(void)
{
    size_t pages = 0;

    for (unsigned i = 0; i < HEAP_CLASSES; i++)
        pages += class_reclaim(i);
    return pages;
}

enum status slab_or_heap_run(uint32_t count_pages, uint32_t align_pages, enum heap_page_kind kind,
                             uint32_t *first)
{
    if (heap_run_alloc(count_pages, align_pages, kind, first) == STATUS_OK)
        return STATUS_OK;
    if (__atomic_load_n(&empty_slabs_total, __ATOMIC_RELAXED) != 0 && slab_reclaim() != 0 &&
        heap_run_alloc(count_pages, align_pages, kind, first) == STATUS_OK)
        return STATUS_OK;
    if (heap_run_map(count_pages, align_pages, kind, first) == STATUS_OK)
        return STATUS_OK;
    /* Short of frames or of window: what is cached in pieces may make a whole. */
    if (slab_reclaim() + heap_runs_shrink(SIZE_MAX, false) == 0)
        return STATUS_NO_MEMORY;
    return heap_run_map(count_pages, align_pages, kind, first);
}

void slab_get_stats(unsigned class_index, struct slab_class_stats *stats)
{
    struct heap_class *class = &classes[class_index];
    irq_state_t state = spin_lock(&class->lock);

    *stats = (struct slab_class_stats){ .slabs = class->slabs,
                                        .free_objects = class->free_objects,
                                        .depot_objects = class->depot_count };
    spin_unlock(&class->lock, state);
}

/* --- checking ------------------------------------------------------------------------------ */

static bool corrupt(const char *what, uint32_t first)
{
    log_error("heap: slab at 0x%zx: %s", (size_t)heap_page_address(first), what);
    return false;
}

static bool check_map(uint32_t first, const struct heap_page *slab)
{
    for (uint32_t page = 0; page < slab->page_count; page++) {
        if (heap_window.map[first + page] != (page << 8 | (slab->class_index + 1u)))
            return corrupt("the page map does not know it", first);
    }
    return true;
}

static bool is_listed(const struct heap_class *class, uint32_t first, unsigned list)
{
    uint32_t slab = class->lists[list];

    while (slab != 0 && slab != first)
        slab = heap_window.pages[slab].next;
    return slab == first;
}

/* Free objects by their bits; SIZE_MAX when one of them is live by its state byte. */
static size_t count_objects(const struct heap_shape *shape, uint32_t first, size_t *live)
{
    const struct heap_page *slab = &heap_window.pages[first];
    size_t free_objects = 0;

    for (unsigned i = 0; i < shape->count; i++) {
        uintptr_t address = heap_page_address(first) + (size_t)i * shape->object_bytes;
        bool is_free = (slab->free_bits[i / 64] >> (i % 64) & 1) != 0;
        bool is_live = *(const uint8_t *)(shape->states + (address >> shape->plane)) >= 0x80;

        if (is_free && is_live)
            return SIZE_MAX;
        free_objects += is_free;
        *live += is_live;
    }
    return free_objects;
}

bool slab_check(uint32_t first, struct slab_sums sums[HEAP_CLASSES])
{
    const struct heap_page *slab = &heap_window.pages[first];
    const struct heap_shape *shape = &heap_shapes[slab->class_index];
    struct slab_sums *sum;
    size_t free_objects;

    if (slab->class_index >= HEAP_CLASSES || slab->page_count != shape->pages)
        return corrupt("its class makes no sense", first);
    sum = &sums[slab->class_index];
    free_objects = count_objects(shape, first, &sum->live_objects);
    if (free_objects != slab->free_count)
        return corrupt("its free objects and their number disagree", first);
    if (slab->list != list_for(shape, slab->free_count) ||
        (slab->list != NO_LIST && !is_listed(&classes[slab->class_index], first, slab->list)))
        return corrupt("it is in the wrong list", first);
    sum->slabs++;
    sum->free_objects += free_objects;
    return check_map(first, slab);
}
