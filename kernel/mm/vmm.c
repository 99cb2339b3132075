/* SPDX-License-Identifier: BSD-2-Clause
 *
 * vmm.c - areas of an address space: mapped, unmapped, protected, looked up.
 *
 * Each change is prepared, then committed. What can fail comes first: the request is checked, a
 * place is found, records for the tree are allocated, page tables are changed (all-or-nothing in
 * themselves). The tree comes last and cannot fail. The flush is done, and frames are freed, before
 * the locks are released (vm_edit_end()).
 *
 * A range that is unmapped or protected may cut areas, and join them again: vm_cut.c.
 */
#include "mm/vmm.h"

#include "arch/mmu.h"
#include "lib/bits.h"
#include "vm_private.h"

/* --- requests ---------------------------------------------------------------------------- */

#define REQUEST_RIGHTS (PT_WRITE | PT_EXECUTE | PT_USER | PT_CACHE_MASK)

static enum status check_rights(const struct vm_space *space, enum vm_kind kind, unsigned rights)
{
    if ((rights & ~(unsigned)REQUEST_RIGHTS) != 0 || (rights & PT_CACHE_MASK) > PT_WRITE_THROUGH)
        return STATUS_INVALID;
    if ((rights & PT_WRITE) != 0 && (rights & PT_EXECUTE) != 0)
        return STATUS_DENIED;
    if ((rights & PT_USER) != 0 && vm_space_is_kernel(space))
        return STATUS_DENIED;
    /* General memory is in the direct map, write-back: another type would conflict with it. */
    if (kind == VM_ANONYMOUS && (rights & PT_CACHE_MASK) != PT_WRITE_BACK)
        return STATUS_DENIED;
    return STATUS_OK;
}

static unsigned effective_flags(const struct vm_request *request)
{
    unsigned flags = request->flags & ~(unsigned)VM_EXACT;

    if (request->kind != VM_ANONYMOUS)
        return flags & VM_GUARDED;
    if ((flags & VM_SHARED) != 0)
        flags |= VM_POPULATE;
    return flags;
}

/* What a VM_FIXED area shows. */
static enum status check_target(const struct vm_space *space, paddr_t target, uint64_t size_bytes)
{
    uint64_t end;

    if (!pa_page_aligned(target))
        return STATUS_NOT_ALIGNED;
    if (!checked_add(pa_value(target), size_bytes, &end) ||
        end > (uint64_t)1 << space->table->physical_bits)
        return STATUS_INVALID;
    return STATUS_OK;
}

/* Where the area may lie, but for its place. */
static enum status check_request(const struct vm_space *space, const struct vm_request *request,
                                 struct vm_area *area, struct vm_place *place)
{
    enum status status = check_rights(space, request->kind, request->rights);
    unsigned flags = effective_flags(request);
    uint64_t size_bytes;

    if (status != STATUS_OK)
        return status;
    if (request->size_bytes == 0 || request->name == NULL ||
        (request->alignment != 0 && !is_power_of_two(request->alignment)))
        return STATUS_INVALID;
    if (!checked_align_up(request->size_bytes, PAGE_SIZE, &size_bytes) || size_bytes > SIZE_MAX)
        return STATUS_OVERFLOW;
    if (request->kind == VM_FIXED) {
        status = check_target(space, request->target, size_bytes);
        if (status != STATUS_OK)
            return status;
    }
    *area = (struct vm_area){ .target = pa_value(request->target),
                              .name = request->name,
                              .rights = request->rights,
                              .flags = flags,
                              .kind = request->kind,
                              .tag = request->tag,
                              .guard_before = (flags & VM_GUARDED) != 0,
                              .guard_after = (flags & VM_GUARDED) != 0 };
    if (area->tag == FRAME_FREE)
        area->tag = vm_space_is_kernel(space) ? FRAME_KERNEL : FRAME_USER;
    *place = (struct vm_place){ .from = space->window_start,
                                .to = space->window_end,
                                .size = (uintptr_t)size_bytes,
                                .margin = (flags & VM_GUARDED) != 0 ? PAGE_SIZE : 0,
                                .alignment = PAGE_SIZE };
    if (request->window_bytes != 0) {
        place->from = va_value(request->window);
        place->to = va_value(request->window) + request->window_bytes;
    }
    if (request->alignment > PAGE_SIZE)
        place->alignment = request->alignment;
    if ((flags & VM_HUGE) != 0)
        place->alignment =
            (uintptr_t)max_u64(place->alignment, pt_format_span(space->table->format, 2));
    return STATUS_OK;
}

/* --- places ------------------------------------------------------------------------------ */

static bool claim_is_free(const struct vm_space *space, const struct vm_place *place,
                          uintptr_t start)
{
    uint64_t end;

    return start >= place->margin && checked_add(start, place->size + place->margin, &end) &&
           vm_tree_is_free(&space->areas, start - place->margin, (uintptr_t)end);
}

/* Where exactly the request says. */
static enum status place_exactly(const struct vm_space *space, const struct vm_place *place,
                                 uintptr_t start)
{
    uint64_t end;

    if ((start & PAGE_MASK) != 0)
        return STATUS_NOT_ALIGNED;
    if (!checked_add(start, place->size, &end) || start < space->areas.first ||
        end > space->areas.end)
        return STATUS_INVALID;
    return claim_is_free(space, place, start) ? STATUS_OK : STATUS_EXISTS;
}

/* A window that slid leaves room below it, for when it is full. The kernel's begins where it must. */
static bool find_in_window(const struct vm_space *space, const struct vm_request *request,
                           const struct vm_place *place, uintptr_t *start)
{
    struct vm_place below = *place;

    if (vm_tree_find_place(&space->areas, place, start))
        return true;
    below.from = space->areas.first;
    return request->window_bytes == 0 && !vm_space_is_kernel(space) &&
           vm_tree_find_place(&space->areas, &below, start);
}

static enum status find_place(const struct vm_space *space, const struct vm_request *request,
                              const struct vm_place *place, uintptr_t *start)
{
    uintptr_t wish = va_value(request->address);

    if ((request->flags & VM_EXACT) != 0) {
        enum status status = place_exactly(space, place, wish);

        if (status == STATUS_OK)
            *start = wish;
        return status;
    }
    if (wish != 0 && is_aligned(wish, place->alignment) && claim_is_free(space, place, wish)) {
        *start = wish;
        return STATUS_OK;
    }
    if (place->size > SIZE_MAX / 2 || !find_in_window(space, request, place, start))
        return STATUS_NO_SPACE;
    return STATUS_OK;
}

/* --- mapping ----------------------------------------------------------------------------- */

static enum status check_type(const struct vm_space *space, const struct vm_request *request,
                              const struct vm_place *place)
{
    if (request->kind != VM_FIXED)
        return STATUS_OK;
    return vm_type_check(space, &(struct vm_type_wish){ .target = request->target,
                                                        .size_bytes = place->size,
                                                        .rights = request->rights });
}

/* What the area wants in the page tables from the beginning. */
static enum status map_area(struct vm_edit *edit, const struct vm_area *area)
{
    switch (area->kind) {
    case VM_ANONYMOUS:
        return (area->flags & VM_POPULATE) != 0 ? vm_back_area(edit, area) : STATUS_OK;
    case VM_FIXED:
        return pt_map(edit->space->table, va(area->start), pa(area->target),
                      area->end - area->start, vm_leaf_flags(edit->space, area));
    case VM_GUARD:
    case VM_WINDOW:
        return STATUS_OK;
    }
    return STATUS_INVALID;
}

enum status vm_map(struct vm_space *space, const struct vm_request *request, vaddr_t *start)
{
    struct vm_area wanted;
    struct vm_place place;
    struct vm_edit edit;
    enum status status = check_request(space, request, &wanted, &place);

    if (status != STATUS_OK)
        return status;
    vm_edit_begin(&edit, space);
    status = check_type(space, request, &place);
    if (status == STATUS_OK)
        status = find_place(space, request, &place, &wanted.start);
    wanted.end = wanted.start + place.size;
    if (status == STATUS_OK)
        status = vm_spares_fill(&edit.spares, 1,
                                vm_tree_nodes_needed(&space->areas, wanted.start - place.margin));
    if (status == STATUS_OK)
        status = map_area(&edit, &wanted);
    if (status == STATUS_OK) {
        struct vm_area *area = vm_spares_take(&edit.spares);

        *area = wanted;
        vm_tree_insert(&space->areas, area, &edit.spares.nodes);
        *start = va(wanted.start);
    }
    vm_edit_end(&edit);
    return status;
}

/* --- ranges ------------------------------------------------------------------------------ */

static enum status check_span(const struct vm_space *space, vaddr_t start, size_t size_bytes,
                              struct vm_span *span)
{
    uint64_t size, end;

    if (!va_page_aligned(start))
        return STATUS_NOT_ALIGNED;
    if (size_bytes == 0 || !checked_align_up(size_bytes, PAGE_SIZE, &size) ||
        !checked_add(va_value(start), size, &end) || va_value(start) < space->areas.first ||
        end > space->areas.end)
        return STATUS_INVALID;
    *span = (struct vm_span){ va_value(start), (uintptr_t)end };
    return STATUS_OK;
}

/* An area that lost its upper neighbour keeps no guard there. */
static void remove_areas(struct vm_edit *edit, const struct vm_span *span)
{
    struct vm_area *area = vm_next_in_span(edit->space, span->start, span->end);

    while (area != NULL) {
        struct vm_area *next = vm_next_behind(edit->space, area, span->end);

        vm_tree_remove(&edit->space->areas, area, &edit->spares.nodes);
        vm_area_free(area);
        area = next;
    }
}

/* --- unmapping --------------------------------------------------------------------------- */

static enum status check_unmap(const struct vm_space *space, const struct vm_span *span)
{
    const struct vm_area *area = vm_next_in_span(space, span->start, span->end);

    for (; area != NULL; area = vm_next_behind(space, area, span->end)) {
        if (area->kind == VM_WINDOW)
            return STATUS_DENIED;
    }
    return STATUS_OK;
}

enum status vm_unmap(struct vm_space *space, vaddr_t start, size_t size_bytes)
{
    struct vm_edit edit;
    struct vm_span span;
    enum status status = check_span(space, start, size_bytes, &span);

    if (status != STATUS_OK)
        return status;
    vm_edit_begin(&edit, space);
    status = check_unmap(space, &span);
    if (status == STATUS_OK)
        status = vm_reserve_cuts(&edit, &span);
    if (status == STATUS_OK)
        status = pt_unmap(space->table, va(span.start), span.end - span.start, &edit.batch);
    if (status == STATUS_OK) {
        vm_cut_at_borders(&edit, &span);
        remove_areas(&edit, &span);
    }
    vm_edit_end(&edit);
    return status;
}

/* --- protecting -------------------------------------------------------------------------- */

/* Whether areas that have frames, and may have these rights, cover all of the span. */
static enum status check_protect(const struct vm_space *space, const struct vm_span *span,
                                 unsigned rights)
{
    uintptr_t address = span->start;

    while (address < span->end) {
        const struct vm_area *area = vm_next_in_span(space, address, span->end);
        enum status status;

        if (area == NULL || area->start > address)
            return STATUS_NOT_FOUND;
        if (area->kind == VM_GUARD || area->kind == VM_WINDOW)
            return STATUS_DENIED;
        status = check_rights(space, area->kind, rights);
        if (status == STATUS_OK && area->kind == VM_FIXED)
            status = vm_type_check(
                space,
                &(struct vm_type_wish){ pa(area->target), area->end - area->start, rights, area });
        if (status != STATUS_OK)
            return status;
        address = area->end;
    }
    return STATUS_OK;
}

/* Frames that others may have stay read-only: the next write finds out. */
static unsigned protect_flags(const struct vm_space *space, const struct vm_area *area)
{
    return vm_leaf_flags(space, area) & ~(area->may_share ? (unsigned)PT_WRITE : 0u);
}

static enum status protect_areas(struct vm_edit *edit, const struct vm_span *span, unsigned rights)
{
    struct vm_area *area = vm_next_in_span(edit->space, span->start, span->end);
    enum status status = STATUS_OK;

    for (; area != NULL && status == STATUS_OK;
         area = vm_next_behind(edit->space, area, span->end)) {
        area->rights = rights;
        status = pt_protect(edit->space->table, va(area->start), area->end - area->start,
                            protect_flags(edit->space, area), &edit->batch);
    }
    return status;
}

enum status vm_protect(struct vm_space *space, vaddr_t start, size_t size_bytes, unsigned rights)
{
    struct vm_edit edit;
    struct vm_span span;
    enum status status = check_span(space, start, size_bytes, &span);

    if (status != STATUS_OK)
        return status;
    vm_edit_begin(&edit, space);
    status = check_protect(space, &span, rights);
    if (status == STATUS_OK)
        status = vm_reserve_cuts(&edit, &span);
    if (status == STATUS_OK)
        status = pt_split(space->table, va(span.start), span.end - span.start, &edit.batch);
    if (status == STATUS_OK) {
        vm_cut_at_borders(&edit, &span);
        status = protect_areas(&edit, &span, rights);
        vm_join_span(&edit, &span);
    }
    vm_edit_end(&edit);
    return status;
}

/* --- looking ----------------------------------------------------------------------------- */

static struct vm_area_info describe(const struct vm_area *area)
{
    return (struct vm_area_info){ .start = va(area->start),
                                  .size_bytes = area->end - area->start,
                                  .rights = area->rights,
                                  .kind = area->kind,
                                  .flags = area->flags,
                                  .tag = area->tag,
                                  .name = area->name };
}

/* A guard page is described as a guard with the name of the area that it guards. */
static struct vm_area_info describe_at(const struct vm_area *area, uintptr_t address)
{
    struct vm_area_info info = describe(area);

    if (address >= area->start && address < area->end)
        return info;
    info.start = va(address & ~(uintptr_t)PAGE_MASK);
    info.size_bytes = PAGE_SIZE;
    info.rights = 0;
    info.kind = VM_GUARD;
    return info;
}

enum status vm_query(struct vm_space *space, vaddr_t address, struct vm_area_info *info)
{
    irq_state_t state = vm_space_lock(space);
    const struct vm_area *area = vm_tree_find(&space->areas, va_value(address));

    if (area != NULL)
        *info = describe_at(area, va_value(address));
    vm_space_unlock(space, state);
    return area != NULL ? STATUS_OK : STATUS_NOT_FOUND;
}

void vm_visit(struct vm_space *space, bool (*visit)(void *context, const struct vm_area_info *area),
              void *context)
{
    irq_state_t state = vm_space_lock(space);
    const struct vm_area *area = vm_tree_at_or_after(&space->areas, space->areas.first);

    while (area != NULL) {
        struct vm_area_info info = describe(area);

        if (!visit(context, &info))
            break;
        area = vm_tree_at_or_after(&space->areas, vm_area_claim_end(area));
    }
    vm_space_unlock(space, state);
}
