/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fake_format.h - the entries of a machine that does not exist, for the page-table code
 * (pt_fake.c) and the fake machine (fake_mmu.c).
 *
 * An entry is stored rotated left by 11 bits a level. Turned back, it reads
 *
 *      63       55        15 14      8 7    6    5    4    3    2    1    0
 *     +--+-----+------------+--+------+----+----+----+----+----+----+----+----+
 *     |OW|  -  | frame      |- |cache |  D |  A |GLOB|LEAF| NX | RO |SUP |HERE|
 *     +--+-----+------------+--+------+----+----+----+----+----+----+----+----+
 */
#ifndef MERIDIAN_FAKE_FORMAT_H
#define MERIDIAN_FAKE_FORMAT_H

#include "lib/types.h"

#define FAKE_LEVELS      3
#define FAKE_INDEX_BITS  5
#define FAKE_HERE        ((uint64_t)1 << 0)
#define FAKE_SUPERVISOR  ((uint64_t)1 << 1)
#define FAKE_READ_ONLY   ((uint64_t)1 << 2)
#define FAKE_NO_EXECUTE  ((uint64_t)1 << 3)
#define FAKE_LEAF        ((uint64_t)1 << 4)
#define FAKE_GLOBAL      ((uint64_t)1 << 5)
#define FAKE_ACCESSED    ((uint64_t)1 << 6)
#define FAKE_DIRTY       ((uint64_t)1 << 7)
#define FAKE_CACHE_SHIFT 8 /* 3 bits */
#define FAKE_FRAME_SHIFT 15
#define FAKE_FRAME_MASK  ((uint64_t)0x0000007fffff8000) /* 24 bits of frame number */
#define FAKE_OWNED       ((uint64_t)1 << 63)

static inline uint64_t fake_rotate(uint64_t value, unsigned bits)
{
    return value << (bits & 63) | value >> (-bits & 63);
}

static inline uint64_t fake_store(uint64_t plain, unsigned level)
{
    return fake_rotate(plain, 11 * level);
}

static inline uint64_t fake_load(uint64_t entry, unsigned level)
{
    return fake_rotate(entry, 64 - 11 * level);
}

#endif
