/* SPDX-License-Identifier: BSD-2-Clause
 *
 * paragraph.c - see paragraph.h.
 */
#include "diag/paragraph.h"

static void start_line(struct paragraph *paragraph)
{
    print_to(paragraph->to, "\n%*s", (int)paragraph->indent, "");
    paragraph->column = paragraph->indent;
    paragraph->started = false;
    paragraph->blank = false;
    paragraph->newline = false;
}

static void put_word(struct paragraph *paragraph)
{
    unsigned width = paragraph->length + paragraph->blank;

    if (paragraph->length == 0)
        return;
    if (paragraph->newline || (paragraph->started && paragraph->column + width > PARAGRAPH_COLUMNS))
        start_line(paragraph);
    print_to(paragraph->to, "%s%.*s", paragraph->blank ? " " : "", (int)paragraph->length,
             paragraph->word);
    paragraph->column += paragraph->length + paragraph->blank;
    paragraph->started = true;
    paragraph->blank = false;
    paragraph->length = 0;
}

static void put_character(struct paragraph *paragraph, char character)
{
    if (character == '\n' || character == ' ')
        put_word(paragraph);
    if (character == '\n')
        paragraph->newline = true;
    else if (character == ' ')
        paragraph->blank = paragraph->started && !paragraph->newline;
    else if (paragraph->length < PARAGRAPH_WORD_BYTES)
        paragraph->word[paragraph->length++] = character;
}

static void paragraph_write(struct print_sink *sink, const char *text, size_t size)
{
    struct paragraph *paragraph = CONTAINER_OF(sink, struct paragraph, sink);

    for (size_t i = 0; i < size; i++) {
        if (paragraph->length == PARAGRAPH_WORD_BYTES)
            put_word(paragraph);
        put_character(paragraph, text[i]);
    }
}

void paragraph_begin(struct paragraph *paragraph, struct print_sink *to, const char *label,
                     unsigned indent)
{
    *paragraph = (struct paragraph){ .sink.write = paragraph_write, .to = to, .indent = indent };
    if (label != NULL) {
        print_to(to, "  %-*s", (int)indent - 2, label);
        paragraph->column = indent;
    }
}

void paragraph_end(struct paragraph *paragraph)
{
    put_word(paragraph);
    print_to(paragraph->to, "\n");
}
