/* SPDX-License-Identifier: BSD-2-Clause
 *
 * firmware_tables.h - keeps ACPI and SMBIOS tables that the firmware left in memory it gives away.
 *
 * Most firmware puts them into memory of a type of its own. Where one lies in memory that is usable
 * once the boot services are gone, the kernel would hand it out before anybody has read it: its
 * pages become ACPI data, tagged REGION_TAG_ACPI. Reading needs RAM mapped where it is.
 */
#ifndef MERIDIAN_EFI_FIRMWARE_TABLES_H
#define MERIDIAN_EFI_FIRMWARE_TABLES_H

#include "lib/status.h"
#include "lib/types.h"
#include "mm/memmap.h"

/* The most cuts that both functions together make. */
#define FIRMWARE_TABLES_MAX_CARVES 144u

/* Follows the RSDP to all tables, as far as they lie in RAM of `map` and are sound; whatever is not
 * is passed over. STATUS_NO_SPACE when the map has no room for a cut. Address 0: nothing to do. */
enum status firmware_tables_keep_acpi(struct memmap *map, uint64_t rsdp);

/* The same for the SMBIOS entry point, of either form, and the structures behind it. */
enum status firmware_tables_keep_smbios(struct memmap *map, uint64_t entry_point);

#define FIRMWARE_NAME_BYTES 64u

struct firmware_machine_name { /* empty where SMBIOS does not say */
    char vendor[FIRMWARE_NAME_BYTES];
    char product[FIRMWARE_NAME_BYTES];
};

/* Who made the machine, and what it is called, from the SMBIOS table where that lies in RAM. */
void firmware_tables_name_machine(const struct memmap *map, uint64_t entry_point,
                                  struct firmware_machine_name *name);

#endif
