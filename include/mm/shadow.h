/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mm/shadow.h - tells a kernel that checks every access (make KASAN=1) which memory is nobody's.
 *
 * Memory is open until it is closed; an access to closed memory ends in a report (kernel/diag/kasan.c).
 * In every other build these are nothing. Any context, also with locks held: a call writes one byte of
 * shadow for 8 of memory, and nothing at all where there is no shadow.
 */
#ifndef MERIDIAN_MM_SHADOW_H
#define MERIDIAN_MM_SHADOW_H

#include "config.h"
#include "lib/types.h"

/* Why memory is closed; what a byte of the shadow holds. 1 to 7 say how many of the 8 bytes are open. */
enum shadow_kind {
    SHADOW_OPEN = 0x00,
    SHADOW_PARTS = 0x07,  /* up to here */
    SHADOW_GLOBAL = 0xf9, /* around a variable */
    SHADOW_AROUND = 0xfa, /* around an object of the heap */
    SHADOW_FREED = 0xfd,  /* a freed object of the heap */
    SHADOW_FRAME = 0xff,  /* a free frame, in the direct map */
};

void kasan_open(const void *start, size_t size_bytes);
void kasan_close(const void *start, size_t size_bytes, enum shadow_kind kind);

/* All of [start, + size_bytes) may be touched. `start` is a multiple of 8; the rest of the last 8 bytes
 * is closed. */
static inline void shadow_open(const void *start, size_t size_bytes)
{
    if (CONFIG_KASAN)
        kasan_open(start, size_bytes);
}

/* Nothing of it may be. A first part of fewer than 8 bytes stays as it is; the end is rounded up. */
static inline void shadow_close(const void *start, size_t size_bytes, enum shadow_kind kind)
{
    if (CONFIG_KASAN)
        kasan_close(start, size_bytes, kind);
}

#endif
