/* SPDX-License-Identifier: BSD-2-Clause
 *
 * graphics.c - chooses among the graphics outputs. UEFI 2.10, 12.9.
 *
 * Order: the one behind the console; then those that the firmware marks as a console's screen; then
 * any other. Outputs without a linear framebuffer (Blt only), or whose numbers contradict each
 * other, are passed over. The mode is taken as it is: whoever started the loader chose it.
 */
#include "graphics.h"

#include "lib/bits.h"
#include "uefi.h"

#define MAX_PIXELS 65536u /* a side of a screen; more is nonsense */

static EFI_GUID graphics_guid = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;

/* Installed by the console drivers of edk2 on handles whose screen shows the console
 * (MdeModulePkg, gEfiConsoleOutDeviceGuid). */
static EFI_GUID console_screen_guid = {
    0xd3b36f2c, 0xd551, 0x11d4, { 0x9a, 0x46, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0x4d }
};

static bool read_masks(const EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *info,
                       struct handoff_framebuffer *framebuffer)
{
    const EFI_PIXEL_BITMASK *mask = &info->PixelInformation;
    uint32_t all = mask->RedMask | mask->GreenMask | mask->BlueMask | mask->ReservedMask;

    framebuffer->bits_per_pixel = 32;
    framebuffer->red_mask = 0x0000ff;
    framebuffer->green_mask = 0x00ff00;
    framebuffer->blue_mask = 0xff0000;
    if (info->PixelFormat == PixelRedGreenBlueReserved8BitPerColor)
        return true;
    framebuffer->red_mask = 0xff0000;
    framebuffer->blue_mask = 0x0000ff;
    if (info->PixelFormat == PixelBlueGreenRedReserved8BitPerColor)
        return true;
    if (info->PixelFormat != PixelBitMask || all == 0)
        return false;
    framebuffer->red_mask = mask->RedMask;
    framebuffer->green_mask = mask->GreenMask;
    framebuffer->blue_mask = mask->BlueMask;
    /* The highest bit of all masks gives the size of a pixel. */
    framebuffer->bits_per_pixel = (uint32_t)align_up(highest_bit(all) + 1, 8);
    return true;
}

/* Sides and distance of lines; a stride less than the width is as wrong as none. */
static bool read_geometry(const EFI_GRAPHICS_OUTPUT_PROTOCOL_MODE *mode, uint64_t limit,
                          struct handoff_framebuffer *framebuffer)
{
    const EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *info = mode->Info;
    uint32_t width = info->HorizontalResolution;
    uint32_t height = info->VerticalResolution;
    uint64_t end;

    if (width == 0 || height == 0 || height > MAX_PIXELS || info->PixelsPerScanLine < width ||
        info->PixelsPerScanLine > MAX_PIXELS)
        return false;
    framebuffer->width_pixels = width;
    framebuffer->stride_bytes = info->PixelsPerScanLine * (framebuffer->bits_per_pixel / 8);
    /* Lines that the framebuffer has no room for are not there. */
    framebuffer->height_pixels =
        (uint32_t)min_u64(height, mode->FrameBufferSize / framebuffer->stride_bytes);
    framebuffer->base = mode->FrameBufferBase;
    framebuffer->size_bytes = (uint64_t)framebuffer->stride_bytes * framebuffer->height_pixels;
    return framebuffer->base != 0 && framebuffer->height_pixels > 0 &&
           checked_add(framebuffer->base, framebuffer->size_bytes, &end) && end <= limit;
}

static bool describe(EFI_HANDLE handle, uint64_t limit, struct handoff_framebuffer *framebuffer)
{
    EFI_GRAPHICS_OUTPUT_PROTOCOL *output = uefi_protocol(handle, &graphics_guid);
    struct handoff_framebuffer found = { 0 };

    if (output == NULL || output->Mode == NULL || output->Mode->Info == NULL ||
        !read_masks(output->Mode->Info, &found) || !read_geometry(output->Mode, limit, &found))
        return false;
    *framebuffer = found;
    return true;
}

bool graphics_find(uint64_t limit, struct handoff_framebuffer *framebuffer)
{
    bool found = describe(uefi.system->ConsoleOutHandle, limit, framebuffer);
    size_t count;
    EFI_HANDLE *handles;

    if (found)
        return true;
    handles = uefi_handles_with(&graphics_guid, &count);
    for (unsigned pass = 0; pass < 2 && !found; pass++) {
        bool any = pass == 1;

        for (size_t i = 0; i < count && !found; i++) {
            if (any || uefi_protocol(handles[i], &console_screen_guid) != NULL)
                found = describe(handles[i], limit, framebuffer);
        }
    }
    uefi_free_pool(handles);
    return found;
}
