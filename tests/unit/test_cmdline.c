/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_cmdline.c - words of the command line, and the options that they set.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "boot/cmdline.h"
#include "host_log.h"

static bool text_is(struct cmdline_text piece, const char *expected)
{
    return piece.text != NULL && piece.size == strlen(expected) &&
           memcmp(piece.text, expected, piece.size) == 0;
}

/* The next word has this key and this value; NULL is no '='. */
static void expect_word(const char **text, const char *key, const char *value)
{
    struct cmdline_word word;

    assert_true(cmdline_next(text, &word));
    if (!text_is(word.key, key))
        fail_msg("key '%.*s', not '%s'", (int)word.key.size, word.key.text, key);
    if (value == NULL)
        assert_null(word.value.text);
    else if (!text_is(word.value, value))
        fail_msg("value '%.*s', not '%s'", (int)word.value.size, word.value.text, value);
}

static void expect_end(const char **text)
{
    struct cmdline_word word;

    assert_false(cmdline_next(text, &word));
    assert_false(cmdline_next(text, &word));
}

static void words_end_at_blanks(void **state)
{
    /* Any number of blanks of any kind separates words; there may be none at all. */
    const char *text = "  quiet\tmem=64M \r\n loglevel=7 ";
    const char *empty = "";
    const char *blank = " \t ";

    (void)state;
    expect_word(&text, "quiet", NULL);
    expect_word(&text, "mem", "64M");
    expect_word(&text, "loglevel", "7");
    expect_end(&text);
    expect_end(&empty);
    expect_end(&blank);
}

static void quotes_keep_blanks(void **state)
{
    /* Inside quotes blanks are text, whether the quotes are around the value or the word. */
    const char *text = "run=\"help; map all\" \"run=frame 1\" a=\"\" b=x\"y z\"w c";

    (void)state;
    expect_word(&text, "run", "help; map all");
    expect_word(&text, "run", "frame 1");
    expect_word(&text, "a", "");
    expect_word(&text, "b", "x\"y z\"w");
    expect_word(&text, "c", NULL);
    expect_end(&text);
}

static void odd_words(void **state)
{
    /* The first '=' splits; a key or a value may be empty. */
    const char *text = "a=b=c = =x y=";

    (void)state;
    expect_word(&text, "a", "b=c");
    expect_word(&text, "", "");
    expect_word(&text, "", "x");
    expect_word(&text, "y", "");
    expect_end(&text);
}

static void an_open_quote_runs_to_the_end(void **state)
{
    /* What follows an unclosed quote is one value, and the word says so; a lone quote is empty. */
    const char *text = "run=\"help; map";
    const char *lone = "a=\"";
    struct cmdline_word word;

    (void)state;
    assert_true(cmdline_next(&text, &word));
    assert_true(text_is(word.value, "help; map"));
    assert_true(word.is_open);
    assert_true(cmdline_next(&lone, &word));
    assert_true(text_is(word.value, ""));
    lone = "\"";
    assert_true(cmdline_next(&lone, &word));
    assert_true(text_is(word.key, ""));
}

static void keys_are_compared_as_linux_does(void **state)
{
    /* Case counts, '-' and '_' are the same, and no prefix will do. */
    struct cmdline_word word;
    const char *text = "self-test=1";

    (void)state;
    assert_true(cmdline_next(&text, &word));
    assert_true(cmdline_is(&word, "self_test"));
    assert_true(cmdline_is(&word, "self-test"));
    assert_false(cmdline_is(&word, "self_tes"));
    assert_false(cmdline_is(&word, "self_test_"));
    assert_false(cmdline_is(&word, "Self_test"));
    assert_false(cmdline_is(&word, ""));
}

static void the_last_of_several_is_found(void **state)
{
    /* cmdline_find() gives the last word of that key, and leaves `word` alone without one. */
    struct cmdline_word word = { 0 };

    (void)state;
    assert_false(cmdline_find("a=1 b=2", "c", &word));
    assert_null(word.key.text);
    assert_true(cmdline_find("a=1 b=2 a=3 ab=4", "a", &word));
    assert_true(text_is(word.value, "3"));
}

static void copies_are_terminated(void **state)
{
    /* A copy is cut to the buffer, terminated, and the whole length returned. */
    struct cmdline_text piece = { "hello world", 5 };
    char buffer[6] = "xxxxx";

    (void)state;
    assert_int_equal(cmdline_copy(piece, buffer, 6), 5);
    assert_string_equal(buffer, "hello");
    assert_int_equal(cmdline_copy(piece, buffer, 5), 5);
    assert_string_equal(buffer, "hell");
    assert_int_equal(cmdline_copy(piece, buffer, 1), 5);
    assert_string_equal(buffer, "");
    assert_int_equal(cmdline_copy(piece, NULL, 0), 5);
    assert_int_equal(cmdline_copy((struct cmdline_text){ NULL, 0 }, buffer, 6), 0);
    assert_string_equal(buffer, "");
}

/* --- options ----------------------------------------------------------------------------- */

static struct cmdline_options read(const char *text)
{
    struct cmdline_options options;

    host_log_clear();
    cmdline_read_options(text, &options);
    return options;
}

static unsigned complaints(void)
{
    return host_log_count(LOG_ERROR) + host_log_count(LOG_WARNING);
}

static void defaults_without_any_words(void **state)
{
    /* An empty line asks for nothing, and nothing is complained about. */
    struct cmdline_options options = read("");

    (void)state;
    assert_false(options.json || options.exit || options.selftest || options.nokaslr ||
                 options.aslr);
    assert_int_equal(options.console_level, LOG_INFO);
    assert_null(options.console.text);
    assert_null(options.run.text);
    assert_null(options.bench.text);
    assert_int_equal(complaints(), 0);
}

static void every_option_is_read(void **state)
{
    /* Each parameter sets its own option; mem= and memmap= are known, but not read here. */
    struct cmdline_options options =
        read("json exit selftest cpus=4 nokaslr aslr loglevel=3 bench=boot pt=5level "
             "console=ttyS0,115200 run=\"selftest; exit\" "
             "mem=1G memmap=4K$0x1000");

    (void)state;
    assert_true(options.json && options.exit && options.selftest && options.nokaslr &&
                options.aslr);
    assert_int_equal(options.console_level, LOG_ERROR);
    assert_int_equal(options.cpus, 4);
    assert_true(text_is(options.console, "ttyS0,115200"));
    assert_true(text_is(options.run, "selftest; exit"));
    assert_true(text_is(options.bench, "boot"));
    assert_true(text_is(options.pt, "5level"));
    assert_int_equal(cmdline_table_levels(options.pt), 5);
    assert_int_equal(cmdline_table_levels(read("pt=pae").pt), 3);
    assert_int_equal(complaints(), 0);
}

static void quiet_shows_warnings_only(void **state)
{
    /* quiet is loglevel=4; of several, the last one counts. */
    (void)state;
    assert_int_equal(read("quiet").console_level, LOG_WARNING);
    assert_int_equal(read("quiet loglevel=7").console_level, LOG_DEBUG);
    assert_int_equal(read("loglevel=7 quiet").console_level, LOG_WARNING);
}

static void bad_values_are_named_and_ignored(void **state)
{
    /* A value that makes no sense gets one line that shows it, and the default stays. */
    static const char *const bad[] = { "loglevel=2",
                                       "loglevel=8",
                                       "loglevel=x",
                                       "loglevel",
                                       "loglevel=",
                                       "loglevel=5x",
                                       "loglevel=99999999999999999999",
                                       "cpus=0",
                                       "cpus=65536",
                                       "cpus=4x",
                                       "cpus=",
                                       "cpus",
                                       "json=1",
                                       "quiet=yes",
                                       "run",
                                       "pt=6level",
                                       "pt=5levels-and-more",
                                       "pt",
                                       "console" };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct cmdline_options options = read(bad[i]);

        assert_int_equal(options.console_level, LOG_INFO);
        assert_false(options.json);
        assert_int_equal(options.cpus, 0);
        assert_null(options.run.text);
        assert_null(options.pt.text);
        assert_int_equal(host_log_count(LOG_ERROR), 1);
        assert_int_equal(complaints(), 1);
        assert_true(host_log_contains(bad[i]));
    }
}

static void unknown_parameters_are_reported_once(void **state)
{
    /* However often it comes, a parameter that nobody knows gets one line. */
    (void)state;
    read("foo=1 json foo=2 bar foo");
    assert_int_equal(host_log_count(LOG_ERROR), 2);
    assert_true(host_log_contains("foo=1: no such parameter"));
    assert_true(host_log_contains("bar: no such parameter"));
    read("fo foo");
    assert_int_equal(host_log_count(LOG_ERROR), 2);
}

static void open_quotes_are_reported(void **state)
{
    /* A quote that is not closed is warned about; the value is read all the same. */
    struct cmdline_options options = read("run=\"help; exit");

    (void)state;
    assert_true(text_is(options.run, "help; exit"));
    assert_int_equal(host_log_count(LOG_WARNING), 1);
    assert_true(host_log_contains("run: its quote is not closed"));
}

static void long_words_are_cut_in_the_log(void **state)
{
    /* A word of any length is reported with its beginning only. */
    char *text = malloc(5001);

    (void)state;
    memset(text, 'x', 5000);
    text[2500] = '=';
    text[5000] = '\0';
    read(text);
    assert_int_equal(host_log_count(LOG_ERROR), 1);
    assert_true(strlen(host_log_text()) < 300);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_end_at_blanks),
        cmocka_unit_test(quotes_keep_blanks),
        cmocka_unit_test(odd_words),
        cmocka_unit_test(an_open_quote_runs_to_the_end),
        cmocka_unit_test(keys_are_compared_as_linux_does),
        cmocka_unit_test(the_last_of_several_is_found),
        cmocka_unit_test(copies_are_terminated),
        cmocka_unit_test(defaults_without_any_words),
        cmocka_unit_test(every_option_is_read),
        cmocka_unit_test(quiet_shows_warnings_only),
        cmocka_unit_test(bad_values_are_named_and_ignored),
        cmocka_unit_test(unknown_parameters_are_reported_once),
        cmocka_unit_test(open_quotes_are_reported),
        cmocka_unit_test(long_words_are_cut_in_the_log),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
