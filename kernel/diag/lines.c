/* SPDX-License-Identifier: BSD-2-Clause
 *
 * lines.c - a walk along the table that the build made: a report has time.
 */
#include "lines.h"

#include "lib/string.h"

/* kernel.ld */
extern const char kernel_start[], kernel_text_end[];

/* A place in the table, and the row that begins there. */
struct row {
    uint32_t at;
    uintptr_t offset;
    uint32_t file;
    uint32_t line;
};

static uint32_t read_unsigned(uint32_t *at)
{
    uint32_t value = 0;
    unsigned shift = 0;
    uint8_t byte;

    do {
        byte = klines_table[(*at)++];
        value |= (uint32_t)(byte & 0x7f) << shift;
        shift += 7;
    } while ((byte & 0x80) != 0 && *at < klines_bytes && shift < 32);
    return value;
}

/* Two's complement, so that it may be added as it is. */
static uint32_t read_signed(uint32_t *at)
{
    uint32_t start = *at;
    uint32_t value = read_unsigned(at);
    unsigned bits = 7 * (*at - start);

    if (bits < 32 && (value >> (bits - 1) & 1) != 0)
        value |= ~(uint32_t)0 << bits;
    return value;
}

/* The next row; false at the end. */
static bool read_row(struct row *row)
{
    uint32_t first;

    if (row->at >= klines_bytes)
        return false;
    first = read_unsigned(&row->at);
    row->offset += first >> 1;
    if ((first & 1) != 0)
        row->file = read_unsigned(&row->at);
    row->line += read_signed(&row->at);
    return true;
}

bool line_find(vaddr_t address, const char **file, unsigned *line)
{
    uintptr_t distance = va_value(address) - (uintptr_t)kernel_start;
    struct row next = { .at = 0 };
    struct row row = next;
    const char *name = klines_files;

    if (va_value(address) < (uintptr_t)kernel_start ||
        va_value(address) >= (uintptr_t)kernel_text_end)
        return false;
    while (read_row(&next) && next.offset <= distance)
        row = next;
    if (row.file == 0)
        return false;
    for (uint32_t i = 0; i < row.file; i++)
        name += strlen(name) + 1;
    *file = name;
    *line = row.line;
    return true;
}
