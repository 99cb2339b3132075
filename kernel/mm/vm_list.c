/* SPDX-License-Identifier: BSD-2-Clause
 *
 * vm_list.c - all user spaces, for those who ask about memory rather than about one space.
 *
 * Spaces are in a list from their first moment that can be seen until the last one before they are emptied,
 * so whoever holds the list's lock (rank VM_SPACES, outermost) may look into each of them. Making and ending
 * a space costs one turn of the lock; ending walks the list, which is short.
 */
#include "mm/layout.h"
#include "paging_private.h"
#include "vm_private.h"

static struct spinlock list_lock = SPINLOCK_INIT(LOCK_RANK_VM_SPACES, "the list of user spaces");
static struct vm_space *oldest;
static unsigned last_number;

void vm_list_reset(void)
{
    oldest = NULL;
    last_number = 0;
}

void vm_list_add(struct vm_space *space)
{
    irq_state_t state = spin_lock(&list_lock);
    struct vm_space **link = &oldest;

    while (*link != NULL)
        link = &(*link)->next;
    space->next = NULL;
    space->number = ++last_number;
    *link = space;
    spin_unlock(&list_lock, state);
}

void vm_list_remove(struct vm_space *space)
{
    irq_state_t state = spin_lock(&list_lock);
    struct vm_space **link = &oldest;

    while (*link != NULL && *link != space)
        link = &(*link)->next;
    if (*link == space)
        *link = space->next;
    spin_unlock(&list_lock, state);
}

void vm_visit_spaces(bool (*visit)(void *context, struct vm_space *space, unsigned number),
                     void *context)
{
    irq_state_t state = spin_lock(&list_lock);
    bool more = visit(context, vm_kernel(), 0);

    for (struct vm_space *space = oldest; more && space != NULL; space = space->next)
        more = visit(context, space, space->number);
    spin_unlock(&list_lock, state);
}

unsigned vm_space_number(const struct vm_space *space)
{
    return space->number;
}

void vm_visit_mappings(struct vm_space *space,
                       bool (*visit)(void *context, const struct pt_mapping *run), void *context)
{
    bool is_kernel = vm_space_is_kernel(space);
    irq_state_t space_state = vm_space_lock(space);
    irq_state_t table_state = is_kernel ? paging_lock() : 0;

    if (is_kernel)
        pt_visit(space->table, va(LAYOUT_KERNEL_HALF), SIZE_MAX, visit, context);
    else
        pt_visit(space->table, va(0), va_value(pt_format_lower_end(space->table->format)), visit,
                 context);
    if (is_kernel)
        paging_unlock(table_state);
    vm_space_unlock(space, space_state);
}
