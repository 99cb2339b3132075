/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sites.c - see sites.h.
 */
#include "hostile.h"

#define THUNK_BYTES  16u
#define MAX_PATCHES  96u
#define CALLS_BUDGET 200000u /* a start that calls more often hangs */

_Static_assert((unsigned)SITE_COUNT <= 96u, "thunks.asm has so many");
_Static_assert(SITE_BOOT_COUNT * sizeof(VOID *) + sizeof(EFI_TABLE_HEADER) ==
                   sizeof(EFI_BOOT_SERVICES),
               "a name for each boot service");

void thunks(void); /* thunks.asm: so many bytes apart */

struct site sites[SITE_COUNT] = {
#define SITE_NAME(site) [SITE_##site] = { .name = #site },
    BOOT_SITES(SITE_NAME) OTHER_SITES(SITE_NAME)
#undef SITE_NAME
};

static struct patch {
    service *where;
    service original;
} patches[MAX_PATCHES];
static UINTN patch_count;
static UINTN calls;
static BOOLEAN fault_pending;

static const struct {
    enum site_number site;
    service lying;
} stand_ins[] = {
    { SITE_AllocatePages, (service)hostile_allocate_pages },
    { SITE_FreePages, (service)hostile_free_pages },
    { SITE_AllocatePool, (service)hostile_allocate_pool },
    { SITE_FreePool, (service)hostile_free_pool },
    { SITE_GetMemoryMap, (service)hostile_get_memory_map },
    { SITE_ExitBootServices, (service)hostile_exit_boot_services },
    { SITE_HandleProtocol, (service)hostile_handle_protocol },
    { SITE_LocateProtocol, (service)hostile_locate_protocol },
    { SITE_LocateHandleBuffer, (service)hostile_locate_handle_buffer },
    { SITE_OpenProtocol, (service)hostile_open_protocol },
    { SITE_CloseProtocol, (service)hostile_close_protocol },
    { SITE_CreateEvent, (service)hostile_create_event },
    { SITE_CloseEvent, (service)hostile_close_event },
    { SITE_SetWatchdogTimer, (service)hostile_set_watchdog },
    { SITE_Stall, (service)hostile_stall },
    { SITE_GetVariable, (service)hostile_get_variable },
    { SITE_GetRNG, (service)hostile_get_rng },
    { SITE_OpenVolume, (service)hostile_open_volume },
    { SITE_Open, (service)hostile_open },
    { SITE_Close, (service)hostile_close },
    { SITE_Delete, (service)hostile_delete },
    { SITE_Read, (service)hostile_read },
    { SITE_GetInfo, (service)hostile_get_info },
    { SITE_QueryMode, (service)hostile_query_mode },
    { SITE_OutputString, (service)hostile_output },
    { SITE_SetAttribute, (service)hostile_set_attribute },
    { SITE_ClearScreen, (service)hostile_clear },
    { SITE_SetCursorPosition, (service)hostile_cursor_position },
    { SITE_EnableCursor, (service)hostile_enable_cursor },
    { SITE_ReadKeyStroke, (service)hostile_read_key },
};

/* --- patches ----------------------------------------------------------------------------- */

static service thunk_of(UINTN number)
{
    return (service)((UINTN)thunks + number * THUNK_BYTES);
}

void sites_begin(void)
{
    for (UINTN i = 0; i < SITE_COUNT; i++)
        sites[i].calls = 0;
    for (UINTN i = 0; i < ARRAY_LENGTH(stand_ins); i++)
        sites[stand_ins[i].site].lying = stand_ins[i].lying;
    patch_count = calls = 0;
    fault_pending = FALSE;
}

void sites_patch(enum site_number site, service *where)
{
    if (*where == thunk_of(site) || patch_count == MAX_PATCHES)
        return;
    patches[patch_count++] = (struct patch){ where, *where };
    sites[site].honest = *where;
    *where = thunk_of(site);
}

static service *services(void)
{
    return (service *)(VOID *)&BS->RaiseTPL;
}

/* After the end of the boot services, too: the table is there, but emptied. */
void sites_patch_services(void)
{
    service *honest_services = (service *)(VOID *)&honest.RaiseTPL;

    for (UINTN i = 0; i < SITE_BOOT_COUNT; i++) {
        sites[i].honest = honest_services[i];
        services()[i] = thunk_of(i);
    }
}

/* Every open file has an interface of its own. It is gone when the file is closed, so that
 * nothing has to be put back. */
void sites_patch_file(EFI_FILE_HANDLE file)
{
    const struct {
        enum site_number site;
        service *where;
    } functions[] = {
        { SITE_Open, (service *)(VOID *)&file->Open },
        { SITE_Close, (service *)(VOID *)&file->Close },
        { SITE_Delete, (service *)(VOID *)&file->Delete },
        { SITE_Read, (service *)(VOID *)&file->Read },
        { SITE_Write, (service *)(VOID *)&file->Write },
        { SITE_SetPosition, (service *)(VOID *)&file->SetPosition },
        { SITE_GetInfo, (service *)(VOID *)&file->GetInfo },
        { SITE_Flush, (service *)(VOID *)&file->Flush },
    };

    for (UINTN i = 0; i < ARRAY_LENGTH(functions); i++) {
        if (*functions[i].where == thunk_of(functions[i].site))
            continue;
        sites[functions[i].site].honest = *functions[i].where;
        *functions[i].where = thunk_of(functions[i].site);
    }
}

void sites_end(void)
{
    service *honest_services = (service *)(VOID *)&honest.RaiseTPL;

    while (patch_count > 0) {
        patch_count--;
        *patches[patch_count].where = patches[patch_count].original;
    }
    for (UINTN i = 0; i < SITE_BOOT_COUNT; i++)
        services()[i] = honest_services[i];
}

/* --- calls ------------------------------------------------------------------------------- */

EFI_STATUS site_failure(enum site_number site)
{
    switch ((UINTN)site) {
    case SITE_AllocatePages:
    case SITE_AllocatePool:
    case SITE_LocateHandleBuffer:
    case SITE_CreateEvent:
        return EFI_OUT_OF_RESOURCES;
    case SITE_LocateProtocol:
    case SITE_GetVariable:
        return EFI_NOT_FOUND;
    case SITE_HandleProtocol:
    case SITE_OpenProtocol:
    case SITE_SetWatchdogTimer:
        return EFI_UNSUPPORTED;
    case SITE_ExitBootServices:
    case SITE_FreePages:
    case SITE_FreePool:
        return EFI_INVALID_PARAMETER;
    default:
        return EFI_DEVICE_ERROR;
    }
}

static EFI_STATUS EFIAPI fail_out_of_resources(void)
{
    return EFI_OUT_OF_RESOURCES;
}

static EFI_STATUS EFIAPI fail_not_found(void)
{
    return EFI_NOT_FOUND;
}

static EFI_STATUS EFIAPI fail_unsupported(void)
{
    return EFI_UNSUPPORTED;
}

static EFI_STATUS EFIAPI fail_device(void)
{
    return EFI_DEVICE_ERROR;
}

static service function_that_fails(enum site_number site)
{
    switch (site_failure(site)) {
    case EFI_OUT_OF_RESOURCES:
        return (service)fail_out_of_resources;
    case EFI_NOT_FOUND:
        return (service)fail_not_found;
    case EFI_UNSUPPORTED:
        return (service)fail_unsupported;
    default:
        return (service)fail_device;
    }
}

/* What gives something back, and what the rules need to know about, is asked to fail by itself. */
static BOOLEAN fails_by_itself(UINTN site)
{
    return site == SITE_FreePages || site == SITE_FreePool || site == SITE_Close ||
           site == SITE_Delete || site == SITE_CloseEvent || site == SITE_CloseProtocol ||
           site == SITE_GetMemoryMap || site == SITE_ExitBootServices ||
           site == SITE_OutputString || site == SITE_SetWatchdogTimer;
}

static BOOLEAN is_to_fail(UINTN site)
{
    if (hostility.fault_call == 0 || hostility.fault_site != site)
        return FALSE;
    return hostility.fault_stays ? sites[site].calls >= hostility.fault_call
                                 : sites[site].calls == hostility.fault_call;
}

BOOLEAN site_fault_pending(void)
{
    BOOLEAN pending = fault_pending;

    fault_pending = FALSE;
    return pending;
}

service EFIAPI site_called(UINTN number, UINTN caller)
{
    struct site *site = &sites[number];

    if (caller < run.image_start || caller >= run.image_end)
        return site->honest;
    site->calls++;
    rules_before(number);
    if (rules_services_are_gone())
        return function_that_fails((enum site_number)number);
    if (++calls > CALLS_BUDGET) {
        run.hung = TRUE;
        honest.Exit(run.loader, EFI_TIMEOUT, 0, NULL);
    }
    fault_pending = is_to_fail(number);
    if (fault_pending && !fails_by_itself(number)) {
        fault_pending = FALSE;
        return function_that_fails((enum site_number)number);
    }
    return site->lying != NULL ? site->lying : site->honest;
}
