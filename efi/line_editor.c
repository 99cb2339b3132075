/* SPDX-License-Identifier: BSD-2-Clause
 *
 * line_editor.c - see line_editor.h. Pure: no firmware call, also built hosted.
 */
#include "line_editor.h"

#include <efi.h>

#include "lib/string.h"

#define KEY_BACKSPACE 0x08u
#define KEY_ENTER     0x0du

static bool within_character(const struct line_editor *editor, size_t at)
{
    return at < editor->length && ((uint8_t)editor->text[at] & 0xc0) == 0x80;
}

static size_t before(const struct line_editor *editor, size_t at)
{
    do {
        at -= at > 0;
    } while (at > 0 && within_character(editor, at));
    return at;
}

static size_t behind(const struct line_editor *editor, size_t at)
{
    do {
        at += at < editor->length;
    } while (within_character(editor, at));
    return at;
}

void line_editor_start(struct line_editor *editor, struct text text)
{
    size_t size =
        text.size_bytes < sizeof(editor->text) ? text.size_bytes : sizeof(editor->text) - 1;

    memcpy(editor->text, text.start, size);
    editor->text[size] = '\0';
    editor->length = editor->cursor = size;
}

static enum line_editor_verdict move_to(struct line_editor *editor, size_t cursor)
{
    bool moved = cursor != editor->cursor;

    editor->cursor = cursor;
    return moved ? LINE_EDITOR_CHANGED : LINE_EDITOR_IGNORED;
}

/* Takes out what lies from `from` to `to`; the cursor stands at its place. */
static enum line_editor_verdict erase(struct line_editor *editor, size_t from, size_t to)
{
    if (from == to)
        return LINE_EDITOR_IGNORED;
    memmove(editor->text + from, editor->text + to, editor->length - to + 1);
    editor->length -= to - from;
    editor->cursor = from;
    return LINE_EDITOR_CHANGED;
}

static enum line_editor_verdict insert(struct line_editor *editor, char character)
{
    char *place = editor->text + editor->cursor;

    if (editor->length + 1 >= sizeof(editor->text))
        return LINE_EDITOR_IGNORED;
    memmove(place + 1, place, editor->length - editor->cursor + 1);
    *place = character;
    editor->length++;
    editor->cursor++;
    return LINE_EDITOR_CHANGED;
}

static enum line_editor_verdict take_scan_code(struct line_editor *editor, uint16_t scan_code)
{
    switch (scan_code) {
    case SCAN_LEFT:
        return move_to(editor, before(editor, editor->cursor));
    case SCAN_RIGHT:
        return move_to(editor, behind(editor, editor->cursor));
    case SCAN_HOME:
        return move_to(editor, 0);
    case SCAN_END:
        return move_to(editor, editor->length);
    case SCAN_DELETE:
        return erase(editor, editor->cursor, behind(editor, editor->cursor));
    case SCAN_ESC:
        return LINE_EDITOR_CANCELLED;
    default:
        return LINE_EDITOR_IGNORED;
    }
}

enum line_editor_verdict line_editor_key(struct line_editor *editor, uint16_t scan_code,
                                         uint16_t character)
{
    if (scan_code != 0)
        return take_scan_code(editor, scan_code);
    if (character == KEY_ENTER)
        return LINE_EDITOR_DONE;
    if (character == KEY_BACKSPACE)
        return erase(editor, before(editor, editor->cursor), editor->cursor);
    if (character >= ' ' && character < 0x7f)
        return insert(editor, (char)character);
    return LINE_EDITOR_IGNORED;
}
