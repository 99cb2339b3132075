/* SPDX-License-Identifier: BSD-2-Clause
 *
 * say.c - words on COM1. QEMU's serial port takes a byte at any time: it need not be waited for.
 */
#include "hostile.h"

#include "../bench/boot/out.h"

#define MAX_DIGITS 24u

static void say_number(UINTN value, UINTN base)
{
    char digits[MAX_DIGITS];
    UINTN at = sizeof(digits) - 1;

    digits[at] = 0;
    do {
        digits[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    out_text(digits + at);
}

static void say_wide(const CHAR16 *text)
{
    for (; *text != 0; text++)
        out_byte(COM1_PORT, *text < 0x80 ? (UINT8)*text : '?');
}

void say(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    for (; *format != 0; format++) {
        if (*format != '%') {
            out_byte(COM1_PORT, (UINT8)*format);
            continue;
        }
        format++;
        if (*format == 's')
            out_text(va_arg(arguments, const char *));
        else if (*format == 'w')
            say_wide(va_arg(arguments, const CHAR16 *));
        else
            say_number(va_arg(arguments, UINTN), *format == 'x' ? 16 : 10);
    }
    va_end(arguments);
}

void say_status(EFI_STATUS status)
{
    CHAR16 name[64];

    StatusToString(name, status);
    say("%w", name);
}

void hang(void)
{
    say("HOSTILE: it hangs\r\n");
    for (;;)
        __asm__ volatile("pause");
}
