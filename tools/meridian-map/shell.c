/* SPDX-License-Identifier: BSD-2-Clause
 *
 * shell.c - what the UEFI Shell's `memmap` prints, with and without -sfo.
 *
 *     Type       Start            End              # Pages          Attributes
 *     BS_Code    0000000000000000-0000000000000FFF 0000000000000001 000000000000000F
 *     80000000   0000000000001000-0000000000001FFF 0000000000000001 000000000000000F
 *     MemoryMap,"Available","2000","9FFFF","9E","F"
 *
 * The line of titles begins a map; totals and the prompt around it are other lines. A type of OEM
 * or OS has its number instead of a name. Start, end and pages say the same thing twice: where
 * they do not agree the text has been damaged on its way.
 */
#include "ranges.h"
#include "text.h"

#include <ctype.h>
#include <string.h>

static enum line_verdict make_entry(struct map_entry *entry, uint64_t start, uint64_t last,
                                    uint64_t pages, uint32_t type, uint64_t attribute)
{
    if (start + (pages << 12) - 1 != last) {
        entry->problem = "start, end and number of pages do not agree";
        return LINE_BAD;
    }
    efi_from_pages(entry, start, pages, type, attribute);
    return LINE_ENTRY;
}

/* A name, or the eight hexadecimal digits of a number. */
static bool read_type(const char *at, size_t size, uint32_t *type)
{
    uint64_t number;
    const char *end = at;

    if (efi_type_from_name(at, size, type))
        return true;
    if (size != 8 || !scan_hex(&end, &number) || end != at + size)
        return false;
    *type = (uint32_t)number;
    return true;
}

/* --- MemoryMap,"Available","2000","9FFFF","9E","F" --------------------------------------- */

#define SFO_PREFIX "MemoryMap,"

/* The next field in quotes, and the comma behind it. */
static bool next_field(const char **at, const char **field, size_t *size)
{
    if (!scan_literal(at, "\""))
        return false;
    *field = *at;
    *size = strcspn(*at, "\"");
    *at += *size;
    if (!scan_literal(at, "\""))
        return false;
    (void)scan_literal(at, ",");
    return true;
}

static bool next_hex_field(const char **at, uint64_t *value)
{
    const char *field;
    size_t size;

    return next_field(at, &field, &size) && scan_hex(&field, value) && *field == '"';
}

static enum line_verdict read_sfo(const char *at, struct map_entry *entry)
{
    const char *name;
    size_t size;
    uint32_t type;
    uint64_t start;
    uint64_t last;
    uint64_t pages;
    uint64_t attribute;

    entry->problem = "expected MemoryMap,\"Type\",\"Start\",\"End\",\"Pages\",\"Attributes\"";
    if (!next_field(&at, &name, &size) || !read_type(name, size, &type) ||
        !next_hex_field(&at, &start) || !next_hex_field(&at, &last) ||
        !next_hex_field(&at, &pages) || !next_hex_field(&at, &attribute))
        return LINE_BAD;
    return make_entry(entry, start, last, pages, type, attribute);
}

/* --- BS_Code    0000000000000000-0000000000000FFF 0000000000000001 000000000000000F ------ */

/* Whether two numbers of 16 digits with a '-' between them stand here: nothing else looks so. */
static bool is_range(const char *at)
{
    size_t digits = 0;

    while (isxdigit((unsigned char)at[digits]))
        digits++;
    return digits == 16 && at[16] == '-' && isxdigit((unsigned char)at[17]);
}

static enum line_verdict read_columns(const char *name, size_t size, const char *at,
                                      struct map_entry *entry)
{
    uint32_t type;
    uint64_t start;
    uint64_t last;
    uint64_t pages;
    uint64_t attribute;

    entry->problem = "expected 'Type Start-End Pages Attributes', with a type that the Shell knows";
    if (!read_type(name, size, &type) || !scan_hex(&at, &start) || !scan_literal(&at, "-") ||
        !scan_hex(&at, &last) || !scan_hex(&at, &pages) || !scan_hex(&at, &attribute))
        return LINE_BAD;
    return make_entry(entry, start, last, pages, type, attribute);
}

static bool is_title(const char *at)
{
    return scan_literal(&at, "Type") && scan_literal(&at, "Start") && scan_literal(&at, "End");
}

static enum line_verdict read_line(const char *line, struct map_entry *entry)
{
    const char *name = skip_blanks(line);
    size_t size = strcspn(name, " \t");
    const char *range = skip_blanks(name + size);

    if (is_title(name) || strncmp(name, "ShellCommand,\"memmap\"", 21) == 0)
        return LINE_BEGIN;
    if (strncmp(name, SFO_PREFIX, strlen(SFO_PREFIX)) == 0)
        return read_sfo(name + strlen(SFO_PREFIX), entry);
    if (*name == '#' || !is_range(range))
        return LINE_OTHER;
    return read_columns(name, size, range, entry);
}

const struct map_format shell_format = { "shell", read_line };
