/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_mtrr_model.c - memory types by any range registers are those that the manual's rules give page by page.
 *
 * SDM volume 3A, 11.11: a fixed range rules its part of the first MiB; elsewhere each variable range whose
 * base and mask match has a say, and where none does, the default type is it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "host_log.h"
#include "lib/bits.h"
#include "mm/mtrr.h"
#include "mm/pt.h"

#define VALID    (1u << 11)
#define FIXED    (1u << 10)
#define ENABLED  (1u << 11)
#define BITS     23 /* of physical addresses: 8 MiB */
#define PAGES    ((1u << BITS) / PAGE_SIZE)
#define MACHINES 25u

static struct mtrr_registers registers;
static enum mtrr_type types[PAGES]; /* the model */
static uint64_t random_state = 0x2545f4914f6cdd1d;

static uint64_t random_below(uint64_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (random_state >> 8) % limit;
}

/* --- the model ------------------------------------------------------------------------------- */

static enum mtrr_type valid_type(uint64_t bits)
{
    const bool known[] = { true, true, false, false, true, true, true };

    bits &= 0xff;
    return bits < ARRAY_COUNT(known) && known[bits] ? (enum mtrr_type)bits : MTRR_UNCACHED;
}

/* The type of the fixed range that a page of the first MiB is in. */
static enum mtrr_type fixed_type(uint64_t page)
{
    uint64_t range = page < 128 ? page / 16 : page < 192 ? 8 + (page - 128) / 4 : 24 + (page - 192);

    return valid_type(registers.fixed[range / 8] >> (range % 8 * 8));
}

static enum mtrr_type variable_type(uint64_t address)
{
    bool any = false, uncached = false, through = false, other = false;
    enum mtrr_type type = MTRR_UNCACHED;

    for (unsigned i = 0; i < registers.variable_count; i++) {
        uint64_t mask = registers.variable[i].mask & 0xffffff000;
        enum mtrr_type mine = valid_type(registers.variable[i].base);

        if ((registers.variable[i].mask & VALID) == 0 ||
            ((address ^ registers.variable[i].base) & mask & ((1u << BITS) - 1)) != 0)
            continue;
        uncached |= mine == MTRR_UNCACHED;
        through |= mine == MTRR_WRITE_THROUGH;
        other |= any && mine != type && (mine | type) != (MTRR_WRITE_BACK | MTRR_WRITE_THROUGH);
        type = mine;
        any = true;
    }
    if (!any)
        return valid_type(registers.default_type);
    return uncached || other ? MTRR_UNCACHED : through ? MTRR_WRITE_THROUGH : type;
}

static void fill_model(void)
{
    bool fixed = registers.has_fixed && (registers.default_type & FIXED) != 0;

    for (uint64_t page = 0; page < PAGES; page++)
        types[page] = fixed && page < 256 ? fixed_type(page) : variable_type(page * PAGE_SIZE);
}

/* --- machines -------------------------------------------------------------------------------- */

/* Write-back most often, so that something agrees with something. */
static uint64_t random_type(void)
{
    return random_below(3) != 0 ? MTRR_WRITE_BACK : random_below(8);
}

static void random_machine(void)
{
    registers = (struct mtrr_registers){ .has_fixed = random_below(2) == 0, .physical_bits = BITS };
    registers.default_type = ENABLED | (random_below(4) != 0 ? FIXED : 0) | random_type();
    for (unsigned i = 0; i < MTRR_FIXED_COUNT; i++)
        for (unsigned byte = 0; byte < 8; byte++)
            registers.fixed[i] |= random_type() << (8 * byte);
    registers.variable_count = (unsigned)random_below(5);
    for (unsigned i = 0; i < registers.variable_count; i++) {
        uint64_t size = PAGE_SIZE << random_below(BITS - PAGE_SHIFT + 1);
        uint64_t mask = ((1u << BITS) - size) & ~(random_below(4) == 0 ? MiB : 0);

        registers.variable[i].base = random_below(PAGES) * PAGE_SIZE | random_type();
        registers.variable[i].mask = mask | (random_below(4) != 0 ? VALID : 0);
    }
    mtrr_start(&registers);
    fill_model();
}

static bool agrees(enum mtrr_type type, unsigned rights)
{
    if (rights == PT_WRITE_BACK)
        return type == MTRR_WRITE_BACK;
    return rights != PT_WRITE_THROUGH || type == MTRR_WRITE_BACK || type == MTRR_WRITE_THROUGH;
}

static void expect_ranges(void)
{
    static const unsigned rights[] = { PT_WRITE_BACK, PT_WRITE_THROUGH, PT_UNCACHED };

    for (unsigned i = 0; i < 200; i++) {
        uint64_t page = random_below(PAGES - 40);
        uint64_t start = page * PAGE_SIZE + random_below(PAGE_SIZE);
        uint64_t size = 1 + random_below(random_below(2) == 0 ? 2 * PAGE_SIZE : 32 * PAGE_SIZE);
        unsigned wish = rights[random_below(3)];
        bool good = true;

        for (uint64_t at = page; at <= (start + size - 1) / PAGE_SIZE; at++)
            good &= agrees(types[at], wish);
        assert_int_equal(mtrr_check_range(pa(start), size, wish), good ? STATUS_OK : STATUS_DENIED);
    }
}

/* --- tests ----------------------------------------------------------------------------------- */

static void every_page_has_its_type(void **state)
{
    /* Each page has the model's type from either end, and keeps it as far as is said; ranges that begin and
     * end anywhere are refused when one of their pages would not have the type that is wished for. */
    (void)state;
    for (unsigned machine = 0; machine < MACHINES; machine++) {
        host_log_clear();
        random_machine();
        for (uint64_t page = 0; page < PAGES; page++) {
            uint64_t address = page * PAGE_SIZE, end, last_end;

            assert_int_equal(mtrr_type_at(pa(address), &end), types[page]);
            assert_int_equal(mtrr_type_at(pa(address + PAGE_MASK), &last_end), types[page]);
            assert_int_equal(end, last_end);
            assert_true(end >= address + PAGE_SIZE);
            for (uint64_t at = page; at < PAGES && at * PAGE_SIZE < end; at++)
                assert_int_equal(types[at], types[page]);
        }
        expect_ranges();
    }
    mtrr_start(NULL);
}

static void the_last_byte_counts(void **state)
{
    /* A range that reaches by one byte into what is not cached is refused; one that ends before it is not. */
    (void)state;
    registers = (struct mtrr_registers){ .default_type = ENABLED | MTRR_WRITE_BACK,
                                         .physical_bits = BITS,
                                         .variable_count = 1 };
    registers.variable[0] = (struct mtrr_variable){ 4 * MiB, (1u << BITS) - MiB + VALID };
    mtrr_start(&registers);
    assert_int_equal(mtrr_check_range(pa(4 * MiB - 1), 1, PT_WRITE_BACK), STATUS_OK);
    assert_int_equal(mtrr_check_range(pa(4 * MiB - 1), 2, PT_WRITE_BACK), STATUS_DENIED);
    assert_int_equal(mtrr_check_range(pa(5 * MiB - 1), 1, PT_WRITE_BACK), STATUS_DENIED);
    assert_int_equal(mtrr_check_range(pa(5 * MiB), 1, PT_WRITE_BACK), STATUS_OK);
    mtrr_start(NULL);
}

static void addresses_of_every_width(void **state)
{
    /* With addresses of any width up to 64 bits a range in their upper half is found, and its end. */
    (void)state;
    for (unsigned bits = 32; bits <= 64; bits++) {
        uint64_t half = (uint64_t)1 << (bits - 1), end;

        registers = (struct mtrr_registers){ .default_type = ENABLED | MTRR_WRITE_BACK,
                                             .physical_bits = bits,
                                             .variable_count = 1 };
        registers.variable[0] = (struct mtrr_variable){ half, (UINT64_MAX - MiB + 1) | VALID };
        mtrr_start(&registers);
        assert_int_equal(mtrr_type_at(pa(half - 1), &end), MTRR_WRITE_BACK);
        assert_int_equal(end, half);
        assert_int_equal(mtrr_type_at(pa(half), &end), MTRR_UNCACHED);
        assert_int_equal(end, half + MiB);
        assert_int_equal(mtrr_type_at(pa(half + MiB), &end), MTRR_WRITE_BACK);
        assert_true(end == UINT64_MAX);
    }
    mtrr_start(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_page_has_its_type),
        cmocka_unit_test(the_last_byte_counts),
        cmocka_unit_test(addresses_of_every_width),
    };

    return cmocka_run_group_tests_name("mtrr_model", tests, NULL, NULL);
}
