/* SPDX-License-Identifier: BSD-2-Clause
 *
 * machine.c - see machine.h.
 */
#include "machine.h"

#include "boot/handoff.h"
#include "cpu.h"
#include "lib/print.h"
#include "text.h"
#include "uefi.h"

/* Leaves of CPUID (Intel SDM vol. 2A; AMD APM vol. 3, E.4). */
#define CPUID_BASIC              0x00000000u
#define CPUID_STRUCTURED         0x00000007u
#define CPUID_LA57               ((uint32_t)1 << 16) /* ECX */
#define CPUID_EXTENDED_MAX       0x80000000u
#define CPUID_EXTENDED_FEATURES  0x80000001u
#define CPUID_ADDRESS_SIZES      0x80000008u
#define CPUID_NX                 ((uint32_t)1 << 20) /* EDX */
#define CPUID_LEAF_1_GIB         ((uint32_t)1 << 26) /* EDX */

#define DEFAULT_PHYSICAL_BITS    36u /* SDM vol. 3A, 4.1.4, where the leaf is missing */
#define MAX_PHYSICAL_BITS        52u
#define MAX_VENDOR_UNITS         64u
#define MAX_CONFIGURATION_TABLES 1024u

static EFI_GUID acpi1_guid = ACPI_TABLE_GUID;
static EFI_GUID acpi2_guid = ACPI_20_TABLE_GUID;
static EFI_GUID smbios_guid = SMBIOS_TABLE_GUID;
static EFI_GUID smbios3_guid = SMBIOS3_TABLE_GUID;
static EFI_GUID global_variable_guid = EFI_GLOBAL_VARIABLE;

static void inspect_processor(struct machine *machine)
{
    uint32_t last = cpu_id(CPUID_EXTENDED_MAX).eax;
    uint32_t features = last >= CPUID_EXTENDED_FEATURES ? cpu_id(CPUID_EXTENDED_FEATURES).edx : 0;

    machine->no_execute = (features & CPUID_NX) != 0;
    machine->largest_leaf = (features & CPUID_LEAF_1_GIB) != 0 ? 3 : 2;
    machine->has_5_levels = cpu_id(CPUID_BASIC).eax >= CPUID_STRUCTURED &&
                            (cpu_id(CPUID_STRUCTURED).ecx & CPUID_LA57) != 0;
    machine->firmware_levels = (cpu_read_cr4() & CPU_CR4_LA57) != 0 ? 5 : 4;
    machine->levels = machine->firmware_levels;
    machine->physical_bits = DEFAULT_PHYSICAL_BITS;
    if (last >= CPUID_ADDRESS_SIZES)
        machine->physical_bits = cpu_id(CPUID_ADDRESS_SIZES).eax & 0xff;
    if (machine->physical_bits > MAX_PHYSICAL_BITS)
        machine->physical_bits = MAX_PHYSICAL_BITS;
}

static uint64_t configuration_table(const EFI_GUID *guid)
{
    const EFI_CONFIGURATION_TABLE *tables = uefi.system->ConfigurationTable;

    if (tables == NULL || uefi.system->NumberOfTableEntries > MAX_CONFIGURATION_TABLES)
        return 0;
    for (size_t i = 0; i < uefi.system->NumberOfTableEntries; i++) {
        if (uefi_guid_equal(&tables[i].VendorGuid, guid))
            return (uint64_t)(uintptr_t)tables[i].VendorTable;
    }
    return 0;
}

/* The newer form where there is one. */
static uint64_t preferred_table(const EFI_GUID *newer, const EFI_GUID *older)
{
    uint64_t table = configuration_table(newer);

    return table != 0 ? table : configuration_table(older);
}

/* UEFI 2.10, 3.3: on, and not still waiting for its keys. */
static bool variable_is_one(CHAR16 *name)
{
    UINT8 value = 0;
    UINTN size = sizeof(value);

    return !EFI_ERROR(
               uefi.runtime->GetVariable(name, &global_variable_guid, NULL, &size, &value)) &&
           value == 1;
}

static void name_firmware(struct machine *machine)
{
    char vendor[MACHINE_NAME_BYTES / 2];
    struct text text = TEXT_LITERAL("unknown");
    const uint16_t *units = (const uint16_t *)uefi.system->FirmwareVendor;
    uint32_t revision = uefi.system->FirmwareRevision;

    if (units != NULL &&
        text_from_utf16(units, MAX_VENDOR_UNITS, vendor, sizeof(vendor), &text) != STATUS_OK)
        text = TEXT_LITERAL("unknown");
    print_buffer(machine->firmware_name, sizeof(machine->firmware_name), "%.*s %u.%u, UEFI %u.%u",
                 (int)text.size_bytes, text.start, revision >> 16, revision & 0xffff,
                 uefi.system->Hdr.Revision >> 16, (uefi.system->Hdr.Revision & 0xffff) / 10);
}

void machine_inspect(struct machine *machine)
{
    inspect_processor(machine);
    machine->acpi_rsdp = preferred_table(&acpi2_guid, &acpi1_guid);
    machine->smbios = preferred_table(&smbios3_guid, &smbios_guid);
    machine->secure_boot = variable_is_one(L"SecureBoot") && !variable_is_one(L"SetupMode");
    name_firmware(machine);
}
