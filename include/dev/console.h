/* SPDX-License-Identifier: BSD-2-Clause
 *
 * dev/console.h - every device that shows text, as one; and the keys that come back.
 *
 * Output goes to the serial line, to the debug console (port 0xE9) and to the screen, whichever are
 * there; print() of lib/print.h ends here. Input comes from the serial line and the keyboard. Text is
 * sent at once, not queued, so that the last words of a kernel in trouble are seen; only the screen
 * may be some moments behind, until console_read() or console_flush().
 */
#ifndef MERIDIAN_DEV_CONSOLE_H
#define MERIDIAN_DEV_CONSOLE_H

#include "lib/print.h"
#include "lib/status.h"
#include "mm/handoff_adopt.h"

/* Probes the devices. `serial_options` is what follows "console=" ("ttyS0,115200"), or NULL for
 * the first port at 115200 baud. A device that is missing is left out, and STATUS_NOT_FOUND says that the
 * serial line is; STATUS_INVALID: the options make no sense, nothing was changed. May be called
 * again, with other options. Early. */
enum status console_init(const char *serial_options);

/* The screen that the handoff tells of, with all text so far, and the keyboard; a log line says what
 * was found. After vmm_init(). Early, once. */
void console_start_screen(const struct handoff_view *machine);

/* Takes text, to all devices; "\n" becomes what each device needs. One piece is never broken by
 * another processor's. Any context. */
struct print_sink *console_sink(void);

/* The same without the screen: for what only a terminal understands. */
struct print_sink *console_line_sink(void);

/* Whether JSON events go to the console from now on: else json_console() is NULL. */
void console_enable_json(bool enabled);

/* Whether anything can be typed at all. */
bool console_has_input(void);

/* A character that was typed, if there is one. Does not wait. One reader. */
bool console_read(char *character);

/* Shows on the screen what is not shown yet: before a machine stops for good. */
void console_flush(void);

/* "ttyS0 at I/O port 0x3f8, 115200 baud", "none" ... for the boot log. */
void console_describe(struct print_sink *sink);

#endif
