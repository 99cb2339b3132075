/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_monitor_line.c - properties of monitor/line.h and monitor/history.h.
 *
 * The editor writes to a terminal that is kept here: one row of cells and a cursor, which knows
 * what a terminal must know for the editor and fails on anything else. After every key the row
 * must show the prompt and the text around the cursor, nothing else.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/types.h"
#include "monitor/line.h"

#define PROMPT  "> "
#define COLUMNS 80

/* --- a terminal of one row ------------------------------------------------------------------- */

struct terminal {
    struct print_sink sink;
    char row[COLUMNS + 1];
    size_t column;
    char sequence[16]; /* an escape sequence that has begun */
    size_t sequence_length;
    unsigned bells;
    char above[512]; /* rows that a newline has finished, joined by '|' */
};

static void clear_row(struct terminal *terminal)
{
    memset(terminal->row, ' ', COLUMNS);
    terminal->row[COLUMNS] = '\0';
    terminal->column = 0;
}

static void run_sequence(struct terminal *terminal, char final)
{
    unsigned count = (unsigned)strtoul(terminal->sequence + 2, NULL, 10);

    if (final == 'K') {
        memset(terminal->row + terminal->column, ' ', COLUMNS - terminal->column);
    } else if (final == 'C') {
        assert_true(count > 0);
        terminal->column += count;
    } else if (final == 'H') {
        terminal->column = 0;
    } else if (final == 'J') {
        clear_row(terminal);
    } else {
        fail_msg("an escape sequence that ends in '%c'", final);
    }
    terminal->sequence_length = 0;
}

static void new_row(struct terminal *terminal)
{
    size_t used = strlen(terminal->above);
    size_t length = COLUMNS;

    while (length > 0 && terminal->row[length - 1] == ' ')
        length--;
    snprintf(terminal->above + used, sizeof terminal->above - used, "%.*s|", (int)length,
             terminal->row);
    clear_row(terminal);
}

static void show(struct terminal *terminal, char character)
{
    if (terminal->sequence_length > 0 || character == '\x1b') {
        assert_true(terminal->sequence_length < sizeof terminal->sequence - 1);
        terminal->sequence[terminal->sequence_length++] = character;
        terminal->sequence[terminal->sequence_length] = '\0';
        if (terminal->sequence_length > 2 && character >= 0x40)
            run_sequence(terminal, character);
    } else if (character == '\r') {
        terminal->column = 0;
    } else if (character == '\n') {
        new_row(terminal);
    } else if (character == '\a') {
        terminal->bells++;
    } else {
        assert_true(character >= 0x20 && character < 0x7f);
        assert_true(terminal->column < COLUMNS - 1); /* never into the last column */
        terminal->row[terminal->column++] = character;
    }
}

static void terminal_write(struct print_sink *sink, const char *text, size_t size)
{
    struct terminal *terminal = CONTAINER_OF(sink, struct terminal, sink);

    for (size_t i = 0; i < size; i++)
        show(terminal, text[i]);
}

/* --- an editor at it ------------------------------------------------------------------------- */

static struct terminal terminal;
static struct history history;
static struct line line;

static const char *candidate(struct line_completer *completer, const char *text, size_t word_start,
                             unsigned index)
{
    static const char *const first[] = { "frame", "frames", "fault", "heap" };
    static const char *const later[] = { "null", "seed=" };

    (void)completer;
    if (word_start == 0 || text[word_start - 1] == ';')
        return index < ARRAY_COUNT(first) ? first[index] : NULL;
    return index < ARRAY_COUNT(later) ? later[index] : NULL;
}

static struct line_completer completer = { candidate };

static int start(void **state)
{
    (void)state;
    memset(&terminal, 0, sizeof terminal);
    memset(&history, 0, sizeof history);
    terminal.sink.write = terminal_write;
    clear_row(&terminal);
    line_init(&line, PROMPT, &terminal.sink, &history, &completer);
    line_begin(&line);
    return 0;
}

/* The row shows the prompt and the text around the cursor, and the cursor is where it belongs. */
static void check_screen(void)
{
    char expected[COLUMNS + 1];
    size_t shown = line.length - line.scroll;
    size_t room = COLUMNS - 1 - strlen(PROMPT);

    assert_true(line.length < LINE_BYTES && line.text[line.length] == '\0');
    assert_true(line.scroll <= line.cursor && line.cursor <= line.length);
    assert_true(line.cursor - line.scroll <= room);
    if (shown > room)
        shown = room;
    snprintf(expected, sizeof expected, "%-*s", COLUMNS, "");
    memcpy(expected, PROMPT, strlen(PROMPT));
    memcpy(expected + strlen(PROMPT), line.text + line.scroll, shown);
    assert_string_equal(terminal.row, expected);
    assert_int_equal(terminal.column, strlen(PROMPT) + line.cursor - line.scroll);
}

static void press(enum key key)
{
    assert_int_equal(line_key(&line, key, '\0'), LINE_EDITING);
    check_screen();
}

static void type(const char *text)
{
    for (; *text != '\0'; text++) {
        assert_int_equal(line_key(&line, KEY_TEXT, *text), LINE_EDITING);
        check_screen();
    }
}

static void enter(const char *text)
{
    type(text);
    assert_int_equal(line_key(&line, KEY_ENTER, '\0'), LINE_ENTERED);
    assert_string_equal(line.text, text);
    line_begin(&line);
}

/* --- editing --------------------------------------------------------------------------------- */

static void typing_and_moving(void **state)
{
    /* Characters go in where the cursor is, wherever it was moved. */
    (void)state;
    type("ac");
    press(KEY_LEFT);
    type("b");
    press(KEY_HOME);
    type("<");
    press(KEY_END);
    type(">");
    assert_string_equal(line.text, "<abc>");
}

static void erasing(void **state)
{
    /* Each erasing key takes exactly its part away. */
    (void)state;
    type("one two three");
    press(KEY_ERASE_WORD_LEFT);
    assert_string_equal(line.text, "one two ");
    press(KEY_BACKSPACE);
    press(KEY_HOME);
    press(KEY_DELETE);
    assert_string_equal(line.text, "ne two");
    press(KEY_ERASE_WORD_RIGHT);
    assert_string_equal(line.text, " two");
    press(KEY_RIGHT);
    press(KEY_ERASE_TO_END);
    assert_string_equal(line.text, " ");
    press(KEY_ERASE_TO_START);
    assert_string_equal(line.text, "");
}

static void words(void **state)
{
    /* Word moves stop at the beginnings and ends of words; a separator parts words too. */
    (void)state;
    type("aa;bb  cc");
    press(KEY_WORD_LEFT);
    assert_int_equal(line.cursor, 7);
    press(KEY_WORD_LEFT);
    assert_int_equal(line.cursor, 3);
    press(KEY_WORD_LEFT);
    assert_int_equal(line.cursor, 0);
    press(KEY_WORD_RIGHT);
    assert_int_equal(line.cursor, 2);
    press(KEY_WORD_RIGHT);
    assert_int_equal(line.cursor, 5);
}

static void the_ends_ring(void **state)
{
    /* Erasing where nothing is left rings the bell and changes nothing. */
    (void)state;
    press(KEY_BACKSPACE);
    press(KEY_DELETE);
    press(KEY_ERASE_WORD_LEFT);
    press(KEY_UP);
    press(KEY_DOWN);
    assert_int_equal(terminal.bells, 5);
    assert_string_equal(line.text, "");
}

static void full_line(void **state)
{
    /* A line takes LINE_BYTES - 1 characters, then rings. */
    (void)state;
    for (int i = 0; i < LINE_BYTES + 10; i++)
        type(i % 10 == 0 ? "#" : "-");
    assert_int_equal(line.length, LINE_BYTES - 1);
    assert_int_equal(terminal.bells, 11);
    press(KEY_HOME);
    press(KEY_END);
    press(KEY_BACKSPACE);
    type("x");
    assert_int_equal(line.length, LINE_BYTES - 1);
}

static void ends_of_a_line(void **state)
{
    /* Enter keeps the line on the screen and in the history; ctrl-C forgets it. */
    (void)state;
    enter("frames");
    type("oops");
    assert_int_equal(line_key(&line, KEY_CANCEL, '\0'), LINE_CANCELLED);
    line_begin(&line);
    assert_string_equal(terminal.above, "> frames|> oops^C|");
    assert_int_equal(history.count, 1);
    check_screen();
}

static void redraw(void **state)
{
    /* ctrl-L clears the screen and shows the line again. */
    (void)state;
    type("heap");
    memset(terminal.row, '?', COLUMNS);
    press(KEY_REDRAW);
    assert_string_equal(line.text, "heap");
}

/* --- history --------------------------------------------------------------------------------- */

static void history_is_browsed(void **state)
{
    /* Up and down go through the lines entered, and end at the line that was being written. */
    (void)state;
    enter("first");
    enter("second");
    enter("second");
    enter("");
    type("draft");
    press(KEY_UP);
    assert_string_equal(line.text, "second");
    press(KEY_UP);
    assert_string_equal(line.text, "first");
    press(KEY_UP);
    assert_string_equal(line.text, "first");
    press(KEY_DOWN);
    press(KEY_DOWN);
    assert_string_equal(line.text, "draft");
}

static void changed_history_is_a_new_line(void **state)
{
    /* A line taken from the history and changed is entered anew; the old one stays as it was. */
    (void)state;
    enter("map");
    press(KEY_UP);
    type(" -u");
    assert_int_equal(line_key(&line, KEY_ENTER, '\0'), LINE_ENTERED);
    assert_string_equal(history_get(&history, 0), "map -u");
    assert_string_equal(history_get(&history, 1), "map");
}

static void history_forgets_the_oldest(void **state)
{
    /* The newest HISTORY_LINES lines are kept, and no other. */
    char text[16];

    (void)state;
    for (unsigned i = 0; i < HISTORY_LINES * 2 + 5; i++) {
        snprintf(text, sizeof text, "line %u", i);
        history_add(&history, text);
    }
    for (unsigned age = 0; age < HISTORY_LINES; age++) {
        snprintf(text, sizeof text, "line %u", HISTORY_LINES * 2 + 4 - age);
        assert_string_equal(history_get(&history, age), text);
    }
    assert_null(history_get(&history, HISTORY_LINES));
}

/* --- completion ------------------------------------------------------------------------------ */

static void one_match_is_completed(void **state)
{
    /* The only word that fits is completed, with a blank behind it unless a value follows. */
    (void)state;
    type("h");
    press(KEY_TAB);
    assert_string_equal(line.text, "heap ");
    type("s");
    press(KEY_TAB);
    assert_string_equal(line.text, "heap seed=");
}

static void common_part_is_completed(void **state)
{
    /* Of several words the common part is completed; then they are listed. */
    (void)state;
    type("fr");
    press(KEY_TAB);
    assert_string_equal(line.text, "frame");
    press(KEY_TAB);
    assert_string_equal(line.text, "frame");
    assert_string_equal(terminal.above, "> frame|frame  frames|");
}

static void completion_in_the_middle(void **state)
{
    /* Completion looks left of the cursor only, and keeps what is right of it. */
    (void)state;
    type("map;hnull");
    for (int i = 0; i < 4; i++)
        press(KEY_LEFT);
    press(KEY_TAB);
    assert_string_equal(line.text, "map;heap null");
    assert_int_equal(line.cursor, 9);
}

static void nothing_to_complete(void **state)
{
    /* Where nothing fits, and in a full line, completion rings. */
    (void)state;
    type("zz");
    press(KEY_TAB);
    assert_int_equal(terminal.bells, 1);
    for (int i = 0; i < LINE_BYTES - 5; i++)
        type(" ");
    type("h");
    assert_int_equal(line.length, LINE_BYTES - 2);
    press(KEY_TAB);
    assert_int_equal(line.length, LINE_BYTES - 2);
    assert_true(terminal.bells > 1);
}

/* --- anything -------------------------------------------------------------------------------- */

static void any_keys_keep_the_screen_right(void **state)
{
    /* Whatever keys are pressed, the screen shows the line and the bounds hold. */
    uint64_t random = 3;

    (void)state;
    for (int i = 0; i < 50000; i++) {
        enum key key;
        enum line_event event;

        random = random * 6364136223846793005u + 1442695040888963407u;
        key = (random >> 60) < 9 ? KEY_TEXT : (enum key)((random >> 40) % (KEY_REDRAW + 1));
        event = line_key(&line, key, " ;afhrms"[(random >> 33) % 8]);
        terminal.above[0] = '\0';
        if (event != LINE_EDITING)
            line_begin(&line);
        check_screen();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(typing_and_moving, start),
        cmocka_unit_test_setup(erasing, start),
        cmocka_unit_test_setup(words, start),
        cmocka_unit_test_setup(the_ends_ring, start),
        cmocka_unit_test_setup(full_line, start),
        cmocka_unit_test_setup(ends_of_a_line, start),
        cmocka_unit_test_setup(redraw, start),
        cmocka_unit_test_setup(history_is_browsed, start),
        cmocka_unit_test_setup(changed_history_is_a_new_line, start),
        cmocka_unit_test_setup(history_forgets_the_oldest, start),
        cmocka_unit_test_setup(one_match_is_completed, start),
        cmocka_unit_test_setup(common_part_is_completed, start),
        cmocka_unit_test_setup(completion_in_the_middle, start),
        cmocka_unit_test_setup(nothing_to_complete, start),
        cmocka_unit_test_setup(any_keys_keep_the_screen_right, start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
