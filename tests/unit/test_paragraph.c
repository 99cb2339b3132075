/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_paragraph.c - properties of diag/paragraph.h, diag/fault_log.h and the tail of lib/log_ring.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "diag/fault_log.h"
#include "diag/paragraph.h"
#include "lib/log.h"
#include "lib/log_ring.h"

/* A sink that keeps what it is given. */
struct keeper {
    struct print_sink sink;
    size_t length;
    char text[8192];
};

static void keep(struct print_sink *sink, const char *text, size_t size)
{
    struct keeper *keeper = CONTAINER_OF(sink, struct keeper, sink);

    assert_true(keeper->length + size < sizeof(keeper->text));
    memcpy(keeper->text + keeper->length, text, size);
    keeper->length += size;
    keeper->text[keeper->length] = '\0';
}

/* log.c is the bare machine's: the time is what the test says. */
static const char *now = "[now] ";

size_t log_stamp(char *text, size_t size)
{
    return print_buffer(text, size, "%s", now);
}

/* --- paragraphs -------------------------------------------------------------------------------- */

static void test_words_stay_whole(void **state)
{
    /* Whatever the words, no line is wider than a terminal, no word is broken or lost. */
    (void)state;
    for (unsigned seed = 1; seed < 200; seed++) {
        struct keeper keeper = { .sink.write = keep };
        struct keeper words = { .sink.write = keep };
        struct paragraph paragraph;
        char *line, *rest;

        srand(seed);
        paragraph_begin(&paragraph, &keeper.sink, seed % 2 ? "label" : NULL, seed % 20 + 8);
        for (unsigned i = 0; i < 60; i++) {
            char word[64];
            int length = rand() % 40 + 1;

            memset(word, 'a' + (int)(i % 26), (size_t)length);
            word[length] = '\0';
            print_to(&paragraph.sink, "%s%c", word, rand() % 10 == 0 ? '\n' : ' ');
            print_to(&words.sink, "%s", word);
        }
        paragraph_end(&paragraph);
        line = strtok_r(keeper.text + (seed % 2 ? 7 : 0), "\n", &rest);
        for (char *expected = words.text; line != NULL; line = strtok_r(NULL, "\n", &rest)) {
            assert_true(strlen(line) <= PARAGRAPH_COLUMNS);
            assert_int_not_equal(line[strlen(line) - 1], ' ');
            for (char *c = line; *c != '\0'; c++)
                if (*c != ' ')
                    assert_int_equal(*c, *expected++);
        }
    }
}

static void test_layout(void **state)
{
    /* A label, the words behind it, and continuation lines below the first word; newlines wait for a word. */
    struct keeper keeper = { .sink.write = keep };
    struct paragraph paragraph;

    (void)state;
    paragraph_begin(&paragraph, &keeper.sink, "frame", 10);
    print_to(&paragraph.sink, "one  two\n\n three\n");
    paragraph_end(&paragraph);
    assert_string_equal(keeper.text, "  frame   one two\n          three\n");
    keeper.length = 0;
    paragraph_begin(&paragraph, &keeper.sink, NULL, 7);
    print_to(&paragraph.sink, "usage: a [b]");
    paragraph_end(&paragraph);
    assert_string_equal(keeper.text, "usage: a [b]\n");
}

static void test_long_word(void **state)
{
    /* A word that fits no line is told all the same. */
    struct keeper keeper = { .sink.write = keep };
    struct paragraph paragraph;
    size_t letters = 0;
    char word[301];

    (void)state;
    memset(word, 'x', 300);
    word[300] = '\0';
    paragraph_begin(&paragraph, &keeper.sink, "", 2);
    print_to(&paragraph.sink, "%s", word);
    paragraph_end(&paragraph);
    for (size_t i = 0; i < keeper.length; i++)
        letters += keeper.text[i] == 'x';
    assert_int_equal(letters, 300);
}

/* --- the fault log ----------------------------------------------------------------------------- */

static struct fault_record *note(uintptr_t instruction, const char *program, const char *sentence)
{
    struct trap_info info = {
        .kind = TRAP_PAGE_FAULT, .vector = 14, .name = "page fault", .instruction = va(instruction)
    };

    return fault_log_note(&info, program, false, sentence);
}

static void test_equal_faults_are_counted(void **state)
{
    /* The same fault is one record with a count; another program, instruction or panic is another. */
    struct fault_record *record;
    uint32_t first = fault_log_next();

    (void)state;
    now = "[early] ";
    record = note(0x1010, NULL, "first");
    fault_log_append(record, "report", 6);
    now = "[late] ";
    assert_ptr_equal(note(0x1010, NULL, "again"), record);
    assert_int_equal(record->count, 2);
    assert_string_equal(record->first, "[early] ");
    assert_string_equal(record->last, "[late] ");
    assert_string_equal(record->sentence, "again");
    assert_int_equal(note(0x2010, NULL, "elsewhere")->count, 1);
    assert_int_equal(note(0x1010, "text", "a program")->count, 1);
    assert_int_equal(note(0x7010, "text", "it slid")->count, 2);
    assert_int_equal(note(0x7011, "text", "another place")->count, 1);
    assert_int_equal(fault_log_next(), first + 4);
    assert_ptr_equal(fault_log_find(first), record);
    assert_null(fault_log_find(first + 4));
    assert_null(fault_log_find(0));
}

static void test_the_oldest_goes(void **state)
{
    /* As many different faults are kept as there is room for, the newest; a forgotten one counts anew. */
    uint32_t first = fault_log_next();

    (void)state;
    for (uintptr_t i = 0; i < FAULT_RECORDS + 2; i++)
        (void)note(0x100000 + i, NULL, "one of many");
    assert_null(fault_log_find(first));
    assert_null(fault_log_find(first + 1));
    for (uint32_t i = 2; i < FAULT_RECORDS + 2; i++)
        assert_int_equal(fault_log_find(first + i)->number, first + i);
    assert_int_equal(note(0x100000, NULL, "again")->count, 1);
}

static void test_reports_are_cut(void **state)
{
    /* A report that is longer than a record's room loses its end and nothing else. */
    struct fault_record *record = note(0x9999, NULL, "long");

    (void)state;
    for (unsigned i = 0; i < 100; i++)
        fault_log_append(record, "0123456789012345678901234567890123456789012345678901234567890123",
                         64);
    assert_int_equal(record->text_bytes, FAULT_TEXT_BYTES);
}

/* --- the tail of the log ----------------------------------------------------------------------- */

static void test_tail(void **state)
{
    /* The tail is the last lines of the whole, however the ring has wrapped. */
    char bytes[64];
    struct log_ring ring;

    (void)state;
    log_ring_init(&ring, bytes, sizeof(bytes));
    for (unsigned i = 0; i < 40; i++) {
        char line[16];
        size_t length = print_buffer(line, sizeof(line), "line %u\n", i * i);

        log_ring_write(&ring, line, length);
        for (unsigned lines = 0; lines < 12; lines++) {
            struct keeper all = { .sink.write = keep };
            struct keeper tail = { .sink.write = keep };
            unsigned count = 0;

            log_ring_dump(&ring, &all.sink);
            log_ring_tail(&ring, lines, &tail.sink);
            assert_true(tail.length <= all.length);
            assert_memory_equal(all.text + all.length - tail.length, tail.text, tail.length);
            for (size_t c = 0; c < tail.length; c++)
                count += tail.text[c] == '\n';
            assert_true(count == lines || tail.length == all.length);
            assert_true(count <= lines);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_stay_whole),
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_long_word),
        cmocka_unit_test(test_equal_faults_are_counted),
        cmocka_unit_test(test_the_oldest_goes),
        cmocka_unit_test(test_reports_are_cut),
        cmocka_unit_test(test_tail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
