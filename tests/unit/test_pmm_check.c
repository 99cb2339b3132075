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

/* The largest order of a free run in the block. */
static unsigned largest_order(void)
{
    unsigned order = PARTIAL_ORDERS - 1;

    while (set_first_run(area->lines[block].word, area->blocks[block].words, order, BLOCK_FRAMES) ==
           SET_NONE)
        order--;
    return order;
}

static void a_bound_that_is_too_low_is_found(void **state)
{
    /* A block that is filed as if it had no run of an order that it has is found, for each order. */
    struct pmm_block *self = &area->blocks[block];
    struct pmm_block before = *self;
    uint64_t rows[PARTIAL_ORDERS];
    uint64_t bit = (uint64_t)1 << block % 64;

    (void)state;
    for (unsigned order = 0; order < PARTIAL_ORDERS; order++)
        rows[order] = area->partial[order][block / 64];
    for (unsigned bound = 0; bound < largest_order(); bound++) {
        self->bound = (uint8_t)bound;
        for (unsigned order = 0; order < PARTIAL_ORDERS; order++)
            area->partial[order][block / 64] =
                order <= bound ? rows[order] | bit : rows[order] & ~bit;
        expect_corrupt(pmm_check, "order of the largest run");
    }
    for (unsigned order = 0; order < PARTIAL_ORDERS; order++)
        area->partial[order][block / 64] = rows[order];
    *self = before;
}

static void every_bit_of_a_block_matters(void **state)
{
    /* Any frame's bit and record, each order's filing, and the block's use; and the report has its address. */
    char place[64];

    (void)state;
    for (unsigned frame = 0; frame < BLOCK_FRAMES; frame += 7) {
        uint64_t *word = &area->lines[block].word[frame / 64];
        uint16_t *record = &area->records[block * BLOCK_FRAMES + frame];

        EXPECT_DAMAGE(*word, *word ^ (uint64_t)1 << frame % 64, "count of free frames");
        if (set_has(area->lines[block].word, frame))
            EXPECT_DAMAGE(*record, 1, "record of a free frame");
    }
    for (unsigned order = 0; order < PARTIAL_ORDERS; order++)
        EXPECT_DAMAGE(area->partial[order][block / 64],
                      area->partial[order][block / 64] ^ (uint64_t)1 << block % 64,
                      "filing as partly free");
    EXPECT_DAMAGE(area->uses[block], USE_WHOLE, "filing as");
    EXPECT_DAMAGE(area->uses[block], USE_CACHED, "filing as");
    snprintf(place, sizeof(place), "block at 0x%llx: summary",
             (unsigned long long)(area->first + block * BLOCK_FRAMES) * PAGE_SIZE);
    for (unsigned word = 0; word < SET_WORDS; word++)
        EXPECT_DAMAGE(area->blocks[block].words, area->blocks[block].words ^ 1u << word, place);
}

static void records_of_blocks_that_are_one_are_found(void **state)
{
    /* A block that is free or used as one has no records, once it was touched. */
    static pfn_t frames[BLOCK_FRAMES];
    struct pmm_area *other;
    unsigned first;
    pfn_t huge;

    (void)state;
    assert_ok(pmm_alloc(PMM_ORDER_2M, FRAME_TEST, &huge));
    for (unsigned i = 0; i < BLOCK_FRAMES; i++)
        frames[i] = pfn_add(huge, i);
    assert_int_equal(pmm_free_bulk(frames, BLOCK_FRAMES), BLOCK_FRAMES);
    pmm_drain();
    other = area_of(pfn_value(huge));
    first = area_place(pfn_value(huge));
    assert_int_equal(block_use(other, first / BLOCK_FRAMES), USE_WHOLE);
    for (unsigned frame = 0; frame < BLOCK_FRAMES; frame += 7)
        EXPECT_DAMAGE(other->records[first + frame], 1, "record in a block that is one");
    EXPECT_DAMAGE(other->uses[first / BLOCK_FRAMES], USE_FRAMES, "filing as");
}

static void what_is_not_announced_is_found(void **state)
{
    /* Each order that an area has must be announced, and stand in the index, or it would not be found. */
    uintptr_t number = area->first >> AREA_ORDER;

    (void)state;
    for (unsigned order = 0; order < ORDER_COUNT; order++) {
        enum pmm_index index = (enum pmm_index)(INDEX_ORDER_0 + order);

        if ((area->announced >> order & 1) != 0) {
            index_remove(index, number);
            expect_corrupt(pmm_check, "index of its area");
            index_add(index, number);
        } else {
            index_add(index, number);
            expect_corrupt(pmm_check, "index of its area");
            index_remove(index, number);
        }
    }
    for (unsigned order = 0; order < PMM_MAX_ORDER; order++)
        EXPECT_DAMAGE(area->announced, area->announced & ~(1u << order), "orders to be had");
    for (int change = -1; change <= 1; change += 2) {
        EXPECT_DAMAGE(area->loose_frames, (int)area->loose_frames + change, "loose free frames");
        EXPECT_DAMAGE(area->whole_count, area->whole_count + change, "whole blocks");
    }
}

/* --- blocks of 2 MiB in any order ----------------------------------------------------------------- */

#define BLOCKS_MOST 1024u

/* The i-th of `count` in one of four orders; `count` is a multiple of 2. */
static size_t in_order(unsigned order, size_t i, size_t count)
{
    switch (order) {
    case 0:
        return i;
    case 1:
        return count - 1 - i;
    case 2:
        return i % 2 * (count / 2) + i / 2;
    default:
        return i < count / 2 ? 2 * i : 2 * (i - count / 2) + 1;
    }
}

static void blocks_come_and_go_in_any_order(void **state)
{
    /* Whatever order blocks are freed in, all that is there is announced after each, and runs join up to the
     * largest that there was. */
    static pfn_t blocks[BLOCKS_MOST];
    struct pmm_stats before, after;

    (void)state;
    pmm_get_stats(&before);
    for (unsigned order = 0; order < 4; order++) {
        size_t count = 0;

        while (count < BLOCKS_MOST &&
               pmm_alloc(PMM_ORDER_2M, FRAME_TEST, &blocks[count]) == STATUS_OK)
            count++;
        count &= ~(size_t)1;
        for (size_t i = 0; i < count; i++) {
            assert_ok(pmm_free(blocks[in_order(order, i, count)], PMM_ORDER_2M));
            if (i % 64 == 0 || i < 32)
                assert_ok(pmm_check());
        }
        pmm_drain();
        assert_ok(pmm_check());
        pmm_get_stats(&after);
        assert_int_equal(after.largest_free_order, before.largest_free_order);
    }
}

static void frames_that_are_free_already(void **state)
{
    /* Frames that two processors free at once are free once: the second is reported, with its address. */
    pfn_t frames[3];
    uint64_t before = machine_free_frames();
    struct pmm_stats stats;
    char words[64];

    (void)state;
    for (unsigned place = free_place(), count = 0; count < ARRAY_COUNT(frames); place++)
        if (set_has(area->lines[block].word, place % BLOCK_FRAMES))
            frames[count++] = pfn(area->first + place);
    host_log_clear();
    pmm_give_frames(frames, ARRAY_COUNT(frames));
    assert_int_equal(host_log_count(LOG_ERROR), ARRAY_COUNT(frames));
    for (size_t i = 0; i < ARRAY_COUNT(frames); i++) {
        snprintf(words, sizeof(words), "frame 0x%llx was freed by two processors at once",
                 (unsigned long long)pfn_value(frames[i]) * PAGE_SIZE);
        assert_true(host_log_contains(words));
    }
    pmm_get_stats(&stats);
    assert_int_equal(stats.bad_frees, ARRAY_COUNT(frames));
    assert_int_equal(machine_free_frames(), before);
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
        cmocka_unit_test_setup_teardown(a_bound_that_is_too_low_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(every_bit_of_a_block_matters, setup, teardown),
        cmocka_unit_test_setup_teardown(records_of_blocks_that_are_one_are_found, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_announced_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(blocks_come_and_go_in_any_order, setup, teardown),
        cmocka_unit_test_setup_teardown(frames_that_are_free_already, setup, teardown),
        cmocka_unit_test_setup_teardown(sites_need_memory, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
