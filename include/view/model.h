/* SPDX-License-Identifier: BSD-2-Clause
 *
 * view/model.h - what the dashboard shows, as numbers: taken from the memory manager, drawn nowhere.
 *
 * A model is a snapshot. Painters, the event `viz` and the tests all read the same one, so what is on a
 * screen can be compared with what the kernel says. Filling it changes nothing; the memory manager
 * should not change much meanwhile: other processors may make the sums inexact by what they do.
 */
#ifndef MERIDIAN_VIEW_MODEL_H
#define MERIDIAN_VIEW_MODEL_H

#include "lib/types.h"
#include "mm/heap.h"
#include "mm/memmap.h"
#include "mm/pmm.h"
#include "view/cell.h"

/* --- addresses --------------------------------------------------------------------------- */

/* What a person wants to know of a region, in one word. */
enum view_kind {
    VIEW_KIND_HOLE, /* nothing is there */
    VIEW_KIND_USABLE,
    VIEW_KIND_HELD, /* memory that the kernel was started with: image, tables, stack, modules */
    VIEW_KIND_LOW,  /* below 1 MiB, for who asks */
    VIEW_KIND_ACPI,
    VIEW_KIND_FIRMWARE,
    VIEW_KIND_DEVICE,
    VIEW_KIND_RESERVED,
    VIEW_KIND_SPECIAL, /* persistent, soft reserved, unaccepted */
    VIEW_KIND_BAD,
    VIEW_KIND_COUNT,
};

enum view_kind view_kind_of(const struct region *region);
const char *view_kind_name(enum view_kind kind);
enum view_colour view_kind_colour(enum view_kind kind);

/* Cuts [0, top) into `count` slices of equal size and says of each what most of it is. */
void view_slices(const struct memmap *map, uint64_t top, uint8_t *kinds, unsigned count);

/* --- frames ------------------------------------------------------------------------------ */

/* Some frames, drawn as one square. */
struct view_tile {
    uint32_t free_frames;
    uint32_t used_frames; /* of others than the PMM's too; what is in no map is neither */
    uint32_t weight;      /* while it is filled */
    uint16_t references;  /* the most that one of them has */
    uint8_t tag;          /* enum frame_tag: the commonest of the used ones; FRAME_FREE: none */
};

struct view_grid {
    struct view_tile *tiles; /* the caller's */
    unsigned count;
    unsigned shift; /* a tile has 2^shift frames */
    uint64_t first_frame;
};

/* Fills tiles[0 .. count) from first_frame on. Free frames are counted exactly; of other runs a few
 * frames a tile are asked for their tags. Cost: as pmm_visit_free(), and a few frames a tile and run. */
void view_fill_grid(const struct memmap *map, struct view_grid *grid);

enum view_colour view_tag_colour(enum frame_tag tag);
enum view_colour view_tile_colour(const struct view_tile *tile);

/* --- all of it --------------------------------------------------------------------------- */

#define VIEW_CLASSES_MOST 40

struct view_model {
    const struct memmap *map;
    uint64_t ram_end;   /* of the highest memory, rounded up to 2 MiB */
    uint64_t space_end; /* what the second bar shows: 4 GiB, or ram_end where that is more */
    uint64_t kind_bytes[VIEW_KIND_COUNT]; /* below space_end */
    size_t beyond;                        /* rows above space_end */
    struct pmm_stats frames;
    uint64_t tags[FRAME_TAG_COUNT];
    struct heap_stats heap;
    struct heap_class_info classes[VIEW_CLASSES_MOST];
    unsigned class_count;
    uint64_t seconds; /* since the start */
};

void view_model_fill(struct view_model *model, const struct memmap *map, uint64_t seconds);

#endif
