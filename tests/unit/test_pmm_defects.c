/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_pmm_defects.c - defects that frame allocators of other kernels have had, one test each.
 *
 * Where a search must not be a walk over all memory, what counts is how often the allocator turned
 * interrupts off, which it does for each lock that it takes: a few times, not once an area.
 */
#include "pmm_machine.h"

#include "arch/cpu.h"

#define AREA_FRAMES (GiB >> PAGE_SHIFT)
#define LOCKS_MAX   32u /* that an answer takes */
#define TEBI_AREAS  1024u

static pfn_t runs[TEBI_AREAS];

/* Whether `frame` is in one of the ranges that the bump allocator gave out. */
struct inside {
    uint64_t address;
    bool found;
};

static void look_inside(void *context, paddr_t base, uint64_t size_bytes)
{
    struct inside *inside = context;

    inside->found |=
        inside->address >= pa_value(base) && inside->address < pa_value(base) + size_bytes;
}

static bool was_given_out_early(pfn_t frame)
{
    struct inside inside = { .address = pa_value(pfn_to_pa(frame)) };

    bump_used(look_inside, &inside);
    return inside.found;
}

static void a_hole_in_the_map(void **state)
{
    /* Addresses between two regions of memory are never handed out, alone or inside a run. */
    static const struct machine_piece pieces[] = {
        FREE_MEMORY(MiB, 15 * MiB),
        FREE_MEMORY(16 * MiB, 40 * MiB), /* the hole at 15 MiB of old machines */
        FREE_MEMORY(40 * MiB + PAGE_SIZE, 64 * MiB),
        FREE_MEMORY(4 * GiB, 4 * GiB + 16 * MiB),
    };
    pfn_t frame;

    (void)state;
    MACHINE_BOOT(pieces);
    fake_memory_hole(pa(15 * MiB), MiB);
    fake_memory_hole(pa(40 * MiB), PAGE_SIZE);
    fake_memory_hole(pa(64 * MiB), 4 * GiB - 64 * MiB);
    for (unsigned order = 14; order-- > 0;)
        while (pmm_alloc(order, FRAME_TEST, &frame) == STATUS_OK)
            for (uint64_t i = 0; i < UINT64_C(1) << order; i++)
                *(volatile char *)arch_phys_ptr(pfn_to_pa(pfn_add(frame, i))) = 1;
    assert_int_equal(machine_free_frames(), 0);
}

static void memory_above_4_gib(void **state)
{
    /* Memory above 4 GiB is counted and handed out, and frame numbers keep all their bits. */
    static const struct machine_piece pieces[] = {
        FREE_MEMORY(MiB, 64 * MiB),
        FREE_MEMORY(TiB - 64 * MiB, TiB),
    };
    pfn_t frame;

    (void)state;
    MACHINE_BOOT(pieces);
    assert_ok(pmm_alloc_frame(FRAME_TEST, &frame));
    assert_true(pa_value(pfn_to_pa(frame)) >= TiB - 64 * MiB);
    *(volatile char *)arch_phys_ptr(pfn_to_pa(frame)) = 1;
    assert_ok(pmm_free_frame(frame));
    assert_ok(pmm_alloc(13, FRAME_TEST, &frame));
    assert_int_equal(pa_value(pfn_to_pa(frame)), TiB - 32 * MiB);
}

/* How many locks `run` takes. */
static uint64_t count_locks(void (*run)(void))
{
    uint64_t before = host_cpu.irq_saves;

    run();
    return host_cpu.irq_saves - before;
}

static size_t fill_tebibyte(void)
{
    static const struct machine_piece pieces[] = { FREE_MEMORY(MiB, TiB) };
    size_t count = 0;
    pfn_t frame;

    MACHINE_BOOT(pieces);
    while (pmm_alloc(PMM_ORDER_1G, FRAME_TEST, &runs[count]) == STATUS_OK)
        count++;
    for (unsigned order = PMM_ORDER_1G; order-- > 0;)
        while (pmm_alloc(order, FRAME_TEST, &frame) == STATUS_OK)
            continue;
    assert_int_equal(machine_free_frames(), 0);
    return count;
}

static pfn_t far_frame;

static void find_far_frame(void)
{
    pfn_t frame;

    assert_ok(pmm_free_frame(far_frame));
    pmm_drain();
    assert_ok(pmm_alloc_frame(FRAME_TEST, &frame));
    assert_int_equal(pfn_value(frame), pfn_value(far_frame));
}

static void one_free_frame_at_the_far_end(void **state)
{
    /* The only free frame of 1 TiB is found at once, be it the first, the last or in the middle. */
    size_t count = fill_tebibyte();
    static const size_t places[] = { 0, 1, 2 };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
        size_t run = places[i] * (count - 1) / 2;

        far_frame = pfn_add(runs[run], AREA_FRAMES - 1);
        find_far_frame(); /* the first search corrects the index */
        assert_in_range(count_locks(find_far_frame), 1, LOCKS_MAX);
    }
    assert_ok(pmm_check());
}

static void ask_in_vain(void)
{
    pfn_t frame;

    assert_int_equal(pmm_alloc_frame(FRAME_TEST, &frame), STATUS_NO_MEMORY);
    assert_int_equal(pmm_alloc(4, FRAME_TEST, &frame), STATUS_NO_MEMORY);
    assert_int_equal(pmm_alloc(PMM_ORDER_2M, FRAME_TEST, &frame), STATUS_NO_MEMORY);
    assert_int_equal(pmm_alloc(PMM_ORDER_1G, FRAME_TEST, &frame), STATUS_NO_MEMORY);
}

static void exhaustion_is_told_at_once(void **state)
{
    /* When 1 TiB is used up, requests of every size fail at once. */
    (void)state;
    fill_tebibyte();
    ask_in_vain();
    assert_in_range(count_locks(ask_in_vain), 0, LOCKS_MAX);
}

static void the_bitmap_hands_out_itself(void **state)
{
    /* No frame that holds the allocator's tables, or what was taken before it, is ever handed out. */
    static const struct machine_piece pieces[] = {
        FREE_MEMORY(MiB, 24 * MiB),
        FREE_MEMORY(GiB, GiB + 8 * MiB),
        FREE_MEMORY(4 * GiB, 4 * GiB + 8 * MiB),
    };
    paddr_t early;
    pfn_t frame;

    (void)state;
    machine_start(pieces, ARRAY_COUNT(pieces));
    assert_ok(bump_alloc(10, 1, &early));
    assert_ok(bump_alloc(5 * MiB, PAGE_SIZE, &early));
    assert_ok(pmm_init(&machine_map));
    for (unsigned order = 12; order-- > 0;)
        while (pmm_alloc(order, FRAME_TEST, &frame) == STATUS_OK)
            for (uint64_t i = 0; i < UINT64_C(1) << order; i++)
                assert_false(was_given_out_early(pfn_add(frame, i)));
    assert_int_equal(machine_free_frames(), 0);
}

static void entries_summed_instead_of_spanned(void **state)
{
    /* The size of memory is not the address of its end: what lies above a large hole is there, and the
     * tables reach it. */
    static const struct machine_piece pieces[] = {
        FREE_MEMORY(MiB, 32 * MiB),
        FREE_MEMORY(40 * GiB, 40 * GiB + 32 * MiB),
    };
    struct pmm_request request = { .count_frames = (32 * MiB) >> PAGE_SHIFT, .tag = FRAME_TEST };
    pfn_t first;

    (void)state;
    MACHINE_BOOT(pieces);
    assert_ok(pmm_alloc_run(&request, &first));
    assert_int_equal(pa_value(pfn_to_pa(first)), 40 * GiB);
    fake_memory_fill(pfn_to_pa(first), 32 * MiB, 0xff);
    assert_ok(pmm_free_run(first, request.count_frames));
    assert_ok(pmm_check());
}

static void frees_that_skip(void **state)
{
    /* Each frame that is freed is free: of every second, every third ... every 64th, and all. */
    static pfn_t frames[6400];
    struct frame_info info;

    (void)state;
    machine_boot_plain();
    for (size_t stride = 1; stride <= 64; stride++) {
        uint64_t before = machine_free_frames();

        for (size_t i = 0; i < ARRAY_COUNT(frames); i++)
            assert_ok(pmm_alloc_frame(FRAME_TEST, &frames[i]));
        for (size_t start = 0; start < stride; start++) {
            for (size_t i = start; i < ARRAY_COUNT(frames); i += stride)
                assert_ok(pmm_free_frame(frames[i]));
            for (size_t i = start; i < ARRAY_COUNT(frames); i += stride) {
                frame_describe(frames[i], &info);
                assert_int_equal(info.tag, FRAME_FREE);
            }
        }
        assert_int_equal(machine_free_frames(), before);
    }
    pmm_drain();
    assert_ok(pmm_check());
}

static void page_zero_and_low_memory(void **state)
{
    /* Page 0 is never handed out, even when the map calls it usable; low memory only by name. */
    static const struct machine_piece pieces[] = {
        FREE_MEMORY(0, 640 * KiB),
        FREE_MEMORY(MiB, 16 * MiB),
    };
    struct pmm_request request = { .count_frames = 1, .below = PMM_BELOW_1M, .tag = FRAME_TEST };
    size_t low_frames = 0;
    pfn_t frame;

    (void)state;
    MACHINE_BOOT(pieces);
    for (unsigned order = 12; order-- > 0;)
        while (pmm_alloc(order, FRAME_TEST, &frame) == STATUS_OK)
            assert_true(pa_value(pfn_to_pa(frame)) >= MiB);
    assert_int_equal(machine_free_frames(), 159);
    for (; pmm_alloc_run(&request, &frame) == STATUS_OK; low_frames++)
        assert_true(pfn_value(frame) != 0 && pfn_value(frame) < 160);
    assert_int_equal(low_frames, 159);
    assert_int_equal(machine_free_frames(), 0);
}

static void scarce_memory_goes_last(void **state)
{
    /* Requests that can do without leave the first 16 MiB and the first 4 GiB to those that cannot. */
    struct pmm_request below_4g = { .count_frames = 1, .below = PMM_BELOW_4G, .tag = FRAME_TEST };
    struct pmm_request below_16m = { .count_frames = 1, .below = PMM_BELOW_16M, .tag = FRAME_TEST };
    pfn_t frame;

    (void)state;
    machine_boot_plain();
    for (unsigned i = 0; i < 5 * AREA_FRAMES / 512 - 1; i++) {
        assert_ok(pmm_alloc(PMM_ORDER_2M, FRAME_TEST, &frame));
        assert_true(pa_value(pfn_to_pa(frame)) >= 4 * GiB);
    }
    for (unsigned i = 0; i < 5000; i++) {
        assert_ok(pmm_alloc_run(&below_4g, &frame));
        assert_true(pa_value(pfn_to_pa(frame)) >= 16 * MiB);
    }
    assert_ok(pmm_alloc_run(&below_16m, &frame));
    assert_true(pa_value(pfn_to_pa(frame)) < 16 * MiB);
}

/* --- all of memory ----------------------------------------------------------------------- */

/* What stands for the runs that are free. */
static bool add_run(void *context, pfn_t first, uint64_t count)
{
    uint64_t *hash = context;

    *hash = (*hash * 31 + pfn_value(first)) * 31 + count;
    return true;
}

static uint64_t hash_of_free(void)
{
    uint64_t hash = 1;

    pmm_visit_free(add_run, &hash);
    return hash;
}

/* Takes every frame there is, the large runs first or one by one, and fills each with a byte. */
static size_t take_and_fill(pfn_t *frames, unsigned order, int byte)
{
    size_t count = 0;
    pfn_t first;

    for (; order + 1 > 0; order--) {
        while (pmm_alloc(order, FRAME_TEST, &first) == STATUS_OK) {
            for (uint64_t i = 0; i < UINT64_C(1) << order; i++)
                frames[count++] = pfn_add(first, i);
            memset(arch_phys_ptr(pfn_to_pa(first)), byte, PAGE_SIZE << order);
        }
    }
    return count;
}

static void all_memory_written(void **state)
{
    /* Every frame is taken, written and freed: the allocator's own memory is none of them, and intact. */
    static const struct machine_piece pieces[] = {
        FREE_MEMORY(MiB, 40 * MiB),
        FREE_MEMORY(48 * MiB, 49 * MiB),
        FREE_MEMORY(GiB - 8 * MiB, GiB + 16 * MiB),
        FREE_MEMORY(4 * GiB, 4 * GiB + 20 * MiB),
    };
    static pfn_t frames[(40 + 1 + 24 + 20) * MiB >> PAGE_SHIFT];
    static const int bytes[] = { 0xff, 0x00, 0x5a };
    uint64_t before;
    size_t all;

    (void)state;
    MACHINE_BOOT(pieces);
    all = machine_free_frames();
    before = hash_of_free();
    for (unsigned round = 0; round < 2 * ARRAY_COUNT(bytes); round++) {
        unsigned order = round % 2 == 0 ? PMM_MAX_ORDER : 0;

        assert_int_equal(take_and_fill(frames, order, bytes[round / 2]), all);
        assert_int_equal(machine_free_frames(), 0);
        assert_ok(pmm_check());
        for (size_t i = 0; i < all; i++)
            assert_ok(pmm_free_frame(frames[i]));
        assert_int_equal(machine_free_frames(), all);
        assert_int_equal(hash_of_free(), before);
        assert_ok(pmm_check());
    }
}

/* --- fragmentation ----------------------------------------------------------------------- */

#define CHURN_ROUNDS 20u
#define GIGABYTES    2u /* that are whole at first */

static pfn_t *held; /* single frames, of 5 GiB */
static size_t held_count;
static size_t all_frames;

/* 5 GiB. A quarter of it is more than one area and less than two: areas compete. */
static const struct machine_piece five_gib[] = {
    FREE_MEMORY(MiB, 2 * GiB + 512 * MiB),
    FREE_MEMORY(4 * GiB, 6 * GiB + 512 * MiB),
};

static void free_random(size_t keep)
{
    while (held_count > keep) {
        size_t index = machine_random_below(held_count);

        assert_ok(pmm_free_frame(held[index]));
        held[index] = held[--held_count];
    }
}

static void fill_to(size_t count)
{
    held_count += pmm_alloc_bulk(FRAME_TEST, held + held_count, count - held_count);
    assert_int_equal(held_count, count);
}

/* Half of what is held goes and comes again, at random, a few times. */
static void churn(void)
{
    size_t count = held_count;

    for (unsigned round = 0; round < CHURN_ROUNDS; round++) {
        free_random(count / 2);
        fill_to(count);
    }
}

static void start_fragmentation(unsigned percent)
{
    MACHINE_BOOT(five_gib);
    all_frames = machine_free_frames();
    held = malloc(all_frames * sizeof(*held));
    assert_non_null(held);
    held_count = 0;
    fill_to(all_frames * percent / 100);
}

/* 99 % of what is free can be had as blocks, which is tried; then all comes back whole. */
static void end_fragmentation(void)
{
    struct pmm_stats stats;
    static pfn_t block_list[5 * GiB / PAGE_SIZE / 512 + 1];
    size_t blocks = 0;
    pfn_t first;

    pmm_drain();
    pmm_get_stats(&stats);
    while (pmm_alloc(PMM_ORDER_2M, FRAME_TEST, &block_list[blocks]) == STATUS_OK)
        blocks++;
    assert_true(blocks * 512 * 100 >= stats.free_frames * 99);
    assert_int_equal(blocks, stats.free_2m_blocks);
    while (blocks > 0)
        assert_ok(pmm_free(block_list[--blocks], PMM_ORDER_2M));
    free_random(0);
    free(held);
    pmm_drain();
    assert_int_equal(machine_free_frames(), all_frames);
    for (unsigned i = 0; i < GIGABYTES; i++)
        assert_ok(pmm_alloc(PMM_ORDER_1G, FRAME_TEST, &first));
}

static void churn_leaves_blocks(void **state)
{
    /* Of what is free after churn at 50 %, 99 % can be had as blocks of 2 MiB; 1 GiB comes back whole. */
    (void)state;
    start_fragmentation(50);
    churn();
    end_fragmentation();
}

static void thinning_heals(void **state)
{
    /* The same after random thinning from 75 % to 25 %, followed by churn. */
    (void)state;
    start_fragmentation(75);
    free_random(all_frames / 4);
    churn();
    end_fragmentation();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hole_in_the_map),
        cmocka_unit_test(memory_above_4_gib),
        cmocka_unit_test(one_free_frame_at_the_far_end),
        cmocka_unit_test(exhaustion_is_told_at_once),
        cmocka_unit_test(the_bitmap_hands_out_itself),
        cmocka_unit_test(entries_summed_instead_of_spanned),
        cmocka_unit_test(frees_that_skip),
        cmocka_unit_test(page_zero_and_low_memory),
        cmocka_unit_test(scarce_memory_goes_last),
        cmocka_unit_test(all_memory_written),
        cmocka_unit_test(churn_leaves_blocks),
        cmocka_unit_test(thinning_heals),
    };

    return cmocka_run_group_tests(tests, NULL, machine_stop);
}
