/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_vm_area.c - properties of the tree of areas, against a model that is an array of pages.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/bits.h"
#include "mm/vm_area.h"

#define FIRST ((uintptr_t)0x10000)
#define PAGES 4096u
#define END   (FIRST + PAGES * PAGE_SIZE)

static struct vm_tree tree;
static struct vm_area *owner[PAGES]; /* the model: whose claim each page is */
static size_t model_count;
static size_t nodes_out; /* allocated and not yet free */
static uint64_t random_state;

static uint64_t random_below(uint64_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % limit;
}

static int setup(void **state)
{
    (void)state;
    vm_tree_init(&tree, FIRST, END);
    memset(owner, 0, sizeof(owner));
    model_count = 0;
    nodes_out = 0;
    random_state = 0x2545f4914f6cdd1d;
    return 0;
}

/* --- the tree, with nodes from the host -------------------------------------------------- */

static struct vm_node *make_spares(unsigned count)
{
    struct vm_node *list = NULL;

    while (count-- > 0) {
        struct vm_node *node = malloc(sizeof(*node));

        assert_non_null(node);
        memset(node, 0xa5, sizeof(*node));
        node->slot[0] = list;
        list = node;
        nodes_out++;
    }
    return list;
}

static void free_spares(struct vm_node *list)
{
    while (list != NULL) {
        struct vm_node *next = list->slot[0];

        free(list);
        nodes_out--;
        list = next;
    }
}

static unsigned page_of(uintptr_t address)
{
    return (unsigned)((address - FIRST) / PAGE_SIZE);
}

static void model_set(const struct vm_area *area, struct vm_area *value)
{
    for (unsigned i = page_of(vm_area_claim_start(area)); i < page_of(vm_area_claim_end(area)); i++)
        owner[i] = value;
}

static struct vm_area *insert(unsigned page, unsigned pages, bool before, bool after)
{
    struct vm_area *area = calloc(1, sizeof(*area));
    struct vm_node *spare;

    assert_non_null(area);
    *area = (struct vm_area){ .start = FIRST + page * PAGE_SIZE,
                              .end = FIRST + (page + pages) * PAGE_SIZE,
                              .guard_before = before,
                              .guard_after = after };
    spare = make_spares(vm_tree_nodes_needed(&tree, vm_area_claim_start(area)));
    vm_tree_insert(&tree, area, &spare);
    assert_null(spare); /* what was said to be needed is what was needed */
    model_set(area, area);
    model_count++;
    return area;
}

static void remove_area(struct vm_area *area)
{
    struct vm_node *spare = NULL;

    vm_tree_remove(&tree, area, &spare);
    free_spares(spare);
    model_set(area, NULL);
    model_count--;
    free(area);
}

static void remove_all(void)
{
    struct vm_area *area;

    while ((area = vm_tree_at_or_after(&tree, 0)) != NULL)
        remove_area(area);
    assert_true(vm_tree_check(&tree));
    assert_int_equal(nodes_out, 0);
}

static int teardown(void **state)
{
    (void)state;
    remove_all();
    return 0;
}

/* --- the model's answers ----------------------------------------------------------------- */

static bool model_is_free(uint64_t start, uint64_t end)
{
    if (start < FIRST || end > END || start >= end)
        return false;
    for (unsigned i = page_of((uintptr_t)start); i < page_of((uintptr_t)end); i++) {
        if (owner[i] != NULL)
            return false;
    }
    return true;
}

static struct vm_area *model_at_or_after(uintptr_t address)
{
    for (unsigned i = address < FIRST ? 0 : page_of(address); i < PAGES; i++) {
        if (owner[i] != NULL)
            return owner[i];
    }
    return NULL;
}

static bool model_find_place(const struct vm_place *place, uintptr_t *start)
{
    for (uintptr_t at = FIRST; at < END; at += PAGE_SIZE) {
        if (at - place->margin < place->from || at % place->alignment != 0 ||
            at + place->size + place->margin > place->to ||
            !model_is_free(at - place->margin, at + place->size + place->margin))
            continue;
        *start = at;
        return true;
    }
    return false;
}

static void check_lookups(unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        uintptr_t address = FIRST + random_below(PAGES * PAGE_SIZE);
        uintptr_t start = FIRST + random_below(PAGES) * PAGE_SIZE;
        uintptr_t end = start + random_below(20) * PAGE_SIZE;

        assert_ptr_equal(vm_tree_find(&tree, address), owner[page_of(address)]);
        assert_ptr_equal(vm_tree_at_or_after(&tree, address), model_at_or_after(address));
        assert_int_equal(vm_tree_is_free(&tree, start, end), model_is_free(start, end));
    }
}

static void check_place(void)
{
    struct vm_place place = { .from = FIRST,
                              .to = END,
                              .size = (1 + random_below(40)) * PAGE_SIZE,
                              .margin = random_below(2) * PAGE_SIZE,
                              .alignment = PAGE_SIZE << random_below(6) };
    uintptr_t expected = 1;
    uintptr_t found = 1;
    bool possible;

    if (random_below(2) == 0) {
        place.from = FIRST + random_below(PAGES / 2) * PAGE_SIZE;
        place.to = place.from + random_below(PAGES / 2) * PAGE_SIZE;
    }
    possible = model_find_place(&place, &expected);
    assert_int_equal(vm_tree_find_place(&tree, &place, &found), possible);
    assert_int_equal(found, expected);
}

/* With `place` another value, the check fails; then it is as it was. */
#define EXPECT_BROKEN(place, value)                                                                \
    do {                                                                                           \
        __typeof__(place) as_it_was = (place);                                                     \
        (place) = (value);                                                                         \
        assert_false(vm_tree_check(&tree));                                                        \
        (place) = as_it_was;                                                                       \
    } while (false)

/* --- tests ------------------------------------------------------------------------------- */

static void an_empty_tree(void **state)
{
    /* A tree without areas finds nothing, and is free everywhere within its range. */
    struct vm_place place = { FIRST, END, PAGES * PAGE_SIZE, 0, PAGE_SIZE };
    uintptr_t start = 0;

    (void)state;
    assert_true(vm_tree_check(&tree));
    assert_null(vm_tree_find(&tree, FIRST));
    assert_null(vm_tree_at_or_after(&tree, 0));
    assert_true(vm_tree_is_free(&tree, FIRST, END));
    assert_false(vm_tree_is_free(&tree, FIRST - PAGE_SIZE, END));
    assert_false(vm_tree_is_free(&tree, FIRST, END + PAGE_SIZE));
    assert_true(vm_tree_find_place(&tree, &place, &start));
    assert_int_equal(start, FIRST);
    place.margin = PAGE_SIZE;
    assert_false(vm_tree_find_place(&tree, &place, &start));
}

static void in_every_order(void **state)
{
    /* Areas that come in ascending, descending or random order, and go in any, are all found. */
    enum { AREAS = 1000 };

    (void)state;
    for (unsigned order = 0; order < 3; order++) {
        for (unsigned i = 0; i < AREAS; i++) {
            unsigned page = order == 0 ? i : order == 1 ? AREAS - 1 - i : i * 7 % AREAS;

            insert(4 * page + 1, 2, false, i % 3 == 0);
        }
        assert_true(vm_tree_check(&tree));
        assert_int_equal(tree.count, AREAS);
        check_lookups(2000);
        for (unsigned i = 0; i < AREAS / 2; i++)
            remove_area(vm_tree_find(&tree, FIRST + (4 * (i * 11 % AREAS) + 1) * PAGE_SIZE));
        assert_true(vm_tree_check(&tree));
        check_lookups(2000);
        remove_all();
    }
}

static void guards_belong_to_their_area(void **state)
{
    /* The pages beside a guarded area are claimed for it, and found with it. */
    struct vm_area *area = insert(10, 3, true, true);

    (void)state;
    assert_ptr_equal(vm_tree_find(&tree, FIRST + 9 * PAGE_SIZE), area);
    assert_ptr_equal(vm_tree_find(&tree, FIRST + 13 * PAGE_SIZE), area);
    assert_null(vm_tree_find(&tree, FIRST + 14 * PAGE_SIZE));
    assert_null(vm_tree_find(&tree, FIRST + 8 * PAGE_SIZE));
    assert_false(vm_tree_is_free(&tree, FIRST + 8 * PAGE_SIZE, FIRST + 10 * PAGE_SIZE));
    assert_int_equal(vm_tree_gap_start(&tree, area), FIRST);
}

static void resize_randomly(void)
{
    struct vm_area *area = vm_tree_at_or_after(&tree, FIRST + random_below(PAGES * PAGE_SIZE));
    struct vm_borders borders;
    struct vm_area *next;
    uintptr_t low, high;

    if (area == NULL)
        return;
    low = vm_tree_gap_start(&tree, area);
    next = vm_tree_at_or_after(&tree, vm_area_claim_end(area));
    high = next != NULL ? vm_area_claim_start(next) : END;
    borders = (struct vm_borders){ area->start, area->end, false, false };
    borders.start = low + random_below((area->end - low) / PAGE_SIZE) * PAGE_SIZE;
    borders.end =
        borders.start + (1 + random_below((high - borders.start) / PAGE_SIZE)) * PAGE_SIZE;
    borders.guard_before = borders.start > low && random_below(2) == 0;
    borders.guard_after = borders.end < high && random_below(2) == 0;
    model_set(area, NULL);
    vm_tree_resize(&tree, area, &borders);
    model_set(area, area);
}

static void random_load_against_the_model(void **state)
{
    /* Under any sequence of insertions, removals and changes of borders the tree answers what an
     * array of pages answers, and its keys, gaps and counts stay true. */
    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        unsigned page = 1 + (unsigned)random_below(PAGES - 8);
        unsigned pages = 1 + (unsigned)random_below(5);
        unsigned phase = i / 2500 % 2; /* filling, then emptying */

        if (random_below(10) == 0) {
            resize_randomly();
        } else if (random_below(4) != phase * 3 || random_below(3) == 0) {
            bool before = random_below(3) == 0;
            bool after = random_below(3) == 0;

            if (model_is_free(FIRST + (page - before) * PAGE_SIZE,
                              FIRST + (page + pages + after) * PAGE_SIZE))
                insert(page, pages, before, after);
        } else if (owner[page] != NULL) {
            remove_area(owner[page]);
        }
        if (i % 64 == 0) {
            assert_true(vm_tree_check(&tree));
            assert_int_equal(tree.count, model_count);
            check_lookups(8);
        }
        if (i % 256 == 0)
            check_place();
    }
}

static void a_tree_shrinks_with_its_areas(void **state)
{
    /* When most areas are gone, most nodes are; a tree that stays small stays low. */
    enum { AREAS = 2000 };

    (void)state;
    for (unsigned i = 0; i < AREAS; i++)
        insert(2 * i + 1, 1, false, false);
    assert_true(nodes_out < AREAS / 7);
    for (unsigned i = 0; i < AREAS; i++) {
        if (i % 16 != 0)
            remove_area(vm_tree_find(&tree, FIRST + (2 * i + 1) * PAGE_SIZE));
    }
    assert_true(vm_tree_check(&tree));
    assert_true(nodes_out < AREAS / 16 / 3);
    assert_true(tree.height <= 3);
}

static void a_broken_tree_is_noticed(void **state)
{
    /* The check sees a wrong key, a wrong gap and a wrong count. */
    (void)state;
    for (unsigned i = 0; i < 100; i++)
        insert(2 * i + 1, 1, false, false);
    assert_true(vm_tree_check(&tree));
    tree.root->gap[1]++;
    assert_false(vm_tree_check(&tree));
    tree.root->gap[1]--;
    tree.root->key[2]--;
    assert_false(vm_tree_check(&tree));
    tree.root->key[2]++;
    tree.count++;
    assert_false(vm_tree_check(&tree));
    tree.count--;
    assert_true(vm_tree_check(&tree));
}

/* Every entry of a node and of those below it is spoiled, and put back. Depth: the height of the tree. */
static void expect_each_entry_matters(struct vm_node *node, unsigned level)
{
    unsigned used = 0;

    while (used < VM_NODE_SLOTS && node->key[used] != UINTPTR_MAX)
        used++;
    for (unsigned i = 0; i < VM_NODE_SLOTS; i++) {
        /* Not where the count of entries is looked for: it would make one of what is none. */
        if (i < used || (i % 4 != 0 && i / 4 > used / 4))
            EXPECT_BROKEN(node->key[i], node->key[i] - 1);
        if (i < used)
            EXPECT_BROKEN(node->key[i], node->key[i] + 1);
        if (i < used)
            EXPECT_BROKEN(node->gap[i], node->gap[i] + PAGE_SIZE);
        if (i < used && node->gap[i] >= PAGE_SIZE)
            EXPECT_BROKEN(node->gap[i], node->gap[i] - PAGE_SIZE);
        if (i < used && level > 1)
            expect_each_entry_matters(node->slot[i], level - 1);
    }
    EXPECT_BROKEN(node->key[0], UINTPTR_MAX);
}

static void every_entry_is_checked(void **state)
{
    /* Each key, gap and unused key of each node, and each area's borders, are compared with the rest. */
    (void)state;
    for (unsigned i = 0; i < 300; i++)
        insert(3 * i + 1, 1 + i % 2, false, i % 5 == 0);
    assert_true(vm_tree_check(&tree));
    assert_int_equal(tree.height, 3);
    expect_each_entry_matters(tree.root, tree.height);
    for (struct vm_area *area = vm_tree_at_or_after(&tree, 0); area != NULL;
         area = vm_tree_at_or_after(&tree, vm_area_claim_end(area))) {
        EXPECT_BROKEN(area->start, area->start - PAGE_SIZE);
        EXPECT_BROKEN(area->end, area->start);
        EXPECT_BROKEN(area->guard_before, true);
        if (vm_tree_at_or_after(&tree, vm_area_claim_end(area)) != NULL)
            EXPECT_BROKEN(area->end, area->end + PAGE_SIZE);
    }
    EXPECT_BROKEN(tree.count, tree.count - 1);
    EXPECT_BROKEN(tree.first, tree.first + PAGE_SIZE);
    EXPECT_BROKEN(tree.end, FIRST + 899 * PAGE_SIZE);
    assert_true(vm_tree_check(&tree));
}

static void an_empty_tree_has_nothing(void **state)
{
    /* Without a root there is neither an area nor height. */
    (void)state;
    EXPECT_BROKEN(tree.count, 1);
    EXPECT_BROKEN(tree.height, 1);
    assert_true(vm_tree_check(&tree));
}

static void places_at_the_ends(void **state)
{
    /* Gaps at both ends of the range are used to the last page, and arithmetic does not wrap. */
    struct vm_place place = { FIRST, END, PAGE_SIZE, 0, PAGE_SIZE };
    uintptr_t start = 0;

    (void)state;
    insert(1, PAGES - 2, false, false);
    assert_true(vm_tree_find_place(&tree, &place, &start));
    assert_int_equal(start, FIRST);
    place.from = FIRST + PAGE_SIZE;
    assert_true(vm_tree_find_place(&tree, &place, &start));
    assert_int_equal(start, END - PAGE_SIZE);
    place.size = 2 * PAGE_SIZE;
    assert_false(vm_tree_find_place(&tree, &place, &start));
    place = (struct vm_place){ FIRST, UINTPTR_MAX, UINTPTR_MAX / 2, PAGE_SIZE, PAGE_SIZE };
    assert_false(vm_tree_find_place(&tree, &place, &start));
    place = (struct vm_place){ FIRST, END, PAGE_SIZE, 0, UINTPTR_MAX / 2 + 1 };
    assert_false(vm_tree_find_place(&tree, &place, &start));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_tree, setup, teardown),
        cmocka_unit_test_setup_teardown(in_every_order, setup, teardown),
        cmocka_unit_test_setup_teardown(guards_belong_to_their_area, setup, teardown),
        cmocka_unit_test_setup_teardown(random_load_against_the_model, setup, teardown),
        cmocka_unit_test_setup_teardown(a_tree_shrinks_with_its_areas, setup, teardown),
        cmocka_unit_test_setup_teardown(a_broken_tree_is_noticed, setup, teardown),
        cmocka_unit_test_setup_teardown(every_entry_is_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(an_empty_tree_has_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(places_at_the_ends, setup, teardown),
    };

    return cmocka_run_group_tests_name("vm_area", tests, NULL, NULL);
}
