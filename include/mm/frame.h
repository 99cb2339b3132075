/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mm/frame.h - what is known about each frame: a reference count and a tag, in 16 bits.
 *
 * The record of a frame lies with its 2 MiB block's and is written when the block is first
 * touched, so that memory nobody has used costs nothing. Counts are 11 bits and saturate: a frame
 * that was shared 2,047 times is never freed. One bit says that a frame continues the run of the frame
 * before it, which is how a run that is freed with a wrong order is noticed. Changes are single atomic
 * operations, but for the first on a frame of a 2 MiB block that is used as one: that breaks the block
 * into frames, under its area's lock. Any context.
 */
#ifndef MERIDIAN_MM_FRAME_H
#define MERIDIAN_MM_FRAME_H

#include "lib/status.h"
#include "lib/types.h"

/* What a frame is used for; 4 bits. */
enum frame_tag {
    FRAME_FREE,
    FRAME_KERNEL, /* the image, handoff, boot-time tables */
    FRAME_USER,   /* a user mapping's memory */
    FRAME_PAGE_TABLE,
    FRAME_SLAB,  /* small heap objects */
    FRAME_HEAP,  /* large heap runs */
    FRAME_STACK, /* kernel stacks */
    FRAME_DMA,
    FRAME_CACHE,
    FRAME_GUARD,
    FRAME_DEVICE,   /* not RAM: reported, never allocated */
    FRAME_FIRMWARE, /* ACPI, runtime services */
    FRAME_RESERVED, /* anything else that is not ours */
    FRAME_BAD,      /* retired for good */
    FRAME_TEST,     /* self-tests */
    FRAME_TAG_COUNT,
};

#define FRAME_COUNT_MAX 2047u

struct frame_info {
    enum frame_tag tag;
    unsigned references; /* 0 for a free frame; FRAME_COUNT_MAX: saturated */
    bool managed;        /* the PMM knows the frame: it is or was general memory */
    bool cached;         /* free, waiting in a processor's magazine */
};

/* Tells about any frame, managed or not. Never fails: what the map does not describe is
 * FRAME_DEVICE or FRAME_RESERVED, unmanaged. */
void frame_describe(pfn_t frame, struct frame_info *info);

/* One more reference to an allocated frame. Panics on a free one: the caller holds no reference. */
void frame_get(pfn_t frame);

/* One reference less; the last one frees the frame. Panics on a free one. Returns true when it was
 * the last. */
bool frame_put(pfn_t frame);

/* References of an allocated frame. */
unsigned frame_references(pfn_t frame);

/* Changes the tag of an allocated frame. */
void frame_set_tag(pfn_t frame, enum frame_tag tag);

/* Where the frame was allocated last, an address in the caller's code; NULL where that is not known: only
 * after pmm_record_sites(). Any context. */
const void *frame_site(pfn_t frame);

/* "free", "kernel", "page table" ... Never NULL. */
const char *frame_tag_name(enum frame_tag tag);

#endif
