/* SPDX-License-Identifier: BSD-2-Clause
 *
 * text.c - see text.h. Pure: no firmware call, also built hosted.
 */
#include "text.h"

#include "lib/string.h"

#define LAST_CODE_POINT     0x10ffffu
#define FIRST_SURROGATE     0xd800u
#define FIRST_LOW_SURROGATE 0xdc00u
#define LAST_SURROGATE      0xdfffu
#define FIRST_SUPPLEMENTARY 0x10000u
#define SURROGATE_SHIFT     10
#define SURROGATE_MASK      0x3ffu
#define CONTINUATION_SHIFT  6
#define CONTINUATION_MASK   0x3fu
#define DELETE_CHARACTER    0x7fu

/* --- slices ------------------------------------------------------------------------------ */

static bool is_blank(char character)
{
    return character == ' ' || character == '\t' || character == '\r';
}

struct text text_trim(struct text text)
{
    while (text.size_bytes > 0 && is_blank(text.start[0])) {
        text.start++;
        text.size_bytes--;
    }
    while (text.size_bytes > 0 && is_blank(text.start[text.size_bytes - 1]))
        text.size_bytes--;
    return text;
}

static struct text text_from(struct text text, size_t offset)
{
    return (struct text){ text.start + offset, text.size_bytes - offset };
}

struct text text_take_word(struct text *text)
{
    bool quoted = text->size_bytes > 0 && text->start[0] == '"';
    struct text rest = text_from(*text, quoted ? 1 : 0);
    struct text word = { rest.start, 0 };

    while (word.size_bytes < rest.size_bytes) {
        char character = rest.start[word.size_bytes];

        if (quoted ? character == '"' : is_blank(character))
            break;
        word.size_bytes++;
    }
    if (word.size_bytes < rest.size_bytes)
        *text = text_trim(text_from(rest, word.size_bytes + 1));
    else
        *text = text_from(rest, rest.size_bytes);
    return word;
}

bool text_equal(struct text text, const char *string)
{
    return text.size_bytes == strlen(string) && memcmp(text.start, string, text.size_bytes) == 0;
}

static char lower_case(char character)
{
    return character >= 'A' && character <= 'Z' ? (char)(character + 'a' - 'A') : character;
}

bool text_ends_with(struct text text, const char *string)
{
    size_t length = strlen(string);
    size_t start = text.size_bytes - length;

    if (text.size_bytes < length)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (lower_case(text.start[start + i]) != string[i])
            return false;
    }
    return true;
}

/* --- UTF-8 ------------------------------------------------------------------------------- */

/* Bytes of the sequence that begins with `lead`; 0 where none can. */
static size_t sequence_bytes(uint8_t lead)
{
    if (lead < 0x80)
        return 1;
    if (lead >= 0xc2 && lead <= 0xdf)
        return 2;
    if (lead >= 0xe0 && lead <= 0xef)
        return 3;
    return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}

static bool is_surrogate(uint32_t code_point)
{
    return code_point >= FIRST_SURROGATE && code_point <= LAST_SURROGATE;
}

/* Reads one code point at `offset`; returns its bytes, or 0 where there is no valid one. */
static size_t read_utf8(struct text text, size_t offset, uint32_t *code_point)
{
    /* The least code point that needs so many bytes: less is an overlong form. */
    static const uint32_t least[5] = { 0, 0, 0x80, 0x800, FIRST_SUPPLEMENTARY };
    const uint8_t *bytes = (const uint8_t *)text.start + offset;
    size_t size = sequence_bytes(bytes[0]);
    uint32_t value = bytes[0];

    if (size == 0 || size > text.size_bytes - offset)
        return 0;
    if (size > 1)
        value &= 0x7fu >> size;
    for (size_t i = 1; i < size; i++) {
        if ((bytes[i] & ~CONTINUATION_MASK) != 0x80)
            return 0;
        value = value << CONTINUATION_SHIFT | (bytes[i] & CONTINUATION_MASK);
    }
    if (value < least[size] || value > LAST_CODE_POINT || is_surrogate(value))
        return 0;
    *code_point = value;
    return size;
}

size_t text_bad_utf8(struct text text)
{
    size_t offset = 0;

    while (offset < text.size_bytes) {
        uint32_t code_point;
        size_t size = read_utf8(text, offset, &code_point);

        if (size == 0)
            return offset;
        offset += size;
    }
    return offset;
}

/* Appends bytes of one code point; returns their number, or 0 when they don't fit. */
static size_t write_utf8(uint32_t value, char *buffer, size_t room)
{
    size_t size = value < 0x80 ? 1 : value < 0x800 ? 2 : value < FIRST_SUPPLEMENTARY ? 3 : 4;
    uint32_t lead_mark = size == 1 ? 0 : (0xf00u >> size) & 0xffu;

    if (size > room)
        return 0;
    for (size_t i = size - 1; i > 0; i--) {
        buffer[i] = (char)(0x80u | (value & CONTINUATION_MASK));
        value >>= CONTINUATION_SHIFT;
    }
    buffer[0] = (char)(lead_mark | value);
    return size;
}

/* --- UTF-16 ------------------------------------------------------------------------------ */

enum status text_to_utf16(struct text text, uint16_t *units, size_t capacity)
{
    size_t count = 0;

    for (size_t offset = 0; offset < text.size_bytes;) {
        uint32_t value;
        size_t size = read_utf8(text, offset, &value);
        size_t needed = size < 4 ? 1 : 2;

        if (size == 0)
            return STATUS_CORRUPT;
        if (count + needed >= capacity)
            return STATUS_NO_SPACE;
        if (needed == 2) {
            value -= FIRST_SUPPLEMENTARY;
            units[count++] = (uint16_t)(FIRST_SURROGATE | value >> SURROGATE_SHIFT);
            value = FIRST_LOW_SURROGATE | (value & SURROGATE_MASK);
        }
        units[count++] = (uint16_t)value;
        offset += size;
    }
    if (count >= capacity)
        return STATUS_NO_SPACE;
    units[count] = 0;
    return STATUS_OK;
}

/* Reads one code point at `index`; returns its units, or 0 where there is no valid one. */
static size_t read_utf16(const uint16_t *units, size_t count, size_t index, uint32_t *code_point)
{
    uint32_t high = units[index];
    uint32_t low;

    if (!is_surrogate(high)) {
        *code_point = high;
        return 1;
    }
    if (high >= FIRST_LOW_SURROGATE || index + 1 >= count)
        return 0;
    low = units[index + 1];
    if (low < FIRST_LOW_SURROGATE || low > LAST_SURROGATE)
        return 0;
    *code_point =
        FIRST_SUPPLEMENTARY + ((high & SURROGATE_MASK) << SURROGATE_SHIFT | (low & SURROGATE_MASK));
    return 2;
}

static bool is_control(uint32_t value)
{
    return (value < ' ' && value != '\t') || value == DELETE_CHARACTER;
}

enum status text_from_utf16(const uint16_t *units, size_t count, char *buffer, size_t capacity,
                            struct text *text)
{
    size_t used = 0;

    for (size_t i = 0; i < count && units[i] != 0;) {
        uint32_t value;
        size_t taken = read_utf16(units, count, i, &value);
        size_t size;

        if (taken == 0 || is_control(value))
            return STATUS_CORRUPT;
        size = write_utf8(value, buffer + used, capacity - used);
        if (size == 0)
            return STATUS_NO_SPACE;
        used += size;
        i += taken;
    }
    *text = (struct text){ buffer, used };
    return STATUS_OK;
}
