/* SPDX-License-Identifier: BSD-2-Clause
 *
 * machine.c - see machine.h.
 */
#include "machine.h"

#include "boot/handoff.h"
#include "cpu.h"
#include "lib/print.h"
#include "lib/string.h"
#include "text.h"
#include "uefi.h"

#define DEFAULT_PHYSICAL_BITS    36u /* SDM vol. 3A, 4.1.4, where the leaf is missing */
#define MAX_PHYSICAL_BITS        52u
#define MAX_VENDOR_UNITS         64u
#define MAX_CONFIGURATION_TABLES 1024u
#define BRAND_LEAVES             3u

static EFI_GUID acpi1_guid = ACPI_TABLE_GUID;
static EFI_GUID acpi2_guid = ACPI_20_TABLE_GUID;
static EFI_GUID smbios_guid = SMBIOS_TABLE_GUID;
static EFI_GUID smbios3_guid = SMBIOS3_TABLE_GUID;
static EFI_GUID global_variable_guid = EFI_GLOBAL_VARIABLE;

unsigned machine_physical_bits(void)
{
    uint32_t bits = cpuid_or_zero(CPUID_ADDRESS_SIZES, 0).eax & 0xff;

    if (bits == 0)
        return DEFAULT_PHYSICAL_BITS;
    return bits < MAX_PHYSICAL_BITS ? bits : MAX_PHYSICAL_BITS;
}

static void inspect_processor(struct machine *machine)
{
    uint32_t features = cpuid_or_zero(CPUID_EXTENDED_FEATURES, 0).edx;

    machine->no_execute = (features & CPUID_80000001_EDX_NX) != 0;
    machine->largest_leaf = (features & CPUID_80000001_EDX_1G) != 0 ? 3 : 2;
    machine->has_5_levels = (cpuid_or_zero(CPUID_STRUCTURED, 0).ecx & CPUID_7_ECX_LA57) != 0;
    machine->firmware_levels = (cr4_read() & CR4_LA57) != 0 ? 5 : 4;
    machine->physical_bits = machine_physical_bits();
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

/* Three leaves of 16 characters, padded in front by some and behind by others. */
static void name_processor(struct machine *machine)
{
    uint32_t words[BRAND_LEAVES * 4 + 1] = { 0 };
    struct text text;

    for (uint32_t i = 0; i < BRAND_LEAVES; i++) {
        struct cpuid leaf = cpuid_or_zero(CPUID_BRAND + i, 0);

        words[4 * i] = leaf.eax;
        words[4 * i + 1] = leaf.ebx;
        words[4 * i + 2] = leaf.ecx;
        words[4 * i + 3] = leaf.edx;
    }
    text = text_trim((struct text){ (const char *)words, strlen((const char *)words) });
    print_buffer(machine->cpu_name, sizeof(machine->cpu_name), "%.*s", (int)text.size_bytes,
                 text.start);
}

static void name_firmware(struct machine *machine)
{
    char vendor[sizeof(machine->firmware_vendor)];
    struct text text = TEXT_LITERAL("unknown");
    const uint16_t *units = (const uint16_t *)uefi.system->FirmwareVendor;
    uint32_t revision = uefi.system->FirmwareRevision;

    if (units != NULL &&
        text_from_utf16(units, MAX_VENDOR_UNITS, vendor, sizeof(vendor), &text) != STATUS_OK)
        text = TEXT_LITERAL("unknown");
    print_buffer(machine->firmware_vendor, sizeof(machine->firmware_vendor), "%.*s",
                 (int)text.size_bytes, text.start);
    print_buffer(machine->firmware_name, sizeof(machine->firmware_name), "%s %u.%u, UEFI %u.%u",
                 machine->firmware_vendor, revision >> 16, revision & 0xffff,
                 uefi.system->Hdr.Revision >> 16, (uefi.system->Hdr.Revision & 0xffff) / 10);
}

void machine_inspect_secure_boot(struct machine *machine)
{
    machine->secure_boot = variable_is_one(L"SecureBoot") && !variable_is_one(L"SetupMode");
}

void machine_inspect(struct machine *machine)
{
    inspect_processor(machine);
    machine->acpi_rsdp = preferred_table(&acpi2_guid, &acpi1_guid);
    machine->smbios = preferred_table(&smbios3_guid, &smbios_guid);
    name_processor(machine);
    name_firmware(machine);
}
