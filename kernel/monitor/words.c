/* SPDX-License-Identifier: BSD-2-Clause
 *
 * words.c - from a line of text to commands and their words.
 *
 * One pass with two positions in the same text: `from` reads, `to` writes. Quotes are read and not
 * written, so `to` never overtakes `from`, and the terminating 0 of a word always has a place: the
 * blank, the separator or the end that finished it.
 */

#include "monitor/words.h"
#include "lib/string.h"

static bool is_blank(char character)
{
    return character == ' ' || character == '\t';
}

static bool ends_word(char character)
{
    return is_blank(character) || character == ';' || character == '\0';
}

/* Copies the word at *from to itself without its quotes, and terminates it. Returns what stood
 * behind the word: a blank, ';' or 0; after 0 *from is behind the text. False in *closed when a
 * quote is open at the end. */
static char take_word(char **from, bool *closed)
{
    char *read = *from;
    char *write = *from;
    char quote = '\0';
    char behind;

    while (*read != '\0' && (quote != '\0' || !ends_word(*read))) {
        if (quote == '\0' && (*read == '"' || *read == '\''))
            quote = *read;
        else if (*read == quote)
            quote = '\0';
        else
            *write++ = *read;
        read++;
    }
    behind = *read;
    *write = '\0';
    *from = read + 1;
    *closed = quote == '\0';
    return behind;
}

enum status words_next(char **text, struct words *words)
{
    char *p = *text;
    char behind = ' ';
    enum status status = STATUS_OK;

    words->count = 0;
    while (is_blank(behind)) {
        bool closed;
        char *word;

        while (is_blank(*p))
            p++;
        word = p;
        if (ends_word(*p)) {
            behind = *p;
            p += behind != '\0';
            break;
        }
        behind = take_word(&p, &closed);
        if (!closed)
            status = STATUS_TRUNCATED;
        else if (words->count == WORDS_MAX)
            status = STATUS_NO_SPACE;
        else
            words->word[words->count++] = word;
    }
    *text = behind == '\0' ? NULL : p;
    return status;
}

/* Whether the first word of a command of `size` bytes is `name`. */
static bool is_command(const char *text, size_t size, const char *name)
{
    size_t length = strlen(name);

    while (size > 0 && is_blank(*text))
        text++, size--;
    return size >= length && strncmp(text, name, length) == 0 &&
           (size == length || is_blank(text[length]));
}

bool words_have_command(const char *text, size_t size, const char *name)
{
    size_t start = 0;
    char quote = '\0';

    for (size_t i = 0; i <= size; i++) {
        if (i == size || (quote == '\0' && text[i] == ';')) {
            if (is_command(text + start, i - start, name))
                return true;
            start = i + 1;
        } else if (quote == '\0' && (text[i] == '"' || text[i] == '\'')) {
            quote = text[i];
        } else if (text[i] == quote) {
            quote = '\0';
        }
    }
    return false;
}
