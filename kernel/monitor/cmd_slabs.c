/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_slabs.c - slabs: how full the slabs of each class are, or those of one class one by one.
 */

#include "lib/json.h"
#include "lib/print.h"
#include "mm/heap.h"
#include "monitor/commands.h"
#include "lib/format.h"

#define SLABS_SHOWN 64

/* Slabs of a class by the share of their objects that is taken: live, or in a cache. */
struct fullness {
    uint64_t slabs;
    uint64_t full;
    uint64_t more_than_half;
    uint64_t less;
    uint64_t empty;
};

static void add(struct fullness *fullness, const struct heap_slab_info *slab)
{
    fullness->slabs++;
    if (slab->free == 0)
        fullness->full++;
    else if (slab->free == slab->objects)
        fullness->empty++;
    else if (2 * slab->free < slab->objects)
        fullness->more_than_half++;
    else
        fullness->less++;
}

static void sum_class(size_t object_bytes, struct fullness *fullness)
{
    struct heap_slab_info slab;
    uint32_t cursor = 0;

    *fullness = (struct fullness){ 0 };
    while (heap_next_slab(&cursor, &slab))
        if (slab.object_bytes == object_bytes)
            add(fullness, &slab);
}

static void show_class(size_t object_bytes, const struct fullness *fullness)
{
    struct json event;

    print("  %9zu  %8llu  %8llu  %8llu  %8llu  %8llu\n", object_bytes,
          (unsigned long long)fullness->slabs, (unsigned long long)fullness->full,
          (unsigned long long)fullness->more_than_half, (unsigned long long)fullness->less,
          (unsigned long long)fullness->empty);
    json_begin(&event, json_console(), "slabs");
    json_number(&event, "object_bytes", object_bytes);
    json_number(&event, "slabs", fullness->slabs);
    json_number(&event, "full", fullness->full);
    json_number(&event, "more_than_half", fullness->more_than_half);
    json_number(&event, "less", fullness->less);
    json_number(&event, "empty", fullness->empty);
    json_end(&event);
}

static bool show_classes(void)
{
    struct heap_class_info class;
    struct fullness fullness;

    print("  %9s  %8s  %8s  %8s  %8s  %8s\n", "class", "slabs", "full", "> half", "less", "empty");
    for (unsigned i = 0; heap_get_class(i, &class); i++) {
        sum_class(class.object_bytes, &fullness);
        if (fullness.slabs != 0)
            show_class(class.object_bytes, &fullness);
    }
    return true;
}

static void show_slab(const struct heap_slab_info *slab)
{
    char size[SIZE_TEXT_BYTES];
    struct json event;

    print("  %p  %10s  %4u of %4u objects taken\n", slab->start,
          format_size(slab->size_bytes, size), slab->objects - slab->free, slab->objects);
    json_begin(&event, json_console(), "slab");
    json_address(&event, "address", (uintptr_t)slab->start);
    json_number(&event, "object_bytes", slab->object_bytes);
    json_number(&event, "objects", slab->objects);
    json_number(&event, "taken", slab->objects - slab->free);
    json_end(&event);
}

static bool show_slabs(const struct command_call *call, uint64_t object_bytes)
{
    struct heap_slab_info slab;
    uint32_t cursor = 0;
    unsigned count = 0;

    while (heap_next_slab(&cursor, &slab)) {
        if (slab.object_bytes != object_bytes)
            continue;
        if (count++ < SLABS_SHOWN)
            show_slab(&slab);
    }
    if (count > SLABS_SHOWN)
        print("  and %u more\n", count - SLABS_SHOWN);
    return count != 0 || command_refuse(call, "no slab has objects of %llu bytes",
                                        (unsigned long long)object_bytes);
}

bool command_slabs(const struct command_call *call)
{
    uint64_t object_bytes;

    if (call->count == 0)
        return show_classes();
    return command_number(call, 0, &object_bytes) && show_slabs(call, object_bytes);
}
