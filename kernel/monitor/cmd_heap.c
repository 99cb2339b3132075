/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_heap.c - heap: the classes and totals; kmalloc and kfree: to try it by hand.
 */

#include "monitor/commands.h"
#include "lib/json.h"
#include "lib/print.h"
#include "mm/heap.h"
#include "lib/format.h"

#define COUNT_MAX   1024 /* objects of one kmalloc command */
#define COUNT_SHOWN 8

/* --- heap ------------------------------------------------------------------------------------ */

static void event_class(const struct heap_class_info *class)
{
    struct json event;

    json_begin(&event, json_console(), "heap_class");
    json_number(&event, "object_bytes", class->object_bytes);
    json_number(&event, "slabs", class->slabs);
    json_number(&event, "objects", class->objects);
    json_number(&event, "live", class->live);
    json_number(&event, "cached", class->cached);
    json_end(&event);
}

static void print_class(const struct heap_class_info *class)
{
    print("  %9zu  %8llu  %10llu  %10llu  %10llu  %4u%%\n", class->object_bytes,
          (unsigned long long)class->slabs, (unsigned long long)class->objects,
          (unsigned long long)class->live, (unsigned long long)class->cached,
          format_percent(class->live, class->objects));
}

/* Classes without slabs are told as events only. */
static void show_classes(void)
{
    struct heap_class_info class;
    unsigned shown = 0;

    print("  %9s  %8s  %10s  %10s  %10s  %5s\n", "class", "slabs", "objects", "live", "cached",
          "used");
    for (unsigned i = 0; heap_get_class(i, &class); i++) {
        event_class(&class);
        if (class.slabs == 0)
            continue;
        print_class(&class);
        shown++;
    }
    if (shown == 0)
        print("  no slabs yet\n");
}

static void print_bytes(const char *what, uint64_t size_bytes)
{
    char size[SIZE_TEXT_BYTES];

    print("  %-12s%10s\n", what, format_size(size_bytes, size));
}

static void print_heap(const struct heap_stats *stats)
{
    uint64_t mapped = stats->mapped_bytes;

    print_bytes("live", stats->live_bytes);
    print_bytes("in slabs", stats->slab_free_bytes);
    print_bytes("in runs", stats->cached_bytes);
    print_bytes("metadata", stats->metadata_bytes);
    print_bytes("mapped", mapped);
    print_bytes("window", stats->window_bytes);
    print(
        "Of what is mapped, %u%% is live, %u%% free in slabs, %u%% free in runs, %u%% metadata.\n",
        format_percent(stats->live_bytes, mapped), format_percent(stats->slab_free_bytes, mapped),
        format_percent(stats->cached_bytes, mapped), format_percent(stats->metadata_bytes, mapped));
    print("%llu objects are live, %llu of them large. Since boot %llu were allocated and %llu "
          "freed;\n"
          "%llu requests failed and %llu wrong frees were refused.\n",
          (unsigned long long)stats->live_objects, (unsigned long long)stats->large_objects,
          (unsigned long long)stats->allocations, (unsigned long long)stats->frees,
          (unsigned long long)stats->failures, (unsigned long long)stats->bad_frees);
}

static void event_heap(const struct heap_stats *stats)
{
    struct json event;

    json_begin(&event, json_console(), "heap");
    json_number(&event, "live_objects", stats->live_objects);
    json_number(&event, "live_bytes", stats->live_bytes);
    json_number(&event, "large_objects", stats->large_objects);
    json_number(&event, "mapped_bytes", stats->mapped_bytes);
    json_number(&event, "metadata_bytes", stats->metadata_bytes);
    json_number(&event, "slab_free_bytes", stats->slab_free_bytes);
    json_number(&event, "cached_bytes", stats->cached_bytes);
    json_number(&event, "window_bytes", stats->window_bytes);
    json_number(&event, "allocations", stats->allocations);
    json_number(&event, "frees", stats->frees);
    json_number(&event, "failures", stats->failures);
    json_number(&event, "bad_frees", stats->bad_frees);
    json_end(&event);
}

static bool show_heap(void)
{
    struct heap_stats stats;

    show_classes();
    heap_get_stats(&stats);
    print_heap(&stats);
    event_heap(&stats);
    return true;
}

bool command_heap(const struct command_call *call)
{
    if (call->count == 0)
        return show_heap();
    if (command_argument_is(call, 0, "check"))
        return heap_command_check(call);
    if (command_argument_is(call, 0, "events"))
        return heap_command_events(call);
    if (command_argument_is(call, 0, "debug"))
        return heap_command_debug(call);
    return command_refuse(call, "'%s' is neither check, events nor debug", call->arguments[0]);
}

/* --- kmalloc and kfree ----------------------------------------------------------------------- */

static bool allocate_one(const struct command_call *call, size_t size_bytes, bool shown)
{
    void *object = kmalloc_tagged(size_bytes, HEAP_TAG_MONITOR, 0);
    struct json event;

    if (object == NULL)
        return command_fail(call, "%zu bytes could not be had", size_bytes);
    if (shown)
        print("  %p  %zu bytes, %zu usable\n", object, size_bytes, kmalloc_usable(object));
    json_begin(&event, json_console(), "kmalloc");
    json_address(&event, "address", (uintptr_t)object);
    json_number(&event, "size", size_bytes);
    json_number(&event, "usable", kmalloc_usable(object));
    json_end(&event);
    return true;
}

bool command_kmalloc(const struct command_call *call)
{
    uint64_t size_bytes;
    uint64_t count = 1;

    if (!command_number(call, 0, &size_bytes) ||
        (call->count > 1 && !command_number(call, 1, &count)))
        return false;
    if (size_bytes > heap_largest())
        return command_refuse(call, "the heap gives %zu bytes at most", heap_largest());
    if (count == 0 || count > COUNT_MAX)
        return command_refuse(call, "COUNT is 1 to %d", COUNT_MAX);
    for (uint64_t i = 0; i < count; i++) {
        if (!allocate_one(call, (size_t)size_bytes, i < COUNT_SHOWN))
            return false;
    }
    if (count > COUNT_SHOWN)
        print("  and %llu more\n", (unsigned long long)(count - COUNT_SHOWN));
    return true;
}

bool command_kfree(const struct command_call *call)
{
    uint64_t address;
    size_t usable;
    bool accepted;
    struct json event;

    if (!command_number(call, 0, &address))
        return false;
    usable = kmalloc_usable((const void *)(uintptr_t)address);
    accepted = kfree((void *)(uintptr_t)address);
    json_begin(&event, json_console(), "kfree");
    json_address(&event, "address", address);
    json_boolean(&event, "accepted", accepted);
    json_end(&event);
    if (!accepted)
        return command_fail(call, "0x%llx was refused", (unsigned long long)address);
    print("  %zu bytes freed\n", usable);
    return true;
}
