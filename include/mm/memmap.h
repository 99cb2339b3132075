/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mm/memmap.h - the machine's memory map: from what the firmware says to a table one can trust.
 *
 * Use: memmap_init() on buffers of the caller's, memmap_add_efi() or memmap_add_e820() for each
 * source, memmap_sanitise() once; from then on the table is sorted, disjoint, page-aligned
 * (usable inward, all others outward), coalesced, free of wraps and below the limit, and the
 * functions that change it afterwards (carve, clip, reserve) keep it so.
 *
 * Overlaps: the strictest type wins, in the order usable < unaccepted < soft reserved <
 * persistent < ACPI data < ACPI NVS < reserved < unusable; unknown types count as reserved. Where
 * the types are equal, the later enum region_tag wins, capabilities (UC ... WB, MORE_RELIABLE,
 * IS_RAM) hold only if all entries claim them, and RUNTIME, SPECIAL and NON_VOLATILE if any does.
 *
 * Coalesced: no two rows that touch have equal type, flags and tag. Their efi_type does not count:
 * a row that several kinds of descriptor went into has REGION_EFI_TYPE_NONE, and the verbatim map
 * still tells them apart.
 *
 * Changes: whatever is changed on the way is noted with its reason, in the order in which it was
 * done; each note says that the bytes of its range that had from_type have to_type now, where 0
 * is "not in the table". Equal types say that only tag or flags changed. A full note book loses
 * notes, never regions, and counts what it lost.
 *
 * Memory: the caller owns both buffers. Nothing has a fixed capacity: memmap_capacity() says what
 * n firmware entries need at worst. Nothing is allocated, nothing is printed, so that all of it
 * may run between GetMemoryMap and ExitBootServices. Not locked: one processor, early, or the
 * caller's own lock. Same source in loader, kernel and hosted tools.
 */
#ifndef MERIDIAN_MM_MEMMAP_H
#define MERIDIAN_MM_MEMMAP_H

#include "boot/e820.h"
#include "boot/handoff.h"
#include "lib/print.h"
#include "lib/status.h"
#include "lib/types.h"

/* Why a change was made. */
enum memmap_reason {
    MEMMAP_EMPTY,           /* an entry of no bytes was dropped */
    MEMMAP_WRAPS,           /* base + size passes 2^64: usable dropped, others cut at the limit */
    MEMMAP_BEYOND_LIMIT,    /* beyond MAXPHYADDR: cut */
    MEMMAP_OVERLAP,         /* a stricter entry covers it */
    MEMMAP_UNALIGNED,       /* a border inside a page moved: usable inward, others outward */
    MEMMAP_UNKNOWN_TYPE,    /* a type nobody defines became reserved */
    MEMMAP_NOT_WRITE_BACK,  /* memory that cannot be cached write-back became reserved */
    MEMMAP_SPECIAL_PURPOSE, /* EFI_MEMORY_SP became soft reserved */
    MEMMAP_PAGE_ZERO,       /* frame 0 is never handed out */
    MEMMAP_LOW_MEMORY,      /* below 1 MiB: kept from the general pool */
    MEMMAP_TRAMPOLINE,      /* below 1 MiB: set aside for starting processors */
    MEMMAP_FRAMEBUFFER,     /* the framebuffer was cut out of RAM */
    MEMMAP_ACPI_TABLE,      /* a table in use was cut out of RAM */
    MEMMAP_CARVED,          /* taken for an owner: the loader, a module, a device */
    MEMMAP_COMMAND_LINE,    /* mem= or memmap= asked for it */
    MEMMAP_SILENT,          /* said to be memory; it does not keep what is written to it */
    MEMMAP_REASON_COUNT,
};

/* The widest physical address of x86-64 (Intel SDM vol. 3A, 4.1.4): no limit lies beyond 2^52. */
#define MEMMAP_LIMIT_MAX ((uint64_t)1 << 52)

struct memmap {
    struct region *regions;
    size_t count;
    size_t capacity;
    struct handoff_change *changes;
    size_t change_count;
    size_t change_capacity;
    size_t changes_lost;
    uint64_t limit; /* first address beyond the table; page-aligned, at most MEMMAP_LIMIT_MAX */
};

/* --- filling ----------------------------------------------------------------------------- */

/* Rows that a buffer needs so that memmap_sanitise() on `entries` firmware entries, then
 * memmap_reserve_low() and `carves` calls of memmap_carve(), cannot run out of space. */
size_t memmap_capacity(size_t entries, size_t carves);

/* An empty table below `limit` bytes (1 << MAXPHYADDR; rounded down to whole pages and to
 * MEMMAP_LIMIT_MAX). The buffers stay the caller's; `changes` may be NULL with capacity 0. */
void memmap_init(struct memmap *map, struct region *regions, size_t capacity,
                 struct handoff_change *changes, size_t change_capacity, uint64_t limit);

/* Appends what the firmware's map of `map_bytes` bytes says, descriptor by descriptor, by these
 * rules: 0 reserved; 1, 2 usable, tagged loader; 3, 4 usable, tagged boot services; 5, 6 reserved,
 * RUNTIME, tagged firmware; 7 usable; 8 unusable; 9 ACPI data; 10 ACPI NVS; 11, 12, 13 reserved
 * (11 and 12 tagged device); 14 persistent; 15 unaccepted; anything else reserved. Usable memory
 * without WB becomes reserved, else with EFI_MEMORY_SP soft reserved. Types decide: the RUNTIME
 * attribute only adds REGION_RUNTIME, which keeps a usable row from being free. `descriptors`
 * need no alignment. Fails with STATUS_CORRUPT (descriptor_bytes < 40, or bytes left over) or
 * STATUS_NO_SPACE, and has then added nothing. */
enum status memmap_add_efi(struct memmap *map, const void *descriptors, size_t map_bytes,
                           size_t descriptor_bytes);

/* Appends one E820 entry of any quality. STATUS_NO_SPACE when the table is full. */
enum status memmap_add_e820(struct memmap *map, uint64_t base, uint64_t size_bytes, uint32_t type);

/* Appends one row; base, size and type of any quality: what cannot be believed is cut off or made
 * reserved, and noted. STATUS_NO_SPACE when full, STATUS_INVALID for a flag or tag that does not
 * exist. The table is no longer sanitised. */
enum status memmap_add(struct memmap *map, const struct region *region);

/* Makes the invariants true. O(n log n), O(n) on maps that are nearly sorted, in place, no
 * recursion. The same rows come out in whatever order the entries were added. STATUS_NO_SPACE,
 * and nothing changed, when the buffer has less than 2 * count rows, which are the work space. */
enum status memmap_sanitise(struct memmap *map);

/* --- changing a sanitised table ---------------------------------------------------------- */

/* Usable memory of page 0 becomes reserved; usable memory below 640 KiB that is free becomes
 * reserved with REGION_TAG_LOW, but for `trampoline_pages` pages of it (contiguous, the highest
 * that fit), which get REGION_TAG_TRAMPOLINE; usable memory from 640 KiB to 1 MiB, where video
 * memory and ROMs lie whatever the firmware says, becomes reserved with REGION_TAG_DEVICE.
 * Below 1 MiB, usable memory with REGION_RUNTIME becomes reserved with REGION_TAG_FIRMWARE. What
 * others hold stays. STATUS_NO_SPACE when there is no room for five more rows: nothing was changed. STATUS_NOT_FOUND:
 * all done, but no run was long enough for the trampoline. */
enum status memmap_reserve_low(struct memmap *map, size_t trampoline_pages);

/* Gives [base, base + size_bytes) (grown to whole pages, cut at the limit) a tag, and where `type`
 * is not 0 that type, unless a row's own type is stricter: that row is left alone. Rows are split
 * as needed; parts of the range that the table does not know are left unknown when type is 0 and
 * added otherwise; E820_USABLE does nothing but add. What becomes a device's, the framebuffer's or the user's is no longer
 * REGION_IS_RAM. STATUS_OVERFLOW when the range wraps, STATUS_INVALID for an unknown type or tag,
 * STATUS_NO_SPACE; nothing was changed then. */
enum status memmap_carve(struct memmap *map, uint64_t base, uint64_t size_bytes, uint32_t type,
                         enum region_tag tag, enum memmap_reason reason);

/* What a device (region_device(), or 0: no function in particular) says is its own: makes those
 * pages of [base, base + size_bytes) reserved, tagged REGION_TAG_DEVICE, that the table does not
 * know, or knows as reserved, no RAM and nobody's. All others stay what they are: a device is not
 * believed against the firmware, and frames may be in use already. STATUS_OVERFLOW, STATUS_NO_SPACE; nothing was changed then. */
enum status memmap_claim_device(struct memmap *map, uint64_t base, uint64_t size_bytes,
                                uint32_t device);

/* Cuts all that lies at or above `limit` (rounded down to whole pages), which becomes the table's
 * limit; if `free_only`, cuts only what region_is_free() and leaves the limit alone (mem=). */
void memmap_clip(struct memmap *map, uint64_t limit, bool free_only, enum memmap_reason reason);

/* --- believing a table ------------------------------------------------------------------- */

/* A table that is already sanitised, as a handoff brings it: adopted in place after
 * memmap_validate(), whose verdict is returned. `changes` may be NULL. */
enum status memmap_adopt(struct memmap *map, struct handoff_regions *regions,
                         struct handoff_changes *changes, uint64_t limit, size_t *bad_row);

/* Whether all the invariants hold; STATUS_CORRUPT and the offending row's index if not. */
enum status memmap_validate(const struct memmap *map, size_t *bad_row);

/* Whether nothing in `map` is usable that the firmware's verbatim map does not call usable (no
 * other entry overlapping); STATUS_CORRUPT and the offending row's index if not, or
 * *bad_row = map->count when the verbatim map itself is malformed. */
enum status memmap_cross_check_efi(const struct memmap *map, const void *descriptors,
                                   size_t map_bytes, size_t descriptor_bytes, size_t *bad_row);

/* The same for E820 entries, entry_bytes (20 or more) apart. */
enum status memmap_cross_check_e820(const struct memmap *map, const void *entries, size_t map_bytes,
                                    size_t entry_bytes, size_t *bad_row);

/* --- asking ------------------------------------------------------------------------------ */

/* The row that holds `address`, or NULL. O(log n). */
const struct region *memmap_find(const struct memmap *map, paddr_t address);

/* Usable, and held by nobody who still needs it: what the PMM manages as general memory. */
/*@ requires \valid_read(region);
  @ assigns \nothing;
  @ ensures \result <==> region->type == E820_USABLE && (region->flags & REGION_RUNTIME) == 0 &&
  @   (region->tag == REGION_TAG_NONE || region->tag == REGION_TAG_LOADER ||
  @    region->tag == REGION_TAG_BOOT_SERVICES); */
bool region_is_free(const struct region *region);

/* Backed by RAM that the direct map covers, whatever its type: usable, loader, ACPI, runtime data
 * with WB ... never device memory. */
/*@ requires \valid_read(region);
  @ assigns \nothing;
  @ ensures \result <==> (region->flags & REGION_IS_RAM) != 0; */
bool region_is_ram(const struct region *region);

/* Whether the firmware described the region, or the command line added it as memory. Others were
 * carved out of a hole: a framebuffer that the firmware's map leaves out. */
/*@ requires \valid_read(region);
  @ assigns \nothing;
  @ ensures \result <==> (region->flags & REGION_ADDED) == 0; */
bool region_is_described(const struct region *region);

/* Bytes by kind. `described` + `added` is the sum over all rows. */
struct memmap_totals {
    uint64_t described; /* region_is_described() */
    uint64_t added;     /* the other rows */
    uint64_t usable;    /* all rows of type usable */
    uint64_t free;      /* of these, region_is_free() */
    uint64_t low;       /* REGION_TAG_LOW and REGION_TAG_TRAMPOLINE */
    uint64_t reserved;
    uint64_t acpi_data;
    uint64_t acpi_nvs;
    uint64_t unusable;
    uint64_t persistent;
    uint64_t soft_reserved;
    uint64_t unaccepted;
    uint64_t highest_usable_end;
    uint64_t highest_ram_end;
};

void memmap_total(const struct memmap *map, struct memmap_totals *totals);

/* "empty", "wraps past 2^64" ...: a few words, never NULL. */
const char *memmap_reason_name(uint32_t reason);

/* One line a row as Linux prints them: "BIOS-e820: [mem 0x…-0x…] usable", without a newline. */
void memmap_print_row(struct print_sink *sink, const struct region *region);

/* "[mem 0x…-0x…] usable -> reserved: a stricter entry covers it", without a newline. */
void memmap_print_change(struct print_sink *sink, const struct handoff_change *change);

#endif
