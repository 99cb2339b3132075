/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_efi_graphics.c - properties of the loader's choice of a graphics output and of its mode.
 */
#include "uefi_machine.h"

#include "efi/graphics.h"
#include "lib/bits.h"

#define NO_LIMIT ((uint64_t)1 << 52)

static int start_machine(void **state)
{
    (void)state;
    uefi_machine_start(3);
    return 0;
}

static int stop_machine(void **state)
{
    (void)state;
    uefi_machine_stop();
    return 0;
}

/* --- outputs ----------------------------------------------------------------------------- */

struct screen {
    EFI_GRAPHICS_OUTPUT_PROTOCOL output;
    EFI_GRAPHICS_OUTPUT_PROTOCOL_MODE mode;
    EFI_GRAPHICS_OUTPUT_MODE_INFORMATION info;
};

/* A screen of 1366 pixels whose lines are 1376 pixels apart, on device `index`. */
static void attach(struct screen *screen, size_t index, uint64_t base)
{
    screen->info = (EFI_GRAPHICS_OUTPUT_MODE_INFORMATION){
        .HorizontalResolution = 1366,
        .VerticalResolution = 768,
        .PixelFormat = PixelBlueGreenRedReserved8BitPerColor,
        .PixelsPerScanLine = 1376,
    };
    screen->mode = (EFI_GRAPHICS_OUTPUT_PROTOCOL_MODE){ .Info = &screen->info,
                                                        .FrameBufferBase = base,
                                                        .FrameBufferSize = 1376 * 768 * 4 };
    screen->output.Mode = &screen->mode;
    uefi_machine.devices[index].graphics = &screen->output;
}

static void lines_are_a_stride_apart(void **state)
{
    /* The distance of lines is PixelsPerScanLine, not the width; colours are where the format says. */
    struct handoff_framebuffer found = { 0 };
    struct screen screen;

    (void)state;
    attach(&screen, 1, 448 * GiB);
    assert_true(graphics_find(NO_LIMIT, &found));
    assert_int_equal(found.base, 448 * GiB);
    assert_int_equal(found.width_pixels, 1366);
    assert_int_equal(found.height_pixels, 768);
    assert_int_equal(found.stride_bytes, 1376 * 4);
    assert_int_equal(found.size_bytes, 1376 * 768 * 4);
    assert_int_equal(found.bits_per_pixel, 32);
    assert_int_equal(found.red_mask, 0xff0000);
    screen.info.PixelFormat = PixelRedGreenBlueReserved8BitPerColor;
    assert_true(graphics_find(NO_LIMIT, &found));
    assert_int_equal(found.red_mask, 0xff);
    assert_int_equal(found.blue_mask, 0xff0000);
}

static void bit_masks(void **state)
{
    /* Colours given as masks are passed on, with pixels as large as the highest bit of all. */
    struct handoff_framebuffer found = { 0 };
    struct screen screen;

    (void)state;
    attach(&screen, 0, GiB);
    screen.info.PixelFormat = PixelBitMask;
    screen.info.PixelInformation = (EFI_PIXEL_BITMASK){ 0x3ff00000, 0xffc00, 0x3ff, 0xc0000000 };
    assert_true(graphics_find(NO_LIMIT, &found));
    assert_int_equal(found.bits_per_pixel, 32);
    assert_int_equal(found.red_mask, 0x3ff00000);
    screen.info.PixelInformation = (EFI_PIXEL_BITMASK){ 0xf800, 0x7e0, 0x1f, 0 };
    assert_true(graphics_find(NO_LIMIT, &found));
    assert_int_equal(found.bits_per_pixel, 16);
    assert_int_equal(found.stride_bytes, 1376 * 2);
    screen.info.PixelInformation = (EFI_PIXEL_BITMASK){ 0 };
    assert_false(graphics_find(NO_LIMIT, &found));
}

static void the_console_screen_is_preferred(void **state)
{
    /* The output behind the console wins, then one that shows the console, then any that has a
     * framebuffer. */
    struct handoff_framebuffer found = { 0 };
    struct screen first;
    struct screen second;
    struct screen third;

    (void)state;
    attach(&first, 0, 1 * GiB);
    attach(&second, 1, 2 * GiB);
    attach(&third, 2, 3 * GiB);
    assert_true(graphics_find(NO_LIMIT, &found));
    assert_int_equal(found.base, 1 * GiB);
    uefi_machine.devices[1].shows_console = true;
    assert_true(graphics_find(NO_LIMIT, &found));
    assert_int_equal(found.base, 2 * GiB);
    uefi.system->ConsoleOutHandle = uefi_machine_handle(2);
    assert_true(graphics_find(NO_LIMIT, &found));
    assert_int_equal(found.base, 3 * GiB);
    third.info.PixelFormat = PixelBltOnly;
    assert_true(graphics_find(NO_LIMIT, &found));
    assert_int_equal(found.base, 2 * GiB);
    uefi.system->ConsoleOutHandle = NULL;
}

/* One thing is wrong with the only screen: the machine is headless. */
#define HEADLESS(field, value)                                                                     \
    do {                                                                                           \
        struct handoff_framebuffer none = { .base = 99 };                                          \
        struct screen ghost;                                                                       \
                                                                                                   \
        attach(&ghost, 0, GiB);                                                                    \
        ghost.field = (value);                                                                     \
        assert_false(graphics_find(NO_LIMIT, &none));                                              \
        assert_int_equal(none.base, 99);                                                           \
    } while (0)

static void ghosts_are_passed_over(void **state)
{
    /* Outputs without a linear framebuffer, or whose numbers make no sense, are none. */
    struct handoff_framebuffer found = { 0 };
    struct screen screen;

    (void)state;
    assert_false(graphics_find(NO_LIMIT, &found));
    HEADLESS(info.PixelFormat, PixelBltOnly);
    HEADLESS(info.PixelFormat, PixelFormatMax);
    HEADLESS(info.PixelsPerScanLine, 1365);
    HEADLESS(info.PixelsPerScanLine, 0x40000000);
    HEADLESS(info.HorizontalResolution, 0);
    HEADLESS(info.VerticalResolution, 0);
    HEADLESS(mode.FrameBufferBase, 0);
    HEADLESS(mode.FrameBufferBase, UINT64_MAX - 1000);
    HEADLESS(mode.FrameBufferSize, 1376 * 4 - 1);
    HEADLESS(mode.Info, NULL);
    HEADLESS(output.Mode, NULL);
    attach(&screen, 0, GiB);
    assert_false(graphics_find(GiB + screen.mode.FrameBufferSize - 1, &found));
    assert_true(graphics_find(GiB + screen.mode.FrameBufferSize, &found));
}

static void a_framebuffer_that_is_too_small(void **state)
{
    /* Lines for which the framebuffer has no room are left out. */
    struct handoff_framebuffer found = { 0 };
    struct screen screen;

    (void)state;
    attach(&screen, 0, GiB);
    screen.mode.FrameBufferSize = 1376 * 4 * 100 + 17;
    assert_true(graphics_find(NO_LIMIT, &found));
    assert_int_equal(found.height_pixels, 100);
    assert_true(found.size_bytes <= screen.mode.FrameBufferSize);
}

/* --- modes of a screen ------------------------------------------------------------------- */

#define MODES 4u

/* A screen that has modes; it starts in the second. */
static struct display {
    struct screen screen;
    EFI_GRAPHICS_OUTPUT_MODE_INFORMATION modes[MODES];
    uint32_t unknown; /* QueryMode() of it fails */
    uint32_t refused; /* SetMode() of it fails */
    uint32_t bare;    /* in it there is no framebuffer */
    unsigned sets;
} display;

static EFI_STATUS EFIAPI query_mode(struct _EFI_GRAPHICS_OUTPUT_PROTOCOL *output, UINT32 mode,
                                    UINTN *size, EFI_GRAPHICS_OUTPUT_MODE_INFORMATION **info)
{
    assert_true(mode < output->Mode->MaxMode);
    if (mode == display.unknown)
        return EFI_DEVICE_ERROR;
    *info = malloc(sizeof(**info));
    **info = display.modes[mode];
    *size = sizeof(**info);
    uefi_machine.pools_out++;
    return EFI_SUCCESS;
}

/* Of a screen that has more modes than anybody can list. */
static EFI_STATUS EFIAPI query_any_mode(struct _EFI_GRAPHICS_OUTPUT_PROTOCOL *output, UINT32 mode,
                                        UINTN *size, EFI_GRAPHICS_OUTPUT_MODE_INFORMATION **info)
{
    (void)mode;
    return query_mode(output, 1, size, info);
}

static EFI_STATUS EFIAPI set_mode(struct _EFI_GRAPHICS_OUTPUT_PROTOCOL *output, UINT32 mode)
{
    assert_true(mode < output->Mode->MaxMode);
    display.sets++;
    if (mode == display.refused)
        return EFI_DEVICE_ERROR;
    display.screen.info = display.modes[mode];
    display.screen.mode.Mode = mode;
    display.screen.mode.FrameBufferBase = mode == display.bare ? 0 : GiB;
    return EFI_SUCCESS;
}

static void attach_display(void)
{
    static const uint32_t sides[MODES][2] = {
        { 800, 600 }, { 1280, 800 }, { 3840, 2160 }, { 1920, 1080 }
    };

    display = (struct display){ .unknown = MODES, .refused = MODES, .bare = MODES };
    attach(&display.screen, 1, GiB);
    for (size_t i = 0; i < MODES; i++)
        display.modes[i] = (EFI_GRAPHICS_OUTPUT_MODE_INFORMATION){
            .HorizontalResolution = sides[i][0],
            .VerticalResolution = sides[i][1],
            .PixelFormat = PixelBlueGreenRedReserved8BitPerColor,
            .PixelsPerScanLine = sides[i][0],
        };
    display.screen.output.QueryMode = query_mode;
    display.screen.output.SetMode = set_mode;
    display.screen.mode.MaxMode = MODES;
    display.screen.mode.FrameBufferSize = 64 * MiB;
    display.screen.mode.Mode = 1;
    display.screen.info = display.modes[1];
}

static enum status wish_for(enum graphics_wish_kind kind, uint32_t width, uint32_t height,
                            struct refusal *refusal)
{
    struct graphics_wish wish = { kind, width, height };

    *refusal = (struct refusal){ 0 };
    return graphics_set_mode(&wish, NO_LIMIT, refusal);
}

static void expect_mode(uint32_t width, uint32_t height)
{
    struct handoff_framebuffer found = { 0 };

    assert_true(graphics_find(NO_LIMIT, &found));
    assert_int_equal(found.width_pixels, width);
    assert_int_equal(found.height_pixels, height);
}

static void modes_are_set_as_wished(void **state)
{
    /* The mode of the size that is wished for, or the largest, is set, what is there already stays
     * untouched, and the firmware gets back the mode that it had. */
    struct refusal refusal;

    (void)state;
    attach_display();
    assert_int_equal(wish_for(GRAPHICS_KEEP, 0, 0, &refusal), STATUS_OK);
    assert_int_equal(wish_for(GRAPHICS_EXACT, 1280, 800, &refusal), STATUS_OK);
    graphics_restore_mode();
    assert_int_equal(display.sets, 0);
    assert_int_equal(wish_for(GRAPHICS_EXACT, 1920, 1080, &refusal), STATUS_OK);
    expect_mode(1920, 1080);
    graphics_restore_mode();
    expect_mode(1280, 800);
    assert_int_equal(wish_for(GRAPHICS_LARGEST, 0, 0, &refusal), STATUS_OK);
    expect_mode(3840, 2160);
    assert_int_equal(wish_for(GRAPHICS_LARGEST, 0, 0, &refusal), STATUS_OK);
    assert_int_equal(display.sets, 3);
    graphics_restore_mode();
    graphics_restore_mode();
    expect_mode(1280, 800);
    assert_int_equal(display.sets, 4);
}

static void modes_that_are_not_there(void **state)
{
    /* A size that the screen does not have is refused with a list of those that it has; modes that
     * the firmware cannot describe, or that have no linear framebuffer, are none. */
    struct refusal refusal;

    (void)state;
    assert_int_equal(wish_for(GRAPHICS_LARGEST, 0, 0, &refusal), STATUS_OK);
    assert_int_equal(wish_for(GRAPHICS_EXACT, 800, 600, &refusal), STATUS_NOT_FOUND);
    attach_display();
    display.unknown = 2;
    display.modes[3].PixelFormat = PixelBltOnly;
    assert_int_equal(wish_for(GRAPHICS_EXACT, 3840, 2160, &refusal), STATUS_NOT_FOUND);
    assert_string_equal(refusal.reason,
                        "the screen has no mode of 3840x2160; it has 800x600, 1280x800");
    assert_int_equal(wish_for(GRAPHICS_EXACT, 1920, 1080, &refusal), STATUS_NOT_FOUND);
    assert_int_equal(wish_for(GRAPHICS_LARGEST, 0, 0, &refusal), STATUS_OK);
    assert_int_equal(display.sets, 0);
    for (size_t i = 0; i < MODES; i++)
        display.modes[i].HorizontalResolution = 0;
    assert_int_equal(wish_for(GRAPHICS_EXACT, 800, 600, &refusal), STATUS_NOT_FOUND);
    assert_non_null(strstr(refusal.reason, "it has none"));
    expect_mode(1280, 800);
}

static void modes_that_fail(void **state)
{
    /* Where a mode cannot be set, or has no framebuffer then, the screen is as it was before. */
    struct refusal refusal;

    (void)state;
    attach_display();
    display.refused = 2;
    display.bare = 3;
    assert_int_equal(wish_for(GRAPHICS_LARGEST, 0, 0, &refusal), STATUS_IO);
    assert_non_null(strstr(refusal.reason, "could not set mode 2"));
    expect_mode(1280, 800);
    assert_int_equal(wish_for(GRAPHICS_EXACT, 1920, 1080, &refusal), STATUS_UNSUPPORTED);
    expect_mode(1280, 800);
    assert_int_equal(display.sets, 4);
    graphics_restore_mode();
    assert_int_equal(display.sets, 4);
}

static void lists_of_modes_are_cut(void **state)
{
    /* However many modes there are, the list of them ends, whole sizes long. */
    struct refusal refusal;
    const char *end;

    (void)state;
    attach_display();
    display.screen.mode.MaxMode = UINT32_MAX;
    display.screen.output.QueryMode = query_any_mode;
    assert_int_equal(wish_for(GRAPHICS_EXACT, 1, 1, &refusal), STATUS_NOT_FOUND);
    end = refusal.reason + strlen(refusal.reason) - strlen("1280x800 and more");
    assert_string_equal(end, "1280x800 and more");
    assert_int_equal(display.sets, 0);
}

#define MACHINE_TEST(test) cmocka_unit_test_setup_teardown(test, start_machine, stop_machine)

int main(void)
{
    const struct CMUnitTest tests[] = {
        MACHINE_TEST(lines_are_a_stride_apart),        MACHINE_TEST(bit_masks),
        MACHINE_TEST(the_console_screen_is_preferred), MACHINE_TEST(ghosts_are_passed_over),
        MACHINE_TEST(a_framebuffer_that_is_too_small), MACHINE_TEST(modes_are_set_as_wished),
        MACHINE_TEST(modes_that_are_not_there),        MACHINE_TEST(modes_that_fail),
        MACHINE_TEST(lists_of_modes_are_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
