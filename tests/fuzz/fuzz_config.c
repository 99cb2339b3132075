/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fuzz_config.c - configuration files: whatever is accepted is what the lines say, within their bounds;
 * what is refused has a reason, a line and advice.
 *
 *     input    the text. Bytes 0x80 to 0x8f stand for a word of the language each, so that words are found
 */
#include "fuzz.h"

#include "efi/config_file.h"

#define TEXT_MAX 4096u

static const char *const words[16] = { "kernel: ",  "sha256: ", "cmdline: ",  "timeout: ",
                                       "report: ",  "dump: ",   "screen: ",   "module: ",
                                       "\n",        "yes",      "1024x768",   "largest",
                                       "\\\\k.elf", "name=",    "0123456789", "\xc3\xa9" };

static struct text read_text(struct feed *feed)
{
    char text[TEXT_MAX];
    size_t size = 0;

    while (!feed_ends(feed) && size + 16 < sizeof(text)) {
        uint8_t byte = feed_byte(feed);

        if (byte >= 0x80 && byte < 0x90) {
            const char *word = words[byte & 15];

            memcpy(text + size, word, strlen(word));
            size += strlen(word);
        } else {
            text[size++] = (char)byte;
        }
    }
    return (struct text){ fuzz_copy(FUZZ_INPUT, text, size), size };
}

static void check_slice(struct text slice, struct text file, size_t most_bytes)
{
    if (slice.start == NULL)
        return;
    FUZZ_CHECK(slice.start >= file.start && slice.size_bytes <= most_bytes);
    FUZZ_CHECK(slice.start + slice.size_bytes <= file.start + file.size_bytes);
    FUZZ_CHECK(text_bad_utf8(slice) == slice.size_bytes);
    FUZZ_CHECK(memchr(slice.start, '\n', slice.size_bytes) == NULL);
}

static void check_config(const struct config_file *config, struct text file)
{
    check_slice(config->kernel, file, CONFIG_FILE_PATH_BYTES);
    check_slice(config->command_line, file, CONFIG_FILE_LINE_BYTES);
    FUZZ_CHECK(!config->timeout_given || config->timeout_seconds <= CONFIG_FILE_MAX_TIMEOUT);
    FUZZ_CHECK(config->module_count <= CONFIG_FILE_MAX_MODULES);
    for (unsigned i = 0; i < config->module_count; i++) {
        check_slice(config->modules[i].path, file, CONFIG_FILE_PATH_BYTES);
        check_slice(config->modules[i].name, file, CONFIG_FILE_NAME_BYTES);
        FUZZ_CHECK(config->modules[i].name.size_bytes > 0);
    }
    if (config->screen.kind == GRAPHICS_EXACT)
        FUZZ_CHECK(config->screen.width_pixels > 0 && config->screen.height_pixels > 0);
}

void fuzz_run(const uint8_t *data, size_t size)
{
    static struct config_file config;
    static struct refusal refusal;
    struct feed feed = { data, size };
    struct text file = read_text(&feed);

    refusal.reason[0] = refusal.place[0] = '\0';
    refusal.next = NULL;
    if (config_file_parse(file, &config, &refusal) == STATUS_OK) {
        check_config(&config, file);
    } else {
        FUZZ_CHECK(refusal.reason[0] != '\0' && refusal.place[0] != '\0' && refusal.next != NULL);
        FUZZ_CHECK(memchr(refusal.reason, '\0', sizeof(refusal.reason)) != NULL);
        FUZZ_CHECK(memchr(refusal.place, '\0', sizeof(refusal.place)) != NULL);
    }
}
