/* SPDX-License-Identifier: BSD-2-Clause
 *
 * vm_fault.c - page faults, resolved against the areas.
 *
 *     no area, but a stack above that may grow ──> the stack grows
 *     anonymous, nothing mapped                ──> a zeroed frame        (demand-zero)
 *     anonymous, a write, mapped read-only     ──> its own frame         (copy-on-write)
 *     mapped, and the access is allowed        ──> nothing               (another processor was
 *                                                                         faster, or the TLB old)
 *     everything else                          ──> refused; the fault log explains
 *
 * Runs with interrupts off on the faulting processor, which may have been anywhere. A fault inside
 * of a change of areas or of the kernel's table cannot be resolved, for it would wait for itself:
 * it is refused (STATUS_BUSY) and so reported.
 */
#include "mm/vm_fault.h"

#include "arch/mmu.h"
#include "mm/layout.h"
#include "vm_private.h"

static bool is_allowed(unsigned rights, unsigned access)
{
    return ((access & TRAP_ACCESS_WRITE) == 0 || (rights & PT_WRITE) != 0) &&
           ((access & TRAP_ACCESS_EXECUTE) == 0 || (rights & PT_EXECUTE) != 0) &&
           ((access & TRAP_ACCESS_USER) == 0 || (rights & PT_USER) != 0);
}

/* Ring 0 at a page that is there and open to ring 3: SMAP or SMEP stopped it, and would again. Only a
 * write that the page does not allow yet can be helped. */
static bool is_supervisor_prevented(const struct pt_mapping *leaf, unsigned access)
{
    return (access & TRAP_ACCESS_PRESENT) != 0 && (access & TRAP_ACCESS_USER) == 0 &&
           (leaf->flags & PT_USER) != 0;
}

static enum status resolve_anonymous(struct vm_edit *edit, const struct vm_area *area,
                                     uintptr_t page, unsigned access)
{
    struct pt_mapping leaf;

    if (pt_query(edit->space->table, va(page), &leaf) != STATUS_OK)
        return vm_back_page(edit, area, page);
    if (is_allowed(leaf.flags, access)) {
        if (is_supervisor_prevented(&leaf, access))
            return STATUS_DENIED;
        arch_tlb_flush_page(va(page));
        return STATUS_OK;
    }
    if ((access & TRAP_ACCESS_WRITE) != 0)
        return vm_back_private(edit, area, page, &leaf);
    return STATUS_DENIED;
}

/* Mapped from the beginning: all that can have happened is an old translation. */
static enum status resolve_fixed(struct vm_edit *edit, uintptr_t page, unsigned access)
{
    struct pt_mapping leaf;

    if (pt_query(edit->space->table, va(page), &leaf) != STATUS_OK ||
        !is_allowed(leaf.flags, access) || is_supervisor_prevented(&leaf, access))
        return STATUS_DENIED;
    arch_tlb_flush_page(va(page));
    return STATUS_OK;
}

/* The page lies in the free space, or on the guard, below a stack. */
static enum status grow_stack(struct vm_edit *edit, struct vm_area *stack, uintptr_t page,
                              unsigned access)
{
    struct vm_tree *areas = &edit->space->areas;
    struct vm_area grown = *stack;
    enum status status;

    if ((stack->flags & VM_GROWS_DOWN) == 0)
        return STATUS_NOT_FOUND;
    if (!is_allowed(stack->rights, access) ||
        page - vm_tree_gap_start(areas, stack) < VM_GROWTH_GAP)
        return STATUS_DENIED;
    grown.start = page;
    status = resolve_anonymous(edit, &grown, page, access);
    if (status == STATUS_OK)
        vm_tree_resize(
            areas, stack,
            &(struct vm_borders){ page, stack->end, stack->guard_before, stack->guard_after });
    return status;
}

static enum status resolve(struct vm_edit *edit, uintptr_t address, unsigned access)
{
    uintptr_t page = address & ~(uintptr_t)PAGE_MASK;
    struct vm_area *area = vm_tree_at_or_after(&edit->space->areas, address);

    if (area == NULL || address < edit->space->areas.first)
        return STATUS_NOT_FOUND;
    if (address < area->start) {
        enum status status = grow_stack(edit, area, page, access);
        bool on_guard = address >= vm_area_claim_start(area);

        return status == STATUS_NOT_FOUND && on_guard ? STATUS_DENIED : status;
    }
    if (address >= area->end || !is_allowed(area->rights, access))
        return STATUS_DENIED;
    switch (area->kind) {
    case VM_ANONYMOUS:
        return resolve_anonymous(edit, area, page, access);
    case VM_FIXED:
        return resolve_fixed(edit, page, access);
    case VM_GUARD:
    case VM_WINDOW:
        break;
    }
    return STATUS_DENIED;
}

enum status vm_fault(vaddr_t address, unsigned access)
{
    struct vm_space *space =
        va_value(address) >= LAYOUT_KERNEL_HALF ? vm_kernel() : vm_space_current();
    struct vm_edit edit;
    enum status status;

    if ((access & TRAP_ACCESS_RESERVED) != 0)
        return STATUS_CORRUPT;
    if (space->table == NULL) /* too early for any area */
        return STATUS_NOT_FOUND;
    if (vm_space_is_busy(space))
        return STATUS_BUSY;
    vm_edit_begin(&edit, space);
    status = resolve(&edit, va_value(address), access);
    vm_edit_end(&edit);
    return status;
}
