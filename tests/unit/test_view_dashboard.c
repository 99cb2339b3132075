/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_view_dashboard.c - properties of view/model.h and view/dashboard.h.
 */

#include "lib/types.h"
#include "mm/heap.h"
#include "pmm_machine.h"
#include "view/dashboard.h"

/* A heap of figures: what the page shows can then be foretold. */
void heap_get_stats(struct heap_stats *stats)
{
    *stats =
        (struct heap_stats){ .live_objects = 1234, .live_bytes = 3 * MiB, .mapped_bytes = 4 * MiB };
}

bool heap_get_class(unsigned index, struct heap_class_info *info)
{
    *info = (struct heap_class_info){
        .object_bytes = 16u << index, .slabs = index, .objects = 100, .live = 40 + index
    };
    return index < 12;
}

static struct view_sheet sheet;
static struct dashboard dashboard;

static void open_at(const struct memmap *map, unsigned columns, unsigned rows)
{
    free(sheet.cells);
    free(dashboard.grid.tiles);
    sheet_init(&sheet, calloc((size_t)columns * rows, sizeof(*sheet.cells)), columns, rows);
    dashboard_init(&dashboard, map,
                   calloc(dashboard_tiles(columns, rows), sizeof(struct view_tile)), columns, rows);
    dashboard_refresh(&dashboard, 0);
}

static void open(unsigned columns, unsigned rows)
{
    open_at((&machine_map), columns, rows);
}

static void key(unsigned which)
{
    dashboard_key(&dashboard, which);
    dashboard_refresh(&dashboard, 0);
    dashboard_draw(&dashboard, &sheet);
}

static const struct machine_piece pieces[] = {
    OTHER_MEMORY(0, 0x1000, E820_RESERVED),
    LOW_MEMORY(0x1000, 0x9f000),
    HELD_MEMORY(1 * MiB, 3 * MiB, REGION_TAG_KERNEL),
    FREE_MEMORY(3 * MiB, 300 * MiB),
    HELD_MEMORY(300 * MiB, 301 * MiB, REGION_TAG_STACK),
    FREE_MEMORY(302 * MiB, 508 * MiB),
    OTHER_MEMORY(508 * MiB, 512 * MiB, E820_ACPI_NVS),
    OTHER_MEMORY(3072 * MiB, 3074 * MiB, E820_RESERVED),
};

static void start(void)
{
    MACHINE_BOOT(pieces);
}

static void slices_are_to_scale(void **state)
{
    /* Slices of equal size say what most of their bytes are, to the last byte of the bar. */
    static struct region rows[] = {
        { .base = 1 * MiB, .size_bytes = 6 * MiB, .type = E820_USABLE, .flags = REGION_WB },
        { .base = 8 * MiB, .size_bytes = 2 * MiB, .type = E820_ACPI_NVS },
        { .base = 12 * MiB, .size_bytes = 4 * MiB, .type = E820_UNUSABLE },
    };
    const struct memmap map = { .regions = rows, .count = ARRAY_COUNT(rows), .limit = 1ull << 40 };
    uint8_t kinds[8];

    (void)state;
    view_slices(&map, 16 * MiB, kinds, 8);
    assert_int_equal(kinds[1], VIEW_KIND_USABLE);
    assert_int_equal(kinds[2], VIEW_KIND_USABLE);
    assert_int_equal(kinds[4], VIEW_KIND_ACPI);
    assert_int_equal(kinds[5], VIEW_KIND_HOLE);
    assert_int_equal(kinds[6], VIEW_KIND_BAD);
    assert_int_equal(kinds[7], VIEW_KIND_BAD);
    view_slices(&map, 1ull << 40, kinds, 8);
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(kinds[i], VIEW_KIND_HOLE);
}

static void grid_adds_up(void **state)
{
    /* At every zoom over the whole machine the tiles have all free frames, and as many used ones as
     * the table describes. */
    struct view_grid grid;
    struct pmm_stats stats;
    uint64_t described = 0;

    (void)state;
    start();
    pmm_get_stats(&stats);
    for (size_t i = 0; i < machine_map.count; i++)
        if (machine_map.regions[i].base < 512 * MiB)
            described += machine_map.regions[i].size_bytes >> PAGE_SHIFT;
    for (unsigned shift = 0; shift <= 12; shift += 3) {
        uint64_t free_frames = 0, used_frames = 0;

        grid = (struct view_grid){ .shift = shift, .count = 131072u >> shift };
        grid.tiles = calloc(grid.count, sizeof(*grid.tiles));
        view_fill_grid((&machine_map), &grid);
        for (unsigned i = 0; i < grid.count; i++) {
            free_frames += grid.tiles[i].free_frames;
            used_frames += grid.tiles[i].used_frames;
        }
        free(grid.tiles);
        assert_int_equal(free_frames, stats.free_frames);
        if (shift == 0)
            assert_int_equal(free_frames + used_frames, described);
    }
}

static void grid_shows_each_frame(void **state)
{
    /* At one frame a tile each tile says what frame_describe() says: tag and references. */
    struct view_grid grid = { .shift = 0, .count = 512 };
    struct frame_info info;
    pfn_t frame;

    (void)state;
    start();
    assert_int_equal(pmm_alloc_frame(FRAME_DMA, &frame), STATUS_OK);
    frame_get(frame);
    frame_get(frame);
    grid.first_frame = pfn_value(frame) & ~(uint64_t)511;
    grid.tiles = calloc(grid.count, sizeof(*grid.tiles));
    view_fill_grid((&machine_map), &grid);
    for (unsigned i = 0; i < grid.count; i++) {
        frame_describe(pfn((uintptr_t)(grid.first_frame + i)), &info);
        if (info.managed)
            assert_int_equal(grid.tiles[i].tag, info.tag);
        if (info.managed && info.tag != FRAME_FREE)
            assert_int_equal(grid.tiles[i].references, info.references);
    }
    assert_int_equal(grid.tiles[pfn_value(frame) & 511].references, 3);
    assert_int_equal(view_tile_colour(&grid.tiles[pfn_value(frame) & 511]), VIEW_DMA);
    free(grid.tiles);
}

static void every_size_is_drawn(void **state)
{
    /* Every page and zoom is drawn on sheets of all sizes, and keys never leave the machine. */
    static const unsigned sizes[][2] = { { 80, 25 },  { 99, 46 },  { 100, 37 }, { 128, 48 },
                                         { 160, 50 }, { 240, 67 }, { 240, 80 } };
    uint64_t random = 11;

    (void)state;
    start();
    for (unsigned i = 0; i < ARRAY_COUNT(sizes); i++) {
        open(sizes[i][0], sizes[i][1]);
        for (unsigned step = 0; step < 60; step++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            key((unsigned)(random >> 40) % (DASHBOARD_PAGE + DASHBOARD_PAGE_COUNT + 1));
            assert_true(dashboard.grid.count <= dashboard_tiles(sizes[i][0], sizes[i][1]));
            assert_true(dashboard.row < machine_map.count);
            if (dashboard.page == DASHBOARD_FRAMES) {
                assert_true(dashboard.frame >= dashboard.grid.first_frame);
                assert_true((dashboard.frame - dashboard.grid.first_frame) >> dashboard.grid.shift <
                            dashboard.grid.count);
            }
        }
    }
}

static void zooming_ends_at_a_block(void **state)
{
    /* Zooming in ends at the 512 frames of the chosen block, zooming out at the whole machine. */
    (void)state;
    start();
    open(160, 50);
    key(DASHBOARD_PAGE + DASHBOARD_FRAMES);
    for (unsigned i = 0; i < 20; i++)
        key(DASHBOARD_NEARER);
    assert_int_equal(dashboard.grid.count, 512);
    assert_int_equal(dashboard.grid.shift, 0);
    assert_int_equal(dashboard.grid.first_frame, dashboard.frame & ~(uint64_t)511);
    for (unsigned i = 0; i < 20; i++)
        key(DASHBOARD_FARTHER);
    assert_int_equal(dashboard.grid.first_frame, 0);
    assert_true(((uint64_t)dashboard.grid.count << dashboard.grid.shift << PAGE_SHIFT) >=
                512 * MiB);
}

static void choices_go_together(void **state)
{
    /* A region that is chosen on the overview is where the frames page is, and the other way around. */
    const struct region *row;

    (void)state;
    start();
    open(160, 50);
    key(DASHBOARD_RIGHT);
    key(DASHBOARD_RIGHT);
    row = &machine_map.regions[dashboard.row];
    assert_int_equal(dashboard_address(&dashboard), row->base);
    key(DASHBOARD_NEARER);
    assert_int_equal(dashboard.page, DASHBOARD_FRAMES);
    assert_int_equal(dashboard_address(&dashboard), row->base);
    for (unsigned i = 0; i < 200; i++)
        key(DASHBOARD_UP);
    key(DASHBOARD_PAGE + DASHBOARD_OVERVIEW);
    assert_int_equal(dashboard.row, 0);
}

static void tour_sees_everything(void **state)
{
    /* The tour goes through all pages and zooms, begins again, and ends at the first key. */
    bool pages[DASHBOARD_PAGE_COUNT] = { false };
    unsigned most;

    (void)state;
    start();
    open(100, 37);
    most = dashboard_zoom_most(&dashboard);
    for (unsigned i = 0; i < most + 4; i++) {
        dashboard_tour(&dashboard);
        dashboard_refresh(&dashboard, 0);
        dashboard_draw(&dashboard, &sheet);
        pages[dashboard.page] = true;
        assert_true(dashboard.touring);
    }
    for (unsigned i = 0; i < DASHBOARD_PAGE_COUNT; i++)
        assert_true(pages[i]);
    dashboard_tour(&dashboard);
    assert_int_equal(dashboard.page, DASHBOARD_OVERVIEW);
    key(DASHBOARD_NEXT_PAGE);
    assert_false(dashboard.touring);
}

static bool row_has(unsigned row, const char *text)
{
    char line[512];

    for (unsigned i = 0; i < sheet.columns; i++)
        line[i] = view_glyph_ascii(sheet_row(&sheet, row)[i].glyph);
    line[sheet.columns] = '\0';
    return strstr(line, text) != NULL;
}

static bool sheet_has(const char *text)
{
    for (unsigned row = 0; row < sheet.rows; row++)
        if (row_has(row, text))
            return true;
    return false;
}

static void figures_are_drawn(void **state)
{
    /* What the model says is what the page shows: the chosen region, free memory, a note. */
    char text[64];

    (void)state;
    start();
    open(100, 37);
    key(DASHBOARD_LEFT);
    snprintf(text, sizeof(text), "0x%09llx",
             (unsigned long long)machine_map.regions[dashboard.row].base);
    assert_true(sheet_has(text));
    snprintf(text, sizeof(text), "free 2 MiB blocks%19llu",
             (unsigned long long)dashboard.model.frames.free_2m_blocks);
    assert_true(sheet_has(text));
    key(DASHBOARD_PAGE + DASHBOARD_HEAP);
    assert_true(sheet_has("1234 objects"));
    assert_true(sheet_has("3 MiB  75 %"));
    assert_true(sheet_has("     32       1        41       100"));
    dashboard.note = "first line of a note\nthe second one is longer than the others, so long that "
                     "it needs two rows to be shown whole, here";
    dashboard_draw(&dashboard, &sheet);
    assert_true(sheet_has("first line of a note"));
    assert_true(sheet_has("any key closes this"));
    assert_true(sheet_has("the second one is longer"));
    assert_true(sheet_has("here"));
}

static void bars_show_slices(void **state)
{
    /* Each half cell of the bar has the colour of its slice. */
    uint8_t kinds[512];
    unsigned count;

    (void)state;
    start();
    open(160, 50);
    dashboard_draw(&dashboard, &sheet);
    count = dashboard_bar_slices(&sheet);
    view_slices((&machine_map), dashboard.model.ram_end, kinds, count);
    for (unsigned i = 0; i < count; i++) {
        const struct view_cell *cell =
            &sheet_row(&sheet, DASHBOARD_BAR_ROW)[DASHBOARD_BAR_COLUMN + i / 2];

        assert_int_equal(i % 2 == 0 ? cell->ink : cell->ground,
                         view_kind_colour((enum view_kind)kinds[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_are_to_scale),
        cmocka_unit_test_teardown(grid_adds_up, machine_stop),
        cmocka_unit_test_teardown(grid_shows_each_frame, machine_stop),
        cmocka_unit_test_teardown(every_size_is_drawn, machine_stop),
        cmocka_unit_test_teardown(zooming_ends_at_a_block, machine_stop),
        cmocka_unit_test_teardown(choices_go_together, machine_stop),
        cmocka_unit_test_teardown(tour_sees_everything, machine_stop),
        cmocka_unit_test_teardown(figures_are_drawn, machine_stop),
        cmocka_unit_test_teardown(bars_show_slices, machine_stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
