/* SPDX-License-Identifier: BSD-2-Clause
 *
 * meridian.h - our own heap, as the driver calls it. Sizes are told when objects are freed, and so
 * checked.
 */
#ifndef MERIDIAN_BENCH_HEAP_MERIDIAN_H
#define MERIDIAN_BENCH_HEAP_MERIDIAN_H

#include "arch/cpu.h"
#include "mm/heap.h"
#include "mm/heap_debug.h"

#include <stdlib.h>

extern const char __executable_start[]; /* the linker's */

static inline void bench_init(void *pool, size_t size_bytes)
{
    heap_code_from(__executable_start);
    if (heap_init(va_of(pool), size_bytes) != STATUS_OK)
        abort();
}

static inline void bench_enter(unsigned cpu)
{
    host_cpu_set(cpu);
}

static inline void *bench_alloc(size_t size_bytes)
{
    return kmalloc(size_bytes);
}

static inline void bench_free(void *object, size_t size_bytes)
{
    if (!kfree_sized(object, size_bytes))
        abort();
}

static inline void *bench_aligned(size_t size_bytes, size_t alignment)
{
    return kmalloc_aligned(size_bytes, alignment);
}

static inline void *bench_realloc(void *object, size_t size_bytes)
{
    return krealloc(object, size_bytes);
}

#endif
