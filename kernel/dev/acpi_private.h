/* SPDX-License-Identifier: BSD-2-Clause
 *
 * acpi_private.h - what the readers of the tables share.
 */
#ifndef MERIDIAN_DEV_ACPI_PRIVATE_H
#define MERIDIAN_DEV_ACPI_PRIVATE_H

#include "dev/acpi.h"

/* The header that every table but the root pointer begins with (ACPI 6.5, table 5.4). */
#define ACPI_HEADER_BYTES    36u
#define ACPI_HEADER_LENGTH   4u /* 32 bits */
#define ACPI_HEADER_REVISION 8u /* 8 bits */

/* A little-endian number of at most 8 bytes, at any alignment. */
static inline uint64_t acpi_number(const uint8_t *bytes, size_t size_bytes)
{
    uint64_t number = 0;

    for (size_t i = 0; i < size_bytes; i++)
        number |= (uint64_t)bytes[i] << (8 * i);
    return number;
}

/* Copies bytes of a table; false when they are not all within it, or out of reach. */
bool acpi_table_read(const struct acpi_table *table, uint32_t offset, void *to, size_t size_bytes);

/* Opens a list whose first entry lies at `first`; STATUS_CORRUPT when the table ends before. */
enum status acpi_cursor_open(const struct acpi_root *root, const char *signature, uint32_t first,
                             struct acpi_cursor *cursor);

/* Entries of MADT and SRAT begin with their type and length. The most that any of them is read. */
#define ACPI_ENTRY_BYTES_MAX 64u

struct acpi_entry {
    uint8_t type;
    uint8_t size_bytes;
    uint8_t bytes[ACPI_ENTRY_BYTES_MAX]; /* from its first; zeros behind its end */
};

/* The next entry; false at the end, and with a warning at an entry that cannot be. */
bool acpi_entry_next(struct acpi_cursor *cursor, struct acpi_entry *entry);

/* Whether the entry has at least so many bytes; else it is to be left out, with a warning. */
bool acpi_entry_has(const struct acpi_cursor *cursor, const struct acpi_entry *entry,
                    unsigned size_bytes);

#endif
