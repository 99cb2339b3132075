/* SPDX-License-Identifier: BSD-2-Clause
 *
 * command_line.c - see command_line.h. Pure: no firmware call, also built hosted.
 */
#include "command_line.h"

#include "lib/bits.h"
#include "lib/string.h"

#define MAX_OPTION_UNITS 2048u

void command_line_append(struct command_line *line, struct text text)
{
    size_t separator = line->length > 0 ? 1 : 0;
    size_t room = COMMAND_LINE_BYTES - 1 - line->length;

    text = text_trim(text);
    if (text.size_bytes == 0)
        return;
    if (text.size_bytes + separator > room) {
        line->cut = true;
        return;
    }
    if (separator != 0)
        line->text[line->length++] = ' ';
    memcpy(line->text + line->length, text.start, text.size_bytes);
    line->length += text.size_bytes;
    line->text[line->length] = '\0';
}

void command_line_append_options(struct command_line *line, const void *options,
                                 uint32_t size_bytes)
{
    uint16_t units[MAX_OPTION_UNITS];
    char buffer[COMMAND_LINE_BYTES];
    struct text text;
    struct text rest;

    if (options == NULL || size_bytes % sizeof(units[0]) != 0 || size_bytes > sizeof(units))
        return;
    memcpy(units, options, size_bytes); /* they need not be aligned */
    if (text_from_utf16(units, size_bytes / sizeof(units[0]), buffer, sizeof(buffer), &text) !=
        STATUS_OK)
        return;
    text = text_trim(text);
    rest = text;
    if (text_ends_with(text_take_word(&rest), ".efi"))
        text = rest;
    command_line_append(line, text);
}

bool command_line_has(const struct command_line *line, const char *word)
{
    struct text rest = { line->text, line->length };

    while (rest.size_bytes > 0) {
        size_t length = 0;
        bool quoted = false;

        while (length < rest.size_bytes && (quoted || rest.start[length] != ' ')) {
            if (rest.start[length] == '"')
                quoted = !quoted;
            length++;
        }
        if (text_equal((struct text){ rest.start, length }, word))
            return true;
        rest = text_trim((struct text){ rest.start + length, rest.size_bytes - length });
    }
    return false;
}
