/* SPDX-License-Identifier: BSD-2-Clause
 *
 * usage.c - the words that a usage line offers.
 *
 * A word is a stretch of lower-case letters, which may begin with '-' and end with '='.
 */

#include "monitor/usage.h"
#include "lib/string.h"

static bool is_lower(char character)
{
    return character >= 'a' && character <= 'z';
}

/* The length of the word that begins at `text`; 0 if none does. */
static size_t word_length(const char *text)
{
    size_t start = *text == '-';
    size_t length = start;

    while (is_lower(text[length]))
        length++;
    if (length == start)
        return 0;
    return text[length] == '=' ? length + 1 : length;
}

bool usage_word(const char *usage, unsigned index, char word[USAGE_WORD_BYTES])
{
    while (*usage != '\0') {
        size_t length = word_length(usage);

        if (length == 0 || length >= USAGE_WORD_BYTES) {
            usage += length + 1 - (length > 0);
            continue;
        }
        if (index-- == 0) {
            memcpy(word, usage, length);
            word[length] = '\0';
            return true;
        }
        usage += length;
    }
    return false;
}
