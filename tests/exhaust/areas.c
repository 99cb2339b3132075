/* SPDX-License-Identifier: BSD-2-Clause
 *
 * areas.c - every sequence of insertions and removals in a tree of areas, around borders of its nodes.
 *
 * The tree holds 30 areas of a page each, every other page, with holes of four pages in front, in the
 * middle and at the end; an operation inserts an area of one or two pages into a hole, or removes one. The
 * model is an array of pages. After each operation the tree must check itself, and find for every page of the holes
 * what the array has.
 */
#include <string.h>

#include "exhaust.h"
#include "mm/vm_area.h"

#define FIRST       ((uintptr_t)0x100000)
#define FIXED       30u
#define HOLE_PAGES  4u
#define HOLES       3u
#define PAGES       (2u * FIXED + HOLES * HOLE_PAGES + 1)
#define AREAS       (FIXED + HOLES * HOLE_PAGES)
#define NODES       64u
#define PLACES      (HOLES * HOLE_PAGES)
#define DIGITS      (2u * PLACES) /* insert one page or remove; insert two pages */
#define DEPTH       5u
#define SHORT_DEPTH 3u

static struct vm_tree tree;
static struct vm_area areas[PAGES];
static struct vm_area *owner[PAGES];
static struct vm_node nodes[NODES];
static struct vm_node *spare_nodes;

static unsigned place_page(unsigned place)
{
    return place % HOLE_PAGES + place / HOLE_PAGES * (FIXED + HOLE_PAGES);
}

static uintptr_t address_of(unsigned page)
{
    return FIRST + page * PAGE_SIZE;
}

static struct vm_node *take_spares(unsigned count)
{
    struct vm_node *list = NULL;

    while (count-- > 0) {
        struct vm_node *node = spare_nodes;

        EXHAUST_CHECK(node != NULL);
        spare_nodes = node->slot[0];
        memset(node, 0xa5, sizeof(*node));
        node->slot[0] = list;
        list = node;
    }
    return list;
}

static void give_spares(struct vm_node *list)
{
    while (list != NULL) {
        struct vm_node *next = list->slot[0];

        list->slot[0] = spare_nodes;
        spare_nodes = list;
        list = next;
    }
}

static void insert(unsigned page, unsigned pages)
{
    struct vm_area *area = &areas[page];
    struct vm_node *spare = take_spares(vm_tree_nodes_needed(&tree, address_of(page)));

    *area = (struct vm_area){ .start = address_of(page), .end = address_of(page + pages) };
    vm_tree_insert(&tree, area, &spare);
    EXHAUST_CHECK(spare == NULL);
    for (unsigned i = 0; i < pages; i++)
        owner[page + i] = area;
}

static void remove_area(struct vm_area *area)
{
    struct vm_node *spare = NULL;

    vm_tree_remove(&tree, area, &spare);
    give_spares(spare);
    for (unsigned i = 0; i < PAGES; i++)
        if (owner[i] == area)
            owner[i] = NULL;
}

static void start(void)
{
    spare_nodes = NULL;
    for (unsigned i = 0; i < NODES; i++) {
        nodes[i].slot[0] = spare_nodes;
        spare_nodes = &nodes[i];
    }
    memset(owner, 0, sizeof(owner));
    vm_tree_init(&tree, FIRST, address_of(PAGES));
    for (unsigned i = 0; i < FIXED; i++)
        insert(HOLE_PAGES + 2 * i + (i >= FIXED / 2 ? HOLE_PAGES : 0), 1);
}

static void operate(unsigned digit)
{
    unsigned page = place_page(digit / 2);

    if (owner[page] != NULL && digit % 2 == 0)
        remove_area(owner[page]);
    else if (owner[page] == NULL && digit % 2 == 0)
        insert(page, 1);
    else if (owner[page] == NULL && page + 1 < PAGES && owner[page + 1] == NULL)
        insert(page, 2);
}

static void compare(void)
{
    EXHAUST_CHECK(vm_tree_check(&tree));
    for (unsigned place = 0; place < PLACES; place++) {
        unsigned page = place_page(place);

        EXHAUST_CHECK(vm_tree_find(&tree, address_of(page)) == owner[page]);
        EXHAUST_CHECK(vm_tree_is_free(&tree, address_of(page), address_of(page + 1)) ==
                      (owner[page] == NULL));
    }
}

uint64_t exhaust_areas(const struct exhaust_part *part)
{
    unsigned depth = part->is_long ? DEPTH : SHORT_DEPTH;
    uint64_t count = 1;
    uint64_t cases = 0;

    for (unsigned i = 0; i < depth; i++)
        count *= DIGITS;
    for (uint64_t sequence = part->shard; sequence < count; sequence += part->shards, cases++) {
        uint64_t rest = sequence;

        start();
        for (unsigned i = 0; i < depth; i++, rest /= DIGITS)
            operate((unsigned)(rest % DIGITS));
        compare();
    }
    return cases;
}
