/* SPDX-License-Identifier: BSD-2-Clause
 *
 * vm_private.h - what the files of the virtual memory manager share.
 *
 * Every change of a space is an edit: locks, a batch of flushes, and records in reserve.
 *
 *     vm_edit_begin(&edit, space);
 *     ... prepare: vm_spares_fill(), page tables, whatever can fail ...
 *     ... commit: the tree, which cannot ...
 *     vm_edit_end(&edit);      flush, free, give back what was not used, unlock
 */
#ifndef MERIDIAN_KERNEL_MM_VM_PRIVATE_H
#define MERIDIAN_KERNEL_MM_VM_PRIVATE_H

#include "lib/lock.h"
#include "mm/tlb.h"
#include "vm_area.h"

struct vm_space {
    struct page_table *table; /* &own, or the kernel's */
    struct page_table own;
    struct spinlock lock; /* guards areas, and the user part of the table */
    unsigned holder;      /* of the lock: number of the processor + 1; 0: nobody */
    struct vm_tree areas;
    uintptr_t window_start; /* where areas go that may be anywhere */
    uintptr_t window_end;
    struct vm_space *next; /* vm_list.c: the next younger user space */
    unsigned number;       /* from 1; 0: the kernel's */
};

/* Records that a commit will need, allocated while it can still fail. */
struct vm_spares {
    struct vm_area *areas[2];
    unsigned area_count;
    struct vm_node *nodes; /* linked through slot[0]; nodes that are freed come here, too */
};

struct vm_edit {
    struct vm_space *space;
    irq_state_t space_state;
    irq_state_t table_state;
    struct tlb_batch batch;
    struct vm_spares spares;
};

/* vm_space.c */
void vm_edit_begin(struct vm_edit *edit, struct vm_space *space);
void vm_edit_end(struct vm_edit *edit);

/* There are no records yet: whatever the caches knew is of another life. */
void vm_records_reset(void);

/* Adds to what is there. STATUS_NO_MEMORY; vm_edit_end() gives back what was had. */
enum status vm_spares_fill(struct vm_spares *spares, unsigned areas, unsigned nodes);
struct vm_area *vm_spares_take(struct vm_spares *spares);
void vm_area_free(struct vm_area *area);

/* The lock of the areas alone, for looking. */
irq_state_t vm_space_lock(struct vm_space *space);
void vm_space_unlock(struct vm_space *space, irq_state_t state);

/* Whether this processor is in the middle of a change that a fault in `space` would need. */
bool vm_space_is_busy(const struct vm_space *space);

bool vm_space_is_kernel(const struct vm_space *space);

/* vm_list.c: the list of user spaces. */
void vm_list_add(struct vm_space *space);
void vm_list_remove(struct vm_space *space);
void vm_list_reset(void); /* there are none yet */

/* vm_cut.c: a range of a space, whole pages within its borders. */
struct vm_span {
    uintptr_t start;
    uintptr_t end;
};

/* The first area at or after `address` whose own pages, not only its guards, lie before `end`; the next
 * one behind `area`. NULL: none. */
struct vm_area *vm_next_in_span(const struct vm_space *space, uintptr_t address, uintptr_t end);
struct vm_area *vm_next_behind(const struct vm_space *space, const struct vm_area *area,
                               uintptr_t end);

/* Records for vm_cut_at_borders(). STATUS_NO_MEMORY. */
enum status vm_reserve_cuts(struct vm_edit *edit, const struct vm_span *span);

/* Cuts areas so that none reaches across the borders of the span; vm_reserve_cuts() has looked. */
void vm_cut_at_borders(struct vm_edit *edit, const struct vm_span *span);

/* Joins areas in the span, and at its borders, that nothing tells apart any more; their pages, too. */
void vm_join_span(struct vm_edit *edit, const struct vm_span *span);

/* vm_type.c: whether physical memory may be mapped with the memory type of `rights`. STATUS_DENIED, with a
 * warning that names both types, if it is mapped with another one, or the firmware has another one. The
 * range does not wrap. The space is locked. */
struct vm_type_wish {
    paddr_t target;
    uint64_t size_bytes;
    unsigned rights;
    const struct vm_area *self; /* the area that is to change; NULL for a new one */
};
enum status vm_type_check(const struct vm_space *space, const struct vm_type_wish *wish);

/* vm_back.c: frames behind the pages of an anonymous area. */

/* What the leaves of `area` are mapped with. */
unsigned vm_leaf_flags(const struct vm_space *space, const struct vm_area *area);

/* Frames for all of `area`, of which nothing is mapped. All-or-nothing. */
enum status vm_back_area(struct vm_edit *edit, const struct vm_area *area);

/* A zeroed frame for the page at `page`, or for the large page around it. */
enum status vm_back_page(struct vm_edit *edit, const struct vm_area *area, uintptr_t page);

/* Lets the page at `page`, which is mapped as `leaf` without the right to write, be written: with
 * its own frame if nobody else has it, else with a copy. */
enum status vm_back_private(struct vm_edit *edit, const struct vm_area *area, uintptr_t page,
                            const struct pt_mapping *leaf);

#endif
