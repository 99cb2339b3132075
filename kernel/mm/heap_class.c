/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_class.c - the tables of heap_class.h, computed once from m and e.
 */
#include "heap_class.h"
#include "heap_window.h"

#include "lib/assert.h"
#include "lib/bits.h"

#define SLAB_OBJECTS_MAX  256u
#define BATCH_BYTES       16384u
#define BATCH_MIN         2u

/* Powers of two from here on have their sites among their state bytes. */
#define SITE_INSIDE_BYTES 64u

struct heap_shape heap_shapes[HEAP_CLASS_END];
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

/*@ requires size > 0;
  @ assigns \nothing;
  @ ensures BATCH_MIN <= \result <= HEAP_BATCH_OBJECTS;
  @ ensures \result == BATCH_MIN || \result * size <= BATCH_BYTES; */
static unsigned batch_for(uint32_t size)
{
    unsigned objects = BATCH_BYTES / size;

    if (objects > HEAP_BATCH_OBJECTS)
        return HEAP_BATCH_OBJECTS;
    return objects > BATCH_MIN ? objects : BATCH_MIN;
}

/* The fewest pages that are filled exactly, and are worth a record: at least two pages, and at least
 * eight objects; but not more than 256. */
static unsigned slab_pages(uint32_t size)
{
    uint32_t odd = size >> lowest_bit(size);
    uint32_t pages = odd;

    while ((pages < 2 || (pages << PAGE_SHIFT) < 8 * size) &&
           (pages << (PAGE_SHIFT + 1)) <= SLAB_OBJECTS_MAX * size)
        pages *= 2;
    return pages;
}

/* Finer than the size's trailing zeros where these leave no room for a site. */
static unsigned plane_for(uint32_t size)
{
    unsigned zeros = lowest_bit(size);

    return is_power_of_two(size) && size >= SITE_INSIDE_BYTES ? zeros - 2 : zeros;
}

static void shape_class(unsigned class_index, uint32_t size)
{
    unsigned zeros = lowest_bit(size);
    unsigned plane = plane_for(size);
    bool inside = !is_power_of_two(size) || size >= SITE_INSIDE_BYTES;
    unsigned pages = slab_pages(size);
    unsigned count_shift = highest_bit((pages << PAGE_SHIFT) >> zeros) - highest_bit(size >> zeros);

    heap_shapes[class_index] = (struct heap_shape){
        .states = heap_window.planes[plane - HEAP_PLANE_FIRST],
        .sites = inside ? heap_window.planes[plane - HEAP_PLANE_FIRST] + 1 : heap_window.planes[0],
        .inverse = inverse_of(size >> zeros),
        .object_bytes = (uint16_t)size,
        .count = (uint16_t)(1u << count_shift),
        .count_shift = (uint8_t)count_shift,
        .pages = (uint8_t)pages,
        .batch = (uint8_t)batch_for(size),
        .zeros = (uint8_t)zeros,
        .plane = (uint8_t)plane,
        .site_plane = (uint8_t)(inside ? plane : HEAP_PLANE_FIRST),
    };
}

void heap_classes_init(void)
{
    unsigned m = 1, e = 4;
    unsigned step = 0;

    static_assert(HEAP_SLAB_WORDS * 64 == SLAB_OBJECTS_MAX, "the free bits of the fullest slab");
    for (unsigned class_index = HEAP_CLASS_FIRST; class_index < HEAP_CLASS_END; class_index++) {
        shape_class(class_index, m << e);
        while (step <= (m << e) / HEAP_CLASS_STEP)
            heap_class_of_step[step++] = (uint8_t)class_index;
        if (m++ == 7) {
            m = 4;
            e++;
        }
    }
    VERIFY(heap_shapes[HEAP_CLASS_LAST].object_bytes == HEAP_SMALL_BYTES);
}
