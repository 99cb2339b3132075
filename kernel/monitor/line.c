/* SPDX-License-Identifier: BSD-2-Clause
 *
 * line.c - a line of text that a person edits on a terminal.
 *
 * The text and two positions in it are the whole state:
 *
 *      text   heap alloc 4096 8 with a very long tail ...
 *                 ^scroll      ^cursor               ^length
 *                 |<-- what the row has room for -->|
 *
 * Every key changes them and the row is drawn anew; only a character added at the end of the line
 * is written by itself, which is what happens while one types. All changes of the text go through
 * replace(), which keeps cursor <= length < LINE_BYTES; drawing keeps scroll <= cursor.
 */

#include "monitor/line.h"
#include "lib/string.h"

#define BELL         "\a"
#define CLEAR_SCREEN "\x1b[H\x1b[2J"
#define ERASE_RIGHT  "\x1b[K"

/* --- showing --------------------------------------------------------------------------------- */

/* Characters of the text that fit beside the prompt; the last column stays free, since terminals
 * disagree about where the cursor is once it is written to. */
static size_t room(const struct line *line)
{
    return LINE_COLUMNS - 1 - strlen(line->prompt);
}

static void keep_cursor_visible(struct line *line)
{
    size_t columns = room(line);

    if (line->cursor < line->scroll)
        line->scroll = line->cursor;
    if (line->cursor > line->scroll + columns)
        line->scroll = line->cursor - columns;
}

static void draw(struct line *line)
{
    size_t shown;
    size_t column;

    keep_cursor_visible(line);
    shown = line->length - line->scroll;
    if (shown > room(line))
        shown = room(line);
    column = strlen(line->prompt) + line->cursor - line->scroll;
    print_to(line->sink, "\r%s%.*s" ERASE_RIGHT, line->prompt, (int)shown,
             line->text + line->scroll);
    print_to(line->sink, "\r");
    if (column > 0)
        print_to(line->sink, "\x1b[%zuC", column);
}

static void bell(struct line *line)
{
    print_to(line->sink, BELL);
}

/* --- changing -------------------------------------------------------------------------------- */

/* Puts `count` characters of `text` in the place of [start, end), and the cursor behind them.
 * False, with nothing changed, when the line would become too long. */
static bool replace(struct line *line, size_t start, size_t end, const char *text, size_t count)
{
    if (line->length - (end - start) + count >= LINE_BYTES)
        return false;
    memmove(line->text + start + count, line->text + end, line->length - end + 1);
    memcpy(line->text + start, text, count);
    line->length = line->length - (end - start) + count;
    line->cursor = start + count;
    return true;
}

static void erase(struct line *line, size_t start, size_t end)
{
    if (start == end || !replace(line, start, end, "", 0))
        bell(line);
    else
        draw(line);
}

static void set_text(struct line *line, const char *text)
{
    (void)replace(line, 0, line->length, text, strlen(text));
    draw(line);
}

static void insert(struct line *line, char character)
{
    bool at_end = line->cursor == line->length;

    if (!replace(line, line->cursor, line->cursor, &character, 1))
        bell(line);
    else if (at_end && line->cursor <= line->scroll + room(line))
        print_to(line->sink, "%c", character);
    else
        draw(line);
}

static void move(struct line *line, size_t position)
{
    line->cursor = position;
    draw(line);
}

/* --- words ----------------------------------------------------------------------------------- */

static bool in_word(char character)
{
    return character != ' ' && character != '\t' && character != ';';
}

static size_t word_left(const struct line *line)
{
    size_t position = line->cursor;

    while (position > 0 && !in_word(line->text[position - 1]))
        position--;
    while (position > 0 && in_word(line->text[position - 1]))
        position--;
    return position;
}

static size_t word_right(const struct line *line)
{
    size_t position = line->cursor;

    while (position < line->length && !in_word(line->text[position]))
        position++;
    while (position < line->length && in_word(line->text[position]))
        position++;
    return position;
}

/* --- history --------------------------------------------------------------------------------- */

/* Shows what was entered `browse` lines ago; 0 is the line being written. */
static void browse(struct line *line, unsigned target)
{
    const char *old = target == 0 ? line->draft : history_get(line->history, target - 1);

    if (old == NULL) {
        bell(line);
        return;
    }
    if (line->browse == 0)
        memcpy(line->draft, line->text, line->length + 1);
    line->browse = target;
    set_text(line, old);
}

static void browse_newer(struct line *line)
{
    if (line->browse == 0)
        bell(line);
    else
        browse(line, line->browse - 1);
}

/* --- completion ------------------------------------------------------------------------------ */

/* What the candidates that begin like the word left of the cursor have in common. */
struct matches {
    size_t word_start;
    unsigned count;
    size_t common; /* characters that all of them begin with */
    char text[LINE_BYTES];
};

static size_t common_length(const char *a, const char *b, size_t most)
{
    size_t length = 0;

    while (length < most && a[length] != '\0' && a[length] == b[length])
        length++;
    return length;
}

/* The next candidate from *index on that begins like the word, or NULL. */
static const char *next_match(const struct line *line, size_t word_start, unsigned *index)
{
    struct line_completer *completer = line->completer;
    const char *word = line->text + word_start;
    size_t typed = line->cursor - word_start;
    const char *text;

    while ((text = completer->candidate(completer, line->text, word_start, (*index)++)) != NULL) {
        if (strlen(text) < LINE_BYTES && strncmp(text, word, typed) == 0)
            return text;
    }
    return NULL;
}

static void find_matches(const struct line *line, struct matches *matches)
{
    unsigned index = 0;
    const char *text;

    matches->word_start = line->cursor;
    while (matches->word_start > 0 && in_word(line->text[matches->word_start - 1]))
        matches->word_start--;
    matches->count = 0;
    matches->common = 0;
    while ((text = next_match(line, matches->word_start, &index)) != NULL) {
        if (matches->count++ == 0) {
            matches->common = strlen(text);
            memcpy(matches->text, text, matches->common + 1);
        } else {
            matches->common = common_length(matches->text, text, matches->common);
        }
    }
}

static void list_matches(struct line *line, size_t word_start)
{
    unsigned index = 0;
    const char *text;

    print_to(line->sink, "\n");
    while ((text = next_match(line, word_start, &index)) != NULL)
        print_to(line->sink, "%s  ", text);
    print_to(line->sink, "\n");
    draw(line);
}

/* One match is put into the line with a blank behind it (none after '=': its value follows); of
 * several the part they share; when that is there already, they are listed. */
static void complete(struct line *line)
{
    struct matches matches = { .count = 0 };
    size_t typed;

    if (line->completer != NULL)
        find_matches(line, &matches);
    if (matches.count == 0) {
        bell(line);
        return;
    }
    typed = line->cursor - matches.word_start;
    if (matches.count > 1 && matches.common == typed) {
        list_matches(line, matches.word_start);
        return;
    }
    if (matches.count == 1 && matches.common > 0 && matches.common < LINE_BYTES - 1 &&
        matches.text[matches.common - 1] != '=')
        matches.text[matches.common++] = ' ';
    if (!replace(line, matches.word_start, line->cursor, matches.text, matches.common))
        bell(line);
    draw(line);
}

/* --- interface ------------------------------------------------------------------------------- */

static enum line_event enter(struct line *line)
{
    history_add(line->history, line->text);
    print_to(line->sink, "\n");
    return LINE_ENTERED;
}

static enum line_event cancel(struct line *line)
{
    print_to(line->sink, "^C\n");
    return LINE_CANCELLED;
}

static void clear_screen(struct line *line)
{
    print_to(line->sink, CLEAR_SCREEN);
    draw(line);
}

void line_init(struct line *line, const char *prompt, struct print_sink *sink,
               struct history *history, struct line_completer *completer)
{
    *line = (struct line){
        .prompt = prompt,
        .sink = sink,
        .history = history,
        .completer = completer,
    };
}

void line_begin(struct line *line)
{
    line->text[0] = '\0';
    line->length = 0;
    line->cursor = 0;
    line->scroll = 0;
    line->browse = 0;
    draw(line);
}

enum line_event line_key(struct line *line, enum key key, char character)
{
    size_t cursor = line->cursor;

    switch (key) {
    case KEY_NONE:
        break;
    case KEY_TEXT:
        insert(line, character);
        break;
    case KEY_ENTER:
        return enter(line);
    case KEY_CANCEL:
        return cancel(line);
    case KEY_TAB:
        complete(line);
        break;
    case KEY_LEFT:
        move(line, cursor - (cursor > 0));
        break;
    case KEY_RIGHT:
        move(line, cursor + (cursor < line->length));
        break;
    case KEY_WORD_LEFT:
        move(line, word_left(line));
        break;
    case KEY_WORD_RIGHT:
        move(line, word_right(line));
        break;
    case KEY_HOME:
        move(line, 0);
        break;
    case KEY_END:
        move(line, line->length);
        break;
    case KEY_UP:
        browse(line, line->browse + 1);
        break;
    case KEY_DOWN:
        browse_newer(line);
        break;
    case KEY_BACKSPACE:
        erase(line, cursor - (cursor > 0), cursor);
        break;
    case KEY_DELETE:
        erase(line, cursor, cursor + (cursor < line->length));
        break;
    case KEY_ERASE_TO_START:
        erase(line, 0, cursor);
        break;
    case KEY_ERASE_TO_END:
        erase(line, cursor, line->length);
        break;
    case KEY_ERASE_WORD_LEFT:
        erase(line, word_left(line), cursor);
        break;
    case KEY_ERASE_WORD_RIGHT:
        erase(line, cursor, word_right(line));
        break;
    case KEY_REDRAW:
        clear_screen(line);
        break;
    case KEY_F1:
    case KEY_F2:
    case KEY_F3:
    case KEY_F4:
        break; /* not the line's: see monitor.c */
    }
    return LINE_EDITING;
}
