/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_memmap_model.c - random tables against a model that is slow and obvious.
 *
 * The model's world has 64 pages of eight atoms of 512 bytes, and its limit after 60 of them. It
 * keeps the list of entries and asks, for every atom or page anew, what covers it: no sorting, no
 * sweep, no counts. The rows must say the same of every page, and the notes, applied one after
 * the other to what the entries said, must lead from there to the rows.
 */
#include "memmap_fixture.h"

#define ATOM        512u
#define ATOMS_PAGE  8u
#define PAGES       64u
#define ATOMS       (PAGES * ATOMS_PAGE)
#define LIMIT_PAGES 60u
#define ENTRIES_MAX 24u

/* From weak to strict; 0, a hole, has its place only within a page. */
static const uint32_t order[] = {
    E820_USABLE,     0,
    E820_UNACCEPTED, E820_SOFT_RESERVED,
    E820_PERSISTENT, E820_ACPI_DATA,
    E820_ACPI_NVS,   E820_RESERVED,
    E820_UNUSABLE,
};
#define TYPES (sizeof(order) / sizeof(order[0]))
#define CLAIMS                                                                                     \
    (REGION_UC | REGION_WC | REGION_WT | REGION_WB | REGION_MORE_RELIABLE | REGION_IS_RAM)

/* What is known of a place. A hole has type 0. */
struct place {
    uint32_t type;
    uint32_t tag;
    uint32_t flags;
};

struct model {
    struct region entries[ENTRIES_MAX]; /* as they were given */
    size_t count;
};

static size_t rank_of(uint32_t type)
{
    size_t rank = 0;

    while (rank < TYPES && order[rank] != type)
        rank++;
    return rank;
}

/* --- what the entries mean --------------------------------------------------------------- */

static uint32_t believed_type(const struct region *entry)
{
    bool defined = entry->type != 0 && rank_of(entry->type) < TYPES;

    return defined ? entry->type : E820_RESERVED;
}

/* A size of 2^64 - 1 stands for one that has no number. */
static bool entry_wraps(const struct region *entry)
{
    return entry->size_bytes == UINT64_MAX ||
           (entry->size_bytes != 0 && entry->base + (entry->size_bytes - 1) < entry->base);
}

static bool entry_covers(const struct region *entry, size_t atom)
{
    uint64_t address = (uint64_t)atom * ATOM;

    if (address >= LIMIT_PAGES * PAGE_SIZE || entry->size_bytes == 0 || address < entry->base)
        return false;
    if (entry_wraps(entry))
        return believed_type(entry) != E820_USABLE;
    return address <= entry->base + (entry->size_bytes - 1);
}

/* The strictest type over an atom, and what all entries of that type say together. */
static struct place model_atom(const struct model *model, size_t atom)
{
    struct place place = { 0, 0, 0 };

    for (size_t i = 0; i < model->count; i++) {
        const struct region *entry = &model->entries[i];
        uint32_t type = believed_type(entry);

        if (!entry_covers(entry, atom))
            continue;
        if (place.type == 0 || rank_of(type) > rank_of(place.type)) {
            place = (struct place){ type, entry->tag, entry->flags };
        } else if (type == place.type) {
            place.tag = entry->tag > place.tag ? entry->tag : place.tag;
            place.flags = (place.flags & entry->flags & CLAIMS) |
                          ((place.flags | entry->flags) & ~(uint32_t)CLAIMS);
        }
    }
    return place;
}

/* Whether a page of the two places goes to `b`: by type, tag, then what is claimed and limited. */
static bool is_stricter(struct place b, struct place a)
{
    if (rank_of(a.type) != rank_of(b.type))
        return rank_of(b.type) > rank_of(a.type);
    if (a.tag != b.tag)
        return b.tag > a.tag;
    return (b.flags ^ CLAIMS) > (a.flags ^ CLAIMS);
}

static struct place model_page(const struct model *model, size_t page)
{
    struct place place = model_atom(model, page * ATOMS_PAGE);

    for (size_t i = 1; i < ATOMS_PAGE; i++) {
        struct place atom = model_atom(model, page * ATOMS_PAGE + i);

        if (is_stricter(atom, place))
            place = atom;
    }
    return place;
}

static struct place row_place(const struct memmap *map, size_t page)
{
    const struct region *row = memmap_find(map, pa(page * PAGE_SIZE));

    return row == NULL ? (struct place){ 0, 0, 0 }
                       : (struct place){ row->type, row->tag, row->flags };
}

static void expect_place(size_t page, struct place actual, struct place expected)
{
    if (actual.type != expected.type || actual.tag != expected.tag ||
        actual.flags != expected.flags)
        fail_msg("page %zu: type %u tag %u flags %#x, not type %u tag %u flags %#x", page,
                 actual.type, actual.tag, actual.flags, expected.type, expected.tag,
                 expected.flags);
}

/* --- making entries ---------------------------------------------------------------------- */

static uint32_t random_type(uint64_t *seed)
{
    uint32_t type = order[random_below(seed, TYPES)];

    return random_below(seed, 20) == 0 ? (uint32_t)random_below(seed, 30) : type;
}

static struct region random_entry(uint64_t *seed)
{
    uint64_t step = random_below(seed, 3) == 0 ? ATOM : PAGE_SIZE;
    struct region entry = {
        .base = random_below(seed, ATOMS * ATOM / step) * step,
        .size_bytes = random_below(seed, 12 * PAGE_SIZE / step) * step,
        .type = random_type(seed),
        .efi_type = (uint32_t)random_below(seed, 4),
    };

    if (random_below(seed, 4) == 0)
        entry.tag = (uint16_t)random_below(seed, REGION_TAG_COUNT);
    if (random_below(seed, 4) == 0)
        entry.flags = (uint16_t)random_below(seed, 2 * REGION_IS_RAM);
    if (random_below(seed, 40) == 0)
        entry.size_bytes = UINT64_MAX - random_below(seed, entry.base + 1);
    return entry;
}

static void model_fill(struct model *model, uint64_t *seed)
{
    model->count = random_below(seed, ENTRIES_MAX + 1);
    for (size_t i = 0; i < model->count; i++)
        model->entries[i] = random_entry(seed);
}

static void model_shuffle(struct model *model, uint64_t *seed)
{
    for (size_t i = model->count; i > 1; i--) {
        size_t other = random_below(seed, i);
        struct region entry = model->entries[other];

        model->entries[other] = model->entries[i - 1];
        model->entries[i - 1] = entry;
    }
}

/* The smallest buffer that is promised to do. */
static void build(struct memmap *map, const struct model *model, size_t changes)
{
    table_open(map, 2 * model->count, changes, LIMIT_PAGES * PAGE_SIZE);
    for (size_t i = 0; i < model->count; i++)
        assert_int_equal(memmap_add(map, &model->entries[i]), STATUS_OK);
}

/* --- replaying the notes ----------------------------------------------------------------- */

/* The types that cover an atom, a bit for each; a bit once, however many entries there are. */
static uint32_t types_over(const struct model *model, size_t atom)
{
    uint32_t set = 0;

    for (size_t i = 0; i < model->count; i++)
        if (entry_covers(&model->entries[i], atom))
            set |= 1u << rank_of(believed_type(&model->entries[i]));
    return set;
}

static uint32_t set_of(uint32_t type)
{
    return type == 0 ? 0 : 1u << rank_of(type);
}

/* An overlap takes the weaker type away; a border turns all of an atom into the other type. */
static void replay_on_atom(const struct handoff_change *change, uint32_t *set)
{
    uint32_t from = set_of(change->from_type);
    uint32_t to = set_of(change->to_type);

    if (change->reason == MEMMAP_OVERLAP && from != to) {
        assert_true((*set & from) != 0 && (*set & to) != 0);
        *set &= ~from;
    } else if (change->reason == MEMMAP_UNALIGNED && *set == from) {
        *set = to;
    }
}

static void replay(const struct memmap *map, size_t first_note, uint32_t *sets)
{
    for (size_t i = first_note; i < map->change_count; i++) {
        const struct handoff_change *change = &map->changes[i];

        assert_true(change->reason == MEMMAP_OVERLAP || change->reason == MEMMAP_UNALIGNED);
        assert_true(change->size_bytes % ATOM == 0 && change->base % ATOM == 0);
        for (size_t atom = change->base / ATOM; atom < (change->base + change->size_bytes) / ATOM;
             atom++)
            replay_on_atom(change, &sets[atom]);
    }
}

/* --- the properties ---------------------------------------------------------------------- */

#define TABLES 3000

static void every_page_is_what_the_model_says(void **state)
{
    /* Type, tag and flags of every page are those that a look at all the entries gives. */
    struct model model;
    struct memmap map;

    (void)state;
    for (uint64_t seed = 1, table = 0; table < TABLES; table++) {
        model_fill(&model, &seed);
        build(&map, &model, 0);
        sanitise(&map);
        for (size_t page = 0; page < PAGES; page++)
            expect_place(page, row_place(&map, page), model_page(&model, page));
        table_close(&map);
    }
}

static void the_notes_explain_every_byte(void **state)
{
    /* Applied in order to what the entries said, the notes lead to what the rows say. */
    struct model model;
    struct memmap map;
    uint32_t sets[ATOMS];

    (void)state;
    for (uint64_t seed = 2, table = 0; table < TABLES; table++) {
        size_t first_note;

        model_fill(&model, &seed);
        build(&map, &model, 20 * ATOMS);
        first_note = map.change_count;
        sanitise(&map);
        assert_int_equal(map.changes_lost, 0);
        for (size_t atom = 0; atom < ATOMS; atom++)
            sets[atom] = types_over(&model, atom);
        replay(&map, first_note, sets);
        for (size_t atom = 0; atom < ATOMS; atom++)
            assert_int_equal(sets[atom], set_of(row_place(&map, atom / ATOMS_PAGE).type));
        table_close(&map);
    }
}

/* Bytes that the notes of one reason cover, all together. */
static uint64_t noted_bytes(const struct memmap *map, enum memmap_reason reason)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < map->change_count; i++)
        if (map->changes[i].reason == (uint32_t)reason)
            sum += map->changes[i].size_bytes;
    return sum;
}

static void nonsense_is_noted_entry_by_entry(void **state)
{
    /* What memmap_add() cuts off or retypes is noted with exactly the bytes that it concerns. */
    uint64_t limit = LIMIT_PAGES * PAGE_SIZE;
    struct model model;
    struct memmap map;

    (void)state;
    for (uint64_t seed = 3, table = 0; table < TABLES; table++) {
        uint64_t unknown = 0;
        uint64_t beyond = 0;
        uint64_t wrapped = 0;

        model_fill(&model, &seed);
        build(&map, &model, ROOM);
        for (size_t i = 0; i < model.count; i++) {
            const struct region *entry = &model.entries[i];
            uint64_t end = entry->base + entry->size_bytes;
            uint64_t cut = entry->base > limit ? entry->base : limit;

            if (entry->size_bytes != 0 && entry->type != believed_type(entry))
                unknown += entry->size_bytes;
            if (entry_wraps(entry))
                wrapped -= believed_type(entry) == E820_USABLE ? entry->base : cut;
            else if (end > cut)
                beyond += end - cut;
        }
        assert_int_equal(noted_bytes(&map, MEMMAP_UNKNOWN_TYPE), unknown);
        assert_int_equal(noted_bytes(&map, MEMMAP_BEYOND_LIMIT), beyond);
        assert_int_equal(noted_bytes(&map, MEMMAP_WRAPS), wrapped);
        table_close(&map);
    }
}

static void the_order_of_entries_does_not_matter(void **state)
{
    /* Shuffled entries make byte for byte the same rows. */
    struct model model;
    struct memmap map;
    struct memmap shuffled;

    (void)state;
    for (uint64_t seed = 4, table = 0; table < TABLES; table++) {
        model_fill(&model, &seed);
        build(&map, &model, 0);
        sanitise(&map);
        model_shuffle(&model, &seed);
        build(&shuffled, &model, 0);
        sanitise(&shuffled);
        assert_int_equal(map.count, shuffled.count);
        if (map.count > 0)
            assert_memory_equal(map.regions, shuffled.regions, map.count * sizeof(*map.regions));
        table_close(&map);
        table_close(&shuffled);
    }
}

static void a_second_time_changes_nothing(void **state)
{
    /* Sanitising what is sanitised leaves every byte as it is, and notes nothing. */
    struct model model;
    struct memmap map;
    struct memmap again;

    (void)state;
    for (uint64_t seed = 5, table = 0; table < TABLES; table++) {
        model_fill(&model, &seed);
        build(&map, &model, 0);
        sanitise(&map);
        table_open(&again, 2 * map.count, 1, LIMIT_PAGES * PAGE_SIZE);
        for (size_t i = 0; i < map.count; i++)
            assert_int_equal(memmap_add(&again, &map.regions[i]), STATUS_OK);
        sanitise(&again);
        assert_int_equal(again.count, map.count);
        assert_int_equal(again.change_count + again.changes_lost, 0);
        if (map.count > 0)
            assert_memory_equal(map.regions, again.regions, map.count * sizeof(*map.regions));
        table_close(&map);
        table_close(&again);
    }
}

/* --- edits ------------------------------------------------------------------------------- */

struct pages {
    struct place page[PAGES];
    size_t limit; /* in pages; a clip of everything lowers it */
};

static bool place_is_free(struct place place)
{
    return place.type == E820_USABLE && place.tag <= REGION_TAG_BOOT_SERVICES &&
           (place.flags & REGION_RUNTIME) == 0;
}

static void pages_carve(struct pages *pages, uint64_t base, uint64_t size_bytes, uint32_t type,
                        uint32_t tag)
{
    bool no_ram =
        tag == REGION_TAG_FRAMEBUFFER || tag == REGION_TAG_DEVICE || tag == REGION_TAG_USER;

    for (size_t i = base / PAGE_SIZE;
         i < pages->limit && size_bytes != 0 && i * PAGE_SIZE < base + size_bytes; i++) {
        struct place *place = &pages->page[i];
        bool unknown = place->type == 0;

        if (unknown && type == 0)
            continue;
        if (!unknown && type != 0 && (type == E820_USABLE || rank_of(place->type) > rank_of(type)))
            continue;
        if (unknown && type == E820_USABLE)
            place->flags = REGION_WB | REGION_IS_RAM;
        else if (unknown)
            place->flags = REGION_ADDED;
        else if (no_ram)
            place->flags &= ~(uint32_t)REGION_IS_RAM;
        place->type = type == 0 ? place->type : type;
        place->tag = tag;
    }
}

static void pages_clip(struct pages *pages, uint64_t limit, bool free_only)
{
    size_t cut = limit / PAGE_SIZE;

    for (size_t i = cut; i < PAGES; i++)
        if (!free_only || place_is_free(pages->page[i]))
            pages->page[i] = (struct place){ 0, 0, 0 };
    if (!free_only && cut < pages->limit)
        pages->limit = cut;
}

static void random_carve(struct memmap *map, struct pages *pages, uint64_t *seed)
{
    uint64_t base = random_below(seed, ATOMS) * ATOM;
    uint64_t size_bytes = random_below(seed, 16 * ATOMS_PAGE) * ATOM;
    uint32_t type = random_below(seed, 3) == 0 ? 0 : order[random_below(seed, TYPES)];
    uint32_t tag = (uint32_t)random_below(seed, REGION_TAG_COUNT);

    assert_int_equal(memmap_carve(map, base, size_bytes, type, tag, MEMMAP_CARVED), STATUS_OK);
    pages_carve(pages, base, size_bytes, type, tag);
}

static void random_clip(struct memmap *map, struct pages *pages, uint64_t *seed)
{
    uint64_t limit = (ATOMS / 2 + random_below(seed, ATOMS / 2)) * ATOM;
    bool free_only = random_below(seed, 2) == 0;

    memmap_clip(map, limit, free_only, MEMMAP_COMMAND_LINE);
    pages_clip(pages, limit, free_only);
}

static void edits_are_what_the_model_says(void **state)
{
    /* After any row of carvings and clippings the table is sane, and right in every page. */
    struct model model;
    struct memmap map;
    struct memmap edited;
    struct pages pages;
    size_t bad_row;

    (void)state;
    for (uint64_t seed = 6, table = 0; table < TABLES; table++) {
        size_t edits = random_below(&seed, 8);

        model_fill(&model, &seed);
        build(&map, &model, 0);
        sanitise(&map);
        /* No more room than memmap_capacity() promises to be enough. */
        table_open(&edited, memmap_capacity(model.count, edits), 1, LIMIT_PAGES * PAGE_SIZE);
        if (map.count > 0)
            memcpy(edited.regions, map.regions, map.count * sizeof(*map.regions));
        edited.count = map.count;
        pages.limit = LIMIT_PAGES;
        for (size_t page = 0; page < PAGES; page++)
            pages.page[page] = row_place(&map, page);
        for (size_t i = 0; i < edits; i++) {
            if (random_below(&seed, 6) == 0)
                random_clip(&edited, &pages, &seed);
            else
                random_carve(&edited, &pages, &seed);
            assert_int_equal(memmap_validate(&edited, &bad_row), STATUS_OK);
            for (size_t page = 0; page < PAGES; page++)
                expect_place(page, row_place(&edited, page), pages.page[page]);
        }
        table_close(&map);
        table_close(&edited);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_page_is_what_the_model_says),
        cmocka_unit_test(the_notes_explain_every_byte),
        cmocka_unit_test(nonsense_is_noted_entry_by_entry),
        cmocka_unit_test(the_order_of_entries_does_not_matter),
        cmocka_unit_test(a_second_time_changes_nothing),
        cmocka_unit_test(edits_are_what_the_model_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
