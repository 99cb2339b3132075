/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_pmm.c - the frame allocator on machines of all shapes: what it manages, what that costs.
 */
#include "pmm_machine.h"

#include <unistd.h>

#define AREA_FRAMES (GiB >> PAGE_SHIFT)

static int setup_plain(void **state)
{
    (void)state;
    machine_boot_plain();
    return 0;
}

static uint64_t pages(uint64_t bytes)
{
    return bytes >> PAGE_SHIFT;
}

static void add_bytes(void *context, paddr_t base, uint64_t size_bytes)
{
    (void)base;
    *(uint64_t *)context += size_bytes;
}

/* Frames that the bump allocator gave out. */
static uint64_t bump_frames(void)
{
    uint64_t bytes = 0;

    bump_used(add_bytes, &bytes);
    return pages(bytes);
}

/* --- accounts ---------------------------------------------------------------------------- */

static void accounts(void **state)
{
    /* free + used + reserved is what the table describes, each row on the side where it belongs. */
    static const struct machine_piece pieces[] = {
        OTHER_MEMORY(0, PAGE_SIZE, E820_RESERVED),
        HELD_MEMORY(PAGE_SIZE, 9 * PAGE_SIZE, REGION_TAG_TRAMPOLINE),
        LOW_MEMORY(9 * PAGE_SIZE, 0x9f000),
        OTHER_MEMORY(0xf0000, MiB, E820_RESERVED),
        FREE_MEMORY(MiB, 20 * MiB),
        HELD_MEMORY(20 * MiB, 22 * MiB, REGION_TAG_KERNEL),
        HELD_MEMORY(22 * MiB, 23 * MiB, REGION_TAG_PAGE_TABLES),
        HELD_MEMORY(23 * MiB, 24 * MiB, REGION_TAG_STACK),
        HELD_MEMORY(24 * MiB, 25 * MiB, REGION_TAG_HANDOFF),
        HELD_MEMORY(25 * MiB, 27 * MiB, REGION_TAG_ARENA),
        HELD_MEMORY(27 * MiB, 28 * MiB, REGION_TAG_MODULE),
        HELD_MEMORY(28 * MiB, 29 * MiB, REGION_TAG_JUMP),
        HELD_MEMORY(29 * MiB, 30 * MiB, REGION_TAG_LOADER),
        HELD_MEMORY(30 * MiB, 31 * MiB, REGION_TAG_BOOT_SERVICES),
        HELD_MEMORY(31 * MiB, 32 * MiB, REGION_TAG_FRAMEBUFFER),
        OTHER_MEMORY(32 * MiB, 33 * MiB, E820_ACPI_DATA),
        OTHER_MEMORY(33 * MiB, 34 * MiB, E820_UNUSABLE),
        OTHER_MEMORY(34 * MiB, 40 * MiB, E820_PERSISTENT),
    };
    uint64_t tags[FRAME_TAG_COUNT];
    struct pmm_stats stats;
    uint64_t described = 0;
    uint64_t general;

    (void)state;
    machine_start(pieces, ARRAY_COUNT(pieces));
    bump_init(&machine_map, pa(25 * MiB), 2 * MiB);
    assert_ok(pmm_init(&machine_map));
    for (size_t i = 0; i < ARRAY_COUNT(pieces); i++)
        described += pages(pieces[i].size_bytes);
    general = pages(19 * MiB) + pages(2 * MiB) + pages(2 * MiB); /* free rows, arena, reclaimed */
    machine_free_frames();
    pmm_get_stats(&stats);
    assert_int_equal(stats.total_frames, described);
    assert_int_equal(stats.low_free_frames, pages(0x9f000) - 9);
    assert_int_equal(stats.free_frames, general + stats.low_free_frames - bump_frames());
    assert_int_equal(stats.used_frames, pages(6 * MiB) + bump_frames());
    assert_true(bump_frames() >= pages(stats.metadata_bytes));
    pmm_count_tags(tags);
    assert_int_equal(tags[FRAME_KERNEL], pages(4 * MiB) + bump_frames());
    assert_int_equal(tags[FRAME_PAGE_TABLE], pages(MiB));
    assert_int_equal(tags[FRAME_STACK], pages(MiB));
    assert_int_equal(tags[FRAME_FREE], stats.free_frames);
    assert_ok(pmm_check());
}

static void tags_follow(void **state)
{
    /* What is handed out is counted under its tag, in frames and in blocks, and leaves it again. */
    uint64_t tags[FRAME_TAG_COUNT];
    pfn_t frames[1000];
    pfn_t block;
    pfn_t run;

    (void)state;
    assert_int_equal(pmm_alloc_bulk(FRAME_USER, frames, ARRAY_COUNT(frames)), ARRAY_COUNT(frames));
    assert_ok(pmm_alloc(PMM_ORDER_2M, FRAME_DMA, &block));
    assert_ok(pmm_alloc(PMM_ORDER_1G, FRAME_CACHE, &run));
    frame_set_tag(frames[7], FRAME_SLAB);
    pmm_count_tags(tags);
    assert_int_equal(tags[FRAME_USER], ARRAY_COUNT(frames) - 1);
    assert_int_equal(tags[FRAME_SLAB], 1);
    assert_int_equal(tags[FRAME_DMA], 512);
    assert_int_equal(tags[FRAME_CACHE], AREA_FRAMES);
    assert_int_equal(pmm_free_bulk(frames, ARRAY_COUNT(frames)), ARRAY_COUNT(frames));
    assert_ok(pmm_free(block, PMM_ORDER_2M));
    assert_ok(pmm_free(run, PMM_ORDER_1G));
    pmm_count_tags(tags);
    assert_int_equal(tags[FRAME_USER] + tags[FRAME_SLAB] + tags[FRAME_DMA] + tags[FRAME_CACHE], 0);
}

/* --- shapes of machines ------------------------------------------------------------------ */

/* Takes every general frame, checks that each is usable memory handed out once, gives all back. */
static void use_everything(void)
{
    uint64_t before = machine_free_frames();
    struct pmm_stats stats;
    size_t count = 0;
    uint8_t *seen;
    pfn_t *frames;

    pmm_get_stats(&stats);
    frames = malloc(before * sizeof(*frames));
    seen = calloc(fake_memory_bytes >> PAGE_SHIFT, 1);
    assert_true(frames != NULL && seen != NULL);
    while (pmm_alloc_frame(FRAME_TEST, &frames[count]) == STATUS_OK) {
        const struct region *row = memmap_find(&machine_map, pfn_to_pa(frames[count]));

        assert_true(row != NULL && region_is_free(row));
        assert_int_equal(seen[pfn_value(frames[count])]++, 0);
        assert_true(++count <= before);
    }
    assert_int_equal(count, before - stats.low_free_frames);
    for (size_t i = 0; i < count; i++)
        assert_ok(pmm_free_frame(frames[i]));
    pmm_drain();
    assert_int_equal(machine_free_frames(), before);
    assert_ok(pmm_check());
    free(seen);
    free(frames);
}

static void tiny_machine(void **state)
{
    /* 8 MiB are enough, and all of it but a hundredth is there to be used. */
    static const struct machine_piece pieces[] = {
        LOW_MEMORY(PAGE_SIZE, 0x9f000),
        FREE_MEMORY(MiB, 8 * MiB),
    };
    struct pmm_stats stats;

    (void)state;
    MACHINE_BOOT(pieces);
    pmm_get_stats(&stats);
    assert_true(stats.used_frames <= 5);
    use_everything();
}

static void only_above_4_gib(void **state)
{
    /* A machine without memory below 4 GiB works; requests for low memory fail. */
    static const struct machine_piece pieces[] = { FREE_MEMORY(6 * GiB, 6 * GiB + 64 * MiB) };
    struct pmm_request request = { .count_frames = 1, .below = PMM_BELOW_4G, .tag = FRAME_TEST };
    pfn_t frame;

    (void)state;
    MACHINE_BOOT(pieces);
    use_everything();
    assert_int_equal(pmm_alloc_run(&request, &frame), STATUS_NO_MEMORY);
    request.below = PMM_BELOW_1M;
    assert_int_equal(pmm_alloc_run(&request, &frame), STATUS_NO_MEMORY);
    request.below = 6 * GiB;
    assert_int_equal(pmm_alloc_run(&request, &frame), STATUS_NO_MEMORY);
    request.below = 6 * GiB + PAGE_SIZE;
    assert_ok(pmm_alloc_run(&request, &frame));
    assert_int_equal(pfn_value(frame), pages(6 * GiB));
}

static void single_frames(void **state)
{
    /* Memory in single frames, each between two that are not ours, is used to the last one. */
    static struct machine_piece pieces[3001];

    (void)state;
    pieces[0] = (struct machine_piece)FREE_MEMORY(MiB, 2 * MiB);
    for (size_t i = 1; i < ARRAY_COUNT(pieces); i++)
        pieces[i] = (struct machine_piece)FREE_MEMORY(2 * MiB + (2 * i + 1) * PAGE_SIZE,
                                                      2 * MiB + (2 * i + 2) * PAGE_SIZE);
    machine_boot(pieces, ARRAY_COUNT(pieces));
    use_everything();
}

static void rows_that_touch(void **state)
{
    /* Rows of different owners that touch are one stretch of memory: runs cross their borders. */
    static const struct machine_piece pieces[] = {
        FREE_MEMORY(MiB, 2 * MiB),
        HELD_MEMORY(2 * MiB, 5 * MiB + PAGE_SIZE, REGION_TAG_BOOT_SERVICES),
        FREE_MEMORY(5 * MiB + PAGE_SIZE, 6 * MiB),
        HELD_MEMORY(6 * MiB, 64 * MiB, REGION_TAG_LOADER),
    };
    struct pmm_stats stats;
    pfn_t first;

    (void)state;
    MACHINE_BOOT(pieces);
    pmm_get_stats(&stats);
    assert_int_equal(stats.largest_free_order, 12);
    assert_int_equal(stats.free_2m_blocks, 30);
    use_everything();
    assert_ok(pmm_alloc(12, FRAME_TEST, &first));
}

static void one_tebibyte(void **state)
{
    /* 1 TiB with holes starts as fast as 1 GiB, touches next to nothing of itself, and can hand out
     * runs of 1 GiB, single frames at both ends, and everything that is there. */
    static const struct machine_piece pieces[] = {
        LOW_MEMORY(PAGE_SIZE, 0x9f000),
        FREE_MEMORY(MiB, 3 * GiB),
        FREE_MEMORY(4 * GiB, 100 * GiB),
        FREE_MEMORY(200 * GiB + 5 * MiB, 700 * GiB + 3 * PAGE_SIZE),
        FREE_MEMORY(900 * GiB - PAGE_SIZE, TiB),
    };
    uint64_t metadata_max = TiB / PAGE_SIZE * 22 / 10;
    struct pmm_stats stats;
    uint64_t before;
    size_t runs = 0;
    pfn_t first;

    (void)state;
    machine_start(pieces, ARRAY_COUNT(pieces));
    before = machine_resident(0, TiB);
    assert_ok(pmm_init(&machine_map));
    assert_true(machine_resident(0, TiB) - before <= 32 * KiB);
    pmm_get_stats(&stats);
    assert_true(stats.metadata_bytes <= metadata_max);
    assert_int_equal(stats.largest_free_order, PMM_ORDER_1G);
    assert_int_equal(stats.free_frames + stats.used_frames,
                     pages(3 * GiB - MiB + 96 * GiB + 500 * GiB - 5 * MiB + 124 * GiB) + 4 +
                         pages(0x9f000) - 1);
    assert_ok(pmm_alloc_frame(FRAME_TEST, &first));
    assert_true(machine_resident(0, TiB) - before <= 64 * KiB);
    while (pmm_alloc(PMM_ORDER_1G, FRAME_TEST, &first) == STATUS_OK)
        runs++;
    assert_int_equal(runs,
                     96 - 1 + 499 + 124 + 2 - 1); /* the frame, and the metadata, break one each */
    assert_true(machine_resident(0, TiB) - before <= 8 * MiB);
    assert_ok(pmm_check());
}

/* --- what the start costs ---------------------------------------------------------------- */

static void start_is_independent_of_size(void **state)
{
    /* The start touches the same few pages whether the machine has 512 MiB or 1 TiB. */
    static const uint64_t sizes[] = { 512 * MiB, 4 * GiB, 64 * GiB, TiB };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        const struct machine_piece piece = FREE_MEMORY(MiB, sizes[i]);
        uint64_t before;

        machine_start(&piece, 1);
        before = machine_resident(0, sizes[i]);
        assert_ok(pmm_init(&machine_map));
        assert_true(machine_resident(0, sizes[i]) - before <= 4 * PAGE_SIZE);
    }
}

static void metadata_is_bounded(void **state)
{
    /* No more than 2.2 bytes a frame and 20 KiB are set aside, for machines of any size. */
    static const uint64_t sizes[] = { 16 * MiB, 64 * MiB, 512 * MiB,
                                      GiB,      8 * GiB,  100 * GiB + 7 * MiB,
                                      TiB };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        const struct machine_piece piece = FREE_MEMORY(MiB, sizes[i]);
        struct pmm_stats stats;

        machine_boot(&piece, 1);
        pmm_get_stats(&stats);
        assert_true(stats.metadata_bytes <= pages(sizes[i]) * 22 / 10 + 20 * KiB);
        assert_true(sizes[i] < GiB || stats.metadata_bytes <= pages(sizes[i]) * 22 / 10);
    }
}

static void every_failure_of_the_bump_allocator(void **state)
{
    /* However little memory there is for the tables, pmm_init() works or fails without a trace. */
    static struct machine_piece pieces[41];
    uint64_t arena_frames;
    unsigned failures = 0;

    (void)state;
    for (size_t i = 0; i + 1 < ARRAY_COUNT(pieces); i++) /* RAM, but nothing to take from */
        pieces[i + 1] = (struct machine_piece)OTHER_MEMORY((i + 1) * GiB, (i + 1) * GiB + PAGE_SIZE,
                                                           E820_ACPI_DATA);
    for (arena_frames = 1;; arena_frames++) {
        pfn_t frame = pfn(42);
        enum status status;

        pieces[0] = (struct machine_piece)FREE_MEMORY(MiB, MiB + arena_frames * PAGE_SIZE);
        machine_start(pieces, ARRAY_COUNT(pieces));
        status = pmm_init(&machine_map);
        if (status == STATUS_OK)
            break;
        failures++;
        assert_int_equal(status, STATUS_NO_MEMORY);
        assert_int_equal(pmm_alloc_frame(FRAME_TEST, &frame), STATUS_INVALID);
        assert_int_equal(pmm_free_frame(pfn(257)), STATUS_DENIED);
        assert_int_equal(pfn_value(frame), 42);
    }
    assert_true(failures >= 20);
    assert_int_equal(machine_free_frames(), arena_frames - bump_frames());
    assert_ok(pmm_check());
}

/* --- its own memory ---------------------------------------------------------------------- */

static void fill_frame(pfn_t frame, unsigned char byte)
{
    memset(arch_phys_ptr(pfn_to_pa(frame)), byte, PAGE_SIZE);
}

static void metadata_survives(void **state)
{
    /* Every frame allocated, written from end to end, and freed: the allocator's own tables, and what
     * was handed out before it, are intact. */
    static const struct machine_piece pieces[] = {
        LOW_MEMORY(PAGE_SIZE, 0x9f000),
        FREE_MEMORY(MiB, 40 * MiB),
        HELD_MEMORY(40 * MiB, 42 * MiB, REGION_TAG_KERNEL),
        FREE_MEMORY(42 * MiB, 48 * MiB),
        FREE_MEMORY(4 * GiB, 4 * GiB + 9 * MiB),
    };
    struct pmm_request low = { .count_frames = 1, .below = PMM_BELOW_1M, .tag = FRAME_TEST };
    struct pmm_stats stats;
    uint64_t before;
    size_t count = 0;
    pfn_t *frames;
    paddr_t early;

    (void)state;
    machine_start(pieces, ARRAY_COUNT(pieces));
    assert_ok(bump_alloc(3 * PAGE_SIZE, PAGE_SIZE, &early));
    fake_memory_fill(early, 3 * PAGE_SIZE, 0x5e);
    assert_ok(pmm_init(&machine_map));
    before = machine_free_frames();
    frames = malloc(before * sizeof(*frames));
    assert_non_null(frames);
    for (unsigned round = 0; round < 2; round++) {
        while (pmm_alloc_frame(FRAME_TEST, &frames[count]) == STATUS_OK)
            count++;
        while (pmm_alloc_run(&low, &frames[count]) == STATUS_OK)
            count++;
        assert_int_equal(count, before);
        for (size_t i = 0; i < count; i++)
            fill_frame(frames[i], (unsigned char)(round * 0xff));
        assert_ok(pmm_check());
        while (count > 0)
            assert_ok(pmm_free_frame(frames[--count]));
        pmm_drain();
        assert_ok(pmm_check());
        pmm_get_stats(&stats);
        assert_int_equal(stats.free_frames, before);
        assert_int_equal(stats.bad_frees, 0);
    }
    for (size_t i = 0; i < 3 * PAGE_SIZE; i++)
        assert_int_equal(((unsigned char *)arch_phys_ptr(early))[i], 0x5e);
    free(frames);
}

static void zeroed_frames(void **state)
{
    /* Whoever asks for zeroed memory gets it, as a frame and as a run, whatever was there before. */
    struct pmm_request request = { .count_frames = 37, .tag = FRAME_TEST, .flags = PMM_ZERO };
    pfn_t dirty[64];
    pfn_t frame;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(dirty); i++) {
        assert_ok(pmm_alloc_frame(FRAME_TEST, &dirty[i]));
        fill_frame(dirty[i], 0xee);
    }
    assert_int_equal(pmm_free_bulk(dirty, ARRAY_COUNT(dirty)), ARRAY_COUNT(dirty));
    for (unsigned i = 0; i < 16; i++) {
        size_t count = i % 2 == 0 ? 1 : 37;
        const unsigned char *bytes;

        request.count_frames = count;
        assert_ok(i % 4 == 0 ? pmm_alloc_zeroed(FRAME_TEST, &frame)
                             : pmm_alloc_run(&request, &frame));
        bytes = arch_phys_ptr(pfn_to_pa(frame));
        for (size_t k = 0; k < count * PAGE_SIZE; k++)
            assert_int_equal(bytes[k], 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accounts),
        cmocka_unit_test_setup(tags_follow, setup_plain),
        cmocka_unit_test(tiny_machine),
        cmocka_unit_test(only_above_4_gib),
        cmocka_unit_test(single_frames),
        cmocka_unit_test(rows_that_touch),
        cmocka_unit_test(one_tebibyte),
        cmocka_unit_test(start_is_independent_of_size),
        cmocka_unit_test(metadata_is_bounded),
        cmocka_unit_test(every_failure_of_the_bump_allocator),
        cmocka_unit_test(metadata_survives),
        cmocka_unit_test_setup(zeroed_frames, setup_plain),
    };

    return cmocka_run_group_tests(tests, NULL, machine_stop);
}
