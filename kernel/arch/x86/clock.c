/* SPDX-License-Identifier: BSD-2-Clause
 *
 * clock.c - the time-stamp counter, and how fast it runs.
 *
 * The frequency is asked for in this order: CPUID leaf 15h (core crystal and ratio), the timing
 * leaf of hypervisors, leaf 16h (base frequency, which the counter follows). Where nobody says, it
 * is measured with channel 2 of the PIT, the only timer that every PC has at a known place: the
 * channel is started at the kernel's entry and read again when the first time stamp is wanted, and once
 * more at the end of the boot, over a longer time and therefore better. One count is 838 ns and
 * reading takes a few microseconds, so the first answer is good to a few percent, the second to
 * about one in a thousand. If the channel does not count, time stamps are in ticks.
 *
 * Ticks become seconds by a multiplication: seconds = ticks * scale / 2^64, where scale is
 * 2^64 / hertz. State is written early by one processor, read by all.
 *
 * Source: SDM vol. 3B, 18.7.3 "Determining the Processor Base Frequency"; Intel 8254 data sheet.
 */
#include "arch/clock.h"
#include "arch/cpu.h"
#include "arch/port.h"
#include "arch/x86/cpuid.h"
#include "lib/wide.h"

#define PIT_HERTZ           1193182u
#define PIT_COUNTER_2       0x42u
#define PIT_CONTROL         0x43u
#define PIT_START_CHANNEL_2 0xb0u /* channel 2, low byte then high byte, mode 0: count down once */
#define PIT_LATCH_CHANNEL_2 0x80u
#define PIT_FULL_COUNT      0xffffu
#define PIT_ENOUGH_COUNTS   64u    /* 54 us: the shortest time that is worth measuring */
#define PIT_MOST_COUNTS     62000u /* 52 ms: beyond, the counter may have passed zero */

#define SYSTEM_PORT         0x61u /* speaker and gate of channel 2 */
#define SYSTEM_PORT_GATE    (1u << 0)
#define SYSTEM_PORT_SPEAKER (1u << 1)
#define SYSTEM_PORT_EXPIRED (1u << 5) /* output of channel 2: it has counted to zero */

#define WAIT_TURNS          10000u /* a bound on waiting: 10 ms and more at 1 us a read */
#define HERTZ_LEAST         (1u << 20)

struct sample {
    uint64_t ticks;
    uint32_t counts; /* since the start */
};

static struct {
    uint64_t entry_ticks;
    uint64_t base_ticks; /* the scale holds from here on */
    uint64_t base_time;  /* the time then */
    uint64_t scale;      /* 2^64 / hertz */
    uint64_t hertz;
    bool by_pit;
    struct sample first;
    const char *source;
} clock_state = { .source = "unknown" };

/* --- arithmetic -------------------------------------------------------------------------- */

/* 2^64 / hertz. */
static uint64_t scale_of(uint64_t hertz)
{
    return wide_divide((struct wide){ .high = 1, .low = 0 }, hertz);
}

static uint64_t ticks_to_seconds(uint64_t ticks, uint64_t scale)
{
    struct wide seconds = wide_multiply(ticks, scale);

    return seconds.high << 32 | seconds.low >> 32;
}

/* --- what the processor says ------------------------------------------------------------- */

static uint64_t hertz_from_crystal(void)
{
    struct cpuid leaf = cpuid_or_zero(CPUID_TSC, 0);

    if (leaf.eax == 0 || leaf.ebx == 0 || leaf.ecx == 0)
        return 0;
    return wide_divide_64((uint64_t)leaf.ecx * leaf.ebx, leaf.eax);
}

static uint64_t hertz_from_hypervisor(void)
{
    if (!(cpuid_or_zero(CPUID_FEATURES, 0).ecx & CPUID_1_ECX_HYPERVISOR))
        return 0;
    return (uint64_t)cpuid_or_zero(CPUID_HYPERVISOR_TIMING, 0).eax * 1000;
}

static uint64_t hertz_from_base(void)
{
    return (uint64_t)(cpuid_or_zero(CPUID_FREQUENCY, 0).eax & 0xffffu) * 1000000;
}

static bool set_frequency(uint64_t hertz, const char *source)
{
    uint64_t now = arch_timestamp();

    if (hertz < HERTZ_LEAST)
        return false;
    if (clock_state.hertz != 0)
        clock_state.base_time += ticks_to_seconds(now - clock_state.base_ticks, clock_state.scale);
    clock_state.base_ticks = clock_state.hertz != 0 ? now : clock_state.entry_ticks;
    clock_state.scale = scale_of(hertz);
    clock_state.hertz = hertz;
    clock_state.source = source;
    return true;
}

/* --- what the PIT says ------------------------------------------------------------------- */

static struct sample pit_read(void)
{
    struct sample sample;
    uint32_t low, high;

    arch_port_write8(PIT_CONTROL, PIT_LATCH_CHANNEL_2);
    sample.ticks = arch_timestamp();
    low = arch_port_read8(PIT_COUNTER_2);
    high = arch_port_read8(PIT_COUNTER_2);
    sample.counts = PIT_FULL_COUNT - (high << 8 | low);
    return sample;
}

static void pit_start(void)
{
    uint8_t system = arch_port_read8(SYSTEM_PORT);

    arch_port_write8(SYSTEM_PORT, (uint8_t)((system & ~SYSTEM_PORT_SPEAKER) | SYSTEM_PORT_GATE));
    arch_port_write8(PIT_CONTROL, PIT_START_CHANNEL_2);
    arch_port_write8(PIT_COUNTER_2, PIT_FULL_COUNT & 0xff);
    arch_port_write8(PIT_COUNTER_2, PIT_FULL_COUNT >> 8);
    clock_state.by_pit = true;
    clock_state.first = pit_read();
}

/* Sets the frequency from what has passed since pit_start(); false when too little, too much or
 * nothing has. `late`: too much, so that waiting is of no use. */
static bool pit_measure(bool *late)
{
    struct sample now = pit_read();
    uint32_t counts = now.counts - clock_state.first.counts;
    bool expired = arch_port_read8(SYSTEM_PORT) & SYSTEM_PORT_EXPIRED;

    *late = expired || counts > PIT_MOST_COUNTS;
    if (*late || counts < PIT_ENOUGH_COUNTS)
        return false;
    return set_frequency(wide_divide_64((now.ticks - clock_state.first.ticks) * PIT_HERTZ, counts),
                         "measured with the PIT");
}

/* The first measurement waits until there is something to measure, but not for ever. It begins again when it
 * comes late: a virtual machine may have stood still meanwhile. */
static void pit_measure_first(void)
{
    for (unsigned turn = 0; turn < WAIT_TURNS; turn++) {
        bool late;

        if (pit_measure(&late))
            return;
        if (late)
            pit_start();
    }
    clock_state.by_pit = false;
}

/* --- interface --------------------------------------------------------------------------- */

void arch_clock_start(uint64_t entry_ticks)
{
    clock_state.entry_ticks = entry_ticks;
    if (!set_frequency(hertz_from_crystal(), "CPUID leaf 15h") &&
        !set_frequency(hertz_from_hypervisor(), "the hypervisor") &&
        !set_frequency(hertz_from_base(), "CPUID leaf 16h"))
        pit_start();
}

void arch_clock_refine(void)
{
    bool late;

    if (clock_state.by_pit)
        pit_measure(&late);
}

bool arch_clock_read(uint64_t *seconds_32_32)
{
    if (clock_state.hertz == 0 && clock_state.by_pit)
        pit_measure_first();
    if (clock_state.hertz == 0) {
        *seconds_32_32 = arch_timestamp() - clock_state.entry_ticks;
        return false;
    }
    *seconds_32_32 = clock_state.base_time +
                     ticks_to_seconds(arch_timestamp() - clock_state.base_ticks, clock_state.scale);
    return true;
}

uint64_t arch_clock_hertz(void)
{
    return clock_state.hertz;
}

const char *arch_clock_source(void)
{
    return clock_state.source;
}
