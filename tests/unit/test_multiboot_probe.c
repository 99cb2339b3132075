/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_multiboot_probe.c - memory that a table tells of and a machine does not have is found.
 *
 * The machine is a list of ranges that answer. It counts how often it was asked, and fails when it
 * is asked for a page that no row of free memory has.
 */
#include "memmap_fixture.h"

#include "boot/multiboot.h"
#include "host_log.h"
#include "lib/bits.h"

#define ROWS     64u
#define CHANGES  64u
#define RANGES   4u
#define ASKS_MAX 400u /* of a range: 16 places at each of 13 densities, and then some */

static struct {
    struct region rows[ROWS];
    struct handoff_change changes[CHANGES];
    struct memmap map;
    struct {
        uint64_t start, end;
    } ram[RANGES];
    size_t ram_count;
    unsigned asked;
} machine;

static int setup(void **state)
{
    (void)state;
    memset(&machine, 0, sizeof(machine));
    memmap_init(&machine.map, machine.rows, ROWS, machine.changes, CHANGES, (uint64_t)1 << 40);
    host_log_clear();
    return 0;
}

static void tell(uint64_t start, uint64_t end, enum e820_type type)
{
    assert_int_equal(memmap_add_e820(&machine.map, start, end - start, type), STATUS_OK);
}

static void have(uint64_t start, uint64_t end)
{
    machine.ram[machine.ram_count].start = start;
    machine.ram[machine.ram_count++].end = end;
}

static bool answers(uint64_t page)
{
    const struct region *row = memmap_find(&machine.map, pa(page));

    machine.asked++;
    assert_true(is_aligned(page, PAGE_SIZE));
    assert_true(row != NULL && region_is_free(row));
    for (size_t i = 0; i < machine.ram_count; i++)
        if (machine.ram[i].start <= page && page < machine.ram[i].end)
            return true;
    return false;
}

static uint64_t free_bytes(void)
{
    struct memmap_totals totals;

    memmap_total(&machine.map, &totals);
    return totals.free;
}

static void probe_all(void)
{
    size_t bad_row;

    assert_int_equal(multiboot_probe(&machine.map, 0, UINT64_MAX, answers), STATUS_OK);
    assert_int_equal(memmap_validate(&machine.map, &bad_row), STATUS_OK);
}

static void true_tables_stay(void **state)
{
    /* A table that tells the truth is not changed, and a range costs a few questions whatever its size. */
    (void)state;
    tell(0, 640 * KiB, E820_USABLE);
    tell(MiB, GiB, E820_USABLE);
    tell(4 * GiB, 512 * GiB, E820_USABLE);
    tell(GiB, 2 * GiB, E820_RESERVED);
    tell(0x100000000u - 0x2000, 0x100000000u - 0x1000, E820_USABLE);
    assert_int_equal(memmap_sanitise(&machine.map), STATUS_OK);
    have(0, GiB);
    have(0x100000000u - 0x2000, 512 * GiB);
    machine.map.change_count = 0;
    probe_all();
    assert_int_equal(machine.map.change_count, 0);
    assert_true(machine.asked <= 5 * 18);
    assert_int_equal(host_log_count(LOG_WARNING), 0);
}

static void the_end_is_found(void **state)
{
    /* Of a range that is told to be larger than it is, exactly what does not answer is taken out. */
    uint64_t seed = 7;

    for (unsigned round = 0; round < 2000; round++) {
        uint64_t told = (random_below(&seed, 1u << (round % 24)) + 1) * PAGE_SIZE;
        uint64_t there = random_below(&seed, told / PAGE_SIZE + 1) * PAGE_SIZE;
        const struct region *beyond;

        setup(state);
        tell(MiB, MiB + told, E820_USABLE);
        assert_int_equal(memmap_sanitise(&machine.map), STATUS_OK);
        have(MiB, MiB + there);
        probe_all();
        assert_int_equal(free_bytes(), there);
        assert_true(machine.asked <= ASKS_MAX);
        beyond = memmap_find(&machine.map, pa(MiB + there));
        assert_int_equal(beyond == NULL, there == told);
        assert_true(beyond == NULL || (beyond->type == E820_RESERVED && !region_is_ram(beyond)));
        assert_int_equal(host_log_contains("does not answer"), there != told);
    }
}

static void what_has_an_owner_is_not_asked(void **state)
{
    /* The kernel's own image and modules are not written to, and what lies behind them is asked. */
    (void)state;
    tell(MiB, 64 * MiB, E820_USABLE);
    assert_int_equal(memmap_sanitise(&machine.map), STATUS_OK);
    assert_int_equal(memmap_carve(&machine.map, 2 * MiB, MiB, 0, REGION_TAG_KERNEL, MEMMAP_CARVED),
                     STATUS_OK);
    have(MiB, 32 * MiB);
    probe_all();
    assert_int_equal(free_bytes(), 30 * MiB);
}

static void only_the_window_is_asked(void **state)
{
    /* A range that crosses the end of the window is asked up to there; when it does not answer, all
     * that lies behind goes with it, and when it does, the rest waits for the next window. */
    (void)state;
    tell(MiB, 8 * GiB, E820_USABLE);
    assert_int_equal(memmap_sanitise(&machine.map), STATUS_OK);
    have(MiB, 6 * GiB);
    assert_int_equal(multiboot_probe(&machine.map, 0, 4 * GiB, answers), STATUS_OK);
    assert_int_equal(free_bytes(), 8 * GiB - MiB);
    assert_int_equal(multiboot_probe(&machine.map, 4 * GiB, UINT64_MAX, answers), STATUS_OK);
    assert_int_equal(free_bytes(), 6 * GiB - MiB);
    machine.ram[0].end = 3 * GiB;
    assert_int_equal(multiboot_probe(&machine.map, 0, 4 * GiB, answers), STATUS_OK);
    assert_int_equal(free_bytes(), 3 * GiB - MiB);
}

static void no_room(void **state)
{
    /* A table without room for one more row says so, and is as it was. */
    (void)state;
    tell(MiB, 8 * MiB, E820_USABLE);
    assert_int_equal(memmap_sanitise(&machine.map), STATUS_OK);
    machine.map.capacity = machine.map.count;
    have(MiB, 2 * MiB);
    assert_int_equal(multiboot_probe(&machine.map, 0, UINT64_MAX, answers), STATUS_NO_SPACE);
    assert_int_equal(free_bytes(), 7 * MiB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(true_tables_stay, setup),
        cmocka_unit_test(the_end_is_found),
        cmocka_unit_test_setup(what_has_an_owner_is_not_asked, setup),
        cmocka_unit_test_setup(only_the_window_is_asked, setup),
        cmocka_unit_test_setup(no_room, setup),
    };

    return cmocka_run_group_tests_name("multiboot_probe", tests, NULL, NULL);
}
