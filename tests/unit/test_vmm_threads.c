/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_vmm_threads.c - address spaces on several processors, which threads play.
 *
 * Each processor maps, touches, protects and unmaps memory of a user space that all share, and of the
 * kernel's; all read and write pages that belong to nobody and come and go. The fake MMU gives each a TLB of
 * its own. Whoever frees a frame that some TLB still has is found: frame_put() goes by way of this file
 * (mk/hosted.mk). The program is built under the thread sanitizer too.
 */
#include "vm_machine.h"

#include <pthread.h>

#include "host_smp.h"

#define TURNS      30u
#define PAGES      6u
#define SHARED     ((uintptr_t)0x20000000) /* everybody's pages */
#define USER       ((uintptr_t)0x30000000) /* a place for each */
#define STEP_BYTES ((uintptr_t)0x100000)

static struct vm_space *shared_space;
static unsigned processors;
static unsigned finished;
static unsigned wrong;
static pthread_barrier_t all_there;

void __real_frame_put(pfn_t frame);
void __wrap_frame_put(pfn_t frame);

void __wrap_frame_put(pfn_t frame)
{
    if (frame_references(frame) == 1)
        fake_mmu_frame_freed(pfn_to_pa(frame));
    __real_frame_put(frame);
}

/* Threads have no cmocka: what is wrong is counted. */
static void expect(bool condition)
{
    if (!condition)
        __atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
}

static enum status map(struct vm_space *space, uintptr_t address, uintptr_t *start)
{
    const bool kernel = space == vm_kernel();
    struct vm_request request = { .address = va(address),
                                  .size_bytes = PAGES * PAGE_SIZE,
                                  .rights = PT_WRITE | (kernel ? 0 : PT_USER),
                                  .kind = VM_ANONYMOUS,
                                  .flags = kernel ? 0 : VM_EXACT,
                                  .name = "threads" };
    vaddr_t place = va(0);
    enum status status = vm_map(space, &request, &place);

    *start = va_value(place);
    return status;
}

/* --- what a processor does --------------------------------------------------------------- */

/* Memory that it has for itself holds what it wrote, until it is unmapped. */
static void own_memory(struct vm_space *space, uintptr_t address, uint64_t stamp)
{
    uintptr_t start;
    uint64_t value = 0;

    expect(map(space, address, &start) == STATUS_OK);
    for (unsigned page = 0; page < PAGES; page++)
        expect(vm_write(start + page * PAGE_SIZE, stamp + page) == STATUS_OK);
    host_smp_poll();
    expect(vm_protect(space, va(start), PAGES * PAGE_SIZE, space == vm_kernel() ? 0 : PT_USER) ==
           STATUS_OK);
    expect(vm_write(start, 1) != STATUS_OK);
    for (unsigned page = 0; page < PAGES; page++)
        expect(vm_read(start + page * PAGE_SIZE, &value) == STATUS_OK && value == stamp + page);
    expect(vm_unmap(space, va(start), PAGES * PAGE_SIZE) == STATUS_OK);
    if (space != vm_kernel()) /* there another processor may have mapped by now */
        expect(vm_read(start, &value) != STATUS_OK);
}

/* Pages that anybody maps and unmaps: reads may fail, but nothing is freed under a reader. */
static void common_memory(unsigned id, unsigned turn)
{
    uintptr_t start;
    paddr_t target;

    (void)map(shared_space, SHARED, &start);
    for (unsigned page = 0; page < PAGES; page++)
        (void)vm_touch(SHARED + page * PAGE_SIZE, FAKE_WRITE, &target);
    host_smp_poll();
    if ((turn + id) % 3 == 0)
        (void)vm_unmap(shared_space, va(SHARED), PAGES * PAGE_SIZE);
}

static void *run(void *context)
{
    unsigned id = *(const unsigned *)context;

    host_smp_play(id);
    pthread_barrier_wait(&all_there);
    vm_space_switch(shared_space);
    for (unsigned turn = 0; turn < TURNS; turn++) {
        own_memory(shared_space, USER + id * STEP_BYTES, id * 1000 + turn);
        own_memory(vm_kernel(), 0, id * 2000 + turn);
        common_memory(id, turn);
        host_smp_poll();
    }
    vm_space_switch(vm_kernel());
    __atomic_add_fetch(&finished, 1, __ATOMIC_RELEASE);
    while (__atomic_load_n(&finished, __ATOMIC_ACQUIRE) < processors) {
        host_smp_poll();
        arch_cpu_relax();
    }
    pmm_drain();
    host_smp_leave();
    return NULL;
}

/* --- the tests --------------------------------------------------------------------------- */

static void run_on(unsigned count)
{
    pthread_t threads[FAKE_MMU_CPUS];
    unsigned ids[FAKE_MMU_CPUS];

    fake_mmu_cpus = count;
    fake_mmu_threads = true;
    processors = count;
    finished = wrong = 0;
    vm_machine_boot(4);
    assert_ok(vm_space_create(&shared_space));
    assert_int_equal(pthread_barrier_init(&all_there, NULL, count), 0);
    for (unsigned i = 0; i < count; i++) {
        ids[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, run, &ids[i]), 0);
    }
    for (unsigned i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&all_there);
    assert_int_equal(wrong, 0);
    fake_mmu_check();
    assert_int_equal(fake_mmu_failures, 0);
    assert_ok(vm_space_check(shared_space));
    assert_ok(vm_space_check(vm_kernel()));
    vm_space_destroy(shared_space);
    fake_mmu_threads = false;
    (void)vm_machine_stop(NULL);
    fake_mmu_cpus = 2;
}

static void two_processors(void **state)
{
    /* Two processors that change one space and the kernel's at once see their own memory only, fault where
     * nothing is, and free nothing that the other still translates to. */
    (void)state;
    run_on(2);
}

static void eight_processors(void **state)
{
    /* The same holds for eight. */
    (void)state;
    run_on(FAKE_MMU_CPUS);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_processors),
        cmocka_unit_test(eight_processors),
    };

    return cmocka_run_group_tests_name("vmm_threads", tests, NULL, NULL);
}
