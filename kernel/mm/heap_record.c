/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_record.c - the table of records: a hash of addresses, and lists by state.
 *
 * The table lies in the fixed part of the heap's window, backed as far as it was ever used:
 *
 *     | heads of the chains: 64 KiB | records ... | not backed yet |
 *
 * Records never move. Those that are unused are linked through `next`. At most HISTORY_MAX objects
 * that are gone are remembered. Cost: a hash and a short chain an operation.
 */
#include "heap_record.h"

#include "heap_class.h"
#include "heap_runs.h"
#include "lib/bits.h"

#define CHAIN_BITS   14u
#define CHAINS       ((size_t)1 << CHAIN_BITS)
#define CHAINS_BYTES (CHAINS * sizeof(uint32_t))
#define GROW_BYTES   (16 * PAGE_SIZE)
#define HISTORY_MAX  4096u

struct heap_record *heap_records;
uint32_t heap_records_end;
struct spinlock heap_records_lock;
size_t heap_record_counts[HEAP_RECORD_STATES];

static struct list {
    uint32_t oldest;
    uint32_t newest;
} lists[HEAP_RECORD_STATES];

static uint32_t *chains;
static uint32_t unused; /* the first of those that were used before */
static size_t area_bytes;
static size_t backed_bytes; /* of the area; grows only */

/* --- room ----------------------------------------------------------------------------------- */

void heap_records_init(uintptr_t area, size_t size_bytes)
{
    heap_records_lock = (struct spinlock)SPINLOCK_INIT(LOCK_RANK_HEAP_DEBUG, "records of objects");
    chains = va_ptr(va(area));
    area_bytes = size_bytes;
    backed_bytes = 0;
    heap_records = va_ptr(va(area + CHAINS_BYTES));
    heap_records_end = 1;
    unused = 0;
    for (unsigned state = 0; state < HEAP_RECORD_STATES; state++) {
        lists[state] = (struct list){ 0 };
        heap_record_counts[state] = 0;
    }
}

static uint32_t room(void)
{
    size_t bytes = __atomic_load_n(&backed_bytes, __ATOMIC_RELAXED);
    size_t count = bytes > CHAINS_BYTES ? (bytes - CHAINS_BYTES) / sizeof(struct heap_record) : 0;

    return (uint32_t)min_u64(count, HEAP_FILL_NUMBERS);
}

/* Backs more of the area. The grower's gate is not ours. */
static enum status extend(size_t size_bytes)
{
    enum status status = STATUS_OK;
    size_t before = backed_bytes;

    if (size_bytes > area_bytes - before)
        size_bytes = area_bytes - before;
    if (size_bytes == 0)
        return STATUS_NO_SPACE;
    if (!heap_grow_enter())
        return STATUS_NO_MEMORY;
    if (backed_bytes == before)
        status = heap_window_back_fixed((uint8_t *)chains + before, size_bytes);
    if (backed_bytes == before && status == STATUS_OK)
        __atomic_store_n(&backed_bytes, before + size_bytes, __ATOMIC_RELAXED);
    heap_grow_leave();
    return status;
}

enum status heap_records_start(void)
{
    return backed_bytes != 0 ? STATUS_OK : extend(CHAINS_BYTES + GROW_BYTES);
}

void heap_records_reserve(void)
{
    if (unused == 0 && heap_records_end >= room() &&
        heap_record_counts[HEAP_RECORD_GONE] < HISTORY_MAX)
        (void)extend(GROW_BYTES);
}

/* --- chains --------------------------------------------------------------------------------- */

/* Blocks begin at multiples of 16; the multiplier is 2^32 over the golden ratio. */
static uint32_t *chain_of(uintptr_t start)
{
    uint32_t hash = (uint32_t)(start >> 4) * 0x9e3779b1u;

    return &chains[hash >> (32 - CHAIN_BITS)];
}

uint32_t heap_record_at(uintptr_t start)
{
    uint32_t number = *chain_of(start);

    while (number != 0 && heap_records[number].start != start)
        number = heap_records[number].next;
    return number;
}

void heap_record_enter(uint32_t number)
{
    uint32_t *chain = chain_of(heap_records[number].start);

    heap_records[number].next = *chain;
    *chain = number;
}

static void leave_chain(uint32_t number)
{
    uint32_t *link = chain_of(heap_records[number].start);

    while (*link != 0 && *link != number)
        link = &heap_records[*link].next;
    if (*link == number)
        *link = heap_records[number].next;
}

/* --- states --------------------------------------------------------------------------------- */

static bool is_listed(enum heap_record_state state)
{
    return state == HEAP_RECORD_HELD || state == HEAP_RECORD_GUARDED || state == HEAP_RECORD_GONE;
}

static void list_append(struct list *list, uint32_t number)
{
    heap_records[number].older = list->newest;
    heap_records[number].newer = 0;
    if (list->newest != 0)
        heap_records[list->newest].newer = number;
    else
        list->oldest = number;
    list->newest = number;
}

static void list_remove(struct list *list, uint32_t number)
{
    const struct heap_record *record = &heap_records[number];

    if (record->older != 0)
        heap_records[record->older].newer = record->newer;
    else
        list->oldest = record->newer;
    if (record->newer != 0)
        heap_records[record->newer].older = record->older;
    else
        list->newest = record->older;
}

void heap_record_set(uint32_t number, enum heap_record_state state)
{
    enum heap_record_state before = (enum heap_record_state)heap_records[number].state;

    if (is_listed(before))
        list_remove(&lists[before], number);
    heap_record_counts[before]--;
    heap_records[number].state = (uint8_t)state;
    heap_record_counts[state]++;
    if (is_listed(state))
        list_append(&lists[state], number);
}

uint32_t heap_record_oldest(enum heap_record_state state)
{
    return lists[state].oldest;
}

static uint32_t forget_oldest(void)
{
    uint32_t number = heap_record_oldest(HEAP_RECORD_GONE);

    if (number != 0) {
        heap_record_set(number, HEAP_RECORD_BUSY);
        leave_chain(number);
    }
    return number;
}

uint32_t heap_record_take(void)
{
    uint32_t number = unused;

    if (heap_record_counts[HEAP_RECORD_GONE] >= HISTORY_MAX)
        return forget_oldest();
    if (number != 0) {
        unused = heap_records[number].next;
    } else if (heap_records_end < room()) {
        number = heap_records_end++;
        heap_record_counts[HEAP_RECORD_UNUSED]++;
    } else {
        return forget_oldest();
    }
    heap_record_set(number, HEAP_RECORD_BUSY);
    return number;
}

void heap_record_drop(uint32_t number)
{
    leave_chain(number);
    heap_record_set(number, HEAP_RECORD_UNUSED);
    heap_records[number].next = unused;
    unused = number;
}

/* --- addresses ------------------------------------------------------------------------------ */

/* The block that an address lies in, by the heap's own state. */
struct block {
    uintptr_t start;
    bool live;
};

static void small_block(uintptr_t address, unsigned entry, struct block *block)
{
    const struct heap_shape *shape = &heap_shapes[heap_entry_class(entry)];

    block->start = address - heap_entry_offset(entry, address) % shape->object_bytes;
    block->live = heap_state_read(heap_state_of(shape, block->start)) >= HEAP_STATE_LIVE;
}

/* Looks for the first page of the run that `address` is in, unless the run is free. O(pages). */
static void large_block(uintptr_t address, struct block *block)
{
    uint32_t page = heap_page_number(address);
    uint32_t first = page;
    const struct heap_page *head;

    while (first > 0 && (heap_window.pages[first].kind == HEAP_PAGE_INNER ||
                         heap_window.pages[first].kind == HEAP_PAGE_INSIDE))
        first--;
    head = &heap_window.pages[first];
    if ((head->kind != HEAP_PAGE_LARGE && head->kind != HEAP_PAGE_BUSY) ||
        page - first >= head->page_count)
        return;
    block->start = heap_page_address(first);
    block->live = head->kind == HEAP_PAGE_LARGE;
}

/* Where the block of an address begins; the page itself when no run says more. */
static void block_of(uintptr_t address, struct block *block)
{
    unsigned entry = heap_entry_of(address);

    *block = (struct block){ .start = address & ~(uintptr_t)PAGE_MASK };
    if (entry != HEAP_NO_CLASS)
        small_block(address, entry, block);
    else
        large_block(address, block);
}

uint32_t heap_record_of(uintptr_t address)
{
    struct block block;
    uint32_t number;

    if (!heap_window_open(address))
        return 0;
    block_of(address, &block);
    number = heap_record_at(block.start);
    if (number == 0 || heap_records[number].state != HEAP_RECORD_GONE || !block.live)
        return number;
    heap_record_drop(number);
    return 0;
}
