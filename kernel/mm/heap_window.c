/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_window.c - dividing the heap's window, and frames behind its parts.
 *
 * The arrays that follow the frontier (the end of the last open block) are described by one table:
 * how many bytes of the array belong to a block, and how many of its pages are backed. Opening
 * blocks extends each array, closing retracts it. The planes of small objects would cost
 * a quarter of all memory that way, so their pages are backed one by one. In a block of 2 MiB, plane n
 * has 2^(9-n) pages; their bits, side by side, fill the block's words:
 *
 *     bit 0                             64              96      112 120 124 126
 *     | plane 3: 64 bits                | 4: 32         | 5: 16 |6: 8|7:4|8|9|
 *
 * Metadata is zeroed when it appears, and that is the initial state of
 * every array: no slab, inner page, nothing backed, never allocated.
 *
 * Cost: opening a block is about 10 frames. Failure: only for want of frames or page tables, and
 * then nothing has changed.
 */
#include "heap_window.h"

#include "heap_debug_private.h"
#include "lib/assert.h"
#include "lib/bits.h"
#include "lib/log.h"
#include "lib/string.h"
#include "mm/paging.h"
#include "mm/pmm.h"

#define DEMAND_PLANE_LAST 9u
#define BACK_BATCH        64u
#define BACKED_BITS       128u

struct heap_block {
    uint32_t
        backed[BACKED_BITS / 32]; /* which pages of planes 3 to 9 are backed: the drawing above */
};

/* An array that is backed as far as blocks are open. */
struct follower {
    uintptr_t base;
    size_t bytes_a_block;
    size_t backed_pages;
};

enum {
    FOLLOWER_MAP,
    FOLLOWER_PAGES,
    FOLLOWER_BLOCKS,
    FOLLOWER_PLANES, /* 10 */
    FOLLOWER_COUNT = FOLLOWER_PLANES + (HEAP_PLANE_LAST - DEMAND_PLANE_LAST),
};

struct heap_window heap_window;

static struct follower followers[FOLLOWER_COUNT];
static struct heap_block *blocks;
static uintptr_t plane_bases[HEAP_PLANES];

/* --- frames ------------------------------------------------------------------------------ */

/* Maps frames in order, neighbours with one call; returns how many are mapped. */
static size_t map_frames(uintptr_t address, const pfn_t *frames, size_t count)
{
    size_t done = 0;

    while (done < count) {
        size_t run = 1;

        while (done + run < count && pfn_value(frames[done + run]) == pfn_value(frames[done]) + run)
            run++;
        if (paging_map(va(address + done * PAGE_SIZE), pfn_to_pa(frames[done]), run * PAGE_SIZE,
                       PT_WRITE | PT_OWNED) != STATUS_OK)
            break;
        done += run;
    }
    return done;
}

enum status heap_back(uintptr_t address, size_t count_pages, enum frame_tag tag)
{
    pfn_t frames[BACK_BATCH];
    size_t done = 0;

    while (done < count_pages) {
        size_t wanted = count_pages - done < BACK_BATCH ? count_pages - done : BACK_BATCH;
        size_t got = pmm_alloc_bulk(tag, frames, wanted);
        size_t mapped = map_frames(address + done * PAGE_SIZE, frames, got);

        done += mapped;
        if (mapped < got)
            (void)pmm_free_bulk(frames + mapped, got - mapped);
        if (mapped < wanted) {
            heap_unback(address, done);
            return STATUS_NO_MEMORY;
        }
    }
    heap_event_note(HEAP_EVENT_MAP, address, count_pages * PAGE_SIZE, HEAP_TAG_NONE, NULL);
    return STATUS_OK;
}

void heap_unback(uintptr_t address, size_t count_pages)
{
    if (count_pages == 0)
        return;
    heap_event_note(HEAP_EVENT_UNMAP, address, count_pages * PAGE_SIZE, HEAP_TAG_NONE, NULL);
    VERIFY(paging_unmap(va(address), count_pages * PAGE_SIZE, true) == STATUS_OK);
}

/* --- dividing ---------------------------------------------------------------------------- */

static size_t plane_bytes_a_block(unsigned plane)
{
    return HEAP_BLOCK_BYTES >> plane;
}

/* Bytes of window that a block takes: itself and its share of every array. */
static size_t window_bytes_a_block(void)
{
    size_t bytes = HEAP_BLOCK_BYTES + sizeof(struct heap_block) +
                   HEAP_BLOCK_PAGES * (sizeof(struct heap_page) + sizeof(uint16_t));

    for (unsigned plane = HEAP_PLANE_FIRST; plane <= HEAP_PLANE_LAST; plane++)
        bytes += plane_bytes_a_block(plane);
    return bytes;
}

/* Takes `size_bytes`, in whole pages, from the window at *cursor. */
static uintptr_t carve(uintptr_t *cursor, size_t size_bytes)
{
    uintptr_t base = *cursor;

    *cursor += (uintptr_t)align_up(size_bytes, PAGE_SIZE);
    return base;
}

static uintptr_t carve_follower(uintptr_t *cursor, unsigned which, size_t bytes_a_block,
                                size_t count_blocks)
{
    uintptr_t base = carve(cursor, bytes_a_block * count_blocks);

    followers[which] = (struct follower){ .base = base, .bytes_a_block = bytes_a_block };
    return base;
}

static void carve_planes(uintptr_t *cursor, size_t count_blocks)
{
    for (unsigned plane = HEAP_PLANE_FIRST; plane <= HEAP_PLANE_LAST; plane++) {
        size_t bytes = plane_bytes_a_block(plane);
        unsigned which = FOLLOWER_PLANES + plane - DEMAND_PLANE_LAST - 1;

        plane_bases[plane - HEAP_PLANE_FIRST] =
            plane > DEMAND_PLANE_LAST ? carve_follower(cursor, which, bytes, count_blocks)
                                      : carve(cursor, bytes * count_blocks);
    }
}

/* Lays the arrays out from `cursor` on; true if `count_blocks` blocks then fit below `end`. */
static bool divide(uintptr_t cursor, uintptr_t end, size_t fixed_bytes, size_t count_blocks)
{
    struct heap_window *window = &heap_window;

    window->fixed = va_ptr(va(carve(&cursor, fixed_bytes)));
    window->map = va_ptr(va(
        carve_follower(&cursor, FOLLOWER_MAP, HEAP_BLOCK_PAGES * sizeof(uint16_t), count_blocks)));
    window->pages = va_ptr(va(carve_follower(
        &cursor, FOLLOWER_PAGES, HEAP_BLOCK_PAGES * sizeof(struct heap_page), count_blocks)));
    blocks = va_ptr(
        va(carve_follower(&cursor, FOLLOWER_BLOCKS, sizeof(struct heap_block), count_blocks)));
    carve_planes(&cursor, count_blocks);
    window->start = (uintptr_t)align_up(cursor, HEAP_BLOCK_BYTES);
    window->page_count = (uint32_t)(count_blocks * HEAP_BLOCK_PAGES);
    for (unsigned plane = 0; plane < HEAP_PLANES; plane++)
        window->planes[plane] = plane_bases[plane] - (window->start >> (plane + HEAP_PLANE_FIRST));
    return window->start - 1 < end && (end - window->start) >> HEAP_BLOCK_SHIFT >= count_blocks;
}

enum status heap_window_init(vaddr_t start, size_t size_bytes, size_t fixed_bytes)
{
    uintptr_t first = va_value(start);
    uintptr_t end;
    size_t count_blocks = size_bytes / window_bytes_a_block();
    const size_t most_blocks = UINT32_MAX / HEAP_BLOCK_PAGES;

    if (!va_page_aligned(start) || __builtin_add_overflow(first, size_bytes, &end))
        return STATUS_INVALID;
    if (count_blocks > most_blocks)
        count_blocks = most_blocks;
    heap_window = (struct heap_window){ .window_bytes = size_bytes };
    while (count_blocks != 0 && !divide(first, end, fixed_bytes, count_blocks))
        count_blocks--;
    return count_blocks != 0 ? STATUS_OK : STATUS_INVALID;
}

/* --- metadata ---------------------------------------------------------------------------- */

static enum status back_metadata(uintptr_t address, size_t count_pages)
{
    enum status status = heap_back(address, count_pages, FRAME_HEAP);

    if (status != STATUS_OK)
        return status;
    memset(va_ptr(va(address)), 0, count_pages * PAGE_SIZE);
    heap_window.metadata_pages += count_pages;
    return STATUS_OK;
}

static void unback_metadata(uintptr_t address, size_t count_pages)
{
    heap_unback(address, count_pages);
    heap_window.metadata_pages -= count_pages;
}

enum status heap_window_back_fixed(void *address, size_t size_bytes)
{
    return back_metadata((uintptr_t)address, (size_t)align_up(size_bytes, PAGE_SIZE) >> PAGE_SHIFT);
}

static enum status follower_extend(struct follower *follower, size_t count_blocks)
{
    size_t needed =
        (size_t)align_up(follower->bytes_a_block * count_blocks, PAGE_SIZE) >> PAGE_SHIFT;
    enum status status;

    if (needed <= follower->backed_pages)
        return STATUS_OK;
    status = back_metadata(follower->base + follower->backed_pages * PAGE_SIZE,
                           needed - follower->backed_pages);
    if (status == STATUS_OK)
        follower->backed_pages = needed;
    return status;
}

static void follower_retract(struct follower *follower, size_t count_blocks)
{
    size_t needed =
        (size_t)align_up(follower->bytes_a_block * count_blocks, PAGE_SIZE) >> PAGE_SHIFT;

    if (needed >= follower->backed_pages)
        return;
    unback_metadata(follower->base + needed * PAGE_SIZE, follower->backed_pages - needed);
    follower->backed_pages = needed;
}

enum status heap_window_extend(size_t count_pages)
{
    size_t count_blocks = (count_pages + HEAP_BLOCK_PAGES - 1) / HEAP_BLOCK_PAGES;

    for (unsigned i = 0; i < FOLLOWER_COUNT; i++) {
        enum status status = follower_extend(&followers[i], count_blocks);

        if (status != STATUS_OK) {
            while (i-- > 0)
                follower_retract(&followers[i], heap_window.open_bytes >> HEAP_BLOCK_SHIFT);
            return status;
        }
    }
    __atomic_store_n(&heap_window.open_bytes, count_blocks << HEAP_BLOCK_SHIFT, __ATOMIC_RELEASE);
    return STATUS_OK;
}

/* --- planes on demand --------------------------------------------------------------------- */

/* The pages of a plane that hold the state bytes of a run, [first, end). */
struct plane_span {
    size_t first;
    size_t end;
    unsigned pages_a_block_shift;
};

static struct plane_span span_of(uint32_t page, size_t count_pages, unsigned plane)
{
    size_t end = (size_t)page + count_pages;

    return (struct plane_span){
        .first = page >> plane,
        .end = (end + ((size_t)1 << plane) - 1) >> plane,
        .pages_a_block_shift = DEMAND_PLANE_LAST - plane,
    };
}

/* The bit of plane page `index`; *word is where it is. */
static uint32_t plane_bit(const struct plane_span *span, size_t index, uint32_t **word)
{
    unsigned pages_a_block = 1u << span->pages_a_block_shift;
    unsigned bit = BACKED_BITS - 2 * pages_a_block + (unsigned)(index & (pages_a_block - 1));

    *word = &blocks[index >> span->pages_a_block_shift].backed[bit / 32];
    return (uint32_t)1 << (bit % 32);
}

bool heap_states_backed(uint32_t page, size_t count_pages, unsigned plane)
{
    struct plane_span span;

    if (plane > DEMAND_PLANE_LAST)
        return true;
    span = span_of(page, count_pages, plane);
    for (size_t index = span.first; index < span.end; index++) {
        uint32_t *word;
        uint32_t bit = plane_bit(&span, index, &word);

        if ((__atomic_load_n(word, __ATOMIC_ACQUIRE) & bit) == 0)
            return false;
    }
    return true;
}

/* What was backed before a failure stays: it is counted, and goes with its block. */
enum status heap_states_back(uint32_t page, size_t count_pages, unsigned plane)
{
    struct plane_span span;

    if (plane > DEMAND_PLANE_LAST)
        return STATUS_OK;
    span = span_of(page, count_pages, plane);
    for (size_t index = span.first; index < span.end; index++) {
        uint32_t *word;
        uint32_t bit = plane_bit(&span, index, &word);
        enum status status;

        if ((*word & bit) != 0)
            continue;
        status = back_metadata(plane_bases[plane - HEAP_PLANE_FIRST] + index * PAGE_SIZE, 1);
        if (status != STATUS_OK)
            return status;
        __atomic_fetch_or(word, bit, __ATOMIC_RELEASE);
    }
    return STATUS_OK;
}

static void block_unback_states(size_t block)
{
    for (unsigned plane = HEAP_PLANE_FIRST; plane <= DEMAND_PLANE_LAST; plane++) {
        uint32_t page = (uint32_t)(block * HEAP_BLOCK_PAGES);
        struct plane_span span = span_of(page, HEAP_BLOCK_PAGES, plane);

        for (size_t index = span.first; index < span.end; index++) {
            uint32_t *word;
            uint32_t bit = plane_bit(&span, index, &word);

            if ((*word & bit) != 0)
                unback_metadata(plane_bases[plane - HEAP_PLANE_FIRST] + index * PAGE_SIZE, 1);
        }
    }
    blocks[block] = (struct heap_block){ 0 };
}

void heap_window_retract(size_t count_pages)
{
    size_t count_blocks = (count_pages + HEAP_BLOCK_PAGES - 1) / HEAP_BLOCK_PAGES;
    size_t open_blocks = heap_window.open_bytes >> HEAP_BLOCK_SHIFT;

    if (count_blocks >= open_blocks)
        return;
    __atomic_store_n(&heap_window.open_bytes, count_blocks << HEAP_BLOCK_SHIFT, __ATOMIC_RELEASE);
    while (open_blocks > count_blocks)
        block_unback_states(--open_blocks);
    for (unsigned i = 0; i < FOLLOWER_COUNT; i++)
        follower_retract(&followers[i], count_blocks);
}
