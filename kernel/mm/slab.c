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
 * A class keeps its slabs in lists by fullness (quarters), takes objects from the fullest slab that
 * has any, and so gives the emptier ones time to become empty; full slabs are in no list:
 *
 *     list 0                       list 3             list 4
 *     | up to 1/4 free | ... | more than 3/4 free | all free |
 *
 * Some empty slabs are kept, since a class that has just freed much often allocates again; the
 * others, and all when the heap is about to grow or the PMM is short, go back to the run allocator.
 *
 * In front of the slabs stands the depot: a few batches of free objects that have left one
 * processor's magazine and may soon be wanted by another's. It has no lock: who takes a batch's bit
 * from one word has the batch for itself, copies, and sets the bit in the other word. So when one
 * processor allocates what another frees, neither waits for the other.
 *
 * Cost: taking or giving a batch is one lock and a few instructions an object. What can fail:
 * slab_take(), when no page is to be had.
 */
#include "slab.h"

#include "heap_debug_private.h"
#include "heap_report.h"
#include "heap_runs.h"
#include "lib/assert.h"
#include "lib/bits.h"
#include "lib/lock.h"
#include "lib/log.h"
#include "lib/string.h"
#include "slab_bits.h"

#define FULLNESS_SHIFT 2u
#define FULLNESS_LISTS (1u << FULLNESS_SHIFT)
#define EMPTY_LIST     FULLNESS_LISTS
#define LIST_COUNT     (FULLNESS_LISTS + 1)
#define NO_LIST        0xffu
#define TAKE_SLABS     4u /* that a refill takes from */

#define SPARSE_CLASS   4u          /* a class is sparse when that part of its objects is free, */
#define SPARSE_HEAP    8u          /* and the heap when that part of all slabs is such room, */
#define SPARSE_BYTES   (256 * KiB) /* which must be worth a search */
#define SPAN_SLABS     8u          /* of each list that are searched */

#define DEPOT_BATCHES  16u
#define DEPOT_BYTES    8192u /* of free objects a class */
#define DEPOT_MIN      1u
#define EMPTY_KEPT     1u /* slabs a class, and a 32nd of them all */

/* Batches of free objects on their way from one processor to another. The bits say which are full
 * and which are empty; one that is neither belongs to the processor that took its bit. */
struct depot {
    uint32_t full __attribute__((aligned(64)));
    uint32_t empty;
    uint32_t batch; /* objects in a full one */
    void **objects; /* batch after batch */
};

struct heap_class {
    struct spinlock lock;
    struct heap_shape shape;
    uint32_t class_index;       /* its own */
    uint32_t list_shift;        /* free objects less one, shifted right: the list */
    uint32_t lists[LIST_COUNT]; /* first pages of slabs; 0 ends a list */
    uint32_t listed;            /* lists that are not empty, as bits */
    size_t slabs;
    size_t empty_slabs;
    size_t free_objects;  /* in slabs */
    size_t inner_objects; /* of spans, behind the first */
    uint32_t
        cursors[FULLNESS_LISTS]; /* where the search for a span goes on; 0: at the list's head */
    struct depot depot;
};

static struct heap_class *classes; /* by class; that of HEAP_NO_CLASS is not used */
static size_t empty_slabs_total;   /* atomic; a hint whether reclaiming is worth while */

/* Others read these two without the lock. */
static void count_free(struct heap_class *class, size_t change)
{
    __atomic_store_n(&class->free_objects, class->free_objects + change, __ATOMIC_RELAXED);
}

static void count_slabs(struct heap_class *class, size_t change)
{
    __atomic_store_n(&class->slabs, class->slabs + change, __ATOMIC_RELAXED);
}

/* --- lists ------------------------------------------------------------------------------- */

/* The list for a slab with that many free objects. */
static inline unsigned list_for(const struct heap_class *class, unsigned free_count)
{
    if (free_count == 0)
        return NO_LIST;
    if (free_count == class->shape.count)
        return EMPTY_LIST;
    return (free_count - 1) >> class->list_shift;
}

static void count_empty(struct heap_class *class, bool one_more)
{
    size_t change = one_more ? 1 : -(size_t)1;

    class->empty_slabs += change;
    __atomic_fetch_add(&empty_slabs_total, change, __ATOMIC_RELAXED);
}

static void list_remove(struct heap_class *class, struct heap_page *slab)
{
    uint32_t first = (uint32_t)(slab - heap_window.pages);

    if (slab->list < FULLNESS_LISTS && class->cursors[slab->list] == first)
        class->cursors[slab->list] = slab->next;
    if (slab->next != 0)
        heap_window.pages[slab->next].previous = slab->previous;
    if (slab->previous != 0)
        heap_window.pages[slab->previous].next = slab->next;
    else
        class->lists[slab->list] = slab->next;
    if (class->lists[slab->list] == 0)
        class->listed &= ~(1u << slab->list);
    if (slab->list == EMPTY_LIST)
        count_empty(class, false);
}

static void list_insert(struct heap_class *class, struct heap_page *slab, unsigned list)
{
    uint32_t first = (uint32_t)(slab - heap_window.pages);
    uint32_t next = class->lists[list];

    slab->previous = 0;
    slab->next = next;
    if (next != 0)
        heap_window.pages[next].previous = first;
    class->lists[list] = first;
    class->listed |= 1u << list;
    if (list == EMPTY_LIST)
        count_empty(class, true);
}

/* Takes a slab from its list to another. */
[[gnu::noinline]] static void list_move(struct heap_class *class, struct heap_page *slab,
                                        unsigned list)
{
    if (slab->list != NO_LIST)
        list_remove(class, slab);
    if (list != NO_LIST)
        list_insert(class, slab, list);
    slab->list = (uint8_t)list;
}

/* Sees to it that a slab is in the list that its number of free objects asks for. */
static inline void list_update(struct heap_class *class, struct heap_page *slab)
{
    unsigned list = list_for(class, slab->free_count);

    if (list != slab->list)
        list_move(class, slab, list);
}

/* --- slabs: coming and going ---------------------------------------------------------------- */

static void slab_fill_record(const struct heap_class *class, uint32_t first)
{
    struct heap_page *slab = &heap_window.pages[first];

    slab->class_index = (uint8_t) class->class_index;
    slab->list = NO_LIST;
    slab->free_count = class->shape.count;
    free_bits_fill(slab->free_bits, class->shape.count);
    for (unsigned page = 0; page < class->shape.pages; page++)
        __atomic_store_n(&heap_window.map[first + page], (uint16_t)(page << 8 | class->class_index),
                         __ATOMIC_RELAXED);
}

static enum status back_states(const struct heap_class *class, uint32_t first)
{
    enum status status;

    if (heap_states_backed(first, class->shape.pages, class->shape.plane) &&
        heap_states_backed(first, class->shape.pages, class->shape.site_plane))
        return STATUS_OK;
    if (!heap_grow_enter())
        return STATUS_NO_MEMORY;
    status = heap_states_back(first, class->shape.pages, class->shape.plane);
    if (status == STATUS_OK)
        status = heap_states_back(first, class->shape.pages, class->shape.site_plane);
    heap_grow_leave();
    return status;
}

/* What earlier slabs left there: sites may lie where the states of this class are. */
static void clear_states(const struct heap_shape *shape, uint32_t first)
{
    size_t size_bytes = (size_t)shape->pages << PAGE_SHIFT;
    uintptr_t address = heap_page_address(first);

    memset(heap_state_of(shape, address), 0, size_bytes >> shape->plane);
    memset(va_ptr(va(shape->sites + (address >> shape->site_plane))), 0,
           shape->site_plane != shape->plane ? size_bytes >> shape->site_plane : 0);
}

static enum status run_at_hand(const struct heap_wish *wish, uint32_t *first);

/* A new slab in its class's list of empty ones, from pages that are mapped unless `may_map`. */
static enum status slab_create(struct heap_class *class, bool may_map)
{
    const struct heap_wish wish = {
        .kind = HEAP_PAGE_SLAB,
        .count_pages = class->shape.pages,
        .align_pages = 1,
        .plane = class->shape.site_plane,
    };
    uint32_t first;
    enum status status = may_map ? slab_or_heap_run(&wish, &first) : run_at_hand(&wish, &first);
    irq_state_t state;

    if (status != STATUS_OK)
        return status;
    status = back_states(class, first);
    if (status != STATUS_OK) {
        heap_run_free(first);
        return status;
    }
    clear_states(&class->shape, first);
    slab_fill_record(class, first);
    state = spin_lock(&class->lock);
    count_slabs(class, 1);
    count_free(class, class->shape.count);
    list_update(class, &heap_window.pages[first]);
    spin_unlock(&class->lock, state);
    return STATUS_OK;
}

/* Takes an empty slab off its class; 0 when there are not more than `kept`. The lock is held. */
static uint32_t detach_empty(struct heap_class *class, size_t kept)
{
    uint32_t first = class->lists[EMPTY_LIST];

    if (class->empty_slabs <= kept)
        return 0;
    list_move(class, &heap_window.pages[first], NO_LIST);
    count_slabs(class, -(size_t)1);
    count_free(class, -(size_t) class->shape.count);
    return first;
}

static void slab_destroy(const struct heap_class *class, uint32_t first)
{
    heap_debug_forget(class->class_index, first);
    for (unsigned page = 0; page < class->shape.pages; page++)
        __atomic_store_n(&heap_window.map[first + page], HEAP_NO_CLASS, __ATOMIC_RELAXED);
    heap_run_free(first);
}

/* --- objects: the lock is held -------------------------------------------------------------- */

/* Takes up to `count` objects out of a slab, from the lowest on. */
static unsigned slab_take_objects(const struct heap_class *class, uint32_t first, void **objects,
                                  unsigned count)
{
    struct heap_page *slab = &heap_window.pages[first];
    uintptr_t word_base = heap_page_address(first);
    const uintptr_t object_bytes = class->shape.object_bytes;
    void **next = objects;
    void **const end = objects + count;

    for (unsigned word = 0; word < HEAP_SLAB_WORDS && next < end; word++) {
        uint64_t bits = slab->free_bits[word];

        while (bits != 0 && next < end)
            *next++ = va_ptr(va(word_base + free_bits_take(&bits) * object_bytes));
        slab->free_bits[word] = bits;
        word_base += 64 * object_bytes;
    }
    count = (unsigned)(next - objects);
    slab->free_count = (uint16_t)(slab->free_count - count);
    return count;
}

/* The slab that an object is in. */
static inline struct heap_page *slab_of(const void *object)
{
    uint32_t page = heap_page_number((uintptr_t)object);

    return &heap_window.pages[page - heap_entry_page(heap_window.map[page])];
}

/* Marks objects free in the slab of the first, as far as they follow each other in the array, and
 * returns how many it went through. */
static unsigned slab_give_objects(struct heap_class *class, void *const *objects, unsigned count)
{
    struct heap_page *slab = slab_of(objects[0]);
    const uintptr_t base = heap_page_address((uint32_t)(slab - heap_window.pages));
    const uintptr_t size_bytes = (uintptr_t) class->shape.pages << PAGE_SHIFT;
    unsigned done = 0, given = 0;

    do {
        uint32_t index =
            heap_object_index(&class->shape, (uint32_t)((uintptr_t)objects[done] - base));
        uint64_t bits = slab->free_bits[index / 64];

        if (free_bits_has(bits, index))
            heap_report_in_slab(objects[done]);
        else
            given++;
        slab->free_bits[index / 64] = free_bits_with(bits, index);
        done++;
    } while (done < count && (uintptr_t)objects[done] - base < size_bytes);
    slab->free_count = (uint16_t)(slab->free_count + given);
    count_free(class, given);
    list_update(class, slab);
    return done;
}

static void give_to_slabs(struct heap_class *class, void *const *objects, unsigned count)
{
    for (unsigned i = 0; i < count;)
        i += slab_give_objects(class, objects + i, count - i);
}

/* From the fullest slabs; from a few only, since each may cost some cache misses and its objects may
 * be few. */
static unsigned take_from_slabs(struct heap_class *class, void **objects, unsigned count)
{
    unsigned taken = 0;

    for (unsigned i = 0; i < TAKE_SLABS && taken < count && class->listed != 0; i++) {
        uint32_t first = class->lists[lowest_bit(class->listed)];

        taken += slab_take_objects(class, first, objects + taken, count - taken);
        list_update(class, &heap_window.pages[first]);
    }
    count_free(class, -(size_t)taken);
    return taken;
}

/* --- spans: neighbours taken as one; the lock is held ------------------------------------------ */

/* Takes the first `count` free neighbours of a slab. */
static void *search_slab(struct heap_class *class, uint32_t first, unsigned count)
{
    struct heap_page *slab = &heap_window.pages[first];
    const unsigned objects = class->shape.count;
    unsigned start = free_bits_run(slab->free_bits, objects, count);

    if (start == objects)
        return NULL;
    free_bits_flip(slab->free_bits, start, count);
    slab->free_count = (uint16_t)(slab->free_count - count);
    count_free(class, -(size_t)count);
    class->inner_objects += count - 1;
    list_update(class, slab);
    return va_ptr(va(heap_page_address(first) + (uintptr_t)start * class->shape.object_bytes));
}

/* Searches some slabs of a list, from where the last search ended. */
static void *search_list(struct heap_class *class, unsigned list, unsigned count)
{
    for (unsigned i = 0; i < SPAN_SLABS && class->lists[list] != 0; i++) {
        uint32_t first = class->cursors[list] != 0 ? class->cursors[list] : class->lists[list];
        void *object;

        class->cursors[list] = first;
        object = search_slab(class, first, count);
        if (object != NULL)
            return object;
        class->cursors[list] = heap_window.pages[first].next;
    }
    return NULL;
}

/* --- the depot: no lock ---------------------------------------------------------------------- */

/* Takes the lowest bit of a word; false when there is none. */
static bool take_bit(uint32_t *word, unsigned *bit)
{
    uint32_t bits = __atomic_load_n(word, __ATOMIC_RELAXED);

    while (bits != 0) {
        if (__atomic_compare_exchange_n(word, &bits, bits & (bits - 1), true, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED)) {
            *bit = lowest_bit(bits);
            return true;
        }
    }
    return false;
}

static void put_bit(uint32_t *word, unsigned bit)
{
    __atomic_fetch_or(word, 1u << bit, __ATOMIC_RELEASE);
}

/* Takes a batch, or nothing. */
static unsigned depot_take(struct depot *depot, void **objects)
{
    unsigned bit;

    if (!take_bit(&depot->full, &bit))
        return 0;
    memcpy(objects, depot->objects + bit * depot->batch, depot->batch * sizeof(void *));
    put_bit(&depot->empty, bit);
    return depot->batch;
}

/* Gives a batch; false when the depot is full. */
static bool depot_give(struct depot *depot, void *const *objects)
{
    unsigned bit;

    if (!take_bit(&depot->empty, &bit))
        return false;
    memcpy(depot->objects + bit * depot->batch, objects, depot->batch * sizeof(void *));
    put_bit(&depot->full, bit);
    return true;
}

/* --- interface ---------------------------------------------------------------------------- */

size_t slab_fixed_bytes(void)
{
    return HEAP_CLASS_END *
           (sizeof(struct heap_class) + DEPOT_BATCHES * HEAP_BATCH_OBJECTS * sizeof(void *));
}

/* How many batches a class's depot may hold. */
static unsigned depot_batches(const struct heap_shape *shape)
{
    unsigned batches = DEPOT_BYTES / ((unsigned)shape->batch * shape->object_bytes);

    if (batches > DEPOT_BATCHES)
        return DEPOT_BATCHES;
    return batches > DEPOT_MIN ? batches : DEPOT_MIN;
}

static size_t depot_objects(const struct heap_shape *shape)
{
    return (size_t)depot_batches(shape) * shape->batch;
}

static void class_init(unsigned class_index, void **depot)
{
    const struct heap_shape *shape = &heap_shapes[class_index];
    struct heap_class *class = &classes[class_index];

    class->lock = (struct spinlock)SPINLOCK_INIT(LOCK_RANK_HEAP_CLASS, "one size class's slabs");
    class->shape = *shape;
    class->class_index = class_index;
    class->list_shift = shape->count_shift - FULLNESS_SHIFT;
    class->depot.empty = (1u << depot_batches(shape)) - 1;
    class->depot.batch = shape->batch;
    class->depot.objects = depot;
}

enum status slab_init(void *fixed)
{
    size_t size_bytes = HEAP_CLASS_END * sizeof(struct heap_class);
    enum status status;
    void **depot;

    for (unsigned i = HEAP_CLASS_FIRST; i < HEAP_CLASS_END; i++)
        size_bytes += depot_objects(&heap_shapes[i]) * sizeof(void *);
    status = heap_window_back_fixed(fixed, size_bytes);
    if (status != STATUS_OK)
        return status;
    classes = fixed;
    empty_slabs_total = 0;
    depot = (void **)(classes + HEAP_CLASS_END);
    for (unsigned i = HEAP_CLASS_FIRST; i < HEAP_CLASS_END; i++) {
        class_init(i, depot);
        depot += depot_objects(&heap_shapes[i]);
    }
    return STATUS_OK;
}

static unsigned take(struct heap_class *class, void **objects, unsigned count, bool may_map)
{
    unsigned taken = count == class->depot.batch ? depot_take(&class->depot, objects) : 0;

    while (taken == 0) {
        irq_state_t state = spin_lock(&class->lock);

        taken = take_from_slabs(class, objects, count);
        spin_unlock(&class->lock, state);
        if (taken == 0 && slab_create(class, may_map) != STATUS_OK)
            break;
    }
    return taken;
}

unsigned slab_take_at_hand(unsigned class_index, void **objects, unsigned count)
{
    return take(&classes[class_index], objects, count, false);
}

unsigned slab_take(unsigned class_index, void **objects, unsigned count)
{
    return take(&classes[class_index], objects, count, true);
}

/* Ends what the lock was taken for; an empty slab above those that are kept goes. */
static void unlock_and_trim(struct heap_class *class, irq_state_t state)
{
    uint32_t surplus = detach_empty(class, EMPTY_KEPT + class->slabs / 32);

    spin_unlock(&class->lock, state);
    if (surplus != 0)
        slab_destroy(class, surplus);
}

void slab_give(unsigned class_index, void *const *objects, unsigned count)
{
    struct heap_class *class = &classes[class_index];
    irq_state_t state;

    if (count == class->depot.batch && depot_give(&class->depot, objects))
        return;
    state = spin_lock(&class->lock);
    give_to_slabs(class, objects, count);
    unlock_and_trim(class, state);
}

/* Room of a class that a search for spans may find: none while it is mostly used. */
static size_t sparse_bytes(const struct heap_class *class)
{
    size_t free_objects = __atomic_load_n(&class->free_objects, __ATOMIC_RELAXED);
    size_t slabs = __atomic_load_n(&class->slabs, __ATOMIC_RELAXED);

    if (free_objects < slabs * (class->shape.count / SPARSE_CLASS))
        return 0;
    return free_objects * class->shape.object_bytes;
}

bool slab_sparse(void)
{
    size_t sum = 0;

    for (unsigned i = HEAP_CLASS_FIRST; i < HEAP_CLASS_END; i++)
        sum += sparse_bytes(&classes[i]);
    return sum >= SPARSE_BYTES && sum >= heap_runs_slab_bytes() / SPARSE_HEAP;
}

void *slab_take_span(unsigned class_index, unsigned count)
{
    struct heap_class *class = &classes[class_index];
    void *object = NULL;
    irq_state_t state;

    if (sparse_bytes(class) < SPARSE_BYTES / HEAP_CLASS_END)
        return NULL;
    state = spin_lock(&class->lock);
    for (unsigned list = FULLNESS_LISTS; list-- > 0 && object == NULL;)
        object = search_list(class, list, count);
    spin_unlock(&class->lock, state);
    return object;
}

void slab_give_span(unsigned class_index, void *first, unsigned count)
{
    struct heap_class *class = &classes[class_index];
    struct heap_page *slab = slab_of(first);
    uint32_t offset =
        (uint32_t)((uintptr_t)first - heap_page_address((uint32_t)(slab - heap_window.pages)));
    irq_state_t state = spin_lock(&class->lock);

    free_bits_flip(slab->free_bits, heap_object_index(&class->shape, offset), count);
    slab->free_count = (uint16_t)(slab->free_count + count);
    count_free(class, count);
    class->inner_objects -= count - 1;
    list_update(class, slab);
    unlock_and_trim(class, state);
}

static size_t class_reclaim(struct heap_class *class)
{
    void *objects[HEAP_BATCH_OBJECTS];
    size_t pages = 0;
    irq_state_t state = spin_lock(&class->lock);
    unsigned count;
    uint32_t first;

    while ((count = depot_take(&class->depot, objects)) != 0)
        give_to_slabs(class, objects, count);
    while ((first = detach_empty(class, 0)) != 0) {
        spin_unlock(&class->lock, state);
        slab_destroy(class, first);
        pages += class->shape.pages;
        state = spin_lock(&class->lock);
    }
    spin_unlock(&class->lock, state);
    return pages;
}

size_t slab_reclaim(void)
{
    size_t pages = 0;

    for (unsigned i = HEAP_CLASS_FIRST; i < HEAP_CLASS_END; i++)
        pages += class_reclaim(&classes[i]);
    return pages;
}

static enum status run_at_hand(const struct heap_wish *wish, uint32_t *first)
{
    enum status status = heap_run_alloc(wish, first);

    if (status != STATUS_OK && __atomic_load_n(&empty_slabs_total, __ATOMIC_RELAXED) != 0 &&
        slab_reclaim() != 0)
        status = heap_run_alloc(wish, first);
    return status;
}

enum status slab_or_heap_run(const struct heap_wish *wish, uint32_t *first)
{
    if (run_at_hand(wish, first) == STATUS_OK)
        return STATUS_OK;
    if (heap_run_map(wish, slab_sparse(), first) == STATUS_OK)
        return STATUS_OK;
    /* Short of frames or of window: what is cached in pieces may make a whole. */
    if (slab_reclaim() + heap_runs_shrink(SIZE_MAX, false) == 0)
        return STATUS_NO_MEMORY;
    return heap_run_map(wish, true, first);
}

void slab_get_stats(unsigned class_index, struct slab_class_stats *stats)
{
    struct heap_class *class = &classes[class_index];
    irq_state_t state = spin_lock(&class->lock);

    *stats = (struct slab_class_stats){ .slabs = class->slabs,
                                        .free_objects = class->free_objects,
                                        .depot_objects =
                                            count_bits(class->depot.full) * class->depot.batch,
                                        .inner_objects = class->inner_objects };
    spin_unlock(&class->lock, state);
}

/* --- checking ------------------------------------------------------------------------------ */

static bool corrupt(const char *what, uint32_t first)
{
    log_error("heap: slab at 0x%zx: %s", (size_t)heap_page_address(first), what);
    return false;
}

static bool check_map(const struct heap_class *class, uint32_t first)
{
    for (uint32_t page = 0; page < class->shape.pages; page++) {
        if (heap_window.map[first + page] != (page << 8 | class->class_index))
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
static size_t count_objects(const struct heap_class *class, uint32_t first, size_t *live)
{
    const struct heap_page *slab = &heap_window.pages[first];
    size_t free_objects = 0;

    for (unsigned i = 0; i < class->shape.count; i++) {
        uintptr_t address = heap_page_address(first) + (size_t)i * class->shape.object_bytes;
        bool is_free = free_bits_has(slab->free_bits[i / 64], i);
        bool is_live = heap_state_read(heap_state_of(&class->shape, address)) >= HEAP_STATE_LIVE;

        if (is_free && is_live)
            return SIZE_MAX;
        free_objects += is_free;
        *live += is_live;
    }
    return free_objects;
}

bool slab_check(uint32_t first, struct slab_sums sums[HEAP_CLASS_END])
{
    const struct heap_page *slab = &heap_window.pages[first];
    const struct heap_class *class = &classes[slab->class_index];
    struct slab_sums *sum = &sums[slab->class_index];
    size_t free_objects;

    if (slab->class_index - HEAP_CLASS_FIRST > HEAP_CLASS_LAST - HEAP_CLASS_FIRST ||
        slab->page_count != class->shape.pages)
        return corrupt("its class makes no sense", first);
    if (!check_map(class, first)) /* which comes first: another class's states may not be there */
        return false;
    free_objects = count_objects(class, first, &sum->live_objects);
    if (free_objects != slab->free_count)
        return corrupt("its free objects and their number disagree", first);
    if (slab->list != list_for(class, slab->free_count) ||
        (slab->list != NO_LIST && !is_listed(class, first, slab->list)))
        return corrupt("it is in the wrong list", first);
    sum->slabs++;
    sum->free_objects += free_objects;
    return true;
}
