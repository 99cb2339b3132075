/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_vmm.c - properties of areas: mapped, unmapped, protected, looked up.
 */
#include "vm_machine.h"

#include "mm/fail_alloc.h"
#include "mm/vm_cache.h"

#define USER ((uintptr_t)0x10000000)

static struct vm_space *user;
static uint64_t free_before;

static int setup(void **state)
{
    (void)state;
    vm_machine_boot(4);
    free_before = machine_free_frames();
    assert_ok(vm_space_create(&user));
    vm_space_switch(user);
    return 0;
}

/* Nothing is lost, whatever a test did to the user space. */
static int teardown(void **state)
{
    assert_ok(vm_space_check(vm_kernel()));
    assert_ok(vm_space_check(user));
    vm_space_destroy(user);
    fake_mmu_check();
    assert_int_equal(machine_free_frames(), free_before);
    return vm_machine_stop(state);
}

/* --- helpers ----------------------------------------------------------------------------- */

static struct vm_request anonymous(uintptr_t address, size_t pages, unsigned flags)
{
    return (struct vm_request){ .address = va(address),
                                .size_bytes = pages * PAGE_SIZE,
                                .rights = PT_WRITE | PT_USER,
                                .kind = VM_ANONYMOUS,
                                .flags = flags,
                                .tag = FRAME_USER,
                                .name = "anonymous" };
}

static enum status map(const struct vm_request *request)
{
    vaddr_t start = va(1);
    enum status status = vm_map(user, request, &start);

    if (status != STATUS_OK)
        assert_int_equal(va_value(start), 1);
    else if ((request->flags & VM_EXACT) != 0)
        assert_int_equal(va_value(start), va_value(request->address));
    return status;
}

static enum status map_exactly(uintptr_t address, size_t pages, unsigned flags)
{
    struct vm_request request = anonymous(address, pages, flags | VM_EXACT);

    return map(&request);
}

static uintptr_t map_anywhere(struct vm_space *space, struct vm_request request)
{
    vaddr_t start;

    assert_ok(vm_map(space, &request, &start));
    return va_value(start);
}

static struct vm_area_info query(uintptr_t address)
{
    struct vm_area_info info = { .name = NULL };

    assert_ok(vm_query(user, va(address), &info));
    return info;
}

static void expect_area(uintptr_t address, uintptr_t start, uintptr_t end, unsigned rights)
{
    struct vm_area_info info = query(address);

    assert_int_equal(va_value(info.start), start);
    assert_int_equal(info.size_bytes, end - start);
    assert_int_equal(info.rights, rights);
}

static void expect_nothing(uintptr_t address)
{
    struct vm_area_info info;

    assert_int_equal(vm_query(user, va(address), &info), STATUS_NOT_FOUND);
}

/* --- placement --------------------------------------------------------------------------- */

static void exact_places(void **state)
{
    /* An exact request goes where it says or nowhere, and never over another area or its guard. */
    (void)state;
    assert_ok(map_exactly(USER, 4, 0));
    assert_int_equal(map_exactly(USER, 1, 0), STATUS_EXISTS);
    assert_int_equal(map_exactly(USER - PAGE_SIZE, 2, 0), STATUS_EXISTS);
    assert_int_equal(map_exactly(USER + 3 * PAGE_SIZE, 5, 0), STATUS_EXISTS);
    assert_int_equal(map_exactly(USER + 4 * PAGE_SIZE, 1, VM_GUARDED), STATUS_EXISTS);
    assert_ok(map_exactly(USER + 5 * PAGE_SIZE, 1, VM_GUARDED));
    assert_int_equal(map_exactly(USER + 4 * PAGE_SIZE, 1, 0), STATUS_EXISTS);
    assert_int_equal(map_exactly(USER + 6 * PAGE_SIZE, 1, 0), STATUS_EXISTS);
    assert_ok(map_exactly(USER + 7 * PAGE_SIZE, 1, 0));
    expect_area(USER + 5 * PAGE_SIZE, USER + 5 * PAGE_SIZE, USER + 6 * PAGE_SIZE,
                PT_WRITE | PT_USER);
    assert_int_equal(query(USER + 4 * PAGE_SIZE).kind, VM_GUARD);
    assert_int_equal(query(USER + 6 * PAGE_SIZE).kind, VM_GUARD);
}

static void wishes_and_anywhere(void **state)
{
    /* A wish is granted where free, else any place is found; the lowest first, aligned as asked,
     * within the window that was asked for. */
    struct vm_request request = anonymous(USER, 4, 0);
    uintptr_t start;

    (void)state;
    assert_int_equal(map_anywhere(user, request), USER);
    start = map_anywhere(user, request);
    assert_int_equal(start, LAYOUT_USER_START);
    request.address = va(0);
    assert_int_equal(map_anywhere(user, request), LAYOUT_USER_START + 4 * PAGE_SIZE);
    request.alignment = MiB;
    assert_int_equal(map_anywhere(user, request), MiB);
    request.window = va(USER);
    request.window_bytes = 16 * PAGE_SIZE;
    request.alignment = 0;
    assert_int_equal(map_anywhere(user, request), USER + 4 * PAGE_SIZE);
    request.flags = VM_GUARDED;
    assert_int_equal(map_anywhere(user, request), USER + 9 * PAGE_SIZE);
    assert_int_equal(map(&request), STATUS_NO_SPACE);
}

static uintptr_t place_in(struct vm_space *space)
{
    return map_anywhere(space, anonymous(0, 4, 0));
}

static void slides_are_of_a_seed(void **state)
{
    /* A slide is whole pages below its bound, the same again for the same seed, others for another, and none
     * without a seed. */
    uintptr_t first[64];
    bool differs = false;

    (void)state;
    vm_slide_windows(1);
    for (unsigned i = 0; i < ARRAY_COUNT(first); i++) {
        first[i] = vm_slide(256 * MiB);
        assert_true(first[i] < 256 * MiB && first[i] % PAGE_SIZE == 0);
        differs = differs || first[i] != first[0];
    }
    assert_true(differs);
    vm_slide_windows(1);
    for (unsigned i = 0; i < ARRAY_COUNT(first); i++)
        assert_int_equal(vm_slide(256 * MiB), first[i]);
    vm_slide_windows(2);
    assert_int_not_equal(vm_slide(256 * MiB), first[0]);
    assert_int_equal(vm_slide(PAGE_SIZE), 0);
    vm_slide_windows(0);
    assert_int_equal(vm_slide(256 * MiB), 0);
}

static void windows_slide(void **state)
{
    /* With aslr each space has a window of its own, which a clone keeps; without it all begin at the
     * same place; and a window that is full is not the end. */
    struct vm_request request = anonymous(0, 1, 0);
    struct vm_space *one, *other, *clone;
    uintptr_t start;

    (void)state;
    vm_slide_windows(4711);
    assert_ok(vm_space_create(&one));
    assert_ok(vm_space_create(&other));
    start = place_in(one);
    assert_true(start >= LAYOUT_USER_START && start < LAYOUT_USER_START + TiB);
    assert_int_equal(start % PAGE_SIZE, 0);
    assert_int_not_equal(start, place_in(other));
    assert_ok(vm_space_clone(one, &clone));
    assert_int_equal(place_in(clone), start + 4 * PAGE_SIZE);
    request.size_bytes =
        va_value(pt_format_lower_end(vm_space_table(one)->format)) - start - 4 * PAGE_SIZE;
    assert_int_equal(map_anywhere(one, request), start + 4 * PAGE_SIZE);
    assert_int_equal(place_in(one), LAYOUT_USER_START);
    vm_space_destroy(clone);
    vm_space_destroy(one);
    vm_space_destroy(other);
    vm_slide_windows(0);
    assert_int_equal(place_in(user), LAYOUT_USER_START);
}

static void bad_requests(void **state)
{
    /* What makes no sense, breaks W^X, or reaches out of the space is refused. */
    struct vm_request good = anonymous(USER, 1, VM_EXACT);
    struct vm_request bad;

    (void)state;
#define EXPECT(change, expected)                                                                   \
    do {                                                                                           \
        bad = good;                                                                                \
        change;                                                                                    \
        assert_int_equal(map(&bad), expected);                                                     \
    } while (0)
    EXPECT(bad.size_bytes = 0, STATUS_INVALID);
    EXPECT(bad.size_bytes = SIZE_MAX, STATUS_OVERFLOW);
    EXPECT(bad.name = NULL, STATUS_INVALID);
    EXPECT(bad.alignment = 3, STATUS_INVALID);
    EXPECT(bad.kind = (enum vm_kind)(VM_WINDOW + 1), STATUS_INVALID);
    EXPECT(bad.rights = PT_WRITE | PT_EXECUTE, STATUS_DENIED);
    EXPECT(bad.rights = PT_GLOBAL, STATUS_INVALID);
    EXPECT(bad.rights = PT_OWNED, STATUS_INVALID);
    EXPECT(bad.rights = PT_WRITE | PT_UNCACHED, STATUS_DENIED);
    EXPECT(bad.address = va(USER + 1), STATUS_NOT_ALIGNED);
    EXPECT(bad.address = va(0), STATUS_INVALID);
    EXPECT(bad.address = va(LAYOUT_USER_START - PAGE_SIZE), STATUS_INVALID);
    EXPECT(bad.address = va((uintptr_t)1 << 47), STATUS_INVALID);
    EXPECT(bad.address = va(((uintptr_t)1 << 47) - PAGE_SIZE);
           bad.size_bytes = 2 * PAGE_SIZE, STATUS_INVALID);
    EXPECT(bad.address = va(LAYOUT_AREAS_START), STATUS_INVALID);
    EXPECT(bad.address = va(UINTPTR_MAX - PAGE_MASK);
           bad.size_bytes = 2 * PAGE_SIZE, STATUS_INVALID);
    EXPECT(bad.flags = 0; bad.size_bytes = SIZE_MAX - PAGE_SIZE, STATUS_NO_SPACE);
    EXPECT(bad.kind = VM_FIXED; bad.target = pa(1), STATUS_NOT_ALIGNED);
    EXPECT(bad.kind = VM_FIXED; bad.target = pa(UINT64_MAX - PAGE_MASK), STATUS_INVALID);
#undef EXPECT
    good.address = va(LAYOUT_AREAS_START + GiB);
    assert_int_equal(vm_map(vm_kernel(), &good, &(vaddr_t){ 0 }), STATUS_DENIED); /* PT_USER */
    expect_nothing(USER);
}

/* --- unmapping --------------------------------------------------------------------------- */

static void unmapping_cuts_areas(void **state)
{
    /* What is unmapped is gone, with its frames; what is left of an area stays as it was. */
    uint64_t value;

    (void)state;
    assert_ok(map_exactly(USER, 8, VM_POPULATE));
    assert_ok(map_exactly(USER + 8 * PAGE_SIZE, 4, 0));
    for (unsigned i = 0; i < 12; i++)
        assert_ok(vm_write(USER + i * PAGE_SIZE, i + 100));
    assert_ok(vm_unmap(user, va(USER + 2 * PAGE_SIZE), 3 * PAGE_SIZE));
    expect_area(USER, USER, USER + 2 * PAGE_SIZE, PT_WRITE | PT_USER);
    expect_nothing(USER + 2 * PAGE_SIZE);
    expect_nothing(USER + 5 * PAGE_SIZE - 1);
    expect_area(USER + 5 * PAGE_SIZE, USER + 5 * PAGE_SIZE, USER + 8 * PAGE_SIZE,
                PT_WRITE | PT_USER);
    assert_int_equal(vm_read(USER + 2 * PAGE_SIZE, &value), STATUS_NOT_FOUND);
    assert_ok(vm_unmap(user, va(USER + 7 * PAGE_SIZE), 2 * PAGE_SIZE));
    assert_ok(vm_read(USER + 6 * PAGE_SIZE, &value));
    assert_int_equal(value, 106);
    assert_ok(vm_read(USER + 9 * PAGE_SIZE, &value));
    assert_int_equal(value, 109);
    assert_ok(vm_space_check(user));
    assert_ok(vm_unmap(user, va(LAYOUT_USER_START), GiB));
    expect_nothing(USER);
    assert_ok(vm_unmap(user, va(LAYOUT_USER_START), GiB)); /* nothing there: nothing to do */
    assert_int_equal(vm_unmap(user, va(USER + 1), PAGE_SIZE), STATUS_NOT_ALIGNED);
    assert_int_equal(vm_unmap(user, va(0), PAGE_SIZE), STATUS_INVALID);
    assert_int_equal(vm_unmap(user, va(USER), 0), STATUS_INVALID);
    assert_int_equal(vm_unmap(user, va(USER), SIZE_MAX), STATUS_INVALID);
}

static void guards_go_with_their_end(void **state)
{
    /* A guard page goes when the end that it guards is unmapped, and not before. */
    (void)state;
    assert_ok(map_exactly(USER, 4, VM_GUARDED));
    assert_ok(vm_unmap(user, va(USER - PAGE_SIZE), PAGE_SIZE)); /* only a guard: stays */
    assert_int_equal(query(USER - PAGE_SIZE).kind, VM_GUARD);
    assert_ok(vm_unmap(user, va(USER), PAGE_SIZE));
    expect_nothing(USER - PAGE_SIZE);
    expect_nothing(USER);
    assert_int_equal(query(USER + 4 * PAGE_SIZE).kind, VM_GUARD);
    assert_ok(vm_unmap(user, va(USER + 3 * PAGE_SIZE), PAGE_SIZE));
    expect_nothing(USER + 4 * PAGE_SIZE);
    expect_area(USER + PAGE_SIZE, USER + PAGE_SIZE, USER + 3 * PAGE_SIZE, PT_WRITE | PT_USER);
}

/* --- protecting -------------------------------------------------------------------------- */

static void protecting_cuts_areas(void **state)
{
    /* Rights change for exactly the range, in areas and tables alike, also for pages that are
     * touched later. */
    paddr_t target;

    (void)state;
    assert_ok(map_exactly(USER, 8, 0));
    assert_ok(vm_write(USER + 3 * PAGE_SIZE, 3));
    assert_ok(vm_protect(user, va(USER + 2 * PAGE_SIZE), 3 * PAGE_SIZE, PT_USER));
    expect_area(USER, USER, USER + 2 * PAGE_SIZE, PT_WRITE | PT_USER);
    expect_area(USER + 3 * PAGE_SIZE, USER + 2 * PAGE_SIZE, USER + 5 * PAGE_SIZE, PT_USER);
    expect_area(USER + 7 * PAGE_SIZE, USER + 5 * PAGE_SIZE, USER + 8 * PAGE_SIZE,
                PT_WRITE | PT_USER);
    assert_int_equal(vm_touch(USER + 3 * PAGE_SIZE, FAKE_WRITE, &target), STATUS_DENIED);
    assert_int_equal(vm_touch(USER + 4 * PAGE_SIZE, FAKE_WRITE, &target), STATUS_DENIED);
    assert_ok(vm_touch(USER + 4 * PAGE_SIZE, FAKE_USER, &target));
    assert_ok(vm_touch(USER + 5 * PAGE_SIZE, FAKE_WRITE | FAKE_USER, &target));
    assert_ok(vm_protect(user, va(USER), 8 * PAGE_SIZE, PT_EXECUTE));
    assert_ok(vm_touch(USER + 3 * PAGE_SIZE, FAKE_EXECUTE, &target));
    assert_int_equal(vm_touch(USER + 3 * PAGE_SIZE, FAKE_EXECUTE | FAKE_USER, &target),
                     STATUS_DENIED);
}

static void parts_that_are_alike_again_are_joined(void **state)
{
    /* An area of which parts were protected is one area again when all have the same rights; areas that differ in
     * anything else, or have a guard between them, stay apart. */
    struct vm_request stranger = anonymous(USER + 8 * PAGE_SIZE, 2, VM_EXACT);

    (void)state;
    assert_ok(map_exactly(USER, 8, 0));
    assert_ok(vm_write(USER + 3 * PAGE_SIZE, 3));
    for (unsigned i = 1; i < 8; i += 2)
        assert_ok(vm_protect(user, va(USER + i * PAGE_SIZE), PAGE_SIZE, PT_USER));
    expect_area(USER + 3 * PAGE_SIZE, USER + 3 * PAGE_SIZE, USER + 4 * PAGE_SIZE, PT_USER);
    assert_ok(vm_protect(user, va(USER + 3 * PAGE_SIZE), PAGE_SIZE, PT_WRITE | PT_USER));
    expect_area(USER + 3 * PAGE_SIZE, USER + 2 * PAGE_SIZE, USER + 5 * PAGE_SIZE,
                PT_WRITE | PT_USER);
    assert_ok(vm_protect(user, va(USER + PAGE_SIZE), 7 * PAGE_SIZE, PT_WRITE | PT_USER));
    expect_area(USER, USER, USER + 8 * PAGE_SIZE, PT_WRITE | PT_USER);
    assert_ok(vm_write(USER + 3 * PAGE_SIZE, 4));
    stranger.name = "stranger";
    assert_ok(map(&stranger));
    assert_ok(map_exactly(USER + 11 * PAGE_SIZE, 2, VM_GUARDED));
    assert_ok(vm_protect(user, va(USER), 10 * PAGE_SIZE, PT_USER));
    expect_area(USER, USER, USER + 8 * PAGE_SIZE, PT_USER);
    assert_ok(vm_protect(user, va(USER + 11 * PAGE_SIZE), PAGE_SIZE, PT_USER));
    assert_ok(vm_protect(user, va(USER + 12 * PAGE_SIZE), PAGE_SIZE, PT_USER));
    expect_area(USER + 12 * PAGE_SIZE, USER + 11 * PAGE_SIZE, USER + 13 * PAGE_SIZE, PT_USER);
    assert_int_equal(vm_write(USER + 10 * PAGE_SIZE, 1), STATUS_DENIED);
    assert_int_equal(vm_write(USER + 13 * PAGE_SIZE, 1), STATUS_DENIED);
    assert_ok(vm_space_check(user));
}

static void protecting_needs_areas(void **state)
{
    /* A range with a hole, a guard, or a record of another module's is refused as a whole, and
     * so is W+X. */
    struct vm_request guard = { .address = va(USER + 6 * PAGE_SIZE),
                                .size_bytes = PAGE_SIZE,
                                .kind = VM_GUARD,
                                .flags = VM_EXACT,
                                .name = "wall" };

    (void)state;
    assert_ok(map_exactly(USER, 2, 0));
    assert_ok(map_exactly(USER + 3 * PAGE_SIZE, 3, 0));
    assert_ok(map(&guard));
    assert_int_equal(vm_protect(user, va(USER), 4 * PAGE_SIZE, 0), STATUS_NOT_FOUND);
    assert_int_equal(vm_protect(user, va(USER - PAGE_SIZE), 2 * PAGE_SIZE, 0), STATUS_NOT_FOUND);
    assert_int_equal(vm_protect(user, va(USER + 3 * PAGE_SIZE), 4 * PAGE_SIZE, 0), STATUS_DENIED);
    assert_int_equal(vm_protect(user, va(USER), PAGE_SIZE, PT_WRITE | PT_EXECUTE), STATUS_DENIED);
    assert_int_equal(vm_protect(user, va(USER), PAGE_SIZE, PT_DIRTY), STATUS_INVALID);
    assert_int_equal(
        vm_protect(vm_kernel(), va((uintptr_t)vm_machine.handoff.kernel_va), PAGE_SIZE, 0),
        STATUS_DENIED);
    expect_area(USER, USER, USER + 2 * PAGE_SIZE, PT_WRITE | PT_USER);
    assert_string_equal(query(USER + 6 * PAGE_SIZE).name, "wall");
}

/* --- fixed areas and the kernel's conveniences ------------------------------------------- */

static void fixed_areas_keep_their_target(void **state)
{
    /* Given frames appear where asked, survive a cut in the middle, and are not freed. */
    struct vm_request request = { .address = va(USER),
                                  .size_bytes = 8 * PAGE_SIZE,
                                  .rights = PT_WRITE,
                                  .kind = VM_FIXED,
                                  .flags = VM_EXACT,
                                  .target = pa(40 * GiB),
                                  .name = "fixed" };
    paddr_t target;

    (void)state;
    assert_ok(map(&request));
    assert_ok(vm_unmap(user, va(USER + 2 * PAGE_SIZE), 2 * PAGE_SIZE));
    assert_true(fake_mmu_access(USER + 5 * PAGE_SIZE, FAKE_WRITE, &target, NULL));
    assert_int_equal(pa_value(target), 40 * GiB + 5 * PAGE_SIZE);
    assert_int_equal(vm_touch(USER + 2 * PAGE_SIZE, FAKE_READ, &target), STATUS_NOT_FOUND);
    assert_int_equal(vm_touch(USER, FAKE_EXECUTE, &target), STATUS_DENIED);
}

static void kernel_memory(void **state)
{
    /* vm_alloc() gives zeroed memory between guard pages, seen from every space, and vm_free() all
     * of it back. */
    uint64_t before = machine_free_frames();
    void *memory, *other;
    uint64_t value = 1;

    (void)state;
    assert_ok(vm_alloc(5 * PAGE_SIZE + 1, "buffer", &memory));
    for (unsigned i = 0; i < 6; i++) {
        assert_ok(vm_read(va_value(va_of(memory)) + i * PAGE_SIZE, &value));
        assert_int_equal(value, 0);
    }
    assert_int_equal(vm_write(va_value(va_of(memory)) - 8, 1), STATUS_DENIED);
    assert_int_equal(vm_write(va_value(va_of(memory)) + 6 * PAGE_SIZE, 1), STATUS_DENIED);
    assert_ok(vm_alloc(1, "next", &other));
    assert_ok(vm_write(va_value(va_of(other)), 7));
    assert_int_equal(vm_free((char *)memory + PAGE_SIZE), STATUS_INVALID);
    assert_ok(vm_free(memory));
    assert_int_equal(vm_free(memory), STATUS_NOT_FOUND);
    assert_ok(vm_free(other));
    assert_int_equal(vm_free(arch_phys_ptr(pa(0))), STATUS_NOT_FOUND);
    assert_int_equal(vm_free(va_ptr(va((uintptr_t)vm_machine.handoff.kernel_va))), STATUS_DENIED);
    fake_mmu_check();
    assert_true(before - machine_free_frames() <= 1); /* a table of the window may stay */
    free_before -= before - machine_free_frames();
}

static void devices_and_frames(void **state)
{
    /* Registers are mapped uncached at any byte; general memory is not mapped as a device. */
    struct pt_mapping leaf;
    paddr_t target;
    void *registers, *table;

    (void)state;
    assert_ok(vm_map_device(pa(50 * GiB + 0x123), 0x2000, "registers", &registers));
    assert_ok(vm_touch(va_value(va_of(registers)), FAKE_WRITE, &target));
    assert_int_equal(pa_value(target), 50 * GiB + 0x123);
    assert_ok(pt_query(paging_kernel_table(), va_of(registers), &leaf));
    assert_int_equal(leaf.flags & PT_CACHE_MASK, PT_UNCACHED);
    assert_ok(vm_touch(va_value(va_of(registers)) + 0x1fff, FAKE_WRITE, &target));
    assert_int_equal(vm_map_device(pa(16 * MiB), PAGE_SIZE, "RAM", &table), STATUS_DENIED);
    assert_int_equal(vm_map_device(pa(UINT64_MAX), PAGE_SIZE, "wraps", &table), STATUS_INVALID);
    assert_int_equal(vm_map_device(pa(50 * GiB), 0, "nothing", &table), STATUS_INVALID);
    assert_ok(vm_map_frames(pa(17 * MiB + 5), 10, 0, "table", &table));
    assert_int_equal(vm_touch(va_value(va_of(table)), FAKE_WRITE, &target), STATUS_DENIED);
    assert_ok(vm_touch(va_value(va_of(table)), FAKE_READ, &target));
    assert_int_equal(pa_value(target), 17 * MiB + 5);
    assert_ok(vm_free(registers));
    assert_ok(vm_free(table));
}

#define DEVICE (50 * GiB)
#define DENIED(target, pages, rights)                                                              \
    assert_int_equal(vm_map_frames(pa(target), (pages)*PAGE_SIZE, rights, "other", &other),        \
                     STATUS_DENIED)

static void one_frame_has_one_type(void **state)
{
    /* What is mapped with one memory type is refused with another, whatever page of it is asked for, and also when
     * a mapping changes; with the same type, and after the first is gone, it is mapped. */
    void *first, *other, *ram;

    (void)state;
    assert_ok(vm_map_device(pa(DEVICE), 4 * PAGE_SIZE, "registers", &first));
    DENIED(DEVICE, 1, PT_WRITE_COMBINING);
    DENIED(DEVICE - PAGE_SIZE, 2, PT_WRITE | PT_WRITE_COMBINING);
    DENIED(DEVICE + 3 * PAGE_SIZE, 8, PT_WRITE_THROUGH);
    DENIED(DEVICE - PAGE_SIZE, 16, PT_WRITE_BACK);
    assert_ok(
        vm_map_frames(pa(DEVICE + 4 * PAGE_SIZE), PAGE_SIZE, PT_WRITE_COMBINING, "behind", &other));
    assert_ok(vm_free(other));
    assert_ok(vm_map_frames(pa(DEVICE), PAGE_SIZE, PT_UNCACHED, "same", &other));
    assert_int_equal(vm_protect(vm_kernel(), va_of(first), 4 * PAGE_SIZE, PT_WRITE_COMBINING),
                     STATUS_DENIED);
    assert_ok(vm_protect(vm_kernel(), va_of(first), 4 * PAGE_SIZE, PT_UNCACHED));
    assert_ok(vm_free(other));
    assert_ok(vm_protect(vm_kernel(), va_of(first), 4 * PAGE_SIZE, PT_WRITE_COMBINING));
    DENIED(DEVICE, 1, PT_UNCACHED);
    assert_ok(vm_free(first));
    assert_ok(vm_map_device(pa(DEVICE), PAGE_SIZE, "again", &first));
    assert_ok(vm_free(first));
    DENIED(16 * MiB, 1, PT_UNCACHED);
    DENIED(16 * MiB, 1, PT_WRITE | PT_WRITE_COMBINING);
    assert_ok(vm_map_frames(pa(16 * MiB), PAGE_SIZE, PT_WRITE_BACK, "table", &ram));
    assert_int_equal(vm_protect(vm_kernel(), va_of(ram), PAGE_SIZE, PT_UNCACHED), STATUS_DENIED);
    assert_ok(vm_free(ram));
    assert_int_equal(vm_map_frames(pa(UINT64_MAX - PAGE_MASK), PAGE_SIZE, PT_UNCACHED, "end", &ram),
                     STATUS_INVALID);
}

static void the_kernel_knows_its_parts(void **state)
{
    /* What the loader mapped is found by name, is not unmapped through the VMM, and its pages do
     * not fault in. */
    static const struct {
        uint64_t offset;
        const char *name;
        unsigned rights;
    } parts[] = {
        { 0, "kernel text", PT_EXECUTE },
        { VM_TEXT_BYTES, "kernel constants", 0 },
        { VM_TEXT_BYTES + VM_RODATA_BYTES, "kernel data", PT_WRITE },
    };
    struct vm_area_info info;
    paddr_t target;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(parts); i++) {
        uintptr_t address = (uintptr_t)(vm_machine.handoff.kernel_va + parts[i].offset);

        assert_ok(vm_query(vm_kernel(), va(address), &info));
        assert_string_equal(info.name, parts[i].name);
        assert_int_equal(info.rights, parts[i].rights);
        assert_int_equal(vm_unmap(vm_kernel(), va(address), PAGE_SIZE), STATUS_DENIED);
    }
    assert_ok(vm_query(vm_kernel(), va((uintptr_t)vm_machine.handoff.direct_map_va + MiB), &info));
    assert_string_equal(info.name, "direct map");
    assert_ok(vm_query(vm_kernel(), va(LAYOUT_AREAS_START), &info));
    assert_string_equal(info.name, "framebuffer");
    assert_int_equal(info.rights, PT_WRITE | PT_WRITE_COMBINING);
    assert_int_equal(vm_touch((uintptr_t)vm_machine.handoff.kernel_va, FAKE_WRITE, &target),
                     STATUS_DENIED);
}

/* --- visiting ---------------------------------------------------------------------------- */

static bool count_area(void *context, const struct vm_area_info *area)
{
    unsigned *count = context;

    assert_true(area->size_bytes > 0);
    return ++*count < 3;
}

static void visits_in_order(void **state)
{
    /* Areas are visited in ascending order until the visitor has enough. */
    unsigned count = 0;

    (void)state;
    for (unsigned i = 0; i < 5; i++)
        assert_ok(map_exactly(USER + (9 - i) * 2 * PAGE_SIZE, 1, 0));
    vm_visit(user, count_area, &count);
    assert_int_equal(count, 3);
}

static void a_thousand_spaces(void **state)
{
    /* Spaces that are made, filled and destroyed leave the number of free frames as it was. */
    uint64_t before = machine_free_frames();

    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        struct vm_space *space;
        struct vm_request request = anonymous(USER, 3, VM_EXACT | VM_POPULATE);

        assert_ok(vm_space_create(&space));
        assert_ok(vm_map(space, &request, &(vaddr_t){ 0 }));
        vm_space_destroy(space);
    }
    assert_int_equal(machine_free_frames(), before);
}

static void the_current_space_can_be_destroyed(void **state)
{
    /* A processor that runs in a space that is destroyed goes on in the kernel's. */
    struct vm_space *space;

    (void)state;
    assert_ok(vm_space_create(&space));
    vm_space_switch(space);
    assert_ptr_equal(vm_space_current(), space);
    assert_int_equal(pa_value(arch_root_read()), pa_value(vm_space_table(space)->root));
    vm_space_destroy(space);
    assert_ptr_equal(vm_space_current(), vm_kernel());
    assert_int_equal(pa_value(arch_root_read()), pa_value(paging_kernel_table()->root));
}

/* Lets each record that mapping a page needs fail once, then maps it; how many records it needed. */
static unsigned map_in_spite(uintptr_t address)
{
    struct vm_request request = anonymous(address, 1, VM_EXACT);
    enum status status = STATUS_NO_MEMORY;
    unsigned needed = 0;

    while (status != STATUS_OK) {
        fail_alloc_start(needed + 1, 1);
        status = map(&request);
        fail_alloc_stop();
        if (status == STATUS_OK)
            break;
        assert_int_equal(status, STATUS_NO_MEMORY);
        expect_nothing(address);
        needed++;
    }
    return needed;
}

static void without_records_nothing_changes(void **state)
{
    /* Without a record for a space, an area, or a node of the tree there is no memory, and nothing else
     * happens: it can be had later. */
    struct vm_space *space = user;
    unsigned most = 0;

    (void)state;
    fail_alloc_start(1, 1);
    assert_int_equal(vm_space_create(&space), STATUS_NO_MEMORY);
    fail_alloc_stop();
    assert_ptr_equal(space, user);
    for (unsigned i = 0; i < 100; i++) {
        unsigned needed = map_in_spite(USER + 2 * i * PAGE_SIZE);

        assert_true(needed > 0);
        most = needed > most ? needed : most;
        assert_ok(vm_space_check(user));
    }
    assert_true(most > 2); /* the area, and nodes on two levels or the frame of one */
}

struct record {
    uint64_t word[13];
};

static void records_come_and_go(void **state)
{
    /* Records are zeroed and their own, however many there are, and when all are gone so are
     * their frames. */
    static struct vm_cache cache = VM_CACHE_INIT(struct record);
    static struct record *records[500];
    uint64_t before = machine_free_frames();

    (void)state;
    for (unsigned round = 0; round < 4; round++) {
        for (unsigned i = 0; i < ARRAY_COUNT(records); i++) {
            if (records[i] != NULL)
                continue;
            records[i] = vm_cache_alloc(&cache);
            assert_non_null(records[i]);
            for (unsigned k = 0; k < ARRAY_COUNT(records[i]->word); k++)
                assert_int_equal(records[i]->word[k], 0);
            records[i]->word[0] = i;
        }
        for (unsigned i = 0; i < ARRAY_COUNT(records); i++)
            assert_int_equal(records[i]->word[0], i);
        assert_true(before - machine_free_frames() <= 500 / (PAGE_SIZE / 128 - 1) + 1);
        for (unsigned i = round; i < ARRAY_COUNT(records); i += 3) {
            memset(records[i], 0x5a, sizeof(*records[i]));
            vm_cache_free(&cache, records[i]);
            records[i] = NULL;
        }
    }
    for (unsigned i = 0; i < ARRAY_COUNT(records); i++) {
        vm_cache_free(&cache, records[i]);
        records[i] = NULL;
    }
    assert_int_equal(machine_free_frames(), before);
}

static void references_are_counted(void **state)
{
    /* The check of the kernel's space finds an owned frame that has more references than mappings,
     * in an area and in another module's window. */
    struct vm_request window = {
        .size_bytes = PAGE_SIZE, .rights = PT_WRITE, .kind = VM_WINDOW, .name = "window"
    };
    paddr_t targets[2];
    vaddr_t start;
    pfn_t frame;
    void *memory;

    (void)state;
    assert_ok(vm_map(vm_kernel(), &window, &start));
    assert_ok(pmm_alloc_frame(FRAME_KERNEL, &frame));
    assert_ok(paging_map(start, pfn_to_pa(frame), PAGE_SIZE, PT_WRITE | PT_OWNED));
    targets[0] = pfn_to_pa(frame);
    assert_ok(vm_alloc(PAGE_SIZE, "area", &memory));
    assert_ok(paging_translate(va_of(memory), &targets[1]));
    for (unsigned i = 0; i < ARRAY_COUNT(targets); i++) {
        assert_ok(vm_space_check(vm_kernel()));
        frame_get(pa_to_pfn(targets[i]));
        host_log_clear();
        assert_int_equal(vm_space_check(vm_kernel()), STATUS_CORRUPT);
        assert_true(host_log_contains("more references than mappings"));
        frame_put(pa_to_pfn(targets[i]));
    }
    assert_ok(vm_free(memory));
    assert_ok(paging_unmap(start, PAGE_SIZE, false));
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CASE(exact_places),
        CASE(wishes_and_anywhere),
        CASE(slides_are_of_a_seed),
        CASE(windows_slide),
        CASE(bad_requests),
        CASE(unmapping_cuts_areas),
        CASE(guards_go_with_their_end),
        CASE(protecting_cuts_areas),
        CASE(parts_that_are_alike_again_are_joined),
        CASE(protecting_needs_areas),
        CASE(fixed_areas_keep_their_target),
        CASE(kernel_memory),
        CASE(devices_and_frames),
        CASE(one_frame_has_one_type),
        CASE(the_kernel_knows_its_parts),
        CASE(visits_in_order),
        CASE(a_thousand_spaces),
        CASE(the_current_space_can_be_destroyed),
        CASE(without_records_nothing_changes),
        CASE(records_come_and_go),
        CASE(references_are_counted),
    };

    return cmocka_run_group_tests_name("vmm", tests, NULL, NULL);
}
