/* SPDX-License-Identifier: BSD-2-Clause
 *
 * vm_type.c - one frame, one memory type.
 *
 * The processor keeps what it caches of a frame by physical address. Two mappings of one frame with two
 * types undo each other: a write that one of them combines or goes around the cache is not what the
 * other one reads (SDM vol. 3A, 11.12.4). So whoever asks for a type is refused if
 *
 *   - the firmware's range registers make another one of it (mtrr.c),
 *   - it is not write-back, and the frame is general memory, which the direct map has write-back,
 *   - another area of the space shows the frame with another type. Drivers' areas are all in one, the kernel's.
 *
 * O(pages) for what is not write-back, O(areas) for all: devices are mapped once.
 */
#include "lib/bits.h"
#include "lib/log.h"
#include "mm/mtrr.h"
#include "vm_private.h"

static const char *type_name(unsigned rights)
{
    switch ((enum pt_cache)(rights & PT_CACHE_MASK)) {
    case PT_WRITE_BACK:
        return "write-back";
    case PT_WRITE_COMBINING:
        return "write-combining";
    case PT_UNCACHED_MINUS:
    case PT_UNCACHED:
        return "uncached";
    case PT_WRITE_THROUGH:
        return "write-through";
    }
    return "of no type";
}

static enum status refuse(uint64_t address, const char *by, unsigned had, unsigned wanted)
{
    log_warning("memory types: 0x%llx is mapped %s by '%s' and cannot be mapped %s too",
                (unsigned long long)address, type_name(had), by, type_name(wanted));
    return STATUS_DENIED;
}

static enum status check_general(const struct vm_type_wish *wish)
{
    if ((wish->rights & PT_CACHE_MASK) == PT_WRITE_BACK)
        return STATUS_OK;
    for (uint64_t offset = 0; offset < wish->size_bytes; offset += PAGE_SIZE) {
        struct frame_info info;

        frame_describe(pa_to_pfn(pa_add(wish->target, offset)), &info);
        if (info.managed)
            return refuse(pa_value(wish->target) + offset, "the direct map", PT_WRITE_BACK,
                          wish->rights);
    }
    return STATUS_OK;
}

/* Whether `area` shows a frame of the wish, and with another type. */
static bool disagrees(const struct vm_area *area, const struct vm_type_wish *wish)
{
    uint64_t first = pa_value(wish->target);

    return area->kind == VM_FIXED && area != wish->self &&
           ((area->rights ^ wish->rights) & PT_CACHE_MASK) != 0 &&
           area->target < first + wish->size_bytes &&
           first < area->target + (area->end - area->start);
}

static enum status check_areas(const struct vm_space *space, const struct vm_type_wish *wish)
{
    const struct vm_area *area = vm_tree_at_or_after(&space->areas, space->areas.first);

    for (; area != NULL; area = vm_tree_at_or_after(&space->areas, vm_area_claim_end(area))) {
        if (disagrees(area, wish))
            return refuse(max_u64(area->target, pa_value(wish->target)), area->name, area->rights,
                          wish->rights);
    }
    return STATUS_OK;
}

enum status vm_type_check(const struct vm_space *space, const struct vm_type_wish *wish)
{
    enum status status = mtrr_check_range(wish->target, wish->size_bytes, wish->rights);

    if (status == STATUS_OK)
        status = check_general(wish);
    return status == STATUS_OK ? check_areas(space, wish) : status;
}
