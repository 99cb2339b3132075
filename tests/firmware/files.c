/* SPDX-License-Identifier: BSD-2-Clause
 *
 * files.c - a volume whose files are read in pieces, fail, and hide how long they are. UEFI 2.10, 13.4, 13.5.
 */
#include "hostile.h"

#define FOUR_GIB   0x100000000u
#define PATH_UNITS (NAME_BYTES + 16)

static EFI_GUID file_info_guid = EFI_FILE_INFO_ID;

EFI_STATUS EFIAPI hostile_open_volume(EFI_FILE_IO_INTERFACE *volume, EFI_FILE_HANDLE *root)
{
    EFI_STATUS status = HONEST(SITE_OpenVolume, EFI_VOLUME_OPEN)(volume, root);

    if (EFI_ERROR(status))
        return status;
    sites_patch_file(*root);
    ledger_add(HELD_FILE, (UINTN)*root, 0);
    return EFI_SUCCESS;
}

/* The configuration of this scenario in place of the loader's own. */
static CHAR16 *redirect(CHAR16 *name, CHAR16 path[PATH_UNITS])
{
    static CHAR16 own[] = L"\\meridian\\meridian.conf";
    static CHAR16 folder[] = L"\\hostile\\";
    UINTN at = ARRAY_LENGTH(folder) - 1;

    if (hostility.conf[0] == 0 || StriCmp(name, own) != 0)
        return name;
    CopyMem(path, folder, sizeof(folder));
    for (UINTN i = 0; hostility.conf[i] != 0; i++)
        path[at++] = hostility.conf[i];
    path[at] = 0;
    return path;
}

EFI_STATUS EFIAPI hostile_open(EFI_FILE_HANDLE folder, EFI_FILE_HANDLE *file, CHAR16 *name,
                               UINT64 mode, UINT64 attributes)
{
    static CHAR16 kernel[] = L"\\hostile\\returning.elf";
    CHAR16 path[PATH_UNITS];
    EFI_STATUS status =
        HONEST(SITE_Open, EFI_FILE_OPEN)(folder, file, redirect(name, path), mode, attributes);

    if (EFI_ERROR(status))
        return status;
    sites_patch_file(*file);
    ledger_add(HELD_FILE, (UINTN)*file, 0);
    run.opened_kernel |= StriCmp(name, kernel) == 0;
    return EFI_SUCCESS;
}

EFI_STATUS EFIAPI hostile_close(EFI_FILE_HANDLE file)
{
    BOOLEAN fails = site_fault_pending();

    if (!ledger_remove(HELD_FILE, (UINTN)file, 0))
        return EFI_INVALID_PARAMETER;
    HONEST(SITE_Close, EFI_FILE_CLOSE)(file);
    return fails ? site_failure(SITE_Close) : EFI_SUCCESS;
}

/* Closes the file as well, whatever becomes of it. */
EFI_STATUS EFIAPI hostile_delete(EFI_FILE_HANDLE file)
{
    BOOLEAN fails = site_fault_pending();

    if (!ledger_remove(HELD_FILE, (UINTN)file, 0))
        return EFI_INVALID_PARAMETER;
    if (fails) {
        HONEST(SITE_Close, EFI_FILE_CLOSE)(file);
        return EFI_WARN_DELETE_FAILURE;
    }
    return HONEST(SITE_Delete, EFI_FILE_DELETE)(file);
}

static BOOLEAN read_is_to_fail(UINTN size, const VOID *buffer)
{
    run.reads++;
    return (hostility.read_limit > 0 && size > hostility.read_limit) ||
           (hostility.read_fails > 0 && run.reads == hostility.read_fails) ||
           (hostility.read_high_fails && (UINTN)buffer + size > FOUR_GIB);
}

EFI_STATUS EFIAPI hostile_read(EFI_FILE_HANDLE file, UINTN *size, VOID *buffer)
{
    if (read_is_to_fail(*size, buffer))
        return EFI_DEVICE_ERROR;
    if (hostility.read_short > 0 && *size > hostility.read_short)
        *size = hostility.read_short;
    return HONEST(SITE_Read, EFI_FILE_READ)(file, size, buffer);
}

EFI_STATUS EFIAPI hostile_get_info(EFI_FILE_HANDLE file, EFI_GUID *type, UINTN *size, VOID *buffer)
{
    EFI_STATUS status;

    if (hostility.file_info_error)
        return EFI_UNSUPPORTED;
    status = HONEST(SITE_GetInfo, EFI_FILE_GET_INFO)(file, type, size, buffer);
    if (!EFI_ERROR(status) && hostility.file_size_0 && CompareGuid(type, &file_info_guid) == 0)
        ((EFI_FILE_INFO *)buffer)->FileSize = 0;
    return status;
}
