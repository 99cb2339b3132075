/* SPDX-License-Identifier: BSD-2-Clause
 *
 * string.c - memory and text, for images without a C library.
 *
 * Blocks move a machine word at a time, four words a turn: that is what general registers can do,
 * and it costs the same on a processor, in an emulator and when instructions are counted. Words
 * may be read and written at any alignment (x86 allows it), so there is no lead-in.
 *
 * The compiler knows what memset() looks like and would replace its loop by a call of memset();
 * KEEP_LOOP hides the pointer from it for one turn, at no cost.
 */
#include "lib/string.h"

typedef uintptr_t word_t [[gnu::may_alias, gnu::aligned(1)]];

#define WORD         sizeof(word_t)
#define TURN         (4 * WORD)
#define KEEP_LOOP(p) __asm__("" : "+r"(p))

/* From the first byte up. Each turn reads all of its words before it writes one, so that a target
 * below its source may overlap it. */
static void copy_upwards(unsigned char *target, const unsigned char *source, size_t size)
{
    for (; size >= TURN; size -= TURN, target += TURN, source += TURN) {
        word_t *out = (word_t *)target;
        const word_t *in = (const word_t *)source;
        word_t a = in[0], b = in[1], c = in[2], d = in[3];

        out[0] = a, out[1] = b, out[2] = c, out[3] = d;
        KEEP_LOOP(target);
    }
    for (; size >= WORD; size -= WORD, target += WORD, source += WORD) {
        *(word_t *)target = *(const word_t *)source;
        KEEP_LOOP(target);
    }
    for (; size > 0; size--) {
        *target++ = *source++;
        KEEP_LOOP(target);
    }
}

/* From the last byte down to the first: for a target above its source. */
static void copy_downwards(unsigned char *target, const unsigned char *source, size_t size)
{
    while (size >= WORD) {
        size -= WORD;
        *(word_t *)(target + size) = *(const word_t *)(source + size);
        KEEP_LOOP(target);
    }
    while (size > 0) {
        size--;
        target[size] = source[size];
        KEEP_LOOP(target);
    }
}

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    copy_upwards(to, from, size);
    return to;
}

void *memmove(void *to, const void *from, size_t size)
{
    if ((uintptr_t)to - (uintptr_t)from >= size)
        copy_upwards(to, from, size);
    else
        copy_downwards(to, from, size);
    return to;
}

void *memset(void *to, int byte, size_t size)
{
    unsigned char *target = to;
    word_t pattern = (word_t)(unsigned char)byte * ((word_t)-1 / 0xff);

    for (; size >= TURN; size -= TURN, target += TURN) {
        word_t *out = (word_t *)target;

        out[0] = pattern, out[1] = pattern, out[2] = pattern, out[3] = pattern;
        KEEP_LOOP(target);
    }
    for (; size > 0; size--) {
        *target++ = (unsigned char)byte;
        KEEP_LOOP(target);
    }
    return to;
}

int memcmp(const void *a, const void *b, size_t size)
{
    const unsigned char *left = a;
    const unsigned char *right = b;

    for (; size >= WORD && *(const word_t *)left == *(const word_t *)right; size -= WORD)
        left += WORD, right += WORD;
    for (; size > 0; size--, left++, right++) {
        if (*left != *right)
            return *left - *right;
    }
    return 0;
}

size_t strlen(const char *string)
{
    const char *end = string;

    while (*end) {
        end++;
        KEEP_LOOP(end);
    }
    return (size_t)(end - string);
}

int strcmp(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return (unsigned char)*a - (unsigned char)*b;
}

int strncmp(const char *a, const char *b, size_t size)
{
    while (size > 0 && *a && *a == *b)
        a++, b++, size--;
    return size == 0 ? 0 : (unsigned char)*a - (unsigned char)*b;
}

char *strchr(const char *string, int character)
{
    for (;; string++) {
        if (*string == (char)character)
            return (char *)(uintptr_t)string;
        if (*string == '\0')
            return NULL;
    }
}
