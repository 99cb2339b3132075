/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fuzz_cmdline.c - the kernel's command line, from load options to what is done about it: words lie in the
 * text and in order, options are in their bounds, and mem= and memmap= leave the table of memory sane and
 * free nothing that was not free or unknown.
 *
 *     input    the text. Bytes from 0x80 on stand for a word of the language, so that words are found
 */
#include "fuzz.h"

#include "boot/cmdline.h"
#include "efi/command_line.h"
#include "mm/memmap_cmdline.h"

#define TEXT_MAX 1024u
#define ROWS_MAX 128u

static const char *const words[] = {
    "json",
    "exit",
    "selftest",
    "frame_sites",
    "nokaslr",
    "aslr",
    "quiet",
    "loglevel=",
    "cpus=",
    "console=",
    "run=",
    "heap=",
    "pt=",
    "heap-start=",
    "heap-max=",
    "mem=",
    "memmap=",
    "64M",
    "0x100000",
    "@",
    "$",
    "!",
    "#",
    ",",
    "\"",
    " ",
    "2level",
    "5level",
    "0xffffffffffffffff",
    "1T",
    "4096",
    "poison",
};
#define WORDS (sizeof(words) / sizeof(words[0]))

static size_t read_text(struct feed *feed, char *text)
{
    size_t size = 0;

    while (!feed_ends(feed) && size + 32 < TEXT_MAX) {
        uint8_t byte = feed_byte(feed);
        const char *word = words[(byte & 0x7f) % WORDS];

        if (byte < 0x80) {
            text[size++] = (char)byte;
        } else {
            memcpy(text + size, word, strlen(word));
            size += strlen(word);
        }
    }
    text[size] = '\0';
    return size;
}

static void check_words(const char *text)
{
    const char *at = text;
    const char *end = text + strlen(text);
    const char *before = text;
    struct cmdline_word word;
    struct cmdline_word found;
    char copy[16];

    while (cmdline_next(&at, &word)) {
        FUZZ_CHECK(at > before && at <= end);
        FUZZ_CHECK(word.key.text >= before && word.key.text + word.key.size <= at);
        FUZZ_CHECK(word.value.text == NULL ||
                   (word.value.text > word.key.text && word.value.text + word.value.size <= at));
        FUZZ_CHECK(cmdline_copy(word.key, copy, sizeof(copy)) == word.key.size);
        FUZZ_CHECK(strlen(copy) < sizeof(copy));
        before = at;
    }
    if (cmdline_find(text, "memmap", &found))
        FUZZ_CHECK(cmdline_is(&found, "memmap"));
}

static void check_options(const char *text)
{
    struct cmdline_options options;
    struct cmdline_window window = { (uint64_t)1 << 46, (uint64_t)1 << 38 };
    const struct cmdline_window whole = window;

    cmdline_read_options(text, &options);
    FUZZ_CHECK(options.cpus <= 65535);
    FUZZ_CHECK(options.console_level >= LOG_ERROR && options.console_level <= LOG_DEBUG);
    FUZZ_CHECK(cmdline_table_levels(options.pt) <= 5);
    cmdline_heap_window(&options, &window);
    FUZZ_CHECK(window.start >= whole.start && window.size_bytes >= CMDLINE_HEAP_MIN);
    FUZZ_CHECK(window.start - whole.start <= whole.size_bytes - window.size_bytes);
    FUZZ_CHECK(((window.start | window.size_bytes) & PAGE_MASK) == 0);
}

/* --- mem= and memmap= -------------------------------------------------------------------- */

static const struct region machine[] = {
    { .base = PAGE_SIZE, .size_bytes = 0x9e000, .type = E820_USABLE },
    { .base = 0xf0000, .size_bytes = 0x10000, .type = E820_RESERVED },
    { .base = 0x100000, .size_bytes = 0x100000, .type = E820_USABLE, .tag = REGION_TAG_KERNEL },
    { .base = 0x200000, .size_bytes = 0x3e00000, .type = E820_USABLE },
    { .base = 0x100000000, .size_bytes = 0x40000000, .type = E820_USABLE },
};

static void check_memory(const char *text)
{
    static struct region rows[ROWS_MAX];
    struct memmap map;
    size_t bad_row;

    memmap_init(&map, rows, ROWS_MAX, NULL, 0, (uint64_t)1 << 40);
    for (size_t i = 0; i < sizeof(machine) / sizeof(machine[0]); i++)
        FUZZ_CHECK(memmap_add(&map, &machine[i]) == STATUS_OK);
    FUZZ_CHECK(memmap_sanitise(&map) == STATUS_OK);
    (void)memmap_apply_cmdline(&map, text);
    FUZZ_CHECK(memmap_validate(&map, &bad_row) == STATUS_OK);
    for (size_t i = 0; i < map.count; i++) {
        const struct region *row = &map.regions[i];
        bool was_free = false;

        for (size_t old = 0; old < sizeof(machine) / sizeof(machine[0]); old++)
            was_free |= region_is_free(&machine[old]) && row->base >= machine[old].base &&
                        row->base + row->size_bytes <= machine[old].base + machine[old].size_bytes;
        FUZZ_CHECK(!region_is_free(row) || was_free);
    }
    FUZZ_CHECK(memmap_find(&map, pa(0x100000))->tag == REGION_TAG_KERNEL);
}

/* --- load options ------------------------------------------------------------------------ */

static void check_load_options(const uint8_t *data, size_t size, const char *text, size_t length)
{
    static struct command_line line;

    line.length = 0;
    line.cut = false;
    line.text[0] = '\0';
    command_line_append_options(&line, data, (uint32_t)size);
    FUZZ_CHECK(line.length < COMMAND_LINE_BYTES && line.text[line.length] == '\0');
    FUZZ_CHECK(text_bad_utf8((struct text){ line.text, line.length }) == line.length);
    command_line_append(&line, (struct text){ text, length });
    FUZZ_CHECK(line.length < COMMAND_LINE_BYTES && line.text[line.length] == '\0');
    (void)command_line_has(&line, "nokaslr");
}

void fuzz_run(const uint8_t *data, size_t size)
{
    struct feed feed = { data, size };
    char buffer[TEXT_MAX];
    size_t length = read_text(&feed, buffer);
    const char *text = fuzz_copy(FUZZ_INPUT, buffer, length + 1);

    check_words(text);
    check_options(text);
    check_memory(text);
    check_load_options(data, size, text, length);
}
