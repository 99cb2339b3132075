/* SPDX-License-Identifier: BSD-2-Clause
 *
 * firmware_tables.c - see firmware_tables.h.
 *
 *     RSDP ──> XSDT (or RSDT) ──┬──> FADT ──┬──> DSDT
 *                               ├──> MADT   └──> FACS
 *                               └──> ...
 *
 * Every address and length is an outsider's: what is read must lie in one row of RAM, as a whole.
 * Cost: a few dozen lookups. Pure: no firmware call, also built hosted.
 * Sources: ACPI 6.5, 5.2.5 (RSDP), 5.2.6 (headers), 5.2.9 (FADT); SMBIOS 3.6, 5.2.
 */
#include "firmware_tables.h"

#include "lib/string.h"
#include "pages.h"

#define MAX_TABLES            128u
#define MAX_TABLE_BYTES       (16 * MiB)

#define RSDP_SIGNATURE        "RSD PTR "
#define RSDP_BYTES            36u
#define RSDP_OLD_BYTES        20u /* revision 0, and what its checksum covers */
#define RSDP_REVISION         15u
#define RSDP_RSDT             16u /* 32 bits */
#define RSDP_XSDT             24u /* 64 bits */

#define HEADER_BYTES          36u
#define HEADER_LENGTH         4u /* 32 bits */

#define FADT_SIGNATURE        "FACP"
#define FADT_FACS             36u  /* 32 bits */
#define FADT_DSDT             40u  /* 32 bits */
#define FADT_X_FACS           132u /* 64 bits */
#define FADT_X_DSDT           140u /* 64 bits */

#define SMBIOS3_ANCHOR        "_SM3_"
#define SMBIOS3_TABLE_BYTES   12u /* 32 bits */
#define SMBIOS3_TABLE         16u /* 64 bits */
#define SMBIOS2_ANCHOR        "_SM_"
#define SMBIOS2_BYTES         31u
#define SMBIOS2_TABLE_BYTES   22u /* 16 bits */
#define SMBIOS2_TABLE         24u /* 32 bits */

#define SMBIOS_HEADER_BYTES   4
#define SMBIOS_LENGTH         1u /* of the fields of a structure */
#define SMBIOS_SYSTEM         1u /* type of a structure */
/* Numbers of strings. */
#define SMBIOS_SYSTEM_VENDOR  4u
#define SMBIOS_SYSTEM_PRODUCT 5u

/* --- looking ----------------------------------------------------------------------------- */

/* The bytes at `address`, or NULL unless all of them are in one row of RAM. */
static const uint8_t *look(const struct memmap *map, uint64_t address, uint64_t size_bytes)
{
    const struct region *row = memmap_find(map, pa(address));

    if (address == 0 || row == NULL || !region_is_ram(row) ||
        size_bytes > row->base + row->size_bytes - address)
        return NULL;
    return pages_pointer(pa(address));
}

/* A little-endian number of `size` bytes, at any alignment. */
static uint64_t number_at(const uint8_t *bytes, size_t size)
{
    uint64_t number = 0;

    memcpy(&number, bytes, size);
    return number;
}

static bool begins_with(const uint8_t *bytes, const char *signature)
{
    return memcmp(bytes, signature, strlen(signature)) == 0;
}

static bool sums_to_zero(const uint8_t *bytes, size_t size)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < size; i++)
        sum = (uint8_t)(sum + bytes[i]);
    return sum == 0;
}

static enum status keep(struct memmap *map, uint64_t address, uint64_t size_bytes)
{
    const struct region *row = memmap_find(map, pa(address));

    if (row == NULL || row->type != E820_USABLE || size_bytes == 0)
        return STATUS_OK;
    return memmap_carve(map, address, size_bytes, E820_ACPI_DATA, REGION_TAG_ACPI,
                        MEMMAP_ACPI_TABLE);
}

/* --- ACPI -------------------------------------------------------------------------------- */

/* A table with the common header, and its length; NULL where it is not all there. */
static const uint8_t *look_at_table(const struct memmap *map, uint64_t address, uint64_t *length)
{
    const uint8_t *header = look(map, address, HEADER_BYTES);

    if (header == NULL)
        return NULL;
    *length = number_at(header + HEADER_LENGTH, 4);
    if (*length < HEADER_BYTES || *length > MAX_TABLE_BYTES)
        return NULL;
    return look(map, address, *length);
}

static enum status keep_table(struct memmap *map, uint64_t address)
{
    uint64_t length;

    if (look_at_table(map, address, &length) == NULL)
        return STATUS_OK;
    return keep(map, address, length);
}

/* What the FADT points to: each in an old field, a new one, or both. */
static enum status keep_behind_fadt(struct memmap *map, const uint8_t *fadt, uint64_t length)
{
    static const struct {
        uint8_t offset;
        uint8_t size;
    } fields[] = { { FADT_FACS, 4 }, { FADT_DSDT, 4 }, { FADT_X_FACS, 8 }, { FADT_X_DSDT, 8 } };

    for (size_t i = 0; i < ARRAY_COUNT(fields); i++) {
        enum status status = STATUS_OK;

        if (fields[i].offset + fields[i].size <= length)
            status = keep_table(map, number_at(fadt + fields[i].offset, fields[i].size));
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

/* `fadt_seen`: there is one; whatever else calls itself so is not followed. */
static enum status keep_listed(struct memmap *map, uint64_t address, bool *fadt_seen)
{
    uint64_t length;
    const uint8_t *table = look_at_table(map, address, &length);
    enum status status = STATUS_OK;

    if (table == NULL)
        return STATUS_OK;
    if (!*fadt_seen && begins_with(table, FADT_SIGNATURE)) {
        *fadt_seen = true;
        status = keep_behind_fadt(map, table, length);
    }
    return status == STATUS_OK ? keep(map, address, length) : status;
}

/* The list itself, and the tables on it; entries have 4 (RSDT) or 8 bytes (XSDT). */
static enum status keep_list(struct memmap *map, uint64_t address, size_t entry_bytes)
{
    uint64_t length;
    const uint8_t *list = look_at_table(map, address, &length);
    enum status status = STATUS_OK;
    bool fadt_seen = false;
    uint64_t count;

    if (list == NULL)
        return STATUS_OK;
    count = (length - HEADER_BYTES) / entry_bytes;
    for (uint64_t i = 0; i < count && i < MAX_TABLES && status == STATUS_OK; i++)
        status = keep_listed(map, number_at(list + HEADER_BYTES + i * entry_bytes, entry_bytes),
                             &fadt_seen);
    return status == STATUS_OK ? keep(map, address, length) : status;
}

enum status firmware_tables_keep_acpi(struct memmap *map, uint64_t rsdp)
{
    const uint8_t *root = look(map, rsdp, RSDP_OLD_BYTES);
    uint64_t xsdt = 0;
    enum status status;

    if (root == NULL || !begins_with(root, RSDP_SIGNATURE) || !sums_to_zero(root, RSDP_OLD_BYTES))
        return STATUS_OK;
    if (root[RSDP_REVISION] >= 2 && look(map, rsdp, RSDP_BYTES) != NULL)
        xsdt = number_at(root + RSDP_XSDT, 8);
    if (xsdt != 0)
        status = keep_list(map, xsdt, 8);
    else
        status = keep_list(map, number_at(root + RSDP_RSDT, 4), 4);
    return status == STATUS_OK ? keep(map, rsdp, RSDP_BYTES) : status;
}

/* --- SMBIOS ------------------------------------------------------------------------------ */

struct smbios_table {
    uint64_t address;
    uint64_t size_bytes;
};

/* What the entry point says; false where there is none. */
static bool find_smbios(const struct memmap *map, uint64_t entry_point, struct smbios_table *table)
{
    const uint8_t *entry = look(map, entry_point, SMBIOS2_BYTES);

    if (entry == NULL)
        return false;
    if (begins_with(entry, SMBIOS3_ANCHOR)) {
        table->address = number_at(entry + SMBIOS3_TABLE, 8);
        table->size_bytes = number_at(entry + SMBIOS3_TABLE_BYTES, 4);
        return true;
    }
    table->address = number_at(entry + SMBIOS2_TABLE, 4);
    table->size_bytes = number_at(entry + SMBIOS2_TABLE_BYTES, 2);
    return begins_with(entry, SMBIOS2_ANCHOR);
}

enum status firmware_tables_keep_smbios(struct memmap *map, uint64_t entry_point)
{
    struct smbios_table table;
    enum status status;

    if (!find_smbios(map, entry_point, &table))
        return STATUS_OK;
    status = keep(map, entry_point, SMBIOS2_BYTES);
    if (status != STATUS_OK || look(map, table.address, table.size_bytes) == NULL)
        return status;
    return keep(map, table.address, table.size_bytes);
}

/* The end of the strings that follow a structure's fields, behind the empty one that ends them;
 * `end` where they have no end. */
static const uint8_t *skip_strings(const uint8_t *at, const uint8_t *end)
{
    while (end - at >= 2 && (at[0] != 0 || at[1] != 0))
        at++;
    return end - at >= 2 ? at + 2 : end;
}

/* String `number`, counted from 1, of those between `at` and `end`: printable ASCII, cut to the
 * buffer. Nothing for one that is not there. */
static void copy_string(const uint8_t *at, const uint8_t *end, uint8_t number,
                        char text[FIRMWARE_NAME_BYTES])
{
    size_t length = 0;

    for (; number > 1 && at < end; at++)
        number = (uint8_t)(number - (*at == 0));
    for (; number == 1 && at < end && *at != 0 && length < FIRMWARE_NAME_BYTES - 1; at++)
        text[length++] = *at >= ' ' && *at < 0x7f ? (char)*at : '?';
    text[length] = '\0';
}

/* SMBIOS 3.6, 6.1.2 (structures), 7.2 (System Information). */
void firmware_tables_name_machine(const struct memmap *map, uint64_t entry_point,
                                  struct firmware_machine_name *name)
{
    struct smbios_table table;
    const uint8_t *at = NULL;
    const uint8_t *end;

    *name = (struct firmware_machine_name){ 0 };
    if (find_smbios(map, entry_point, &table))
        at = look(map, table.address, table.size_bytes);
    if (at == NULL)
        return;
    for (end = at + table.size_bytes; end - at > SMBIOS_HEADER_BYTES;) {
        size_t size = at[SMBIOS_LENGTH];
        const uint8_t *next;

        if (size < SMBIOS_HEADER_BYTES || size > (size_t)(end - at))
            return;
        next = skip_strings(at + size, end);
        if (at[0] == SMBIOS_SYSTEM && size > SMBIOS_SYSTEM_PRODUCT) {
            copy_string(at + size, next, at[SMBIOS_SYSTEM_VENDOR], name->vendor);
            copy_string(at + size, next, at[SMBIOS_SYSTEM_PRODUCT], name->product);
            return;
        }
        at = next;
    }
}
