/* SPDX-License-Identifier: BSD-2-Clause
 *
 * hostile.c - a firmware at its worst, for the tests of the loader.
 *
 * It stands at \EFI\BOOT\BOOTX64.EFI and the loader at \EFI\BOOT\LOADER.EFI. Each line of \hostile.txt
 * is a scenario: words that name what goes wrong. For each it loads the loader afresh, hooks the boot
 * services, starts it, and says what it returned and how many pages it did not give back; the first
 * scenario in which the kernel boots is the last one, of course.
 *
 *   exit-fails=N    the first N calls of ExitBootServices() fail, as if the map had changed
 *   alloc-fails=N   from the N-th on no allocation of the loader finds memory
 *   map-error       GetMemoryMap() fails
 *   map-short       descriptors are shorter than the specification's
 *   map-torn        the map ends within a descriptor
 *   map-empty       the map has no descriptor
 *   map-no-ram      all memory that is free is reserved instead
 *   map-extra=N     N more descriptors, of single pages far above RAM
 *   map-grow=N      every call gives N more descriptors than the one before
 *   map-nested      descriptors within and across others
 *   map-wrap        a descriptor that wraps past 2^64, and one without pages
 *   map-oem         types of manufacturers, and ones that nobody knows
 *   map-hangs exit-hangs   GetMemoryMap(), or ExitBootServices(), never returns
 *   no-rng no-console    the protocol, or the console, is not there
 *   no-volume       the loader came from no device
 *
 * Sources: UEFI 2.10, 7.2 (memory services), 7.4 (ExitBootServices).
 */
#include <efi.h>
#include <efilib.h>

#define LOADER_PATH     L"\\EFI\\BOOT\\LOADER.EFI"
#define SCENARIOS_PATH  L"\\hostile.txt"
#define SCENARIOS_BYTES 16384
#define MAP_BYTES       (1u << 20)
#define SHORT_BYTES     32u /* the specification's descriptor has 40 */
#define FAR_ABOVE_RAM   0x200000000000u
#define EXTRA_STRIDE    0x10000u

struct hostility {
    UINTN exit_failures;
    UINTN failing_allocation;
    UINTN extra_descriptors;
    UINTN growth;
    BOOLEAN map_error, map_short, map_torn, map_empty, map_no_ram;
    BOOLEAN map_nested, map_wrap, map_oem;
    BOOLEAN map_hangs, exit_hangs;
    BOOLEAN no_rng, no_console, no_volume;
};

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system_table);

static struct hostility hostility;
static UINTN loader_start; /* where its image lies */
static UINTN loader_end;
static UINTN allocations;
static UINTN map_calls;
static EFI_BOOT_SERVICES honest; /* the services as the firmware made them */
static EFI_GUID rng_protocol = {
    0x3152bca5, 0xeade, 0x433d, { 0x86, 0x2e, 0xc0, 0x1c, 0xdc, 0x29, 0x1f, 0x44 }
};

/* A map under way to the caller. */
static UINT8 map[MAP_BYTES];
static UINTN map_bytes;
static UINTN descriptor_bytes;

/* --- damage to the map ------------------------------------------------------------------- */

static EFI_MEMORY_DESCRIPTOR *descriptor_at(UINTN index)
{
    return (EFI_MEMORY_DESCRIPTOR *)(void *)(map + index * descriptor_bytes);
}

static void add(UINT32 type, UINT64 start, UINT64 pages)
{
    EFI_MEMORY_DESCRIPTOR *descriptor = descriptor_at(map_bytes / descriptor_bytes);

    if (map_bytes + descriptor_bytes > sizeof(map))
        return;
    descriptor->Type = type;
    descriptor->PhysicalStart = start;
    descriptor->VirtualStart = 0;
    descriptor->NumberOfPages = pages;
    descriptor->Attribute = EFI_MEMORY_WB;
    map_bytes += descriptor_bytes;
}

static void add_extra(UINTN count)
{
    for (UINTN i = 0; i < count; i++)
        add(EfiReservedMemoryType, FAR_ABOVE_RAM + i * EXTRA_STRIDE, 1);
}

/* Around the largest free range: one within it, one across its start, one equal to it. */
static void add_nested(void)
{
    EFI_MEMORY_DESCRIPTOR largest = *descriptor_at(0);

    for (UINTN i = 1; i < map_bytes / descriptor_bytes; i++) {
        if (descriptor_at(i)->Type == EfiConventionalMemory &&
            descriptor_at(i)->NumberOfPages > largest.NumberOfPages)
            largest = *descriptor_at(i);
    }
    add(EfiReservedMemoryType, largest.PhysicalStart + 16 * EFI_PAGE_SIZE, 3);
    add(EfiACPIMemoryNVS, largest.PhysicalStart - 2 * EFI_PAGE_SIZE, 4);
    add(EfiConventionalMemory, largest.PhysicalStart, largest.NumberOfPages);
}

static void take_ram_away(void)
{
    for (UINTN i = 0; i < map_bytes / descriptor_bytes; i++) {
        if (descriptor_at(i)->Type >= EfiLoaderCode &&
            descriptor_at(i)->Type <= EfiConventionalMemory)
            descriptor_at(i)->Type = EfiReservedMemoryType;
    }
}

static void damage_map(void)
{
    if (hostility.map_empty)
        map_bytes = 0;
    if (hostility.map_no_ram)
        take_ram_away();
    if (hostility.map_nested)
        add_nested();
    if (hostility.map_wrap) {
        add(EfiConventionalMemory, ~(UINT64)0 - EFI_PAGE_MASK, 16);
        add(EfiConventionalMemory, FAR_ABOVE_RAM, 0);
        add(EfiConventionalMemory, EFI_PAGE_SIZE, ~(UINT64)0);
    }
    if (hostility.map_oem) {
        add(0x70000001, FAR_ABOVE_RAM, 1);
        add(0x80000001, FAR_ABOVE_RAM + EXTRA_STRIDE, 1);
        add(0x00000fff, FAR_ABOVE_RAM + 2 * EXTRA_STRIDE, 1);
    }
    add_extra(hostility.extra_descriptors + hostility.growth * map_calls);
    if (hostility.map_torn)
        map_bytes -= descriptor_bytes / 2;
}

static void hang(void)
{
    Print(L"HOSTILE: it hangs\n");
    for (;;)
        __asm__ volatile("pause");
}

static EFI_STATUS EFIAPI hostile_get_memory_map(UINTN *size, EFI_MEMORY_DESCRIPTOR *buffer,
                                                UINTN *key, UINTN *stride, UINT32 *version)
{
    EFI_STATUS status;
    UINTN room = *size;

    if (hostility.map_hangs)
        hang();
    if (hostility.map_error)
        return EFI_DEVICE_ERROR;
    map_bytes = sizeof(map);
    status = honest.GetMemoryMap(&map_bytes, descriptor_at(0), key, &descriptor_bytes, version);
    if (EFI_ERROR(status))
        return status;
    damage_map();
    map_calls++;
    *stride = hostility.map_short ? SHORT_BYTES : descriptor_bytes;
    *size = map_bytes;
    if (room < map_bytes)
        return EFI_BUFFER_TOO_SMALL;
    if (buffer == NULL)
        return map_bytes == 0 ? EFI_SUCCESS : EFI_INVALID_PARAMETER;
    honest.CopyMem(buffer, map, map_bytes);
    return EFI_SUCCESS;
}

/* --- other services ---------------------------------------------------------------------- */

/* Drivers of the firmware allocate through the same table, while they read a file for example. Only
 * calls from the loader's image count. */
static BOOLEAN allocation_fails(const VOID *caller)
{
    UINTN address = (UINTN)caller;

    if (address < loader_start || address >= loader_end)
        return FALSE;
    allocations++;
    return hostility.failing_allocation > 0 && allocations >= hostility.failing_allocation;
}

static EFI_STATUS EFIAPI hostile_allocate_pages(EFI_ALLOCATE_TYPE how, EFI_MEMORY_TYPE type,
                                                UINTN pages, EFI_PHYSICAL_ADDRESS *memory)
{
    return allocation_fails(__builtin_return_address(0))
               ? EFI_OUT_OF_RESOURCES
               : honest.AllocatePages(how, type, pages, memory);
}

static EFI_STATUS EFIAPI hostile_allocate_pool(EFI_MEMORY_TYPE type, UINTN size, VOID **buffer)
{
    return allocation_fails(__builtin_return_address(0)) ? EFI_OUT_OF_RESOURCES
                                                         : honest.AllocatePool(type, size, buffer);
}

static EFI_STATUS EFIAPI hostile_locate_protocol(EFI_GUID *protocol, VOID *registration,
                                                 VOID **interface)
{
    if (hostility.no_rng && CompareGuid(protocol, &rng_protocol) == 0)
        return EFI_NOT_FOUND;
    return honest.LocateProtocol(protocol, registration, interface);
}

static EFI_STATUS EFIAPI hostile_exit_boot_services(EFI_HANDLE image, UINTN key)
{
    if (hostility.exit_hangs)
        hang();
    if (hostility.exit_failures > 0) {
        hostility.exit_failures--;
        return EFI_INVALID_PARAMETER;
    }
    return honest.ExitBootServices(image, key);
}

static void hook_services(void)
{
    BS->GetMemoryMap = hostile_get_memory_map;
    BS->AllocatePages = hostile_allocate_pages;
    BS->AllocatePool = hostile_allocate_pool;
    BS->LocateProtocol = hostile_locate_protocol;
    BS->ExitBootServices = hostile_exit_boot_services;
}

static void unhook_services(void)
{
    BS->GetMemoryMap = honest.GetMemoryMap;
    BS->AllocatePages = honest.AllocatePages;
    BS->AllocatePool = honest.AllocatePool;
    BS->LocateProtocol = honest.LocateProtocol;
    BS->ExitBootServices = honest.ExitBootServices;
}

/* --- scenarios --------------------------------------------------------------------------- */

/* Whether `text` begins with `name`; *number gets what follows "name=". */
static BOOLEAN is_word(const CHAR8 *text, const char *name, UINTN *number)
{
    UINTN i = 0;

    while (name[i] != 0 && text[i] == (CHAR8)name[i])
        i++;
    if (name[i] != 0)
        return FALSE;
    if (number == NULL)
        return text[i] <= ' ';
    if (text[i++] != '=')
        return FALSE;
    for (*number = 0; text[i] >= '0' && text[i] <= '9'; i++)
        *number = *number * 10 + (UINTN)(text[i] - '0');
    return TRUE;
}

static BOOLEAN take_flag(const CHAR8 *word)
{
    const struct {
        const char *name;
        BOOLEAN *flag;
    } flags[] = {
        { "map-error", &hostility.map_error },   { "map-short", &hostility.map_short },
        { "map-torn", &hostility.map_torn },     { "map-empty", &hostility.map_empty },
        { "map-no-ram", &hostility.map_no_ram }, { "map-nested", &hostility.map_nested },
        { "map-wrap", &hostility.map_wrap },     { "map-oem", &hostility.map_oem },
        { "no-rng", &hostility.no_rng },         { "no-console", &hostility.no_console },
        { "no-volume", &hostility.no_volume },   { "map-hangs", &hostility.map_hangs },
        { "exit-hangs", &hostility.exit_hangs },
    };

    for (UINTN i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (is_word(word, flags[i].name, NULL))
            return *flags[i].flag = TRUE;
    }
    return FALSE;
}

/* Reads the words of a line into `hostility`; returns the start of the next line. */
static const CHAR8 *take_line(const CHAR8 *text)
{
    SetMem(&hostility, sizeof(hostility), 0);
    while (*text != 0 && *text != '\n') {
        if (!take_flag(text) && !is_word(text, "exit-fails", &hostility.exit_failures) &&
            !is_word(text, "alloc-fails", &hostility.failing_allocation) &&
            !is_word(text, "map-extra", &hostility.extra_descriptors) &&
            !is_word(text, "map-grow", &hostility.growth) && *text > ' ')
            Print(L"HOSTILE: unknown word at '%.20a'\n", text);
        while (*text > ' ')
            text++;
        while (*text == ' ' || *text == '\r')
            text++;
    }
    return *text == '\n' ? text + 1 : text;
}

static UINT64 free_pages(void)
{
    UINTN key;
    UINT32 version;
    UINT64 pages = 0;

    map_bytes = sizeof(map);
    if (EFI_ERROR(
            honest.GetMemoryMap(&map_bytes, descriptor_at(0), &key, &descriptor_bytes, &version)))
        return 0;
    for (UINTN i = 0; i < map_bytes / descriptor_bytes; i++) {
        if (descriptor_at(i)->Type == EfiConventionalMemory)
            pages += descriptor_at(i)->NumberOfPages;
    }
    return pages;
}

static EFI_STATUS start_loader(EFI_HANDLE image, EFI_HANDLE volume)
{
    SIMPLE_TEXT_OUTPUT_INTERFACE *console = ST->ConOut;
    SIMPLE_INPUT_INTERFACE *keyboard = ST->ConIn;
    EFI_LOADED_IMAGE *loaded;
    EFI_HANDLE loader;
    EFI_STATUS status;

    status = BS->LoadImage(FALSE, image, FileDevicePath(volume, LOADER_PATH), NULL, 0, &loader);
    if (EFI_ERROR(status))
        return status;
    status = BS->HandleProtocol(loader, &LoadedImageProtocol, (VOID **)&loaded);
    if (EFI_ERROR(status))
        return status;
    loader_start = (UINTN)loaded->ImageBase;
    loader_end = loader_start + loaded->ImageSize;
    allocations = map_calls = 0;
    if (hostility.no_volume)
        loaded->DeviceHandle = NULL;
    if (hostility.no_console) {
        ST->ConOut = NULL;
        ST->ConIn = NULL;
    }
    hook_services();
    status = BS->StartImage(loader, NULL, NULL);
    unhook_services();
    ST->ConOut = console;
    ST->ConIn = keyboard;
    return status;
}

static EFI_STATUS read_scenarios(EFI_HANDLE volume, CHAR8 *text, UINTN *size)
{
    EFI_FILE_HANDLE root = LibOpenRoot(volume);
    EFI_FILE_HANDLE file;
    EFI_STATUS status;

    if (root == NULL)
        return EFI_NOT_FOUND;
    status = root->Open(root, &file, SCENARIOS_PATH, EFI_FILE_MODE_READ, 0);
    return EFI_ERROR(status) ? status : file->Read(file, size, text);
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system_table)
{
    static CHAR8 text[SCENARIOS_BYTES + 1];
    EFI_LOADED_IMAGE *self;
    UINTN size = SCENARIOS_BYTES;
    UINT64 before;
    EFI_STATUS status;

    InitializeLib(image, system_table);
    honest = *BS;
    status = BS->HandleProtocol(image, &LoadedImageProtocol, (VOID **)&self);
    if (!EFI_ERROR(status))
        status = read_scenarios(self->DeviceHandle, text, &size);
    if (EFI_ERROR(status)) {
        Print(L"HOSTILE: no scenarios: %r\n", status);
        return status;
    }
    for (const CHAR8 *line = text; *line != 0;) {
        const CHAR8 *next = take_line(line);

        Print(L"HOSTILE: scenario at %d\n", (INT32)(line - text));
        before = free_pages();
        status = start_loader(image, self->DeviceHandle);
        Print(L"HOSTILE: the loader returned %r after %d allocations, %d pages lost\n", status,
              (INT32)allocations, (INT32)(before - free_pages()));
        line = next;
    }
    Print(L"HOSTILE: done\n");
    return EFI_SUCCESS;
}
