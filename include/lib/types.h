/* SPDX-License-Identifier: BSD-2-Clause
 *
 * lib/types.h - the words that every part of Meridian speaks.
 *
 * An address is either physical (paddr_t, 64 bits wide on every architecture), virtual (vaddr_t,
 * as wide as a pointer) or the number of a 4 KiB frame (pfn_t). Each is a structure of one member,
 * so that the compiler refuses to take one for another; only the helpers below open them. They
 * cost nothing: x86-64 passes them in registers, i386 does so with -freg-struct-return.
 *
 * None of the helpers checks for wrap: callers that handle outside input use lib/bits.h first.
 */
#ifndef MERIDIAN_LIB_TYPES_H
#define MERIDIAN_LIB_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef static_assert
#define static_assert _Static_assert
#endif

#define KiB                ((uint64_t)1 << 10)
#define MiB                ((uint64_t)1 << 20)
#define GiB                ((uint64_t)1 << 30)
#define TiB                ((uint64_t)1 << 40)

/* The frame: 4 KiB on every x86 paging mode (Intel SDM vol. 3A, 4.2). */
#define PAGE_SHIFT         12
#define PAGE_SIZE          ((size_t)1 << PAGE_SHIFT)
#define PAGE_MASK          (PAGE_SIZE - 1)

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The structure that holds `member` at address `pointer`. */
#define CONTAINER_OF(pointer, type, member)                                                        \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

typedef struct {
    uint64_t value;
} paddr_t;

typedef struct {
    uintptr_t value;
} vaddr_t;

typedef struct {
    uintptr_t value;
} pfn_t;

/* --- making and opening ------------------------------------------------------------------ */

static inline paddr_t pa(uint64_t value)
{
    return (paddr_t){ value };
}

static inline vaddr_t va(uintptr_t value)
{
    return (vaddr_t){ value };
}

static inline pfn_t pfn(uintptr_t value)
{
    return (pfn_t){ value };
}

static inline uint64_t pa_value(paddr_t address)
{
    return address.value;
}

static inline uintptr_t va_value(vaddr_t address)
{
    return address.value;
}

static inline uintptr_t pfn_value(pfn_t frame)
{
    return frame.value;
}

static inline vaddr_t va_of(const volatile void *pointer)
{
    return (vaddr_t){ (uintptr_t)pointer };
}

static inline void *va_ptr(vaddr_t address)
{
    return (void *)address.value;
}

/* --- arithmetic -------------------------------------------------------------------------- */

static inline paddr_t pa_add(paddr_t address, uint64_t bytes)
{
    return (paddr_t){ address.value + bytes };
}

static inline vaddr_t va_add(vaddr_t address, size_t bytes)
{
    return (vaddr_t){ address.value + bytes };
}

static inline pfn_t pfn_add(pfn_t frame, uint64_t frames)
{
    return (pfn_t){ frame.value + (uintptr_t)frames };
}

/* The frame that holds `address`. */
static inline pfn_t pa_to_pfn(paddr_t address)
{
    return (pfn_t){ (uintptr_t)(address.value >> PAGE_SHIFT) };
}

/* The first byte of `frame`. */
static inline paddr_t pfn_to_pa(pfn_t frame)
{
    return (paddr_t){ (uint64_t)frame.value << PAGE_SHIFT };
}

static inline bool pa_equal(paddr_t a, paddr_t b)
{
    return a.value == b.value;
}

static inline bool va_equal(vaddr_t a, vaddr_t b)
{
    return a.value == b.value;
}

static inline bool pa_page_aligned(paddr_t address)
{
    return (address.value & PAGE_MASK) == 0;
}

static inline bool va_page_aligned(vaddr_t address)
{
    return (address.value & PAGE_MASK) == 0;
}

#endif
