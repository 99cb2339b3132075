/* SPDX-License-Identifier: BSD-2-Clause
 *
 * vm_cut.c - the areas of a range: found, cut at its borders, joined again.
 *
 * A range that is unmapped or protected may cut areas:
 *
 *      [ area a      ][ area b ]     [ area c        ]
 *            ^---------------- range -----^
 *      [ a   ]                            [ c'       ]   unmapped: b is gone
 *      [ a   ][  a'  ][ area b ]     [ c ][ c'       ]   protected: fails, for there is a hole
 *
 * A guard page belongs to its end of an area and goes with it when that end is unmapped.
 *
 * When parts of an area have the same rights again, they are one area again, and where it may have large pages,
 * small ones that stand for a whole large one are merged into it: what was protected for a while is as before.
 *
 *      [ a      ][ a' ][ a''        ]     protected as the others are
 *      [ a                          ]
 *
 * What can fail is prepared (vm_reserve_cuts()); joining only gives back. Guards, names, tags and what a fixed
 * area shows must go on, too. Cost: a descent or two a border.
 */
#include "lib/bits.h"
#include "vm_private.h"

/* --- finding ----------------------------------------------------------------------------- */

struct vm_area *vm_next_in_span(const struct vm_space *space, uintptr_t address, uintptr_t end)
{
    struct vm_area *area = vm_tree_at_or_after(&space->areas, address);

    if (area != NULL && area->end <= address)
        area = vm_tree_at_or_after(&space->areas, vm_area_claim_end(area));
    return area != NULL && area->start < end ? area : NULL;
}

struct vm_area *vm_next_behind(const struct vm_space *space, const struct vm_area *area,
                               uintptr_t end)
{
    return area->end < end ? vm_next_in_span(space, area->end, end) : NULL;
}

/* --- cutting ----------------------------------------------------------------------------- */

/* Where records may be needed: cutting an area twice leaves two more, each below a node. */
enum status vm_reserve_cuts(struct vm_edit *edit, const struct vm_span *span)
{
    const struct vm_tree *areas = &edit->space->areas;
    const struct vm_area *first = vm_tree_find(areas, span->start);
    const struct vm_area *last = vm_tree_find(areas, span->end - 1);
    unsigned cuts = 0;

    cuts += first != NULL && first->start < span->start && first->end > span->start;
    cuts += last != NULL && last->start < span->end && last->end > span->end;
    if (cuts == 0)
        return STATUS_OK;
    return vm_spares_fill(&edit->spares, cuts, cuts * (areas->height + 1));
}

/* Makes two areas of one: the lower part stays, the upper one is returned. */
static struct vm_area *cut_area(struct vm_edit *edit, struct vm_area *area, uintptr_t at)
{
    struct vm_area *upper = vm_spares_take(&edit->spares);

    *upper = *area;
    upper->start = at;
    upper->target += at - area->start;
    upper->guard_before = false;
    vm_tree_resize(&edit->space->areas, area,
                   &(struct vm_borders){ area->start, at, area->guard_before, false });
    vm_tree_insert(&edit->space->areas, upper, &edit->spares.nodes);
    return upper;
}

void vm_cut_at_borders(struct vm_edit *edit, const struct vm_span *span)
{
    const struct vm_tree *areas = &edit->space->areas;
    struct vm_area *area;

    if (edit->spares.area_count == 0)
        return;
    area = vm_tree_find(areas, span->start);
    if (area != NULL && area->start < span->start && area->end > span->start)
        cut_area(edit, area, span->start);
    area = vm_tree_find(areas, span->end - 1);
    if (area != NULL && area->start < span->end && area->end > span->end)
        cut_area(edit, area, span->end);
}

/* --- joining ----------------------------------------------------------------------------- */

/* Whether nothing but their border tells two areas apart. */
static bool continues(const struct vm_area *lower, const struct vm_area *upper)
{
    return lower->end == upper->start && !lower->guard_after && !upper->guard_before &&
           lower->kind == upper->kind && lower->rights == upper->rights &&
           lower->flags == upper->flags && lower->tag == upper->tag && lower->name == upper->name &&
           (lower->kind != VM_FIXED ||
            lower->target + (lower->end - lower->start) == upper->target);
}

/* Makes one of the areas that meet at `border`, if they go on. */
static void join_at(struct vm_edit *edit, uintptr_t border)
{
    struct vm_tree *areas = &edit->space->areas;
    struct vm_area *lower = vm_tree_find(areas, border - 1);
    struct vm_area *upper = vm_tree_find(areas, border);
    struct vm_borders borders;

    if (lower == NULL || upper == NULL || lower == upper || !continues(lower, upper))
        return;
    borders =
        (struct vm_borders){ lower->start, upper->end, lower->guard_before, upper->guard_after };
    lower->may_share = lower->may_share || upper->may_share;
    vm_tree_remove(areas, upper, &edit->spares.nodes);
    vm_tree_resize(areas, lower, &borders);
    vm_area_free(upper);
}

/* Small pages of an area within the span's large ones. */
static void merge_pages(struct vm_edit *edit, const struct vm_area *area,
                        const struct vm_span *span)
{
    uint64_t large = pt_format_span(edit->space->table->format, 2);
    uint64_t start = max_u64(area->start, align_down(span->start, large));
    uint64_t end = min_u64(area->end, align_down(span->end - 1, large) + large);

    if ((area->flags & VM_HUGE) != 0 && area->kind == VM_ANONYMOUS)
        (void)pt_merge(edit->space->table, va((uintptr_t)start), (size_t)(end - start),
                       &edit->batch);
}

void vm_join_span(struct vm_edit *edit, const struct vm_span *span)
{
    struct vm_area *area;

    join_at(edit, span->start);
    area = vm_next_in_span(edit->space, span->start, span->end);
    while (area != NULL && area->end < span->end) {
        uintptr_t border = area->end;

        join_at(edit, border);
        area = vm_next_in_span(edit->space, border, span->end);
    }
    join_at(edit, span->end);
    area = vm_next_in_span(edit->space, span->start, span->end);
    for (; area != NULL; area = vm_next_behind(edit->space, area, span->end))
        merge_pages(edit, area, span);
}
