/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_cpus.c - cpus: what the processors are, have done, and keep for themselves.
 */
#include "arch/clock.h"
#include "arch/smp.h"
#include "commands.h"
#include "lib/json.h"
#include "lib/print.h"
#include "lib/wide.h"
#include "mm/heap.h"
#include "mm/pmm.h"
#include "smp/smp.h"

static const char *const states[] = { [SMP_NONE] = "none",
                                      [SMP_STARTING] = "starting",
                                      [SMP_ONLINE] = "online",
                                      [SMP_ABSENT] = "absent",
                                      [SMP_STOPPED] = "stopped" };

/* Of its ticks, the percentage in which it had nothing to do. */
static unsigned idle_percent(const struct smp_cpu *cpu)
{
    return cpu->ticks == 0 ? 0 : (unsigned)wide_divide_64(cpu->idle_ticks * 100, cpu->ticks);
}

static void print_row(unsigned number, const struct smp_cpu *cpu)
{
    print("  %3u  0x%-4x  %4u  %-8s  %8llu  %3u%%  %8llu  %8llu  %6llu  %7llu  %11ld\n", number,
          cpu->apic_id, cpu->node, states[cpu->state], (unsigned long long)cpu->ticks,
          idle_percent(cpu), (unsigned long long)cpu->calls, (unsigned long long)cpu->flushes,
          (unsigned long long)pmm_count_cached(number),
          (unsigned long long)heap_count_cached(number), (long)cpu->clock_difference);
}

static void write_event(unsigned number, const struct smp_cpu *cpu)
{
    struct json event;

    json_begin(&event, json_console(), "cpu");
    json_number(&event, "number", number);
    json_number(&event, "apic_id", cpu->apic_id);
    json_number(&event, "node", cpu->node);
    json_text(&event, "state", states[cpu->state]);
    json_number(&event, "ticks", cpu->ticks);
    json_number(&event, "idle_ticks", cpu->idle_ticks);
    json_number(&event, "calls", cpu->calls);
    json_number(&event, "flushes", cpu->flushes);
    json_number(&event, "cached_frames", pmm_count_cached(number));
    json_number(&event, "cached_objects", heap_count_cached(number));
    json_number(&event, "cleared_frames", cpu->cleared_frames);
    json_text(&event, "clock", cpu->clock_difference < 0 ? "behind" : "even");
    json_end(&event);
}

bool command_cpus(const struct command_call *call)
{
    (void)call;
    print("  cpu  APIC    node  state        ticks  idle     calls   flushes  frames  objects  "
          "clock ticks\n");
    for (unsigned number = 0; number < smp_limit(); number++) {
        print_row(number, smp_cpu(number));
        write_event(number, smp_cpu(number));
    }
    print("%u of %u processors are online; interrupts by %s, ", smp_count(), smp_limit(),
          arch_interrupts_name());
    if (smp_tick_hertz() == 0)
        print("no ticks.\n");
    else
        print("%u ticks a second, %s when idle.\n", smp_tick_hertz(), arch_smp_idle_name());
    return true;
}
