/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_pmm_check.c - the frame allocator's own checker finds each damage to its records, and names it.
 *
 * The records are spoiled from outside, one at a time, and put back.
 */
#include "pmm_machine.h"

#include "damage.h"
#include "mm/pmm_private.h"

static struct pmm_area *area;
static unsigned block; /* of the area: some frames taken, some free */
static pfn_t taken[3];

static int setup(void **state)
{
    (void)state;
    machine_boot_plain();
    for (size_t i = 0; i < ARRAY_COUNT(taken); i++) {
        const struct pmm_request request = { .count_frames = 3, .tag = FRAME_TEST };

        assert_ok(pmm_alloc_run(&request, &taken[i]));
    }
    pmm_drain();
    area = area_of(pfn_value(taken[0]));
    block = area_place(pfn_value(taken[0])) / BLOCK_FRAMES;
    assert_int_equal(block_use(area, block), USE_FRAMES);
    assert_true(area->blocks[block].free > 0);
    return 0;
}

static int teardown(void **state)
{
    assert_ok(pmm_check());
    return machine_stop(state);
}

#define EXPECT_DAMAGE(place, value, what) EXPECT_DAMAGE_BY(pmm_check, place, value, what)

/* A free frame of the block, as an index into the area. */
static unsigned free_place(void)
{
    unsigned place = block * BLOCK_FRAMES;

    while (!set_has(area->lines[block].word, place % BLOCK_FRAMES))
        place++;
    return place;
}

static void damage_to_a_block_is_found(void **state)
{
    /* A block's count, summary, records and bound are compared with its line of bits. */
    struct pmm_block *self = &area->blocks[block];
    unsigned place = free_place();

    (void)state;
    EXPECT_DAMAGE(self->free, self->free - 1, "count of free frames");
    EXPECT_DAMAGE(self->words, self->words ^ 1, "summary");
    EXPECT_DAMAGE(area->records[place], record_make(FRAME_TEST, false), "record of a free frame");
    EXPECT_DAMAGE(area->partial[0][block / 64],
                  area->partial[0][block / 64] ^ (uint64_t)1 << block % 64,
                  "filing as partly free");
    EXPECT_DAMAGE(area->whole[block / 64], area->whole[block / 64] ^ (uint64_t)1 << block % 64,
                  "filing as wholly free");
}

static void damage_to_an_area_is_found(void **state)
{
    /* An area's sums, and the orders under which it is announced, are compared with its blocks. */
    (void)state;
    EXPECT_DAMAGE(area->loose_frames, area->loose_frames + 1, "loose free frames");
    EXPECT_DAMAGE(area->whole_count, area->whole_count - 1, "whole blocks");
    EXPECT_DAMAGE(area->announced, 0, "orders to be had");
}

static void sites_need_memory(void **state)
{
    /* Without room for the tables of sites nothing is noted, and allocation goes on as before. */
    const struct pmm_request large = { .count_frames = BLOCK_FRAMES, .tag = FRAME_TEST };
    pfn_t run = pfn(0);
    pfn_t first;

    (void)state;
    while (pmm_alloc_run(&large, &first) == STATUS_OK)
        run = first;
    assert_int_equal(pmm_record_sites(), STATUS_NO_MEMORY);
    assert_null(frame_site(run));
    assert_ok(pmm_free_run(run, BLOCK_FRAMES));
    assert_ok(pmm_alloc_frame(FRAME_TEST, &first));
    assert_null(frame_site(first));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(damage_to_a_block_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(damage_to_an_area_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(sites_need_memory, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
