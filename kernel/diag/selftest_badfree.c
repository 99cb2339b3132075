/* SPDX-License-Identifier: BSD-2-Clause
 *
 * selftest_badfree.c - wrong frees are found and refused, and nothing is lost by them.
 *
 * Each wrong free is one that real kernels see: twice, twice with others in between, into the
 * middle, of memory that was never given out. The allocators report each; here these reports are
 * expected.
 */

#include "diag/selftest_case.h"
#include "arch/mmu.h"
#include "mm/heap.h"
#include "mm/memmap.h"
#include "mm/pmm.h"

/* --- frames ---------------------------------------------------------------------------------- */

static void expect_denied(struct selftest *test, enum status status, const char *what)
{
    (void)selftest_check(test, status == STATUS_DENIED, "%s: %s", what, status_name(status));
}

/* A frame that the table knows, but which is nobody's to give. */
static bool find_foreign_frame(const struct memmap *map, pfn_t *frame)
{
    for (size_t i = 0; i < map->count; i++) {
        if (map->regions[i].type != E820_USABLE) {
            *frame = pa_to_pfn(pa(map->regions[i].base));
            return true;
        }
    }
    return false;
}

static void free_run_wrongly(struct selftest *test, pfn_t first)
{
    expect_denied(test, pmm_free(first, 4), "freeing order 3 as order 4");
    expect_denied(test, pmm_free(pfn_add(first, 1), 3), "freeing from the middle");
    (void)selftest_ok(test, pmm_free(first, 3), "freeing order 3");
    expect_denied(test, pmm_free(first, 3), "freeing order 3 twice");
    expect_denied(test, pmm_free_frame(pfn_add(first, 5)), "freeing a frame of a freed run");
}

static void check_frames(struct selftest *test)
{
    pfn_t frame;
    pfn_t run;

    if (!selftest_ok(test, pmm_alloc_frame(FRAME_TEST, &frame), "a frame") ||
        !selftest_ok(test, pmm_alloc(3, FRAME_TEST, &run), "eight frames"))
        return;
    (void)selftest_ok(test, pmm_free_frame(frame), "freeing a frame");
    expect_denied(test, pmm_free_frame(frame), "freeing a frame twice");
    pmm_drain();
    expect_denied(test, pmm_free_frame(frame), "freeing a frame twice, later");
    free_run_wrongly(test, run);
    expect_denied(test, pmm_free_frame(pfn(0)), "freeing frame 0");
    if (find_foreign_frame(&test->machine->map, &frame))
        expect_denied(test, pmm_free_frame(frame), "freeing a reserved frame");
    expect_denied(test, pmm_free_frame(pa_to_pfn(pa((uint64_t)1 << 52))),
                  "freeing what is beyond all memory");
    (void)selftest_ok(test, pmm_check(), "the PMM's own counts after wrong frees");
}

/* --- heap objects ---------------------------------------------------------------------------- */

static void expect_refused(struct selftest *test, bool accepted, const char *what)
{
    (void)selftest_check(test, !accepted, "%s was accepted", what);
}

/* Others come and go between a free and its repetition. */
static void stir(void)
{
    void *objects[32];

    for (size_t i = 0; i < ARRAY_COUNT(objects); i++)
        objects[i] = kmalloc(96);
    for (size_t i = 0; i < ARRAY_COUNT(objects); i++)
        (void)kfree(objects[i]);
}

static void free_objects_wrongly(struct selftest *test, uint8_t *small, uint8_t *large)
{
    static uint8_t data[64];
    uint8_t stack[64];

    expect_refused(test, kfree(small + 16), "freeing into an object");
    expect_refused(test, kfree(small + 1), "freeing an odd address");
    expect_refused(test, kfree(large + PAGE_SIZE), "freeing into a large object");
    expect_refused(test, kfree_sized(small, 2000), "freeing with a wrong size");
    expect_refused(test, kfree(data), "freeing a variable");
    expect_refused(test, kfree(stack), "freeing from the stack");
    expect_refused(test, kfree(arch_phys_ptr(pa(MiB))), "freeing through the direct map");
    (void)selftest_check(test, kfree(small) && kfree(large), "a right free was refused");
    expect_refused(test, kfree(small), "freeing twice");
    expect_refused(test, kfree(large), "freeing a large object twice");
    stir();
    expect_refused(test, kfree(small), "freeing twice, later");
}

static void check_heap(struct selftest *test)
{
    struct heap_stats before;
    struct heap_stats after;
    uint8_t *small = kmalloc(96);
    uint8_t *large = kmalloc(40 * KiB);

    heap_get_stats(&before);
    if (selftest_check(test, small != NULL && large != NULL, "no memory"))
        free_objects_wrongly(test, small, large);
    heap_get_stats(&after);
    (void)selftest_check(test, after.bad_frees - before.bad_frees == 10,
                         "10 wrong frees were made, %llu counted",
                         (unsigned long long)(after.bad_frees - before.bad_frees));
    (void)selftest_ok(test, heap_check(), "the heap's own counts after wrong frees");
}

void selftest_badfree(struct selftest *test)
{
    selftest_expect_begin();
    check_frames(test);
    check_heap(test);
    selftest_expect_end();
}
