/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_view_framebuffer.c - properties of dev/framebuffer.h and of VGA's text, on memory.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dev/font.h"
#include "dev/framebuffer.h"
#include "dev/vga.h"
#include "lib/types.h"

#define FENCE_BYTES 64
#define FENCE       0x5a

/* A screen in memory of exactly its size between two fences, with sheets. */
struct screen {
    struct handoff_framebuffer facts;
    struct framebuffer framebuffer;
    uint8_t *memory;
    struct view_sheet sheet;
    struct view_cell *shown;
};

static struct handoff_framebuffer facts_of(uint32_t width, uint32_t height, uint32_t stride)
{
    return (struct handoff_framebuffer){ .width_pixels = width,
                                         .height_pixels = height,
                                         .stride_bytes = stride,
                                         .size_bytes = (uint64_t)stride * height,
                                         .bits_per_pixel = 32,
                                         .red_mask = 0xff0000,
                                         .green_mask = 0x00ff00,
                                         .blue_mask = 0x0000ff };
}

static void open_screen(struct screen *screen, const struct handoff_framebuffer *facts)
{
    size_t count;

    screen->facts = *facts;
    screen->memory = malloc(facts->size_bytes + 2 * FENCE_BYTES);
    memset(screen->memory, FENCE, facts->size_bytes + 2 * FENCE_BYTES);
    assert_int_equal(framebuffer_open(&screen->framebuffer, facts, screen->memory + FENCE_BYTES),
                     STATUS_OK);
    count = (size_t)screen->framebuffer.columns * screen->framebuffer.rows;
    screen->shown = calloc(count, sizeof(struct view_cell));
    sheet_init(&screen->sheet, calloc(count, sizeof(struct view_cell)), screen->framebuffer.columns,
               screen->framebuffer.rows);
}

static void close_screen(struct screen *screen)
{
    for (unsigned i = 0; i < FENCE_BYTES; i++) {
        assert_int_equal(screen->memory[i], FENCE);
        assert_int_equal(screen->memory[FENCE_BYTES + screen->facts.size_bytes + i], FENCE);
    }
    free(screen->memory);
    free(screen->shown);
    free(screen->sheet.cells);
}

static uint32_t pixel(const struct screen *screen, unsigned x, unsigned y)
{
    uint32_t value;

    memcpy(&value, screen->memory + FENCE_BYTES + (size_t)y * screen->facts.stride_bytes + x * 4,
           sizeof(value));
    return value;
}

static uint64_t paint(struct screen *screen)
{
    uint64_t before = screen->framebuffer.bytes_written;

    framebuffer_paint(&screen->framebuffer, &screen->sheet, screen->shown);
    return screen->framebuffer.bytes_written - before;
}

static const struct view_style plain = { VIEW_TEXT, VIEW_NIGHT };

static void sizes_of_all_kinds(void **state)
{
    /* Screens of any size and distance of lines are painted within their bounds, to the last
     * pixel, and the padding between lines is left alone. */
    static const uint32_t sizes[][3] = { { 800, 600, 3200 },    { 1280, 800, 5120 },
                                         { 1366, 768, 5504 },   { 161, 81, 647 },
                                         { 1023, 767, 4099 },   { 1920, 1080, 7680 },
                                         { 3840, 2160, 15360 }, { 320, 80, 1281 } };

    (void)state;
    for (unsigned i = 0; i < ARRAY_COUNT(sizes); i++) {
        struct handoff_framebuffer facts = facts_of(sizes[i][0], sizes[i][1], sizes[i][2]);
        struct screen screen;

        open_screen(&screen, &facts);
        framebuffer_clear_margins(&screen.framebuffer);
        (void)paint(&screen);
        for (unsigned y = 0; y < facts.height_pixels; y++) {
            const uint8_t *line = screen.memory + FENCE_BYTES + (size_t)y * facts.stride_bytes;

            for (unsigned x = 0; x < facts.width_pixels; x++)
                if (pixel(&screen, x, y) != screen.framebuffer.colours[VIEW_NIGHT])
                    fail_msg("%ux%u: pixel %u, %u", sizes[i][0], sizes[i][1], x, y);
            for (size_t at = (size_t)facts.width_pixels * 4; at < facts.stride_bytes; at++)
                assert_int_equal(line[at], FENCE);
        }
        assert_int_equal(screen.framebuffer.bytes_written,
                         (uint64_t)facts.width_pixels * facts.height_pixels * 4);
        close_screen(&screen);
    }
}

static void redraws_what_changed(void **state)
{
    /* A paint writes the cells that differ from what is shown, each pixel once, and no other. */
    struct handoff_framebuffer facts = facts_of(1280, 800, 5120);
    struct screen screen;

    (void)state;
    open_screen(&screen, &facts);
    assert_int_equal(paint(&screen), 1280 * 800 * 4);
    assert_int_equal(paint(&screen), 0);
    sheet_text(&screen.sheet, 3, 7, 10, plain, "abc");
    assert_int_equal(paint(&screen), 3 * 8 * 16 * 4);
    sheet_text(&screen.sheet, 3, 7, 10, plain, "axc");
    assert_int_equal(paint(&screen), 8 * 16 * 4);
    sheet_scroll(&screen.sheet);
    assert_int_equal(paint(&screen), 2 * 3 * 8 * 16 * 4);
    close_screen(&screen);
}

static void characters_are_the_fonts(void **state)
{
    /* A character's pixels are those of the font, in the two colours of its cell. */
    struct handoff_framebuffer facts = facts_of(800, 600, 3200);
    struct screen screen;
    unsigned ink = 0;

    (void)state;
    open_screen(&screen, &facts);
    sheet_put(&screen.sheet, 2, 1, 'R', (struct view_style){ VIEW_BRIGHT, VIEW_PANEL });
    (void)paint(&screen);
    for (unsigned y = 0; y < 16; y++) {
        for (unsigned x = 0; x < 8; x++) {
            bool set = (font_8x16[('R' - ' ') * 16 + y] >> (7 - x) & 1) != 0;
            uint32_t colour = pixel(&screen, screen.framebuffer.left_pixels + 16 + x,
                                    screen.framebuffer.top_pixels + 16 + y);

            ink += set;
            assert_int_equal(colour, view_colour_facts(set ? VIEW_BRIGHT : VIEW_PANEL)->rgb);
        }
    }
    assert_true(ink > 20 && ink < 80);
    close_screen(&screen);
}

static void colours_lie_under_masks(void **state)
{
    /* Colours come out under whatever masks there are, narrow and wide ones too. */
    static const struct {
        uint32_t red, green, blue, white;
    } masks[] = { { 0x0000ff, 0x00ff00, 0xff0000, 0xffffff },
                  { 0xf800, 0x07e0, 0x001f, 0xffff },
                  { 0x3ff00000, 0x000ffc00, 0x000003ff, 0x3fffffff },
                  { 0x00000001, 0x00000002, 0x80000000, 0x80000003 } };

    (void)state;
    for (unsigned i = 0; i < ARRAY_COUNT(masks); i++) {
        struct handoff_framebuffer facts = facts_of(320, 200, 1280);
        struct framebuffer framebuffer;

        facts.red_mask = masks[i].red;
        facts.green_mask = masks[i].green;
        facts.blue_mask = masks[i].blue;
        assert_int_equal(framebuffer_open(&framebuffer, &facts, NULL), STATUS_OK);
        assert_int_equal(framebuffer.colours[VIEW_BRIGHT], masks[i].white);
    }
}

static void nonsense_is_refused(void **state)
{
    /* A framebuffer whose numbers contradict each other, or whose pixels are none, is not opened. */
    struct framebuffer framebuffer;
    struct handoff_framebuffer good = facts_of(320, 200, 1280);
    struct handoff_framebuffer bad[9];

    (void)state;
    for (unsigned i = 0; i < ARRAY_COUNT(bad); i++)
        bad[i] = good;
    bad[0].bits_per_pixel = 24;
    bad[1].stride_bytes = 1279;
    bad[2].size_bytes--;
    bad[3].width_pixels = 0;
    bad[4].red_mask = 0;
    bad[5].red_mask = 0x00ff01;
    bad[6].green_mask = bad[6].blue_mask;
    bad[7].width_pixels = 19 * 8;
    bad[8].height_pixels = 4 * 16;
    assert_int_equal(framebuffer_open(&framebuffer, &good, NULL), STATUS_OK);
    for (unsigned i = 0; i < ARRAY_COUNT(bad); i++)
        assert_true(framebuffer_open(&framebuffer, &bad[i], NULL) != STATUS_OK);
}

static void every_glyph_is_drawn(void **state)
{
    /* Every glyph has some ink within its cell at both sizes, and tiles keep to their half. */
    static const unsigned heights[] = { 1080, 2160 };

    (void)state;
    for (unsigned i = 0; i < ARRAY_COUNT(heights); i++) {
        const struct font *font = font_for_screen(3840, heights[i]);

        for (unsigned glyph = GLYPH_LINE + 1; glyph <= GLYPH_SMALL_PAIR; glyph++) {
            uint32_t any = 0;
            bool upper;

            for (unsigned y = 0; y < font->height; y++)
                any |= font_is_tile((uint8_t)glyph) ? font_tile_row(font, (uint8_t)glyph, y, &upper)
                                                    : font_row(font, (uint8_t)glyph, y);
            if (glyph > GLYPH_BAR + 8 && glyph < GLYPH_UPPER)
                continue;
            if (glyph != GLYPH_BAR)
                assert_true(any != 0);
            assert_int_equal(any >> font->width, 0);
        }
    }
}

static void tiles_have_three_colours(void **state)
{
    /* A tile cell shows its upper and its lower square in the middle of each half. */
    struct handoff_framebuffer facts = facts_of(800, 600, 3200);
    struct screen screen;
    unsigned left, top;

    (void)state;
    open_screen(&screen, &facts);
    left = screen.framebuffer.left_pixels;
    top = screen.framebuffer.top_pixels;
    sheet_put(&screen.sheet, 0, 0, GLYPH_SMALL_UPPER, (struct view_style){ VIEW_SLAB, VIEW_HEAP });
    (void)paint(&screen);
    assert_int_equal(pixel(&screen, left + 3, top + 3), view_colour_facts(VIEW_SLAB)->rgb);
    assert_int_equal(pixel(&screen, left + 3, top + 11), view_colour_facts(VIEW_HEAP)->rgb);
    assert_int_equal(pixel(&screen, left + 0, top + 11), view_colour_facts(VIEW_HEAP)->rgb);
    assert_int_equal(pixel(&screen, left + 0, top + 3), view_colour_facts(VIEW_NIGHT)->rgb);
    assert_int_equal(pixel(&screen, left + 7, top + 7), view_colour_facts(VIEW_NIGHT)->rgb);
    close_screen(&screen);
}

static void text_mode(void **state)
{
    /* VGA's text gets the characters of code page 437, VGA's numbers of colours, and only changes. */
    static struct view_cell cells[VGA_COLUMNS * VGA_ROWS], shown[VGA_COLUMNS * VGA_ROWS];
    static uint16_t text[VGA_COLUMNS * VGA_ROWS];
    struct view_sheet sheet;

    (void)state;
    sheet_init(&sheet, cells, VGA_COLUMNS, VGA_ROWS);
    assert_int_equal(vga_paint(text, &sheet, shown), VGA_TEXT_BYTES);
    sheet_put(&sheet, 1, 1, 'A', (struct view_style){ VIEW_BAD, VIEW_NIGHT });
    sheet_put(&sheet, 79, 24, GLYPH_VERTICAL, (struct view_style){ VIEW_BRIGHT, VIEW_FREE });
    assert_int_equal(vga_paint(text, &sheet, shown), 4);
    assert_int_equal(text[0], 0x0720);
    assert_int_equal(text[81], 0x0c41);
    assert_int_equal(text[80 * 25 - 1], 0x1fb3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_of_all_kinds),       cmocka_unit_test(redraws_what_changed),
        cmocka_unit_test(characters_are_the_fonts), cmocka_unit_test(colours_lie_under_masks),
        cmocka_unit_test(nonsense_is_refused),      cmocka_unit_test(every_glyph_is_drawn),
        cmocka_unit_test(tiles_have_three_colours), cmocka_unit_test(text_mode),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
