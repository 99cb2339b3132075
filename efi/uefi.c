/* SPDX-License-Identifier: BSD-2-Clause
 *
 * uefi.c - see uefi.h.
 */
#include "uefi.h"

#include "lib/string.h"

struct uefi uefi;

static EFI_GUID loaded_image_guid = EFI_LOADED_IMAGE_PROTOCOL_GUID;

void uefi_start(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
    uefi = (struct uefi){
        .image = image,
        .system = system,
        .boot = system->BootServices,
        .runtime = system->RuntimeServices,
    };
    uefi.boot->SetWatchdogTimer(0, 0, 0, NULL);
    uefi.loaded = uefi_protocol(image, &loaded_image_guid);
}

void *uefi_protocol(EFI_HANDLE handle, EFI_GUID *guid)
{
    void *interface = NULL;

    if (handle == NULL || EFI_ERROR(uefi.boot->HandleProtocol(handle, guid, &interface)))
        return NULL;
    return interface;
}

bool uefi_has_protocol(EFI_HANDLE handle, EFI_GUID *guid)
{
    void *interface = NULL;

    return handle != NULL && !EFI_ERROR(uefi.boot->HandleProtocol(handle, guid, &interface));
}

EFI_HANDLE *uefi_handles_with(EFI_GUID *guid, size_t *count)
{
    EFI_HANDLE *handles = NULL;
    UINTN found = 0;

    *count = 0;
    if (EFI_ERROR(uefi.boot->LocateHandleBuffer(ByProtocol, guid, NULL, &found, &handles)))
        return NULL;
    *count = found;
    return handles;
}

void uefi_free_pool(void *pool)
{
    if (pool != NULL)
        uefi.boot->FreePool(pool);
}

bool uefi_guid_equal(const EFI_GUID *a, const EFI_GUID *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

/* UEFI 2.10, appendix D. */
static const struct {
    EFI_STATUS code;
    enum status status;
    const char *name;
} codes[] = {
    { EFI_SUCCESS, STATUS_OK, "success" },
    { EFI_LOAD_ERROR, STATUS_IO, "load error" },
    { EFI_INVALID_PARAMETER, STATUS_INVALID, "invalid parameter" },
    { EFI_UNSUPPORTED, STATUS_UNSUPPORTED, "unsupported" },
    { EFI_BUFFER_TOO_SMALL, STATUS_NO_SPACE, "buffer too small" },
    { EFI_DEVICE_ERROR, STATUS_IO, "device error" },
    { EFI_WRITE_PROTECTED, STATUS_DENIED, "write-protected" },
    { EFI_OUT_OF_RESOURCES, STATUS_NO_MEMORY, "out of resources" },
    { EFI_VOLUME_CORRUPTED, STATUS_CORRUPT, "volume corrupted" },
    { EFI_VOLUME_FULL, STATUS_NO_SPACE, "volume full" },
    { EFI_NO_MEDIA, STATUS_IO, "no media" },
    { EFI_MEDIA_CHANGED, STATUS_IO, "media changed" },
    { EFI_NOT_FOUND, STATUS_NOT_FOUND, "not found" },
    { EFI_ACCESS_DENIED, STATUS_DENIED, "access denied" },
    { EFI_TIMEOUT, STATUS_IO, "time-out" },
    { EFI_SECURITY_VIOLATION, STATUS_DENIED, "security violation" },
};

enum status uefi_status(EFI_STATUS status)
{
    for (size_t i = 0; i < ARRAY_COUNT(codes); i++) {
        if (codes[i].code == status)
            return codes[i].status;
    }
    return EFI_ERROR(status) ? STATUS_IO : STATUS_OK;
}

const char *uefi_status_name(EFI_STATUS status)
{
    for (size_t i = 0; i < ARRAY_COUNT(codes); i++) {
        if (codes[i].code == status)
            return codes[i].name;
    }
    return "another error";
}
