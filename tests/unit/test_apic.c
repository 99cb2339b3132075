/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_apic.c - the local APIC, reached in memory (xAPIC) and by model-specific registers (x2APIC).
 *
 * The fake machine has the registers once, and refuses what a real one refuses: memory is not there in x2APIC
 * mode, nor the registers of x2APIC in the other; a message in two halves is sent by the lower one. What
 * is sent is written down.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/x86/apic.h"

#define BASE_MSR     0x1bu
#define BASE_ENABLED ((uint64_t)1 << 11)
#define BASE_X2      ((uint64_t)1 << 10)
#define SENT_MAX     8

static struct {
    uint64_t base;
    uint32_t registers[0x400 / 16]; /* by offset / 16, which is the number - 0x800 as well */
    uint32_t command_high;
    uint64_t sent[SENT_MAX]; /* target in the upper half */
    unsigned sent_count;
    unsigned busy; /* so often the command register says that it is */
    unsigned relaxed;
    unsigned base_writes;
} fake;

static void note_sent(uint64_t command)
{
    assert_true(fake.sent_count < SENT_MAX);
    fake.sent[fake.sent_count++] = command;
}

static uint32_t read_memory(unsigned offset)
{
    assert_true((fake.base & BASE_X2) == 0 && (fake.base & BASE_ENABLED) != 0);
    assert_true(offset < 0x400 && offset % 16 == 0);
    if (offset == 0x300 && fake.busy > 0) {
        fake.busy--;
        return 1u << 12;
    }
    return fake.registers[offset / 16];
}

static void write_memory(unsigned offset, uint32_t value)
{
    assert_true((fake.base & BASE_X2) == 0 && (fake.base & BASE_ENABLED) != 0);
    assert_true(offset < 0x400 && offset % 16 == 0);
    if (offset == 0x310)
        fake.command_high = value;
    else if (offset == 0x300)
        note_sent((uint64_t)fake.command_high << 32 | value);
    else
        fake.registers[offset / 16] = value;
}

static unsigned place_of_msr(uint32_t number)
{
    assert_true((fake.base & BASE_X2) != 0);
    assert_true(number >= 0x800 && number < 0x840);
    return number - 0x800;
}

static uint64_t read_msr(uint32_t number)
{
    return number == BASE_MSR ? fake.base : fake.registers[place_of_msr(number)];
}

static void write_msr(uint32_t number, uint64_t value)
{
    if (number == BASE_MSR) {
        fake.base = value;
        fake.base_writes++;
        return;
    }
    assert_int_not_equal(number, 0x831); /* there is no upper half to write */
    if (number == 0x830)
        note_sent(value);
    else
        fake.registers[place_of_msr(number)] = (uint32_t)value;
}

static void relax(void)
{
    fake.relaxed++;
}

static const struct apic_machine machine = { read_memory, write_memory, read_msr, write_msr,
                                             relax };

static struct apic open_machine(bool x2)
{
    struct apic apic;

    fake = (__typeof__(fake)){ .base = 0xfee00000u | BASE_ENABLED | (x2 ? BASE_X2 : 0) };
    apic_init(&apic, &machine, true);
    apic_enable(&apic);
    return apic;
}

/* --- tests ------------------------------------------------------------------------------- */

static void the_way_that_is_open_is_taken(void **state)
{
    /* Which way leads to the registers is the firmware's choice, and nothing is written to change it. */
    (void)state;
    assert_false(open_machine(false).x2);
    assert_true(open_machine(true).x2);
    assert_int_equal(fake.base_writes, 0);
    assert_int_equal(apic_base(&machine), 0xfee00000u);
}

static void a_disabled_one_is_enabled(void **state)
{
    /* An APIC that the firmware left off is turned on, in memory, where it was. */
    struct apic apic;

    (void)state;
    fake = (__typeof__(fake)){ .base = 0xfee00000u };
    apic_init(&apic, &machine, true);
    assert_false(apic.x2);
    assert_int_equal(fake.base, 0xfee00000u | BASE_ENABLED);
}

static void enabling_masks_what_was_left_behind(void **state)
{
    /* Either way: the unit is on, the old controllers' line and the timer are masked, the count begins. */
    (void)state;
    for (int x2 = 0; x2 <= 1; x2++) {
        struct apic apic = open_machine(x2);

        assert_int_equal(fake.registers[0xf], 1u << 8 | VECTOR_SPURIOUS);
        assert_int_equal(fake.registers[0x32], 1u << 16 | VECTOR_TICK);
        assert_int_equal(fake.registers[0x35], 1u << 16);
        assert_int_equal(fake.registers[0x37], VECTOR_APIC_ERROR);
        assert_int_equal(fake.registers[0x38], APIC_TIMER_FULL);
        fake.registers[0x39] = 1234;
        assert_int_equal(apic_timer_count(&apic), 1234);
    }
}

static void numbers_have_8_or_32_bits(void **state)
{
    /* xAPIC keeps the processor's number in the highest byte; x2APIC has all 32 bits of it. */
    struct apic apic = open_machine(false);

    (void)state;
    fake.registers[2] = 0xfe000000u;
    assert_int_equal(apic_id(&apic), 0xfe);
    apic = open_machine(true);
    fake.registers[2] = 0x12345678;
    assert_int_equal(apic_id(&apic), 0x12345678);
}

static void messages_name_target_kind_and_vector(void **state)
{
    /* A message is the same command either way; only the target's place differs. */
    static const struct {
        enum apic_message message;
        uint8_t vector;
        uint32_t command;
    } rows[] = { { APIC_FIXED, VECTOR_CALL_OTHER, 0x40f1 },
                 { APIC_NMI, 0, 0x4400 },
                 { APIC_INIT, 0, 0x4500 },
                 { APIC_STARTUP, 0x9c, 0x469c } };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct apic apic = open_machine(false);

        apic_send(&apic, 7, rows[i].message, rows[i].vector);
        assert_int_equal(fake.sent[0], (uint64_t)7 << 56 | rows[i].command);
        apic = open_machine(true);
        apic_send(&apic, 0x10007, rows[i].message, rows[i].vector);
        assert_int_equal(fake.sent[0], (uint64_t)0x10007 << 32 | rows[i].command);
        assert_int_equal(fake.sent_count, 1);
    }
}

static void all_others_are_one_message(void **state)
{
    /* The shorthand for all but oneself names no target, and is sent once. */
    (void)state;
    for (int x2 = 0; x2 <= 1; x2++) {
        struct apic apic = open_machine(x2);

        apic_send_others(&apic, APIC_NMI, 0);
        assert_int_equal(fake.sent_count, 1);
        assert_int_equal(fake.sent[0], 3u << 18 | 0x4400);
    }
}

static void a_busy_command_register_is_waited_for(void **state)
{
    /* xAPIC: the message before has to be accepted first; one that never is delays, and does not hang. */
    struct apic apic = open_machine(false);

    (void)state;
    fake.busy = 5;
    apic_send(&apic, 1, APIC_NMI, 0);
    assert_int_equal(fake.relaxed, 5);
    fake.busy = UINT32_MAX;
    apic_send(&apic, 2, APIC_NMI, 0);
    assert_int_equal(fake.sent_count, 2);
}

static void the_end_is_told_for_what_is_in_service(void **state)
{
    /* A vector is in service when its bit of the eight registers is set; others came another way. */
    (void)state;
    for (int x2 = 0; x2 <= 1; x2++) {
        struct apic apic = open_machine(x2);

        assert_false(apic_in_service(&apic, VECTOR_CALL_OTHER));
        fake.registers[0x17] = 1u << (VECTOR_CALL_OTHER % 32);
        assert_true(apic_in_service(&apic, VECTOR_CALL_OTHER));
        assert_false(apic_in_service(&apic, VECTOR_TICK));
        fake.registers[0xb] = 99;
        apic_end_of_interrupt(&apic);
        assert_int_equal(fake.registers[0xb], 0);
    }
}

static void the_timer_repeats(void **state)
{
    /* From its beginning on the timer is periodic, unmasked, with the tick's vector. */
    (void)state;
    for (int x2 = 0; x2 <= 1; x2++) {
        struct apic apic = open_machine(x2);

        apic_timer_begin(&apic, 62500);
        assert_int_equal(fake.registers[0x32], 1u << 17 | VECTOR_TICK);
        assert_int_equal(fake.registers[0x38], 62500);
        assert_int_equal(fake.registers[0x3e], 3);
    }
}

static void others_join_the_way_of_the_first(void **state)
{
    /* A processor that the firmware left on the other way is brought to the first one's. */
    struct apic apic = open_machine(true);

    (void)state;
    fake.base = 0xfee00000u;
    apic_join(&apic, true);
    assert_int_equal(fake.base, 0xfee00000u | BASE_ENABLED | BASE_X2);
    assert_int_equal(fake.base_writes, 1);
    apic_join(&apic, true);
    assert_int_equal(fake.base_writes, 1);
    apic_join(&apic, false);
    assert_int_equal(fake.base_writes, 1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_way_that_is_open_is_taken),
        cmocka_unit_test(a_disabled_one_is_enabled),
        cmocka_unit_test(enabling_masks_what_was_left_behind),
        cmocka_unit_test(numbers_have_8_or_32_bits),
        cmocka_unit_test(messages_name_target_kind_and_vector),
        cmocka_unit_test(all_others_are_one_message),
        cmocka_unit_test(a_busy_command_register_is_waited_for),
        cmocka_unit_test(the_end_is_told_for_what_is_in_service),
        cmocka_unit_test(the_timer_repeats),
        cmocka_unit_test(others_join_the_way_of_the_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
