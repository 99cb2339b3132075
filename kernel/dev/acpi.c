/* SPDX-License-Identifier: BSD-2-Clause
 *
 * acpi.c - from the root pointer to a table that may be believed.
 *
 *     root pointer ──> XSDT ──┬──> MADT        64-bit addresses
 *          │                  ├──> SRAT
 *          └──> RSDT ──┬──────┴──> ...         32-bit ones, for want of a good XSDT
 *                      └──> ...
 *
 * Every length is bounded before it is used, every byte is copied through the reader, and each
 * loop is over a count that was bounded: tables that point to themselves, to each other or to
 * nowhere cost a look at their headers. A checksum is taken in pieces, so that tables of any size
 * need no memory.
 *
 * Cost of finding a table: a header for each that is listed, and the bytes of those of its name.
 */
#include "acpi_private.h"

#include "lib/bits.h"
#include "lib/log.h"
#include "lib/string.h"

/* The root pointer: ACPI 6.5, table 5.3. */
#define RSDP_SIGNATURE       "RSD PTR "
#define RSDP_SIGNATURE_BYTES 8u
#define RSDP_BYTES           36u
#define RSDP_OLD_BYTES       20u /* revision 0, and what its checksum covers */
#define RSDP_REVISION        15u
#define RSDP_RSDT            16u /* 32 bits */
#define RSDP_LENGTH          20u /* 32 bits */
#define RSDP_XSDT            24u /* 64 bits */
#define RSDP_ALIGNMENT       16u

/* Where a BIOS puts it: 5.2.5.1. */
#define EBDA_POINTER         0x40eu /* the area's segment, 16 bits */
#define EBDA_LOWEST          0x400u
#define EBDA_BYTES           0x400u
#define BIOS_START           0xe0000u
#define BIOS_END             0x100000u

#define SUM_BYTES            256u

static bool read_physical(const struct acpi_reader *reader, paddr_t address, void *to,
                          size_t size_bytes)
{
    uint64_t end;

    return pa_value(address) != 0 && checked_add(pa_value(address), size_bytes, &end) &&
           reader->read(reader->context, address, to, size_bytes);
}

/* The sum of all bytes is 0 in whatever is intact. STATUS_TRUNCATED when some are out of reach. */
static enum status check_sum(const struct acpi_reader *reader, paddr_t address, uint32_t size_bytes)
{
    uint8_t sum = 0;

    for (uint32_t done = 0; done < size_bytes;) {
        uint8_t bytes[SUM_BYTES];
        uint32_t count = (uint32_t)min_u64(size_bytes - done, sizeof(bytes));

        if (!read_physical(reader, pa_add(address, done), bytes, count))
            return STATUS_TRUNCATED;
        for (uint32_t i = 0; i < count; i++)
            sum = (uint8_t)(sum + bytes[i]);
        done += count;
    }
    return sum == 0 ? STATUS_OK : STATUS_CORRUPT;
}

/* --- the root pointer -------------------------------------------------------------------- */

static bool is_root_pointer(const struct acpi_reader *reader, paddr_t address)
{
    char signature[RSDP_SIGNATURE_BYTES];

    return read_physical(reader, address, signature, sizeof(signature)) &&
           memcmp(signature, RSDP_SIGNATURE, sizeof(signature)) == 0 &&
           check_sum(reader, address, RSDP_OLD_BYTES) == STATUS_OK;
}

static bool scan(const struct acpi_reader *reader, uint64_t start, uint64_t end, paddr_t *rsdp)
{
    for (uint64_t at = align_up(start, RSDP_ALIGNMENT); at < end; at += RSDP_ALIGNMENT) {
        if (is_root_pointer(reader, pa(at))) {
            *rsdp = pa(at);
            return true;
        }
    }
    return false;
}

enum status acpi_scan_bios(const struct acpi_reader *reader, paddr_t *rsdp)
{
    uint8_t segment[2] = { 0 };
    uint64_t area = 0;

    if (read_physical(reader, pa(EBDA_POINTER), segment, sizeof(segment)))
        area = acpi_number(segment, sizeof(segment)) << 4;
    if (area >= EBDA_LOWEST && scan(reader, area, area + EBDA_BYTES, rsdp))
        return STATUS_OK;
    return scan(reader, BIOS_START, BIOS_END, rsdp) ? STATUS_OK : STATUS_NOT_FOUND;
}

/* The bytes of a good root pointer; those that an old one does not have are zeros. */
static enum status read_root_pointer(const struct acpi_reader *reader, paddr_t rsdp,
                                     uint8_t bytes[RSDP_BYTES])
{
    uint32_t length;

    memset(bytes, 0, RSDP_BYTES);
    if (!read_physical(reader, rsdp, bytes, RSDP_OLD_BYTES))
        return STATUS_TRUNCATED;
    if (!is_root_pointer(reader, rsdp))
        return STATUS_CORRUPT;
    if (bytes[RSDP_REVISION] == 0)
        return STATUS_OK;
    if (!read_physical(reader, rsdp, bytes, RSDP_BYTES))
        return STATUS_TRUNCATED;
    length = (uint32_t)acpi_number(bytes + RSDP_LENGTH, 4);
    if (length >= RSDP_BYTES && length <= PAGE_SIZE && check_sum(reader, rsdp, length) == STATUS_OK)
        return STATUS_OK;
    log_warning("ACPI: the extended part of the root pointer at 0x%llx is damaged: going by its "
                "32-bit part",
                (unsigned long long)pa_value(rsdp));
    memset(bytes + RSDP_OLD_BYTES, 0, RSDP_BYTES - RSDP_OLD_BYTES);
    return STATUS_OK;
}

/* --- headers ----------------------------------------------------------------------------- */

static bool read_header(const struct acpi_reader *reader, paddr_t address, struct acpi_table *table)
{
    uint8_t bytes[ACPI_HEADER_BYTES];

    if (!read_physical(reader, address, bytes, sizeof(bytes)))
        return false;
    *table =
        (struct acpi_table){ .reader = reader,
                             .address = address,
                             .size_bytes = (uint32_t)acpi_number(bytes + ACPI_HEADER_LENGTH, 4),
                             .revision = bytes[ACPI_HEADER_REVISION] };
    memcpy(table->signature, bytes, ACPI_SIGNATURE_BYTES);
    return true;
}

static enum status check_table(const struct acpi_table *table)
{
    if (table->size_bytes < ACPI_HEADER_BYTES || table->size_bytes > ACPI_TABLE_BYTES_MAX)
        return STATUS_CORRUPT;
    return check_sum(table->reader, table->address, table->size_bytes);
}

static void warn_of_table(const char *signature, paddr_t address, uint32_t size_bytes,
                          enum status status)
{
    log_warning("ACPI: the %s at 0x%llx (%u bytes) cannot be believed: %s", signature,
                (unsigned long long)pa_value(address), size_bytes,
                status == STATUS_TRUNCATED ? "part of it is out of reach"
                                           : "its length or checksum is wrong");
}

/* --- the table of tables ----------------------------------------------------------------- */

static enum status open_root(const struct acpi_reader *reader, paddr_t address,
                             const char *signature, uint32_t entry_bytes, struct acpi_root *root)
{
    struct acpi_table table = { .size_bytes = 0 };
    enum status status = STATUS_TRUNCATED;
    uint32_t count;

    if (read_header(reader, address, &table))
        status = strcmp(table.signature, signature) == 0 ? check_table(&table) : STATUS_CORRUPT;
    if (status != STATUS_OK) {
        warn_of_table(signature, address, table.size_bytes, status);
        return status;
    }
    count = (table.size_bytes - ACPI_HEADER_BYTES) / entry_bytes;
    if (count > ACPI_TABLES_MAX)
        log_warning("ACPI: the %s lists %u tables: only the first %u are looked at", signature,
                    count, ACPI_TABLES_MAX);
    *root = (struct acpi_root){ .reader = reader,
                                .address = address,
                                .entry_count = (uint32_t)min_u64(count, ACPI_TABLES_MAX),
                                .entry_bytes = entry_bytes };
    return STATUS_OK;
}

enum status acpi_open(const struct acpi_reader *reader, paddr_t rsdp, struct acpi_root *root)
{
    uint8_t bytes[RSDP_BYTES];
    enum status status;
    paddr_t xsdt;
    paddr_t rsdt;

    if (pa_value(rsdp) == 0)
        return STATUS_NOT_FOUND;
    status = read_root_pointer(reader, rsdp, bytes);
    if (status != STATUS_OK) {
        warn_of_table("root pointer", rsdp, RSDP_OLD_BYTES, status);
        return status;
    }
    rsdt = pa(acpi_number(bytes + RSDP_RSDT, 4));
    xsdt = pa(acpi_number(bytes + RSDP_XSDT, 8));
    if (pa_value(xsdt) != 0 && open_root(reader, xsdt, "XSDT", 8, root) == STATUS_OK)
        return STATUS_OK;
    return open_root(reader, rsdt, "RSDT", 4, root);
}

bool acpi_table_at(const struct acpi_root *root, uint32_t index, struct acpi_table *table)
{
    uint64_t offset = ACPI_HEADER_BYTES + (uint64_t)index * root->entry_bytes;
    uint8_t entry[8];

    return index < root->entry_count &&
           read_physical(root->reader, pa_add(root->address, offset), entry, root->entry_bytes) &&
           read_header(root->reader, pa(acpi_number(entry, root->entry_bytes)), table);
}

enum status acpi_find(const struct acpi_root *root, const char *signature, struct acpi_table *table)
{
    enum status status = STATUS_NOT_FOUND;

    for (uint32_t i = 0; i < root->entry_count; i++) {
        struct acpi_table found;
        enum status verdict;

        if (!acpi_table_at(root, i, &found) || strcmp(found.signature, signature) != 0)
            continue;
        if (status == STATUS_OK) {
            log_warning("ACPI: another %s at 0x%llx is ignored", signature,
                        (unsigned long long)pa_value(found.address));
            break;
        }
        verdict = check_table(&found);
        if (verdict == STATUS_OK)
            *table = found;
        else
            warn_of_table(signature, found.address, found.size_bytes, verdict);
        status = verdict;
    }
    return status;
}

/* --- inside of a table ------------------------------------------------------------------- */

bool acpi_table_read(const struct acpi_table *table, uint32_t offset, void *to, size_t size_bytes)
{
    return offset <= table->size_bytes && size_bytes <= table->size_bytes - offset &&
           read_physical(table->reader, pa_add(table->address, offset), to, size_bytes);
}

enum status acpi_cursor_open(const struct acpi_root *root, const char *signature, uint32_t first,
                             struct acpi_cursor *cursor)
{
    struct acpi_table table;
    enum status status = acpi_find(root, signature, &table);

    if (status != STATUS_OK)
        return status;
    if (table.size_bytes < first) {
        log_warning("ACPI: the %s ends after %u bytes, before its first entry", signature,
                    table.size_bytes);
        return STATUS_CORRUPT;
    }
    *cursor = (struct acpi_cursor){ .table = table, .offset = first };
    return STATUS_OK;
}

bool acpi_entry_next(struct acpi_cursor *cursor, struct acpi_entry *entry)
{
    uint8_t head[2]; /* type, length */

    if (cursor->offset >= cursor->table.size_bytes)
        return false;
    *entry = (struct acpi_entry){ .type = 0 };
    if (!acpi_table_read(&cursor->table, cursor->offset, head, sizeof(head)) ||
        head[1] < sizeof(head) || head[1] > cursor->table.size_bytes - cursor->offset ||
        !acpi_table_read(&cursor->table, cursor->offset, entry->bytes,
                         (size_t)min_u64(head[1], sizeof(entry->bytes)))) {
        log_warning("ACPI: the entry at byte %u of the %s is broken: what follows is left out",
                    cursor->offset, cursor->table.signature);
        cursor->offset = cursor->table.size_bytes;
        return false;
    }
    entry->type = head[0];
    entry->size_bytes = head[1];
    cursor->offset += head[1];
    return true;
}

bool acpi_entry_has(const struct acpi_cursor *cursor, const struct acpi_entry *entry,
                    unsigned size_bytes)
{
    if (entry->size_bytes >= size_bytes)
        return true;
    log_warning("ACPI: an entry of type %u in the %s has %u bytes instead of %u: left out",
                entry->type, cursor->table.signature, entry->size_bytes, size_bytes);
    return false;
}
