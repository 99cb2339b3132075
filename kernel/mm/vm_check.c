/* SPDX-License-Identifier: BSD-2-Clause
 *
 * vm_check.c - do areas, page tables and frames agree?
 *
 * For self-tests and the monitor: O(areas + leaves). Every mapping must lie in an area that may have
 * one, grant no more than the area does, and own its frames if the area is anonymous; frames that
 * are owned must be in use, and writable only if nobody else has them or all share them. The
 * kernel's space has no clones and shares nothing: whatever it owns has one reference, its mapping's.
 */
#include "lib/log.h"
#include "mm/frame.h"
#include "vm_private.h"

struct space_check {
    const struct vm_space *space;
    enum status status;
};

static bool complain(struct space_check *check, const char *what, uintptr_t address)
{
    log_error("vmm: 0x%llx: %s", (unsigned long long)address, what);
    check->status = STATUS_CORRUPT;
    return false;
}

#define COMPARED_RIGHTS (PT_WRITE | PT_USER)

static bool check_frame(struct space_check *check, const struct vm_area *area, uintptr_t page,
                        paddr_t target, unsigned flags)
{
    struct frame_info info;
    bool is_private = (area->flags & VM_SHARED) == 0;

    frame_describe(pa_to_pfn(target), &info);
    if (info.tag == FRAME_FREE || info.references == 0)
        return complain(check, "maps a free frame", page);
    if (vm_space_is_kernel(check->space) && info.references != 1)
        return complain(check, "maps a frame that has more references than mappings", page);
    if (is_private && (flags & PT_WRITE) != 0 && info.references != 1)
        return complain(check, "can write a frame that others have, too", page);
    return true;
}

/* The frames that a part of a run owns. */
static bool check_frames(struct space_check *check, const struct vm_area *area,
                         const struct pt_mapping *run, uintptr_t start, uintptr_t end)
{
    for (uintptr_t page = start; page < end; page += PAGE_SIZE) {
        paddr_t target = pa_add(run->target, page - va_value(run->address));

        if (!check_frame(check, area, page, target, run->flags))
            return false;
    }
    return true;
}

/* The part of a run that lies in one area. A window's module maps what it likes; what it owns is
 * counted all the same. */
static bool check_part(struct space_check *check, const struct vm_area *area,
                       const struct pt_mapping *run, uintptr_t start, uintptr_t end)
{
    if (area->kind == VM_GUARD)
        return complain(check, "mapped in a guard area", start);
    if (area->kind == VM_WINDOW)
        return (run->flags & PT_OWNED) == 0 || check_frames(check, area, run, start, end);
    if ((run->flags & COMPARED_RIGHTS & ~area->rights) != 0)
        return complain(check, "grants more than its area does", start);
    if (area->kind == VM_FIXED && pa_value(run->target) + (start - va_value(run->address)) !=
                                      area->target + (start - area->start))
        return complain(check, "is not the target of its area", start);
    if (area->kind == VM_FIXED)
        return true;
    if ((run->flags & PT_OWNED) == 0)
        return complain(check, "does not own the frames of an anonymous area", start);
    return check_frames(check, area, run, start, end);
}

static bool check_run(void *context, const struct pt_mapping *run)
{
    struct space_check *check = context;
    uintptr_t address = va_value(run->address);
    uintptr_t end = address + (uintptr_t)run->size_bytes;

    while (address < end) {
        const struct vm_area *area = vm_tree_find(&check->space->areas, address);
        uintptr_t part_end;

        if (area == NULL)
            return complain(check, "mapped outside of any area", address);
        if (address < area->start || address >= area->end)
            return complain(check, "mapped in a guard page", address);
        part_end = area->end < end ? area->end : end;
        if (!check_part(check, area, run, address, part_end))
            return false;
        address = part_end;
    }
    return true;
}

enum status vm_space_check(struct vm_space *space)
{
    struct space_check check = { .space = space, .status = STATUS_OK };
    struct vm_edit edit;

    vm_edit_begin(&edit, space);
    if (!vm_tree_check(&space->areas))
        complain(&check, "the tree of areas is broken", space->areas.first);
    else
        pt_visit(space->table, va(space->areas.first), space->areas.end - space->areas.first,
                 check_run, &check);
    vm_edit_end(&edit);
    return check.status;
}
