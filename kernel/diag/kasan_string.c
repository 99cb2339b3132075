/* SPDX-License-Identifier: BSD-2-Clause
 *
 * kasan_string.c - the functions of lib/string.h, with the blocks that they touch checked first.
 *
 * Checked files call these (mk/sanitize.mk gives them the names), the others the plain ones, which are not
 * checked themselves: a word at a time, they would cost several times as much.
 */
#include "kasan_private.h"

#include "lib/string.h"

#define CALLER __builtin_return_address(0)

#define CHECKED(type, name, ...)                                                                   \
    type kasan_##name(__VA_ARGS__);                                                                \
    type kasan_##name(__VA_ARGS__)

CHECKED(void *, memcpy, void *restrict to, const void *restrict from, size_t size)
{
    kasan_check((uintptr_t)from, size, false, CALLER);
    kasan_check((uintptr_t)to, size, true, CALLER);
    return memcpy(to, from, size);
}

CHECKED(void *, memmove, void *to, const void *from, size_t size)
{
    kasan_check((uintptr_t)from, size, false, CALLER);
    kasan_check((uintptr_t)to, size, true, CALLER);
    return memmove(to, from, size);
}

CHECKED(void *, memset, void *to, int byte, size_t size)
{
    kasan_check((uintptr_t)to, size, true, CALLER);
    return memset(to, byte, size);
}

CHECKED(int, memcmp, const void *a, const void *b, size_t size)
{
    kasan_check((uintptr_t)a, size, false, CALLER);
    kasan_check((uintptr_t)b, size, false, CALLER);
    return memcmp(a, b, size);
}

CHECKED(size_t, strlen, const char *string)
{
    size_t length = strlen(string);

    kasan_check((uintptr_t)string, length + 1, false, CALLER);
    return length;
}
