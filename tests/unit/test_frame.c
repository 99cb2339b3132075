/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_frame.c - references and tags of frames, alone, in runs and in blocks.
 */
#include "pmm_machine.h"

#define HIGH_FRAMES ((4 * GiB) >> PAGE_SHIFT)

static int setup(void **state)
{
    (void)state;
    machine_boot_plain();
    return 0;
}

static struct frame_info describe(pfn_t frame)
{
    struct frame_info info;

    frame_describe(frame, &info);
    return info;
}

static void expect(pfn_t frame, enum frame_tag tag, unsigned references)
{
    struct frame_info info = describe(frame);

    assert_true(info.managed);
    assert_int_equal(info.tag, tag);
    assert_int_equal(info.references, references);
}

static void life_of_a_frame(void **state)
{
    /* Tag and references of a frame follow it from free over held and shared to free again. */
    pfn_t frame;

    (void)state;
    assert_ok(pmm_alloc_frame(FRAME_USER, &frame));
    expect(frame, FRAME_USER, 1);
    frame_get(frame);
    frame_get(frame);
    expect(frame, FRAME_USER, 3);
    assert_int_equal(frame_references(frame), 3);
    frame_set_tag(frame, FRAME_CACHE);
    expect(frame, FRAME_CACHE, 3);
    assert_false(frame_put(frame));
    assert_false(frame_put(frame));
    assert_false(describe(frame).cached);
    assert_true(frame_put(frame));
    expect(frame, FRAME_FREE, 0);
    assert_true(describe(frame).cached);
    pmm_drain();
    expect(frame, FRAME_FREE, 0);
    assert_false(describe(frame).cached);
}

static void saturation(void **state)
{
    /* A count that reaches the maximum stays there: the frame is never freed. */
    pfn_t frame;

    (void)state;
    assert_ok(pmm_alloc_frame(FRAME_USER, &frame));
    for (unsigned i = 0; i < FRAME_COUNT_MAX + 10; i++)
        frame_get(frame);
    assert_int_equal(frame_references(frame), FRAME_COUNT_MAX);
    for (unsigned i = 0; i < 2 * FRAME_COUNT_MAX; i++)
        assert_false(frame_put(frame));
    assert_int_equal(frame_references(frame), FRAME_COUNT_MAX);
    assert_refused(pmm_free_frame(frame), "circulation");
}

static void frames_of_a_block(void **state)
{
    /* A frame of a 2 MiB block has its own references and tag once they are asked for; the block is
     * still freed as one when all of it has one reference again. */
    pfn_t block;

    (void)state;
    assert_ok(pmm_alloc(PMM_ORDER_2M, FRAME_USER, &block));
    expect(block, FRAME_USER, 1);
    expect(pfn_add(block, 511), FRAME_USER, 1);
    frame_get(pfn_add(block, 5));
    expect(pfn_add(block, 5), FRAME_USER, 2);
    expect(pfn_add(block, 4), FRAME_USER, 1);
    frame_set_tag(pfn_add(block, 6), FRAME_DMA);
    expect(pfn_add(block, 6), FRAME_DMA, 1);
    assert_false(frame_put(pfn_add(block, 5)));
    assert_ok(pmm_check());
    assert_ok(pmm_free(block, PMM_ORDER_2M));
    expect(pfn_add(block, 5), FRAME_FREE, 0);
    assert_ok(pmm_check());
}

static void block_by_references(void **state)
{
    /* A block, and a run of 1 GiB, can go frame by frame, the last reference of each frame freeing it. */
    static const unsigned orders[] = { 3, PMM_ORDER_2M, 11, PMM_ORDER_1G };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(orders); i++) {
        size_t count = (size_t)1 << orders[i];
        uint64_t before = machine_free_frames();
        pfn_t first;

        assert_ok(pmm_alloc(orders[i], FRAME_USER, &first));
        for (size_t k = 0; k < count; k++)
            assert_true(frame_put(pfn_add(first, count - 1 - k)));
        pmm_drain();
        assert_int_equal(machine_free_frames(), before);
        assert_ok(pmm_check());
    }
}

static void nobody_holds_it(void **state)
{
    /* References to a free frame are a defect of the caller's, and end in a panic that says where. */
    pfn_t frame;
    pfn_t block;

    (void)state;
    assert_ok(pmm_alloc_frame(FRAME_USER, &frame));
    assert_ok(pmm_free_frame(frame));
    assert_panics(frame_get(frame), "frame_get on frame 0x1");
    assert_panics((void)frame_put(frame), "frame_put on frame");
    assert_panics(frame_set_tag(frame, FRAME_USER), "nobody holds");
    assert_ok(pmm_alloc(PMM_ORDER_2M, FRAME_USER, &block));
    assert_ok(pmm_free(block, PMM_ORDER_2M));
    assert_panics(frame_get(pfn_add(block, 3)), "nobody holds");
    assert_panics(frame_get(pfn(HIGH_FRAMES + 400000)), "nobody holds");
    assert_panics(frame_get(pfn(UINTPTR_MAX >> PAGE_SHIFT)), "nobody holds");
}

static void what_is_not_managed(void **state)
{
    /* Frames that are none of the PMM's are described by what the map says, held ones by who holds them. */
    static const struct machine_piece pieces[] = {
        LOW_MEMORY(PAGE_SIZE, 0x9f000),
        FREE_MEMORY(MiB, 20 * MiB),
        HELD_MEMORY(20 * MiB, 21 * MiB, REGION_TAG_STACK),
        OTHER_MEMORY(21 * MiB, 22 * MiB, E820_ACPI_NVS),
        OTHER_MEMORY(22 * MiB, 23 * MiB, E820_UNUSABLE),
        OTHER_MEMORY(23 * MiB, 24 * MiB, E820_RESERVED),
        HELD_MEMORY(24 * MiB, 25 * MiB, REGION_TAG_FRAMEBUFFER),
        FREE_MEMORY(25 * MiB, 32 * MiB),
        OTHER_MEMORY(3 * GiB, 3 * GiB + MiB, E820_ACPI_DATA),
    };
    static const struct {
        uint64_t address;
        enum frame_tag tag;
        bool managed;
    } expected[] = {
        { 0, FRAME_DEVICE, false },
        { PAGE_SIZE, FRAME_FREE, true },
        { 0xa0000, FRAME_DEVICE, false },
        { 5 * MiB, FRAME_FREE, true },
        { 20 * MiB, FRAME_STACK, true },
        { 21 * MiB, FRAME_FIRMWARE, false },
        { 22 * MiB, FRAME_BAD, false },
        { 23 * MiB, FRAME_RESERVED, false },
        { 24 * MiB, FRAME_DEVICE, false },
        { 26 * MiB, FRAME_FREE, true },
        { 100 * MiB, FRAME_DEVICE, false },
        { 3 * GiB, FRAME_FIRMWARE, false },
        { 3 * GiB + MiB, FRAME_DEVICE, false },
        { 1 * TiB, FRAME_DEVICE, false },
    };
    pfn_t frame;

    (void)state;
    MACHINE_BOOT(pieces);
    for (unsigned round = 0; round < 2; round++) {
        for (size_t i = 0; i < ARRAY_COUNT(expected); i++) {
            struct frame_info info = describe(pa_to_pfn(pa(expected[i].address)));

            assert_int_equal(info.tag, expected[i].tag);
            assert_int_equal(info.managed, expected[i].managed);
            assert_int_equal(info.references, info.managed && info.tag != FRAME_FREE ? 1 : 0);
        }
        assert_ok(pmm_alloc_frame(FRAME_TEST, &frame)); /* makes the area */
        assert_ok(pmm_free_frame(frame));
        frame_set_tag(pa_to_pfn(pa(20 * MiB)), FRAME_STACK); /* touches a block */
    }
}

static void names(void **state)
{
    /* Each tag has a name of its own, and no number is without one. */
    (void)state;
    for (unsigned a = 0; a < FRAME_TAG_COUNT; a++)
        for (unsigned b = 0; b < a; b++)
            assert_string_not_equal(frame_tag_name((enum frame_tag)a),
                                    frame_tag_name((enum frame_tag)b));
    assert_string_equal(frame_tag_name(FRAME_PAGE_TABLE), "page table");
    assert_non_null(frame_tag_name((enum frame_tag)1000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(life_of_a_frame, setup),
        cmocka_unit_test_setup(saturation, setup),
        cmocka_unit_test_setup(frames_of_a_block, setup),
        cmocka_unit_test_setup(block_by_references, setup),
        cmocka_unit_test_setup(nobody_holds_it, setup),
        cmocka_unit_test(what_is_not_managed),
        cmocka_unit_test(names),
    };

    return cmocka_run_group_tests(tests, NULL, machine_stop);
}
