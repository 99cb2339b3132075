/* SPDX-License-Identifier: BSD-2-Clause
 *
 * console.c - see console.h. Printing is slow (the firmware draws every character into the
 * framebuffer), so a start that succeeds prints nothing.
 */
#include "console.h"

#include "lib/print.h"
#include "text.h"
#include "uefi.h"

#define PIECE_UNITS       80u
#define POLL_MICROSECONDS 50000u
#define POLLS_A_SECOND    20u

struct console_sink {
    struct print_sink sink;
    size_t used;
    CHAR16 units[PIECE_UNITS + 1];
};

static void flush(struct console_sink *console)
{
    SIMPLE_TEXT_OUTPUT_INTERFACE *output = uefi.system->ConOut;

    console->units[console->used] = 0;
    if (output != NULL && console->used > 0)
        output->OutputString(output, console->units);
    console->used = 0;
}

static void put(struct console_sink *console, CHAR16 unit)
{
    if (console->used == PIECE_UNITS)
        flush(console);
    console->units[console->used++] = unit;
}

/* Bytes beyond ASCII (a path in some language) become question marks: serial lines show no more. */
static void write(struct print_sink *sink, const char *text, size_t size)
{
    struct console_sink *console = CONTAINER_OF(sink, struct console_sink, sink);

    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\n')
            put(console, L'\r');
        put(console, (uint8_t)text[i] < 0x80 ? (CHAR16)text[i] : L'?');
    }
}

void console_print(const char *format, ...)
{
    struct console_sink console = { .sink = { write } };
    va_list arguments;

    va_start(arguments, format);
    print_to_va(&console.sink, format, arguments);
    va_end(arguments);
    flush(&console);
}

bool console_wait_key(unsigned seconds)
{
    SIMPLE_INPUT_INTERFACE *input = uefi.system->ConIn;
    EFI_INPUT_KEY key;

    for (unsigned i = 0; i < seconds * POLLS_A_SECOND; i++) {
        if (input != NULL && !EFI_ERROR(input->ReadKeyStroke(input, &key)))
            return true;
        uefi.boot->Stall(POLL_MICROSECONDS);
    }
    return false;
}

void console_show_refusal(const char *what, const struct refusal *refusal)
{
    console_print("\n%s (%s).\n", what, status_name(refusal->status));
    if (refusal->place[0] != '\0')
        console_print("  where  %s\n", refusal->place);
    console_print("  why    %s.\n  next   %s\n", refusal->reason, refusal->next);
}
