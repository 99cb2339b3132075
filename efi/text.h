/* SPDX-License-Identifier: BSD-2-Clause
 *
 * text.h - slices of text, and the way between the firmware's UTF-16 and everybody's UTF-8.
 *
 * Inside the loader text is UTF-8, in slices that point into somebody's buffer and have no
 * terminator. Outside text is checked before it is used: overlong forms, surrogates and
 * what lies beyond U+10FFFF are refused (Unicode 15, 3.9, tables 3-6 and 3-7).
 */
#ifndef MERIDIAN_EFI_TEXT_H
#define MERIDIAN_EFI_TEXT_H

#include "lib/status.h"
#include "lib/types.h"

struct text {
    const char *start; /* NULL where there is none */
    size_t size_bytes;
};

#define TEXT_LITERAL(literal) ((struct text){ (literal), sizeof(literal) - 1 })

/* Both ends without blanks and tabs (and the CR of a foreign line end). */
struct text text_trim(struct text text);

/* The part before the first blank or tab; `text` becomes what follows it, trimmed. A word that
 * begins with a quotation mark ends at the next one, and comes without them. */
struct text text_take_word(struct text *text);

bool text_equal(struct text text, const char *string);

/* Whether it ends as `string` does, capitals or not; `string` is in lower case. */
bool text_ends_with(struct text text, const char *string);

/* Offset of the first byte that is no UTF-8, or size_bytes when all is well. */
size_t text_bad_utf8(struct text text);

/* UTF-8 to UTF-16, terminated. STATUS_CORRUPT: not UTF-8. STATUS_NO_SPACE: more than `capacity`
 * units, the terminator included. */
enum status text_to_utf16(struct text text, uint16_t *units, size_t capacity);

/* At most `count` units of UTF-16, up to the first 0, to UTF-8. STATUS_CORRUPT where a half
 * surrogate or a control character other than a tab shows that it is no text. */
enum status text_from_utf16(const uint16_t *units, size_t count, char *buffer, size_t capacity,
                            struct text *text);

#endif
