/* SPDX-License-Identifier: BSD-2-Clause
 *
 * acpi_tables.c - MADT, MCFG and HPET: processors, configuration space, timer.
 *
 * Source: ACPI 6.5, 5.2.12 (MADT; tables 5.19 to 5.21, 5.30, 5.35), 5.2.3.2 (addresses); PCI
 * Firmware 3.3, 4.1.2 (MCFG); IA-PC HPET 1.0a, 3.2.4 (HPET).
 */
#include "acpi_private.h"

#include "lib/bits.h"
#include "lib/log.h"

#define MADT_LOCAL_APIC        36u /* 32 bits */
#define MADT_FIRST             44u

#define MADT_APIC              0u
#define MADT_APIC_BYTES        8u
#define MADT_APIC_ADDRESS      5u /* replaces MADT_LOCAL_APIC */
#define MADT_APIC_ADDRESS_SIZE 12u
#define MADT_X2APIC            9u
#define MADT_X2APIC_BYTES      16u

#define PROCESSOR_ENABLED      1u
#define PROCESSOR_CAPABLE      2u

#define MCFG_FIRST             44u
#define MCFG_ENTRY_BYTES       16u
#define BUS_BYTES              MiB /* PCI Express 5.0, 7.2.2: 256 functions of 4 KiB */

#define HPET_ADDRESS           40u /* 12 bytes: space, width, offset, access, 64 bits of address */
#define HPET_NUMBER            52u
#define HPET_LEAST_TICK        53u /* 16 bits */
#define HPET_BYTES             56u
#define ADDRESS_IN_MEMORY      0u

/* --- MADT -------------------------------------------------------------------------------- */

/* The cursor is a copy: the list is read once for this alone. */
static paddr_t find_local_apic(struct acpi_cursor cursor, paddr_t told)
{
    struct acpi_entry entry;

    while (acpi_entry_next(&cursor, &entry))
        if (entry.type == MADT_APIC_ADDRESS &&
            acpi_entry_has(&cursor, &entry, MADT_APIC_ADDRESS_SIZE))
            return pa(acpi_number(entry.bytes + 4, 8));
    return told;
}

enum status acpi_madt_open(const struct acpi_root *root, struct acpi_cursor *cursor,
                           paddr_t *local_apic)
{
    struct acpi_cursor found;
    uint8_t address[4];
    enum status status = acpi_cursor_open(root, "APIC", MADT_FIRST, &found);

    if (status != STATUS_OK)
        return status;
    if (!acpi_table_read(&found.table, MADT_LOCAL_APIC, address, sizeof(address)))
        return STATUS_TRUNCATED;
    *local_apic = find_local_apic(found, pa(acpi_number(address, sizeof(address))));
    *cursor = found;
    return STATUS_OK;
}

static struct acpi_processor processor(uint64_t apic_id, uint64_t uid, uint64_t flags, bool x2apic)
{
    bool enabled = (flags & PROCESSOR_ENABLED) != 0;

    return (struct acpi_processor){ .apic_id = (uint32_t)apic_id,
                                    .uid = (uint32_t)uid,
                                    .enabled = enabled,
                                    .online_capable = !enabled && (flags & PROCESSOR_CAPABLE) != 0,
                                    .x2apic = x2apic };
}

bool acpi_madt_next(struct acpi_cursor *cursor, struct acpi_processor *found)
{
    struct acpi_entry entry;
    const uint8_t *bytes = entry.bytes;

    while (acpi_entry_next(cursor, &entry)) {
        if (entry.type == MADT_APIC && acpi_entry_has(cursor, &entry, MADT_APIC_BYTES)) {
            *found = processor(bytes[3], bytes[2], acpi_number(bytes + 4, 4), false);
            return true;
        }
        if (entry.type == MADT_X2APIC && acpi_entry_has(cursor, &entry, MADT_X2APIC_BYTES)) {
            *found = processor(acpi_number(bytes + 4, 4), acpi_number(bytes + 12, 4),
                               acpi_number(bytes + 8, 4), true);
            return true;
        }
    }
    return false;
}

/* --- MCFG -------------------------------------------------------------------------------- */

enum status acpi_mcfg_open(const struct acpi_root *root, struct acpi_cursor *cursor)
{
    return acpi_cursor_open(root, "MCFG", MCFG_FIRST, cursor);
}

/* Whether all the buses lie at addresses that there are. */
static bool ecam_makes_sense(const struct acpi_ecam *ecam)
{
    uint64_t end;

    return ecam->base != 0 && is_aligned(ecam->base, BUS_BYTES) &&
           ecam->first_bus <= ecam->last_bus &&
           checked_add(ecam->base, (ecam->last_bus + (uint64_t)1) * BUS_BYTES, &end);
}

bool acpi_mcfg_next(struct acpi_cursor *cursor, struct acpi_ecam *ecam)
{
    uint8_t bytes[MCFG_ENTRY_BYTES];

    while (acpi_table_read(&cursor->table, cursor->offset, bytes, sizeof(bytes))) {
        struct acpi_ecam found = { .base = acpi_number(bytes, 8),
                                   .segment = (uint16_t)acpi_number(bytes + 8, 2),
                                   .first_bus = bytes[10],
                                   .last_bus = bytes[11] };

        cursor->offset += MCFG_ENTRY_BYTES;
        if (ecam_makes_sense(&found)) {
            *ecam = found;
            return true;
        }
        log_warning("ACPI: the MCFG puts buses %u to %u of segment %u at 0x%llx: left out",
                    found.first_bus, found.last_bus, found.segment, (unsigned long long)found.base);
    }
    return false;
}

/* --- HPET -------------------------------------------------------------------------------- */

enum status acpi_hpet_read(const struct acpi_root *root, struct acpi_hpet *hpet)
{
    struct acpi_table table;
    uint8_t bytes[HPET_BYTES];
    enum status status = acpi_find(root, "HPET", &table);

    if (status != STATUS_OK)
        return status;
    if (!acpi_table_read(&table, 0, bytes, sizeof(bytes)))
        return STATUS_CORRUPT;
    if (bytes[HPET_ADDRESS] != ADDRESS_IN_MEMORY || acpi_number(bytes + HPET_ADDRESS + 4, 8) == 0)
        return STATUS_UNSUPPORTED;
    *hpet = (struct acpi_hpet){ .address = pa(acpi_number(bytes + HPET_ADDRESS + 4, 8)),
                                .number = bytes[HPET_NUMBER],
                                .least_tick = (uint16_t)acpi_number(bytes + HPET_LEAST_TICK, 2) };
    return STATUS_OK;
}
