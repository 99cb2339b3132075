/* SPDX-License-Identifier: BSD-2-Clause
 *
 * console.h - what the loader shows, and the key that it waits for.
 *
 * The firmware's console is the screen and, where firmware is set up so, the serial line. Either
 * half may be missing: everything here then does nothing, or only waits. Never to be used
 * between the last memory map and the end of the boot services: one printed line changes the map.
 */
#ifndef MERIDIAN_EFI_CONSOLE_H
#define MERIDIAN_EFI_CONSOLE_H

#include "lib/types.h"
#include "refusal.h"

[[gnu::format(printf, 1, 2)]] void console_print(const char *format, ...);

/* Until a key is pressed (true), or the time is over (false). */
bool console_wait_key(unsigned seconds);

/* The whole of a refusal; `what` says what does not happen for it, without a full stop. */
void console_show_refusal(const char *what, const struct refusal *refusal);

#endif
