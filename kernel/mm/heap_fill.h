/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_fill.h - what debugging writes into objects and around them. Pure.
 *
 * Poison is a word repeated over the object, and the word holds the number of the object's record:
 *
 *     64 bits:  | a5a5 or 5a5a |  number, 32 bits  | a5a5 |     not canonical: any access to such an
 *     32 bits:  | a5 or 5a |   number, 20 bits   |  5 |         address faults; in the user half
 *
 * So when a program takes a pointer from memory that it never wrote, or that is freed, and follows it, the
 * processor faults with the word in a register, and the word leads to the object, the place that
 * allocated it and the place that freed it. Fresh and freed memory have marks of their own.
 *
 * A canary is a byte that depends on its address, so that copied memory is no good forgery.
 */
#ifndef MERIDIAN_HEAP_FILL_H
#define MERIDIAN_HEAP_FILL_H

#include "lib/types.h"

enum heap_fill {
    HEAP_FILL_NONE,
    HEAP_FILL_ZERO,
    HEAP_FILL_FRESH, /* allocated, not written yet */
    HEAP_FILL_FREED,
};

#define HEAP_FILL_NUMBERS ((uint32_t)1 << 20) /* that any machine's poison can hold */

uintptr_t heap_fill_word(enum heap_fill fill, uint32_t number);

/* What kind of poison a value is, and whose; HEAP_FILL_NONE when it is none. */
enum heap_fill heap_fill_decode(uintptr_t value, uint32_t *number);

/* `at` is aligned to a word. The second returns the offset of the first byte that is not as it was
 * filled; `size` when all are. */
void heap_fill_write(void *at, size_t size, enum heap_fill fill, uint32_t number);
size_t heap_fill_check(const void *at, size_t size, enum heap_fill fill, uint32_t number);

/* Likewise for canaries, at any alignment. */
void heap_canary_write(void *at, size_t size);
size_t heap_canary_check(const void *at, size_t size);

#endif
