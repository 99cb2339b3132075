/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmdline_options.c - what the words of the command line mean.
 *
 * One table holds every parameter: its key, what kind of value it takes, and where that goes. A
 * new parameter is a new row (and a line in docs/). The pass over the words is made once; a
 * complaint is one line and leaves the option as it was.
 */
#include "boot/cmdline.h"

#include "lib/log.h"
#include "lib/number.h"
#include "lib/string.h"

enum kind {
    KIND_FLAG,      /* `key` alone */
    KIND_TEXT,      /* key=value, kept as it is */
    KIND_LOG_LEVEL, /* a number that enum log_level knows */
    KIND_QUIET,     /* `key` alone: loglevel=4 */
    KIND_COUNT,     /* a number from 1 to COUNT_MAX */
    KIND_LEVELS,    /* a format of page tables */
    KIND_ELSEWHERE, /* memmap_apply_cmdline() reads it */
};

static const struct parameter {
    const char *key;
    enum kind kind;
    size_t offset; /* in struct cmdline_options, of what has the type that the kind needs */
} parameters[] = {
    { "json", KIND_FLAG, offsetof(struct cmdline_options, json) },
    { "exit", KIND_FLAG, offsetof(struct cmdline_options, exit) },
    { "selftest", KIND_FLAG, offsetof(struct cmdline_options, selftest) },
    { "frame_sites", KIND_FLAG, offsetof(struct cmdline_options, frame_sites) },
    { "nokaslr", KIND_FLAG, offsetof(struct cmdline_options, nokaslr) },
    { "aslr", KIND_FLAG, offsetof(struct cmdline_options, aslr) },
    { "quiet", KIND_QUIET, offsetof(struct cmdline_options, console_level) },
    { "loglevel", KIND_LOG_LEVEL, offsetof(struct cmdline_options, console_level) },
    { "fail_alloc", KIND_COUNT, offsetof(struct cmdline_options, fail_alloc) },
    { "cpus", KIND_COUNT, offsetof(struct cmdline_options, cpus) },
    { "console", KIND_TEXT, offsetof(struct cmdline_options, console) },
    { "run", KIND_TEXT, offsetof(struct cmdline_options, run) },
    { "bench", KIND_TEXT, offsetof(struct cmdline_options, bench) },
    { "heap", KIND_TEXT, offsetof(struct cmdline_options, heap) },
    { "pt", KIND_LEVELS, offsetof(struct cmdline_options, pt) },
    { "heap-start", KIND_TEXT, offsetof(struct cmdline_options, heap_start) },
    { "heap-max", KIND_TEXT, offsetof(struct cmdline_options, heap_max) },
    { "mem", KIND_ELSEWHERE, 0 },
    { "memmap", KIND_ELSEWHERE, 0 },
};

/* Precision for "%.*s": what is printed of a word that may be of any length. */
#define SHOWN_MAX 64

#define COUNT_MAX 65535

static int shown(struct cmdline_text piece)
{
    return piece.size < SHOWN_MAX ? (int)piece.size : SHOWN_MAX;
}

static void complain(const struct cmdline_word *word, const char *expected)
{
    log_error("command line: %.*s%s%.*s: %s: ignored", shown(word->key), word->key.text,
              word->value.text == NULL ? "" : "=", shown(word->value),
              word->value.text == NULL ? "" : word->value.text, expected);
}

static const struct parameter *find_parameter(const struct cmdline_word *word)
{
    for (size_t i = 0; i < ARRAY_COUNT(parameters); i++)
        if (cmdline_is(word, parameters[i].key))
            return &parameters[i];
    return NULL;
}

/* --- one reader for each kind ------------------------------------------------------------ */

static void read_flag(const struct cmdline_word *word, bool *flag)
{
    if (word->value.text != NULL)
        complain(word, "takes no value");
    else
        *flag = true;
}

static void read_text(const struct cmdline_word *word, struct cmdline_text *text)
{
    if (word->value.text == NULL)
        complain(word, "needs a value");
    else
        *text = word->value;
}

/* The whole of the value as a number from `least` to `most`. */
static bool read_number(const struct cmdline_word *word, uint64_t least, uint64_t most,
                        uint64_t *number)
{
    const char *at = word->value.text;

    return at != NULL && number_scan(&at, number) == STATUS_OK &&
           at == word->value.text + word->value.size && *number >= least && *number <= most;
}

static void read_count(const struct cmdline_word *word, unsigned *count)
{
    uint64_t number;

    if (read_number(word, 1, COUNT_MAX, &number))
        *count = (unsigned)number;
    else
        complain(word, "needs a number from 1 to 65535");
}

static void read_log_level(const struct cmdline_word *word, enum log_level *level)
{
    uint64_t number;

    if (read_number(word, LOG_ERROR, LOG_DEBUG, &number))
        *level = (enum log_level)number;
    else
        complain(word, "needs a level from 3 (errors only) to 7 (everything)");
}

static void read_quiet(const struct cmdline_word *word, enum log_level *level)
{
    bool quiet = false;

    read_flag(word, &quiet);
    if (quiet)
        *level = LOG_WARNING;
}

unsigned cmdline_table_levels(struct cmdline_text value)
{
    static const struct {
        const char *name;
        unsigned levels;
    } formats[] = { { "2level", 2 }, { "pae", 3 }, { "4level", 4 }, { "5level", 5 } };
    char wish[8];

    if (value.text != NULL && cmdline_copy(value, wish, sizeof(wish)) < sizeof(wish))
        for (size_t i = 0; i < ARRAY_COUNT(formats); i++)
            if (strcmp(wish, formats[i].name) == 0)
                return formats[i].levels;
    return 0;
}

static void read_levels(const struct cmdline_word *word, struct cmdline_text *format)
{
    if (cmdline_table_levels(word->value) == 0)
        complain(word, "needs 4level or 5level on x86-64, 2level or pae on i386");
    else
        *format = word->value;
}

static void read_parameter(const struct parameter *parameter, const struct cmdline_word *word,
                           struct cmdline_options *options)
{
    void *target = (char *)options + parameter->offset;

    switch (parameter->kind) {
    case KIND_FLAG:
        read_flag(word, target);
        break;
    case KIND_TEXT:
        read_text(word, target);
        break;
    case KIND_LOG_LEVEL:
        read_log_level(word, target);
        break;
    case KIND_QUIET:
        read_quiet(word, target);
        break;
    case KIND_COUNT:
        read_count(word, target);
        break;
    case KIND_LEVELS:
        read_levels(word, target);
        break;
    case KIND_ELSEWHERE:
        break;
    }
}

/* --- what nobody knows ------------------------------------------------------------------- */

static bool same_key(const struct cmdline_word *a, const struct cmdline_word *b)
{
    if (a->key.size != b->key.size)
        return false;
    for (size_t i = 0; i < a->key.size; i++)
        if (a->key.text[i] != b->key.text[i])
            return false;
    return true;
}

/* Whether a word before `word` has the same key. */
static bool came_before(const char *text, const struct cmdline_word *word)
{
    struct cmdline_word earlier;

    while (cmdline_next(&text, &earlier) && earlier.key.text < word->key.text)
        if (same_key(&earlier, word))
            return true;
    return false;
}

/* --- interface --------------------------------------------------------------------------- */

void cmdline_read_options(const char *text, struct cmdline_options *options)
{
    const char *at = text;
    struct cmdline_word word;

    *options = (struct cmdline_options){ .console_level = LOG_INFO };
    while (cmdline_next(&at, &word)) {
        const struct parameter *parameter = find_parameter(&word);

        if (word.is_open)
            log_warning("command line: %.*s: its quote is not closed: read to the end",
                        shown(word.key), word.key.text);
        if (parameter != NULL)
            read_parameter(parameter, &word, options);
        else if (!came_before(text, &word))
            complain(&word, "no such parameter");
    }
}
