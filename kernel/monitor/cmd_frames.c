/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_frames.c - frames: how many there are, what for, and where.
 */

#include "monitor/commands.h"
#include "lib/json.h"
#include "lib/print.h"
#include "mm/pmm.h"
#include "mm/pmm_node.h"
#include "lib/format.h"

/* --- frames ---------------------------------------------------------------------------------- */

static void print_count(const char *what, uint64_t count_frames)
{
    char size[SIZE_TEXT_BYTES];

    print("  %-18s%13llu  %10s\n", what, (unsigned long long)count_frames,
          format_size(count_frames << PAGE_SHIFT, size));
}

static void print_counts(const struct pmm_stats *stats, const uint64_t tags[FRAME_TAG_COUNT])
{
    print("  %-18s%13s  %10s\n", "frames of 4 KiB", "count", "size");
    print_count("free", stats->free_frames);
    print_count("used", stats->used_frames);
    for (unsigned tag = FRAME_FREE + 1; tag < FRAME_TAG_COUNT; tag++) {
        char name[32];

        (void)print_buffer(name, sizeof name, "  %s", frame_tag_name(tag));
        if (tags[tag] > 0)
            print_count(name, tags[tag]);
    }
    print_count("reserved", stats->reserved_frames);
    print_count("total", stats->total_frames);
}

static void print_free(const struct pmm_stats *stats)
{
    char metadata[SIZE_TEXT_BYTES];

    print(
        "Of the free frames %llu wait in magazines, %llu of them zeroed ahead, and %llu lie below\n"
        "1 MiB; %llu blocks of 2 MiB are wholly free. The tables of the frames take %s.\n",
        (unsigned long long)stats->cached_frames, (unsigned long long)stats->zeroed_frames,
        (unsigned long long)stats->low_free_frames, (unsigned long long)stats->free_2m_blocks,
        format_size(stats->metadata_bytes, metadata));
}

/* The nodes, where there is more than one; distances are from the processor that runs. */
static void print_nodes(void)
{
    struct pmm_node_stats stats;

    for (unsigned node = 0; pmm_count_nodes() > 1 && pmm_get_node_stats(node, &stats) == STATUS_OK;
         node++) {
        char managed[SIZE_TEXT_BYTES];
        char free[SIZE_TEXT_BYTES];

        print("  node %-2u  distance %3u  %10s, %10s free outside magazines\n", node,
              pmm_node_distance(pmm_node_here(), node),
              format_size(stats.managed_frames << PAGE_SHIFT, managed),
              format_size(stats.free_frames << PAGE_SHIFT, free));
    }
}

static void write_nodes(struct json *event)
{
    struct pmm_node_stats stats;

    json_list_begin(event, "nodes");
    for (unsigned node = 0; pmm_get_node_stats(node, &stats) == STATUS_OK; node++) {
        json_item_begin(event);
        json_number(event, "node", node);
        json_number(event, "distance", pmm_node_distance(pmm_node_here(), node));
        json_number(event, "managed", stats.managed_frames);
        json_number(event, "free", stats.free_frames);
        json_number(event, "free_2m_blocks", stats.free_2m_blocks);
        json_item_end(event);
    }
    json_list_end(event);
}

static void event_frames(const struct pmm_stats *stats, const uint64_t tags[FRAME_TAG_COUNT])
{
    struct json event;

    json_begin(&event, json_console(), "frames");
    json_number(&event, "total", stats->total_frames);
    json_number(&event, "free", stats->free_frames);
    json_number(&event, "used", stats->used_frames);
    json_number(&event, "reserved", stats->reserved_frames);
    json_number(&event, "managed", stats->managed_frames);
    json_number(&event, "cached", stats->cached_frames);
    json_number(&event, "zeroed", stats->zeroed_frames);
    json_number(&event, "low_free", stats->low_free_frames);
    json_number(&event, "free_2m_blocks", stats->free_2m_blocks);
    json_number(&event, "metadata_bytes", stats->metadata_bytes);
    json_list_begin(&event, "tags");
    for (unsigned tag = FRAME_FREE + 1; tag < FRAME_TAG_COUNT; tag++) {
        json_item_begin(&event);
        json_text(&event, "tag", frame_tag_name(tag));
        json_number(&event, "frames", tags[tag]);
        json_item_end(&event);
    }
    json_list_end(&event);
    write_nodes(&event);
    json_end(&event);
}

bool command_frames(const struct command_call *call)
{
    struct pmm_stats stats;
    uint64_t tags[FRAME_TAG_COUNT];
    uint64_t sum;

    if (command_argument_is(call, 0, "-b"))
        return command_frames_blocks(call);
    if (call->count > 0)
        return command_refuse(call, "'%s' is unknown", call->arguments[0]);
    pmm_get_stats(&stats);
    pmm_count_tags(tags);
    print_counts(&stats, tags);
    print_free(&stats);
    print_nodes();
    event_frames(&stats, tags);
    sum = stats.free_frames + stats.used_frames + stats.reserved_frames;
    if (sum != stats.total_frames)
        return command_fail(call, "free, used and reserved are %llu together, not %llu",
                            (unsigned long long)sum, (unsigned long long)stats.total_frames);
    return true;
}
