/* SPDX-License-Identifier: BSD-2-Clause
 *
 * vm_clone.c - a copy of an address space that shares all frames until one of both writes.
 *
 * First the copy is built, private memory read-only; then the original's private memory becomes
 * read-only, too. Only the first can fail, and then the copy is thrown away: the original is
 * touched last. Each mapping of the copy holds references of its own, so that throwing it away is
 * ending any space. The copy is nobody else's yet and needs no lock.
 */
#include "mm/pmm.h"
#include "vm_private.h"

struct clone {
    struct vm_space *copy;
    const struct vm_area *area;
    enum status status;
};

static bool is_private(const struct vm_area *area)
{
    return area->kind == VM_ANONYMOUS && (area->flags & VM_SHARED) == 0;
}

/* One more reference on each frame of a run, or one less. */
static void change_references(const struct pt_mapping *run, bool more)
{
    for (uint64_t offset = 0; offset < run->size_bytes; offset += PAGE_SIZE) {
        pfn_t frame = pa_to_pfn(pa_add(run->target, offset));

        if (more)
            frame_get(frame);
        else
            frame_put(frame);
    }
}

static bool clone_run(void *context, const struct pt_mapping *run)
{
    struct clone *clone = context;
    bool owned = (run->flags & PT_OWNED) != 0;
    unsigned flags = run->flags;

    if (is_private(clone->area))
        flags &= ~(unsigned)PT_WRITE;
    if (owned)
        change_references(run, true);
    /* Where the processor has no NX, every mapping looks executable; the area knows better. */
    flags = (flags & ~(unsigned)PT_EXECUTE) | (clone->area->rights & PT_EXECUTE);
    clone->status =
        pt_map(clone->copy->table, run->address, run->target, (size_t)run->size_bytes, flags);
    if (clone->status != STATUS_OK && owned)
        change_references(run, false);
    return clone->status == STATUS_OK;
}

static enum status clone_area(struct vm_edit *edit, struct vm_space *copy,
                              const struct vm_area *area)
{
    struct clone clone = { .copy = copy, .area = area, .status = STATUS_OK };
    struct vm_area *twin;
    enum status status = vm_spares_fill(
        &edit->spares, 1, vm_tree_nodes_needed(&copy->areas, vm_area_claim_start(area)));

    if (status != STATUS_OK)
        return status;
    twin = vm_spares_take(&edit->spares);
    *twin = *area;
    twin->may_share = is_private(area);
    vm_tree_insert(&copy->areas, twin, &edit->spares.nodes);
    pt_visit(edit->space->table, va(area->start), area->end - area->start, clone_run, &clone);
    return clone.status;
}

static struct vm_area *next_area(const struct vm_space *space, const struct vm_area *area)
{
    uintptr_t address = area == NULL ? space->areas.first : vm_area_claim_end(area);

    return vm_tree_at_or_after(&space->areas, address);
}

/* The original's private memory becomes read-only. Borders of areas cut no leaf. */
static enum status make_read_only(struct vm_edit *edit)
{
    enum status status = STATUS_OK;
    struct vm_area *area = next_area(edit->space, NULL);

    for (; area != NULL && status == STATUS_OK; area = next_area(edit->space, area)) {
        if (!is_private(area))
            continue;
        status = pt_protect(edit->space->table, va(area->start), area->end - area->start,
                            vm_leaf_flags(edit->space, area) & ~(unsigned)PT_WRITE, &edit->batch);
        area->may_share = true;
    }
    return status;
}

enum status vm_space_clone(struct vm_space *from, struct vm_space **copy)
{
    struct vm_space *fresh;
    struct vm_edit edit;
    const struct vm_area *area = NULL;
    enum status status;

    if (vm_space_is_kernel(from))
        return STATUS_INVALID;
    status = vm_space_create(&fresh);
    if (status != STATUS_OK)
        return status;
    fresh->window_start = from->window_start;
    vm_edit_begin(&edit, from);
    while (status == STATUS_OK && (area = next_area(from, area)) != NULL)
        status = clone_area(&edit, fresh, area);
    if (status == STATUS_OK)
        status = make_read_only(&edit);
    vm_edit_end(&edit);
    if (status != STATUS_OK) {
        vm_space_destroy(fresh);
        return status;
    }
    *copy = fresh;
    return STATUS_OK;
}
