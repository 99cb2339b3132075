/* SPDX-License-Identifier: BSD-2-Clause
 *
 * bad_loader.c - breaks every rule once, so that a test can see that each breach is found. Only its calls
 * are those of "the loader": in this scenario the shim's own image is, and speaks to the firmware
 * through `honest` alone.
 */
#include "hostile.h"

static void leave_badly(EFI_HANDLE image)
{
    static UINT8 map[65536];
    UINTN size = sizeof(map);
    UINTN key;
    UINTN stride;
    UINT32 version;
    VOID *pool = NULL;

    BS->GetMemoryMap(&size, (EFI_MEMORY_DESCRIPTOR *)(VOID *)map, &key, &stride, &version);
    BS->AllocatePool(EfiLoaderData, 16, &pool);
    BS->ExitBootServices(image, key); /* there was a call between; fails */
    BS->FreePool(pool);               /* after the first failure */
    size = sizeof(map);
    BS->GetMemoryMap(&size, (EFI_MEMORY_DESCRIPTOR *)(VOID *)map, &key, &stride, &version);
    BS->ExitBootServices(image, key); /* gave up before; the watchdog runs; succeeds */
    BS->Stall(1);                     /* after a success */
}

EFI_STATUS EFIAPI bad_loader(EFI_HANDLE image, EFI_SYSTEM_TABLE *system_table)
{
    EFI_PHYSICAL_ADDRESS page = 0;
    EFI_FILE_HANDLE root;
    EFI_FILE_IO_INTERFACE *volume;
    EFI_LOADED_IMAGE *loaded;
    EFI_EVENT event;
    VOID *pool = NULL;
    EFI_TPL level;

    (void)system_table;
    level = BS->RaiseTPL(TPL_NOTIFY);
    BS->Stall(1); /* at another priority */
    BS->RestoreTPL(level);
    __asm__ volatile("cli");
    BS->Stall(1); /* with interrupts off */
    __asm__ volatile("sti");
    BS->AllocatePages(AllocateAnyPages, EfiLoaderData, 3, &page);
    BS->AllocatePool((EFI_MEMORY_TYPE)EfiBootServicesData, 16, &pool);
    BS->FreePool(pool);
    BS->FreePool(pool);
    BS->CreateEvent(0, 0, NULL, NULL, &event);
    BS->HandleProtocol(image, &LoadedImageProtocol, (VOID **)&loaded);
    BS->HandleProtocol(loaded->DeviceHandle, &FileSystemProtocol, (VOID **)&volume);
    volume->OpenVolume(volume, &root);
    leave_badly(image);
    return EFI_SUCCESS; /* after ExitBootServices() */
}
