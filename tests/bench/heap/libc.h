/* SPDX-License-Identifier: BSD-2-Clause
 *
 * libc.h - malloc and its family, as the driver calls them: glibc's, or those of the library that
 * the program is linked with.
 */
#ifndef MERIDIAN_BENCH_LIBC_H
#define MERIDIAN_BENCH_LIBC_H

#include <malloc.h>
#include <stdlib.h>

static inline void bench_init(void *pool, size_t size_bytes)
{
    (void)pool;
    (void)size_bytes;
}

static inline void bench_enter(unsigned cpu)
{
    (void)cpu;
}

static inline void *bench_alloc(size_t size_bytes)
{
    return malloc(size_bytes);
}

static inline void bench_free(void *object, size_t size_bytes)
{
    (void)size_bytes;
    free(object);
}

static inline void *bench_aligned(size_t size_bytes, size_t alignment)
{
    return memalign(alignment, size_bytes);
}

static inline void *bench_realloc(void *object, size_t size_bytes)
{
    return realloc(object, size_bytes);
}

#endif
