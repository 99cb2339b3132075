/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_fill.c - poison and canaries: written, compared, read back.
 */
#include "heap_fill.h"

#include "lib/string.h"

#define WORD_BYTES   sizeof(uintptr_t)
#define WIDE         (WORD_BYTES == 8)

/* See heap_fill.h. */
#define MARK_SHIFT   (WORD_BYTES * 8 - (WIDE ? 16 : 8))
#define MARK_FRESH   ((uintptr_t)(WIDE ? 0xa5a5 : 0xa5))
#define MARK_FREED   ((uintptr_t)(WIDE ? 0x5a5a : 0x5a))
#define NUMBER_SHIFT (WIDE ? 16 : 4)
#define NUMBER_MASK  ((MARK_BIT >> NUMBER_SHIFT) - 1)
#define MARK_BIT     ((uintptr_t)1 << MARK_SHIFT)
#define END          ((uintptr_t)(WIDE ? 0xa5a5 : 0x5))
#define END_MASK     (((uintptr_t)1 << NUMBER_SHIFT) - 1)
static_assert(HEAP_FILL_NUMBERS - 1 <= NUMBER_MASK, "every number fits the poison");

uintptr_t heap_fill_word(enum heap_fill fill, uint32_t number)
{
    uintptr_t body = ((uintptr_t)number & NUMBER_MASK) << NUMBER_SHIFT | END;

    switch (fill) {
    case HEAP_FILL_NONE:
    case HEAP_FILL_ZERO:
        return 0;
    case HEAP_FILL_FRESH:
        return MARK_FRESH << MARK_SHIFT | body;
    case HEAP_FILL_FREED:
        return MARK_FREED << MARK_SHIFT | body;
    }
    return 0;
}

enum heap_fill heap_fill_decode(uintptr_t value, uint32_t *number)
{
    uintptr_t mark = value >> MARK_SHIFT;

    if ((mark != MARK_FRESH && mark != MARK_FREED) || (value & END_MASK) != END)
        return HEAP_FILL_NONE;
    *number = (uint32_t)(value >> NUMBER_SHIFT & NUMBER_MASK);
    return mark == MARK_FRESH ? HEAP_FILL_FRESH : HEAP_FILL_FREED;
}

void heap_fill_write(void *at, size_t size, enum heap_fill fill, uint32_t number)
{
    uintptr_t word = heap_fill_word(fill, number);
    uintptr_t *words = at;

    for (size_t i = 0; i < size / WORD_BYTES; i++)
        words[i] = word;
    memcpy(words + size / WORD_BYTES, &word, size % WORD_BYTES);
}

size_t heap_fill_check(const void *at, size_t size, enum heap_fill fill, uint32_t number)
{
    uintptr_t word = heap_fill_word(fill, number);
    const uintptr_t *words = at;
    const uint8_t *bytes = at;
    uint8_t expected[WORD_BYTES];
    size_t good = 0;

    while (good < size / WORD_BYTES && words[good] == word)
        good++;
    good *= WORD_BYTES;
    memcpy(expected, &word, WORD_BYTES);
    while (good < size && bytes[good] == expected[good % WORD_BYTES])
        good++;
    return good;
}

static uint8_t canary_at(const uint8_t *at)
{
    return (uint8_t)((uintptr_t)at * 0x9du ^ (uintptr_t)at >> PAGE_SHIFT ^ 0xc5u);
}

void heap_canary_write(void *at, size_t size)
{
    uint8_t *bytes = at;

    for (size_t i = 0; i < size; i++)
        bytes[i] = canary_at(bytes + i);
}

size_t heap_canary_check(const void *at, size_t size)
{
    const uint8_t *bytes = at;
    size_t good = 0;

    while (good < size && bytes[good] == canary_at(bytes + good))
        good++;
    return good;
}
