/* SPDX-License-Identifier: BSD-2-Clause
 *
 * graphics.c - chooses among the graphics outputs, and their modes. UEFI 2.10, 12.9.
 *
 * Order: the one behind the console; then those that the firmware marks as a console's screen; then
 * any other. Outputs without a linear framebuffer (Blt only), or whose numbers contradict each
 * other, are passed over. The mode is taken as it is, unless the user wishes another one: whoever
 * started the loader chose it. It is set on the output that has the framebuffer; the firmware goes
 * on to draw its text where it did.
 */
#include "graphics.h"

#include "lib/bits.h"
#include "lib/print.h"
#include "uefi.h"

#define MAX_MODES  1024u /* of an output; more is nonsense */
#define LIST_BYTES 440u
#define NO_MODE    UINT32_MAX

static EFI_GUID graphics_guid = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;

/* Installed by the console drivers of edk2 on handles whose screen shows the console, without an interface
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

    if (width == 0 || height == 0 || height > GRAPHICS_MAX_SIDE ||
        info->PixelsPerScanLine < width || info->PixelsPerScanLine > GRAPHICS_MAX_SIDE)
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

static bool describe(const EFI_GRAPHICS_OUTPUT_PROTOCOL *output, uint64_t limit,
                     struct handoff_framebuffer *framebuffer)
{
    struct handoff_framebuffer found = { 0 };

    if (output == NULL || output->Mode == NULL || output->Mode->Info == NULL ||
        !read_masks(output->Mode->Info, &found) || !read_geometry(output->Mode, limit, &found))
        return false;
    *framebuffer = found;
    return true;
}

/* The best output, or NULL. */
static EFI_GRAPHICS_OUTPUT_PROTOCOL *find_output(uint64_t limit,
                                                 struct handoff_framebuffer *framebuffer)
{
    EFI_GRAPHICS_OUTPUT_PROTOCOL *output =
        uefi_protocol(uefi.system->ConsoleOutHandle, &graphics_guid);
    bool found = describe(output, limit, framebuffer);
    size_t count;
    EFI_HANDLE *handles;

    if (found)
        return output;
    handles = uefi_handles_with(&graphics_guid, &count);
    for (unsigned pass = 0; pass < 2 && !found; pass++) {
        bool any = pass == 1;

        for (size_t i = 0; i < count && !found; i++) {
            if (!any && !uefi_has_protocol(handles[i], &console_screen_guid))
                continue;
            output = uefi_protocol(handles[i], &graphics_guid);
            found = describe(output, limit, framebuffer);
        }
    }
    uefi_free_pool(handles);
    return found ? output : NULL;
}

bool graphics_find(uint64_t limit, struct handoff_framebuffer *framebuffer)
{
    return find_output(limit, framebuffer) != NULL;
}

/* --- modes ------------------------------------------------------------------------------- */

/* The mode to go back to. */
static struct {
    EFI_GRAPHICS_OUTPUT_PROTOCOL *output; /* NULL: nothing was changed */
    uint32_t mode;
} before;

struct mode_size {
    uint32_t width_pixels;
    uint32_t height_pixels;
};

/* The size of a mode that has a linear framebuffer; modes that the firmware lists but cannot
 * describe are none. */
static bool query(EFI_GRAPHICS_OUTPUT_PROTOCOL *output, uint32_t mode, struct mode_size *size)
{
    EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *info = NULL;
    struct handoff_framebuffer masks;
    UINTN info_bytes = 0;
    bool good;

    if (EFI_ERROR(output->QueryMode(output, mode, &info_bytes, &info)) || info == NULL)
        return false;
    good = info_bytes >= sizeof(*info) && info->HorizontalResolution > 0 &&
           info->HorizontalResolution <= GRAPHICS_MAX_SIDE && info->VerticalResolution > 0 &&
           info->VerticalResolution <= GRAPHICS_MAX_SIDE && read_masks(info, &masks);
    if (good)
        *size = (struct mode_size){ info->HorizontalResolution, info->VerticalResolution };
    uefi_free_pool(info);
    return good;
}

static uint32_t count_modes(const EFI_GRAPHICS_OUTPUT_PROTOCOL *output)
{
    return (uint32_t)min_u64(output->Mode->MaxMode, MAX_MODES);
}

/* The mode that the wish is for, of equal ones the first; NO_MODE where there is none. */
static uint32_t choose_mode(EFI_GRAPHICS_OUTPUT_PROTOCOL *output, const struct graphics_wish *wish)
{
    uint32_t chosen = NO_MODE;
    uint64_t most = 0;

    for (uint32_t mode = 0; mode < count_modes(output); mode++) {
        struct mode_size size;
        uint64_t pixels;

        if (!query(output, mode, &size))
            continue;
        pixels = (uint64_t)size.width_pixels * size.height_pixels;
        if (wish->kind == GRAPHICS_EXACT &&
            (size.width_pixels != wish->width_pixels || size.height_pixels != wish->height_pixels))
            continue;
        if (pixels > most) {
            most = pixels;
            chosen = mode;
        }
    }
    return chosen;
}

/* "800x600, 1024x768", as many as fit. */
static void list_modes(EFI_GRAPHICS_OUTPUT_PROTOCOL *output, char list[static LIST_BYTES])
{
    size_t used = 0;

    print_buffer(list, LIST_BYTES, "none");
    for (uint32_t mode = 0; mode < count_modes(output); mode++) {
        struct mode_size size;
        char name[32];
        size_t length;

        if (!query(output, mode, &size))
            continue;
        length = print_buffer(name, sizeof(name), "%s%ux%u", used > 0 ? ", " : "",
                              size.width_pixels, size.height_pixels);
        if (used + length + sizeof(" and more") > LIST_BYTES) {
            print_buffer(list + used, LIST_BYTES - used, " and more");
            return;
        }
        used += print_buffer(list + used, LIST_BYTES - used, "%s", name);
    }
}

static enum status refuse_missing(EFI_GRAPHICS_OUTPUT_PROTOCOL *output,
                                  const struct graphics_wish *wish, struct refusal *refusal)
{
    char list[LIST_BYTES];

    if (wish->kind == GRAPHICS_LARGEST)
        return STATUS_OK;
    list_modes(output, list);
    return refuse(refusal, STATUS_NOT_FOUND, "Take one of these sizes, or largest.",
                  "the screen has no mode of %ux%u; it has %s", wish->width_pixels,
                  wish->height_pixels, list);
}

static enum status change_mode(EFI_GRAPHICS_OUTPUT_PROTOCOL *output, uint32_t mode, uint64_t limit,
                               struct refusal *refusal)
{
    struct handoff_framebuffer framebuffer;
    uint32_t old = output->Mode->Mode;
    EFI_STATUS status;

    if (mode == old)
        return STATUS_OK;
    status = output->SetMode(output, mode);
    if (!EFI_ERROR(status) && describe(output, limit, &framebuffer)) {
        before.output = output;
        before.mode = old;
        return STATUS_OK;
    }
    output->SetMode(output, old);
    if (EFI_ERROR(status))
        return refuse(refusal, uefi_status(status), "Take another size.",
                      "the firmware could not set mode %u of the screen: %s", mode,
                      uefi_status_name(status));
    return refuse(refusal, STATUS_UNSUPPORTED, "Take another size.",
                  "mode %u of the screen has no framebuffer that the kernel can use", mode);
}

enum status graphics_set_mode(const struct graphics_wish *wish, uint64_t limit,
                              struct refusal *refusal)
{
    struct handoff_framebuffer present;
    EFI_GRAPHICS_OUTPUT_PROTOCOL *output;
    uint32_t mode;

    if (wish->kind == GRAPHICS_KEEP)
        return STATUS_OK;
    output = find_output(limit, &present);
    if (output == NULL && wish->kind == GRAPHICS_LARGEST)
        return STATUS_OK;
    if (output == NULL)
        return refuse(refusal, STATUS_NOT_FOUND, "Take the screen line out.",
                      "the firmware has no screen that the kernel can use");
    if (wish->kind == GRAPHICS_EXACT && present.width_pixels == wish->width_pixels &&
        present.height_pixels == wish->height_pixels)
        return STATUS_OK;
    mode = choose_mode(output, wish);
    return mode == NO_MODE ? refuse_missing(output, wish, refusal)
                           : change_mode(output, mode, limit, refusal);
}

void graphics_restore_mode(void)
{
    if (before.output != NULL)
        before.output->SetMode(before.output, before.mode);
    before.output = NULL;
}
