/* SPDX-License-Identifier: BSD-2-Clause
 *
 * names.c - what Linux, the UEFI Shell and our own files call the types of memory.
 *
 * Each has changed its names over the years ("Boot Data", "BS_Data", "BootServiceData"). They are
 * compared without blanks, underscores and case, so that one table of each kind does for all.
 */
#include "text.h"

#include <ctype.h>
#include <string.h>

#include "boot/e820.h"
#include "boot/efi_memory.h"

#define NAME_MAX_CHARS    32 /* longer than any name, once blanks are out */

/* A number that no specification defines: "unknown" in a file of tests/data/maps. */
#define E820_TYPE_UNKNOWN UINT32_MAX

struct name {
    const char *name; /* lower case, without blanks and underscores */
    uint32_t type;
};

static const struct name efi_names[] = {
    { "reserved", EFI_TYPE_RESERVED },
    { "reservedmemorytype", EFI_TYPE_RESERVED },
    { "loadercode", EFI_TYPE_LOADER_CODE },
    { "loaderdata", EFI_TYPE_LOADER_DATA },
    { "bootcode", EFI_TYPE_BOOT_SERVICES_CODE },
    { "bscode", EFI_TYPE_BOOT_SERVICES_CODE },
    { "bootservicecode", EFI_TYPE_BOOT_SERVICES_CODE },
    { "bootservicescode", EFI_TYPE_BOOT_SERVICES_CODE },
    { "bootdata", EFI_TYPE_BOOT_SERVICES_DATA },
    { "bsdata", EFI_TYPE_BOOT_SERVICES_DATA },
    { "bootservicedata", EFI_TYPE_BOOT_SERVICES_DATA },
    { "bootservicesdata", EFI_TYPE_BOOT_SERVICES_DATA },
    { "runtimecode", EFI_TYPE_RUNTIME_SERVICES_CODE },
    { "rtcode", EFI_TYPE_RUNTIME_SERVICES_CODE },
    { "runtimeservicescode", EFI_TYPE_RUNTIME_SERVICES_CODE },
    { "runtimedata", EFI_TYPE_RUNTIME_SERVICES_DATA },
    { "rtdata", EFI_TYPE_RUNTIME_SERVICES_DATA },
    { "runtimeservicesdata", EFI_TYPE_RUNTIME_SERVICES_DATA },
    { "conventionalmemory", EFI_TYPE_CONVENTIONAL },
    { "conventional", EFI_TYPE_CONVENTIONAL },
    { "available", EFI_TYPE_CONVENTIONAL },
    { "unusablememory", EFI_TYPE_UNUSABLE },
    { "unusable", EFI_TYPE_UNUSABLE },
    { "acpireclaimmemory", EFI_TYPE_ACPI_RECLAIM },
    { "acpireclaim", EFI_TYPE_ACPI_RECLAIM },
    { "acpirecl", EFI_TYPE_ACPI_RECLAIM },
    { "acpimemorynvs", EFI_TYPE_ACPI_NVS },
    { "acpimemnvs", EFI_TYPE_ACPI_NVS },
    { "acpinvs", EFI_TYPE_ACPI_NVS },
    { "memorymappedi/o", EFI_TYPE_MMIO },
    { "memorymappedio", EFI_TYPE_MMIO },
    { "mmio", EFI_TYPE_MMIO },
    { "mmioport", EFI_TYPE_MMIO_PORT_SPACE },
    { "mmioportspace", EFI_TYPE_MMIO_PORT_SPACE },
    { "memorymappedioportspace", EFI_TYPE_MMIO_PORT_SPACE },
    { "palcode", EFI_TYPE_PAL_CODE },
    { "persistentmemory", EFI_TYPE_PERSISTENT },
    { "persistent", EFI_TYPE_PERSISTENT },
    { "unaccepted", EFI_TYPE_UNACCEPTED },
    { "unacceptedmemory", EFI_TYPE_UNACCEPTED },
    { "unacceptedmemorytype", EFI_TYPE_UNACCEPTED },
};

static const struct name e820_names[] = {
    { "usable", E820_USABLE },
    { "systemram", E820_USABLE },
    { "kernelusableram", E820_USABLE },
    { "reserved", E820_RESERVED },
    { "devicereserved", E820_RESERVED },
    { "acpidata", E820_ACPI_DATA },
    { "acpinvs", E820_ACPI_NVS },
    { "unusable", E820_UNUSABLE },
    { "unusablememory", E820_UNUSABLE },
    { "persistent7", E820_PERSISTENT },
    { "persistent(type7)", E820_PERSISTENT },
    { "persistentram(type7)", E820_PERSISTENT },
    { "persistent12", 12 },
    { "persistent(type12)", 12 },
    { "persistentram(type12)", 12 },
    { "softreserved", E820_SOFT_RESERVED },
    { "unaccepted", E820_UNACCEPTED },
    { "unknown", E820_TYPE_UNKNOWN },
};

/* Without blanks and underscores, in lower case; false when it is too long for any name. */
static bool squeeze(const char *name, size_t size, char *squeezed)
{
    size_t out = 0;

    for (size_t i = 0; i < size; i++) {
        if (name[i] == ' ' || name[i] == '_' || name[i] == '\t')
            continue;
        if (out + 1 == NAME_MAX_CHARS)
            return false;
        squeezed[out++] = (char)tolower((unsigned char)name[i]);
    }
    squeezed[out] = '\0';
    return true;
}

static bool look_up(const struct name *names, size_t count, const char *squeezed, uint32_t *type)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i].name, squeezed) == 0) {
            *type = names[i].type;
            return true;
        }
    }
    return false;
}

/* "typeN" and "type=N". */
static bool numbered(const char *squeezed, uint32_t *type)
{
    if (!scan_literal(&squeezed, "type"))
        return false;
    (void)scan_literal(&squeezed, "=");
    return scan_decimal(&squeezed, type) && *squeezed == '\0';
}

bool efi_type_from_name(const char *name, size_t size, uint32_t *type)
{
    char squeezed[NAME_MAX_CHARS];

    return squeeze(name, size, squeezed) &&
           (look_up(efi_names, sizeof(efi_names) / sizeof(efi_names[0]), squeezed, type) ||
            numbered(squeezed, type));
}

bool e820_type_from_name(const char *name, size_t size, uint32_t *type)
{
    char squeezed[NAME_MAX_CHARS];

    return squeeze(name, size, squeezed) &&
           (look_up(e820_names, sizeof(e820_names) / sizeof(e820_names[0]), squeezed, type) ||
            numbered(squeezed, type));
}
