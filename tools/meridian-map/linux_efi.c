/* SPDX-License-Identifier: BSD-2-Clause
 *
 * linux_efi.c - the descriptors that Linux prints with efi=debug, of any age.
 *
 *     EFI: mem00: type=7, attr=0xf, range=[0x0000000000000000-0x000000000009f000) (0MB)
 *     efi: mem00: [Boot Data          |   |  |  |  |   |WB|WT|WC|UC] range=[0x…-0x…) (0MB)
 *     efi: mem00: [Conventional|RUN|  |  |  |  |  |  |  |  |   |WB|WT|WC|UC] range=[0x…-0x…] (0MB)
 *
 * ')' ends a range that excludes its END, ']' one that includes it. The columns have changed with
 * every new attribute, so they are read by what stands in them; a descriptor with attributes that
 * the kernel did not know has "attr=0x…" instead. mem00 is the first of a map.
 */
#include "ranges.h"
#include "text.h"

#include <string.h>

/* UEFI 2.10, 7.2.3, as Linux abbreviates them. */
static const struct {
    const char *name;
    uint64_t attribute;
} attributes[] = {
    { "UC", (uint64_t)1 << 0 },  { "WC", (uint64_t)1 << 1 },  { "WT", (uint64_t)1 << 2 },
    { "WB", (uint64_t)1 << 3 },  { "UCE", (uint64_t)1 << 4 }, { "WP", (uint64_t)1 << 12 },
    { "RP", (uint64_t)1 << 13 }, { "XP", (uint64_t)1 << 14 }, { "NV", (uint64_t)1 << 15 },
    { "MR", (uint64_t)1 << 16 }, { "RO", (uint64_t)1 << 17 }, { "SP", (uint64_t)1 << 18 },
    { "CC", (uint64_t)1 << 19 }, { "HP", (uint64_t)1 << 20 }, { "RUN", (uint64_t)1 << 63 },
};

/* One column between two '|', blanks included. */
static bool read_column(const char *at, size_t size, uint64_t *attribute)
{
    while (size > 0 && *at == ' ') {
        at++;
        size--;
    }
    while (size > 0 && at[size - 1] == ' ')
        size--;
    if (size == 0)
        return true;
    if (scan_literal(&at, "attr="))
        return scan_hex(&at, attribute);
    for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
        if (strlen(attributes[i].name) == size && memcmp(attributes[i].name, at, size) == 0) {
            *attribute |= attributes[i].attribute;
            return true;
        }
    }
    return false;
}

/* Type and columns up to ']'; *at is behind '['. */
static bool read_bracket(const char **at, uint32_t *type, uint64_t *attribute)
{
    const char *end = strchr(*at, ']');
    const char *column = *at + strcspn(*at, "|]");

    *attribute = 0;
    if (end == NULL || !efi_type_from_name(*at, (size_t)(column - *at), type))
        return false;
    while (column < end) {
        size_t size = strcspn(++column, "|]");

        if (!read_column(column, size, attribute))
            return false;
        column += size;
    }
    *at = end + 1;
    return true;
}

/* "type=7, attr=0xf,". */
static bool read_numbers(const char **at, uint32_t *type, uint64_t *attribute)
{
    return scan_literal(at, "type=") && scan_decimal(at, type) && scan_literal(at, ",") &&
           scan_literal(at, "attr=") && scan_hex(at, attribute) && scan_literal(at, ",");
}

static enum line_verdict read_entry(const char *at, struct map_entry *entry)
{
    uint32_t type;
    uint64_t attribute;
    uint64_t start;
    uint64_t last;

    entry->problem = "expected a type, attributes and 'range=[0xSTART-0xEND]' after 'mem…:'";
    if (!(scan_literal(&at, "[") ? read_bracket(&at, &type, &attribute)
                                 : read_numbers(&at, &type, &attribute)))
        return LINE_BAD;
    if (!scan_literal(&at, "range=[") || !scan_hex(&at, &start) || !scan_literal(&at, "-") ||
        !scan_hex(&at, &last) || (*at != ')' && *at != ']'))
        return LINE_BAD;
    if (*at == ')')
        last--;
    if (efi_from_range(entry, start, last, type, attribute))
        return LINE_ENTRY;
    entry->problem = "the range is not a whole number of 4 KiB pages";
    return LINE_BAD;
}

static enum line_verdict read_line(const char *line, struct map_entry *entry)
{
    const char *at = strstr(line, "efi: mem");
    uint32_t index;

    if (at == NULL)
        at = strstr(line, "EFI: mem");
    if (at == NULL || *skip_blanks(line) == '#')
        return LINE_OTHER;
    at += strlen("efi: mem");
    if (!scan_decimal(&at, &index) || *at != ':')
        return LINE_OTHER; /* "efi: memattr: ..." and the like */
    at++;
    entry->is_first = index == 0;
    return read_entry(at, entry);
}

const struct map_format linux_efi_format = { "linux-efi", read_line };
