/* SPDX-License-Identifier: BSD-2-Clause
 *
 * bump.c - memory before there is a memory manager.
 *
 * Takes from the top of a piece of free memory downwards, and remembers for each piece that it
 * took from where it stands:
 *
 *      base            taken                       end
 *      |...............|#####|##########|.|########|        '.' in front of an allocation: its
 *                      ^ next allocation ends here               alignment, counted as taken
 *
 * Pieces are the arena, then the free rows of the map from 1 MiB up, cut at 4 GiB: those below from the
 * highest down, then those above from the highest down. Each request looks through them in this order
 * and takes the first that has room, so that no memory is passed over for good. The table of pieces
 * has a fixed size; when it is full, only pieces that are in it are used. Its rows are kept sorted by
 * address. Nothing is taken from beyond the direct map, where nobody could use it.
 */
#include "mm/bump.h"

#include "arch/mmu.h"
#include "lib/bits.h"
#include "lib/log.h"

#define BORDER_LOW  MiB       /* below is no general memory */
#define BORDER_HIGH (4 * GiB) /* below is what early code can reach in every mode */

struct piece {
    uint64_t base;
    uint64_t taken; /* from here to end is handed out */
    uint64_t end;
};

static struct {
    const struct memmap *map; /* NULL: closed */
    struct piece arena;
    struct piece pieces[BUMP_MAX_RANGES - 1]; /* of rows; the arena is the other range */
    size_t count;
} bump;

static bool arena_is_apart(const struct memmap *map, const struct piece *arena)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct region *row = &map->regions[i];

        if (region_is_free(row) && row->base < arena->end &&
            row->base + row->size_bytes > arena->base)
            return false;
    }
    return true;
}

void bump_init(const struct memmap *map, paddr_t arena, uint64_t arena_bytes)
{
    uint64_t base = pa_value(arena);
    uint64_t end = 0;

    bump.map = map;
    bump.count = 0;
    bump.arena = (struct piece){ 0 };
    if (arena_bytes == 0)
        return;
    if (!is_aligned(base | arena_bytes, PAGE_SIZE) || !checked_add(base, arena_bytes, &end)) {
        log_warning("bump: arena 0x%llx, 0x%llx bytes, is not whole pages: not used",
                    (unsigned long long)base, (unsigned long long)arena_bytes);
        return;
    }
    bump.arena = (struct piece){ .base = base, .taken = end, .end = end };
    if (arena_is_apart(map, &bump.arena))
        return;
    log_warning("bump: arena 0x%llx lies in a free region of the map: used as such",
                (unsigned long long)base);
    bump.arena = (struct piece){ 0 };
}

static bool take(struct piece *piece, uint64_t size_bytes, uint64_t alignment, paddr_t *base)
{
    uint64_t start;

    if (piece->taken - piece->base < size_bytes)
        return false;
    start = align_down(piece->taken - size_bytes, alignment);
    if (start < piece->base)
        return false;
    piece->taken = start;
    *base = pa(start);
    return true;
}

/* The place of the piece that begins at `base` in the table, or where it belongs. */
static size_t find_piece(uint64_t base)
{
    size_t i = 0;

    while (i < bump.count && bump.pieces[i].base < base)
        i++;
    return i;
}

static void insert_piece(size_t place, const struct piece *piece)
{
    for (size_t i = bump.count; i > place; i--)
        bump.pieces[i] = bump.pieces[i - 1];
    bump.pieces[place] = *piece;
    bump.count++;
}

/* Takes from [base, end), whether or not something was taken from it before. */
static bool take_from(uint64_t base, uint64_t end, uint64_t size_bytes, uint64_t alignment,
                      paddr_t *result)
{
    struct piece fresh = { .base = base, .taken = end, .end = end };
    size_t place;

    if (base >= end)
        return false;
    place = find_piece(base);
    if (place < bump.count && bump.pieces[place].base == base)
        return take(&bump.pieces[place], size_bytes, alignment, result);
    if (bump.count == ARRAY_COUNT(bump.pieces) || !take(&fresh, size_bytes, alignment, result))
        return false;
    insert_piece(place, &fresh);
    return true;
}

/* Looks through the parts of the free rows that lie in [low, high), highest first. */
static bool take_between(uint64_t low, uint64_t high, uint64_t size_bytes, uint64_t alignment,
                         paddr_t *result)
{
    for (size_t i = bump.map->count; i-- > 0;) {
        const struct region *row = &bump.map->regions[i];

        if (region_is_free(row) &&
            take_from(max_u64(row->base, low), min_u64(row->base + row->size_bytes, high),
                      size_bytes, alignment, result))
            return true;
    }
    return false;
}

enum status bump_alloc(uint64_t size_bytes, uint64_t alignment, paddr_t *base)
{
    if (bump.map == NULL)
        return STATUS_DENIED;
    if (size_bytes == 0 || !is_power_of_two(alignment))
        return STATUS_INVALID;
    if (take(&bump.arena, size_bytes, alignment, base) ||
        take_between(BORDER_LOW, min_u64(BORDER_HIGH, arch_direct_end()), size_bytes, alignment,
                     base) ||
        take_between(BORDER_HIGH, arch_direct_end(), size_bytes, alignment, base))
        return STATUS_OK;
    return STATUS_NO_MEMORY;
}

static void visit_piece(const struct piece *piece,
                        void (*visit)(void *context, paddr_t base, uint64_t size_bytes),
                        void *context)
{
    uint64_t start = align_down(piece->taken, PAGE_SIZE);

    if (start < piece->end)
        visit(context, pa(start), piece->end - start);
}

void bump_used(void (*visit)(void *context, paddr_t base, uint64_t size_bytes), void *context)
{
    size_t arena_place = find_piece(bump.arena.base);

    for (size_t i = 0; i < bump.count; i++) {
        if (i == arena_place)
            visit_piece(&bump.arena, visit, context);
        visit_piece(&bump.pieces[i], visit, context);
    }
    if (arena_place == bump.count)
        visit_piece(&bump.arena, visit, context);
}

void bump_close(void)
{
    bump.map = NULL;
}
