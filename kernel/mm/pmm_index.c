/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pmm_index.c - sets over all areas: which of them may have what.
 *
 * One set for each order 0 to 18, one for the areas that are not made yet, one for those that are
 * some processor's home. A set has two levels, of 32 areas a leaf and 32 leaves a top word:
 *
 *     top     0 1 0 0 0 0 1 ...          bit i: leaf i is not 0
 *               |         |
 *     leaf     32 areas  32 areas        written when its top bit is set, garbage before
 *
 * so that an empty set of 64 TiB is 64 words, and starting is writing those. "Area is in the set of
 * order n" is an upper bound, like the bound of a block: a search that finds nothing there takes it
 * out (area_retract), a free puts it back (area_announce). Hence a search looks at areas that have
 * something, however many are full, and exhaustion is found out at once.
 *
 * Changes are made under pmm_state.lock. Reading needs no lock: what is found is a hint, to be
 * verified under the area's own lock. Words have 32 bits, which every processor reads at once.
 */
#include "pmm_private.h"

#include "lib/assert.h"

static uint32_t *top_row(enum pmm_index index)
{
    return pmm_state.index_tops + (size_t)index * pmm_state.top_words;
}

static uint32_t *leaf_row(enum pmm_index index)
{
    return pmm_state.index_leaves + (size_t)index * pmm_state.leaf_words;
}

/* Leaf `leaf` of the set. */
static uint32_t leaf_load(enum pmm_index index, uintptr_t leaf)
{
    uint32_t top = __atomic_load_n(&top_row(index)[leaf / FLAG_BITS], __ATOMIC_ACQUIRE);

    return (top >> (leaf % FLAG_BITS) & 1) != 0
               ? __atomic_load_n(&leaf_row(index)[leaf], __ATOMIC_RELAXED)
               : 0;
}

static void leaf_store(enum pmm_index index, uintptr_t leaf, uint32_t bits)
{
    uint32_t *top = &top_row(index)[leaf / FLAG_BITS];
    uint32_t bit = (uint32_t)1 << (leaf % FLAG_BITS);

    __atomic_store_n(&leaf_row(index)[leaf], bits, __ATOMIC_RELAXED);
    __atomic_store_n(top, bits != 0 ? *top | bit : *top & ~bit, __ATOMIC_RELEASE);
}

void index_add(enum pmm_index index, uintptr_t area)
{
    uintptr_t leaf = area / FLAG_BITS;

    leaf_store(index, leaf, leaf_load(index, leaf) | (uint32_t)1 << (area % FLAG_BITS));
}

void index_remove(enum pmm_index index, uintptr_t area)
{
    uintptr_t leaf = area / FLAG_BITS;

    leaf_store(index, leaf, leaf_load(index, leaf) & ~((uint32_t)1 << (area % FLAG_BITS)));
}

/* The areas of [from, end) that are in `leaf`, as bits. */
static uint32_t leaf_mask(uintptr_t leaf, uintptr_t from, uintptr_t end)
{
    uintptr_t base = leaf * FLAG_BITS;
    uint64_t mask = low_mask((unsigned)min_frame(end - base, FLAG_BITS));

    return (uint32_t)(from > base ? mask & ~low_mask((unsigned)(from - base)) : mask);
}

void index_add_range(enum pmm_index index, uintptr_t first, uintptr_t end)
{
    for (uintptr_t leaf = first / FLAG_BITS; leaf * FLAG_BITS < end; leaf++)
        leaf_store(index, leaf, leaf_load(index, leaf) | leaf_mask(leaf, first, end));
}

bool index_has(enum pmm_index index, uintptr_t area)
{
    return (leaf_load(index, area / FLAG_BITS) >> (area % FLAG_BITS) & 1) != 0;
}

/* --- searching --------------------------------------------------------------------------- */

static uint32_t candidates(enum pmm_index wanted, const enum pmm_index *avoided, uintptr_t leaf)
{
    uint32_t bits = leaf_load(wanted, leaf);

    for (; bits != 0 && *avoided != INDEX_COUNT; avoided++)
        bits &= ~leaf_load(*avoided, leaf);
    return bits;
}

/* The first leaf at or above `leaf` that is not 0; NO_FRAME if none. */
static uintptr_t next_leaf(enum pmm_index index, uintptr_t leaf)
{
    const uint32_t *top = top_row(index);

    for (uintptr_t t = leaf / FLAG_BITS; t < pmm_state.top_words; t++, leaf = t * FLAG_BITS) {
        uint64_t bits = __atomic_load_n(&top[t], __ATOMIC_ACQUIRE) & ~low_mask(leaf % FLAG_BITS);

        if (bits != 0)
            return t * FLAG_BITS + lowest_bit(bits);
    }
    return NO_FRAME;
}

/* The last leaf at or below `leaf` that is not 0; NO_FRAME if none. */
static uintptr_t previous_leaf(enum pmm_index index, uintptr_t leaf)
{
    const uint32_t *top = top_row(index);

    for (uintptr_t t = leaf / FLAG_BITS + 1; t-- > 0; leaf = t * FLAG_BITS - 1) {
        uint64_t bits = __atomic_load_n(&top[t], __ATOMIC_ACQUIRE) & low_mask(leaf % FLAG_BITS + 1);

        if (bits != 0)
            return t * FLAG_BITS + highest_bit(bits);
    }
    return NO_FRAME;
}

uintptr_t index_first(enum pmm_index wanted, const enum pmm_index *avoided, uintptr_t from,
                      uintptr_t end)
{
    if (from >= end)
        return NO_FRAME;
    for (uintptr_t leaf = next_leaf(wanted, from / FLAG_BITS);
         leaf != NO_FRAME && leaf * FLAG_BITS < end; leaf = next_leaf(wanted, leaf + 1)) {
        uint32_t bits = candidates(wanted, avoided, leaf) & leaf_mask(leaf, from, end);

        if (bits != 0)
            return leaf * FLAG_BITS + lowest_bit(bits);
    }
    return NO_FRAME;
}

uintptr_t index_last(enum pmm_index wanted, const enum pmm_index *avoided, uintptr_t from,
                     uintptr_t end)
{
    uintptr_t leaf;

    if (from >= end)
        return NO_FRAME;
    leaf = previous_leaf(wanted, (end - 1) / FLAG_BITS);
    while (leaf != NO_FRAME && leaf >= from / FLAG_BITS) {
        uint32_t bits = candidates(wanted, avoided, leaf) & leaf_mask(leaf, from, end);

        if (bits != 0)
            return leaf * FLAG_BITS + highest_bit(bits);
        leaf = leaf == 0 ? NO_FRAME : previous_leaf(wanted, leaf - 1);
    }
    return NO_FRAME;
}

/* --- what areas say of themselves -------------------------------------------------------- */

static void update(struct pmm_area *area, uint32_t orders,
                   void (*change)(enum pmm_index, uintptr_t))
{
    irq_state_t irq = spin_lock(&pmm_state.lock);

    for (; orders != 0; orders &= orders - 1)
        change((enum pmm_index)(INDEX_ORDER_0 + lowest_bit(orders)), area->first >> AREA_ORDER);
    spin_unlock(&pmm_state.lock, irq);
}

void area_announce(struct pmm_area *area, uint32_t orders)
{
    uint32_t news = orders & ~area->announced;

    if (__builtin_expect(news == 0, 1))
        return;
    area->announced |= news;
    if (area != pmm_state.low)
        update(area, news, index_add);
}

void area_retract(struct pmm_area *area, unsigned order, unsigned last)
{
    uint32_t gone = area->announced & (uint32_t)(low_mask(last + 1) & ~low_mask(order));

    if (gone == 0)
        return;
    area->announced &= ~gone;
    if (area != pmm_state.low)
        update(area, gone, index_remove);
}
