/* SPDX-License-Identifier: BSD-2-Clause
 *
 * bench_vm.c - bench vm: what faults and mappings cost, from the access or the call to its return.
 *
 *     demand-zero fault      the first write to a page: exception, area, frame, zeros, entry, return
 *     copy-on-write fault    a write to a page that a clone has, too: the same, and a copy
 *     map+unmap N            an area of N pages with all its frames, and its end: place, frames,
 *                            zeros, entries; entries, flush, frames
 *
 * The faults happen in a user space, but in areas that are not open to ring 3, so that the kernel may
 * touch them whatever the processor forbids it. The mappings are made in the kernel's own space,
 * behind an area that stays, which keeps tables and records alive as others do in daily life.
 */
#include "monitor/bench.h"

#include "mm/pmm.h"
#include "mm/vmm.h"

#define FAULT_PAGES  256u
#define FAULT_BYTES  (FAULT_PAGES * PAGE_SIZE)
#define USER_ADDRESS ((uintptr_t)0x10000000)

static struct vm_space *space, *clone;
static vaddr_t neighbour;

/* --- faults -------------------------------------------------------------------------------- */

static unsigned touch_all(void)
{
    for (uintptr_t offset = 0; offset < FAULT_BYTES; offset += PAGE_SIZE)
        *(volatile uint8_t *)(USER_ADDRESS + offset) = 1;
    return FAULT_PAGES;
}

static bool enough_frames(unsigned frames)
{
    struct pmm_stats stats;

    pmm_get_stats(&stats);
    return stats.free_frames > frames;
}

/* An area that nobody has touched, in the space that the processor runs in. A fault without a frame
 * to give would be the end of the kernel, so there must be some. */
static bool begin_untouched(void)
{
    struct vm_request request = { .address = va(USER_ADDRESS),
                                  .size_bytes = FAULT_BYTES,
                                  .rights = PT_WRITE,
                                  .kind = VM_ANONYMOUS,
                                  .flags = VM_EXACT,
                                  .tag = FRAME_TEST,
                                  .name = "bench" };
    vaddr_t start;

    if (!enough_frames(3 * FAULT_PAGES) || vm_space_create(&space) != STATUS_OK)
        return false;
    vm_space_switch(space);
    return vm_map(space, &request, &start) == STATUS_OK;
}

static bool begin_shared(void)
{
    if (!begin_untouched())
        return false;
    (void)touch_all();
    return vm_space_clone(space, &clone) == STATUS_OK;
}

static void end_spaces(void)
{
    vm_space_switch(vm_kernel());
    if (clone != NULL)
        vm_space_destroy(clone);
    if (space != NULL)
        vm_space_destroy(space);
    clone = space = NULL;
    pmm_drain();
}

/* --- mappings ------------------------------------------------------------------------------ */

static struct vm_request area_request(size_t pages)
{
    return (struct vm_request){ .size_bytes = pages * PAGE_SIZE,
                                .rights = PT_WRITE,
                                .kind = VM_ANONYMOUS,
                                .flags = VM_POPULATE,
                                .tag = FRAME_TEST,
                                .name = "bench" };
}

static bool begin_neighbour(void)
{
    struct vm_request request = area_request(1);

    return vm_map(vm_kernel(), &request, &neighbour) == STATUS_OK;
}

static void end_neighbour(void)
{
    if (va_value(neighbour) != 0)
        (void)vm_unmap(vm_kernel(), neighbour, PAGE_SIZE);
    neighbour = va(0);
    pmm_drain();
}

static unsigned map_and_unmap(size_t pages, unsigned times)
{
    struct vm_request request = area_request(pages);

    for (unsigned i = 0; i < times; i++) {
        vaddr_t start;

        if (vm_map(vm_kernel(), &request, &start) != STATUS_OK ||
            vm_unmap(vm_kernel(), start, request.size_bytes) != STATUS_OK)
            return 0;
    }
    return times;
}

static unsigned map_1(void)
{
    return map_and_unmap(1, 64);
}

static unsigned map_50(void)
{
    return map_and_unmap(50, 16);
}

static unsigned map_1500(void)
{
    return map_and_unmap(1500, 4);
}

static const struct bench_row rows[] = {
    { "demand-zero fault", begin_untouched, touch_all, end_spaces },
    { "copy-on-write fault", begin_shared, touch_all, end_spaces },
    { "map+unmap 1", begin_neighbour, map_1, end_neighbour },
    { "map+unmap 50", begin_neighbour, map_50, end_neighbour },
    { "map+unmap 1500", begin_neighbour, map_1500, end_neighbour },
};

const struct bench_suite bench_vm = { "vm", rows, ARRAY_COUNT(rows) };
