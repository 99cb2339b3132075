/* SPDX-License-Identifier: BSD-2-Clause
 *
 * print.c - formatted text, the same in kernel, loader and hosted programs.
 *
 * The format is cut into literal stretches and conversions. A conversion is first read into
 * struct conversion, then its argument is turned into a field: an optional prefix (sign, "0x"), zeros and
 * a body, which emit_field() pads to its width. Nothing is allocated; the largest body is the 20
 * digits of a 64-bit number. A conversion that is not known is emitted as it stands.
 *
 * There is no division: 64-bit ones do not exist on a bare i386, see divide_by_ten().
 */
#include "lib/print.h"

#include "lib/string.h"

#define MAX_DIGITS 20 /* of 2^64 - 1 */

#define BLOCK_SIZE 16

static const char blanks[BLOCK_SIZE + 1] = "                ";
static const char nulls[BLOCK_SIZE + 1] = "0000000000000000";

enum length { LENGTH_CHAR, LENGTH_SHORT, LENGTH_INT, LENGTH_LONG, LENGTH_LONG_LONG, LENGTH_SIZE };

struct conversion {
    bool left;      /* '-' */
    bool zero;      /* '0' */
    bool alternate; /* '#' */
    bool plus;      /* '+' */
    size_t width;
    bool has_precision;
    size_t precision;
    enum length length;
    char kind;
};

/* va_list may be an array type, which decays when passed: the structure keeps its address plain. */
struct arguments {
    va_list list;
};

static void emit(struct print_sink *sink, const char *text, size_t size)
{
    if (size > 0)
        sink->write(sink, text, size);
}

/* `block` is a text of one character repeated. */
static void emit_repeated(struct print_sink *sink, const char block[static BLOCK_SIZE],
                          size_t count)
{
    while (count > 0) {
        size_t size = count < BLOCK_SIZE ? count : BLOCK_SIZE;

        emit(sink, block, size);
        count -= size;
    }
}

/* prefix, zeros and body, padded to the width on the side that '-' says. */
static void emit_field(struct print_sink *sink, const struct conversion *conversion,
                       const char *prefix, size_t prefix_size, size_t zeros, const char *body,
                       size_t body_size)
{
    size_t used = prefix_size + zeros + body_size;
    size_t padding = conversion->width > used ? conversion->width - used : 0;

    if (!conversion->left)
        emit_repeated(sink, blanks, padding);
    emit(sink, prefix, prefix_size);
    emit_repeated(sink, nulls, zeros);
    emit(sink, body, body_size);
    if (conversion->left)
        emit_repeated(sink, blanks, padding);
}

/* The quotient; *digit gets the remainder. 1/10 is 0.1100110011...b / 8: the shifts sum that series
 * to 64 bits, and their loss is at most one, which the remainder shows. */
static uint64_t divide_by_ten(uint64_t value, char *digit)
{
    uint64_t quotient = (value >> 1) + (value >> 2);
    uint64_t rest;

    quotient += quotient >> 4;
    quotient += quotient >> 8;
    quotient += quotient >> 16;
    quotient += quotient >> 32;
    quotient >>= 3;
    rest = value - quotient * 10;
    if (rest >= 10) {
        quotient++;
        rest -= 10;
    }
    *digit = (char)('0' + rest);
    return quotient;
}

/* Digits of `value` at the end of `buffer`; where they begin. No digits for 0. */
static const char *decimal_digits(uint64_t value, char buffer[MAX_DIGITS])
{
    char *start = buffer + MAX_DIGITS;

    while (value != 0)
        value = divide_by_ten(value, --start);
    return start;
}

static const char *hexadecimal_digits(uint64_t value, bool upper, char buffer[MAX_DIGITS])
{
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    char *start = buffer + MAX_DIGITS;

    for (; value != 0; value >>= 4)
        *--start = digits[value & 15];
    return start;
}

/* A number of no more digits than the precision (1 unless given) gets zeros in front of it; so
 * does one that flag '0' fills up to the width. */
static void emit_number(struct print_sink *sink, const struct conversion *conversion,
                        const char *prefix, size_t prefix_size, uint64_t value)
{
    char buffer[MAX_DIGITS];
    bool hexadecimal = conversion->kind == 'x' || conversion->kind == 'X';
    const char *body = hexadecimal ? hexadecimal_digits(value, conversion->kind == 'X', buffer)
                                   : decimal_digits(value, buffer);
    size_t size = (size_t)(buffer + MAX_DIGITS - body);
    size_t wanted = conversion->has_precision ? conversion->precision : 1;

    if (conversion->zero && !conversion->left && !conversion->has_precision &&
        conversion->width > prefix_size + wanted)
        wanted = conversion->width - prefix_size;
    emit_field(sink, conversion, prefix, prefix_size, wanted > size ? wanted - size : 0, body,
               size);
}

static void emit_signed(struct print_sink *sink, const struct conversion *conversion, int64_t value)
{
    const char *prefix = value < 0 ? "-" : conversion->plus ? "+" : "";
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    emit_number(sink, conversion, prefix, *prefix != '\0', magnitude);
}

static void emit_unsigned(struct print_sink *sink, const struct conversion *conversion,
                          uint64_t value)
{
    const char *prefix = "";

    if (conversion->alternate && value != 0 && conversion->kind != 'u')
        prefix = conversion->kind == 'X' ? "0X" : "0x";
    emit_number(sink, conversion, prefix, *prefix != '\0' ? 2 : 0, value);
}

static void emit_text(struct print_sink *sink, const struct conversion *conversion,
                      const char *text)
{
    size_t size = 0;

    if (text == NULL)
        text = "(null)";
    while ((!conversion->has_precision || size < conversion->precision) && text[size] != '\0')
        size++;
    emit_field(sink, conversion, "", 0, 0, text, size);
}

static int64_t signed_argument(struct arguments *arguments, enum length length)
{
    switch (length) {
    case LENGTH_CHAR:
        return (signed char)va_arg(arguments->list, int);
    case LENGTH_SHORT:
        return (short)va_arg(arguments->list, int);
    case LENGTH_INT:
        return va_arg(arguments->list, int);
    case LENGTH_LONG:
        return va_arg(arguments->list, long);
    case LENGTH_LONG_LONG:
        return va_arg(arguments->list, long long);
    case LENGTH_SIZE:
        return va_arg(arguments->list, ptrdiff_t);
    }
    return 0;
}

static uint64_t unsigned_argument(struct arguments *arguments, enum length length)
{
    switch (length) {
    case LENGTH_CHAR:
        return (unsigned char)va_arg(arguments->list, unsigned);
    case LENGTH_SHORT:
        return (unsigned short)va_arg(arguments->list, unsigned);
    case LENGTH_INT:
        return va_arg(arguments->list, unsigned);
    case LENGTH_LONG:
        return va_arg(arguments->list, unsigned long);
    case LENGTH_LONG_LONG:
        return va_arg(arguments->list, unsigned long long);
    case LENGTH_SIZE:
        return va_arg(arguments->list, size_t);
    }
    return 0;
}

static const char *read_flags(const char *at, struct conversion *conversion)
{
    for (;; at++) {
        if (*at == '-')
            conversion->left = true;
        else if (*at == '0')
            conversion->zero = true;
        else if (*at == '#')
            conversion->alternate = true;
        else if (*at == '+')
            conversion->plus = true;
        else
            return at;
    }
}

/* A decimal number or '*'. A negative argument of a width means '-'; of a precision, none given:
 * `negative` says which it was. */
static const char *read_number(const char *at, struct arguments *arguments, size_t *number,
                               bool *negative)
{
    *number = 0;
    *negative = false;
    if (*at == '*') {
        int value = va_arg(arguments->list, int);

        *negative = value < 0;
        *number = value < 0 ? 0 - (size_t)value : (size_t)value;
        return at + 1;
    }
    for (; *at >= '0' && *at <= '9'; at++)
        *number = *number * 10 + (size_t)(*at - '0');
    return at;
}

static const char *read_length(const char *at, struct conversion *conversion)
{
    conversion->length = LENGTH_INT;
    if (*at == 'z') {
        conversion->length = LENGTH_SIZE;
        return at + 1;
    }
    if (*at == 'h') {
        conversion->length = at[1] == 'h' ? LENGTH_CHAR : LENGTH_SHORT;
        return at + (at[1] == 'h' ? 2 : 1);
    }
    if (*at == 'l') {
        conversion->length = at[1] == 'l' ? LENGTH_LONG_LONG : LENGTH_LONG;
        return at + (at[1] == 'l' ? 2 : 1);
    }
    return at;
}

/* What follows a '%', up to and including the letter. */
static const char *read_conversion(const char *at, struct arguments *arguments,
                                   struct conversion *conversion)
{
    bool negative;

    *conversion = (struct conversion){ 0 };
    at = read_flags(at, conversion);
    at = read_number(at, arguments, &conversion->width, &negative);
    conversion->left = conversion->left || negative;
    if (*at == '.') {
        at = read_number(at + 1, arguments, &conversion->precision, &negative);
        conversion->has_precision = !negative;
    }
    at = read_length(at, conversion);
    conversion->kind = *at;
    return *at != '\0' ? at + 1 : at;
}

static void emit_pointer(struct print_sink *sink, struct conversion *conversion, const void *value)
{
    conversion->kind = 'x';
    emit_number(sink, conversion, "0x", 2, (uintptr_t)value);
}

/* False when the letter is not known. */
static bool emit_conversion(struct print_sink *sink, struct conversion *conversion,
                            struct arguments *arguments)
{
    char character;

    switch (conversion->kind) {
    case 'd':
    case 'i':
        emit_signed(sink, conversion, signed_argument(arguments, conversion->length));
        return true;
    case 'u':
    case 'x':
    case 'X':
        emit_unsigned(sink, conversion, unsigned_argument(arguments, conversion->length));
        return true;
    case 'p':
        emit_pointer(sink, conversion, va_arg(arguments->list, const void *));
        return true;
    case 's':
        emit_text(sink, conversion, va_arg(arguments->list, const char *));
        return true;
    case 'c':
        character = (char)va_arg(arguments->list, int);
        emit_field(sink, conversion, "", 0, 0, &character, 1);
        return true;
    case '%':
        emit(sink, "%", 1);
        return true;
    default:
        return false;
    }
}

void print_to_va(struct print_sink *sink, const char *format, va_list arguments)
{
    struct arguments copy;

    va_copy(copy.list, arguments);
    while (*format != '\0') {
        const char *start = format;
        struct conversion conversion;

        while (*format != '\0' && *format != '%')
            format++;
        emit(sink, start, (size_t)(format - start));
        if (*format == '\0')
            break;
        start = format;
        format = read_conversion(format + 1, &copy, &conversion);
        if (!emit_conversion(sink, &conversion, &copy))
            emit(sink, start, (size_t)(format - start));
    }
    va_end(copy.list);
}

void print_to(struct print_sink *sink, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_to_va(sink, format, arguments);
    va_end(arguments);
}

/* --- into a buffer ----------------------------------------------------------------------- */

static void text_write(struct print_sink *sink, const char *text, size_t size)
{
    struct print_text *to = CONTAINER_OF(sink, struct print_text, sink);
    size_t room = to->length + 1 < to->size ? to->size - to->length - 1 : 0;
    size_t kept = size < room ? size : room;

    if (kept > 0) {
        memcpy(to->text + to->length, text, kept);
        to->text[to->length + kept] = '\0';
    }
    to->length += size;
}

void print_text_begin(struct print_text *to, char *text, size_t size)
{
    *to = (struct print_text){ .sink.write = text_write, .text = text, .size = size };
    if (size > 0)
        text[0] = '\0';
}

size_t print_buffer_va(char *buffer, size_t size, const char *format, va_list arguments)
{
    struct print_text to;

    print_text_begin(&to, buffer, size);
    print_to_va(&to.sink, format, arguments);
    return to.length;
}

size_t print_buffer(char *buffer, size_t size, const char *format, ...)
{
    va_list arguments;
    size_t length;

    va_start(arguments, format);
    length = print_buffer_va(buffer, size, format, arguments);
    va_end(arguments);
    return length;
}
