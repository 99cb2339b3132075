/* SPDX-License-Identifier: BSD-2-Clause
 *
 * console.c - what the loader prints is kept, so that the shim can tell what it said; what a user
 * types comes from the line of the scenario.
 */
#include "hostile.h"

EFI_STATUS EFIAPI hostile_output(SIMPLE_TEXT_OUTPUT_INTERFACE *output, CHAR16 *text)
{
    for (UINTN i = 0; text[i] != 0 && run.said_bytes + 1 < SAID_BYTES; i++)
        run.said[run.said_bytes++] = text[i] < 0x80 ? (CHAR8)text[i] : '?';
    if (site_fault_pending())
        return site_failure(SITE_OutputString);
    return hostility.quiet ? EFI_SUCCESS
                           : HONEST(SITE_OutputString, EFI_TEXT_OUTPUT_STRING)(output, text);
}

EFI_STATUS EFIAPI hostile_set_attribute(SIMPLE_TEXT_OUTPUT_INTERFACE *output, UINTN attribute)
{
    return hostility.quiet ? EFI_SUCCESS
                           : HONEST(SITE_SetAttribute, EFI_TEXT_SET_ATTRIBUTE)(output, attribute);
}

EFI_STATUS EFIAPI hostile_clear(SIMPLE_TEXT_OUTPUT_INTERFACE *output)
{
    return hostility.quiet ? EFI_SUCCESS : HONEST(SITE_ClearScreen, EFI_TEXT_CLEAR_SCREEN)(output);
}

EFI_STATUS EFIAPI hostile_cursor_position(SIMPLE_TEXT_OUTPUT_INTERFACE *output, UINTN column,
                                          UINTN row)
{
    return hostility.quiet
               ? EFI_SUCCESS
               : HONEST(SITE_SetCursorPosition, EFI_TEXT_SET_CURSOR_POSITION)(output, column, row);
}

EFI_STATUS EFIAPI hostile_enable_cursor(SIMPLE_TEXT_OUTPUT_INTERFACE *output, BOOLEAN visible)
{
    return hostility.quiet ? EFI_SUCCESS
                           : HONEST(SITE_EnableCursor, EFI_TEXT_ENABLE_CURSOR)(output, visible);
}

static EFI_INPUT_KEY key_of(CHAR8 letter)
{
    switch (letter) {
    case '~':
        return (EFI_INPUT_KEY){ 0, L'\r' };
    case '^':
        return (EFI_INPUT_KEY){ SCAN_UP, 0 };
    case 'v':
        return (EFI_INPUT_KEY){ SCAN_DOWN, 0 };
    case '_':
        return (EFI_INPUT_KEY){ 0, L' ' };
    case '!':
    case 0:
        return (EFI_INPUT_KEY){ SCAN_ESC, 0 };
    default:
        return (EFI_INPUT_KEY){ 0, letter };
    }
}

EFI_STATUS EFIAPI hostile_read_key(SIMPLE_INPUT_INTERFACE *input, EFI_INPUT_KEY *key)
{
    CHAR8 letter;

    if (hostility.keys[0] == 0)
        return HONEST(SITE_ReadKeyStroke, EFI_INPUT_READ_KEY)(input, key);
    letter = hostility.keys[run.key_at];
    if (letter != 0)
        run.key_at++;
    if (letter == '.')
        return EFI_NOT_READY;
    *key = key_of(letter);
    return EFI_SUCCESS;
}

/* Whether the words were printed, with blanks and line breaks anywhere. */
BOOLEAN console_said(const char *words)
{
    for (UINTN start = 0; start < run.said_bytes; start++) {
        UINTN at = start;
        const char *word = words;

        while (*word != 0 && at < run.said_bytes) {
            if (run.said[at] <= ' ')
                at++;
            else if (*word == ' ')
                word++;
            else if (run.said[at] == (CHAR8)*word) {
                at++;
                word++;
            } else
                break;
        }
        if (*word == 0)
            return TRUE;
    }
    return FALSE;
}

static SIMPLE_TEXT_OUTPUT_INTERFACE *screen;
static SIMPLE_INPUT_INTERFACE *keyboard;

void console_begin(void)
{
    screen = ST->ConOut;
    keyboard = ST->ConIn;
    if (hostility.no_console || hostility.no_output)
        ST->ConOut = NULL;
    if (hostility.no_console || hostility.no_input)
        ST->ConIn = NULL;
    sites_patch(SITE_OutputString, (service *)(VOID *)&screen->OutputString);
    sites_patch(SITE_SetAttribute, (service *)(VOID *)&screen->SetAttribute);
    sites_patch(SITE_ClearScreen, (service *)(VOID *)&screen->ClearScreen);
    sites_patch(SITE_SetCursorPosition, (service *)(VOID *)&screen->SetCursorPosition);
    sites_patch(SITE_EnableCursor, (service *)(VOID *)&screen->EnableCursor);
    sites_patch(SITE_QueryTextMode, (service *)(VOID *)&screen->QueryMode);
    sites_patch(SITE_ReadKeyStroke, (service *)(VOID *)&keyboard->ReadKeyStroke);
}

void console_end(void)
{
    ST->ConOut = screen;
    ST->ConIn = keyboard;
}
