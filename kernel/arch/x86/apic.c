/* SPDX-License-Identifier: BSD-2-Clause
 *
 * apic.c - the local APIC's registers, reached one way or the other. Pure: apic.h tells how it is tried.
 *
 * The command register of xAPIC is busy until the message before was accepted, so writing waits for
 * that, within bounds: a message that nobody accepts must not stop the sender. An interrupt between
 * the two halves could send a message of its own, which is why callers have interrupts off.
 */
#include "arch/x86/apic.h"

/* Offsets in memory (SDM vol. 3A, table 10-1); the same / 16 from X2_FIRST on (table 10-6). */
#define REGISTER_ID            0x020u
#define REGISTER_TASK_PRIORITY 0x080u
#define REGISTER_END           0x0b0u
#define REGISTER_SPURIOUS      0x0f0u
#define REGISTER_IN_SERVICE    0x100u /* 8 of them: a bit a vector */
#define REGISTER_ERROR         0x280u
#define REGISTER_COMMAND       0x300u
#define REGISTER_COMMAND_HIGH  0x310u
#define REGISTER_TIMER         0x320u
#define REGISTER_LINE_0        0x350u
#define REGISTER_LINE_ERROR    0x370u
#define REGISTER_TIMER_INITIAL 0x380u
#define REGISTER_TIMER_COUNT   0x390u
#define REGISTER_TIMER_DIVIDE  0x3e0u

#define MSR_APIC_BASE          0x1bu
#define BASE_X2                ((uint64_t)1 << 10)
#define BASE_ENABLED           ((uint64_t)1 << 11)
#define BASE_ADDRESS           ((uint64_t)0x000ffffffffff000)
#define X2_FIRST               0x800u

#define ID_SHIFT               24 /* xAPIC: the number is the highest byte */
#define SPURIOUS_ENABLED       (1u << 8)
#define LINE_MASKED            (1u << 16)
#define TIMER_PERIODIC         (1u << 17)
#define TIMER_DIVIDE_BY_16     3u

#define COMMAND_NMI            (4u << 8)
#define COMMAND_INIT           (5u << 8)
#define COMMAND_STARTUP        (6u << 8)
#define COMMAND_PENDING        (1u << 12) /* xAPIC: not accepted yet */
#define COMMAND_ASSERT         (1u << 14)
#define COMMAND_OTHERS         (3u << 18)

#define ACCEPT_TURNS           100000u

static uint32_t read_register(const struct apic *apic, unsigned offset)
{
    if (apic->x2)
        return (uint32_t)apic->machine->read_msr(X2_FIRST + offset / 16);
    return apic->machine->read(offset);
}

static void write_register(const struct apic *apic, unsigned offset, uint32_t value)
{
    if (apic->x2)
        apic->machine->write_msr(X2_FIRST + offset / 16, value);
    else
        apic->machine->write(offset, value);
}

/* --- opening ----------------------------------------------------------------------------- */

uint64_t apic_base(const struct apic_machine *machine)
{
    return machine->read_msr(MSR_APIC_BASE) & BASE_ADDRESS;
}

void apic_init(struct apic *apic, const struct apic_machine *machine, bool has_base_register)
{
    uint64_t base = has_base_register ? machine->read_msr(MSR_APIC_BASE) : BASE_ENABLED;

    apic->machine = machine;
    apic->x2 = (base & (BASE_X2 | BASE_ENABLED)) == (BASE_X2 | BASE_ENABLED);
    if (!(base & BASE_ENABLED))
        machine->write_msr(MSR_APIC_BASE, base | BASE_ENABLED);
}

void apic_join(const struct apic *apic, bool has_base_register)
{
    uint64_t wanted = BASE_ENABLED | (apic->x2 ? BASE_X2 : 0);
    uint64_t base;

    if (!has_base_register)
        return;
    base = apic->machine->read_msr(MSR_APIC_BASE);
    if ((base & wanted) != wanted)
        apic->machine->write_msr(MSR_APIC_BASE, base | wanted);
}

void apic_enable(const struct apic *apic)
{
    write_register(apic, REGISTER_TASK_PRIORITY, 0);
    write_register(apic, REGISTER_TIMER, LINE_MASKED | VECTOR_TICK);
    write_register(apic, REGISTER_LINE_0, LINE_MASKED);
    write_register(apic, REGISTER_LINE_ERROR, VECTOR_APIC_ERROR);
    write_register(apic, REGISTER_SPURIOUS, SPURIOUS_ENABLED | VECTOR_SPURIOUS);
    write_register(apic, REGISTER_ERROR, 0);
    write_register(apic, REGISTER_TIMER_DIVIDE, TIMER_DIVIDE_BY_16);
    write_register(apic, REGISTER_TIMER_INITIAL, APIC_TIMER_FULL);
}

uint32_t apic_id(const struct apic *apic)
{
    uint32_t id = read_register(apic, REGISTER_ID);

    return apic->x2 ? id : id >> ID_SHIFT;
}

/* --- messages ---------------------------------------------------------------------------- */

static uint32_t command_of(enum apic_message message, uint8_t vector)
{
    switch (message) {
    case APIC_NMI:
        return COMMAND_NMI | COMMAND_ASSERT;
    case APIC_INIT:
        return COMMAND_INIT | COMMAND_ASSERT;
    case APIC_STARTUP:
        return COMMAND_STARTUP | COMMAND_ASSERT | vector;
    case APIC_FIXED:
        break;
    }
    return COMMAND_ASSERT | vector;
}

static void wait_until_accepted(const struct apic *apic)
{
    for (unsigned turn = 0; turn < ACCEPT_TURNS; turn++) {
        if (!(apic->machine->read(REGISTER_COMMAND) & COMMAND_PENDING))
            return;
        apic->machine->relax();
    }
}

static void send(const struct apic *apic, uint32_t target, uint32_t command)
{
    if (apic->x2) {
        apic->machine->write_msr(X2_FIRST + REGISTER_COMMAND / 16,
                                 (uint64_t)target << 32 | command);
        return;
    }
    wait_until_accepted(apic);
    apic->machine->write(REGISTER_COMMAND_HIGH, target << ID_SHIFT);
    apic->machine->write(REGISTER_COMMAND, command);
}

void apic_send(const struct apic *apic, uint32_t target, enum apic_message message, uint8_t vector)
{
    send(apic, target, command_of(message, vector));
}

void apic_send_others(const struct apic *apic, enum apic_message message, uint8_t vector)
{
    send(apic, 0, command_of(message, vector) | COMMAND_OTHERS);
}

/* --- interrupts -------------------------------------------------------------------------- */

void apic_end_of_interrupt(const struct apic *apic)
{
    write_register(apic, REGISTER_END, 0);
}

bool apic_in_service(const struct apic *apic, uint8_t vector)
{
    uint32_t bits = read_register(apic, REGISTER_IN_SERVICE + vector / 32u * 16);

    return (bits >> vector % 32u & 1) != 0;
}

/* --- the timer --------------------------------------------------------------------------- */

uint32_t apic_timer_count(const struct apic *apic)
{
    return read_register(apic, REGISTER_TIMER_COUNT);
}

void apic_timer_begin(const struct apic *apic, uint32_t counts)
{
    write_register(apic, REGISTER_TIMER, TIMER_PERIODIC | VECTOR_TICK);
    write_register(apic, REGISTER_TIMER_INITIAL, counts);
}
