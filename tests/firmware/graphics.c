/* SPDX-License-Identifier: BSD-2-Clause
 *
 * graphics.c - screens as some machines have them. UEFI 2.10, 12.9.
 *
 * One output of the shim's own stands in for the console's. Where its framebuffer is memory, it is full of
 * one byte, and its place is said, so that a test can see from outside which bytes a kernel drew on.
 */
#include "hostile.h"

#define FAR_FRAMEBUFFER    0x9000000000u       /* 576 GiB */
#define BEYOND_FRAMEBUFFER 0x0010000000000000u /* 2^52 */
#define PAINT              0xa5u
#define ODD_WIDTH          1366u
#define ODD_HEIGHT         768u
#define ODD_STRIDE         1376u
#define FAR_LINES          64u
#define BYTES_32           4u
#define BYTES_565          2u

static EFI_GRAPHICS_OUTPUT_PROTOCOL output;
static EFI_GRAPHICS_OUTPUT_PROTOCOL_MODE mode;
static EFI_GRAPHICS_OUTPUT_MODE_INFORMATION info;
static BOOLEAN stands_in;
static EFI_PHYSICAL_ADDRESS memory; /* of its framebuffer; 0 where that is no memory */
static UINTN memory_pages;

static EFI_STATUS give_info(UINTN *size, EFI_GRAPHICS_OUTPUT_MODE_INFORMATION **copy)
{
    EFI_STATUS status = honest.AllocatePool(EfiBootServicesData, sizeof(info), (VOID **)copy);

    if (EFI_ERROR(status))
        return status;
    ledger_add(HELD_POOL, (UINTN)*copy, 0);
    CopyMem(*copy, &info, sizeof(info));
    *size = sizeof(info);
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI query_mode(EFI_GRAPHICS_OUTPUT_PROTOCOL *this, UINT32 number, UINTN *size,
                                    EFI_GRAPHICS_OUTPUT_MODE_INFORMATION **copy)
{
    return this == &output && number == 0 ? give_info(size, copy) : EFI_INVALID_PARAMETER;
}

static EFI_STATUS EFIAPI set_mode(EFI_GRAPHICS_OUTPUT_PROTOCOL *this, UINT32 number)
{
    return this == &output && number == 0 ? EFI_SUCCESS : EFI_UNSUPPORTED;
}

/* The firmware's: what it allocates for the caller is the caller's. */
EFI_STATUS EFIAPI hostile_query_mode(EFI_GRAPHICS_OUTPUT_PROTOCOL *this, UINT32 number, UINTN *size,
                                     EFI_GRAPHICS_OUTPUT_MODE_INFORMATION **copy)
{
    EFI_STATUS status =
        HONEST(SITE_QueryMode, EFI_GRAPHICS_OUTPUT_PROTOCOL_QUERY_MODE)(this, number, size, copy);

    if (!EFI_ERROR(status))
        ledger_add(HELD_POOL, (UINTN)*copy, 0);
    return status;
}

/* --- screens ----------------------------------------------------------------------------- */

static void describe_plain(void)
{
    info = (EFI_GRAPHICS_OUTPUT_MODE_INFORMATION){
        .HorizontalResolution = ODD_WIDTH,
        .VerticalResolution = ODD_HEIGHT,
        .PixelFormat = PixelBlueGreenRedReserved8BitPerColor,
        .PixelsPerScanLine = ODD_WIDTH,
    };
    mode = (EFI_GRAPHICS_OUTPUT_PROTOCOL_MODE){
        .MaxMode = 1,
        .Info = &info,
        .SizeOfInfo = sizeof(info),
    };
    output = (EFI_GRAPHICS_OUTPUT_PROTOCOL){ .QueryMode = query_mode,
                                             .SetMode = set_mode,
                                             .Mode = &mode };
}

static void describe_pixels(void)
{
    if (hostility.gop_stride || hostility.gop_masks || hostility.gop_565)
        info.PixelsPerScanLine = ODD_STRIDE;
    if (hostility.gop_masks || hostility.gop_565)
        info.PixelFormat = PixelBitMask;
    if (hostility.gop_masks)
        info.PixelInformation =
            (EFI_PIXEL_BITMASK){ 0x3ff00000, 0x000ffc00, 0x000003ff, 0xc0000000 };
    if (hostility.gop_565)
        info.PixelInformation = (EFI_PIXEL_BITMASK){ 0xf800, 0x07e0, 0x001f, 0 };
    if (hostility.gop_blt)
        info.PixelFormat = PixelBltOnly;
}

static void take_memory(void)
{
    EFI_MEMORY_TYPE type = hostility.gop_in_ram ? EfiBootServicesData : EfiReservedMemoryType;

    memory_pages = EFI_SIZE_TO_PAGES(mode.FrameBufferSize);
    if (EFI_ERROR(honest.AllocatePages(AllocateAnyPages, type, memory_pages, &memory)))
        return;
    SetMem((VOID *)memory, memory_pages * EFI_PAGE_SIZE, PAINT);
    mode.FrameBufferBase = memory;
    say("HOSTILE: framebuffer at 0x%x, %u lines of %u bytes, %u of them seen\r\n", memory,
        (UINTN)info.VerticalResolution, (UINTN)info.PixelsPerScanLine * BYTES_32,
        (UINTN)info.HorizontalResolution * BYTES_32);
}

static void place_framebuffer(void)
{
    UINTN bytes = hostility.gop_565 ? BYTES_565 : BYTES_32;

    if (hostility.gop_far)
        info.VerticalResolution = FAR_LINES; /* there is nothing behind it: each write is slow */
    mode.FrameBufferSize = (UINTN)info.PixelsPerScanLine * info.VerticalResolution * bytes;
    if (hostility.gop_blt)
        mode.FrameBufferBase = mode.FrameBufferSize = 0;
    else if (hostility.gop_far)
        mode.FrameBufferBase = FAR_FRAMEBUFFER;
    else if (hostility.gop_beyond)
        mode.FrameBufferBase = BEYOND_FRAMEBUFFER;
    else
        take_memory();
    if (hostility.gop_short)
        mode.FrameBufferSize /= 2;
}

void graphics_begin(void)
{
    memory = 0;
    stands_in = hostility.gop_none || hostility.gop_blt || hostility.gop_ghost ||
                hostility.gop_null || hostility.gop_far || hostility.gop_beyond ||
                hostility.gop_stride || hostility.gop_masks || hostility.gop_565 ||
                hostility.gop_in_ram || hostility.gop_short;
    if (!stands_in || hostility.gop_none)
        return;
    describe_plain();
    describe_pixels();
    if (hostility.gop_null)
        output.Mode = NULL;
    else
        place_framebuffer();
}

void graphics_end(void)
{
    if (memory != 0)
        honest.FreePages(memory, memory_pages);
}

/* --- finding them ------------------------------------------------------------------------ */

BOOLEAN graphics_answer(EFI_HANDLE handle, BOOLEAN about_graphics, VOID **interface,
                        EFI_STATUS *status)
{
    BOOLEAN ours = handle == (EFI_HANDLE)&output;

    if (!stands_in || (!about_graphics && !ours))
        return FALSE;
    *status = EFI_UNSUPPORTED;
    if (hostility.gop_ghost && !ours)
        return handle == ST->ConsoleOutHandle; /* the true screens are found by their handles */
    if (about_graphics && !hostility.gop_none) {
        *interface = &output;
        *status = EFI_SUCCESS;
    }
    return TRUE;
}

/* Without a screen there is no list; a ghost is its first entry. */
EFI_STATUS graphics_list(EFI_STATUS status, UINTN *count, EFI_HANDLE **handles)
{
    EFI_HANDLE *list;

    if (EFI_ERROR(status) || !stands_in)
        return status;
    if (!hostility.gop_ghost) {
        honest.FreePool(*handles);
        return EFI_NOT_FOUND;
    }
    status = honest.AllocatePool(EfiBootServicesData, (*count + 1) * sizeof(*list), (VOID **)&list);
    if (EFI_ERROR(status))
        return status;
    list[0] = (EFI_HANDLE)&output;
    CopyMem(list + 1, *handles, *count * sizeof(*list));
    honest.FreePool(*handles);
    *handles = list;
    (*count)++;
    return EFI_SUCCESS;
}
