/* SPDX-License-Identifier: BSD-2-Clause
 *
 * startup.c - wakes the other processors, all at once.
 *
 *     this processor                          each of the others
 *     INIT to each                            resets, waits
 *     10 ms, in which memory is prepared
 *     STARTUP to each                         trampoline: real, protected (long) mode, paging
 *     200 us                                  startup_entry: the kernel's tables, a stack by turns
 *     STARTUP to each that has not come       startup_main: who am I? its page, its mode
 *                                             smp_enter()
 *
 * Nothing waits for a single processor, so the time does not grow with their number. The stacks are
 * given out in the order of arrival: until it has one, a processor can do little, and the number that
 * tells it which of the prepared pages is its own takes CPUID to find. A message to one that has started
 * already is ignored. One that is not in the list finds nothing, and sleeps.
 *
 * Source: SDM vol. 3A, 8.4.4 "MP Initialization Example"; MultiProcessor Specification 1.4, B.4.
 */
#include "arch/x86/startup.h"

#include "arch/clock.h"
#include "arch/cpu.h"
#include "arch/mmu.h"
#include "arch/port.h"
#include "arch/smp.h"
#include "arch/x86/cpuid.h"
#include "arch/x86/interrupt.h"
#include "config.h"
#include "lib/string.h"
#include "lib/wide.h"
#include "smp/smp.h"

#define INIT_WAIT_US       10000u
#define STARTUP_WAIT_US    200u
#define MICROSECONDS       1000000u
#define DELAY_PORT         0x80u /* of diagnostic codes: takes about 1 us */

/* Base 0, limit 4 GiB, ring 0, accessed: SDM vol. 3A, 3.4.5. */
#define DESCRIPTOR_CODE_32 0x00cf9b000000ffffu
#define DESCRIPTOR_DATA    0x00cf93000000ffffu
#define DESCRIPTOR_CODE_64 0x00af9b000000ffffu

/* Read by startup_entry. */
uintptr_t startup_stacks[CONFIG_MAX_CPUS];
uint32_t startup_count, startup_next;
uintptr_t startup_root;

static struct arch_smp_start *waking;
static uint64_t reset_time;
static uint32_t apic_ids[CONFIG_MAX_CPUS];

/* --- waiting ----------------------------------------------------------------------------- */

static void delay_since(uint64_t start, unsigned microseconds)
{
    uint64_t hertz = arch_clock_hertz();
    uint64_t ticks = wide_divide_64(hertz * microseconds, MICROSECONDS);

    for (unsigned i = 0; hertz == 0 && i < microseconds; i++)
        arch_port_write8(DELAY_PORT, 0);
    while (arch_timestamp() - start < ticks)
        arch_cpu_relax();
}

void arch_delay(unsigned microseconds)
{
    delay_since(arch_timestamp(), microseconds);
}

/* --- the processor that wakes ------------------------------------------------------------ */

static uint32_t place_of(paddr_t code, const uint8_t *label)
{
    return (uint32_t)pa_value(code) + (uint32_t)(label - trampoline_start);
}

static void trampoline_fill(paddr_t code, paddr_t root)
{
    uint8_t *page = arch_phys_ptr(code);
    uint32_t table =
        place_of(code, trampoline_data) + (uint32_t)offsetof(struct trampoline, descriptors);
    struct trampoline trampoline = {
        .table = { .limit = sizeof(trampoline.descriptors) - 1, .base = table },
        .next = { place_of(code, trampoline_protected), TRAMPOLINE_CODE_32, 0 },
        .wide = { place_of(code, trampoline_wide), TRAMPOLINE_CODE_64, 0 },
        .descriptors = { 0, DESCRIPTOR_CODE_32, DESCRIPTOR_DATA, DESCRIPTOR_CODE_64 },
    };

    trampoline_set_mode(&trampoline, root);
    memcpy(page, trampoline_start, (size_t)(trampoline_end - trampoline_start));
    memcpy(page + (trampoline_data - trampoline_start), &trampoline, sizeof(trampoline));
}

static void send_startup(uint8_t page)
{
    irq_state_t state = arch_irq_save();

    for (size_t i = 0; i < startup_count; i++)
        if (!__atomic_load_n(&waking[i].has_come, __ATOMIC_ACQUIRE))
            apic_send(interrupt_apic(), waking[i].apic_id, APIC_STARTUP, page);
    arch_irq_restore(state);
}

/* xAPIC: 8 bits, all of them set names everybody (SDM vol. 3A, 10.6.2.1); x2APIC: 32. */
bool arch_smp_reaches(uint32_t number)
{
    return interrupt_apic()->x2 ? number != UINT32_MAX : number < UINT8_MAX;
}

void arch_smp_reset(const struct arch_smp_start *list, size_t count)
{
    irq_state_t state = arch_irq_save();

    for (size_t i = 0; i < count; i++)
        apic_send(interrupt_apic(), list[i].apic_id, APIC_INIT, 0);
    arch_irq_restore(state);
    reset_time = arch_timestamp();
}

void arch_smp_wake(struct arch_smp_start *list, size_t count, paddr_t code, paddr_t root)
{
    uint8_t page = (uint8_t)(pa_value(code) >> PAGE_SHIFT);

    waking = list;
    startup_count = (uint32_t)count;
    startup_root = (uintptr_t)pa_value(arch_root_read());
    apic_ids[0] = apic_id(interrupt_apic());
    for (size_t i = 0; i < count; i++) {
        startup_stacks[i] = va_value(list[i].stack_top);
        apic_ids[list[i].cpu] = list[i].apic_id;
    }
    trampoline_fill(code, root);
    delay_since(reset_time, INIT_WAIT_US);
    send_startup(page);
    arch_delay(STARTUP_WAIT_US);
    send_startup(page);
}

void arch_smp_send_call(unsigned cpu)
{
    irq_state_t state = arch_irq_save();

    apic_send(interrupt_apic(), apic_ids[cpu], APIC_FIXED, VECTOR_CALL_OTHER);
    arch_irq_restore(state);
}

/* --- the processor that comes ------------------------------------------------------------ */

static struct arch_smp_start *find_start(uint32_t number)
{
    for (size_t i = 0; i < startup_count; i++)
        if (waking[i].apic_id == number)
            return &waking[i];
    return NULL;
}

void startup_main(void)
{
    struct arch_smp_start *start = find_start(cpuid_apic_id());

    if (start == NULL)
        arch_cpu_halt();
    cpu_join(start->local);
    (void)arch_memory_types_set();
    interrupt_join();
    __atomic_store_n(&start->has_come, 1, __ATOMIC_RELEASE);
    smp_enter(start->cpu);
}
