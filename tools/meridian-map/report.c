/* SPDX-License-Identifier: BSD-2-Clause
 *
 * report.c - the descriptors of memmap.json, which the loader saves (docs/report.schema.json).
 *
 * The loader gives each a line of its own, with its members in this order; the comma that parts it
 * from the one before may stand in front. Lines of other lists have no pages.
 */
#include "ranges.h"
#include "text.h"

#include <string.h>

static enum line_verdict read_line(const char *line, struct map_entry *entry)
{
    uint64_t base;
    uint64_t pages;
    uint32_t type;
    uint64_t attribute;

    entry->problem = "expected a descriptor with base, pages, type, name and attribute";
    scan_literal(&line, ",");
    if (!scan_literal(&line, "{\"base\":\"") || !scan_hex(&line, &base) ||
        !scan_literal(&line, "\",\"pages\":\""))
        return LINE_OTHER;
    if (!scan_hex(&line, &pages) || !scan_literal(&line, "\",\"type\":") ||
        !scan_decimal(&line, &type) || !scan_literal(&line, ",\"name\":\""))
        return LINE_BAD;
    line += strcspn(line, "\"");
    if (!scan_literal(&line, "\",\"attribute\":\"") || !scan_hex(&line, &attribute) ||
        !scan_literal(&line, "\"}"))
        return LINE_BAD;
    efi_from_pages(entry, base, pages, type, attribute);
    return LINE_ENTRY;
}

const struct map_format report_format = { "report", read_line };
