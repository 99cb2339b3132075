/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmdline.c - cuts the command line into words.
 *
 * One pass over the text, which nobody has checked but for its terminating 0. A word ends at a
 * blank outside quotes. Where the quotes may stand is what people type:
 *
 *     quiet   mem=64M   run="help; exit"   "run=help; exit"
 *
 * so the quotes are taken off at both ends of the value, or of the word, and nowhere else: what
 * stands between them is passed on as it is. Nothing can fail.
 */
#include "boot/cmdline.h"

#include "lib/string.h"

#define QUOTE '"'

static bool is_blank(char character)
{
    return character == ' ' || character == '\t' || character == '\n' || character == '\r';
}

/* The end of the word at `text`; *is_open when that is inside quotes. */
static const char *word_end(const char *text, bool *is_open)
{
    *is_open = false;
    for (; *text != '\0' && (*is_open || !is_blank(*text)); text++)
        if (*text == QUOTE)
            *is_open = !*is_open;
    return text;
}

/* Without a quote in front, and one at the end that belongs to it. */
static struct cmdline_text without_quotes(struct cmdline_text piece)
{
    if (piece.size == 0 || piece.text[0] != QUOTE)
        return piece;
    piece.text++;
    piece.size--;
    if (piece.size > 0 && piece.text[piece.size - 1] == QUOTE)
        piece.size--;
    return piece;
}

static void split_at_equals(struct cmdline_text piece, struct cmdline_word *word)
{
    size_t key_size = 0;

    while (key_size < piece.size && piece.text[key_size] != '=')
        key_size++;
    word->key = (struct cmdline_text){ piece.text, key_size };
    word->value = (struct cmdline_text){ NULL, 0 };
    if (key_size < piece.size)
        word->value = without_quotes(
            (struct cmdline_text){ piece.text + key_size + 1, piece.size - key_size - 1 });
}

bool cmdline_next(const char **text, struct cmdline_word *word)
{
    const char *start = *text;
    const char *end;

    while (is_blank(*start))
        start++;
    end = word_end(start, &word->is_open);
    *text = end;
    if (end == start)
        return false;
    split_at_equals(without_quotes((struct cmdline_text){ start, (size_t)(end - start) }), word);
    return true;
}

static char dash_as_underscore(char character)
{
    return character == '-' ? '_' : character;
}

bool cmdline_is(const struct cmdline_word *word, const char *key)
{
    for (size_t i = 0; i < word->key.size; i++)
        if (key[i] == '\0' || dash_as_underscore(word->key.text[i]) != dash_as_underscore(key[i]))
            return false;
    return key[word->key.size] == '\0';
}

bool cmdline_find(const char *text, const char *key, struct cmdline_word *word)
{
    struct cmdline_word next;
    bool found = false;

    while (cmdline_next(&text, &next)) {
        if (!cmdline_is(&next, key))
            continue;
        *word = next;
        found = true;
    }
    return found;
}

size_t cmdline_copy(struct cmdline_text piece, char *buffer, size_t size)
{
    size_t copied = piece.size < size ? piece.size : size - 1;

    if (size == 0)
        return piece.size;
    if (copied > 0)
        memcpy(buffer, piece.text, copied);
    buffer[copied] = '\0';
    return piece.size;
}
