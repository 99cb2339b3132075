/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_class.c - the tables of heap_class.h, computed once from m and e.
 */
#include "heap_class.h"
#include "heap_window.h"

#include "lib/assert.h"
#include "lib/bits.h"

#define SLAB_OBJECTS_MAX 256u

struct heap_shape heap_shapes[HEAP_CLASSES];
uint8_t heap_class_of_step[HEAP_SMALL_BYTES / HEAP_CLASS_STEP + 1];

/* The inverse of an odd number modulo 2^32: each step of Newton's iteration doubles the number of
 * right bits, and 3x ^ 2 starts with five. */
static uint32_t inverse_of(uint32_t odd)
{
    uint32_t inverse = 3 * odd ^ 2;

    for (unsigned bits = 5; bits < 32; bits *= 2)
        inverse *= 2 - odd * inverse;
    return inverse;
}

static struct heap_shape shape_of(unsigned m, unsigned e)
{
    uint32_t size = m << e;
    unsigned rotate = lowest_bit(size);
    unsigned plane = highest_bit(size);
    unsigned pages = size >= 1024 ? 2 * m : m;
    unsigned count_shift = PAGE_SHIFT - e + (size >= 1024);

    return (struct heap_shape){
        .states = heap_window.planes[plane - HEAP_PLANE_FIRST],
        .inverse = inverse_of(size >> rotate),
        .count = (uint16_t)(1u << count_shift),
        .rotate = (uint8_t)rotate,
        .plane = (uint8_t)plane,
        .object_bytes = (uint16_t)size,
        .pages = (uint8_t)pages,
        .count_shift = (uint8_t)count_shift,
    };
}

void heap_classes_init(void)
{
    unsigned m = 1, e = 4;
    unsigned step = 0;

    static_assert(HEAP_SLAB_WORDS * 64 == SLAB_OBJECTS_MAX, "the free bits of the fullest slab");
    for (unsigned class_index = 0; class_index < HEAP_CLASSES; class_index++) {
        struct heap_shape *shape = &heap_shapes[class_index];

        *shape = shape_of(m, e);
        while (step <= shape->object_bytes / HEAP_CLASS_STEP)
            heap_class_of_step[step++] = (uint8_t)class_index;
        if (m++ == 7) {
            m = 4;
            e++;
        }
    }
    VERIFY(heap_shapes[HEAP_CLASSES - 1].object_bytes == HEAP_SMALL_BYTES);
}
