/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_site.h - where small objects were allocated, in 16 bits each, in every build.
 *
 * kmalloc()'s caller, less where the code begins, in steps of 16 bytes: enough for a report to name the
 * function and the line. An object whose class has three state bytes or more (heap_class.h) keeps them in
 * the two behind its own; the two smallest powers of two have a plane of their own for them. kfree() leaves
 * them, so that a late second free still tells where the object came from.
 *
 *     size 80, plane 4:   | L s s . . | L s s . . |     size 64, plane 4:   | L s s . | L s s . |
 *     size 16, plane 4:   | L | L | L | L |  and plane 3:  | s s | s s | s s | s s |
 *
 * A site's bytes lie where the state byte of an address inside the object would, and kfree() tells
 * the first byte of a live object from others by HEAP_STATE_LIVE: neither byte of a site has that
 * value. The lower one is odd. The upper one counts from 0x81 on, past 0xff to 0x7f, which leaves
 * 510 KiB of code. 0 is a place that is not known.
 */
#ifndef MERIDIAN_HEAP_SITE_H
#define MERIDIAN_HEAP_SITE_H

#include "heap_class.h"

#define HEAP_SITE_STEP_SHIFT  4u
#define HEAP_SITE_FIRST       0x8101u
#define HEAP_SITE_CODE_BYTES  ((uintptr_t)(0xff00u << (HEAP_SITE_STEP_SHIFT - 1)))

/* Where a site is in a `state`, which is written along with it. */
#define HEAP_STATE_SITE_SHIFT 8u

/* A byte behind where the code begins. */
extern uintptr_t heap_site_base;

/* Sites are not aligned. */
struct heap_site {
    uint16_t value;
} __attribute__((packed, may_alias));

/* How far into the code a call ends, a byte before its return address; HEAP_SITE_CODE_BYTES or more when
 * that has no site. */
static inline uintptr_t heap_site_offset(const void *caller)
{
    return (uintptr_t)caller - heap_site_base;
}

static inline unsigned heap_site_of(uintptr_t offset)
{
    return (uint16_t)(2 * (unsigned)(offset >> HEAP_SITE_STEP_SHIFT) + HEAP_SITE_FIRST);
}

static inline void heap_site_write(uintptr_t at, unsigned site)
{
    ((struct heap_site *)at)->value = (uint16_t)site;
}

/* A return address's site, in its place in a state. */
static inline unsigned heap_site_state(const void *caller)
{
    uintptr_t offset = heap_site_offset(caller);

    return offset < HEAP_SITE_CODE_BYTES ? heap_site_of(offset) << HEAP_STATE_SITE_SHIFT : 0;
}

/* Makes the object that begins at `address` live: its state byte, and its site. */
void heap_site_mark(const struct heap_shape *shape, uintptr_t address, unsigned state);

/* The middle of the 16 bytes of code that allocated the object that begins at `address`, or last did;
 * NULL when that is not known. */
const void *heap_site_place(const struct heap_shape *shape, uintptr_t address);

#endif
