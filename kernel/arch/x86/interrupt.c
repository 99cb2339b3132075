/* SPDX-License-Identifier: BSD-2-Clause
 *
 * interrupt.c - interrupts: the controller of this machine, the timer, and who is called.
 *
 * All processors reach their own controller at the same address or by the same registers, so one
 * struct apic serves them all. The old pair of 8259 controllers is moved away from the exceptions'
 * vectors, where a BIOS leaves it, and masked: devices are polled. An interrupt that nobody asked for is
 * counted and ended, since firmware may have left one on its way.
 *
 * The timer is measured while the machine boots: it counts down from arch_interrupts_open() on.
 *
 * Source: SDM vol. 3A, 10.4 to 10.9; Intel 8259A data sheet.
 */
#include "arch/x86/interrupt.h"

#include "arch/clock.h"
#include "arch/cpu.h"
#include "arch/port.h"
#include "arch/smp.h"
#include "arch/x86/cpuid.h"
#include "arch/x86/registers.h"
#include "lib/log.h"
#include "lib/wide.h"
#include "smp/call.h"
#include "smp/smp.h"

#define PIC_MAIN           0x20u
#define PIC_SECOND         0xa0u
#define PIC_BEGIN          0x11u /* ICW1: four words follow, edge triggered, cascaded */
#define PIC_MAIN_CASCADE   0x04u /* ICW3: the second one is at line 2 */
#define PIC_SECOND_CASCADE 2u
#define PIC_8086           0x01u /* ICW4 */
#define PIC_ALL_MASKED     0xffu

#define USUAL_REGISTERS    0xfee00000u /* SDM vol. 3A, 10.4.1 */
#define FAMILY_WITH_BASE   6u          /* IA32_APIC_BASE came with the Pentium Pro */
#define LEAST_MEASURE_US   100u
#define MICROSECONDS       1000000u

static volatile uint8_t *registers;
static struct apic apic;
static bool is_open;
static uint64_t opened_at; /* when the timer began to count */
static uint32_t counts_a_second;
static bool stops; /* NMIs end what they interrupt */

/* --- this machine's controller ----------------------------------------------------------- */

static uint32_t read_memory(unsigned offset)
{
    return *(volatile uint32_t *)(registers + offset);
}

static void write_memory(unsigned offset, uint32_t value)
{
    *(volatile uint32_t *)(registers + offset) = value;
}

static void relax(void)
{
    arch_cpu_relax();
}

static const struct apic_machine this_machine = { .read = read_memory,
                                                  .write = write_memory,
                                                  .read_msr = msr_read,
                                                  .write_msr = msr_write,
                                                  .relax = relax };

static bool has_base_register(void)
{
    return (cpuid_or_zero(CPUID_FEATURES, 0).eax >> 8 & 0xf) >= FAMILY_WITH_BASE;
}

bool arch_interrupts_find(paddr_t told, paddr_t *where)
{
    if (!(cpuid_or_zero(CPUID_FEATURES, 0).edx & CPUID_1_EDX_APIC))
        return false;
    apic_init(&apic, &this_machine, has_base_register());
    if (apic.x2)
        *where = pa(0);
    else if (has_base_register())
        *where = pa(apic_base(&this_machine));
    else
        *where = pa_value(told) != 0 ? told : pa(USUAL_REGISTERS);
    return true;
}

static void silence_pics(void)
{
    const uint8_t words[][2] = { { PIC_BEGIN, PIC_BEGIN },
                                 { VECTOR_PIC, VECTOR_PIC + 8 },
                                 { PIC_MAIN_CASCADE, PIC_SECOND_CASCADE },
                                 { PIC_8086, PIC_8086 },
                                 { PIC_ALL_MASKED, PIC_ALL_MASKED } };

    for (unsigned i = 0; i < ARRAY_COUNT(words); i++) {
        arch_port_write8(PIC_MAIN + (i > 0), words[i][0]);
        arch_port_write8(PIC_SECOND + (i > 0), words[i][1]);
    }
}

void arch_interrupts_open(volatile void *where)
{
    registers = where;
    silence_pics();
    apic_enable(&apic);
    opened_at = arch_timestamp();
    is_open = true;
    arch_irq_enable();
}

void interrupt_join(void)
{
    apic_join(&apic, has_base_register());
    apic_enable(&apic);
}

const struct apic *interrupt_apic(void)
{
    return &apic;
}

const char *arch_interrupts_name(void)
{
    return !is_open ? "none" : apic.x2 ? "x2APIC" : "xAPIC";
}

/* --- the timer --------------------------------------------------------------------------- */

bool arch_tick_measure(void)
{
    uint64_t hertz = arch_clock_hertz();
    uint64_t ticks, counts;

    if (!is_open || hertz == 0)
        return false;
    do {
        ticks = arch_timestamp() - opened_at;
        counts = APIC_TIMER_FULL - apic_timer_count(&apic);
    } while (ticks < wide_divide_64(hertz * LEAST_MEASURE_US, MICROSECONDS));
    counts_a_second = (uint32_t)wide_divide(wide_multiply(counts, hertz), ticks);
    return counts_a_second != 0;
}

void arch_tick_begin(unsigned hertz)
{
    if (counts_a_second >= hertz)
        apic_timer_begin(&apic, counts_a_second / hertz);
}

/* --- what comes -------------------------------------------------------------------------- */

static void log_error_interrupt(void)
{
    static bool told;

    if (!__atomic_exchange_n(&told, true, __ATOMIC_RELAXED))
        log_warning("APIC: processor %u reports an error; others are not told", arch_cpu_id());
}

static void handle(unsigned vector)
{
    switch (vector) {
    case VECTOR_TICK:
        smp_tick();
        break;
    case VECTOR_CALL_OTHER:
        (void)smp_calls_run();
        break;
    case VECTOR_APIC_ERROR:
        log_error_interrupt();
        break;
    default: /* of the firmware, on its way when its services ended; spurious */
        break;
    }
}

/* The end is told first: what is called may take long, and its like may wait. */
void interrupt_handle(unsigned vector)
{
    if (is_open && apic_in_service(&apic, (uint8_t)vector))
        apic_end_of_interrupt(&apic);
    handle(vector);
}

/* --- stopping ---------------------------------------------------------------------------- */

void arch_smp_stop_others(void)
{
    irq_state_t state = arch_irq_save();

    __atomic_store_n(&stops, true, __ATOMIC_SEQ_CST);
    if (is_open)
        apic_send_others(&apic, APIC_NMI, 0);
    arch_irq_restore(state);
}

void interrupt_stop_if_asked(uintptr_t instruction, uintptr_t frame_pointer)
{
    if (!__atomic_load_n(&stops, __ATOMIC_ACQUIRE))
        return;
    smp_note_stop(instruction, frame_pointer);
    arch_cpu_halt();
}
