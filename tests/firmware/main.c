/* SPDX-License-Identifier: BSD-2-Clause
 *
 * main.c - a firmware at its worst, for the tests of the loader.
 *
 * It stands at \EFI\BOOT\BOOTX64.EFI and the loader at \EFI\BOOT\LOADER.EFI. Each line of \hostile.txt
 * is a scenario: words that name what goes wrong (words.c). For each it loads the loader afresh, lies as it is
 * told, starts it, and says what it returned, what it did not give back and which rules it broke. The
 * first scenario in which a kernel boots is the last one, unless that kernel comes back.
 */
#include "hostile.h"

#define LOADER_PATH     L"\\EFI\\BOOT\\LOADER.EFI"
#define SCENARIOS_PATH  L"\\hostile.txt"
#define SCENARIOS_BYTES 16384u
#define LOADER_BYTES    (4u << 20)
#define STACK_PAINTED   (64u * 1024)
#define SAID_SHOWN      800u
#define PAINT           0x5au
#define FOUR_GIB        0x100000000u
#define PE_OFFSET       0x3cu /* where the PE header begins; in it, the entry point */
#define PE_ENTRY        0x28u

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system_table);

EFI_BOOT_SERVICES honest;
struct run run;

static EFI_HANDLE self;
static EFI_LOADED_IMAGE *own;
static VOID *loader_file;
static UINTN loader_file_bytes;
static UINTN paint_start;
static CHAR16 load_options[] = L"json run=\"selftest; frames; exit\" exit";

/* --- the stack --------------------------------------------------------------------------- */

static void __attribute__((noinline)) paint_stack(void)
{
    volatile UINT8 area[STACK_PAINTED];

    for (UINTN i = 0; i < STACK_PAINTED; i++)
        area[i] = PAINT;
    paint_start = (UINTN)area;
}

static UINTN __attribute__((noinline)) measure_stack(void)
{
    const volatile UINT8 *area = (const volatile UINT8 *)paint_start;
    UINTN untouched = 0;

    while (untouched < STACK_PAINTED && area[untouched] == PAINT)
        untouched++;
    return STACK_PAINTED - untouched;
}

/* --- starting it ------------------------------------------------------------------------- */

/* The loader relocates itself, so a copy of what was loaded and not yet started runs anywhere. */
static EFI_STATUS start_above_4_gib(const EFI_LOADED_IMAGE *loaded)
{
    UINT64 pages = EFI_SIZE_TO_PAGES(loaded->ImageSize);
    EFI_PHYSICAL_ADDRESS address;
    EFI_IMAGE_ENTRY_POINT entry;
    const UINT8 *header;

    if (!map_find_free_above(FOUR_GIB, pages, &address) ||
        EFI_ERROR(honest.AllocatePages(AllocateAddress, EfiLoaderCode, pages, &address)))
        return EFI_OUT_OF_RESOURCES;
    CopyMem((VOID *)address, loaded->ImageBase, loaded->ImageSize);
    header = (const UINT8 *)address + *(const UINT32 *)(address + PE_OFFSET);
    entry = (EFI_IMAGE_ENTRY_POINT)(address + *(const UINT32 *)(const VOID *)(header + PE_ENTRY));
    run.image_start = address;
    run.image_end = address + loaded->ImageSize;
    return entry(run.loader, ST);
}

static EFI_STATUS start(const EFI_LOADED_IMAGE *loaded)
{
    if (hostility.bad_loader)
        return bad_loader(self, ST);
    if (hostility.image_high)
        return start_above_4_gib(loaded);
    return honest.StartImage(run.loader, NULL, NULL);
}

static void start_among_lies(EFI_LOADED_IMAGE *loaded)
{
    EFI_TPL level = TPL_APPLICATION;

    sites_begin();
    sites_patch_services();
    console_begin();
    protocols_begin();
    graphics_begin();
    leave_begin();
    if (hostility.tpl_callback)
        level = honest.RaiseTPL(TPL_CALLBACK);
    rules_begin();
    paint_stack();
    run.status = start(loaded);
    run.stack_bytes = measure_stack();
    rules_end();
    if (hostility.tpl_callback)
        honest.RestoreTPL(level);
    leave_end();
    graphics_end();
    protocols_end();
    console_end();
    sites_end();
}

static EFI_STATUS load(EFI_LOADED_IMAGE **loaded)
{
    EFI_DEVICE_PATH *path = FileDevicePath(own->DeviceHandle, LOADER_PATH);
    EFI_STATUS status =
        honest.LoadImage(FALSE, self, path, loader_file, loader_file_bytes, &run.loader);

    honest.FreePool(path);
    return EFI_ERROR(status)
               ? status
               : honest.HandleProtocol(run.loader, &LoadedImageProtocol, (VOID **)loaded);
}

void run_loader(void)
{
    EFI_LOADED_IMAGE *loaded = own;
    EFI_STATUS status = EFI_SUCCESS;

    SetMem(&run, sizeof(run), 0);
    ledger_clear();
    if (!hostility.bad_loader)
        status = load(&loaded);
    if (EFI_ERROR(status)) {
        run.status = status;
        rules_violation("cannot even be loaded", SITE_LoadImage);
        return;
    }
    run.image_start = (UINTN)loaded->ImageBase;
    run.image_end = run.image_start + loaded->ImageSize;
    if (hostility.no_volume)
        loaded->DeviceHandle = NULL;
    if (hostility.options) {
        loaded->LoadOptions = load_options;
        loaded->LoadOptionsSize = sizeof(load_options);
    }
    start_among_lies(loaded);
    if (hostility.image_high)
        honest.UnloadImage(run.loader);
}

/* --- telling ----------------------------------------------------------------------------- */

/* The end of it, in one line. */
static void say_what_it_said(void)
{
    UINTN start = run.said_bytes > SAID_SHOWN ? run.said_bytes - SAID_SHOWN : 0;

    say("HOSTILE: said ");
    for (UINTN i = start; i < run.said_bytes; i++) {
        if (run.said[i] != '\r' && run.said[i] != '\n')
            say("%s", (char[]){ (char)run.said[i], 0 });
        else if (run.said[i] == '\n')
            say(" | ");
    }
    say("\r\n");
}

void run_report(void)
{
    if (hostility.quiet)
        say_what_it_said();
    if (run.came_back)
        say("HOSTILE: the kernel came back with %u", run.result);
    else {
        say("HOSTILE: the loader returned ");
        say_status(run.status);
    }
    say(" after %u allocations, lost %u pages %u pools %u files %u events, %u violations, "
        "%u bytes of stack\r\n",
        run.allocations, ledger_count(HELD_PAGES), ledger_count(HELD_POOL), ledger_count(HELD_FILE),
        ledger_count(HELD_EVENT), rules_violations(), run.stack_bytes);
}

/* --- scenarios --------------------------------------------------------------------------- */

static EFI_STATUS read_whole(EFI_FILE_HANDLE root, CHAR16 *path, UINTN *size, VOID *buffer)
{
    EFI_FILE_HANDLE file;
    EFI_STATUS status = root->Open(root, &file, path, EFI_FILE_MODE_READ, 0);

    if (EFI_ERROR(status))
        return status;
    status = file->Read(file, size, buffer);
    file->Close(file);
    return status;
}

static EFI_STATUS read_files(CHAR8 *scenarios)
{
    EFI_FILE_HANDLE root;
    EFI_STATUS status = honest.HandleProtocol(self, &LoadedImageProtocol, (VOID **)&own);
    UINTN size = SCENARIOS_BYTES;

    if (EFI_ERROR(status))
        return status;
    root = LibOpenRoot(own->DeviceHandle);
    if (root == NULL)
        return EFI_NOT_FOUND;
    loader_file_bytes = LOADER_BYTES;
    status = honest.AllocatePool(EfiLoaderData, LOADER_BYTES, &loader_file);
    if (!EFI_ERROR(status))
        status = read_whole(root, SCENARIOS_PATH, &size, scenarios);
    if (!EFI_ERROR(status))
        status = read_whole(root, LOADER_PATH, &loader_file_bytes, loader_file);
    root->Close(root);
    return status;
}

/* What the loader holds at its end is the firmware's again, so that scenarios do not add up. */
static void run_line(void)
{
    if (hostility.each_call) {
        campaign_each_call();
        return;
    }
    run_loader();
    run_report();
    ledger_give_back();
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system_table)
{
    static CHAR8 text[SCENARIOS_BYTES + 1];
    UINTN number = 0;
    EFI_STATUS status;

    InitializeLib(image, system_table);
    honest = *BS;
    self = image;
    status = read_files(text);
    if (EFI_ERROR(status)) {
        say("HOSTILE: violation: no scenarios or no loader\r\n");
        return status;
    }
    for (const CHAR8 *line = text; *line != 0;) {
        line = words_take_line(line);
        say("HOSTILE: scenario %u\r\n", ++number);
        run_line();
    }
    say("HOSTILE: done\r\n");
    return EFI_SUCCESS;
}
