/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_options.c - heap=poison,canary,guard=100: the words of debugging, read and written.
 */
#include "heap_debug_private.h"

#include "lib/bits.h"
#include "lib/log.h"
#include "lib/number.h"
#include "lib/string.h"

#define WORDS_TEXT "sites, poison, verify, quarantine, random, canary, zero, guard=N, off"
#define SHOWN_MAX  32

static const struct {
    const char *word;
    unsigned option;
} words[] = {
    { "sites", HEAP_DEBUG_SITES },   { "poison", HEAP_DEBUG_POISON },
    { "verify", HEAP_DEBUG_VERIFY }, { "quarantine", HEAP_DEBUG_QUARANTINE },
    { "random", HEAP_DEBUG_RANDOM }, { "canary", HEAP_DEBUG_CANARY },
    { "zero", HEAP_DEBUG_ZERO },     { "off", 0 },
};

static bool is_word(const char *text, size_t size, const char *word)
{
    return strlen(word) == size && strncmp(text, word, size) == 0;
}

/* guard=N, with N from 1 to what 32 bits hold. */
static bool read_guard(const char *text, size_t size, struct heap_debug *wish)
{
    const char *at = text + strlen("guard=");
    uint64_t number;

    if (size <= strlen("guard=") || strncmp(text, "guard=", strlen("guard=")) != 0 ||
        number_scan(&at, &number) != STATUS_OK || at != text + size || number == 0 ||
        number > UINT32_MAX)
        return false;
    wish->guard_one_in = (uint32_t)number;
    return true;
}

static bool read_word(const char *text, size_t size, struct heap_debug *wish)
{
    for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
        if (is_word(text, size, words[i].word)) {
            wish->options |= words[i].option;
            return true;
        }
    }
    return read_guard(text, size, wish);
}

void heap_debug_parse(const char *text, size_t size, struct heap_debug *wish)
{
    size_t start = 0;

    wish->options = 0;
    wish->guard_one_in = 0;
    while (start < size) {
        size_t end = start;

        while (end < size && text[end] != ',')
            end++;
        if (!read_word(text + start, end - start, wish))
            log_warning("heap=%.*s: no such option: ignored; there are " WORDS_TEXT,
                        (int)min_u64(end - start, SHOWN_MAX), text + start);
        start = end + 1;
    }
}

void heap_debug_text(const struct heap_debug *debug, char *text, size_t size)
{
    size_t used = 0;

    print_buffer(text, size, "off");
    for (size_t i = 0; i < ARRAY_COUNT(words) && used < size; i++)
        if ((debug->options & words[i].option) != 0)
            used +=
                print_buffer(text + used, size - used, "%s%s", used != 0 ? "," : "", words[i].word);
    if (debug->guard_one_in != 0 && used < size)
        print_buffer(text + used, size - used, "%sguard=%u", used != 0 ? "," : "",
                     debug->guard_one_in);
}
