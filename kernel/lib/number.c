/* SPDX-License-Identifier: BSD-2-Clause
 *
 * number.c - numbers as people write them.
 *
 * One pass from left to right over a text that nobody has checked. Digits are gathered with
 * overflow checks; an underscore counts only when a digit follows it, so that "1_" ends behind
 * the 1; "0x" counts only when a hexadecimal digit follows, so that "0xyz" is the number 0. The
 * unit is a shift, checked by shifting back.
 */

#include "lib/number.h"
#include "lib/bits.h"

#define NO_DIGIT 16u /* larger than any digit */

static unsigned digit_value(char character)
{
    if (character >= '0' && character <= '9')
        return (unsigned)(character - '0');
    if (character >= 'a' && character <= 'f')
        return (unsigned)(character - 'a') + 10;
    if (character >= 'A' && character <= 'F')
        return (unsigned)(character - 'A') + 10;
    return NO_DIGIT;
}

static bool is_digit(char character, unsigned base)
{
    return digit_value(character) < base;
}

/* At least one digit stands at *text. */
static enum status scan_digits(const char **text, unsigned base, uint64_t *value)
{
    const char *p = *text;
    uint64_t sum = 0;

    while (is_digit(*p, base) || (*p == '_' && is_digit(p[1], base))) {
        if (*p == '_')
            p++;
        if (!checked_mul(sum, base, &sum) || !checked_add(sum, digit_value(*p), &sum))
            return STATUS_OVERFLOW;
        p++;
    }
    *text = p;
    *value = sum;
    return STATUS_OK;
}

/* The binary unit at *text as a number of bits to shift; 0, and *text as it was, without one. */
static unsigned scan_unit(const char **text)
{
    static const char units[] = "KMGT";
    const char *p = *text;

    for (unsigned i = 0; units[i] != '\0'; i++) {
        if ((*p & ~0x20) != units[i])
            continue;
        *text = p[1] == 'i' && p[2] == 'B' ? p + 3 : p + 1;
        return 10 * (i + 1);
    }
    return 0;
}

enum status number_scan(const char **text, uint64_t *value)
{
    const char *p = *text;
    unsigned base = 10;
    unsigned shift;
    uint64_t number;
    enum status status;

    if (p[0] == '0' && (p[1] | 0x20) == 'x' && is_digit(p[2], 16)) {
        base = 16;
        p += 2;
    }
    if (!is_digit(*p, base))
        return STATUS_INVALID;
    status = scan_digits(&p, base, &number);
    if (status != STATUS_OK)
        return status;
    shift = scan_unit(&p);
    if ((number << shift) >> shift != number)
        return STATUS_OVERFLOW;
    *text = p;
    *value = number << shift;
    return STATUS_OK;
}

enum status number_parse(const char *text, uint64_t *value)
{
    uint64_t number;
    enum status status = number_scan(&text, &number);

    if (status != STATUS_OK)
        return status;
    if (*text != '\0')
        return STATUS_INVALID;
    *value = number;
    return STATUS_OK;
}
