/* SPDX-License-Identifier: BSD-2-Clause
 *
 * acpi_numa.c - SRAT and SLIT: which memory and which processors are near each other.
 *
 * A domain had 8 bits in the first version of the SRAT, with whatever the firmware left in what are
 * its upper 24 bits today; both are read by the table's revision.
 *
 * Source: ACPI 6.5, 5.2.16 (tables 5.58 to 5.61), 5.2.17 (table 5.67).
 */
#include "acpi_private.h"

#include "lib/bits.h"
#include "lib/log.h"

#define SRAT_FIRST         48u
#define SRAT_WIDE_REVISION 2u /* from here on domains have 32 bits */

#define SRAT_APIC          0u
#define SRAT_APIC_BYTES    16u
#define SRAT_MEMORY        1u
#define SRAT_MEMORY_BYTES  40u
#define SRAT_X2APIC        2u
#define SRAT_X2APIC_BYTES  24u

/* Flags of an entry. */
#define AFFINITY_ENABLED   1u
#define AFFINITY_HOT_PLUG  2u
#define AFFINITY_LASTING   4u

#define SLIT_COUNT         36u /* 64 bits */
#define SLIT_FIRST         44u
#define SLIT_DOMAINS_MAX   1024u

/* --- SRAT -------------------------------------------------------------------------------- */

enum status acpi_srat_open(const struct acpi_root *root, struct acpi_cursor *cursor)
{
    return acpi_cursor_open(root, "SRAT", SRAT_FIRST, cursor);
}

/* Each of the three returns whether the entry says something. */
static bool decode_memory(const struct acpi_cursor *cursor, const uint8_t *bytes,
                          struct acpi_affinity *affinity)
{
    uint32_t flags = (uint32_t)acpi_number(bytes + 28, 4);
    uint64_t base = acpi_number(bytes + 8, 8);
    uint64_t size_bytes = acpi_number(bytes + 16, 8);
    uint64_t end;

    if ((flags & AFFINITY_ENABLED) == 0 || size_bytes == 0)
        return false;
    if (!checked_add(base, size_bytes, &end)) {
        log_warning("ACPI: memory at 0x%llx of 0x%llx bytes in the SRAT wraps: left out",
                    (unsigned long long)base, (unsigned long long)size_bytes);
        return false;
    }
    *affinity =
        (struct acpi_affinity){ .kind = ACPI_AFFINITY_MEMORY,
                                .domain = (uint32_t)acpi_number(
                                    bytes + 2, cursor->table.revision < SRAT_WIDE_REVISION ? 1 : 4),
                                .base = base,
                                .size_bytes = size_bytes,
                                .hot_pluggable = (flags & AFFINITY_HOT_PLUG) != 0,
                                .non_volatile = (flags & AFFINITY_LASTING) != 0 };
    return true;
}

static bool decode_apic(const struct acpi_cursor *cursor, const uint8_t *bytes,
                        struct acpi_affinity *affinity)
{
    uint32_t domain = bytes[2];

    if ((acpi_number(bytes + 4, 4) & AFFINITY_ENABLED) == 0)
        return false;
    if (cursor->table.revision >= SRAT_WIDE_REVISION)
        domain |= (uint32_t)acpi_number(bytes + 9, 3) << 8;
    *affinity = (struct acpi_affinity){ .kind = ACPI_AFFINITY_PROCESSOR,
                                        .domain = domain,
                                        .apic_id = bytes[3] };
    return true;
}

static bool decode_x2apic(const uint8_t *bytes, struct acpi_affinity *affinity)
{
    if ((acpi_number(bytes + 12, 4) & AFFINITY_ENABLED) == 0)
        return false;
    *affinity = (struct acpi_affinity){ .kind = ACPI_AFFINITY_PROCESSOR,
                                        .domain = (uint32_t)acpi_number(bytes + 4, 4),
                                        .apic_id = (uint32_t)acpi_number(bytes + 8, 4) };
    return true;
}

static bool decode(const struct acpi_cursor *cursor, const struct acpi_entry *entry,
                   struct acpi_affinity *affinity)
{
    switch (entry->type) {
    case SRAT_APIC:
        return acpi_entry_has(cursor, entry, SRAT_APIC_BYTES) &&
               decode_apic(cursor, entry->bytes, affinity);
    case SRAT_MEMORY:
        return acpi_entry_has(cursor, entry, SRAT_MEMORY_BYTES) &&
               decode_memory(cursor, entry->bytes, affinity);
    case SRAT_X2APIC:
        return acpi_entry_has(cursor, entry, SRAT_X2APIC_BYTES) &&
               decode_x2apic(entry->bytes, affinity);
    }
    return false; /* other architectures, interrupt translation, generic initiators */
}

bool acpi_srat_next(struct acpi_cursor *cursor, struct acpi_affinity *affinity)
{
    struct acpi_entry entry;

    while (acpi_entry_next(cursor, &entry))
        if (decode(cursor, &entry, affinity))
            return true;
    return false;
}

/* --- SLIT -------------------------------------------------------------------------------- */

/* The distance as it stands in the table; both domains are known to it. */
static bool read_distance(const struct acpi_distances *slit, uint32_t from, uint32_t to,
                          uint8_t *distance)
{
    return acpi_table_read(&slit->table, SLIT_FIRST + from * slit->count + to, distance, 1);
}

static enum status check_distances(const struct acpi_distances *slit)
{
    for (uint32_t from = 0; from < slit->count; from++) {
        for (uint32_t to = 0; to < slit->count; to++) {
            uint8_t distance;

            if (!read_distance(slit, from, to, &distance))
                return STATUS_TRUNCATED;
            if (from == to ? distance != ACPI_DISTANCE_LOCAL : distance <= ACPI_DISTANCE_LOCAL) {
                log_warning("ACPI: the SLIT says that node %u is %u from node %u: none of it is "
                            "believed",
                            from, distance, to);
                return STATUS_CORRUPT;
            }
        }
    }
    return STATUS_OK;
}

enum status acpi_slit_open(const struct acpi_root *root, struct acpi_distances *slit)
{
    struct acpi_distances found;
    uint8_t bytes[8];
    uint64_t count;
    enum status status = acpi_find(root, "SLIT", &found.table);

    if (status != STATUS_OK)
        return status;
    if (!acpi_table_read(&found.table, SLIT_COUNT, bytes, sizeof(bytes)))
        return STATUS_CORRUPT;
    count = acpi_number(bytes, sizeof(bytes));
    if (count == 0 || count > SLIT_DOMAINS_MAX ||
        count * count > found.table.size_bytes - SLIT_FIRST) {
        log_warning("ACPI: a SLIT of %u bytes cannot tell the distances of %llu nodes",
                    found.table.size_bytes, (unsigned long long)count);
        return STATUS_CORRUPT;
    }
    found.count = (uint32_t)count;
    status = check_distances(&found);
    if (status == STATUS_OK)
        *slit = found;
    return status;
}

unsigned acpi_slit_distance(const struct acpi_distances *slit, uint32_t from, uint32_t to)
{
    uint8_t distance;

    if (from < slit->count && to < slit->count && read_distance(slit, from, to, &distance))
        return distance;
    return from == to ? ACPI_DISTANCE_LOCAL : ACPI_DISTANCE_REMOTE;
}
