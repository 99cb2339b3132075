/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_class.h - the size classes of small objects, the arithmetic of their slabs, their state bytes.
 *
 * Sizes are m * 2^e with m from 4 to 7: four classes a doubling, 64 bytes to 4 KiB; below that
 * 16, 32 and 48, which are m * 16 for m from 1 to 3. As many pages as the odd part of m are filled
 * by a power of two of objects, with nothing left over, and so is every slab, which takes that
 * many, or two, four or eight times as many:
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

#include "heap_window.h"
#include "lib/assert.h"
#include "lib/types.h"
#include "mm/heap.h"

/* Classes are numbered from 1; 0 is the class of pages that hold no small objects. */
#define HEAP_NO_CLASS      0u
#define HEAP_CLASS_FIRST   1u
#define HEAP_CLASS_LAST    28u
#define HEAP_CLASS_END     (HEAP_CLASS_LAST + 1)
#define HEAP_SMALL_BYTES   4096u /* the largest class; more is a run of pages */
#define HEAP_CLASS_STEP    16u

#define HEAP_BATCH_OBJECTS 32u /* the largest batch */

struct heap_shape {
    uintptr_t states; /* the state byte of the object at A: states + (A >> plane) */
    uintptr_t sites;  /* two bytes that say where it was allocated: sites + (A >> site_plane) */
    uint32_t inverse; /* of the odd part of the size, modulo 2^32 */
    uint16_t object_bytes;
    uint16_t count; /* objects a slab: a power of two */
    uint8_t count_shift;
    uint8_t pages; /* a slab */
    uint8_t batch; /* objects that move at once between magazines and slabs */
    uint8_t zeros; /* trailing zero bits of the size */
    uint8_t plane; /* a state byte stands for 2^plane bytes */
    uint8_t site_plane;
};
extern struct heap_shape heap_shapes[HEAP_CLASS_END];

/* The class of each size, by (size + 15) / 16. */
extern uint8_t heap_class_of_step[HEAP_SMALL_BYTES / HEAP_CLASS_STEP + 1];

/* Early, once, after heap_window_init(). */
void heap_classes_init(void);

/* `size_bytes` is at most HEAP_SMALL_BYTES; 0 counts as 1. */
/*@ requires size_bytes <= HEAP_SMALL_BYTES;
  @ assigns \nothing;
  @ ensures \exists integer step; step * HEAP_CLASS_STEP - HEAP_CLASS_STEP < size_bytes <=
  @   step * HEAP_CLASS_STEP && \result == heap_class_of_step[step]; */
static inline unsigned heap_class_of(size_t size_bytes)
{
    return heap_class_of_step[(size_bytes + HEAP_CLASS_STEP - 1) / HEAP_CLASS_STEP];
}

/* The number of the object that begins `offset` bytes into its slab; shape->count or more when none
 * does. */
static inline uint32_t heap_object_index(const struct heap_shape *shape, uint32_t offset)
{
    uint32_t product = offset * shape->inverse;

    return product >> shape->zeros | product << (-shape->zeros & 31u);
}

/* --- the page map's entries: class in the low byte, the page's number in its slab above ----- */

/* The entry of an address in the open part of the window. */
static inline unsigned heap_entry_of(uintptr_t address)
{
    return __atomic_load_n(&heap_window.map[heap_page_index(address)], __ATOMIC_RELAXED);
}

/*@ assigns \nothing;
  @ ensures \result == entry % 256; */
static inline unsigned heap_entry_class(unsigned entry)
{
    return entry & 0xffu;
}

/*@ assigns \nothing;
  @ ensures \result == entry / 256; */
static inline uint32_t heap_entry_page(unsigned entry)
{
    return entry >> 8;
}

/* Where `address` is in the slab whose page's entry this is. */
static inline uint32_t heap_entry_offset(unsigned entry, uintptr_t address)
{
    return (entry & 0xff00u) << (PAGE_SHIFT - 8) | (uint32_t)(address & PAGE_MASK);
}

/* --- state bytes --------------------------------------------------------------------------- */

/*
 * A state byte stands for as many bytes as the largest power of two that divides the size, or a quarter
 * of that if the size is itself a power, of 64 or more. So every object begins where the bytes of some
 * state byte begin, and has that one for itself; of those of the bytes inside an object two hold its
 * site (heap_site.h), which never looks like a live object, and the others stay zero. An address is the
 * first byte of a live object when it is such a beginning and the byte says live.
 *
 *     size 80, plane 4:   | L . . . . | L . . . . | L . . . .    one byte per 16
 *     size 96, plane 5:   | L .   .   | L .   .   | L .   .      one byte per 32
 *     size 64, plane 4:   | L . . . | L . . . | L . . .          one byte per 16
 *
 *     bit 7    bit 6      bit 5   bit 4   bits 3 to 0
 *     | live | oversize | freed | span  | tag       |
 *     | 0    | inner    | objects of the span       |    of the second object of a span
 *
 * Zero: never handed out. A freed object keeps its tag, for the report if it is freed again. A span
 * is one object in the place of several (heap_span.c); those behind the first are inner.
 */
#define HEAP_STATE_LIVE     0x80u
#define HEAP_STATE_OVERSIZE 0x40u /* its class is larger than its size asks for: aligned */
#define HEAP_STATE_FREED    0x20u
#define HEAP_STATE_SPAN     0x10u
#define HEAP_STATE_TAG      0x0fu
#define HEAP_STATE_INNER    0x40u /* without HEAP_STATE_LIVE */
#define HEAP_STATE_COUNT    0x3fu /* of an inner one */
static_assert(HEAP_TAG_COUNT <= HEAP_STATE_TAG + 1, "a tag fits the state byte");

static inline uint8_t *heap_state_of(const struct heap_shape *shape, uintptr_t address)
{
    return (uint8_t *)(shape->states + (address >> shape->plane));
}

/* Of an object that is part of a span, and not its first. */
static inline bool heap_state_is_inner(unsigned state)
{
    return (state & (HEAP_STATE_LIVE | HEAP_STATE_INNER)) == HEAP_STATE_INNER;
}

/* Other processors may look at the byte at any time. */
static inline unsigned heap_state_read(const uint8_t *state)
{
    return __atomic_load_n(state, __ATOMIC_RELAXED);
}

static inline void heap_state_write(uint8_t *state, unsigned value)
{
    __atomic_store_n(state, (uint8_t)value, __ATOMIC_RELAXED);
}

#endif
