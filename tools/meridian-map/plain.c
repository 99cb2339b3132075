/* SPDX-License-Identifier: BSD-2-Clause
 *
 * plain.c - the form of tests/data/maps, which is also what this program prints.
 *
 *     START END TYPE                    E820; hexadecimal, END inclusive, TYPE a word
 *     TYPE START PAGES ATTRIBUTE        UEFI; TYPE decimal, the rest hexadecimal
 *
 * '#' begins a comment. What has three words is the one, what has four is the other.
 */
#include "ranges.h"
#include "text.h"

#include <ctype.h>
#include <string.h>

static size_t count_words(const char *at)
{
    size_t words = 0;

    for (at = skip_blanks(at); *at != '\0' && *at != '#'; at = skip_blanks(at)) {
        words++;
        while (*at != '\0' && *at != ' ' && *at != '\t')
            at++;
    }
    return words;
}

/* The size of the word at `at`. */
static size_t word_size(const char *at)
{
    return strcspn(at, " \t#");
}

static bool at_word_end(const char *at)
{
    return *at == '\0' || *at == ' ' || *at == '\t';
}

static enum line_verdict read_e820(const char *line, struct map_entry *entry)
{
    uint64_t first;
    uint64_t last;
    uint32_t type;

    entry->problem = "expected 'START END TYPE': two hexadecimal numbers, END inclusive, and one "
                     "of usable reserved acpi_data acpi_nvs unusable persistent7 persistent12 "
                     "soft_reserved unaccepted unknown typeN";
    if (!scan_hex(&line, &first) || !at_word_end(line) || !scan_hex(&line, &last) ||
        !at_word_end(line))
        return LINE_BAD;
    line = skip_blanks(line);
    if (!e820_type_from_name(line, word_size(line), &type))
        return LINE_BAD;
    e820_from_range(entry, first, last, type);
    return LINE_ENTRY;
}

static enum line_verdict read_efi(const char *line, struct map_entry *entry)
{
    uint32_t type;
    uint64_t base;
    uint64_t pages;
    uint64_t attribute;

    entry->problem = "expected 'TYPE START PAGES ATTRIBUTE': a decimal number of at most 32 bits, "
                     "then three hexadecimal ones of at most 64";
    if (!scan_decimal(&line, &type) || !at_word_end(line) || !scan_hex(&line, &base) ||
        !at_word_end(line) || !scan_hex(&line, &pages) || !at_word_end(line) ||
        !scan_hex(&line, &attribute) || !at_word_end(line))
        return LINE_BAD;
    efi_from_pages(entry, base, pages, type, attribute);
    return LINE_ENTRY;
}

static enum line_verdict read_line(const char *line, struct map_entry *entry)
{
    switch (count_words(line)) {
    case 0:
        return LINE_OTHER;
    case 3:
        return read_e820(line, entry);
    case 4:
        return read_efi(line, entry);
    default:
        entry->problem = "not a memory map: expected 'START END TYPE' or 'TYPE START PAGES "
                         "ATTRIBUTE', or else the log of a Linux boot or the UEFI Shell's memmap";
        return LINE_BAD;
    }
}

const struct map_format plain_format = { "plain", read_line };
