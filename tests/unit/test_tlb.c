/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_tlb.c - properties of batches of invalidations.
 */
#include "vm_machine.h"

#include "host_smp.h"

#define BASE ((uintptr_t)LAYOUT_HEAP_START)

static struct tlb_batch batch;
static unsigned sent_before;

static int setup(void **state)
{
    (void)state;
    vm_machine_boot(4);
    memset(fake_mmu_flushes, 0, sizeof(fake_mmu_flushes));
    sent_before = host_smp_sent();
    tlb_batch_init(&batch, paging_kernel_table(), NULL);
    return 0;
}

/* By each of the two processors, after so many calls of the other. */
static void expect_flushes(unsigned pages, unsigned full, unsigned calls)
{
    for (unsigned cpu = 0; cpu < fake_mmu_cpus; cpu++) {
        assert_int_equal(fake_mmu_flushes[cpu].pages, pages);
        assert_int_equal(fake_mmu_flushes[cpu].full, full);
    }
    assert_int_equal(host_smp_sent() - sent_before, calls);
}

static void an_empty_batch_flushes_nothing(void **state)
{
    /* Nothing changed, nothing is flushed. */
    (void)state;
    tlb_batch_finish(&batch);
    expect_flushes(0, 0, 0);
}

static void a_batch_is_one_call(void **state)
{
    /* However many ranges a batch has, each other processor is called once. */
    (void)state;
    for (unsigned i = 0; i < 20; i++)
        tlb_batch_add(&batch, va(BASE + (i + i / 10) * PAGE_SIZE), PAGE_SIZE);
    tlb_batch_finish(&batch);
    expect_flushes(20, 0, 1);
}

static void few_pages_are_flushed_singly(void **state)
{
    /* Up to TLB_FULL_FLUSH_PAGES pages are flushed one by one, one more flushes everything. */
    (void)state;
    tlb_batch_add(&batch, va(BASE), TLB_FULL_FLUSH_PAGES * PAGE_SIZE);
    tlb_batch_finish(&batch);
    expect_flushes(TLB_FULL_FLUSH_PAGES, 0, 1);
    tlb_batch_add(&batch, va(BASE), TLB_FULL_FLUSH_PAGES * PAGE_SIZE);
    tlb_batch_add(&batch, va(BASE + GiB), PAGE_SIZE);
    tlb_batch_finish(&batch);
    expect_flushes(TLB_FULL_FLUSH_PAGES, 1, 2);
}

static void scattered_ranges_become_a_full_flush(void **state)
{
    /* More ranges than a batch holds flush everything; as many as it holds do not. */
    (void)state;
    for (unsigned i = 0; i < TLB_BATCH_RANGES; i++)
        tlb_batch_add(&batch, va(BASE + 2 * i * PAGE_SIZE), PAGE_SIZE);
    tlb_batch_finish(&batch);
    expect_flushes(TLB_BATCH_RANGES, 0, 1);
    for (unsigned i = 0; i <= TLB_BATCH_RANGES; i++)
        tlb_batch_add(&batch, va(BASE + 2 * i * PAGE_SIZE), PAGE_SIZE);
    tlb_batch_finish(&batch);
    expect_flushes(TLB_BATCH_RANGES, 1, 2);
}

static void a_batch_can_be_used_again(void **state)
{
    /* After finish a batch is as new: nothing is flushed or released twice. */
    (void)state;
    tlb_batch_add(&batch, va(BASE), PAGE_SIZE);
    tlb_batch_bury(&batch, va(BASE), PAGE_SIZE);
    tlb_batch_finish(&batch);
    tlb_batch_finish(&batch);
    expect_flushes(1, 0, 1);
}

static void a_huge_range_is_a_full_flush(void **state)
{
    /* Sizes whose pages do not fit a smaller counter are still more than a few. */
    (void)state;
    tlb_batch_add(&batch, va(LAYOUT_KERNEL_HALF), (size_t)(64 * TiB));
    tlb_batch_add(&batch, va(BASE), PAGE_SIZE);
    tlb_batch_finish(&batch);
    expect_flushes(0, 1, 1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_batch_flushes_nothing, setup, vm_machine_stop),
        cmocka_unit_test_setup_teardown(a_batch_is_one_call, setup, vm_machine_stop),
        cmocka_unit_test_setup_teardown(few_pages_are_flushed_singly, setup, vm_machine_stop),
        cmocka_unit_test_setup_teardown(scattered_ranges_become_a_full_flush, setup,
                                        vm_machine_stop),
        cmocka_unit_test_setup_teardown(a_batch_can_be_used_again, setup, vm_machine_stop),
        cmocka_unit_test_setup_teardown(a_huge_range_is_a_full_flush, setup, vm_machine_stop),
    };

    return cmocka_run_group_tests_name("tlb", tests, NULL, NULL);
}
