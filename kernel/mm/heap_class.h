/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_class.h - the size classes of small objects, and the arithmetic of their slabs.
 *
 * Sizes are m * 2^e with m from 4 to 7: four classes a doubling, 64 bytes to 4 KiB; below that
 * 16, 32 and 48, which are m * 16 for m from 1 to 3. A slab takes m pages, or 2m, and is therefore
 * filled by a power of two of objects, with nothing left over:
 *
 *     m pages = m * 4096 bytes = (m * 2^e) * 2^(12-e)
 *
 * A power of two lies at a multiple of itself, since slabs begin at a page. More generally, an
 * object of class_of(n) has any alignment a <= 4096 that n is a multiple of: when a <= 2^e every
 * class of the doubling is a multiple of a; otherwise n is itself m * 2^e for an even m.
 *
 * Which object an offset in a slab belongs to, and whether it is the object's first byte, is one
 * question: let size = odd * 2^k. Multiplying by the inverse of `odd` modulo 2^32 and rotating right
 * by k divides exactly when the division is exact, and otherwise gives a number above
 * 2^32 / size, far beyond any index (Granlund and Montgomery, 1994, section 9).
 */
#ifndef MERIDIAN_HEAP_CLASS_H
#define MERIDIAN_HEAP_CLASS_H

#include "lib/types.h"

#define HEAP_CLASSES     28u
#define HEAP_SMALL_BYTES 4096u /* the largest class; more is a run of pages */
#define HEAP_CLASS_STEP  16u

struct heap_shape {
    uintptr_t states; /* the state byte of the object at A: states + (A >> plane) */
    uint32_t inverse; /* of the odd part of the size, modulo 2^32 */
    uint16_t count;   /* objects a slab: a power of two */
    uint8_t rotate;   /* trailing zeros of the size */
    uint8_t plane;    /* floor(log2(size)): one state byte per 2^plane bytes */
    uint16_t object_bytes;
    uint8_t pages; /* a slab */
    uint8_t count_shift;
};
extern struct heap_shape heap_shapes[HEAP_CLASSES];

/* The class of each size, by (size + 15) / 16. */
extern uint8_t heap_class_of_step[HEAP_SMALL_BYTES / HEAP_CLASS_STEP + 1];

/* Early, once, after heap_window_init(). */
void heap_classes_init(void);

/* `size_bytes` is at most HEAP_SMALL_BYTES; 0 counts as 1. */
static inline unsigned heap_class_of(size_t size_bytes)
{
    return heap_class_of_step[(size_bytes + HEAP_CLASS_STEP - 1) / HEAP_CLASS_STEP];
}

/* The number of the object that begins `offset` bytes into its slab; shape->count or more when none
 * does. */
static inline uint32_t heap_object_index(const struct heap_shape *shape, uint32_t offset)
{
    uint32_t product = offset * shape->inverse;

    return product >> shape->rotate | product << (-shape->rotate & 31u);
}

#endif
