/* SPDX-License-Identifier: BSD-2-Clause
 *
 * kasan.c - every access of the kernel to memory, checked against the shadow.
 *
 * The compiler (-fsanitize=kernel-address) puts a call before each load and store. It comes here with the
 * address, and the shadow says whether the memory is somebody's (kasan_shadow.c): an access to an object of
 * the heap that was freed, to the bytes around one or around a variable, or to a frame that is free is told
 * with what lies there and who allocated and freed it, and ends the kernel.
 *
 *     memory   | 8 bytes | 8 bytes | 8 bytes |      an object of 20 bytes and what follows
 *     shadow   |   00    |   00    |   04    | fa | all 8 may be touched, so do they, the first 4, none
 *
 * Not checked: assembly, stacks (that is the stack protector's), what runs before the shadow is there, and the
 * few files that look at freed memory for a living: mk/sanitize.mk names them. memcpy() and its like are
 * checked as a whole (kasan_string.c).
 */
#include "kasan_private.h"

#include "diag/diag.h"
#include "lib/assert.h"
#include "lib/bits.h"
#include "lib/print.h"
#include "mm/heap_debug.h"

#define TEXT_BYTES  320
#define PLACE_BYTES 64

bool kasan_on;

/* What lies at a closed address. The heap knows its own. */
static void describe(uintptr_t address, struct print_sink *sink)
{
    if (heap_explain_address(va(address), sink))
        return;
    switch (*kasan_shadow(address)) {
    case SHADOW_FRAME:
        print_to(sink, "in a frame that is free");
        break;
    case SHADOW_GLOBAL:
        print_to(sink, "behind a variable");
        break;
    default:
        print_to(sink, "memory that is nobody's");
        break;
    }
}

[[gnu::noreturn]] static void fail(uintptr_t address, size_t size_bytes, bool write,
                                   const void *caller)
{
    struct print_text what;
    char text[TEXT_BYTES];
    char place[PLACE_BYTES];

    __atomic_store_n(&kasan_on, false, __ATOMIC_RELAXED); /* the report reads what it must */
    (void)diag_place_name(caller, place, sizeof(place));
    print_text_begin(&what, text, sizeof(text));
    describe(address, &what.sink);
    panic("%s %s %zu byte%s at 0x%llx: %s", place, write ? "wrote" : "read", size_bytes,
          size_bytes == 1 ? "" : "s", (unsigned long long)address, text);
}

/* The first byte of [address, end) that is closed; `end` if none is. Not past the grain of `address`. */
static uintptr_t closed_in_grain(uintptr_t address, uintptr_t end)
{
    const uint8_t *shadow = kasan_shadow(address);
    uintptr_t grain = align_down(address, KASAN_GRAIN);
    uintptr_t stop = end < grain + KASAN_GRAIN ? end : grain + KASAN_GRAIN;

    if (shadow == NULL || *shadow == SHADOW_OPEN)
        return end;
    if (*shadow > SHADOW_PARTS)
        return address;
    if (stop <= grain + *shadow)
        return end;
    return address > grain + *shadow ? address : grain + *shadow;
}

/* What most accesses are: within 8 bytes, all of them open. */
[[gnu::always_inline]] static inline void check_few(uintptr_t address, size_t size_bytes,
                                                    bool write, const void *caller)
{
    const uint8_t *shadow = kasan_shadow(address);

    if (shadow != NULL &&
        (*shadow != SHADOW_OPEN || address % KASAN_GRAIN + size_bytes > KASAN_GRAIN))
        kasan_check(address, size_bytes, write, caller);
}

void kasan_check(uintptr_t address, size_t size_bytes, bool write, const void *caller)
{
    uintptr_t end = address + size_bytes;

    if (!__atomic_load_n(&kasan_on, __ATOMIC_RELAXED) || end < address)
        return;
    for (uintptr_t at = address; at < end; at = align_down(at, KASAN_GRAIN) + KASAN_GRAIN) {
        uintptr_t closed = closed_in_grain(at, end);

        if (closed != end)
            fail(closed, size_bytes, write, caller);
    }
}

/* --- names of the compiler ------------------------------------------------------------------ */

#define CHECK(name, size, write)                                                                   \
    void __asan_##name##_noabort(uintptr_t address);                                               \
    void __asan_##name##_noabort(uintptr_t address)                                                \
    {                                                                                              \
        check_few(address, size, write, __builtin_return_address(0));                              \
    }

CHECK(load1, 1, false)
CHECK(load2, 2, false)
CHECK(load4, 4, false)
CHECK(load8, 8, false)
CHECK(load16, 16, false)
CHECK(store1, 1, true)
CHECK(store2, 2, true)
CHECK(store4, 4, true)
CHECK(store8, 8, true)
CHECK(store16, 16, true)

void __asan_loadN_noabort(uintptr_t address, size_t size_bytes);
void __asan_loadN_noabort(uintptr_t address, size_t size_bytes)
{
    kasan_check(address, size_bytes, false, __builtin_return_address(0));
}

void __asan_storeN_noabort(uintptr_t address, size_t size_bytes);
void __asan_storeN_noabort(uintptr_t address, size_t size_bytes)
{
    kasan_check(address, size_bytes, true, __builtin_return_address(0));
}

/* Stacks have no shadow: there is nothing to clear. */
void __asan_handle_no_return(void);
void __asan_handle_no_return(void)
{
}

/* --- variables -------------------------------------------------------------------------------- */

/* As the compiler lays it out. */
struct variable {
    uint8_t *start;
    size_t size_bytes;
    size_t size_with_room;
    const char *name;
    const char *file;
    uintptr_t needs_constructor;
    const void *place;
    uintptr_t indicator;
};

/* kernel.ld: functions that the compiler made, a file each. */
typedef void constructor(void);
extern constructor *const kernel_constructors_start[];
extern constructor *const kernel_constructors_end[];

void __asan_register_globals(const struct variable *variables, size_t count);
void __asan_register_globals(const struct variable *variables, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct variable *variable = &variables[i];

        kasan_close(variable->start, variable->size_with_room, SHADOW_GLOBAL);
        kasan_open(variable->start, variable->size_bytes);
    }
}

void __asan_unregister_globals(const struct variable *variables, size_t count);
void __asan_unregister_globals(const struct variable *variables, size_t count)
{
    (void)variables;
    (void)count;
}

void kasan_register_variables(void)
{
    for (constructor *const *each = kernel_constructors_start; each < kernel_constructors_end;
         each++)
        (*each)();
}
