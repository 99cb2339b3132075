/* SPDX-License-Identifier: BSD-2-Clause
 *
 * uefi_machine.c - see uefi_machine.h.
 *
 * A handle is the address of its device. Pages come from the host, so that an address is a pointer,
 * as on a machine in its boot services; address 0 is given out without memory behind it.
 */
#include "uefi_machine.h"

#include "efi/text.h"
#include "lib/bits.h"

#define PATH_UNITS 300u

struct uefi_machine uefi_machine;

static EFI_GUID volume_guid = EFI_SIMPLE_FILE_SYSTEM_PROTOCOL_GUID;
static EFI_GUID graphics_guid = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;
static EFI_GUID console_screen_guid = {
    0xd3b36f2c, 0xd551, 0x11d4, { 0x9a, 0x46, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0x4d }
};

static EFI_BOOT_SERVICES services;
static EFI_SYSTEM_TABLE system_table;
static EFI_LOADED_IMAGE loaded;

EFI_HANDLE uefi_machine_handle(size_t index)
{
    return &uefi_machine.devices[index];
}

/* --- memory ------------------------------------------------------------------------------ */

static EFI_STATUS EFIAPI allocate_pages(EFI_ALLOCATE_TYPE type, EFI_MEMORY_TYPE memory_type,
                                        UINTN pages, EFI_PHYSICAL_ADDRESS *address)
{
    void *memory;

    assert_int_equal(memory_type, EfiLoaderData);
    if (uefi_machine.refuse_after == 0 || pages > 1u << 20)
        return EFI_OUT_OF_RESOURCES;
    if (type == AllocateMaxAddress && uefi_machine.low_memory_full)
        return EFI_OUT_OF_RESOURCES;
    if (uefi_machine.refuse_after != SIZE_MAX)
        uefi_machine.refuse_after--;
    uefi_machine.map_bytes += uefi_machine.map_growth;
    uefi_machine.pages_out += pages;
    if (uefi_machine.gives_page_zero) {
        uefi_machine.gives_page_zero = false;
        *address = 0;
        return EFI_SUCCESS;
    }
    memory = aligned_alloc(PAGE_SIZE, pages << PAGE_SHIFT);
    assert_non_null(memory);
    memset(memory, 0xcc, pages << PAGE_SHIFT);
    *address = (uintptr_t)memory;
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI free_pages(EFI_PHYSICAL_ADDRESS address, UINTN pages)
{
    assert_true(pages <= uefi_machine.pages_out);
    uefi_machine.pages_out -= pages;
    free((void *)(uintptr_t)address);
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI free_pool(void *pool)
{
    assert_true(uefi_machine.pools_out > 0);
    uefi_machine.pools_out--;
    free(pool);
    return EFI_SUCCESS;
}

/* One half of RAM: two rows of the table, which lie in one area or in more. */
static void describe_ram(EFI_MEMORY_DESCRIPTOR *descriptor, EFI_MEMORY_TYPE type, uint64_t half)
{
    uint64_t bytes = uefi_machine.ram_bytes / 2;

    *descriptor = (EFI_MEMORY_DESCRIPTOR){ .Type = type,
                                           .PhysicalStart = uefi_machine.ram_start + half * bytes,
                                           .NumberOfPages = bytes >> PAGE_SHIFT,
                                           .Attribute = EFI_MEMORY_WB };
}

static EFI_STATUS EFIAPI get_memory_map(UINTN *size, EFI_MEMORY_DESCRIPTOR *map, UINTN *key,
                                        UINTN *descriptor_size, UINT32 *version)
{
    bool fits = *size >= uefi_machine.map_bytes;

    uefi_machine.map_calls++;
    if (EFI_ERROR(uefi_machine.map_status))
        return uefi_machine.map_status;
    *descriptor_size = uefi_machine.descriptor_size;
    *size = uefi_machine.map_bytes;
    *version = 1;
    *key = uefi_machine.map_calls;
    if (!fits)
        return EFI_BUFFER_TOO_SMALL;
    memset(map, 0, uefi_machine.map_bytes);
    describe_ram(map, EfiConventionalMemory, 0);
    describe_ram((void *)((char *)map + uefi_machine.descriptor_size), EfiLoaderData, 1);
    return EFI_SUCCESS;
}

/* --- files ------------------------------------------------------------------------------- */

struct open_file {
    EFI_FILE_PROTOCOL protocol;
    const struct uefi_device *device;
    const struct uefi_file *file; /* NULL: the root */
    uint64_t position;
};

static EFI_STATUS EFIAPI close_file(struct _EFI_FILE_HANDLE *handle)
{
    assert_true(uefi_machine.files_open > 0);
    uefi_machine.files_open--;
    free(handle);
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI read_file(struct _EFI_FILE_HANDLE *handle, UINTN *size, void *buffer)
{
    struct open_file *open = (void *)handle;
    const struct uefi_file *file = open->file;
    uint64_t left = file->size_bytes - min_u64(open->position, file->size_bytes);
    uint64_t piece = min_u64(*size, left);

    uefi_machine.largest_read = max_u64(uefi_machine.largest_read, *size);
    if (open->position > file->size_bytes ||
        (file->fails_at != 0 && open->position + piece > file->fails_at))
        return EFI_DEVICE_ERROR;
    if (file->read_at_most != 0)
        piece = min_u64(piece, file->read_at_most);
    if (piece > 0)
        memcpy(buffer, file->bytes + open->position, piece);
    open->position += piece;
    *size = piece;
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI set_position(struct _EFI_FILE_HANDLE *handle, UINT64 position)
{
    struct open_file *open = (void *)handle;

    if (open->file->cannot_seek)
        return EFI_DEVICE_ERROR;
    open->position = position;
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI get_info(struct _EFI_FILE_HANDLE *handle, EFI_GUID *type, UINTN *size,
                                  void *buffer)
{
    const struct uefi_file *file = ((struct open_file *)(void *)handle)->file;
    EFI_FILE_INFO info = { .FileSize = file->told_bytes };

    (void)type;
    assert_true(*size >= sizeof(info));
    if (file->tells_nothing)
        return EFI_UNSUPPORTED;
    info.Attribute = file->is_folder ? EFI_FILE_DIRECTORY : EFI_FILE_ARCHIVE;
    memcpy(buffer, &info, sizeof(info));
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI open_path(struct _EFI_FILE_HANDLE *root, struct _EFI_FILE_HANDLE **handle,
                                   CHAR16 *path, UINT64 mode, UINT64 attributes);

static struct _EFI_FILE_HANDLE *new_handle(const struct uefi_device *device,
                                           const struct uefi_file *file)
{
    struct open_file *open = calloc(1, sizeof(*open));

    *open = (struct open_file){ .protocol = { .Open = open_path,
                                              .Close = close_file,
                                              .Read = read_file,
                                              .SetPosition = set_position,
                                              .GetInfo = get_info },
                                .device = device,
                                .file = file };
    uefi_machine.files_open++;
    return &open->protocol;
}

static EFI_STATUS EFIAPI open_path(struct _EFI_FILE_HANDLE *root, struct _EFI_FILE_HANDLE **handle,
                                   CHAR16 *path, UINT64 mode, UINT64 attributes)
{
    const struct uefi_device *device = ((struct open_file *)(void *)root)->device;
    char buffer[PATH_UNITS];
    struct text text;

    (void)attributes;
    assert_int_equal(mode, EFI_FILE_MODE_READ);
    assert_int_equal(text_from_utf16((const uint16_t *)path, PATH_UNITS, buffer, PATH_UNITS, &text),
                     STATUS_OK);
    for (size_t i = 0; i < UEFI_MACHINE_FILES && device->files[i].path != NULL; i++) {
        const struct uefi_file *file = &device->files[i];

        if (!text_equal(text, file->path))
            continue;
        if (EFI_ERROR(file->open_status))
            return file->open_status;
        *handle = new_handle(device, file);
        return EFI_SUCCESS;
    }
    return EFI_NOT_FOUND;
}

static EFI_SIMPLE_FILE_SYSTEM_PROTOCOL volumes[UEFI_MACHINE_HANDLES];

static EFI_STATUS EFIAPI open_volume(struct _EFI_SIMPLE_FILE_SYSTEM_PROTOCOL *volume,
                                     struct _EFI_FILE_HANDLE **root)
{
    *root = new_handle(&uefi_machine.devices[volume - volumes], NULL);
    return EFI_SUCCESS;
}

/* --- handles ----------------------------------------------------------------------------- */

static void *interface_of(const struct uefi_device *device, const EFI_GUID *guid)
{
    if (device == uefi.image)
        return &loaded;
    if (uefi_guid_equal(guid, &volume_guid) && device->has_volume)
        return &volumes[device - uefi_machine.devices];
    if (uefi_guid_equal(guid, &graphics_guid))
        return device->graphics;
    return NULL;
}

static EFI_STATUS EFIAPI handle_protocol(EFI_HANDLE handle, EFI_GUID *guid, void **interface)
{
    const struct uefi_device *device = handle;
    bool marked = device != uefi.image && device->shows_console &&
                  uefi_guid_equal(guid, &console_screen_guid);

    *interface = interface_of(device, guid);
    return *interface != NULL || marked ? EFI_SUCCESS : EFI_UNSUPPORTED;
}

static EFI_STATUS EFIAPI locate_handle_buffer(EFI_LOCATE_SEARCH_TYPE type, EFI_GUID *guid,
                                              void *key, UINTN *count, EFI_HANDLE **handles)
{
    (void)type;
    (void)key;
    *handles = calloc(UEFI_MACHINE_HANDLES, sizeof(**handles));
    *count = 0;
    uefi_machine.pools_out++;
    for (size_t i = 0; i < uefi_machine.device_count; i++) {
        if (interface_of(&uefi_machine.devices[i], guid) != NULL)
            (*handles)[(*count)++] = uefi_machine_handle(i);
    }
    if (*count > 0)
        return EFI_SUCCESS;
    free_pool(*handles);
    return EFI_NOT_FOUND;
}

static EFI_STATUS EFIAPI set_watchdog(UINTN seconds, UINT64 code, UINTN size, CHAR16 *data)
{
    (void)code;
    (void)size;
    (void)data;
    assert_int_equal(seconds, 0);
    return EFI_SUCCESS;
}

/* --- life -------------------------------------------------------------------------------- */

void uefi_machine_start(size_t count)
{
    static char image;

    uefi_machine = (struct uefi_machine){ .device_count = count,
                                          .refuse_after = SIZE_MAX,
                                          .ram_start = MiB,
                                          .ram_bytes = 64 * MiB,
                                          .map_bytes = 480,
                                          .descriptor_size = 48 };
    for (size_t i = 0; i < UEFI_MACHINE_HANDLES; i++)
        volumes[i].OpenVolume = open_volume;
    services = (EFI_BOOT_SERVICES){ .AllocatePages = allocate_pages,
                                    .FreePages = free_pages,
                                    .FreePool = free_pool,
                                    .GetMemoryMap = get_memory_map,
                                    .HandleProtocol = handle_protocol,
                                    .LocateHandleBuffer = locate_handle_buffer,
                                    .SetWatchdogTimer = set_watchdog };
    loaded.DeviceHandle = uefi_machine_handle(0);
    system_table = (EFI_SYSTEM_TABLE){ .BootServices = &services };
    uefi.image = &image;
    uefi_start(&image, &system_table);
    assert_ptr_equal(uefi.loaded, &loaded);
}

void uefi_machine_stop(void)
{
    assert_int_equal(uefi_machine.pages_out, 0);
    assert_int_equal(uefi_machine.files_open, 0);
    assert_int_equal(uefi_machine.pools_out, 0);
}
