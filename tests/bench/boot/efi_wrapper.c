/* SPDX-License-Identifier: BSD-2-Clause
 *
 * efi_wrapper.c - starts another UEFI loader and says at which tick of the time-stamp counter.
 *
 * measure.py puts it at \EFI\BOOT\BOOTX64.EFI and the loader under test at \EFI\BOOT\LOADER.EFI of
 * the same volume. Under QEMU's -icount shift=0 a tick is an instruction; TICKS_PER_MILLION
 * proves it.
 */
#include <efi.h>
#include <efilib.h>

#include "out.h"

#define LOADER_PATH L"\\EFI\\BOOT\\LOADER.EFI"
#define LOOP_TURNS  500000u /* of two instructions */

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system_table);

static uint64_t ticks_per_million(void)
{
    uint64_t start = read_tsc();
    uint32_t turns = LOOP_TURNS;

    __asm__ volatile("1: decl %0; jnz 1b" : "+r"(turns) : : "cc");
    return read_tsc() - start;
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system_table)
{
    EFI_LOADED_IMAGE *self;
    EFI_HANDLE loader;
    EFI_STATUS status;
    uint64_t before;

    InitializeLib(image, system_table);
    status = BS->HandleProtocol(image, &LoadedImageProtocol, (VOID **)&self);
    if (EFI_ERROR(status))
        return status;
    out_line("TICKS_PER_MILLION", ticks_per_million());
    before = read_tsc();
    status = BS->LoadImage(FALSE, image, FileDevicePath(self->DeviceHandle, LOADER_PATH), NULL, 0,
                           &loader);
    if (!EFI_ERROR(status)) {
        out_line("LOADER_LOAD_TICKS", read_tsc() - before);
        out_line("LOADER_START_TSC", read_tsc());
        status = BS->StartImage(loader, NULL, NULL);
    }
    out_line("LOADER_RETURNED", status);
    out_byte(EXIT_PORT, 1);
    return status;
}
