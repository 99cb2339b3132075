/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_monitor_words.c - properties of monitor/words.h.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "lib/types.h"
#include "monitor/words.h"

#define TEXT_BYTES 128

/* Cuts `text` up and writes what came out as one line: words between [ ], commands end with ;,
 * refused ones are named by their status. */
static const char *cut(const char *text)
{
    static char result[512];
    char copy[TEXT_BYTES];
    char *rest = copy;

    assert_true(strlen(text) < sizeof copy);
    strcpy(copy, text);
    result[0] = '\0';
    while (rest != NULL) {
        struct words words;
        enum status status = words_next(&rest, &words);
        size_t used = strlen(result);

        for (unsigned i = 0; status == STATUS_OK && i < words.count; i++)
            used += (size_t)snprintf(result + used, sizeof result - used, "[%s]", words.word[i]);
        if (status == STATUS_TRUNCATED)
            used += (size_t)snprintf(result + used, sizeof result - used, "open");
        if (status == STATUS_NO_SPACE)
            used += (size_t)snprintf(result + used, sizeof result - used, "many");
        snprintf(result + used, sizeof result - used, ";");
    }
    return result;
}

static void words_and_commands(void **state)
{
    /* Blanks part words, semicolons part commands, and neither needs the other. */
    (void)state;
    assert_string_equal(cut("map"), "[map];");
    assert_string_equal(cut("  walk \t 0x1000  "), "[walk][0x1000];");
    assert_string_equal(cut("a;b c ; d"), "[a];[b][c];[d];");
}

static void empty_commands(void **state)
{
    /* An empty command has no words; a separator always has a command on both sides. */
    (void)state;
    assert_string_equal(cut(""), ";");
    assert_string_equal(cut("   "), ";");
    assert_string_equal(cut(";"), ";;");
    assert_string_equal(cut("a; ;b;"), "[a];;[b];;");
}

static void quotes(void **state)
{
    /* Blanks, separators and the other quote are text within quotes, and the quotes vanish. */
    (void)state;
    assert_string_equal(cut("say 'a; b' \"it's\""), "[say][a; b][it's];");
    assert_string_equal(cut("a''b"), "[ab];");
    assert_string_equal(cut("say ''"), "[say][];");
    assert_string_equal(cut("'x'\"y\";z"), "[xy];[z];");
}

static void open_quote(void **state)
{
    /* A quote that is not closed is refused, and takes the rest of the text with it. */
    (void)state;
    assert_string_equal(cut("a \"b; c"), "open;");
    assert_string_equal(cut("a; 'b"), "[a];open;");
    assert_string_equal(cut("'"), "open;");
}

static void too_many_words(void **state)
{
    /* Up to WORDS_MAX words are kept; one more is refused, and the next command is still found. */
    (void)state;
    assert_int_equal(WORDS_MAX, 8);
    assert_string_equal(cut("1 2 3 4 5 6 7 8;x"), "[1][2][3][4][5][6][7][8];[x];");
    assert_string_equal(cut("1 2 3 4 5 6 7 8 9 10; x"), "many;[x];");
}

static void any_text_ends(void **state)
{
    /* Whatever the text, every word lies inside it and the cutting comes to an end. */
    static const char alphabet[] = "ab ;\"'\t\x80";
    uint64_t random = 1;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        char text[24];
        char *rest = text;
        unsigned commands = 0;

        for (size_t i = 0; i < sizeof text - 1; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            text[i] = alphabet[(random >> 33) % (sizeof alphabet)];
        }
        text[sizeof text - 1] = '\0';
        while (rest != NULL) {
            struct words words;
            enum status status = words_next(&rest, &words);

            assert_true(status == STATUS_OK || status == STATUS_TRUNCATED ||
                        status == STATUS_NO_SPACE);
            assert_true(++commands <= sizeof text);
            for (unsigned i = 0; i < words.count; i++) {
                assert_true(words.word[i] >= text);
                assert_true(words.word[i] + strlen(words.word[i]) < text + sizeof text);
            }
        }
    }
}

static bool has_exit(const char *text)
{
    return words_have_command(text, strlen(text), "exit");
}

static void a_command_is_found(void **state)
{
    /* A command counts where it is the first word of one, not as an argument, a part or a text. */
    (void)state;
    assert_true(has_exit("exit"));
    assert_true(has_exit("  exit 3 "));
    assert_true(has_exit("frames; heap;exit"));
    assert_true(has_exit("frames 'a;b' ; exit; map"));
    assert_false(has_exit(""));
    assert_false(has_exit(";;"));
    assert_false(has_exit("help exit"));
    assert_false(has_exit("exits; exi"));
    assert_false(has_exit("frame 'x; exit"));
    assert_false(words_have_command("map;exit", 7, "exit"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_and_commands),
        cmocka_unit_test(empty_commands),
        cmocka_unit_test(quotes),
        cmocka_unit_test(open_quote),
        cmocka_unit_test(too_many_words),
        cmocka_unit_test(any_text_ends),
        cmocka_unit_test(a_command_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
