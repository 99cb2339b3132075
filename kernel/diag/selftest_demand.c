/* SPDX-License-Identifier: BSD-2-Clause
 *
 * selftest_demand.c - memory costs frames when it is touched, not before; and is shared until it
 * is written.
 *
 * Demand-zero and huge pages are tried in the kernel's space, where every page of an area that is touched must
 * cost one frame and the others none, and a huge page come apart frame by frame. Copy-on-write takes two user spaces, one a clone of the
 * other; what each of them sees at an address is looked up in its page table and read through the
 * direct map, and only the writes that must fault are made at the address itself. The areas are
 * not open to ring 3, so that the kernel may touch them whatever the processor forbids it.
 */

#include "diag/selftest_case.h"
#include "arch/mmu.h"
#include "mm/pmm.h"
#include "mm/vmm.h"

#define PAGES        32
#define HUGE_BYTES   ((size_t)(2 * MiB))
#define USER_ADDRESS ((uintptr_t)0x10000000)

/* --- demand-zero ----------------------------------------------------------------------------- */

static uint64_t test_frames(void)
{
    uint64_t counts[FRAME_TAG_COUNT];

    pmm_count_tags(counts);
    return counts[FRAME_TEST];
}

static bool touch_and_count(struct selftest *test, volatile uint8_t *memory)
{
    uint64_t before = test_frames();

    for (unsigned i = 0; i < PAGES; i += 2) {
        (void)selftest_check(test, memory[i * PAGE_SIZE] == 0, "page %u is not zero", i);
        memory[i * PAGE_SIZE] = 1;
    }
    return selftest_check(test, test_frames() - before == PAGES / 2,
                          "%u pages were touched, %llu frames taken", PAGES / 2,
                          (unsigned long long)(test_frames() - before));
}

static void check_demand_zero(struct selftest *test)
{
    struct vm_request request = {
        .size_bytes = PAGES * PAGE_SIZE,
        .rights = PT_WRITE,
        .kind = VM_ANONYMOUS,
        .tag = FRAME_TEST,
        .name = "self-test",
    };
    uint64_t before = test_frames();
    vaddr_t start;

    if (!selftest_ok(test, vm_map(vm_kernel(), &request, &start), "mapping"))
        return;
    (void)selftest_check(test, test_frames() == before, "an area took frames untouched");
    (void)touch_and_count(test, va_ptr(start));
    (void)selftest_ok(test, vm_unmap(vm_kernel(), start, request.size_bytes), "unmapping");
    (void)selftest_check(test, test_frames() == before, "an area kept frames after its end");
}

/* --- huge pages ------------------------------------------------------------------------------ */

static void check_test_frames(struct selftest *test, uint64_t expected, const char *what)
{
    uint64_t found = test_frames();

    (void)selftest_check(test, found == expected, "%s: %llu frames instead of %llu", what,
                         (unsigned long long)found, (unsigned long long)expected);
}

/* A huge area, cut in the middle of a leaf: exactly the frames of what is left stay. Where memory
 * has no room for 2 MiB frames, small ones do. */
static void check_huge(struct selftest *test)
{
    struct vm_request request = {
        .size_bytes = 2 * HUGE_BYTES,
        .alignment = HUGE_BYTES,
        .rights = PT_WRITE,
        .kind = VM_ANONYMOUS,
        .flags = VM_POPULATE | VM_HUGE,
        .tag = FRAME_TEST,
        .name = "self-test",
    };
    uint64_t before = test_frames();
    volatile uint8_t *mark;
    vaddr_t start;

    if (!selftest_ok(test, vm_map(vm_kernel(), &request, &start), "mapping a huge area"))
        return;
    check_test_frames(test, before + 2 * HUGE_BYTES / PAGE_SIZE, "a huge area");
    mark = va_ptr(va_add(start, HUGE_BYTES - 1));
    *mark = 7;
    (void)selftest_ok(test, vm_unmap(vm_kernel(), start, HUGE_BYTES / 2), "unmapping half a leaf");
    check_test_frames(test, before + 3 * HUGE_BYTES / 2 / PAGE_SIZE, "three quarters of it");
    (void)selftest_check(test, *mark == 7, "splitting a leaf lost what was in it");
    (void)selftest_ok(test, vm_unmap(vm_kernel(), start, request.size_bytes), "unmapping the rest");
    check_test_frames(test, before, "after its end");
}

/* --- copy-on-write --------------------------------------------------------------------------- */

/* What `space` has at the user address: its frame, the first byte and the last. */
struct view {
    paddr_t frame;
    uint8_t first;
    uint8_t last;
};

static bool look(struct selftest *test, struct vm_space *space, struct view *view)
{
    struct pt_mapping leaf;
    uint8_t *bytes;

    if (!selftest_ok(test, pt_query(vm_space_table(space), va(USER_ADDRESS), &leaf),
                     "looking up a page of a user space"))
        return false;
    view->frame = pa_add(leaf.target, USER_ADDRESS - va_value(leaf.address));
    bytes = arch_frame_map(view->frame);
    view->first = bytes[0];
    view->last = bytes[PAGE_SIZE - 1];
    arch_frame_unmap(bytes);
    return true;
}

static void write_in(struct vm_space *space, size_t offset, uint8_t value)
{
    struct vm_space *current = vm_space_current();

    vm_space_switch(space);
    *(volatile uint8_t *)(USER_ADDRESS + offset) = value;
    vm_space_switch(current);
}

static void check_copy(struct selftest *test, struct vm_space *parent, struct vm_space *child)
{
    struct view one;
    struct view other;

    if (!look(test, parent, &one) || !look(test, child, &other))
        return;
    (void)selftest_check(test, pa_equal(one.frame, other.frame),
                         "a clone copied what nobody wrote");
    write_in(child, 0, 2);
    if (!look(test, parent, &one) || !look(test, child, &other))
        return;
    (void)selftest_check(test, !pa_equal(one.frame, other.frame), "a write went to a shared frame");
    (void)selftest_check(test, one.first == 1 && other.first == 2,
                         "after a write the parent has %u and the clone %u, not 1 and 2", one.first,
                         other.first);
    (void)selftest_check(test, one.last == 3 && other.last == 3,
                         "what was not written is %u in the parent and %u in the clone, not 3",
                         one.last, other.last);
}

static void check_clone(struct selftest *test, struct vm_space *parent)
{
    struct vm_request request = {
        .address = va(USER_ADDRESS),
        .size_bytes = PAGES * PAGE_SIZE,
        .rights = PT_WRITE,
        .kind = VM_ANONYMOUS,
        .flags = VM_EXACT,
        .tag = FRAME_TEST,
        .name = "self-test",
    };
    struct vm_space *child;
    vaddr_t start;

    if (!selftest_ok(test, vm_map(parent, &request, &start), "mapping in a user space"))
        return;
    write_in(parent, 0, 1);
    write_in(parent, PAGE_SIZE - 1, 3);
    if (!selftest_ok(test, vm_space_clone(parent, &child), "cloning a user space"))
        return;
    check_copy(test, parent, child);
    (void)selftest_ok(test, vm_space_check(child), "the clone's own check");
    vm_space_destroy(child);
    (void)selftest_ok(test, vm_space_check(parent), "the parent's own check");
}

void selftest_demand(struct selftest *test)
{
    struct vm_space *parent;

    check_demand_zero(test);
    check_huge(test);
    if (!selftest_ok(test, vm_space_create(&parent), "creating a user space"))
        return;
    check_clone(test, parent);
    vm_space_destroy(parent);
}
