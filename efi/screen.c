/* SPDX-License-Identifier: BSD-2-Clause
 *
 * screen.c - see screen.h.
 *
 * Firmware draws slowly, and a serial line is slower: callers write the rows that changed, and
 * clear the screen only when all of it is another one.
 */
#include "screen.h"

#include "console.h"
#include "lib/print.h"

#define POLL_MILLISECONDS   10u
#define LONG_MILLISECONDS   60000u
#define KEYBOARD_ERRORS_MAX 100u /* in a row */

static unsigned keyboard_errors;

static const UINTN attributes[] = {
    [SCREEN_PLAIN] = EFI_LIGHTGRAY | EFI_BACKGROUND_BLACK,
    [SCREEN_BRIGHT] = EFI_WHITE | EFI_BACKGROUND_BLACK,
    [SCREEN_TITLE] = EFI_WHITE | EFI_BACKGROUND_BLUE,
    [SCREEN_CHOSEN] = EFI_BLACK | EFI_BACKGROUND_LIGHTGRAY,
    [SCREEN_HINT] = EFI_CYAN | EFI_BACKGROUND_BLACK,
    [SCREEN_WARNING] = EFI_YELLOW | EFI_BACKGROUND_BLACK,
};

static SIMPLE_TEXT_OUTPUT_INTERFACE *output(void)
{
    return uefi.system->ConOut;
}

static void use_colour(enum screen_colour colour)
{
    if (output() != NULL)
        output()->SetAttribute(output(), attributes[colour]);
}

void screen_clear(void)
{
    if (output() == NULL)
        return;
    use_colour(SCREEN_PLAIN);
    output()->ClearScreen(output());
    output()->EnableCursor(output(), FALSE);
}

void screen_release(void)
{
    if (output() == NULL)
        return;
    screen_clear();
    output()->EnableCursor(output(), TRUE);
}

unsigned screen_rows(void)
{
    UINTN columns = 0;
    UINTN rows = 0;

    if (output() == NULL || output()->Mode == NULL ||
        EFI_ERROR(output()->QueryMode(output(), (UINTN)output()->Mode->Mode, &columns, &rows)) ||
        rows < SCREEN_MIN_ROWS)
        return SCREEN_MIN_ROWS;
    return (unsigned)rows;
}

void screen_line(unsigned row, enum screen_colour colour, const char *format, ...)
{
    char text[SCREEN_COLUMNS + 1];
    va_list arguments;

    if (output() == NULL)
        return;
    va_start(arguments, format);
    print_buffer_va(text, sizeof(text), format, arguments);
    va_end(arguments);
    output()->SetCursorPosition(output(), 0, row);
    use_colour(colour);
    console_print("%-*s", (int)SCREEN_COLUMNS, text);
    use_colour(SCREEN_PLAIN);
}

void screen_cursor(unsigned row, unsigned column)
{
    if (output() == NULL)
        return;
    output()->SetCursorPosition(output(), column, row);
    output()->EnableCursor(output(), TRUE);
}

bool screen_has_keys(void)
{
    return uefi.system->ConIn != NULL && keyboard_errors < KEYBOARD_ERRORS_MAX;
}

/* Whether there was a key. A keyboard that has none says so; one that only fails is broken. */
static bool read_key(EFI_INPUT_KEY *key)
{
    EFI_STATUS status = uefi.system->ConIn->ReadKeyStroke(uefi.system->ConIn, key);

    if (status == EFI_SUCCESS || status == EFI_NOT_READY)
        keyboard_errors = 0;
    else
        keyboard_errors++;
    return status == EFI_SUCCESS;
}

bool screen_key(unsigned milliseconds, EFI_INPUT_KEY *key)
{
    for (unsigned waited = 0; screen_has_keys(); waited += POLL_MILLISECONDS) {
        if (read_key(key))
            return true;
        if (waited >= milliseconds)
            break;
        uefi.boot->Stall(POLL_MILLISECONDS * 1000u);
    }
    return false;
}

EFI_INPUT_KEY screen_wait_key(void)
{
    EFI_INPUT_KEY key;

    while (screen_has_keys()) {
        if (screen_key(LONG_MILLISECONDS, &key))
            return key;
    }
    return (EFI_INPUT_KEY){ .ScanCode = SCAN_ESC };
}
