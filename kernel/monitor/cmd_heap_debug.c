/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_heap_debug.c - heap check, heap events, heap debug; tags and leaks: who holds what.
 */

#include "lib/json.h"
#include "lib/print.h"
#include "lib/string.h"
#include "mm/heap_debug.h"
#include "monitor/commands.h"
#include "lib/format.h"

#define TEXT_BYTES   96
#define EVENTS_USUAL 16
#define LEAKS_MOST   24

/* --- heap check ------------------------------------------------------------------------------- */

bool heap_command_check(const struct command_call *call)
{
    enum status status = heap_check();

    if (status != STATUS_OK)
        return command_fail(call, "the heap is damaged (%s): see above", status_name(status));
    print("  the heap is as it should be\n");
    return true;
}

/* --- heap events ------------------------------------------------------------------------------ */

static void show_event(const struct heap_event *event)
{
    char place[TEXT_BYTES];
    struct json json;

    heap_place_text(event->site, place, sizeof(place));
    print("  %8u  %-7s %p  %8zu  %-8s %s\n", event->sequence, heap_event_name(event->kind),
          va_ptr(va(event->address)), event->size_bytes, heap_tag_name(event->tag), place);
    json_begin(&json, json_console(), "heap_event");
    json_number(&json, "sequence", event->sequence);
    json_text(&json, "kind", heap_event_name(event->kind));
    json_number(&json, "cpu", event->cpu);
    json_address(&json, "address", event->address);
    json_number(&json, "size", event->size_bytes);
    json_text(&json, "tag", heap_tag_name(event->tag));
    if (event->site != NULL)
        json_text(&json, "place", place);
    json_end(&json);
}

bool heap_command_events(const struct command_call *call)
{
    static struct heap_event events[HEAP_EVENTS_KEPT];
    uint64_t most = EVENTS_USUAL;
    unsigned count;

    if (call->count > 1 && !command_number(call, 1, &most))
        return false;
    if (most == 0 || most > HEAP_EVENTS_KEPT)
        return command_refuse(call, "COUNT is 1 to %u", HEAP_EVENTS_KEPT);
    count = heap_events(events, (unsigned)most);
    if (count == 0)
        print("  nothing yet: single objects are noted with debugging on (heap debug sites)\n");
    for (unsigned i = 0; i < count; i++)
        show_event(&events[i]);
    return true;
}

/* --- heap debug ------------------------------------------------------------------------------- */

static void show_debug(void)
{
    struct heap_debug_stats stats;
    struct heap_debug now;
    char text[TEXT_BYTES];
    struct json event;

    heap_debug_get(&now);
    heap_debug_get_stats(&stats);
    heap_debug_text(&now, text, sizeof(text));
    print("  %s\n"
          "%llu objects have records, %llu are freed and wait; %llu were guarded, %llu untracked.\n"
          "%llu were damaged.\n",
          text, (unsigned long long)stats.live, (unsigned long long)stats.held,
          (unsigned long long)stats.guarded, (unsigned long long)stats.untracked,
          (unsigned long long)stats.damaged);
    json_begin(&event, json_console(), "heap_debug");
    json_text(&event, "options", text);
    json_number(&event, "live", stats.live);
    json_number(&event, "held", stats.held);
    json_number(&event, "guarded", stats.guarded);
    json_number(&event, "untracked", stats.untracked);
    json_number(&event, "damaged", stats.damaged);
    json_end(&event);
}

bool heap_command_debug(const struct command_call *call)
{
    struct heap_debug wish;
    enum status status;

    if (call->count > 1) {
        heap_debug_get(&wish);
        heap_debug_parse(call->arguments[1], strlen(call->arguments[1]), &wish);
        status = heap_debug_set(&wish);
        if (status != STATUS_OK)
            return command_fail(call, "there is no room for records (%s)", status_name(status));
    }
    show_debug();
    return true;
}

/* --- tags ------------------------------------------------------------------------------------- */

bool command_tags(const struct command_call *call)
{
    struct heap_stats stats;

    (void)call;
    heap_get_stats(&stats);
    print("  %-10s%10s  %5s\n", "tag", "bytes", "share");
    for (unsigned tag = 0; tag < HEAP_TAG_COUNT; tag++) {
        const char *name = heap_tag_name((enum heap_tag)tag);
        char size[SIZE_TEXT_BYTES];
        struct json event;

        print("  %-10s%10s  %4u%%\n", name, format_size(stats.tag_bytes[tag], size),
              format_percent(stats.tag_bytes[tag], stats.live_bytes));
        json_begin(&event, json_console(), "heap_tag");
        json_text(&event, "tag", name);
        json_number(&event, "bytes", stats.tag_bytes[tag]);
        json_end(&event);
    }
    return true;
}

/* --- leaks ------------------------------------------------------------------------------------ */

static uint32_t mark;
static uint64_t marked_bytes[HEAP_TAG_COUNT]; /* by tag, when it was set */

static void show_leak(const struct heap_leak *leak)
{
    char place[TEXT_BYTES];
    char size[SIZE_TEXT_BYTES];
    struct json event;

    heap_place_text(leak->site, place, sizeof(place));
    print("  %8llu  %10s  %-8s %s\n", (unsigned long long)leak->objects,
          format_size(leak->bytes, size), heap_tag_name(leak->tag), place);
    json_begin(&event, json_console(), "leak");
    json_text(&event, "tag", heap_tag_name(leak->tag));
    json_number(&event, "objects", leak->objects);
    json_number(&event, "bytes", leak->bytes);
    if (leak->site != NULL)
        json_text(&event, "place", place);
    json_end(&event);
}

static void show_leaks_by_place(void)
{
    struct heap_leak rows[LEAKS_MOST];
    struct heap_leak rest;
    unsigned count = heap_leaks(mark, rows, LEAKS_MOST, &rest);

    print("  %8s  %10s  %-8s %s\n", "objects", "bytes", "tag", "allocated at");
    for (unsigned i = 0; i < count; i++)
        show_leak(&rows[i]);
    if (rest.objects != 0)
        print("  %8llu  elsewhere\n", (unsigned long long)rest.objects);
    if (count == 0)
        print("  nothing is held\n");
}

static void show_leaks_by_tag(void)
{
    struct heap_stats stats;
    unsigned shown = 0;

    heap_get_stats(&stats);
    for (unsigned tag = 0; tag < HEAP_TAG_COUNT; tag++) {
        char size[SIZE_TEXT_BYTES];

        if (stats.tag_bytes[tag] <= marked_bytes[tag])
            continue;
        print("  %10s more with the tag %s\n",
              format_size(stats.tag_bytes[tag] - marked_bytes[tag], size),
              heap_tag_name((enum heap_tag)tag));
        shown++;
    }
    print(shown == 0 ? "  nothing more is held\n"
                     : "Places are known with debugging on: heap debug sites\n");
}

bool command_leaks(const struct command_call *call)
{
    struct heap_stats stats;
    struct heap_debug now;

    if (command_argument_is(call, 0, "mark")) {
        heap_get_stats(&stats);
        memcpy(marked_bytes, stats.tag_bytes, sizeof(marked_bytes));
        mark = heap_leaks_mark();
        print("  marked\n");
        return true;
    }
    if (call->count != 0)
        return command_refuse(call, "'%s' is not mark", call->arguments[0]);
    heap_debug_get(&now);
    if (now.options != 0)
        show_leaks_by_place();
    else
        show_leaks_by_tag();
    return true;
}
