/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_pmm_set.c - sets of 512 bits against one byte a bit.
 */
#include "pmm_machine.h"

#include "mm/pmm_set.h"

struct pair {
    uint64_t word[SET_WORDS];
    uint8_t summary;
    bool bit[SET_BITS];
};

static void expect_equal(const struct pair *pair)
{
    for (unsigned i = 0; i < SET_BITS; i++)
        assert_int_equal(set_has(pair->word, i), pair->bit[i]);
    for (unsigned w = 0; w < SET_WORDS; w++)
        assert_int_equal(pair->summary >> w & 1, pair->word[w] != 0);
}

/* A set of the given density, in runs: short and long ones. */
static void fill(struct pair *pair, unsigned percent)
{
    memset(pair, 0, sizeof(*pair));
    for (unsigned i = 0; i < SET_BITS;) {
        unsigned length =
            1 + (unsigned)machine_random_below(machine_random_below(3) == 0 ? 150 : 6);
        bool value = machine_random_below(100) < percent;

        for (; length > 0 && i < SET_BITS; length--, i++)
            if (value) {
                pair->bit[i] = true;
                set_add(pair->word, &pair->summary, i);
            }
    }
}

static bool run_is_set(const struct pair *pair, unsigned first, unsigned count)
{
    for (unsigned i = first; i < first + count; i++)
        if (i >= SET_BITS || !pair->bit[i])
            return false;
    return true;
}

static unsigned slow_first_run(const struct pair *pair, unsigned order, unsigned end)
{
    for (unsigned first = 0; first + (1u << order) <= end; first += 1u << order)
        if (run_is_set(pair, first, 1u << order))
            return first;
    return SET_NONE;
}

static unsigned slow_last_run(const struct pair *pair, unsigned order, unsigned end)
{
    unsigned found = SET_NONE;

    for (unsigned first = 0; first + (1u << order) <= end; first += 1u << order)
        if (run_is_set(pair, first, 1u << order))
            found = first;
    return found;
}

static void ranges(void **state)
{
    /* Adding and removing ranges changes these bits and no others, and keeps the summary true. */
    struct pair pair;

    (void)state;
    for (unsigned round = 0; round < 2000; round++) {
        unsigned first = (unsigned)machine_random_below(SET_BITS);
        unsigned count = 1 + (unsigned)machine_random_below(SET_BITS - first);
        bool adding = machine_random_below(2) == 0;

        fill(&pair, 50);
        assert_int_equal(set_has_range(pair.word, first, count), run_is_set(&pair, first, count));
        for (unsigned i = first; i < first + count; i++)
            pair.bit[i] = adding;
        if (adding)
            set_add_range(pair.word, &pair.summary, first, count);
        else
            set_remove_range(pair.word, &pair.summary, first, count);
        expect_equal(&pair);
        assert_int_equal(set_has_range(pair.word, first, count), adding);
        set_remove(pair.word, &pair.summary, first);
        pair.bit[first] = false;
        expect_equal(&pair);
    }
}

static void single_bits(void **state)
{
    /* The first and the last bit beyond a place are what a look at every bit finds. */
    struct pair pair;

    (void)state;
    for (unsigned round = 0; round < 300; round++) {
        fill(&pair, (unsigned)machine_random_below(101));
        assert_int_equal(set_first(pair.word, pair.summary), slow_first_run(&pair, 0, SET_BITS));
        for (unsigned place = 0; place <= SET_BITS; place++) {
            unsigned from = place;

            while (from < SET_BITS && !pair.bit[from])
                from++;
            assert_int_equal(set_first_from(pair.word, pair.summary, place), from);
            assert_int_equal(set_last_below(pair.word, pair.summary, place),
                             slow_last_run(&pair, 0, place));
        }
    }
}

static void aligned_runs(void **state)
{
    /* Runs of each order are found where a look at every place finds them, under every limit. */
    struct pair pair;

    (void)state;
    for (unsigned round = 0; round < 3000; round++) {
        unsigned order = (unsigned)machine_random_below(SET_ORDER + 1);
        unsigned end =
            machine_random_below(2) == 0 ? SET_BITS : (unsigned)machine_random_below(SET_BITS + 1);
        unsigned bit = (unsigned)machine_random_below(SET_BITS);
        unsigned base = bit & ~((1u << order) - 1);

        fill(&pair, 50 + (unsigned)machine_random_below(51));
        assert_int_equal(set_first_run(pair.word, pair.summary, order, end),
                         slow_first_run(&pair, order, end));
        assert_int_equal(set_last_run(pair.word, pair.summary, order, end),
                         slow_last_run(&pair, order, end));
        assert_int_equal(set_has_run(pair.word, bit, order), run_is_set(&pair, base, 1u << order));
    }
}

static void hints_of_words(void **state)
{
    /* A word that completes a larger run than is known says so, for each order. */
    struct pair pair;

    (void)state;
    for (unsigned round = 0; round < 5000; round++) {
        unsigned bit = (unsigned)machine_random_below(SET_BITS);

        fill(&pair, 50 + (unsigned)machine_random_below(51));
        for (unsigned order = 0; order <= SET_ORDER; order++) {
            unsigned next = order < SET_WORD_ORDER ? order + 1 : SET_WORD_ORDER;
            unsigned base = bit & ~((1u << next) - 1);

            assert_int_equal(set_word_beats(pair.word[bit / 64], bit, order),
                             run_is_set(&pair, base, 1u << next));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges),
        cmocka_unit_test(single_bits),
        cmocka_unit_test(aligned_runs),
        cmocka_unit_test(hints_of_words),
    };

    machine_random_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
