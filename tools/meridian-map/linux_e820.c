/* SPDX-License-Identifier: BSD-2-Clause
 *
 * linux_e820.c - the BIOS-e820 lines of a Linux boot log, of any age.
 *
 *     BIOS-e820: 0000000000000000 - 000000000009fc00 (usable)         to 3.4, END exclusive
 *     BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable   since, END inclusive
 *     BIOS-e820: [gap 0x00000000000a0000-0x00000000000effff]          newest: nothing described
 *
 * Whatever stands before (time stamps, a host's name, quotation marks of a mail) is skipped. The
 * line "BIOS-provided physical RAM map:" begins a map.
 */
#include "ranges.h"
#include "text.h"

#include <ctype.h>
#include <string.h>

static const char *trim_end(const char *start, const char *end)
{
    while (end > start && isspace((unsigned char)end[-1]))
        end--;
    return end;
}

/* "  639   KB usable": some kernels put the size before the type. */
static const char *skip_size(const char *at)
{
    const char *after = skip_blanks(at);
    size_t digits = strspn(after, "0123456789.");

    if (digits == 0)
        return at;
    after = skip_blanks(after + digits);
    if (after[0] != '\0' && after[1] == 'B' && strchr("KMGTP", after[0]) != NULL)
        return after + 2;
    return at;
}

static enum line_verdict read_bracketed(const char *at, struct map_entry *entry)
{
    uint64_t first;
    uint64_t last;
    uint32_t type;

    entry->problem = "expected '[mem 0xSTART-0xEND] type' after 'BIOS-e820:', with a type that "
                     "Linux knows";
    if (!scan_hex(&at, &first) || !scan_literal(&at, "-") || !scan_hex(&at, &last) ||
        !scan_literal(&at, "]"))
        return LINE_BAD;
    at = skip_blanks(skip_size(at));
    if (!e820_type_from_name(at, (size_t)(trim_end(at, at + strlen(at)) - at), &type))
        return LINE_BAD;
    e820_from_range(entry, first, last, type);
    return LINE_ENTRY;
}

static enum line_verdict read_old(const char *at, struct map_entry *entry)
{
    uint64_t start;
    uint64_t end;
    uint32_t type;
    const char *close;

    entry->problem = "expected 'START - END (type)' after 'BIOS-e820:', with a type that Linux "
                     "knows";
    if (!scan_hex(&at, &start) || !scan_literal(&at, "-") || !scan_hex(&at, &end))
        return LINE_BAD;
    at = skip_blanks(at);
    if (*at == '(') {
        close = strrchr(++at, ')');
        if (close == NULL || !e820_type_from_name(at, (size_t)(close - at), &type))
            return LINE_BAD;
    } else if (!e820_type_from_name(at, (size_t)(trim_end(at, at + strlen(at)) - at), &type)) {
        return LINE_BAD; /* "type 20" had no brackets */
    }
    e820_from_range(entry, start, end - 1, type);
    return LINE_ENTRY;
}

static enum line_verdict read_line(const char *line, struct map_entry *entry)
{
    const char *at = strstr(line, "BIOS-e820:");

    if (strstr(line, "BIOS-provided physical RAM map:") != NULL)
        return LINE_BEGIN;
    if (at == NULL || *skip_blanks(line) == '#')
        return LINE_OTHER;
    at += strlen("BIOS-e820:");
    if (scan_literal(&at, "[gap"))
        return LINE_OTHER;
    return scan_literal(&at, "[mem") ? read_bracketed(at, entry) : read_old(at, entry);
}

const struct map_format linux_e820_format = { "linux-e820", read_line };
