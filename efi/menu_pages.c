/* SPDX-License-Identifier: BSD-2-Clause
 *
 * menu_pages.c - the menu's editor and its pager: what they show, and what keys do there.
 */
#include "menu.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "line_editor.h"
#include "screen.h"

#define FIRST_ROW   2u /* below the title */
#define SPARE_ROWS  4u /* title, blank, blank, help */
#define EDITOR_ROWS 12u

/* --- the editor -------------------------------------------------------------------------- */

/* The rows of the text around the cursor, as many as are shown, and the cursor. `drawn` rows are to
 * be written over: a serial line is not sent what is blank already. */
static void draw_editor(const struct line_editor *editor, size_t *drawn)
{
    size_t row = editor->cursor / SCREEN_COLUMNS;
    size_t first = row < EDITOR_ROWS ? 0 : row - EDITOR_ROWS + 1;
    size_t rows = min_u64(editor->length / SCREEN_COLUMNS + 1, EDITOR_ROWS);

    for (size_t i = 0; i < max_u64(rows, *drawn); i++) {
        size_t start = min_u64((first + i) * SCREEN_COLUMNS, editor->length);
        size_t size = min_u64(editor->length - start, SCREEN_COLUMNS);

        screen_line((unsigned)(FIRST_ROW + i), SCREEN_BRIGHT, "%.*s", (int)size,
                    editor->text + start);
    }
    *drawn = rows;
    screen_line(FIRST_ROW + EDITOR_ROWS + 1, SCREEN_PLAIN, "%zu of %u characters", editor->length,
                COMMAND_LINE_BYTES - 1);
    screen_cursor((unsigned)(FIRST_ROW + row - first), (unsigned)(editor->cursor % SCREEN_COLUMNS));
}

bool menu_edit_line(struct command_line *line)
{
    static struct line_editor editor; /* 4 KiB: too much for a stack of the firmware's */
    enum line_editor_verdict verdict = LINE_EDITOR_CHANGED;
    size_t drawn = 0;

    line_editor_start(&editor, (struct text){ line->text, line->length });
    screen_clear();
    screen_line(0, SCREEN_TITLE, " Meridian: the kernel's command line");
    screen_line(screen_rows() - 1, SCREEN_HINT,
                " Enter: take it   Esc: leave it as it was   arrows, Home, End: move");
    while (verdict == LINE_EDITOR_CHANGED || verdict == LINE_EDITOR_IGNORED) {
        EFI_INPUT_KEY key;

        if (verdict == LINE_EDITOR_CHANGED)
            draw_editor(&editor, &drawn);
        if (!screen_has_keys())
            return false;
        key = screen_wait_key();
        verdict = line_editor_key(&editor, key.ScanCode, key.UnicodeChar);
    }
    if (verdict == LINE_EDITOR_CANCELLED)
        return false;
    *line = (struct command_line){ 0 };
    command_line_append(line, (struct text){ editor.text, editor.length });
    return true;
}

/* --- the pager --------------------------------------------------------------------------- */

struct pager {
    const char *title;
    struct text text;
    size_t lines;
    size_t first; /* the line at the top */
    size_t shown; /* lines on a screen */
};

static size_t count_lines(struct text text)
{
    size_t lines = 0;

    for (size_t i = 0; i < text.size_bytes; i++)
        lines += text.start[i] == '\n';
    return lines;
}

/* The line behind the one that begins at `at`. */
static const char *next_line(const struct pager *pager, const char *at)
{
    const char *end = pager->text.start + pager->text.size_bytes;

    while (at < end && *at != '\n')
        at++;
    return at < end ? at + 1 : end;
}

static bool is_heading(const char *at, const char *end)
{
    return at < end && *at >= 'A' && *at <= 'Z';
}

static void draw_pager(const struct pager *pager)
{
    const char *end = pager->text.start + pager->text.size_bytes;
    const char *at = pager->text.start;
    size_t last = min_u64(pager->first + pager->shown, pager->lines);

    for (size_t i = 0; i < pager->first; i++)
        at = next_line(pager, at);
    screen_line(0, SCREEN_TITLE, " %s: lines %zu to %zu of %zu", pager->title, pager->first + 1,
                last, pager->lines);
    for (size_t i = 0; i < pager->shown; i++) {
        const char *next = next_line(pager, at);
        size_t size = (size_t)(next - at);

        screen_line((unsigned)(FIRST_ROW + i), is_heading(at, end) ? SCREEN_BRIGHT : SCREEN_PLAIN,
                    "%.*s", (int)(size > 0 ? size - 1 : 0), at);
        at = next;
    }
}

/* Where the top is to be after this key; `first` itself for one that means nothing. */
static size_t scroll(const struct pager *pager, EFI_INPUT_KEY key)
{
    size_t end = pager->lines > pager->shown ? pager->lines - pager->shown : 0;
    size_t first = pager->first;

    if (key.UnicodeChar == ' ')
        key.ScanCode = SCAN_PAGE_DOWN;
    switch (key.ScanCode) {
    case SCAN_UP:
        return first - (first > 0);
    case SCAN_DOWN:
        return min_u64(first + 1, end);
    case SCAN_PAGE_UP:
        return first - min_u64(first, pager->shown);
    case SCAN_PAGE_DOWN:
        return min_u64(first + pager->shown, end);
    case SCAN_HOME:
        return 0;
    case SCAN_END:
        return end;
    default:
        return first;
    }
}

static bool leaves(EFI_INPUT_KEY key)
{
    return key.ScanCode == SCAN_ESC || key.UnicodeChar == 'q' || key.UnicodeChar == '\r';
}

void menu_show_text(const char *title, struct text text)
{
    struct pager pager = { .title = title,
                           .text = text,
                           .lines = count_lines(text),
                           .shown = screen_rows() - SPARE_ROWS };
    EFI_INPUT_KEY key = { 0 };

    screen_clear();
    screen_line(screen_rows() - 1, SCREEN_HINT,
                " Down, Page Down, space: on   Up, Page Up: back   Home, End   Esc, q: the menu");
    draw_pager(&pager);
    while (screen_has_keys() && !leaves(key)) {
        size_t first;

        key = screen_wait_key();
        first = scroll(&pager, key);
        if (first != pager.first) {
            pager.first = first;
            draw_pager(&pager);
        }
    }
}
