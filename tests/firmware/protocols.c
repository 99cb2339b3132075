/* SPDX-License-Identifier: BSD-2-Clause
 *
 * protocols.c - what can be found in this firmware, and what cannot.
 */
#include "hostile.h"

#define MAX_TABLES 64u

static EFI_GUID rng_guid = EFI_RNG_PROTOCOL_GUID;
static EFI_GUID volume_guid = EFI_SIMPLE_FILE_SYSTEM_PROTOCOL_GUID;
static EFI_GUID graphics_guid = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;
static EFI_GUID acpi_guids[] = { ACPI_TABLE_GUID, ACPI_20_TABLE_GUID };
static EFI_GUID smbios_guids[] = { SMBIOS_TABLE_GUID, SMBIOS3_TABLE_GUID };

static BOOLEAN same(EFI_GUID *a, EFI_GUID *b)
{
    return CompareGuid(a, b) == 0;
}

/* --- finding ----------------------------------------------------------------------------- */

/* The functions of an interface that the loader got. */
static void watch(EFI_GUID *guid, VOID *interface)
{
    if (same(guid, &volume_guid))
        sites_patch(SITE_OpenVolume,
                    (service *)(VOID *)&((EFI_FILE_IO_INTERFACE *)interface)->OpenVolume);
    if (same(guid, &rng_guid))
        sites_patch(SITE_GetRNG, (service *)(VOID *)&((EFI_RNG_PROTOCOL *)interface)->GetRNG);
    if (same(guid, &graphics_guid)) {
        EFI_GRAPHICS_OUTPUT_PROTOCOL *output = interface;

        sites_patch(SITE_QueryMode, (service *)(VOID *)&output->QueryMode);
        sites_patch(SITE_SetMode, (service *)(VOID *)&output->SetMode);
    }
}

EFI_STATUS EFIAPI hostile_handle_protocol(EFI_HANDLE handle, EFI_GUID *guid, VOID **interface)
{
    EFI_STATUS status;

    if (hostility.no_volumes && same(guid, &volume_guid))
        return EFI_UNSUPPORTED;
    if (graphics_answer(handle, same(guid, &graphics_guid), interface, &status))
        return status;
    status = honest.HandleProtocol(handle, guid, interface);
    if (!EFI_ERROR(status))
        watch(guid, *interface);
    return status;
}

EFI_STATUS EFIAPI hostile_locate_protocol(EFI_GUID *guid, VOID *registration, VOID **interface)
{
    EFI_STATUS status;

    if (hostility.no_rng && same(guid, &rng_guid))
        return EFI_NOT_FOUND;
    status = honest.LocateProtocol(guid, registration, interface);
    if (!EFI_ERROR(status))
        watch(guid, *interface);
    return status;
}

EFI_STATUS EFIAPI hostile_locate_handle_buffer(EFI_LOCATE_SEARCH_TYPE how, EFI_GUID *guid,
                                               VOID *key, UINTN *count, EFI_HANDLE **handles)
{
    EFI_STATUS status;

    if (hostility.no_volumes && how == ByProtocol && same(guid, &volume_guid))
        return EFI_NOT_FOUND;
    status = honest.LocateHandleBuffer(how, guid, key, count, handles);
    if (how == ByProtocol && same(guid, &graphics_guid))
        status = graphics_list(status, count, handles);
    if (!EFI_ERROR(status))
        ledger_add(HELD_POOL, (UINTN)*handles, 0);
    return status;
}

/* --- what can be held -------------------------------------------------------------------- */

static BOOLEAN must_be_closed(UINT32 attributes)
{
    return (attributes & (EFI_OPEN_PROTOCOL_BY_DRIVER | EFI_OPEN_PROTOCOL_EXCLUSIVE)) != 0;
}

EFI_STATUS EFIAPI hostile_open_protocol(EFI_HANDLE handle, EFI_GUID *guid, VOID **interface,
                                        EFI_HANDLE agent, EFI_HANDLE controller, UINT32 attributes)
{
    EFI_STATUS status = honest.OpenProtocol(handle, guid, interface, agent, controller, attributes);

    if (!EFI_ERROR(status) && must_be_closed(attributes))
        ledger_add(HELD_PROTOCOL, (UINTN)handle, 0);
    return status;
}

EFI_STATUS EFIAPI hostile_close_protocol(EFI_HANDLE handle, EFI_GUID *guid, EFI_HANDLE agent,
                                         EFI_HANDLE controller)
{
    BOOLEAN fails = site_fault_pending();
    EFI_STATUS status = honest.CloseProtocol(handle, guid, agent, controller);

    ledger_remove(HELD_PROTOCOL, (UINTN)handle, 0);
    return fails ? site_failure(SITE_CloseProtocol) : status;
}

EFI_STATUS EFIAPI hostile_create_event(UINT32 type, EFI_TPL level, EFI_EVENT_NOTIFY function,
                                       VOID *context, EFI_EVENT *event)
{
    EFI_STATUS status = honest.CreateEvent(type, level, function, context, event);

    if (!EFI_ERROR(status))
        ledger_add(HELD_EVENT, (UINTN)*event, 0);
    return status;
}

EFI_STATUS EFIAPI hostile_close_event(EFI_EVENT event)
{
    BOOLEAN fails = site_fault_pending();

    if (!ledger_remove(HELD_EVENT, (UINTN)event, 0))
        return EFI_INVALID_PARAMETER;
    honest.CloseEvent(event);
    return fails ? site_failure(SITE_CloseEvent) : EFI_SUCCESS;
}

/* --- small services ---------------------------------------------------------------------- */

EFI_STATUS EFIAPI hostile_set_watchdog(UINTN seconds, UINT64 code, UINTN size, CHAR16 *data)
{
    BOOLEAN fails = site_fault_pending() || hostility.watchdog_stays;

    if (seconds == 0)
        rules_watchdog_stopped();
    return fails ? site_failure(SITE_SetWatchdogTimer)
                 : honest.SetWatchdogTimer(seconds, code, size, data);
}

EFI_STATUS EFIAPI hostile_stall(UINTN microseconds)
{
    return hostility.quiet ? EFI_SUCCESS : honest.Stall(microseconds);
}

EFI_STATUS EFIAPI hostile_get_variable(CHAR16 *name, EFI_GUID *vendor, UINT32 *attributes,
                                       UINTN *size, VOID *data)
{
    if (hostility.no_variables)
        return EFI_DEVICE_ERROR;
    return HONEST(SITE_GetVariable, EFI_GET_VARIABLE)(name, vendor, attributes, size, data);
}

EFI_STATUS EFIAPI hostile_get_rng(EFI_RNG_PROTOCOL *generator, EFI_GUID *algorithm, UINTN size,
                                  UINT8 *value)
{
    if (hostility.rng_fails)
        return EFI_NOT_READY;
    return HONEST(SITE_GetRNG, EFI_RNG_GET_RNG)(generator, algorithm, size, value);
}

/* --- tables ------------------------------------------------------------------------------ */

static EFI_CONFIGURATION_TABLE tables[MAX_TABLES + 1];
static EFI_CONFIGURATION_TABLE *true_tables;
static UINTN true_count;

static BOOLEAN is_hidden(EFI_GUID *guid)
{
    for (UINTN i = 0; i < ARRAY_LENGTH(acpi_guids); i++) {
        if ((hostility.no_acpi && same(guid, &acpi_guids[i])) ||
            (hostility.no_smbios && same(guid, &smbios_guids[i])))
            return TRUE;
    }
    return FALSE;
}

void protocols_begin(void)
{
    true_tables = ST->ConfigurationTable;
    true_count = ST->NumberOfTableEntries;
    ST->NumberOfTableEntries = 0;
    for (UINTN i = 0; i < true_count && i < MAX_TABLES; i++) {
        if (!is_hidden(&true_tables[i].VendorGuid))
            tables[ST->NumberOfTableEntries++] = true_tables[i];
    }
    tables[ST->NumberOfTableEntries++] = leave_way_back();
    ST->ConfigurationTable = tables;
    if (hostility.no_tables) {
        ST->NumberOfTableEntries = 0;
        ST->ConfigurationTable = NULL;
    }
    sites_patch(SITE_GetVariable, (service *)(VOID *)&RT->GetVariable);
}

void protocols_end(void)
{
    ST->ConfigurationTable = true_tables;
    ST->NumberOfTableEntries = true_count;
}
