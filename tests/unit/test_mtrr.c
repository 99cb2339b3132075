/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_mtrr.c - properties of memory types: what range registers say, and what they let be mapped.
 */
#include "host_log.h"
#include "mm/mtrr.h"
#include "mm/vmm.h"
#include "vm_machine.h"

#define ENABLED     (1u << 11)
#define FIXED       (1u << 10)
#define VALID       (1u << 11)
#define ADDRESSES   (((uint64_t)1 << 40) - 1)
#define DEVICES     (3 * GiB)
#define PIECE       (256 * MiB)
#define FRAMEBUFFER (DEVICES + PIECE)

static struct mtrr_registers registers;

static void add(uint64_t base, uint64_t size, enum mtrr_type type)
{
    registers.variable[registers.variable_count++] =
        (struct mtrr_variable){ base | type, (ADDRESSES & ~(size - 1)) | VALID };
}

/* As most firmware does it: write-back, but for the devices below 4 GiB; VGA in the first MiB. */
static int setup(void **state)
{
    (void)state;
    vm_machine_boot(4);
    host_log_clear();
    registers = (struct mtrr_registers){ .default_type = ENABLED | FIXED | MTRR_WRITE_BACK,
                                         .has_fixed = true,
                                         .physical_bits = 40 };
    for (unsigned i = 0; i < MTRR_FIXED_COUNT; i++)
        registers.fixed[i] = 0x0606060606060606;
    registers.fixed[2] = 0;                  /* A0000 to BFFFF */
    registers.fixed[3] = 0x0505050505050500; /* C0000, and write-protected up to C7FFF */
    add(DEVICES, GiB, MTRR_UNCACHED);
    add(6 * GiB, PIECE, MTRR_WRITE_COMBINING);
    mtrr_start(&registers);
    return 0;
}

static int teardown(void **state)
{
    mtrr_start(NULL);
    return vm_machine_stop(state);
}

static void expect(uint64_t address, enum mtrr_type type, uint64_t end)
{
    uint64_t found;

    assert_int_equal(mtrr_type_at(pa(address), &found), type);
    assert_int_equal(found, end);
}

static void fixed_ranges_rule_the_first_mebibyte(void **state)
{
    /* 64 KiB, 16 KiB and 4 KiB each, the lowest byte of a register first, and only where enabled. */
    (void)state;
    expect(0, MTRR_WRITE_BACK, 64 * KiB);
    expect(0x9ffff, MTRR_WRITE_BACK, 0xa0000);
    expect(0xa0000, MTRR_UNCACHED, 0xa4000);
    expect(0xbffff, MTRR_UNCACHED, 0xc0000);
    expect(0xc0000, MTRR_UNCACHED, 0xc1000);
    expect(0xc1000, MTRR_WRITE_PROTECTED, 0xc2000);
    expect(0xc8000, MTRR_WRITE_BACK, 0xc9000);
    expect(0xfffff, MTRR_WRITE_BACK, MiB);
    registers.default_type &= ~(uint64_t)FIXED;
    mtrr_start(&registers);
    expect(0xa0000, MTRR_WRITE_BACK, DEVICES);
}

static void variable_ranges_and_the_default(void **state)
{
    /* A range has its type from its first byte to its last, the default is around it. */
    (void)state;
    expect(MiB, MTRR_WRITE_BACK, DEVICES);
    expect(DEVICES - 1, MTRR_WRITE_BACK, DEVICES);
    expect(DEVICES, MTRR_UNCACHED, 4 * GiB);
    expect(4 * GiB - 1, MTRR_UNCACHED, 4 * GiB);
    expect(4 * GiB, MTRR_WRITE_BACK, 6 * GiB);
    expect(6 * GiB, MTRR_WRITE_COMBINING, 6 * GiB + PIECE);
    expect(6 * GiB + PIECE, MTRR_WRITE_BACK, UINT64_MAX);
    registers.variable[0].mask &= ~(uint64_t)VALID;
    mtrr_start(&registers);
    expect(DEVICES, MTRR_WRITE_BACK, 6 * GiB);
}

static void overlaps(void **state)
{
    /* Uncached wins, write-through wins over write-back, what is undefined is uncached. */
    (void)state;
    add(DEVICES, PIECE, MTRR_WRITE_BACK);
    add(6 * GiB, PIECE, MTRR_WRITE_BACK);
    add(8 * GiB, GiB, MTRR_WRITE_BACK);
    add(8 * GiB, PIECE, MTRR_WRITE_THROUGH);
    mtrr_start(&registers);
    expect(DEVICES, MTRR_UNCACHED, DEVICES + PIECE);
    expect(6 * GiB, MTRR_UNCACHED, 6 * GiB + PIECE);
    expect(8 * GiB, MTRR_WRITE_THROUGH, 8 * GiB + PIECE);
    expect(8 * GiB + PIECE, MTRR_WRITE_BACK, 9 * GiB);
}

static void odd_registers(void **state)
{
    /* Masks with holes repeat, an empty mask matches all, reserved types are not cached. */
    (void)state;
    registers.variable_count = 0;
    registers.variable[registers.variable_count++] =
        (struct mtrr_variable){ MTRR_WRITE_THROUGH, MiB | VALID };
    mtrr_start(&registers);
    expect(8 * MiB, MTRR_WRITE_THROUGH, 9 * MiB);
    expect(9 * MiB, MTRR_WRITE_BACK, 10 * MiB);
    expect(10 * MiB, MTRR_WRITE_THROUGH, 11 * MiB);
    registers.variable[0] = (struct mtrr_variable){ 3, VALID };
    mtrr_start(&registers);
    expect(8 * MiB, MTRR_UNCACHED, UINT64_MAX);
}

static void no_registers(void **state)
{
    /* Without registers, or with all of them off, nothing conflicts; off is said to be slow. */
    (void)state;
    mtrr_start(NULL);
    expect(DEVICES, MTRR_WRITE_BACK, UINT64_MAX);
    assert_int_equal(host_log_count(LOG_WARNING), 0);
    registers.default_type &= ~(uint64_t)ENABLED;
    mtrr_start(&registers);
    expect(DEVICES, MTRR_WRITE_BACK, UINT64_MAX);
    assert_true(host_log_contains("this machine is slow"));
}

static void what_agrees(void **state)
{
    /* Write-back needs write-back, write-through no less; all else is what it is called. */
    static const enum mtrr_type types[] = { MTRR_UNCACHED, MTRR_WRITE_COMBINING, MTRR_WRITE_THROUGH,
                                            MTRR_WRITE_PROTECTED, MTRR_WRITE_BACK };

    (void)state;
    for (unsigned i = 0; i < ARRAY_COUNT(types); i++) {
        assert_int_equal(mtrr_agrees(types[i], PT_WRITE_BACK), types[i] == MTRR_WRITE_BACK);
        assert_int_equal(mtrr_agrees(types[i], PT_WRITE_THROUGH),
                         types[i] == MTRR_WRITE_BACK || types[i] == MTRR_WRITE_THROUGH);
        assert_true(mtrr_agrees(types[i], PT_WRITE_COMBINING | PT_WRITE));
        assert_true(mtrr_agrees(types[i], PT_UNCACHED_MINUS));
        assert_true(mtrr_agrees(types[i], PT_UNCACHED));
    }
}

static void conflicts_are_refused(void **state)
{
    /* A mapping that would not have the type it asks for, on any page, is refused with both names. */
    void *memory;

    (void)state;
    assert_int_equal(vm_map_frames(pa(DEVICES), PAGE_SIZE, PT_WRITE, "cached registers", &memory),
                     STATUS_DENIED);
    assert_true(host_log_contains("0xc0000000 is uncached"));
    assert_true(host_log_contains("cannot be mapped write-back"));
    assert_int_equal(
        vm_map_frames(pa(DEVICES - PAGE_SIZE), 2 * PAGE_SIZE, PT_WRITE, "across", &memory),
        STATUS_DENIED);
    assert_ok(vm_map_device(pa(DEVICES), PAGE_SIZE, "registers", &memory));
    assert_int_equal(vm_protect(vm_kernel(), va_of(memory), PAGE_SIZE, PT_WRITE), STATUS_DENIED);
    assert_ok(vm_free(memory));
    assert_ok(vm_map_frames(pa(FRAMEBUFFER), PAGE_SIZE, PT_WRITE | PT_WRITE_COMBINING, "screen",
                            &memory));
    assert_ok(vm_free(memory));
    assert_ok(vm_map_frames(pa(5 * GiB), PAGE_SIZE, PT_WRITE_THROUGH, "written through", &memory));
    assert_ok(vm_free(memory));
}

static void the_last_address(void **state)
{
    /* A range that reaches the end of all addresses is looked at once, with registers and without. */
    uint64_t start = UINT64_MAX - PAGE_MASK;

    (void)state;
    assert_ok(mtrr_check_range(pa(start), PAGE_SIZE, PT_WRITE_BACK));
    registers.variable[0] = (struct mtrr_variable){ MTRR_WRITE_BACK, MiB | VALID };
    mtrr_start(&registers);
    assert_ok(mtrr_check_range(pa(start), PAGE_SIZE, PT_WRITE_BACK));
    mtrr_start(NULL);
    assert_ok(mtrr_check_range(pa(start), PAGE_SIZE, PT_WRITE_BACK));
}

static void slow_memory_is_told(void **state)
{
    /* RAM that is not cached is named by its ends, once a piece; the rest of the table is not. */
    struct region rows[] = {
        { .base = 2 * GiB, .size_bytes = GiB + 2 * MiB, .type = E820_USABLE },
        { .base = FRAMEBUFFER, .size_bytes = MiB, .type = E820_RESERVED },
    };
    struct memmap map = { .regions = rows, .count = ARRAY_COUNT(rows) };

    (void)state;
    mtrr_check_memory(&map);
    assert_int_equal(host_log_count(LOG_WARNING), 1);
    assert_true(host_log_contains("usable memory from 0xc0000000 to 0xc01fffff is uncached"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(fixed_ranges_rule_the_first_mebibyte, setup, teardown),
        cmocka_unit_test_setup_teardown(variable_ranges_and_the_default, setup, teardown),
        cmocka_unit_test_setup_teardown(overlaps, setup, teardown),
        cmocka_unit_test_setup_teardown(odd_registers, setup, teardown),
        cmocka_unit_test_setup_teardown(no_registers, setup, teardown),
        cmocka_unit_test_setup_teardown(what_agrees, setup, teardown),
        cmocka_unit_test_setup_teardown(conflicts_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(the_last_address, setup, teardown),
        cmocka_unit_test_setup_teardown(slow_memory_is_told, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
