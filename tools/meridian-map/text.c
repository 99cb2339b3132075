/* SPDX-License-Identifier: BSD-2-Clause
 *
 * text.c - reads a file of any origin as lines of ASCII.
 *
 * The Shell's `memmap > file` writes UTF-16; a capture of a serial line has carriage returns and
 * the escape sequences that place a cursor (ECMA-48: ESC [ parameters final byte). Both are undone
 * before anyone looks at a line. A 0 byte or a character beyond ASCII becomes '?', which no format
 * accepts where it counts.
 */
#include "text.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ESCAPE         '\033'
#define HEX_DIGITS_MAX 16 /* of 64 bits */

/* --- reading ----------------------------------------------------------------------------- */

/* Everything up to the end of the stream, and its size; NULL with errno. */
static char *read_stream(FILE *stream, size_t *size)
{
    size_t room = 1 << 16;
    char *bytes = malloc(room);

    *size = 0;
    while (bytes != NULL) {
        *size += fread(bytes + *size, 1, room - *size, stream);
        if (*size < room)
            break;
        room *= 2;
        char *larger = realloc(bytes, room);
        if (larger == NULL)
            free(bytes);
        bytes = larger;
    }
    if (bytes != NULL && ferror(stream)) {
        free(bytes);
        bytes = NULL;
    }
    return bytes;
}

static char *read_file(const char *path, size_t *size)
{
    FILE *stream = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    char *bytes = stream == NULL ? NULL : read_stream(stream, size);
    int error = errno;

    if (stream != NULL && stream != stdin)
        fclose(stream);
    errno = error;
    return bytes;
}

/* --- cleaning ---------------------------------------------------------------------------- */

/* UTF-16 with a byte-order mark to one byte a character, in place; the new size. */
static size_t narrow(char *bytes, size_t size)
{
    const unsigned char *in = (const unsigned char *)bytes;
    bool little = size >= 2 && in[0] == 0xff && in[1] == 0xfe;
    bool big = size >= 2 && in[0] == 0xfe && in[1] == 0xff;
    size_t out = 0;

    if (!little && !big)
        return size;
    for (size_t i = 2; i + 1 < size; i += 2) {
        unsigned character =
            little ? in[i] | (unsigned)in[i + 1] << 8 : in[i + 1] | (unsigned)in[i] << 8;

        bytes[out++] = character < 0x80 ? (char)character : '?';
    }
    return out;
}

/* The number of bytes of the escape sequence at `bytes`, or 0. */
static size_t escape_length(const char *bytes, size_t size)
{
    size_t length = 2;

    if (size < 2 || bytes[0] != ESCAPE || bytes[1] != '[')
        return 0;
    while (length < size && (bytes[length] < 0x40 || bytes[length] > 0x7e))
        length++;
    return length < size ? length + 1 : size;
}

static size_t clean(char *bytes, size_t size)
{
    size_t out = 0;

    for (size_t in = 0; in < size;) {
        size_t escape = escape_length(bytes + in, size - in);

        if (escape == 0 && bytes[in] != '\r')
            bytes[out++] = bytes[in] == '\0' ? '?' : bytes[in];
        in += escape == 0 ? 1 : escape;
    }
    return out;
}

/* Ends lines with 0 bytes and fills text->lines; there is room for a 0 behind the last byte. */
static bool split(struct text *text, size_t size)
{
    size_t line_ends = 0;

    text->bytes[size] = '\0';
    for (size_t i = 0; i < size; i++)
        line_ends += text->bytes[i] == '\n';
    text->lines = malloc((line_ends + 1) * sizeof(*text->lines));
    if (text->lines == NULL)
        return false;
    text->count = 0;
    for (char *at = text->bytes; at < text->bytes + size; at += strlen(at) + 1) {
        char *end = strchr(at, '\n');

        if (end != NULL)
            *end = '\0';
        text->lines[text->count++] = at;
    }
    return true;
}

bool text_read(const char *path, struct text *text)
{
    size_t size;

    *text = (struct text){ .bytes = read_file(path, &size) };
    if (text->bytes == NULL)
        return false;
    size = clean(text->bytes, narrow(text->bytes, size));
    if (split(text, size))
        return true;
    text_free(text);
    return false;
}

void text_free(struct text *text)
{
    free(text->bytes);
    free(text->lines);
    *text = (struct text){ 0 };
}

/* --- scanning ---------------------------------------------------------------------------- */

const char *skip_blanks(const char *at)
{
    while (*at == ' ' || *at == '\t')
        at++;
    return at;
}

bool scan_literal(const char **at, const char *literal)
{
    const char *start = skip_blanks(*at);

    if (strncmp(start, literal, strlen(literal)) != 0)
        return false;
    *at = start + strlen(literal);
    return true;
}

bool scan_hex(const char **at, uint64_t *value)
{
    const char *start = skip_blanks(*at);
    size_t digits = 0;

    if (start[0] == '0' && (start[1] == 'x' || start[1] == 'X'))
        start += 2;
    while (isxdigit((unsigned char)start[digits]))
        digits++;
    if (digits == 0 || digits > HEX_DIGITS_MAX)
        return false;
    *value = strtoull(start, NULL, 16);
    *at = start + digits;
    return true;
}

bool scan_decimal(const char **at, uint32_t *value)
{
    const char *start = skip_blanks(*at);
    uint64_t sum = 0;
    size_t digits = 0;

    for (; isdigit((unsigned char)start[digits]); digits++) {
        sum = 10 * sum + (uint64_t)(start[digits] - '0');
        if (sum > UINT32_MAX)
            return false;
    }
    if (digits == 0)
        return false;
    *value = (uint32_t)sum;
    *at = start + digits;
    return true;
}
