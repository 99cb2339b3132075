/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_view_terminal.c - properties of view/sheet.h and view/terminal.h.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "lib/types.h"
#include "view/terminal.h"

#define COLUMNS 20u
#define ROWS    4u

static struct view_cell cells[(ROWS + 2) * COLUMNS]; /* a row more on both sides */
static struct terminal terminal;

static void start(void)
{
    memset(cells, 0xaa, sizeof(cells));
    terminal_init(&terminal, cells + COLUMNS, COLUMNS, ROWS);
}

/* Nothing outside of the sheet was written to. */
static void check_fence(void)
{
    for (unsigned i = 0; i < COLUMNS; i++) {
        assert_int_equal(cells[i].glyph, 0xaa);
        assert_int_equal(cells[(ROWS + 1) * COLUMNS + i].glyph, 0xaa);
    }
}

static void type(const char *text)
{
    terminal_write(&terminal, text, strlen(text));
}

static void expect_row(unsigned row, const char *text)
{
    const struct view_cell *at = sheet_row(&terminal.sheet, row);
    char shown[COLUMNS + 1];
    size_t end = COLUMNS;

    for (unsigned i = 0; i < COLUMNS; i++)
        shown[i] = (char)at[i].glyph;
    while (end > 0 && shown[end - 1] == ' ')
        end--;
    shown[end] = '\0';
    assert_string_equal(shown, text);
}

static void lines_scroll(void **state)
{
    /* The last rows of a text are seen, the oldest go. */
    (void)state;
    start();
    type("one\ntwo\nthree\nfour\nfive\nsix");
    expect_row(0, "three");
    expect_row(3, "six");
    check_fence();
}

static void long_lines_wrap(void **state)
{
    /* A line that fills its row goes on in the next one, but a full row alone begins none. */
    (void)state;
    start();
    type("01234567890123456789");
    assert_int_equal(terminal.row, 0);
    type("x\n");
    expect_row(0, "01234567890123456789");
    expect_row(1, "x");
    assert_int_equal(terminal.row, 2);
}

static void line_editing_is_shown(void **state)
{
    /* What the line editor sends to redraw a line has the effect that it wants. */
    (void)state;
    start();
    type("meridian> hello");
    type("\rmeridian> help\x1b[K\r\x1b[12C");
    expect_row(0, "meridian> help");
    assert_int_equal(terminal.column, 12);
    type("\x1b[H\x1b[2J");
    expect_row(0, "");
    assert_int_equal(terminal.column, 0);
}

static void colours_are_kept(void **state)
{
    /* SGR sets the colours of what follows, and 0 takes them back. */
    const struct view_cell *row;

    (void)state;
    start();
    type("a\x1b[31;44mb\x1b[0mc");
    row = sheet_row(&terminal.sheet, 0);
    assert_int_equal(row[0].ink, VIEW_TEXT);
    assert_int_equal(row[1].ink, VIEW_BAD);
    assert_int_equal(row[1].ground, VIEW_KERNEL);
    assert_int_equal(row[2].ink, VIEW_TEXT);
    assert_int_equal(row[2].ground, VIEW_NIGHT);
}

static void cursor_comes_and_goes(void **state)
{
    /* A cursor that was shown and hidden leaves no trace, also behind a full row. */
    struct view_cell before[COLUMNS];

    (void)state;
    start();
    type("01234567890123456789");
    memcpy(before, sheet_row(&terminal.sheet, 0), sizeof(before));
    terminal_show_cursor(&terminal, true);
    assert_memory_not_equal(before, sheet_row(&terminal.sheet, 0), sizeof(before));
    terminal_show_cursor(&terminal, true);
    terminal_show_cursor(&terminal, false);
    assert_memory_equal(before, sheet_row(&terminal.sheet, 0), sizeof(before));
}

static void garbage_stays_inside(void **state)
{
    /* Whatever comes, nothing outside of the sheet is written, and text is shown again after it. */
    uint64_t random = 7;

    (void)state;
    start();
    for (unsigned i = 0; i < 200000; i++) {
        char byte;

        random = random * 6364136223846793005u + 1442695040888963407u;
        byte = (char)(random >> 56 & 3 ? "\x1b[;?0129mHJKC\n\r\b\tx"[(random >> 40) % 18]
                                       : (char)(random >> 40));
        terminal_write(&terminal, &byte, 1);
    }
    check_fence();
    type("\n\nfine");
    expect_row(terminal.row, "fine");
}

static void drawing_is_cut(void **state)
{
    /* What does not fit on the sheet is left out. */
    const struct view_style style = { VIEW_TEXT, VIEW_NIGHT };

    (void)state;
    start();
    sheet_fill(&terminal.sheet, 15, 2, 100, 100, '#', style);
    sheet_text(&terminal.sheet, 18, 0, 10, style, "abcdef");
    sheet_put(&terminal.sheet, COLUMNS, 0, '!', style);
    sheet_put(&terminal.sheet, 0, ROWS, '!', style);
    check_fence();
    expect_row(0, "                  ab");
    expect_row(1, "");
    expect_row(3, "               #####");
}

/* Eighths of a cell that a bar of 10 cells shows. */
static unsigned bar_eighths(uint64_t part, uint64_t whole)
{
    const struct view_style style = { VIEW_TEXT, VIEW_NIGHT };
    unsigned sum = 0;

    sheet_bar(&terminal.sheet, 0, 0, 10, part, whole, style);
    for (unsigned i = 0; i < 10; i++)
        sum += sheet_row(&terminal.sheet, 0)[i].glyph - (unsigned)GLYPH_BAR;
    return sum;
}

static void bars_are_to_scale(void **state)
{
    /* A bar shows its share to an eighth of a cell, and what is not 0 is seen. */
    (void)state;
    start();
    assert_int_equal(bar_eighths(0, 100), 0);
    assert_int_equal(bar_eighths(0, 0), 0);
    assert_int_equal(bar_eighths(1, (uint64_t)1 << 60), 1);
    assert_int_equal(bar_eighths(50, 100), 40);
    assert_int_equal(bar_eighths(99, 100), 79);
    assert_int_equal(bar_eighths((uint64_t)3 << 60, (uint64_t)1 << 62), 60);
    assert_int_equal(bar_eighths(200, 100), 80);
}

/* A sink that keeps what it gets. */
static char written[4096];
static size_t written_size;

static void keep(struct print_sink *sink, const char *text, size_t size)
{
    (void)sink;
    assert_true(written_size + size < sizeof(written));
    memcpy(written + written_size, text, size);
    written_size += size;
    written[written_size] = '\0';
}

static void sheets_become_text(void **state)
{
    /* Without colours a sheet is its letters and lines; with colours the same, between sequences. */
    const struct view_style style = { VIEW_TEXT, VIEW_NIGHT };
    const struct view_style tile = { VIEW_SLAB, VIEW_FREE };
    struct print_sink sink = { .write = keep };

    (void)state;
    start();
    sheet_text(&terminal.sheet, 2, 0, 10, style, "ab");
    sheet_put(&terminal.sheet, 0, 1, GLYPH_HORIZONTAL, style);
    sheet_put(&terminal.sheet, 1, 1, GLYPH_PAIR, tile);
    written_size = 0;
    sheet_write(&terminal.sheet, 2, false, &sink);
    assert_string_equal(written, "  ab\n-S\n");
    written_size = 0;
    sheet_write(&terminal.sheet, 2, true, &sink);
    assert_non_null(strstr(written, "ab"));
    assert_non_null(strstr(written, "\xe2\x94\x80"));
    assert_non_null(strstr(written, "\xe2\x96\x80"));
    assert_non_null(strstr(written, "\x1b[0m\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_scroll),          cmocka_unit_test(long_lines_wrap),
        cmocka_unit_test(line_editing_is_shown), cmocka_unit_test(colours_are_kept),
        cmocka_unit_test(cursor_comes_and_goes), cmocka_unit_test(garbage_stays_inside),
        cmocka_unit_test(drawing_is_cut),        cmocka_unit_test(bars_are_to_scale),
        cmocka_unit_test(sheets_become_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
