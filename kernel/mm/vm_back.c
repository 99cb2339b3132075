/* SPDX-License-Identifier: BSD-2-Clause
 *
 * vm_back.c - frames behind the pages of anonymous areas.
 *
 * Every mapping of an anonymous area is PT_OWNED: it holds one reference on each frame it maps, a
 * large leaf one on each of its frames. Whoever unmaps it gives them back, after the flush. A frame
 * with more than one reference is mapped read-only everywhere (in private areas), and copied by
 * the first to write; the last one left just takes it.
 */
#include "arch/mmu.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "mm/pmm.h"
#include "vm_private.h"

/* Frames asked of the PMM at a time. */
#define BULK 32

unsigned vm_leaf_flags(const struct vm_space *space, const struct vm_area *area)
{
    return area->rights | (vm_space_is_kernel(space) ? PT_GLOBAL : 0u) |
           (area->kind == VM_ANONYMOUS ? PT_OWNED : 0u);
}

static void zero_frame(pfn_t frame)
{
    void *bytes = arch_frame_map(pfn_to_pa(frame));

    memset(bytes, 0, PAGE_SIZE);
    arch_frame_unmap(bytes);
}

static void put_frames(pfn_t first, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        frame_put(pfn_add(first, (size_t)i));
}

/* --- large pages ------------------------------------------------------------------------- */

static uint64_t large_bytes(const struct vm_space *space)
{
    return pt_format_span(space->table->format, 2);
}

/* Whether a large page may lie at `address` in `area`. */
static bool large_fits(const struct vm_space *space, const struct vm_area *area, uintptr_t address)
{
    uint64_t bytes = large_bytes(space);

    return (area->flags & VM_HUGE) != 0 && space->table->largest_leaf >= 2 &&
           is_aligned(address, bytes) && address >= area->start && address < area->end &&
           area->end - address >= bytes;
}

static enum status back_large(struct vm_space *space, const struct vm_area *area, uintptr_t address)
{
    uint64_t bytes = large_bytes(space);
    pfn_t first;
    enum status status = pmm_alloc(highest_bit(bytes >> PAGE_SHIFT), area->tag, &first);

    if (status != STATUS_OK)
        return status;
    for (uint64_t i = 0; i < bytes >> PAGE_SHIFT; i++)
        zero_frame(pfn_add(first, i));
    status = pt_map(space->table, va(address), pfn_to_pa(first), (size_t)bytes,
                    vm_leaf_flags(space, area));
    if (status != STATUS_OK)
        put_frames(first, bytes >> PAGE_SHIFT);
    return status;
}

/* --- all of an area ---------------------------------------------------------------------- */

/* Maps frames[0 .. count) from `address` on, joining those that follow each other; what is not
 * mapped is given back. `mapped` counts pages. */
static enum status map_frames(struct vm_space *space, const struct vm_area *area, uintptr_t address,
                              const pfn_t *frames, size_t count, size_t *mapped)
{
    enum status status = STATUS_OK;
    size_t done = 0;

    while (done < count && status == STATUS_OK) {
        size_t run = 1;

        while (done + run < count && pfn_value(frames[done + run]) == pfn_value(frames[done]) + run)
            run++;
        status = pt_map(space->table, va(address + done * PAGE_SIZE), pfn_to_pa(frames[done]),
                        run * PAGE_SIZE, vm_leaf_flags(space, area));
        if (status == STATUS_OK)
            done += run;
    }
    *mapped = done;
    for (size_t i = done; i < count; i++)
        frame_put(frames[i]);
    return status;
}

/* A page alone: processors have single frames at hand, and sometimes zeroed ones. */
static enum status back_one(struct vm_space *space, const struct vm_area *area, uintptr_t page)
{
    pfn_t frame;
    enum status status = pmm_alloc_zeroed(area->tag, &frame);

    if (status != STATUS_OK)
        return status;
    status =
        pt_map(space->table, va(page), pfn_to_pa(frame), PAGE_SIZE, vm_leaf_flags(space, area));
    if (status != STATUS_OK)
        frame_put(frame);
    return status;
}

/* 2 to BULK pages. */
static enum status back_many(struct vm_space *space, const struct vm_area *area, uintptr_t address,
                             uintptr_t end, size_t *mapped)
{
    pfn_t frames[BULK];
    size_t wanted = (size_t)min_u64(BULK, (end - address) >> PAGE_SHIFT);
    size_t count = pmm_alloc_bulk(area->tag, frames, wanted);

    if (count == 0)
        return STATUS_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        zero_frame(frames[i]);
    return map_frames(space, area, address, frames, count, mapped);
}

/* Pages from `address` on, not beyond `end`. */
static enum status back_some(struct vm_space *space, const struct vm_area *area, uintptr_t address,
                             uintptr_t end, size_t *mapped)
{
    enum status status;

    if (end - address > PAGE_SIZE)
        return back_many(space, area, address, end, mapped);
    status = back_one(space, area, address);
    *mapped = status == STATUS_OK;
    return status;
}

enum status vm_back_area(struct vm_edit *edit, const struct vm_area *area)
{
    struct vm_space *space = edit->space;
    uint64_t large = large_bytes(space);
    enum status status = STATUS_OK;
    uintptr_t address = area->start;

    while (address < area->end && status == STATUS_OK) {
        uintptr_t stop = area->end;
        size_t mapped = 0;

        if (large_fits(space, area, address)) {
            if (back_large(space, area, address) == STATUS_OK) {
                address += (uintptr_t)large;
                continue;
            }
            stop = address + (uintptr_t)large;
        } else if ((area->flags & VM_HUGE) != 0) {
            stop = (uintptr_t)min_u64(stop, align_down(address, large) + large);
        }
        status = back_some(space, area, address, stop, &mapped);
        address += mapped * PAGE_SIZE;
    }
    if (status != STATUS_OK && address > area->start) /* no leaf crosses these borders */
        (void)pt_unmap(space->table, va(area->start), address - area->start, &edit->batch);
    return status;
}

/* --- one page ---------------------------------------------------------------------------- */

/* Whether nothing at all is mapped in the large page at `address`. */
static bool large_is_empty(const struct vm_space *space, uintptr_t address)
{
    struct pt_mapping hole;

    return pt_query(space->table, va(address), &hole) == STATUS_NOT_FOUND &&
           hole.size_bytes >= large_bytes(space);
}

enum status vm_back_page(struct vm_edit *edit, const struct vm_area *area, uintptr_t page)
{
    struct vm_space *space = edit->space;
    uintptr_t large_start = (uintptr_t)align_down(page, large_bytes(space));

    if (large_fits(space, area, large_start) && large_is_empty(space, large_start) &&
        back_large(space, area, large_start) == STATUS_OK)
        return STATUS_OK;
    return back_one(space, area, page);
}

static bool is_sole_owner(paddr_t first, uint64_t size_bytes)
{
    for (uint64_t offset = 0; offset < size_bytes; offset += PAGE_SIZE) {
        if (frame_references(pa_to_pfn(pa_add(first, offset))) != 1)
            return false;
    }
    return true;
}

static void copy_frame(pfn_t frame, paddr_t from)
{
    void *target = arch_frame_map(pfn_to_pa(frame));
    void *source = arch_frame_map(from);

    memcpy(target, source, PAGE_SIZE);
    arch_frame_unmap(source);
    arch_frame_unmap(target);
}

static enum status copy_page(struct vm_edit *edit, const struct vm_area *area, uintptr_t page,
                             paddr_t shared)
{
    struct vm_space *space = edit->space;
    paddr_t old;
    pfn_t frame;
    enum status status = pmm_alloc_frame(area->tag, &frame);

    if (status != STATUS_OK)
        return status;
    copy_frame(frame, shared);
    status = pt_replace(space->table, va(page), pfn_to_pa(frame), vm_leaf_flags(space, area),
                        &edit->batch, &old);
    if (status != STATUS_OK) {
        frame_put(frame);
        return status;
    }
    tlb_batch_finish(&edit->batch);
    frame_put(pa_to_pfn(old));
    return STATUS_OK;
}

enum status vm_back_private(struct vm_edit *edit, const struct vm_area *area, uintptr_t page,
                            const struct pt_mapping *leaf)
{
    struct vm_space *space = edit->space;
    paddr_t target = pa_add(leaf->target, page - va_value(leaf->address));

    if (is_sole_owner(leaf->target, leaf->size_bytes))
        return pt_protect(space->table, leaf->address, (size_t)leaf->size_bytes,
                          vm_leaf_flags(space, area), &edit->batch);
    if (is_sole_owner(target, PAGE_SIZE))
        return pt_protect(space->table, va(page), PAGE_SIZE, vm_leaf_flags(space, area),
                          &edit->batch);
    return copy_page(edit, area, page, target);
}
