/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_vm_check.c - whatever areas, tree, tables and frames disagree about is found, at its address.
 *
 * One thing at a time is spoiled behind the memory manager's back, and put back.
 */
#include "vm_machine.h"

#include "damage.h"
#include "mm/vm_private.h"

#define PLACE   ((uintptr_t)0x10000000)
#define FIXED   (PLACE + MiB)
#define WALLED  (PLACE + 2 * MiB)
#define SHARED  (PLACE + 3 * MiB)
#define NOWHERE (PLACE + 4 * MiB)
#define PAGES   4u

static struct vm_space *user;
static struct vm_area *plain, *fixed, *walled, *shared;

static struct vm_area *map(uintptr_t address, enum vm_kind kind, unsigned flags)
{
    struct vm_request request = { .address = va(address),
                                  .size_bytes = PAGES * PAGE_SIZE,
                                  .rights = PT_WRITE | PT_USER,
                                  .kind = kind,
                                  .flags = flags | VM_EXACT,
                                  .target = pa(VM_SCREEN_BASE),
                                  .tag = FRAME_USER,
                                  .name = "checked" };
    vaddr_t start;

    assert_ok(vm_map(user, &request, &start));
    return vm_tree_find(&user->areas, address);
}

/* A space with an area of each kind, all of it mapped. */
static int setup(void **state)
{
    (void)state;
    vm_machine_boot(4);
    assert_ok(vm_space_create(&user));
    plain = map(PLACE, VM_ANONYMOUS, VM_POPULATE);
    fixed = map(FIXED, VM_FIXED, 0);
    walled = map(WALLED, VM_ANONYMOUS, VM_POPULATE | VM_GUARDED);
    shared = map(SHARED, VM_ANONYMOUS, VM_SHARED);
    assert_ok(vm_space_check(user));
    host_log_clear();
    return 0;
}

static int teardown(void **state)
{
    assert_ok(vm_space_check(user));
    vm_space_destroy(user);
    return vm_machine_stop(state);
}

static enum status check(void)
{
    return vm_space_check(user);
}

static const char *at(uintptr_t address, const char *what)
{
    static char text[128];

    snprintf(text, sizeof(text), "vmm: 0x%llx: %s", (unsigned long long)address, what);
    return text;
}

#define EXPECT_DAMAGE(place, value, what) EXPECT_DAMAGE_BY(check, place, value, what)

/* The frame that a page of the space is mapped to. */
static pfn_t frame_at(uintptr_t address)
{
    paddr_t target;

    assert_ok(pt_translate(user->table, va(address), &target));
    return pa_to_pfn(target);
}

static void areas_that_deny_what_is_mapped(void **state)
{
    /* An area's kind, rights and target are compared with every mapping in it. */
    (void)state;
    EXPECT_DAMAGE(plain->kind, VM_GUARD, at(PLACE, "mapped in a guard area"));
    EXPECT_DAMAGE(plain->rights, PT_USER, at(PLACE, "grants more than its area does"));
    EXPECT_DAMAGE(plain->rights, PT_WRITE, at(PLACE, "grants more than its area does"));
    EXPECT_DAMAGE(fixed->rights, PT_USER, at(FIXED, "grants more than its area does"));
    EXPECT_DAMAGE(fixed->target, fixed->target + PAGE_SIZE,
                  at(FIXED, "is not the target of its area"));
    EXPECT_DAMAGE(fixed->target, fixed->target - PAGE_SIZE,
                  at(FIXED, "is not the target of its area"));
    EXPECT_DAMAGE(fixed->kind, VM_ANONYMOUS,
                  at(FIXED, "does not own the frames of an anonymous area"));
    EXPECT_DAMAGE(user->areas.count, user->areas.count + 1, "the tree of areas is broken");
}

static void frames_with_other_owners(void **state)
{
    /* A page that can be written has a frame of its own, unless its area is shared; every page of an area counts,
     * and one that can't be written may have others' frames. */
    (void)state;
    for (unsigned page = 0; page < PAGES; page++) {
        uintptr_t address = PLACE + page * PAGE_SIZE;

        frame_get(frame_at(address));
        expect_corrupt(check, at(address, "can write a frame that others have, too"));
        assert_ok(pt_protect(user->table, va(address), PAGE_SIZE, PT_USER, NULL));
        assert_ok(check());
        assert_false(frame_put(frame_at(address)));
        assert_ok(pt_protect(user->table, va(address), PAGE_SIZE, PT_USER | PT_WRITE, NULL));
        frame_get(frame_at(SHARED + page * PAGE_SIZE));
        assert_ok(check());
        EXPECT_DAMAGE(shared->flags, shared->flags & ~(unsigned)VM_SHARED,
                      at(SHARED + page * PAGE_SIZE, "can write a frame that others have, too"));
        assert_false(frame_put(frame_at(SHARED + page * PAGE_SIZE)));
    }
}

static void frames_that_are_free(void **state)
{
    /* A page whose frame was freed under it is found, wherever it is in its area. */
    (void)state;
    for (unsigned page = 0; page < PAGES; page++) {
        uintptr_t address = WALLED + page * PAGE_SIZE;
        pfn_t frame = frame_at(address);
        pfn_t again;

        assert_ok(pmm_free_frame(frame));
        expect_corrupt(check, at(address, "maps a free frame"));
        assert_ok(pmm_alloc_frame(FRAME_USER, &again));
        assert_int_equal(pfn_value(again), pfn_value(frame));
        assert_ok(check());
    }
}

static void mapped_where_nothing_should_be(void **state)
{
    /* A page outside of any area, or in the guards of one, is found with its address; and one that reaches from
     * an area into the nothing behind it. */
    const struct {
        uintptr_t address;
        const char *what;
    } cases[] = {
        { NOWHERE, "mapped outside of any area" },
        { PLACE - PAGE_SIZE, "mapped outside of any area" },
        { FIXED + PAGES * PAGE_SIZE, "mapped outside of any area" },
        { WALLED - PAGE_SIZE, "mapped in a guard page" },
        { WALLED + PAGES * PAGE_SIZE, "mapped in a guard page" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        /* Of frames that go on from the fixed area's, so that the walker sees one run. */
        paddr_t target = pa(VM_SCREEN_BASE + (cases[i].address - FIXED));

        assert_ok(pt_map(user->table, va(cases[i].address), target, PAGE_SIZE, PT_USER | PT_WRITE));
        expect_corrupt(check, at(cases[i].address, cases[i].what));
        assert_ok(pt_unmap(user->table, va(cases[i].address), PAGE_SIZE, NULL));
        assert_ok(check());
    }
}

static void windows_may_hold_anything(void **state)
{
    /* What a window's module maps is its own affair, but for frames that the mapping owns: those are counted. */
    struct vm_area *window = map(NOWHERE, VM_WINDOW, 0);
    pfn_t frame;

    (void)state;
    assert_ok(pt_map(user->table, va(NOWHERE), pa(VM_SCREEN_BASE), PAGE_SIZE, PT_USER | PT_WRITE));
    EXPECT_DAMAGE(window->kind, VM_ANONYMOUS,
                  at(NOWHERE, "does not own the frames of an anonymous area"));
    window->rights = 0;
    assert_ok(check());
    assert_ok(pmm_alloc_frame(FRAME_USER, &frame));
    assert_ok(pt_map(user->table, va(NOWHERE + PAGE_SIZE), pfn_to_pa(frame), PAGE_SIZE,
                     PT_USER | PT_WRITE | PT_OWNED));
    assert_ok(check());
    frame_get(frame);
    expect_corrupt(check, at(NOWHERE + PAGE_SIZE, "can write a frame that others have, too"));
    assert_false(frame_put(frame));
    assert_ok(pt_unmap(user->table, va(NOWHERE), 2 * PAGE_SIZE, NULL));
    assert_ok(pmm_free_frame(frame));
}

/* --- frames as they come ------------------------------------------------------------------------- */

#define TAKEN_MOST 8192u
#define SPACED     64u /* pages of an area that gets them */

/* Which of `count` frames is freed as the i-th: upwards, downwards, by pairs downwards, and here and there. */
static size_t freed_as(unsigned pattern, size_t i, size_t count)
{
    switch (pattern) {
    case 0:
        return i;
    case 1:
        return count - 1 - i;
    case 2:
        return count - 2 - i / 2 * 2 + i % 2;
    default:
        return i * 7919 % count;
    }
}

static void expect_frames_of_its_own(void)
{
    struct vm_request request = { .address = va(NOWHERE),
                                  .size_bytes = SPACED * PAGE_SIZE,
                                  .rights = PT_WRITE | PT_USER,
                                  .kind = VM_ANONYMOUS,
                                  .flags = VM_POPULATE | VM_EXACT,
                                  .tag = FRAME_USER,
                                  .name = "spaced" };
    uint64_t value;
    vaddr_t start;

    assert_ok(vm_map(user, &request, &start));
    assert_ok(check());
    for (uint64_t page = 0; page < SPACED; page++) {
        assert_ok(vm_read(NOWHERE + page * PAGE_SIZE, &value));
        assert_int_equal(value, 0);
        assert_ok(vm_write(NOWHERE + page * PAGE_SIZE, page + 1));
    }
    for (uint64_t page = 0; page < SPACED; page++) {
        assert_ok(vm_read(NOWHERE + page * PAGE_SIZE, &value));
        assert_int_equal(value, page + 1);
    }
    assert_ok(vm_unmap(user, va(NOWHERE), SPACED * PAGE_SIZE));
}

static void every_page_has_a_frame_of_its_own(void **state)
{
    /* In whatever order frames come from the PMM, each page of an area gets one that no other has, full of zeros,
     * and all of them go back. */
    static pfn_t taken[TAKEN_MOST];
    size_t count = 0;

    (void)state;
    vm_space_switch(user);
    assert_ok(vm_map(user,
                     &(struct vm_request){ .address = va(NOWHERE + SPACED * PAGE_SIZE),
                                           .size_bytes = PAGE_SIZE,
                                           .rights = PT_USER,
                                           .kind = VM_ANONYMOUS,
                                           .flags = VM_POPULATE | VM_EXACT,
                                           .tag = FRAME_USER,
                                           .name = "tables" },
                     &(vaddr_t){ 0 }));
    while (count < TAKEN_MOST && pmm_alloc_frame(FRAME_TEST, &taken[count]) == STATUS_OK)
        count++;
    for (unsigned pattern = 0; pattern < 4; pattern++) {
        size_t free_first = 4 * SPACED;
        uint64_t before;

        for (size_t i = 0; i < free_first; i++)
            assert_ok(pmm_free_frame(taken[freed_as(pattern, i, free_first)]));
        before = machine_free_frames();
        expect_frames_of_its_own();
        pmm_drain();
        expect_frames_of_its_own();
        assert_int_equal(machine_free_frames(), before);
        for (size_t i = 0; i < free_first; i++)
            assert_ok(pmm_alloc_frame(FRAME_TEST, &taken[i]));
    }
    for (size_t i = 0; i < count; i++)
        assert_ok(pmm_free_frame(taken[i]));
}

int main(void)
{
#define CASE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    static const struct CMUnitTest tests[] = {
        CASE(areas_that_deny_what_is_mapped), CASE(frames_with_other_owners),
        CASE(frames_that_are_free),           CASE(mapped_where_nothing_should_be),
        CASE(windows_may_hold_anything),      CASE(every_page_has_a_frame_of_its_own),
    };

    return cmocka_run_group_tests_name("vm_check", tests, NULL, NULL);
}
