/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_frames_blocks.c - frames -b: what each block of 2 MiB is used for.
 *
 * One line of text has 64 blocks, 128 MiB; eight lines have a GiB, which is one event `blocks`. A GiB
 * without any RAM is left out. Runs of free frames come in ascending order (pmm_visit_free); what they
 * leave of a block is asked frame by frame, so that memory which nobody has used costs next to
 * nothing, and a GiB that is all in use 262,144 questions.
 */

#include "monitor/commands.h"
#include "lib/bits.h"
#include "lib/json.h"
#include "lib/print.h"
#include "lib/string.h"
#include "mm/pmm.h"

#define BLOCK_SHIFT  9u  /* frames of a block */
#define GIB_SHIFT    18u /* frames of a GiB */
#define BLOCK_FRAMES ((uint64_t)1 << BLOCK_SHIFT)
#define GIB_FRAMES   ((uint64_t)1 << GIB_SHIFT)
#define GIB_BLOCKS   512u
#define ROW_BLOCKS   64u

struct block {
    uint16_t used;      /* frames that are not free */
    enum frame_tag tag; /* the commonest of these; FRAME_FREE: there are none */
};

/* The GiB that is gathered, and what has been shown. */
struct chart {
    const struct memmap *map;
    uint64_t gib;
    uint16_t free[GIB_BLOCKS]; /* frames of each of its blocks */
    char row[ROW_BLOCKS + 1];  /* the last line */
    bool repeated;             /* it was the same as the one before */
    bool seen[FRAME_TAG_COUNT];
};

/* --- blocks ---------------------------------------------------------------------------------- */

static struct block count_block(uint64_t first, uint16_t free)
{
    uint16_t counts[FRAME_TAG_COUNT] = { 0 };
    struct block block = { .used = (uint16_t)(BLOCK_FRAMES - free), .tag = FRAME_FREE };

    if (block.used == 0)
        return block;
    for (uint64_t frame = first; frame < first + BLOCK_FRAMES; frame++) {
        struct frame_info info;

        frame_describe(pfn((uintptr_t)frame), &info);
        counts[info.tag]++;
    }
    /* Frames in other processors' magazines are free too. */
    block.used = (uint16_t)(BLOCK_FRAMES - counts[FRAME_FREE]);
    for (unsigned tag = FRAME_FREE + 1; tag < FRAME_TAG_COUNT; tag++)
        if (counts[tag] > 0 && (block.tag == FRAME_FREE || counts[tag] > counts[block.tag]))
            block.tag = (enum frame_tag)tag;
    return block;
}

static char tag_letter(enum frame_tag tag)
{
    static const char letters[FRAME_TAG_COUNT + 1] = ".kupshtdcgvfrbe";

    return letters[tag];
}

/* Capital when no frame of the block is free. */
static char block_letter(struct block block)
{
    char letter = tag_letter(block.tag);

    return block.used == BLOCK_FRAMES ? (char)(letter - 'a' + 'A') : letter;
}

/* --- lines ----------------------------------------------------------------------------------- */

/* A line like the one before is told once, by a star. */
static void show_row(struct chart *chart, uint64_t first_frame, const char row[ROW_BLOCKS + 1])
{
    bool same = strcmp(row, chart->row) == 0;

    if (same && !chart->repeated)
        print("  *\n");
    if (!same)
        print("  0x%012llx  %s\n", (unsigned long long)first_frame << PAGE_SHIFT, row);
    memcpy(chart->row, row, ROW_BLOCKS + 1);
    chart->repeated = same;
}

static void write_run(struct json *event, unsigned count, struct block block)
{
    json_item_begin(event);
    json_number(event, "blocks", count);
    json_text(event, "tag", frame_tag_name(block.tag));
    json_number(event, "used", block.used);
    json_item_end(event);
}

static void event_blocks(uint64_t first_frame, const struct block blocks[GIB_BLOCKS])
{
    struct json event;
    unsigned start = 0;

    json_begin(&event, json_console(), "blocks");
    json_address(&event, "base", first_frame << PAGE_SHIFT);
    json_list_begin(&event, "runs");
    for (unsigned i = 1; i <= GIB_BLOCKS; i++) {
        if (i < GIB_BLOCKS && blocks[i].used == blocks[start].used &&
            blocks[i].tag == blocks[start].tag)
            continue;
        write_run(&event, i - start, blocks[start]);
        start = i;
    }
    json_list_end(&event);
    json_end(&event);
}

static void show_gib(struct chart *chart)
{
    struct block blocks[GIB_BLOCKS];
    uint64_t first = chart->gib << GIB_SHIFT;
    char row[ROW_BLOCKS + 1] = "";

    for (unsigned i = 0; i < GIB_BLOCKS; i++) {
        blocks[i] = count_block(first + i * BLOCK_FRAMES, chart->free[i]);
        chart->seen[blocks[i].tag] = true;
        row[i % ROW_BLOCKS] = block_letter(blocks[i]);
        if ((i + 1) % ROW_BLOCKS == 0)
            show_row(chart, first + (i + 1 - ROW_BLOCKS) * BLOCK_FRAMES, row);
    }
    event_blocks(first, blocks);
    memset(chart->free, 0, sizeof chart->free);
}

static bool gib_has_ram(const struct memmap *map, uint64_t gib)
{
    uint64_t base = gib << GIB_SHIFT << PAGE_SHIFT;
    uint64_t end = base + (GIB_FRAMES << PAGE_SHIFT);

    for (size_t i = 0; i < map->count; i++) {
        const struct region *row = &map->regions[i];

        if (region_is_ram(row) && row->base < end && row->base + row->size_bytes > base)
            return true;
    }
    return false;
}

/* All that lies below the GiB `next` has been gathered. */
static void advance(struct chart *chart, uint64_t next)
{
    for (; chart->gib < next; chart->gib++)
        if (gib_has_ram(chart->map, chart->gib))
            show_gib(chart);
}

static bool note_free(void *context, pfn_t first, uint64_t count_frames)
{
    struct chart *chart = context;
    uint64_t frame = pfn_value(first);
    uint64_t end = frame + count_frames;

    while (frame < end) {
        unsigned block = (unsigned)(frame >> BLOCK_SHIFT) % GIB_BLOCKS;
        uint64_t part = min_u64(end - frame, BLOCK_FRAMES - frame % BLOCK_FRAMES);

        advance(chart, frame >> GIB_SHIFT);
        chart->free[block] = (uint16_t)(chart->free[block] + part);
        frame += part;
    }
    return true;
}

static void show_legend(const struct chart *chart)
{
    print("Each is a block of 2 MiB, named by what most of its used frames are for");
    for (unsigned tag = 0; tag < FRAME_TAG_COUNT; tag++)
        if (chart->seen[tag])
            print("%s%c %s", tag == FRAME_FREE ? ":\n" : ", ", tag_letter((enum frame_tag)tag),
                  frame_tag_name((enum frame_tag)tag));
    print(".\nCapitals have no free frame. Device is also what nobody describes.\n");
}

bool command_frames_blocks(const struct command_call *call)
{
    struct chart chart = { .map = &call->machine->map };
    struct memmap_totals totals;

    memmap_total(chart.map, &totals);
    print("  first byte      64 blocks of 2 MiB\n");
    pmm_visit_free(note_free, &chart);
    advance(&chart,
            (totals.highest_ram_end + (GIB_FRAMES << PAGE_SHIFT) - 1) >> GIB_SHIFT >> PAGE_SHIFT);
    show_legend(&chart);
    return true;
}
