/* SPDX-License-Identifier: BSD-2-Clause
 *
 * memmap_sweep.c - from entries that overlap to rows that do not.
 *
 * A line sweeps the address space from 0 upwards. At each border of an entry the set of entries
 * under the line changes; between two borders it is constant, and the strictest of them wins:
 *
 *     entries    |--------------- usable ---------------|
 *                        |-- reserved --|     |---- ACPI NVS ----|
 *     borders    ^       ^              ^     ^         ^        ^
 *     pieces     |usable |   reserved   |usbl.|  NVS    |  NVS   |
 *     rows       |usable |   reserved   |usbl.|       NVS        |
 *
 * In place: an entry of 32 bytes becomes two borders of 32 bytes (kept in struct region: `base` is
 * the address, `device` tells end from start), so n entries need 2n rows of the buffer, and
 * nothing else. The rows that come out overwrite borders that the line has passed: a row only
 * begins or ends where a border was, so r rows have used up at least r + 1 borders.
 *
 * The set is kept as counts: for each strictness the number of entries, and how many have each tag
 * and flag. That makes the result independent of the order of the entries, and a step costs the
 * same however many of them are stacked.
 *
 * Pages: a page that has a border inside it takes the strictest of its pieces, where a hole counts
 * as stricter than usable and gives way to anything else. This is "usable inward, all others
 * outward", and it also keeps a page whose two halves were described as usable by two entries.
 * One of the pieces is taken as it is, never a mixture: k borders inside a page so cause at most
 * two changes of the row (one if k is 1), and the claim above holds.
 *
 *     bytes      |------ usable ------|- hole -|- reserved --|
 *     pages      +-------+-------+-------+-------+-------+-------+
 *     rows       |    usable     | hole  |       reserved        |
 *
 * Sorting: firmware mostly sorts its map, or puts a block of it elsewhere. Insertion takes linear
 * time on those; once it has moved 16 borders for each there is, heapsort takes over, so that
 * nobody can make the loader slow by the order of entries.
 *
 * Cost: O(n log n). Fails only for lack of room, before anything has been changed.
 */
#include "lib/bits.h"
#include "memmap_private.h"

#define BORDER_START               0u
#define BORDER_END                 1u

/* Moves that insertion sort may spend for each border before heapsort takes over. */
#define INSERTION_MOVES_PER_BORDER 16

/* The entries of one strictness under the line. The sums are what a single entry has, if one it
 * is: no search for it is needed. */
struct layer {
    uint32_t count;
    uint32_t tag_counts[REGION_TAG_COUNT];
    uint32_t flag_counts[REGION_FLAG_BITS];
    uint64_t tag_sum;
    uint64_t flag_sum;
    uint64_t efi_type_sum;
};

struct sweep {
    struct memmap *map; /* its rows [0, map->count) are done */
    struct layer layers[RANK_COUNT];
    uint32_t entries;   /* under the line */
    struct region page; /* strictest piece so far of the page that the line is inside of */
};

static const uint32_t rank_types[RANK_COUNT] = {
    [RANK_USABLE] = E820_USABLE,         [RANK_HOLE] = REGION_TYPE_HOLE,
    [RANK_UNACCEPTED] = E820_UNACCEPTED, [RANK_SOFT_RESERVED] = E820_SOFT_RESERVED,
    [RANK_PERSISTENT] = E820_PERSISTENT, [RANK_ACPI_DATA] = E820_ACPI_DATA,
    [RANK_ACPI_NVS] = E820_ACPI_NVS,     [RANK_RESERVED] = E820_RESERVED,
    [RANK_UNUSABLE] = E820_UNUSABLE,
};

/* --- borders ----------------------------------------------------------------------------- */

/* Backwards, so that the two borders of entry i overwrite only entries that are split already. */
static void split_into_borders(struct region *rows, size_t count)
{
    for (size_t i = count; i-- > 0;) {
        struct region start = rows[i];
        struct region end = start;

        start.device = BORDER_START;
        end.base = region_end(&start);
        end.device = BORDER_END;
        rows[2 * i] = start;
        rows[2 * i + 1] = end;
    }
}

/* Moves borders[i] down to its place among the i sorted ones below it, by at most `moves_max`. */
static size_t insert_border(struct region *borders, size_t i, size_t moves_max)
{
    struct region border = borders[i];
    size_t moves = 0;

    while (moves < i && moves < moves_max && borders[i - moves - 1].base > border.base) {
        borders[i - moves] = borders[i - moves - 1];
        moves++;
    }
    borders[i - moves] = border;
    return moves;
}

/* Whether the budget sufficed. The borders are a permutation of themselves in any case. */
static bool insertion_sort(struct region *borders, size_t count)
{
    size_t moves_left = INSERTION_MOVES_PER_BORDER * count;

    for (size_t i = 1; i < count && moves_left > 0; i++)
        if (borders[i - 1].base > borders[i].base)
            moves_left -= insert_border(borders, i, moves_left);
    return count < 2 || moves_left > 0;
}

/* Lets `border` sink from the free place `hole` in the heap (largest on top) of `count` borders. */
static void heap_sink(struct region *borders, size_t hole, size_t count, struct region border)
{
    for (;;) {
        size_t child = 2 * hole + 1;

        if (child + 1 < count && borders[child + 1].base > borders[child].base)
            child++;
        if (child >= count || borders[child].base <= border.base)
            break;
        borders[hole] = borders[child];
        hole = child;
    }
    borders[hole] = border;
}

static void heap_sort(struct region *borders, size_t count)
{
    for (size_t i = count / 2; i-- > 0;)
        heap_sink(borders, i, count, borders[i]);
    for (size_t last = count; last-- > 1;) {
        struct region border = borders[last];

        borders[last] = borders[0];
        heap_sink(borders, 0, last, border);
    }
}

/* --- what lies under the line ------------------------------------------------------------ */

static void layer_step(struct layer *layer, const struct region *border, uint32_t step)
{
    uint64_t wide_step = step == 1 ? 1 : UINT64_MAX;

    layer->count += step;
    layer->tag_counts[border->tag] += step;
    layer->tag_sum += wide_step * border->tag;
    layer->flag_sum += wide_step * border->flags;
    layer->efi_type_sum += wide_step * border->efi_type;
    for (uint32_t flags = border->flags; flags != 0; flags &= flags - 1)
        layer->flag_counts[lowest_bit(flags)] += step;
}

/* The line passes a border; unsigned arithmetic makes adding ~0 a subtraction. */
static void sweep_pass(struct sweep *sweep, const struct region *border)
{
    struct layer *layer = &sweep->layers[memmap_rank(border->type)];

    uint32_t step = border->device == BORDER_START ? 1 : UINT32_MAX;

    layer_step(layer, border, step);
    sweep->entries += step;
}

static uint16_t layer_flags(const struct layer *layer)
{
    uint32_t flags = 0;

    for (unsigned bit = 0; bit < REGION_FLAG_BITS; bit++) {
        uint32_t needed = (REGION_CLAIMS >> bit & 1) != 0 ? layer->count : 1;

        if (layer->flag_counts[bit] >= needed)
            flags |= 1u << bit;
    }
    return (uint16_t)flags;
}

static uint16_t layer_tag(const struct layer *layer)
{
    uint16_t tag = REGION_TAG_COUNT - 1;

    while (tag > 0 && layer->tag_counts[tag] == 0)
        tag--;
    return tag;
}

/* What several entries of one strictness make together. */
static void layer_combine(const struct layer *layer, struct region *piece)
{
    piece->tag = layer_tag(layer);
    piece->flags = layer_flags(layer);
    piece->efi_type = REGION_EFI_TYPE_NONE;
}

static void layer_single(const struct layer *layer, struct region *piece)
{
    piece->tag = (uint16_t)layer->tag_sum;
    piece->flags = (uint16_t)layer->flag_sum;
    piece->efi_type = (uint32_t)layer->efi_type_sum;
}

/* Whether some entry of the layer is not what all together are now. */
static bool layer_disagrees(const struct layer *layer, const struct region *piece)
{
    if (layer->tag_counts[piece->tag] != layer->count)
        return true;
    for (unsigned bit = 0; bit < REGION_FLAG_BITS; bit++)
        if (layer->flag_counts[bit] != 0 && layer->flag_counts[bit] != layer->count)
            return true;
    return false;
}

/* The strictest of the entries under the line, for [start, end); others are overruled. */
static struct region sweep_piece(const struct sweep *sweep, uint64_t start, uint64_t end)
{
    struct region piece = { .base = start, .size_bytes = end - start };
    size_t rank = RANK_COUNT;

    while (rank > 0 && sweep->layers[rank - 1].count == 0)
        rank--;
    if (rank == 0) {
        piece.efi_type = REGION_EFI_TYPE_NONE;
        return piece;
    }
    piece.type = rank_types[rank - 1];
    if (sweep->layers[rank - 1].count == 1)
        layer_single(&sweep->layers[rank - 1], &piece);
    else
        layer_combine(&sweep->layers[rank - 1], &piece);
    return piece;
}

static void note_overruled(struct sweep *sweep, const struct region *piece)
{
    for (size_t rank = 0; rank < RANK_COUNT && sweep->entries > 1; rank++) {
        const struct layer *layer = &sweep->layers[rank];

        if (layer->count == 0 ||
            (rank_types[rank] == piece->type && !layer_disagrees(layer, piece)))
            continue;
        memmap_note(sweep->map, piece->base, region_end(piece), rank_types[rank], piece->type,
                    MEMMAP_OVERLAP);
    }
}

/* --- from pieces to rows ----------------------------------------------------------------- */

static void emit_row(struct memmap *map, const struct region *row)
{
    if (row->type == REGION_TYPE_HOLE || row->size_bytes == 0)
        return;
    if (map->count > 0 && memmap_coalesce(&map->regions[map->count - 1], row))
        return;
    map->regions[map->count++] = *row;
}

/* An order of all pieces: by type, then tag, then fewer claims and more restrictions. */
static uint64_t piece_strictness(const struct region *piece)
{
    uint64_t hardness = (uint64_t)piece->flags ^ REGION_CLAIMS;

    return (uint64_t)memmap_rank(piece->type) << 32 | (uint64_t)piece->tag << 16 | hardness;
}

/* Takes [piece->base, end), inside one page, into the account of that page. What is weaker yields:
 * either this piece to the page so far, or all of the page so far to this piece. */
static void page_take(struct sweep *sweep, const struct region *piece, uint64_t end)
{
    struct region *page = &sweep->page;
    uint64_t page_base = align_down(piece->base, PAGE_SIZE);

    if (piece->base == page_base) {
        *page = *piece;
        page->base = page_base;
        page->size_bytes = PAGE_SIZE;
    } else if (piece_strictness(piece) > piece_strictness(page)) {
        memmap_note(sweep->map, page_base, piece->base, page->type, piece->type, MEMMAP_UNALIGNED);
        page->type = piece->type;
        page->flags = piece->flags;
        page->tag = piece->tag;
        page->efi_type = piece->efi_type;
    } else if (piece_strictness(piece) < piece_strictness(page)) {
        memmap_note(sweep->map, piece->base, end, piece->type, page->type, MEMMAP_UNALIGNED);
    }
    if (is_aligned(end, PAGE_SIZE))
        emit_row(sweep->map, page);
}

/* Pieces come in order and without gaps: up to a page border, whole pages, the rest. */
static void sweep_take(struct sweep *sweep, struct region piece)
{
    uint64_t end = region_end(&piece);
    uint64_t whole_end = align_down(end, PAGE_SIZE);

    if (!is_aligned(piece.base, PAGE_SIZE)) {
        uint64_t head_end = min_u64(end, align_up(piece.base, PAGE_SIZE));

        page_take(sweep, &piece, head_end);
        piece.base = head_end;
    }
    if (piece.base < whole_end) {
        piece.size_bytes = whole_end - piece.base;
        emit_row(sweep->map, &piece);
        piece.base = whole_end;
    }
    if (piece.base < end)
        page_take(sweep, &piece, end);
}

/* The line goes from `start` to `end`, where nothing changes. */
static void sweep_advance(struct sweep *sweep, uint64_t start, uint64_t end)
{
    struct region piece = sweep_piece(sweep, start, end);

    note_overruled(sweep, &piece);
    sweep_take(sweep, piece);
}

static void sweep_borders(struct sweep *sweep, const struct region *borders, size_t count)
{
    uint64_t position = 0;

    for (size_t i = 0; i < count; i++) {
        struct region border = borders[i];

        if (border.base > position)
            sweep_advance(sweep, position, border.base);
        position = border.base;
        sweep_pass(sweep, &border);
    }
    /* Nothing lies above the last border; the page it is in still has to be closed. */
    if (!is_aligned(position, PAGE_SIZE))
        sweep_advance(sweep, position, align_up(position, PAGE_SIZE));
}

/* --- interface --------------------------------------------------------------------------- */

enum status memmap_sanitise(struct memmap *map)
{
    struct sweep sweep = { .map = map };
    size_t entries = map->count;

    if (entries > map->capacity / 2)
        return STATUS_NO_SPACE;
    split_into_borders(map->regions, entries);
    if (!insertion_sort(map->regions, 2 * entries))
        heap_sort(map->regions, 2 * entries);
    map->count = 0;
    sweep_borders(&sweep, map->regions, 2 * entries);
    return STATUS_OK;
}
