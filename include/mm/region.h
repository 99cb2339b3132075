/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mm/region.h - tagged regions: who may do what with a range of physical addresses.
 *
 * A label is a range with a kind and a name. Many come from the table of memory by themselves (devices,
 * firmware, what the user named on the command line, RAM that every device can reach); others are put there
 * with region_label(). An address may have labels of several kinds, and of one kind only one.
 * Labels say something about memory and change nothing: neither allocators nor mappings ask for them.
 *
 * The names are copied. A lock of rank REGION guards the labels; any context but its holder's.
 */
#ifndef MERIDIAN_MM_REGION_H
#define MERIDIAN_MM_REGION_H

#include "lib/status.h"
#include "lib/types.h"
#include "mm/memmap.h"

enum region_kind {
    REGION_KIND_DMA,      /* RAM below 4 GiB that any device can reach */
    REGION_KIND_DEVICE,   /* a device's own */
    REGION_KIND_FIRMWARE, /* the firmware's: its services, ACPI */
    REGION_KIND_USER,     /* somebody's, by name */
    REGION_KIND_COUNT,
};

#define REGION_NAME_BYTES  24  /* with the terminating 0 */
#define REGION_LABELS_MOST 64u /* that region_label() can set */

struct region_label {
    uint64_t base; /* bytes, physical */
    uint64_t size_bytes;
    enum region_kind kind;
    bool from_map; /* the table says so, nobody else */
    char name[REGION_NAME_BYTES];
};

/* Labels [base, + size_bytes). STATUS_INVALID: no bytes, no name, one that is too long, or no such kind;
 * STATUS_OVERFLOW: the range wraps; STATUS_EXISTS: a label of that kind that was set covers part of it;
 * STATUS_NO_SPACE: there are REGION_LABELS_MOST. Nothing has changed then. */
enum status region_label(paddr_t base, uint64_t size_bytes, enum region_kind kind,
                         const char *name);

/* Takes a label away that was set at exactly `base`. STATUS_NOT_FOUND. */
enum status region_unlabel(paddr_t base, enum region_kind kind);

/* All labels in ascending order of their bases, those of the table before others at the same base; stops when
 * `visit` returns false. Rows of the table that touch and say the same are one label. `visit` must not
 * call what is declared here. */
void region_visit(const struct memmap *map,
                  bool (*visit)(void *context, const struct region_label *label), void *context);

/* The labels that hold `address`: fills up to `most` of `labels`, returns how many there are. */
unsigned region_find(const struct memmap *map, paddr_t address, struct region_label *labels,
                     unsigned most);

/* "dma", "device", "firmware", "user". Never NULL. */
const char *region_kind_name(enum region_kind kind);

/* STATUS_NOT_FOUND: no kind has that name. */
enum status region_kind_parse(const char *name, enum region_kind *kind);

#endif
