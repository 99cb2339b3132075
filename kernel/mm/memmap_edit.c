/* SPDX-License-Identifier: BSD-2-Clause
 *
 * memmap_edit.c - changes to a table that is sanitised and stays so.
 *
 * One procedure serves all: a range gets a type and a tag, in five steps of which only the first
 * can fail, so that an edit happens as a whole or not at all:
 *
 *     table     |------ usable ------|      |-- reserved --|
 *     edit               [------ reserved, device ------]
 *     1 count   two cuts and one gap: is there room for three more rows?
 *     2 split   |- us. -|- usable ---|      |- res. -|res. |
 *     3 fill    |- us. -|- usable ---|unkn. |- res. -|res. |      (only if it adds to the table)
 *     4 apply   |- us. -|-- device --|device|-device-|res. |
 *     5 join    |- us. -|----------- device ---------|res. |
 *
 * An edit never makes anything less strict: rows whose type is stricter than the new one stay, and
 * usable memory can only be added where nothing was known.
 *
 * Cost: O(log n) to find the place, plus moving the rows behind it.
 */
#include "lib/bits.h"
#include "lib/string.h"
#include "memmap_private.h"

#define PAGE_ZERO_END      PAGE_SIZE
#define VIDEO_WINDOW_START ((uint64_t)640 * KiB) /* video memory, then option ROMs, then the BIOS */
#define LOW_MEMORY_END     MiB

/* Borders at which memmap_reserve_low() may cut a row: those three, and the trampoline's two. */
#define LOW_CUTS           5

/* Which rows of the range an edit is about. */
enum edit_rows {
    EDIT_NOT_STRICTER, /* those whose type is not stricter than the new one */
    EDIT_FREE,         /* region_is_free() */
    EDIT_RUNTIME,      /* usable, but the firmware still runs there */
    EDIT_UNHELD,       /* no RAM, and known to be nobody's */
};

struct edit {
    uint64_t start; /* page-aligned, < end */
    uint64_t end;
    uint32_t type; /* REGION_TYPE_HOLE: leave the types */
    uint16_t tag;
    uint32_t device; /* with REGION_TAG_DEVICE, or 0 */
    enum memmap_reason reason;
    bool fill_gaps; /* describe what the table does not know */
    enum edit_rows rows;
};

/* --- the five steps ---------------------------------------------------------------------- */

/*@ requires valid_table(map) && sorted(map);
  @ assigns \nothing;
  @ ensures \result <==> \exists integer i; 0 <= i < map->count && map->regions[i].base < address &&
  @   address < map->regions[i].base + map->regions[i].size_bytes; */
static bool cuts_row(const struct memmap *map, uint64_t address)
{
    size_t index = memmap_first_above(map, address);

    return index < map->count && map->regions[index].base < address;
}

/* The next part of [start, end) that no row describes; false when there is none. `index` is the
 * first row that ends above *start, and follows it. */
static bool next_gap(const struct memmap *map, size_t *index, uint64_t *start, uint64_t end,
                     uint64_t *gap_end)
{
    while (*index < map->count && map->regions[*index].base <= *start)
        *start = region_end(&map->regions[(*index)++]);
    if (*start >= end)
        return false;
    *gap_end = *index < map->count ? min_u64(end, map->regions[*index].base) : end;
    return true;
}

static size_t count_gaps(const struct memmap *map, uint64_t start, uint64_t end)
{
    size_t index = memmap_first_above(map, start);
    size_t gaps = 0;
    uint64_t gap_end;

    for (; next_gap(map, &index, &start, end, &gap_end); start = gap_end)
        gaps++;
    return gaps;
}

static bool has_room(const struct memmap *map, const struct edit *edit)
{
    size_t more = (size_t)cuts_row(map, edit->start) + (size_t)cuts_row(map, edit->end);

    if (edit->fill_gaps)
        more += count_gaps(map, edit->start, edit->end);
    return more <= map->capacity - map->count;
}

static void insert_row(struct memmap *map, size_t index, struct region row)
{
    struct region *at = &map->regions[index];

    memmove(at + 1, at, (map->count - index) * sizeof(*at));
    *at = row;
    map->count++;
}

static void split_at(struct memmap *map, uint64_t address)
{
    size_t index = memmap_first_above(map, address);
    struct region upper;

    if (!cuts_row(map, address))
        return;
    upper = map->regions[index];
    upper.size_bytes = region_end(&upper) - address;
    upper.base = address;
    map->regions[index].size_bytes -= upper.size_bytes;
    insert_row(map, index + 1, upper);
}

static void fill_gaps(struct memmap *map, uint64_t start, uint64_t end)
{
    size_t index = memmap_first_above(map, start);
    uint64_t gap_end;

    for (; next_gap(map, &index, &start, end, &gap_end); start = gap_end) {
        struct region gap = { .base = start,
                              .size_bytes = gap_end - start,
                              .type = REGION_TYPE_HOLE,
                              .flags = REGION_ADDED,
                              .efi_type = REGION_EFI_TYPE_NONE };

        insert_row(map, index++, gap);
    }
}

/*@ requires \valid_read(edit);
  @ assigns \nothing;
  @ ensures \result && type != REGION_TYPE_HOLE && edit->type != REGION_TYPE_HOLE ==>
  @   edit->type != E820_USABLE; */
static bool accepts_type(const struct edit *edit, uint32_t type)
{
    if (type == REGION_TYPE_HOLE || edit->type == REGION_TYPE_HOLE)
        return true;
    return edit->type != E820_USABLE && memmap_rank(type) <= memmap_rank(edit->type);
}

/*@ requires \valid_read(edit) && \valid_read(row);
  @ assigns \nothing;
  @ ensures \result && edit->rows == EDIT_NOT_STRICTER && row->type != REGION_TYPE_HOLE &&
  @   edit->type != REGION_TYPE_HOLE ==> edit->type != E820_USABLE;
  @ ensures \result && (edit->rows == EDIT_FREE || edit->rows == EDIT_RUNTIME) ==>
  @   row->type == E820_USABLE; */
static bool edit_accepts(const struct edit *edit, const struct region *row)
{
    switch (edit->rows) {
    case EDIT_NOT_STRICTER:
        return accepts_type(edit, row->type);
    case EDIT_FREE:
        return region_is_free(row);
    case EDIT_RUNTIME:
        return row->type == E820_USABLE && (row->flags & REGION_RUNTIME) != 0;
    case EDIT_UNHELD:
        return (row->type == REGION_TYPE_HOLE || row->type == E820_RESERVED) &&
               row->tag == REGION_TAG_NONE && !region_is_ram(row);
    }
    return false;
}

/* Whether memory that `tag` holds may still be accessed as write-back RAM by way of the direct
 * map: what the user sets aside may be broken, or a device's. */
/*@ assigns \nothing;
  @ ensures !\result <==> tag == REGION_TAG_FRAMEBUFFER || tag == REGION_TAG_DEVICE ||
  @   tag == REGION_TAG_USER; */
static bool tag_is_ram(uint16_t tag)
{
    return tag != REGION_TAG_FRAMEBUFFER && tag != REGION_TAG_DEVICE && tag != REGION_TAG_USER;
}

/*@ requires valid_notes(map) && \valid_read(edit) && \valid(row) && ends(row);
  @ requires \separated(row, edit, map, map->changes + (0 .. map->change_capacity - 1));
  @ requires EDIT_NOT_STRICTER <= edit->rows <= EDIT_UNHELD && edit->type != E820_USABLE;
  @ assigns row->type, row->flags, row->tag, row->device;
  @ assigns map->changes[0 .. map->change_capacity - 1], map->change_count, map->changes_lost;
  @ ensures memory_is_usable(row->type, \old(row->type)); */
static void apply_to_row(struct memmap *map, const struct edit *edit, struct region *row)
{
    uint32_t type = edit->type == REGION_TYPE_HOLE ? row->type : edit->type;

    if (!edit_accepts(edit, row))
        return;
    memmap_note(map, row->base, region_end(row), row->type, type, edit->reason);
    if (row->type == REGION_TYPE_HOLE && type == E820_USABLE)
        row->flags = REGION_WB | REGION_IS_RAM;
    else if (!tag_is_ram(edit->tag))
        row->flags &= (uint16_t)~REGION_IS_RAM;
    row->type = type;
    row->tag = edit->tag;
    row->device = edit->device;
}

/* Joins the rows from `first` to the one that begins at `end`, where they are equal now. */
static void join_rows(struct memmap *map, size_t first, uint64_t end)
{
    size_t kept = first;
    size_t next = first + 1;

    for (; next < map->count && map->regions[next].base <= end; next++)
        if (!memmap_coalesce(&map->regions[kept], &map->regions[next]))
            map->regions[++kept] = map->regions[next];
    if (next > kept + 1) {
        memmove(&map->regions[kept + 1], &map->regions[next],
                (map->count - next) * sizeof(*map->regions));
        map->count -= next - (kept + 1);
    }
}

/* Steps 2 to 5; there is room. */
static void edit_range(struct memmap *map, const struct edit *edit)
{
    size_t first;

    split_at(map, edit->start);
    split_at(map, edit->end);
    if (edit->fill_gaps)
        fill_gaps(map, edit->start, edit->end);
    first = memmap_first_above(map, edit->start);
    for (size_t i = first; i < map->count && map->regions[i].base < edit->end; i++)
        apply_to_row(map, edit, &map->regions[i]);
    join_rows(map, first > 0 ? first - 1 : 0, edit->end);
}

/* --- carving ----------------------------------------------------------------------------- */

/* Makes the edit to the whole pages that [base, base + size_bytes) touches. */
static enum status carve(struct memmap *map, uint64_t base, uint64_t size_bytes, struct edit *edit)
{
    uint64_t end;

    if (!checked_add(base, size_bytes, &end))
        return STATUS_OVERFLOW;
    edit->start = align_down(base, PAGE_SIZE);
    edit->end = end >= map->limit ? map->limit : align_up(end, PAGE_SIZE);
    if (size_bytes == 0 || edit->start >= edit->end)
        return STATUS_OK;
    if (!has_room(map, edit))
        return STATUS_NO_SPACE;
    edit_range(map, edit);
    return STATUS_OK;
}

enum status memmap_carve(struct memmap *map, uint64_t base, uint64_t size_bytes, uint32_t type,
                         enum region_tag tag, enum memmap_reason reason)
{
    struct edit edit = {
        .type = type, .tag = (uint16_t)tag, .reason = reason, .fill_gaps = type != REGION_TYPE_HOLE
    };

    if (tag >= REGION_TAG_COUNT || memmap_rank(type) == RANK_COUNT)
        return STATUS_INVALID;
    return carve(map, base, size_bytes, &edit);
}

enum status memmap_claim_device(struct memmap *map, uint64_t base, uint64_t size_bytes,
                                uint32_t device)
{
    struct edit edit = { .type = E820_RESERVED,
                         .tag = REGION_TAG_DEVICE,
                         .device = device,
                         .reason = MEMMAP_CARVED,
                         .fill_gaps = true,
                         .rows = EDIT_UNHELD };

    return carve(map, base, size_bytes, &edit);
}

/* --- clipping ---------------------------------------------------------------------------- */

void memmap_clip(struct memmap *map, uint64_t limit, bool free_only, enum memmap_reason reason)
{
    uint64_t cut = align_down(limit, PAGE_SIZE);
    size_t kept = memmap_first_above(map, cut);

    for (size_t i = kept; i < map->count; i++) {
        struct region row = map->regions[i];
        uint64_t row_cut = max_u64(row.base, cut);

        if (!free_only || region_is_free(&row)) {
            memmap_note(map, row_cut, region_end(&row), row.type, REGION_TYPE_HOLE, reason);
            row.size_bytes = row_cut - row.base;
        }
        if (row.size_bytes > 0)
            map->regions[kept++] = row;
    }
    map->count = kept;
    if (!free_only)
        map->limit = min_u64(map->limit, cut);
}

/* --- low memory -------------------------------------------------------------------------- */

/* The highest run of `bytes` of free memory below the video window that is not page 0; false
 * where there is none. Rows that touch make one run. */
static bool find_trampoline(const struct memmap *map, uint64_t bytes, uint64_t *base)
{
    uint64_t run_start = 0;
    uint64_t run_end = UINT64_MAX;
    bool found = false;

    for (size_t i = 0; i < map->count && map->regions[i].base < VIDEO_WINDOW_START; i++) {
        const struct region *row = &map->regions[i];

        if (!region_is_free(row))
            continue;
        if (row->base != run_end)
            run_start = max_u64(row->base, PAGE_ZERO_END);
        run_end = region_end(row);
        if (min_u64(run_end, VIDEO_WINDOW_START) - run_start >= bytes) {
            *base = min_u64(run_end, VIDEO_WINDOW_START) - bytes;
            found = true;
        }
    }
    return found;
}

/* [start, end), as far as its rows are of that kind. Room for the cuts has been seen to. */
static void reserve_rows(struct memmap *map, uint64_t start, uint64_t end, enum edit_rows rows,
                         enum region_tag tag, enum memmap_reason reason)
{
    struct edit edit = { .start = start,
                         .end = end,
                         .type = E820_RESERVED,
                         .tag = (uint16_t)tag,
                         .reason = reason,
                         .rows = rows };

    edit_range(map, &edit);
}

static void reserve_low_rows(struct memmap *map)
{
    reserve_rows(map, 0, PAGE_ZERO_END, EDIT_FREE, REGION_TAG_NONE, MEMMAP_PAGE_ZERO);
    reserve_rows(map, PAGE_ZERO_END, VIDEO_WINDOW_START, EDIT_FREE, REGION_TAG_LOW,
                 MEMMAP_LOW_MEMORY);
    reserve_rows(map, VIDEO_WINDOW_START, LOW_MEMORY_END, EDIT_FREE, REGION_TAG_DEVICE,
                 MEMMAP_LOW_MEMORY);
    reserve_rows(map, 0, LOW_MEMORY_END, EDIT_RUNTIME, REGION_TAG_FIRMWARE, MEMMAP_LOW_MEMORY);
}

enum status memmap_reserve_low(struct memmap *map, size_t trampoline_pages)
{
    uint64_t bytes = (uint64_t)trampoline_pages << PAGE_SHIFT;
    bool wanted = trampoline_pages > 0;
    uint64_t trampoline;
    bool found;

    if (map->capacity - map->count < LOW_CUTS)
        return STATUS_NO_SPACE;
    found = wanted && bytes <= VIDEO_WINDOW_START && find_trampoline(map, bytes, &trampoline);
    if (found)
        reserve_rows(map, trampoline, trampoline + bytes, EDIT_FREE, REGION_TAG_TRAMPOLINE,
                     MEMMAP_TRAMPOLINE);
    reserve_low_rows(map);
    return found || !wanted ? STATUS_OK : STATUS_NOT_FOUND;
}
