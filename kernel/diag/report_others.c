/* SPDX-License-Identifier: BSD-2-Clause
 *
 * report_others.c - where the other processors were when they were stopped: a line and a caller each.
 */
#include "arch/cpu.h"
#include "lib/json.h"
#include "lib/print.h"
#include "report_parts.h"
#include "smp/smp.h"
#include "symbols.h"

static void print_function(struct print_sink *sink, vaddr_t address)
{
    size_t offset;
    const char *function = symbol_find(address, &offset);

    if (function != NULL)
        print_to(sink, "  %s+0x%zx", function, offset);
}

/* The instruction, and who called that function. */
static void print_place(struct print_sink *sink, const struct smp_cpu *cpu)
{
    vaddr_t frame = va(cpu->stopped_frame);
    vaddr_t caller;

    print_to(sink, "0x%llx", (unsigned long long)cpu->stopped_at);
    print_function(sink, va(cpu->stopped_at));
    if (arch_stack_step(&frame, &caller))
        print_function(sink, caller);
    print_to(sink, "\n");
}

static bool is_other(const struct smp_cpu *cpu)
{
    return cpu->state == SMP_STOPPED || cpu->state == SMP_ONLINE;
}

void report_others(void *context)
{
    struct report *report = context;
    unsigned here = arch_cpu_id();

    if (smp_count() == 1 || !report->last)
        return;
    print_to(&report->sink,
             "this was processor %u; where the others were stopped, and called from:\n", here);
    for (unsigned number = 0; number < smp_limit(); number++) {
        const struct smp_cpu *cpu = smp_cpu(number);

        if (number == here || !is_other(cpu))
            continue;
        print_to(&report->sink, "  %3u  ", number);
        if (cpu->state == SMP_STOPPED)
            print_place(&report->sink, cpu);
        else
            print_to(&report->sink, "does not stop\n");
    }
}

void report_others_event(struct json *event)
{
    unsigned here = arch_cpu_id();

    json_list_begin(event, "processors");
    for (unsigned number = 0; number < smp_limit(); number++) {
        const struct smp_cpu *cpu = smp_cpu(number);
        size_t offset;
        const char *function = symbol_find(va(cpu->stopped_at), &offset);

        if (number == here || cpu->state != SMP_STOPPED)
            continue;
        json_item_begin(event);
        json_number(event, "number", number);
        json_address(event, "address", cpu->stopped_at);
        if (function != NULL)
            json_text(event, "function", function);
        json_item_end(event);
    }
    json_list_end(event);
}
