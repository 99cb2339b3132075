/* SPDX-License-Identifier: BSD-2-Clause
 *
 * efi_floor.c - the least that a UEFI loader can do, as the floor of a measurement: reads the
 * kernel whole with one call into fresh pages, takes the memory map, leaves the boot services. It
 * neither checks nor relocates the file and builds no page tables.
 */
#include <efi.h>
#include <efilib.h>

#include "out.h"

#define KERNEL_PATH       L"\\kernel.elf"
#define SPARE_DESCRIPTORS 16
#define EXIT_SUCCESS      0x10

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system_table);

static EFI_STATUS read_kernel(EFI_HANDLE volume, UINTN *size)
{
    EFI_FILE_HANDLE root = LibOpenRoot(volume);
    EFI_PHYSICAL_ADDRESS pages;
    EFI_FILE_HANDLE file;
    EFI_STATUS status;
    UINT64 end;

    if (root == NULL)
        return EFI_NOT_FOUND;
    status = root->Open(root, &file, KERNEL_PATH, EFI_FILE_MODE_READ, 0);
    if (EFI_ERROR(status))
        return status;
    file->SetPosition(file, ~(UINT64)0);
    file->GetPosition(file, &end);
    file->SetPosition(file, 0);
    *size = end;
    status = BS->AllocatePages(AllocateAnyPages, EfiLoaderData, EFI_SIZE_TO_PAGES(end), &pages);
    return EFI_ERROR(status) ? status : file->Read(file, size, (VOID *)pages);
}

static EFI_STATUS leave_boot_services(EFI_HANDLE image)
{
    EFI_MEMORY_DESCRIPTOR *map = NULL;
    UINTN room = 0;
    UINTN key;
    UINTN stride;
    UINT32 version;
    EFI_STATUS status;

    BS->GetMemoryMap(&room, map, &key, &stride, &version);
    room += SPARE_DESCRIPTORS * stride;
    status = BS->AllocatePool(EfiLoaderData, room, (VOID **)&map);
    if (EFI_ERROR(status))
        return status;
    do {
        UINTN size = room;

        status = BS->GetMemoryMap(&size, map, &key, &stride, &version);
        if (EFI_ERROR(status))
            return status;
        status = BS->ExitBootServices(image, key);
    } while (EFI_ERROR(status));
    return EFI_SUCCESS;
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system_table)
{
    EFI_LOADED_IMAGE *self;
    EFI_STATUS status;
    UINTN size = 0;

    InitializeLib(image, system_table);
    status = BS->HandleProtocol(image, &LoadedImageProtocol, (VOID **)&self);
    if (!EFI_ERROR(status))
        status = read_kernel(self->DeviceHandle, &size);
    if (!EFI_ERROR(status))
        status = leave_boot_services(image);
    if (EFI_ERROR(status))
        return status;
    out_line("KERNEL_ENTRY_TSC", read_tsc());
    out_byte(EXIT_PORT, EXIT_SUCCESS);
    return EFI_SUCCESS;
}
