/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_pmm_index.c - the index of areas answers what an array of booleans answers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "mm/pmm_private.h"

#define AREAS   2500u
#define LEAVES  ((AREAS + FLAG_BITS - 1) / FLAG_BITS)
#define TOPS    ((LEAVES + FLAG_BITS - 1) / FLAG_BITS)
#define GARBAGE 0xa5
#define INDICES 4u /* the first ones are played with */

static uint32_t leaves[INDEX_COUNT * LEAVES];
static uint32_t tops[INDEX_COUNT * TOPS];
static bool model[INDEX_COUNT][AREAS];
static uint64_t random_state;

static uintptr_t random_below(uintptr_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uintptr_t)(random_state >> 16) % limit;
}

/* An empty index; leaves are not to be read before they are written. */
static int set_up(void **state)
{
    (void)state;
    random_state = 0x2545f4914f6cdd1d;
    memset(leaves, GARBAGE, sizeof(leaves));
    memset(tops, 0, sizeof(tops));
    memset(model, 0, sizeof(model));
    pmm_state.index_leaves = leaves;
    pmm_state.index_tops = tops;
    pmm_state.leaf_words = LEAVES;
    pmm_state.top_words = TOPS;
    return 0;
}

static void change(unsigned index, uintptr_t area, bool in)
{
    (in ? index_add : index_remove)((enum pmm_index)index, area);
    model[index][area] = in;
}

static bool suits(unsigned wanted, const enum pmm_index *avoided, uintptr_t area)
{
    bool found = model[wanted][area];

    for (; *avoided != INDEX_COUNT; avoided++)
        found = found && !model[*avoided][area];
    return found;
}

static void expect_answers(unsigned wanted, const enum pmm_index *avoided, uintptr_t from,
                           uintptr_t end)
{
    uintptr_t first = NO_FRAME, last = NO_FRAME;

    for (uintptr_t area = from; area < end; area++) {
        if (!suits(wanted, avoided, area))
            continue;
        last = area;
        if (first == NO_FRAME)
            first = area;
    }
    assert_int_equal(index_first((enum pmm_index)wanted, avoided, from, end), first);
    assert_int_equal(index_last((enum pmm_index)wanted, avoided, from, end), last);
}

/* Up to three others to avoid, in any order. */
static void expect_some_answers(void)
{
    enum pmm_index avoided[INDICES];
    unsigned wanted = (unsigned)random_below(INDICES);
    unsigned count = (unsigned)random_below(INDICES);
    uintptr_t from = random_below(AREAS), end = random_below(AREAS + 1);

    for (unsigned i = 0; i < count; i++)
        avoided[i] = (enum pmm_index)((wanted + 1 + (i + from) % (INDICES - 1)) % INDICES);
    avoided[count] = INDEX_COUNT;
    expect_answers(wanted, avoided, from, end);
    expect_answers(wanted, avoided, from, min_frame(from + random_below(70), AREAS));
}

static void any_changes_and_questions(void **state)
{
    /* After any changes, few or many areas in, the first and the last area of any stretch that is in one index
     * and in none of some others is found. */
    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        bool filling = i / 5000 % 2 == 0;
        unsigned index = (unsigned)random_below(INDICES);
        uintptr_t area = random_below(AREAS);

        change(index, area, random_below(8) != 0 ? filling : !filling);
        assert_int_equal(index_has((enum pmm_index)index, area), model[index][area]);
        if (i % 8 == 0)
            expect_some_answers();
    }
    for (unsigned index = 0; index < INDICES; index++)
        for (uintptr_t area = 0; area < AREAS; area++)
            assert_int_equal(index_has((enum pmm_index)index, area), model[index][area]);
}

static void single_areas(void **state)
{
    /* One area alone is found from both sides, wherever it is, and is gone when it is taken out. */
    static const enum pmm_index none[] = { INDEX_COUNT };

    (void)state;
    for (uintptr_t area = 0; area < AREAS; area++) {
        change(1, area, true);
        expect_answers(1, none, 0, AREAS);
        expect_answers(1, none, area, area + 1);
        expect_answers(1, none, 0, area);
        expect_answers(1, none, area + 1, AREAS);
        change(1, area, false);
        assert_int_equal(index_first((enum pmm_index)1, none, 0, AREAS), NO_FRAME);
        assert_int_equal(index_last((enum pmm_index)1, none, 0, AREAS), NO_FRAME);
    }
}

static void ranges(void **state)
{
    /* A range that is added is there from its first area to its last, and adds to what was there. */
    (void)state;
    for (unsigned i = 0; i < 200; i++) {
        uintptr_t first = random_below(AREAS);
        uintptr_t end = min_frame(first + random_below(100), AREAS);

        if (i % 20 == 0)
            (void)set_up(state);
        random_state += i;
        index_add_range((enum pmm_index)2, first, end);
        for (uintptr_t area = first; area < end; area++)
            model[2][area] = true;
        for (uintptr_t area = 0; area < AREAS; area++)
            assert_int_equal(index_has((enum pmm_index)2, area), model[2][area]);
        expect_some_answers();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(any_changes_and_questions, set_up),
        cmocka_unit_test_setup(single_areas, set_up),
        cmocka_unit_test_setup(ranges, set_up),
    };

    return cmocka_run_group_tests_name("pmm_index", tests, NULL, NULL);
}
