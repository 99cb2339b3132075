/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_bump.c - the bump allocator gives out free memory once, and knows what it gave.
 */
#include "pmm_machine.h"

#define RANGES_MAX 64u

struct range {
    uint64_t base;
    uint64_t end;
};

static struct range used[RANGES_MAX];
static size_t used_count;

static void note(void *context, paddr_t base, uint64_t size_bytes)
{
    (void)context;
    assert_true(used_count < RANGES_MAX);
    used[used_count++] = (struct range){ pa_value(base), pa_value(base) + size_bytes };
}

/* What was given out, checked: ascending, disjoint, whole pages, not empty. */
static void read_used(void)
{
    used_count = 0;
    bump_used(note, NULL);
    for (size_t i = 0; i < used_count; i++) {
        assert_true(is_aligned(used[i].base | used[i].end, PAGE_SIZE));
        assert_true(used[i].base < used[i].end);
        assert_true(i == 0 || used[i - 1].end <= used[i].base);
    }
}

static bool is_used(uint64_t base, uint64_t end)
{
    for (size_t i = 0; i < used_count; i++)
        if (base >= used[i].base && end <= used[i].end)
            return true;
    return false;
}

static uint64_t used_bytes(void)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < used_count; i++)
        bytes += used[i].end - used[i].base;
    return bytes;
}

static bool lies_in_free_row(uint64_t base, uint64_t end)
{
    for (size_t i = 0; i < machine_map.count; i++) {
        const struct region *row = &machine_map.regions[i];

        if (region_is_free(row) && base >= row->base && end <= row->base + row->size_bytes)
            return true;
    }
    return false;
}

static const struct machine_piece pieces[] = {
    FREE_MEMORY(PAGE_SIZE, 0x9f000), /* free by mistake: below 1 MiB all the same */
    FREE_MEMORY(MiB, 5 * MiB),
    OTHER_MEMORY(5 * MiB, 6 * MiB, E820_ACPI_NVS),
    FREE_MEMORY(6 * MiB, 7 * MiB),
    HELD_MEMORY(7 * MiB, 8 * MiB, REGION_TAG_ARENA),
    HELD_MEMORY(8 * MiB, 9 * MiB, REGION_TAG_KERNEL),
    FREE_MEMORY(4 * GiB - 2 * MiB, 4 * GiB + 2 * MiB),
    FREE_MEMORY(5 * GiB, 5 * GiB + MiB),
};

static void start(void)
{
    machine_start(pieces, ARRAY_COUNT(pieces));
}

static paddr_t take(uint64_t size_bytes, uint64_t alignment)
{
    paddr_t base = pa(0);

    assert_ok(bump_alloc(size_bytes, alignment, &base));
    assert_true(is_aligned(pa_value(base), alignment));
    return base;
}

static void nothing_at_first(void **state)
{
    /* Before the first allocation nothing is used. */
    (void)state;
    start();
    read_used();
    assert_int_equal(used_count, 0);
}

static void order_of_preference(void **state)
{
    /* The arena goes first, then memory below 4 GiB from the top down, then memory above. */
    (void)state;
    start();
    bump_init(&machine_map, pa(7 * MiB), MiB);
    assert_int_equal(pa_value(take(MiB, PAGE_SIZE)), 7 * MiB);
    assert_int_equal(pa_value(take(MiB, PAGE_SIZE)), 4 * GiB - MiB);
    assert_int_equal(pa_value(take(3 * MiB / 2, PAGE_SIZE)), 5 * MiB - 3 * MiB / 2);
    assert_int_equal(pa_value(take(MiB, PAGE_SIZE)), 4 * GiB - 2 * MiB);
    assert_int_equal(pa_value(take(2 * MiB, PAGE_SIZE)), 3 * MiB - MiB / 2 - MiB);
    assert_int_equal(pa_value(take(2 * MiB, PAGE_SIZE)), 4 * GiB);
    read_used();
    assert_int_equal(used_bytes(), 17 * MiB / 2);
}

static void small_holes_are_not_forgotten(void **state)
{
    /* A request that does not fit somewhere does not keep smaller ones from that place. */
    (void)state;
    start();
    take(3 * MiB, PAGE_SIZE);
    assert_int_equal(pa_value(take(MiB, PAGE_SIZE)), 4 * GiB - MiB);
    assert_int_equal(pa_value(take(MiB, PAGE_SIZE)), 4 * GiB - 2 * MiB);
    assert_int_equal(pa_value(take(MiB, PAGE_SIZE)), 6 * MiB);
}

static void random_requests(void **state)
{
    /* Whatever is asked for, results are aligned, disjoint, inside free memory from 1 MiB up, and
     * covered by the used ranges, which cover little more. */
    static struct range given[4096];
    uint64_t asked = 0;
    size_t count = 0;

    (void)state;
    start();
    while (count < ARRAY_COUNT(given)) {
        uint64_t size = 1 + machine_random_below(machine_random_below(4) == 0 ? 200 * KiB : 600);
        uint64_t alignment = (uint64_t)1 << machine_random_below(14);
        paddr_t base;

        if (bump_alloc(size, alignment, &base) != STATUS_OK)
            break;
        assert_true(is_aligned(pa_value(base), alignment));
        assert_true(pa_value(base) >= MiB);
        assert_true(lies_in_free_row(pa_value(base), pa_value(base) + size));
        for (size_t i = 0; i < count; i++)
            assert_true(pa_value(base) + size <= given[i].base || pa_value(base) >= given[i].end);
        given[count++] = (struct range){ pa_value(base), pa_value(base) + size };
        asked += size + alignment;
    }
    assert_true(count > 100);
    read_used();
    for (size_t i = 0; i < count; i++)
        assert_true(is_used(given[i].base, given[i].end));
    assert_true(used_bytes() <= asked + used_count * PAGE_SIZE);
}

static void to_the_last_byte(void **state)
{
    /* All free memory from 1 MiB up can be had, to the page, and not a page more. */
    paddr_t base;

    (void)state;
    start();
    for (unsigned i = 0; i < (4 + 1 + 4 + 1) * MiB / PAGE_SIZE; i++)
        take(PAGE_SIZE, PAGE_SIZE);
    assert_int_equal(bump_alloc(1, 1, &base), STATUS_NO_MEMORY);
    read_used();
    assert_int_equal(used_bytes(), 10 * MiB);
}

static void bad_requests(void **state)
{
    /* Absurd requests are refused, and change nothing. */
    paddr_t base = pa(42);

    (void)state;
    start();
    assert_int_equal(bump_alloc(0, 1, &base), STATUS_INVALID);
    assert_int_equal(bump_alloc(1, 0, &base), STATUS_INVALID);
    assert_int_equal(bump_alloc(1, 3, &base), STATUS_INVALID);
    assert_int_equal(bump_alloc(UINT64_MAX, 1, &base), STATUS_NO_MEMORY);
    assert_int_equal(bump_alloc(1, UINT64_C(1) << 63, &base), STATUS_NO_MEMORY);
    assert_int_equal(bump_alloc(4 * GiB, 1, &base), STATUS_NO_MEMORY);
    assert_int_equal(pa_value(base), 42);
    read_used();
    assert_int_equal(used_count, 0);
}

static void bad_arenas(void **state)
{
    /* An arena that is not whole pages, wraps, or lies in free memory is left alone, with a warning. */
    static const struct range arenas[] = {
        { 7 * MiB + 1, MiB },
        { 7 * MiB, MiB - 5 },
        { UINT64_MAX & ~PAGE_MASK, MiB },
        { 6 * MiB, MiB },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(arenas); i++) {
        start();
        bump_init(&machine_map, pa(arenas[i].base), arenas[i].end);
        assert_int_equal(host_log_count(LOG_WARNING), 1);
        assert_true(host_log_contains("arena"));
        assert_int_equal(pa_value(take(MiB, PAGE_SIZE)), 4 * GiB - MiB);
        read_used();
        assert_int_equal(used_bytes(), MiB);
    }
}

static void closed(void **state)
{
    /* After the PMM has taken over nothing is given out, and what was given is still known. */
    paddr_t base = pa(42);

    (void)state;
    start();
    take(100, 1);
    bump_close();
    assert_int_equal(bump_alloc(1, 1, &base), STATUS_DENIED);
    assert_int_equal(pa_value(base), 42);
    read_used();
    assert_int_equal(used_bytes(), PAGE_SIZE);
}

static void many_pieces(void **state)
{
    /* With more pieces of memory than the table of ranges has rows, each range is still noted. */
    static struct machine_piece many[100];

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(many); i++)
        many[i] = (struct machine_piece)FREE_MEMORY(MiB + 2 * i * PAGE_SIZE,
                                                    MiB + (2 * i + 1) * PAGE_SIZE);
    machine_start(many, ARRAY_COUNT(many));
    for (size_t i = 0; i < BUMP_MAX_RANGES - 1; i++)
        take(PAGE_SIZE, 1);
    for (size_t i = 0; i < 10; i++) {
        paddr_t base;

        assert_int_equal(bump_alloc(1, 1, &base), STATUS_NO_MEMORY);
    }
    read_used();
    assert_int_equal(used_count, BUMP_MAX_RANGES - 1);
    assert_int_equal(used_bytes(), (BUMP_MAX_RANGES - 1) * PAGE_SIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_at_first),
        cmocka_unit_test(order_of_preference),
        cmocka_unit_test(small_holes_are_not_forgotten),
        cmocka_unit_test(random_requests),
        cmocka_unit_test(to_the_last_byte),
        cmocka_unit_test(bad_requests),
        cmocka_unit_test(bad_arenas),
        cmocka_unit_test(closed),
        cmocka_unit_test(many_pieces),
    };

    return cmocka_run_group_tests(tests, NULL, machine_stop);
}
