/* SPDX-License-Identifier: BSD-2-Clause
 *
 * apic.h - the local APIC: interrupts between processors, and this processor's timer.
 *
 * Two ways lead to the same registers. xAPIC: they are words in memory, 16 bytes apart, and the command
 * register is written in two halves. x2APIC: they are model-specific registers, numbers of processors
 * have 32 bits, and a command is one write. Which way is open was decided by the firmware; it is left as
 * it is, since the way back leads over a disabled APIC. How a register is reached is behind struct
 * apic_machine, so that both ways can be tried on a machine that is not there.
 *
 * A processor uses the functions for itself only. Source: SDM vol. 3A, chapter 10; 10.12 for x2APIC.
 */
#ifndef MERIDIAN_X86_APIC_H
#define MERIDIAN_X86_APIC_H

#include "lib/types.h"

/* Vectors: the highest class of priority, where nothing else is. */
#define VECTOR_FIRST_FREE 32u /* below are exceptions */
#define VECTOR_PIC        32u /* 16 that the PC's old controllers could raise */
#define VECTOR_TICK       0xf0u
#define VECTOR_CALL_OTHER 0xf1u
#define VECTOR_APIC_ERROR 0xfeu
#define VECTOR_SPURIOUS   0xffu

struct apic_machine {
    uint32_t (*read)(unsigned offset); /* xAPIC: a register by its offset in memory */
    void (*write)(unsigned offset, uint32_t value);
    uint64_t (*read_msr)(uint32_t number);
    void (*write_msr)(uint32_t number, uint64_t value);
    void (*relax)(void); /* once in each turn of a loop that waits */
};

struct apic {
    const struct apic_machine *machine;
    bool x2; /* by model-specific registers */
};

enum apic_message {
    APIC_FIXED,
    APIC_NMI,
    APIC_INIT,
    APIC_STARTUP,
};

/* Which way is open on this processor, by IA32_APIC_BASE where it has that register. */
void apic_init(struct apic *apic, const struct apic_machine *machine, bool has_base_register);

/* Opens on another processor the way that `apic` is open on the first. */
void apic_join(const struct apic *apic, bool has_base_register);

/* Where the registers lie in memory, by IA32_APIC_BASE. */
uint64_t apic_base(const struct apic_machine *machine);

/* Lets interrupts through on this processor; masks what the firmware may have left behind: its timer
 * and the lines of the old controllers. The timer counts down from its highest value, without interrupts. */
void apic_enable(const struct apic *apic);

uint32_t apic_id(const struct apic *apic);

/* To one processor. `vector`: of APIC_FIXED; the page of the code for APIC_STARTUP; else 0. */
void apic_send(const struct apic *apic, uint32_t apic_id, enum apic_message message,
               uint8_t vector);

/* To all but this one, running or not. */
void apic_send_others(const struct apic *apic, enum apic_message message, uint8_t vector);

void apic_end_of_interrupt(const struct apic *apic);

/* Whether the interrupt with this vector came by way of the APIC and wants its end told. */
bool apic_in_service(const struct apic *apic, uint8_t vector);

/* What is left of the timer's count, which began at APIC_TIMER_FULL. */
uint32_t apic_timer_count(const struct apic *apic);
#define APIC_TIMER_FULL UINT32_MAX

/* From now on VECTOR_TICK each time `counts` have passed. */
void apic_timer_begin(const struct apic *apic, uint32_t counts);

#endif
