/* SPDX-License-Identifier: BSD-2-Clause
 *
 * uefi.h - the firmware, as the loader sees it.
 *
 * gnu-efi brings the structures of the specification; its library is not used. `uefi` is set once,
 * by the first lines of efi_main(), and is the loader's only way to the firmware.
 */
#ifndef MERIDIAN_EFI_UEFI_H
#define MERIDIAN_EFI_UEFI_H

#include <efi.h>

#include "lib/status.h"
#include "lib/types.h"

struct uefi {
    EFI_HANDLE image;
    EFI_SYSTEM_TABLE *system;
    EFI_BOOT_SERVICES *boot;
    EFI_RUNTIME_SERVICES *runtime;
    EFI_LOADED_IMAGE *loaded; /* what the firmware knows about this program; may be NULL */
};

extern struct uefi uefi;

/* Remembers where the firmware is, and stops its watchdog: it would reset the machine five minutes
 * after the start of a loader (UEFI 2.10, 3.1.2 and 7.5). */
void uefi_start(EFI_HANDLE image, EFI_SYSTEM_TABLE *system);

/* The interface `guid` of a handle, or NULL. */
void *uefi_protocol(EFI_HANDLE handle, EFI_GUID *guid);

/* Whether a handle has it. Some are only marks, and have no interface. */
bool uefi_has_protocol(EFI_HANDLE handle, EFI_GUID *guid);

/* The handles that have an interface. The list is the caller's, to be freed with
 * uefi_free_pool(); NULL and count 0 where there are none. */
EFI_HANDLE *uefi_handles_with(EFI_GUID *guid, size_t *count);
void uefi_free_pool(void *pool);

bool uefi_guid_equal(const EFI_GUID *a, const EFI_GUID *b);

/* What an EFI_STATUS means in our own words, and its name in the specification's. */
enum status uefi_status(EFI_STATUS status);
const char *uefi_status_name(EFI_STATUS status);

#endif
