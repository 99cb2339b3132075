/* SPDX-License-Identifier: BSD-2-Clause
 *
 * source.c - finds the map in a text, and reads it.
 *
 * Each format in turn is asked whether any line is its own; the first that says so reads all. A
 * boot log with both UEFI's descriptors and the E820 table that somebody made of them is read as
 * the former, for that is what the firmware said. The plain form is asked last, since every
 * line that is no comment is its business. Where a second map begins in the same text (another boot), the first one
 * counts, and a note says so.
 */
#include "source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

static const struct map_format *const formats[] = { &linux_efi_format, &linux_e820_format,
                                                    &shell_format, &report_format, &plain_format };
#define FORMATS (sizeof(formats) / sizeof(formats[0]))

/* --- which format ------------------------------------------------------------------------ */

static bool has_entries(const struct map_format *format, const struct text *text)
{
    for (size_t i = 0; i < text->count; i++) {
        struct map_entry entry = { 0 };
        enum line_verdict verdict = format->read_line(text->lines[i], &entry);

        if (verdict == LINE_ENTRY || verdict == LINE_BAD)
            return true;
    }
    return false;
}

static const struct map_format *find_format(const char *path, const char *from,
                                            const struct text *text)
{
    for (size_t i = 0; i < FORMATS; i++) {
        bool wanted = from == NULL || strcmp(from, formats[i]->name) == 0;

        if (wanted && has_entries(formats[i], text))
            return formats[i];
    }
    fprintf(stderr,
            "%s:%zu: no memory map up to the end (looked for: %s). See meridian-map --help.\n",
            path, text->count, from == NULL ? SOURCE_FORMAT_NAMES : from);
    return NULL;
}

/* --- reading it -------------------------------------------------------------------------- */

static bool is_power_of_two_or_zero(size_t count)
{
    return (count & (count - 1)) == 0;
}

/* Both lists have room for at least one more; they double whenever they are full. */
static bool append(struct map_source *source, const struct map_entry *entry)
{
    if (is_power_of_two_or_zero(source->count)) {
        size_t room = source->count == 0 ? 1 : 2 * source->count;
        struct e820_entry *e820 = realloc(source->e820, room * sizeof(*e820));

        if (e820 == NULL)
            return false;
        source->e820 = e820;
        struct efi_memory_descriptor *efi = realloc(source->efi, room * sizeof(*efi));
        if (efi == NULL)
            return false;
        source->efi = efi;
    }
    source->kind = entry->kind;
    source->e820[source->count] = entry->e820;
    source->efi[source->count] = entry->efi;
    source->count++;
    return true;
}

/* What is wrong with this entry after those before it, or NULL. */
static const char *take_entry(struct map_source *source, const struct map_entry *entry)
{
    if (source->count > 0 && source->kind != entry->kind)
        return "an E820 entry and a UEFI descriptor in one map";
    return append(source, entry) ? NULL : "out of memory";
}

static bool read_lines(const char *path, const struct map_format *format, const struct text *text,
                       struct map_source *source)
{
    for (size_t i = 0; i < text->count; i++) {
        struct map_entry entry = { 0 };
        enum line_verdict verdict = format->read_line(text->lines[i], &entry);
        const char *problem = verdict == LINE_BAD ? entry.problem : NULL;

        if ((verdict == LINE_BEGIN || entry.is_first) && source->count > 0) {
            fprintf(stderr, "%s:%zu: note: another map begins here; the first one is used\n", path,
                    i + 1);
            return true;
        }
        if (verdict == LINE_ENTRY)
            problem = take_entry(source, &entry);
        if (problem != NULL) {
            fprintf(stderr, "%s:%zu: %s\n    %.160s\n", path, i + 1, problem, text->lines[i]);
            return false;
        }
    }
    return true;
}

bool source_read(const char *path, const char *from, struct map_source *source)
{
    const char *shown = strcmp(path, "-") == 0 ? "<stdin>" : path;
    const struct map_format *format;
    struct text text;
    bool done;

    *source = (struct map_source){ 0 };
    if (!text_read(path, &text)) {
        fprintf(stderr, "%s: %s\n", shown, strerror(errno));
        return false;
    }
    format = find_format(shown, from, &text);
    done = format != NULL && read_lines(shown, format, &text, source);
    text_free(&text);
    if (!done)
        source_free(source);
    return done;
}

void source_free(struct map_source *source)
{
    free(source->e820);
    free(source->efi);
    *source = (struct map_source){ 0 };
}
