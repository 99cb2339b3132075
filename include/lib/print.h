/* SPDX-License-Identifier: BSD-2-Clause
 *
 * lib/print.h - formatted text into anything that takes characters.
 *
 * Conversions: %d %i %u %x %X %c %s %p %% with the lengths hh h l ll z, the flags '-' '0' '#' and
 * '+', width and precision (both also as '*'). No floating point. Whatever is not known is printed
 * as it stands, so that a wrong format loses no text. Nothing is allocated. Any context in which
 * the sink may be called.
 */
#ifndef MERIDIAN_LIB_PRINT_H
#define MERIDIAN_LIB_PRINT_H

#include <stdarg.h>
#include "lib/types.h"

/* Where text goes. `write` is called with pieces of any size, in order. */
struct print_sink {
    void (*write)(struct print_sink *sink, const char *text, size_t size);
};

[[gnu::format(printf, 2, 3)]] void print_to(struct print_sink *sink, const char *format, ...);
[[gnu::format(printf, 2, 0)]] void print_to_va(struct print_sink *sink, const char *format,
                                               va_list arguments);

/* A sink that keeps what it is told in `text`, terminated after each piece. */
struct print_text {
    struct print_sink sink;
    char *text;
    size_t size;   /* bytes at `text` */
    size_t length; /* of the whole text, which is >= size when it was cut */
};

/* An empty one: `text` is terminated at once when size > 0. */
void print_text_begin(struct print_text *to, char *text, size_t size);

/* Into `buffer` of `size` bytes, always terminated when size > 0. Returns the length that the
 * whole text has, which is >= size when it was cut. */
[[gnu::format(printf, 3, 4)]] size_t print_buffer(char *buffer, size_t size, const char *format,
                                                  ...);
[[gnu::format(printf, 3, 0)]] size_t print_buffer_va(char *buffer, size_t size, const char *format,
                                                     va_list arguments);

/* To the console: every device that shows text (serial line, debug console). Interrupts may be on
 * or off. Hosted builds print to standard output. */
[[gnu::format(printf, 1, 2)]] void print(const char *format, ...);

#endif
