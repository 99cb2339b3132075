/* SPDX-License-Identifier: BSD-2-Clause
 *
 * files.c - see files.h.
 */
#include "files.h"

#include "config_file.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "pages.h"

/* Less than 1 MiB by what the FAT driver of edk2 caches as one: a piece that begins anywhere in
 * such a page ends with a short command for the next one, and this is the size for which that comes
 * for free. It saves one disk command in eighteen. */
#define READ_PIECE_BYTES  (MiB - 64 * KiB)

#define PATH_UNITS        (CONFIG_FILE_PATH_BYTES + 2)
#define INFO_BYTES        1024u
#define FIRST_GUESS_BYTES (1 * MiB) /* buffer for a file of unknown size: doubles */

#define ADVICE_DEVICE     "Try another port or another stick, or copy the file again."
#define ADVICE_MEMORY     "Use smaller files, or a machine with more memory."

static EFI_GUID file_system_guid = EFI_SIMPLE_FILE_SYSTEM_PROTOCOL_GUID;
static EFI_GUID file_info_guid = EFI_FILE_INFO_ID;

/* --- reading ----------------------------------------------------------------------------- */

/* Reads up to `size_bytes` at the file pointer; `got` is less only where the file ends. */
static EFI_STATUS read_pieces(struct file *file, uint8_t *buffer, uint64_t size_bytes,
                              uint64_t *got)
{
    *got = 0;
    while (*got < size_bytes) {
        UINTN piece = min_u64(size_bytes - *got, READ_PIECE_BYTES);
        EFI_STATUS status = file->handle->Read(file->handle, &piece, buffer + *got);

        if (EFI_ERROR(status))
            return status;
        if (piece == 0)
            break;
        *got += piece;
        file->position += piece;
    }
    return EFI_SUCCESS;
}

static enum status read_file(struct source *source, uint64_t offset, void *buffer,
                             uint64_t size_bytes)
{
    struct file *file = CONTAINER_OF(source, struct file, source);
    uint64_t got;

    /* Reading behind the end is a device error to the firmware (UEFI 2.10, 13.5.6). */
    if (offset > source->size_bytes || size_bytes > source->size_bytes - offset)
        return STATUS_TRUNCATED;
    if (file->position != offset) {
        if (EFI_ERROR(file->handle->SetPosition(file->handle, offset)))
            return STATUS_IO;
        file->position = offset;
    }
    if (EFI_ERROR(read_pieces(file, buffer, size_bytes, &got)))
        return STATUS_IO;
    return got == size_bytes ? STATUS_OK : STATUS_TRUNCATED;
}

/* --- opening ----------------------------------------------------------------------------- */

/* The firmware's form of a path: UTF-16, from the root, parted by backslashes. */
static enum status firmware_path(struct text path, CHAR16 units[PATH_UNITS])
{
    bool rooted = path.size_bytes > 0 && (path.start[0] == '\\' || path.start[0] == '/');
    enum status status = text_to_utf16(path, units + (rooted ? 0 : 1), PATH_UNITS - 1);

    if (status != STATUS_OK)
        return status;
    units[0] = L'\\';
    for (size_t i = 0; units[i] != 0; i++) {
        if (units[i] == L'/')
            units[i] = L'\\';
    }
    return STATUS_OK;
}

/* Learns size and kind; firmware that cannot tell leaves the size unknown. */
static enum status inspect(struct file *file, struct refusal *refusal)
{
    union {
        EFI_FILE_INFO info;
        uint8_t bytes[INFO_BYTES]; /* the file's name follows the structure */
    } buffer;
    UINTN size = sizeof(buffer);

    file->source.size_bytes = SOURCE_SIZE_UNKNOWN;
    if (EFI_ERROR(file->handle->GetInfo(file->handle, &file_info_guid, &size, &buffer)))
        return STATUS_OK;
    if ((buffer.info.Attribute & EFI_FILE_DIRECTORY) != 0)
        return refuse(refusal, STATUS_INVALID, "Name a file.", "it is a folder");
    if (buffer.info.FileSize != 0)
        file->source.size_bytes = buffer.info.FileSize;
    return STATUS_OK;
}

static EFI_STATUS open_handle(const struct volume *volume, struct text path,
                              EFI_FILE_PROTOCOL **handle)
{
    CHAR16 units[PATH_UNITS];

    if (firmware_path(path, units) != STATUS_OK)
        return EFI_INVALID_PARAMETER;
    return volume->root->Open(volume->root, handle, units, EFI_FILE_MODE_READ, 0);
}

static enum status adopt(EFI_FILE_PROTOCOL *handle, struct file *file, struct refusal *refusal)
{
    enum status status;

    *file = (struct file){ .source = { .read_at = read_file }, .handle = handle };
    status = inspect(file, refusal);
    if (status != STATUS_OK)
        files_close(file);
    return status;
}

enum status files_open(const struct volume *volume, struct text path, struct file *file,
                       struct refusal *refusal)
{
    EFI_FILE_PROTOCOL *handle;
    EFI_STATUS status = open_handle(volume, path, &handle);

    refusal_place(refusal, "%.*s", (int)path.size_bytes, path.start);
    if (status == EFI_NOT_FOUND)
        return refuse(refusal, STATUS_NOT_FOUND,
                      "Copy the file there, or correct its path in " CONFIG_FILE_PATH ".",
                      "there is no such file on the volume of the configuration");
    if (EFI_ERROR(status))
        return refuse(refusal, uefi_status(status), ADVICE_DEVICE,
                      "the firmware could not open the file: %s", uefi_status_name(status));
    return adopt(handle, file, refusal);
}

void files_close(struct file *file)
{
    if (file->handle != NULL)
        file->handle->Close(file->handle);
    file->handle = NULL;
}

/* --- volumes ----------------------------------------------------------------------------- */

static bool open_volume(EFI_HANDLE device, struct volume *volume)
{
    EFI_SIMPLE_FILE_SYSTEM_PROTOCOL *system = uefi_protocol(device, &file_system_guid);
    EFI_FILE_PROTOCOL *root;

    if (system == NULL || EFI_ERROR(system->OpenVolume(system, &root)))
        return false;
    volume->root = root;
    return true;
}

void files_close_volume(struct volume *volume)
{
    if (volume->root != NULL)
        volume->root->Close(volume->root);
    volume->root = NULL;
}

/* STATUS_NOT_FOUND where the device has no volume, or the volume has no such file. */
static enum status find_on(EFI_HANDLE device, struct text path, struct volume *volume,
                           struct file *file, struct refusal *refusal)
{
    EFI_FILE_PROTOCOL *handle;
    EFI_STATUS opened;
    enum status status;

    if (!open_volume(device, volume))
        return STATUS_NOT_FOUND;
    opened = open_handle(volume, path, &handle);
    if (opened == EFI_NOT_FOUND)
        status = STATUS_NOT_FOUND;
    else if (EFI_ERROR(opened))
        status = refuse(refusal, uefi_status(opened), ADVICE_DEVICE,
                        "the firmware could not open the file: %s", uefi_status_name(opened));
    else
        status = adopt(handle, file, refusal);
    if (status != STATUS_OK)
        files_close_volume(volume);
    return status;
}

enum status files_find(struct text path, struct volume *volume, struct file *file,
                       struct refusal *refusal)
{
    EFI_HANDLE home = uefi.loaded != NULL ? uefi.loaded->DeviceHandle : NULL;
    enum status status;
    EFI_HANDLE *devices;
    size_t count;

    refusal_place(refusal, "%.*s", (int)path.size_bytes, path.start);
    status = find_on(home, path, volume, file, refusal);
    if (status != STATUS_NOT_FOUND)
        return status;
    devices = uefi_handles_with(&file_system_guid, &count);
    for (size_t i = 0; i < count && status != STATUS_OK; i++) {
        /* A volume that cannot be read is somebody else's trouble, but the start device's is not.
         * */
        if (devices[i] != home)
            status = find_on(devices[i], path, volume, file, refusal);
    }
    uefi_free_pool(devices);
    return status == STATUS_OK ? STATUS_OK : STATUS_NOT_FOUND;
}

/* --- whole files ------------------------------------------------------------------------- */

static enum status too_large(uint64_t max_bytes, struct refusal *refusal)
{
    return refuse(refusal, STATUS_NO_SPACE, "Make sure that it is the right file.",
                  "it has more than %llu bytes", (unsigned long long)max_bytes);
}

/* A buffer of `capacity` bytes that begins with the `used` bytes of the one at `base`, which is
 * given back. */
static enum status grow(paddr_t *base, uint64_t used, uint64_t capacity, enum region_tag tag,
                        struct refusal *refusal)
{
    paddr_t larger;

    if (pages_allocate(capacity, PAGES_ANYWHERE, tag, &larger) != STATUS_OK)
        return refuse(refusal, STATUS_NO_MEMORY, ADVICE_MEMORY,
                      "there are no %llu KiB of contiguous memory for it",
                      (unsigned long long)(capacity >> 10));
    if (used > 0) {
        memcpy(pages_pointer(larger), pages_pointer(*base), used);
        pages_free(*base);
    }
    *base = larger;
    return STATUS_OK;
}

/* One byte more than the file should have is asked for, so that its end is seen. */
enum status files_read_all(struct file *file, enum region_tag tag, uint64_t max_bytes,
                           paddr_t *base, uint64_t *size_bytes, struct refusal *refusal)
{
    bool known = file->source.size_bytes != SOURCE_SIZE_UNKNOWN;
    uint64_t capacity = known ? file->source.size_bytes + 1 : FIRST_GUESS_BYTES;
    uint64_t used = 0;
    paddr_t buffer = pa(0);

    if (known && file->source.size_bytes > max_bytes)
        return too_large(max_bytes, refusal);
    for (;;) {
        uint64_t got;
        EFI_STATUS read;
        enum status status = grow(&buffer, used, capacity, tag, refusal);

        if (status != STATUS_OK)
            return status;
        read = read_pieces(file, (uint8_t *)pages_pointer(buffer) + used, capacity - used, &got);
        if (EFI_ERROR(read))
            return refuse(refusal, STATUS_IO, ADVICE_DEVICE, "reading failed after %llu bytes: %s",
                          (unsigned long long)(used + got), uefi_status_name(read));
        used += got;
        if (used > max_bytes)
            return too_large(max_bytes, refusal);
        if (used < capacity)
            break;
        capacity *= 2;
    }
    if (known && used < file->source.size_bytes)
        return refuse(refusal, STATUS_TRUNCATED, ADVICE_DEVICE, "it ended after %llu of %llu bytes",
                      (unsigned long long)used, (unsigned long long)file->source.size_bytes);
    pages_shrink(buffer, max_u64(used, 1));
    *base = buffer;
    *size_bytes = used;
    return STATUS_OK;
}

/* --- writing ----------------------------------------------------------------------------- */

enum status files_open_home(struct volume *volume, struct refusal *refusal)
{
    refusal_place(refusal, "%s", "the device that Meridian was started from");
    if (uefi.loaded != NULL && open_volume(uefi.loaded->DeviceHandle, volume))
        return STATUS_OK;
    return refuse(refusal, STATUS_NOT_FOUND, "Start it from a FAT volume, a stick for example.",
                  "it has no volume that files can be written to");
}

static enum status refuse_write(struct refusal *refusal, EFI_STATUS status)
{
    const char *next = ADVICE_DEVICE;

    if (status == EFI_VOLUME_FULL)
        next = "Delete something from the volume.";
    if (status == EFI_WRITE_PROTECTED)
        next = "Take the write protection off, or start from another stick.";
    return refuse(refusal, uefi_status(status), next, "the firmware could not write it: %s",
                  uefi_status_name(status));
}

static EFI_STATUS open_to_write(const struct volume *volume, struct text path, UINT64 mode,
                                UINT64 attributes, EFI_FILE_PROTOCOL **handle)
{
    CHAR16 units[PATH_UNITS];

    if (firmware_path(path, units) != STATUS_OK)
        return EFI_INVALID_PARAMETER;
    return volume->root->Open(volume->root, handle, units,
                              mode | EFI_FILE_MODE_READ | EFI_FILE_MODE_WRITE, attributes);
}

/* The folder that `path` is in, made where it is missing. */
static EFI_STATUS make_folder(const struct volume *volume, struct text path)
{
    EFI_FILE_PROTOCOL *handle;
    EFI_STATUS status;

    while (path.size_bytes > 0 && path.start[path.size_bytes - 1] != '\\')
        path.size_bytes--;
    if (path.size_bytes <= 1)
        return EFI_SUCCESS;
    path.size_bytes--;
    status = open_to_write(volume, path, EFI_FILE_MODE_CREATE, EFI_FILE_DIRECTORY, &handle);
    if (!EFI_ERROR(status))
        handle->Close(handle);
    return status;
}

static EFI_STATUS delete_old(const struct volume *volume, struct text path)
{
    EFI_FILE_PROTOCOL *handle;
    EFI_STATUS status = open_to_write(volume, path, 0, 0, &handle);

    if (status == EFI_NOT_FOUND)
        return EFI_SUCCESS;
    if (EFI_ERROR(status))
        return status;
    return handle->Delete(handle) == EFI_SUCCESS ? EFI_SUCCESS : EFI_ACCESS_DENIED;
}

/* All of it, and out of the firmware's buffers. */
static EFI_STATUS write_all(EFI_FILE_PROTOCOL *handle, struct text content)
{
    char *start = (char *)(uintptr_t)content.start; /* the service does not write to it */

    for (size_t done = 0; done < content.size_bytes;) {
        UINTN piece = min_u64(content.size_bytes - done, READ_PIECE_BYTES);
        UINTN asked = piece;
        EFI_STATUS status = handle->Write(handle, &piece, start + done);

        if (EFI_ERROR(status))
            return status;
        if (piece < asked)
            return EFI_VOLUME_FULL;
        done += piece;
    }
    return handle->Flush(handle);
}

enum status files_save(const struct volume *volume, struct text path, struct text content,
                       struct refusal *refusal)
{
    EFI_FILE_PROTOCOL *handle;
    EFI_STATUS status;

    refusal_place(refusal, "%.*s", (int)path.size_bytes, path.start);
    status = make_folder(volume, path);
    if (!EFI_ERROR(status))
        status = delete_old(volume, path);
    if (!EFI_ERROR(status))
        status = open_to_write(volume, path, EFI_FILE_MODE_CREATE, 0, &handle);
    if (EFI_ERROR(status))
        return refuse_write(refusal, status);
    status = write_all(handle, content);
    if (EFI_ERROR(status)) {
        handle->Delete(handle); /* closes it, too */
        return refuse_write(refusal, status);
    }
    handle->Close(handle);
    return STATUS_OK;
}
