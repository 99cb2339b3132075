/* SPDX-License-Identifier: BSD-2-Clause
 *
 * vm_area.h - areas, and the tree that finds them.
 *
 * An area owns the pages [start, end) and, if it is guarded, one page beside either end: its claim
 * is both together, and claims are disjoint. The tree keeps areas by claim and knows the free
 * space between them.
 * Not locked: the space's lock. Nothing here allocates: what an insertion needs is counted by
 * vm_tree_nodes_needed() and handed in, so that it cannot fail.
 */
#ifndef MERIDIAN_KERNEL_MM_VM_AREA_H
#define MERIDIAN_KERNEL_MM_VM_AREA_H

#include "mm/vmm.h"

struct vm_area {
    uintptr_t start; /* whole pages; end > start, and neither is the end of the address space */
    uintptr_t end;
    uint64_t target; /* VM_FIXED: physical address behind `start` */
    const char *name;
    unsigned rights;
    unsigned flags; /* enum vm_flag, and below */
    enum vm_kind kind;
    enum frame_tag tag;
    bool guard_before;
    bool guard_after;
    bool may_share; /* private, but was cloned: its frames may have other owners too */
};

static inline uintptr_t vm_area_claim_start(const struct vm_area *area)
{
    return area->start - (area->guard_before ? PAGE_SIZE : 0);
}

static inline uintptr_t vm_area_claim_end(const struct vm_area *area)
{
    return area->end + (area->guard_after ? PAGE_SIZE : 0);
}

#define VM_NODE_SLOTS      16
#define VM_TREE_MAX_HEIGHT 16

struct vm_node {
    uintptr_t key[VM_NODE_SLOTS]; /* start of the claim, or the least below the child; beyond the
                                     last entry UINTPTR_MAX */
    void *slot[VM_NODE_SLOTS];    /* struct vm_area in leaves, else struct vm_node */
    uintptr_t gap[VM_NODE_SLOTS]; /* free bytes before the claim, or the most below the child */
};

struct vm_tree {
    struct vm_node *root; /* NULL when empty */
    unsigned height;      /* 1: the root is a leaf */
    size_t count;         /* areas */
    uintptr_t first;      /* claims lie within [first, end) */
    uintptr_t end;
};

void vm_tree_init(struct vm_tree *tree, uintptr_t first, uintptr_t end);

/* The area whose claim holds `address`, or NULL. */
struct vm_area *vm_tree_find(const struct vm_tree *tree, uintptr_t address);

/* The first area whose claim ends above `address`, or NULL: the one there, or the next one. */
struct vm_area *vm_tree_at_or_after(const struct vm_tree *tree, uintptr_t address);

/* Where the free space before an area of the tree begins. */
uintptr_t vm_tree_gap_start(const struct vm_tree *tree, const struct vm_area *area);

/* Whether [start, end) touches no claim and lies within the tree's range. */
bool vm_tree_is_free(const struct vm_tree *tree, uintptr_t start, uintptr_t end);

/* A place for an area: the lowest multiple of `alignment` at or above `from` so that
 * [start - margin, start + size + margin) is free and within [from, to). O(log n) unless many gaps
 * are large enough but for the alignment. */
struct vm_place {
    uintptr_t from;
    uintptr_t to;
    uintptr_t size;
    uintptr_t margin;
    uintptr_t alignment;
};
bool vm_tree_find_place(const struct vm_tree *tree, const struct vm_place *place, uintptr_t *start);

/* Nodes that an insertion at `address` takes. */
unsigned vm_tree_nodes_needed(const struct vm_tree *tree, uintptr_t address);

/* Adds `area`, whose claim is free. Takes nodes from the list `spare`, linked through slot[0]. */
void vm_tree_insert(struct vm_tree *tree, struct vm_area *area, struct vm_node **spare);

/* Takes `area` out; nodes that are not needed any more are put on the list `spare`. */
void vm_tree_remove(struct vm_tree *tree, struct vm_area *area, struct vm_node **spare);

/* Gives `area` other borders; its new claim touches no other one. */
struct vm_borders {
    uintptr_t start;
    uintptr_t end;
    bool guard_before;
    bool guard_after;
};
void vm_tree_resize(struct vm_tree *tree, struct vm_area *area, const struct vm_borders *borders);

/* Whether order, keys, gaps and counts are what they should be. */
bool vm_tree_check(const struct vm_tree *tree);

#endif
