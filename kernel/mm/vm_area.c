/* SPDX-License-Identifier: BSD-2-Clause
 *
 * vm_area.c - the tree of areas: a 16-way B-tree that knows its gaps.
 *
 * All areas are in the leaves, in order. An entry of an inner node stands for a child: its key is
 * the least below the child, its gap the largest below it.
 *
 *                        key   100        700
 *                        gap   200        100
 *                               |          |
 *            key  100  400  500          700  800
 *            gap  100  200   50          100    0      free bytes before each claim
 *
 * A lookup among n areas touches log16(n) nodes, where a binary tree touches log2(n), and in each
 * three cache lines: two of keys (vm_cache.c keeps nodes on lines of their own), one with the slot.
 * How many entries a node has is not written down: unused keys say so. Slots are fetched while keys are compared.
 *
 * Gaps make "anywhere" a descent, too: a child whose largest gap is too small is not entered. What
 * is free behind the last claim is in no gap; it is looked up where needed.
 *
 * Insertion splits full nodes on the way up, unevenly where something is appended, since areas tend
 * to come in ascending order. Removal joins a node with a neighbour when both fit with room to spare
 * (JOIN_MAX), so that nodes that are nearly empty do not stay next to each other and the height
 * stays that of a tree of four children a node at worst. Changes run upwards along a path that was
 * noted on the way down; there are no pointers to parents.
 */
#include "vm_area.h"

#include "lib/assert.h"
#include "lib/bits.h"

/* Two neighbours of at most so many entries together become one. */
#define JOIN_MAX 12

/* The way to an entry: the node of each level, leaf = level 0, and the entry taken in it. */
struct path {
    struct {
        struct vm_node *node;
        unsigned index;
    } at[VM_TREE_MAX_HEIGHT];
};

void vm_tree_init(struct vm_tree *tree, uintptr_t first, uintptr_t end)
{
    *tree = (struct vm_tree){ .first = first, .end = end };
}

/* --- finding ----------------------------------------------------------------------------- */

/* The last entry whose key is not above `address`; 0 if all are. Two steps of three comparisons
 * that do not wait for each other, and no branch that a processor could guess wrong: unused keys are
 * above every address. */
static inline unsigned node_index(const struct vm_node *node, uintptr_t address)
{
    size_t group = 4 * ((size_t)(node->key[4] <= address) + (node->key[8] <= address) +
                        (node->key[12] <= address));

    return (unsigned)(group + (node->key[group + 1] <= address) +
                      (node->key[group + 2] <= address) + (node->key[group + 3] <= address));
}
static_assert(VM_NODE_SLOTS == 16, "node_index() knows the number");

static inline bool node_is_full(const struct vm_node *node)
{
    return node->key[VM_NODE_SLOTS - 1] != UINTPTR_MAX;
}

static inline unsigned node_count(const struct vm_node *node)
{
    return node->key[0] == UINTPTR_MAX ? 0 : node_index(node, UINTPTR_MAX - 1) + 1;
}

/* Whether the entry after `index` is there. */
static inline bool node_has_next(const struct vm_node *node, unsigned index)
{
    return index + 1 < VM_NODE_SLOTS && node->key[index + 1] != UINTPTR_MAX;
}

struct vm_area *vm_tree_find(const struct vm_tree *tree, uintptr_t address)
{
    const void *slot = tree->root;
    const struct vm_area *area;

    if (slot == NULL)
        return NULL;
    for (unsigned level = tree->height; level > 0; level--) {
        const struct vm_node *node = slot;

        __builtin_prefetch(&node->slot[0]);
        __builtin_prefetch(&node->slot[VM_NODE_SLOTS / 2]);
        slot = node->slot[node_index(node, address)];
    }
    area = slot;
    if (address < vm_area_claim_start(area) || address >= vm_area_claim_end(area))
        return NULL;
    return (struct vm_area *)(uintptr_t)area;
}

/* The way to the last entry whose key is not above `address`, or to the first of all. The tree is
 * not empty. */
static void path_to(const struct vm_tree *tree, uintptr_t address, struct path *path)
{
    struct vm_node *node = tree->root;

    for (unsigned level = tree->height; level-- > 0;) {
        unsigned index = node_index(node, address);

        path->at[level].node = node;
        path->at[level].index = index;
        node = node->slot[index];
    }
}

static struct vm_area *path_area(const struct path *path)
{
    return path->at[0].node->slot[path->at[0].index];
}

/* To the next area; false at the last one, where the path stays. */
static bool path_next(const struct vm_tree *tree, struct path *path)
{
    unsigned level = 0;

    while (!node_has_next(path->at[level].node, path->at[level].index)) {
        if (++level == tree->height)
            return false;
    }
    path->at[level].index++;
    while (level-- > 0) {
        path->at[level].node = path->at[level + 1].node->slot[path->at[level + 1].index];
        path->at[level].index = 0;
    }
    return true;
}

struct vm_area *vm_tree_at_or_after(const struct vm_tree *tree, uintptr_t address)
{
    struct path path;

    if (tree->root == NULL)
        return NULL;
    path_to(tree, address, &path);
    if (vm_area_claim_end(path_area(&path)) > address)
        return path_area(&path);
    return path_next(tree, &path) ? path_area(&path) : NULL;
}

uintptr_t vm_tree_gap_start(const struct vm_tree *tree, const struct vm_area *area)
{
    struct path path;

    path_to(tree, vm_area_claim_start(area), &path);
    return vm_area_claim_start(area) - path.at[0].node->gap[path.at[0].index];
}

bool vm_tree_is_free(const struct vm_tree *tree, uintptr_t start, uintptr_t end)
{
    const struct vm_area *area;

    if (start < tree->first || end > tree->end || start >= end)
        return false;
    area = vm_tree_at_or_after(tree, start);
    return area == NULL || vm_area_claim_start(area) >= end;
}

/* --- places ------------------------------------------------------------------------------ */

/* Whether the free range [start, end) has room for the place. */
static bool place_fits(const struct vm_place *place, uintptr_t start, uintptr_t end,
                       uintptr_t *found)
{
    uint64_t lowest = max_u64(start, place->from);
    uint64_t highest = min_u64(end, place->to);
    uint64_t at, needed;

    if (!checked_add(lowest, place->margin, &at) || !checked_align_up(at, place->alignment, &at) ||
        !checked_add(at, place->size, &needed) || !checked_add(needed, place->margin, &needed) ||
        needed > highest)
        return false;
    *found = (uintptr_t)at;
    return true;
}

/* Searches the gaps below `node`, lowest first. Depth: the height of the tree. */
static bool node_find_place(const struct vm_node *node, unsigned level,
                            const struct vm_place *place, uintptr_t *found)
{
    uintptr_t needed = place->size + 2 * place->margin;

    for (unsigned i = 0, count = node_count(node); i < count; i++) {
        bool below = i + 1 < count && node->key[i + 1] <= place->from;
        bool beyond = i > 0 && node->key[i - 1] >= place->to;

        if (beyond)
            return false;
        if (node->gap[i] < needed || below)
            continue;
        if (level == 1) {
            if (place_fits(place, node->key[i] - node->gap[i], node->key[i], found))
                return true;
        } else if (node_find_place(node->slot[i], level - 1, place, found)) {
            return true;
        }
    }
    return false;
}

/* Where the last claim ends. */
static uintptr_t last_end(const struct vm_tree *tree)
{
    const void *slot = tree->root;

    if (slot == NULL)
        return tree->first;
    for (unsigned level = tree->height; level > 0; level--) {
        const struct vm_node *node = slot;

        slot = node->slot[node_count(node) - 1];
    }
    return vm_area_claim_end(slot);
}

bool vm_tree_find_place(const struct vm_tree *tree, const struct vm_place *place, uintptr_t *start)
{
    if (tree->root != NULL && node_find_place(tree->root, tree->height, place, start))
        return true;
    return place_fits(place, last_end(tree), tree->end, start);
}

/* --- nodes ------------------------------------------------------------------------------- */

static struct vm_node *spare_take(struct vm_node **spare)
{
    struct vm_node *node = *spare;

    VERIFY(node != NULL);
    *spare = node->slot[0];
    for (unsigned i = 0; i < VM_NODE_SLOTS; i++)
        node->key[i] = UINTPTR_MAX;
    return node;
}

static void spare_give(struct vm_node **spare, struct vm_node *node)
{
    node->slot[0] = *spare;
    *spare = node;
}

struct entry {
    uintptr_t key;
    uintptr_t gap;
    void *slot;
};

static uintptr_t node_largest_gap(const struct vm_node *node)
{
    uintptr_t largest = 0;

    for (unsigned i = 0; i < VM_NODE_SLOTS && node->key[i] != UINTPTR_MAX; i++)
        largest = node->gap[i] > largest ? node->gap[i] : largest;
    return largest;
}

static void node_set(struct vm_node *node, unsigned index, struct entry entry)
{
    node->key[index] = entry.key;
    node->gap[index] = entry.gap;
    node->slot[index] = entry.slot;
}

static struct entry node_get(const struct vm_node *node, unsigned index)
{
    return (struct entry){ node->key[index], node->gap[index], node->slot[index] };
}

/* The entry that stands for a node in the one above. */
static struct entry node_entry(struct vm_node *node)
{
    return (struct entry){ node->key[0], node_largest_gap(node), node };
}

static void node_insert(struct vm_node *node, unsigned index, struct entry entry)
{
    for (unsigned i = node_count(node); i > index; i--)
        node_set(node, i, node_get(node, i - 1));
    node_set(node, index, entry);
}

static void node_remove(struct vm_node *node, unsigned index)
{
    for (; node_has_next(node, index); index++)
        node_set(node, index, node_get(node, index + 1));
    node->key[index] = UINTPTR_MAX;
}

/* Moves the entries from `first` on to the end of `to`. */
static void node_move(struct vm_node *node, unsigned first, struct vm_node *to)
{
    unsigned end = node_count(node);
    unsigned at = node_count(to);

    for (unsigned i = first; i < end; i++) {
        node_set(to, at++, node_get(node, i));
        node->key[i] = UINTPTR_MAX;
    }
}

/* Corrects what the nodes above say of the one at `level`, up to the first that was right: it says
 * as much as before of what is below it. */
static void path_refresh(const struct vm_tree *tree, const struct path *path, unsigned level)
{
    for (; level + 1 < tree->height; level++) {
        struct entry now = node_entry(path->at[level].node);
        struct vm_node *parent = path->at[level + 1].node;
        unsigned index = path->at[level + 1].index;

        if (parent->key[index] == now.key && parent->gap[index] == now.gap)
            return;
        node_set(parent, index, now);
    }
}

/* The free space before the area at `path` begins at `gap_start`. */
static void path_set_gap(const struct vm_tree *tree, const struct path *path, uintptr_t gap_start)
{
    struct vm_node *node = path->at[0].node;

    node->gap[path->at[0].index] = node->key[path->at[0].index] - gap_start;
    path_refresh(tree, path, 0);
}

/* The same for the area behind the one at `path`, if there is one. */
static void path_set_next_gap(const struct vm_tree *tree, const struct path *path,
                              uintptr_t gap_start)
{
    struct path next = *path;

    if (path_next(tree, &next))
        path_set_gap(tree, &next, gap_start);
}

/* --- insertion --------------------------------------------------------------------------- */

unsigned vm_tree_nodes_needed(const struct vm_tree *tree, uintptr_t address)
{
    unsigned needed = 0;
    struct path path;

    if (tree->root == NULL)
        return 1;
    path_to(tree, address, &path);
    while (needed < tree->height && node_is_full(path.at[needed].node))
        needed++;
    return needed < tree->height ? needed : needed + 1; /* and a new root */
}

/* Splits `node`, which is full, and puts `entry` where it belongs. Returns the right half. */
static struct vm_node *split_insert(struct vm_node *node, unsigned index, struct entry entry,
                                    struct vm_node *right)
{
    unsigned middle = index == VM_NODE_SLOTS ? VM_NODE_SLOTS : VM_NODE_SLOTS / 2;

    node_move(node, middle, right);
    if (index > middle || middle == VM_NODE_SLOTS)
        node_insert(right, index - middle, entry);
    else
        node_insert(node, index, entry);
    return right;
}

static void grow_root(struct vm_tree *tree, struct vm_node *right, struct vm_node **spare)
{
    struct vm_node *root = spare_take(spare);

    VERIFY(tree->height < VM_TREE_MAX_HEIGHT);
    node_insert(root, 0, node_entry(tree->root));
    node_insert(root, 1, node_entry(right));
    tree->root = root;
    tree->height++;
}

/* Puts `entry` at `index` of the path's leaf; splits as far up as nodes are full. */
static void path_insert(struct vm_tree *tree, const struct path *path, unsigned index,
                        struct entry entry, struct vm_node **spare)
{
    for (unsigned level = 0; level < tree->height; level++) {
        struct vm_node *node = path->at[level].node;
        struct vm_node *right;

        if (!node_is_full(node)) {
            node_insert(node, index, entry);
            path_refresh(tree, path, level);
            return;
        }
        right = split_insert(node, index, entry, spare_take(spare));
        if (level + 1 == tree->height) {
            grow_root(tree, right, spare);
            return;
        }
        index = path->at[level + 1].index;
        node_set(path->at[level + 1].node, index++, node_entry(node));
        entry = node_entry(right);
    }
}

/* Of the gap before the entry at `index`, which is not the first, only what is behind `area` stays.
 * Returns what is before it. */
static uintptr_t split_gap(struct vm_node *leaf, unsigned index, const struct vm_area *area)
{
    uintptr_t gap_start = leaf->key[index] - leaf->gap[index];

    leaf->gap[index] = leaf->key[index] - vm_area_claim_end(area);
    return vm_area_claim_start(area) - gap_start;
}

/* Insertion behind the area at `path`. Mostly the next one is in the same node, and what is above it
 * has to be corrected but once. */
static void insert_behind(struct vm_tree *tree, const struct path *path, struct vm_area *area,
                          struct vm_node **spare)
{
    struct vm_node *leaf = path->at[0].node;
    unsigned index = path->at[0].index + 1;
    struct entry entry = { .key = vm_area_claim_start(area), .slot = area };

    if (node_has_next(leaf, path->at[0].index)) {
        entry.gap = split_gap(leaf, index, area);
    } else {
        entry.gap = entry.key - vm_area_claim_end(path_area(path));
        path_set_next_gap(tree, path, vm_area_claim_end(area));
    }
    path_insert(tree, path, index, entry, spare);
}

void vm_tree_insert(struct vm_tree *tree, struct vm_area *area, struct vm_node **spare)
{
    uintptr_t key = vm_area_claim_start(area);
    struct path path;

    tree->count++;
    if (tree->root == NULL) {
        tree->root = spare_take(spare);
        tree->height = 1;
        node_insert(tree->root, 0, (struct entry){ key, key - tree->first, area });
        return;
    }
    path_to(tree, key, &path);
    if (path.at[0].node->key[path.at[0].index] < key) {
        insert_behind(tree, &path, area, spare);
        return;
    }
    path_set_gap(tree, &path, vm_area_claim_end(area));
    path_insert(tree, &path, 0, (struct entry){ key, key - tree->first, area }, spare);
}

/* --- removal ----------------------------------------------------------------------------- */

/* Joins the children `left` and `left + 1` of `parent` if they are small. */
static void join_children(struct vm_node *parent, unsigned left, struct vm_node **spare)
{
    struct vm_node *node = parent->slot[left];
    struct vm_node *right = parent->slot[left + 1];

    if (node_count(node) + node_count(right) > JOIN_MAX)
        return;
    node_move(right, 0, node);
    node_set(parent, left, node_entry(node));
    node_remove(parent, left + 1);
    spare_give(spare, right);
}

/* Mends the parent of a node that has lost an entry. */
static void shrink_child(struct vm_node *parent, unsigned index, struct vm_node **spare)
{
    struct vm_node *node = parent->slot[index];

    if (node_count(node) == 0) {
        node_remove(parent, index);
        spare_give(spare, node);
        if (index == 0 || index == node_count(parent))
            return;
        join_children(parent, index - 1, spare);
        return;
    }
    node_set(parent, index, node_entry(node));
    if (node_has_next(parent, index))
        join_children(parent, index, spare);
    if (index > 0)
        join_children(parent, index - 1, spare);
}

static void shrink_root(struct vm_tree *tree, struct vm_node **spare)
{
    while (tree->root != NULL &&
           (node_count(tree->root) == 0 || (tree->height > 1 && node_count(tree->root) == 1))) {
        struct vm_node *root = tree->root;

        tree->root = node_count(root) == 0 ? NULL : root->slot[0];
        tree->height--;
        spare_give(spare, root);
    }
}

void vm_tree_remove(struct vm_tree *tree, struct vm_area *area, struct vm_node **spare)
{
    struct path path;
    struct vm_node *leaf;
    unsigned index;

    path_to(tree, vm_area_claim_start(area), &path);
    VERIFY(path_area(&path) == area);
    leaf = path.at[0].node;
    index = path.at[0].index;
    path_set_next_gap(tree, &path, leaf->key[index] - leaf->gap[index]);
    node_remove(leaf, index);
    for (unsigned level = 1; level < tree->height; level++)
        shrink_child(path.at[level].node, path.at[level].index, spare);
    shrink_root(tree, spare);
    tree->count--;
}

void vm_tree_resize(struct vm_tree *tree, struct vm_area *area, const struct vm_borders *borders)
{
    struct path path;
    struct vm_node *leaf;
    uintptr_t gap_start;

    path_to(tree, vm_area_claim_start(area), &path);
    VERIFY(path_area(&path) == area);
    leaf = path.at[0].node;
    gap_start = leaf->key[path.at[0].index] - leaf->gap[path.at[0].index];
    area->start = borders->start;
    area->end = borders->end;
    area->guard_before = borders->guard_before;
    area->guard_after = borders->guard_after;
    leaf->key[path.at[0].index] = vm_area_claim_start(area);
    path_set_gap(tree, &path, gap_start);
    path_set_next_gap(tree, &path, vm_area_claim_end(area));
}

/* --- checking ---------------------------------------------------------------------------- */

struct tree_check {
    size_t count;
    uintptr_t end; /* of the claim before */
};

static bool check_leaf(const struct vm_node *node, struct tree_check *check)
{
    for (unsigned i = 0, count = node_count(node); i < count; i++) {
        const struct vm_area *area = node->slot[i];

        if (node->key[i] != vm_area_claim_start(area) || node->key[i] < check->end ||
            node->gap[i] != node->key[i] - check->end || area->end <= area->start)
            return false;
        check->end = vm_area_claim_end(area);
        check->count++;
    }
    return true;
}

/* Depth: the height of the tree. */
static bool check_node(const struct vm_node *node, unsigned level, struct tree_check *check)
{
    unsigned count = node_count(node);

    if (count == 0)
        return false;
    for (unsigned i = count; i < VM_NODE_SLOTS; i++) {
        if (node->key[i] != UINTPTR_MAX)
            return false;
    }
    if (level == 1)
        return check_leaf(node, check);
    for (unsigned i = 0; i < count; i++) {
        struct vm_node *child = node->slot[i];

        if (!check_node(child, level - 1, check) || node->key[i] != child->key[0] ||
            node->gap[i] != node_largest_gap(child))
            return false;
    }
    return true;
}

bool vm_tree_check(const struct vm_tree *tree)
{
    struct tree_check check = { .end = tree->first };

    if (tree->root == NULL)
        return tree->count == 0 && tree->height == 0;
    return check_node(tree->root, tree->height, &check) && check.count == tree->count &&
           check.end <= tree->end;
}
