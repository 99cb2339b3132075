/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_ledger.c - a byte for each 16 bytes of window: somebody's, or nobody's.
 */
#include "heap_ledger.h"

#include "heap_machine.h"
#include "host_log.h"
#include "mm/heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define GRANULE 16u

static unsigned char *owned;
static size_t owned_bytes;

static void stop(const char *what, const void *object)
{
    fprintf(stderr, "heap ledger: %s: %p\n", what, object);
    abort();
}

static void destroy_ledger(void)
{
    if (owned != NULL)
        munmap(owned, owned_bytes);
    owned = NULL;
}

int heap_ledger_tear_down(void **state)
{
    (void)state;
    destroy_ledger();
    heap_machine_destroy();
    return 0;
}

void heap_ledger_create(size_t count_frames, size_t window_bytes)
{
    host_log_clear();
    heap_machine_create(count_frames, window_bytes);
    destroy_ledger();
    owned_bytes = heap_machine_window_bytes() / GRANULE;
    owned = mmap(NULL, owned_bytes, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (owned == MAP_FAILED)
        stop("no memory", NULL);
}

static void change(const void *object, unsigned char from, unsigned char to, const char *conflict)
{
    size_t first = ((uintptr_t)object - va_value(heap_machine_window())) / GRANULE;
    size_t count = (kmalloc_usable(object) + GRANULE - 1) / GRANULE;

    if (count == 0)
        stop("no live object begins here", object);
    for (size_t i = first; i < first + count; i++)
        if (__atomic_exchange_n(&owned[i], to, __ATOMIC_RELAXED) != from)
            stop(conflict, object);
}

void heap_ledger_enter(const void *object)
{
    if (object != NULL)
        change(object, 0, 1, "two objects overlap");
}

void heap_ledger_strike(const void *object)
{
    if (object != NULL)
        change(object, 1, 0, "the object was not entered");
}

void heap_ledger_fill(void *object, size_t size_bytes, unsigned number)
{
    unsigned char *bytes = object;

    for (size_t i = 0; i < size_bytes; i++)
        bytes[i] = (unsigned char)(number * 31 + i * 7);
}

void heap_ledger_expect(const void *object, size_t size_bytes, unsigned number)
{
    const unsigned char *bytes = object;

    for (size_t i = 0; i < size_bytes; i++)
        if (bytes[i] != (unsigned char)(number * 31 + i * 7))
            stop("contents changed", object);
}
