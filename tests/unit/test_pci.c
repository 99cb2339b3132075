/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_pci.c - the walk ends whatever bridges claim, and registers tell ranges or nothing at all.
 *
 * The fake configuration space has registers with a mask of the bits that can be written. It
 * fails a test whose code writes to a base address while the function decodes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dev/pci.h"
#include "host_log.h"

#define FAKES_MAX  300u
#define COMMAND    1u
#define CLASS      2u
#define HEADER     3u
#define BAR0       4u
#define ROM        12u
#define DECODING   3u
#define CLASS_HOST 0x06000000u
#define BRIDGE     0x010000u
#define MULTIPLE   0x800000u

struct fake {
    struct pci_place place;
    uint32_t registers[64];
    uint32_t writable[64];
};

struct space {
    struct fake fakes[FAKES_MAX];
    unsigned count;
    bool everywhere; /* every place answers as fake 0 */
    unsigned writes;
    struct pci_config config;
    struct pci_function found[16]; /* the first of them */
    unsigned found_count;
    unsigned stop_after; /* 0: never */
};

static bool same(struct pci_place a, struct pci_place b)
{
    return a.segment == b.segment && a.bus == b.bus && a.device == b.device &&
           a.function == b.function;
}

static struct fake *find(struct space *space, struct pci_place place)
{
    for (unsigned i = 0; i < space->count; i++)
        if (same(space->fakes[i].place, place))
            return &space->fakes[i];
    return space->everywhere ? &space->fakes[0] : NULL;
}

static uint32_t fake_read32(void *context, struct pci_place place, unsigned offset)
{
    const struct fake *fake = find(context, place);

    assert_true(offset < 256 && offset % 4 == 0);
    return fake == NULL ? 0xffffffff : fake->registers[offset / 4];
}

static void fake_write32(void *context, struct pci_place place, unsigned offset, uint32_t value)
{
    struct fake *fake = find(context, place);

    assert_non_null(fake);
    assert_int_equal(fake->registers[COMMAND] & DECODING, 0);
    fake->registers[offset / 4] = (value & fake->writable[offset / 4]) |
                                  (fake->registers[offset / 4] & ~fake->writable[offset / 4]);
    ((struct space *)context)->writes++;
}

/* The command register alone; a write to the status above would clear what it reports. */
static void fake_write16(void *context, struct pci_place place, unsigned offset, uint16_t value)
{
    struct fake *fake = find(context, place);

    assert_non_null(fake);
    assert_int_equal(offset, 4 * COMMAND);
    fake->registers[COMMAND] = (fake->registers[COMMAND] & 0xffff0000) | value;
}

static bool note(void *context, const struct pci_function *function)
{
    struct space *space = context;

    if (space->found_count < ARRAY_COUNT(space->found))
        space->found[space->found_count] = *function;
    space->found_count++;
    return space->found_count != space->stop_after;
}

static struct fake *put(struct space *space, uint8_t bus, uint8_t device, uint8_t function)
{
    struct fake *fake = &space->fakes[space->count++];

    assert_true(space->count <= FAKES_MAX);
    *fake = (struct fake){ .place = { 0, bus, device, function } };
    fake->registers[0] = 0x11111234;
    fake->registers[COMMAND] = 0x02900007;
    fake->registers[CLASS] = 0x02000001;
    return fake;
}

static struct fake *put_bridge(struct space *space, uint8_t bus, uint8_t device, uint8_t secondary)
{
    struct fake *fake = put(space, bus, device, 0);

    fake->registers[CLASS] = 0x06040000;
    fake->registers[HEADER] = BRIDGE;
    fake->registers[6] = (uint32_t)secondary << 16 | (uint32_t)secondary << 8 | bus;
    return fake;
}

static void set(struct fake *fake, unsigned number, uint32_t value, uint32_t writable)
{
    fake->registers[number] = value;
    fake->writable[number] = writable;
}

static void scan(struct space *space)
{
    space->found_count = 0;
    host_log_clear();
    pci_scan(&space->config, 0, 0, 255, note, space);
}

static int setup(void **state)
{
    struct space *space = calloc(1, sizeof(*space));

    assert_non_null(space);
    space->config = (struct pci_config){ fake_read32, fake_write32, fake_write16, space };
    *state = space;
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

/* --- the walk ---------------------------------------------------------------------------- */

static void functions_are_found(void **state)
{
    /* Functions beyond 0 count only where the device says so, gaps between them included. */
    struct space *space = *state;

    put(space, 0, 3, 0)->registers[HEADER] = MULTIPLE;
    put(space, 0, 3, 7);
    put(space, 0, 4, 0);
    put(space, 0, 4, 1);
    put(space, 0, 5, 1);
    put(space, 9, 0, 0);
    scan(space);
    assert_int_equal(space->found_count, 3);
    assert_int_equal(space->found[1].place.function, 7);
    assert_int_equal(space->found[2].place.device, 4);
    space->stop_after = 2;
    scan(space);
    assert_int_equal(space->found_count, 2);
}

static void buses_out_of_order(void **state)
{
    /* Bridges lead anywhere, to lower buses too, and what is behind them is found. */
    struct space *space = *state;

    put_bridge(space, 0, 1, 200);
    put_bridge(space, 200, 31, 3);
    put_bridge(space, 3, 0, 255);
    put(space, 255, 31, 0);
    scan(space);
    assert_int_equal(space->found_count, 4);
    assert_int_equal(space->found[3].place.bus, 255);
    assert_int_equal(space->found[0].secondary, 200);
    assert_int_equal(host_log_count(LOG_WARNING), 0);
}

static void buses_of_other_host_bridges(void **state)
{
    /* Where the first bus shows several host bridges, buses that none leads to are found, and what is
     * behind them; a bus that answers as the first one does is no other bus. */
    struct space *space = *state;

    put(space, 0, 0, 0)->registers[CLASS] = CLASS_HOST;
    put(space, 128, 3, 0);
    put_bridge(space, 128, 4, 129);
    put(space, 129, 0, 0);
    scan(space);
    assert_int_equal(space->found_count, 1);
    put(space, 0, 5, 0)->registers[CLASS] = CLASS_HOST;
    for (unsigned device = 0; device < 6; device += 5)
        put(space, 64, (uint8_t)device, 0); /* the first bus's ghost */
    scan(space);
    assert_int_equal(space->found_count, 5);
    assert_int_equal(space->found[2].place.bus, 128);
    assert_int_equal(space->found[4].place.bus, 129);
    space->stop_after = 3;
    scan(space);
    assert_int_equal(space->found_count, 3);
}

static void bridge_loops(void **state)
{
    /* A bridge to its own bus, back up, or to a bus that another one has, is told of and not followed. */
    struct space *space = *state;

    put_bridge(space, 0, 1, 1);
    put_bridge(space, 0, 2, 1);
    put_bridge(space, 0, 3, 0); /* not set up */
    put_bridge(space, 1, 0, 1);
    put_bridge(space, 1, 1, 2);
    put_bridge(space, 2, 0, 1);
    scan(space);
    assert_int_equal(space->found_count, 6);
    assert_int_equal(host_log_count(LOG_WARNING), 3);
}

static void a_bus_out_of_reach(void **state)
{
    /* A bus beyond the range that can be reached is not read. */
    struct space *space = *state;

    put_bridge(space, 0, 1, 16);
    put(space, 16, 0, 0);
    host_log_clear();
    pci_scan(&space->config, 0, 0, 15, note, space);
    assert_int_equal(space->found_count, 1);
    assert_true(host_log_contains("which cannot be reached"));
}

static void a_space_of_nothing_or_all(void **state)
{
    /* All ones everywhere is nobody; where every place answers, the walk ends all the same. */
    struct space *space = *state;
    struct fake *bridge;

    scan(space);
    assert_int_equal(space->found_count, 0);
    bridge = put_bridge(space, 0, 0, 5);
    bridge->registers[HEADER] |= MULTIPLE;
    space->everywhere = true;
    scan(space);
    assert_int_equal(space->found_count, 2 * PCI_DEVICES * PCI_FUNCTIONS); /* buses 0 and 5 */
}

static void host_bridges(void **state)
{
    /* Nothing is written to a host bridge. */
    struct space *space = *state;
    struct fake *fake = put(space, 0, 0, 0);

    fake->registers[CLASS] = CLASS_HOST;
    set(fake, BAR0, 0xe0000000, 0xf0000000);
    scan(space);
    assert_int_equal(space->found_count, 1);
    assert_int_equal(space->found[0].range_count, 0);
    assert_int_equal(space->writes, 0);
}

/* --- ranges ------------------------------------------------------------------------------ */

static void expect(const struct pci_range *range, enum pci_range_kind kind, unsigned number,
                   uint64_t base, uint64_t size_bytes)
{
    assert_int_equal(range->kind, kind);
    assert_int_equal(range->number, number);
    assert_int_equal(range->base, base);
    assert_int_equal(range->size_bytes, size_bytes);
}

static void registers_of_all_kinds(void **state)
{
    /* Ports, 32-bit and 64-bit memory and the ROM are sized, and every register is as before. */
    struct space *space = *state;
    struct fake *fake = put(space, 0, 1, 0);
    const struct pci_range *ranges = space->found[0].ranges;
    struct fake before;

    set(fake, BAR0, 0xc001, 0xffe0);             /* 32 ports; the upper half reads as zeros */
    set(fake, BAR0 + 1, 0xfebf0000, 0xffff0000); /* 64 KiB */
    set(fake, BAR0 + 2, 0x0000000c, 0);          /* 64 bits, prefetchable, 16 GiB at 64 GiB */
    set(fake, BAR0 + 3, 0x10, 0xfffffffc);
    set(fake, ROM, 0xfeb80001, 0xfffe0001);
    before = *fake;
    scan(space);
    assert_memory_equal(before.registers, fake->registers, sizeof(before.registers));
    assert_int_equal(space->found[0].range_count, 4);
    expect(&ranges[0], PCI_BAR, 0, 0xc000, 32);
    assert_true(ranges[0].io && ranges[0].enabled);
    expect(&ranges[1], PCI_BAR, 1, 0xfebf0000, 64 * KiB);
    assert_true(!ranges[1].wide && !ranges[1].prefetchable);
    expect(&ranges[2], PCI_BAR, 2, 64 * GiB, 16 * GiB);
    assert_true(ranges[2].wide && ranges[2].prefetchable);
    expect(&ranges[3], PCI_ROM, 0, 0xfeb80000, 128 * KiB);
    assert_true(ranges[3].enabled);
    assert_int_equal(host_log_count(LOG_WARNING), 0);
}

static void what_is_off(void **state)
{
    /* Ranges of a function that decodes nothing are told as off; a ROM that was left sized has no place. */
    struct space *space = *state;
    struct fake *fake = put(space, 0, 1, 0);

    fake->registers[COMMAND] = 0;
    set(fake, BAR0, 0xfebf0000, 0xffff0000);
    set(fake, ROM, 0xfffe0000, 0xfffe0001);
    scan(space);
    assert_int_equal(space->found[0].range_count, 2);
    assert_false(space->found[0].ranges[0].enabled);
    expect(&space->found[0].ranges[1], PCI_ROM, 0, 0, 128 * KiB);
    assert_int_equal(fake->registers[COMMAND], 0);
}

static void registers_that_lie(void **state)
{
    /* No size, a size with holes, half of a pair, a base off its size, a mad width: left out. */
    static const struct {
        unsigned number;
        uint32_t value, writable;
    } rows[] = {
        { BAR0, 0x80000000, 0xf0f00000 },     /* holes */
        { BAR0, 0x80010000, 0xfff00000 },     /* a base that is no multiple of the size */
        { BAR0, 0x80000006, 0xfff00000 },     /* a width that nobody defines */
        { BAR0 + 5, 0x80000004, 0xfff00000 }, /* the upper half would be the ROM's */
        { BAR0, 0x80000000, 0 },              /* read-only */
        { BAR0, 0x00000008, 0 },              /* flags and nothing else: 4 GiB in 32 bits */
        { BAR0, 0x00000001, 0 },              /* ports without a number */
        { ROM, 0x80000800, 0x0ff00000 },
    };

    for (unsigned i = 0; i < ARRAY_COUNT(rows); i++) {
        struct space *space = *state;
        struct fake *fake;

        space->count = 0;
        fake = put(space, 0, 1, 0);
        set(fake, rows[i].number, rows[i].value, rows[i].writable);
        scan(space);
        if (rows[i].writable == 0 && rows[i].value == 0x80000000) {
            expect(&space->found[0].ranges[0], PCI_BAR, 0, 0x80000000, 2 * GiB);
            continue; /* that is what its bits say */
        }
        assert_int_equal(space->found[0].range_count, 0);
        assert_int_equal(host_log_count(LOG_WARNING), 1);
    }
}

static void fickle_write32(void *context, struct pci_place place, unsigned offset, uint32_t value)
{
    struct fake *fake = find(context, place);

    assert_non_null(fake);
    fake->registers[offset / 4] = value | 0x00100000; /* whatever is written */
}

static void a_register_that_does_not_hold(void **state)
{
    /* A register that does not take its value back is told of. */
    struct space *space = *state;

    set(put(space, 0, 1, 0), BAR0, 0xc0000000, 0xfff00000);
    space->config.write32 = fickle_write32;
    scan(space);
    assert_true(host_log_contains("does not hold what is written to it"));
}

static void windows(void **state)
{
    /* A bridge's windows of both widths are told, closed and missing ones are not. */
    struct space *space = *state;
    struct fake *narrow = put_bridge(space, 0, 1, 1);
    struct fake *wide = put_bridge(space, 0, 2, 2);
    struct fake *closed = put_bridge(space, 0, 3, 3);

    narrow->registers[7] = 0x0000d0c0; /* ports 0xc000 to 0xdfff */
    narrow->registers[8] = 0xfe90fe80; /* 0xfe800000 to 0xfe9fffff */
    wide->registers[7] = 0x00001101;   /* 32 bits: 0x20000 to 0x21fff */
    wide->registers[12] = 0x00020002;
    wide->registers[9] = 0xfff10001; /* 0x8_00000000 to 0x9_ffffffff */
    wide->registers[10] = 8;
    wide->registers[11] = 9;
    closed->registers[7] = 0x000000f0;
    closed->registers[8] = 0x0000fff0;
    closed->registers[9] = 0x0001fff1;
    scan(space);
    assert_int_equal(space->found_count, 3);
    assert_int_equal(space->found[0].range_count, 2);
    expect(&space->found[0].ranges[0], PCI_WINDOW, 0, 0xc000, 0x2000);
    expect(&space->found[0].ranges[1], PCI_WINDOW, 1, 0xfe800000, 2 * MiB);
    assert_int_equal(space->found[1].range_count, 2);
    expect(&space->found[1].ranges[0], PCI_WINDOW, 0, 0x20000, 0x2000);
    expect(&space->found[1].ranges[1], PCI_WINDOW, 2, 32 * GiB, 8 * GiB);
    assert_true(space->found[1].ranges[1].wide && space->found[1].ranges[1].prefetchable);
    assert_int_equal(space->found[2].range_count, 0);
}

static void noise(void **state)
{
    /* Whatever the registers hold and whichever bits can be set, ranges do not wrap and all is put back. */
    struct space *space = *state;
    uint32_t random = 1;

    for (unsigned turn = 0; turn < 3000; turn++) {
        struct fake *fake;
        struct fake before;

        space->count = 0;
        fake = put(space, 0, 1, 0);
        for (unsigned i = CLASS; i < 16; i++) {
            random = random * 1664525u + 1013904223u;
            fake->registers[i] = random;
            random = random * 1664525u + 1013904223u;
            fake->writable[i] = random | (turn % 2 != 0 ? 0xffff0000u : 0);
        }
        before = *fake;
        scan(space);
        assert_memory_equal(before.registers, fake->registers, sizeof(before.registers));
        assert_in_range(space->found_count, 1, PCI_FUNCTIONS);
        assert_true(space->found[0].range_count <= PCI_RANGES_MAX);
        for (unsigned i = 0; i < space->found[0].range_count; i++) {
            const struct pci_range *range = &space->found[0].ranges[i];

            assert_true(range->size_bytes != 0);
            assert_true(range->base + (range->size_bytes - 1) >= range->base);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(functions_are_found, setup, teardown),
        cmocka_unit_test_setup_teardown(buses_out_of_order, setup, teardown),
        cmocka_unit_test_setup_teardown(buses_of_other_host_bridges, setup, teardown),
        cmocka_unit_test_setup_teardown(bridge_loops, setup, teardown),
        cmocka_unit_test_setup_teardown(a_bus_out_of_reach, setup, teardown),
        cmocka_unit_test_setup_teardown(a_space_of_nothing_or_all, setup, teardown),
        cmocka_unit_test_setup_teardown(host_bridges, setup, teardown),
        cmocka_unit_test_setup_teardown(registers_of_all_kinds, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_off, setup, teardown),
        cmocka_unit_test_setup_teardown(registers_that_lie, setup, teardown),
        cmocka_unit_test_setup_teardown(a_register_that_does_not_hold, setup, teardown),
        cmocka_unit_test_setup_teardown(windows, setup, teardown),
        cmocka_unit_test_setup_teardown(noise, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
