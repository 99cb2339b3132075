/* SPDX-License-Identifier: BSD-2-Clause
 *
 * report_parts.c - the parts of a report in words; report_event.c has them as JSON.
 */
#include "report_parts.h"

#include "lib/format.h"
#include "lib/log.h"
#include "mm/layout.h"
#include "diag/paragraph.h"
#include "lines.h"
#include "stack_trace.h"
#include "symbols.h"

#define LOG_LINES       6
#define REGISTERS_A_ROW 4

/* --- place and registers --------------------------------------------------------------------- */

void report_place(void *context)
{
    struct report *report = context;
    const struct trap_info *info = &report->info;
    struct paragraph paragraph;
    const char *file;
    unsigned line;
    size_t offset;
    const char *function = symbol_find(info->instruction, &offset);

    if (report->panic != NULL)
        return;
    paragraph_begin(&paragraph, &report->sink, NULL, 0);
    print_to(&paragraph.sink, "%s (vector %u, error code 0x%llx) at 0x%llx", info->name,
             info->vector, (unsigned long long)info->error_code,
             (unsigned long long)va_value(info->instruction));
    if (function != NULL)
        print_to(&paragraph.sink, ", %s+0x%zx", function, offset);
    if (line_find(info->instruction, &file, &line))
        print_to(&paragraph.sink, ", %s:%u", file, line);
    paragraph_end(&paragraph);
    arch_trap_print_error(info, &report->sink);
}

void report_registers(void *context)
{
    struct report *report = context;
    const char *name;
    uintptr_t value;
    unsigned i = 0;

    for (; arch_trap_register(report->frame, i, &name, &value); i++)
        print_to(&report->sink, "%s  %-3s 0x%0*zx", i > 0 && i % REGISTERS_A_ROW == 0 ? "\n" : "",
                 name, (int)(2 * sizeof(value)), (size_t)value);
    print_to(&report->sink, i > 0 ? "\n" : "");
}

/* --- the walk -------------------------------------------------------------------------------- */

/* Whether there is an address to look up: of a page fault the one that was touched, of a double
 * fault the top of the stack that could not take the first one. */
static bool find_address(const struct trap_info *info, vaddr_t *address)
{
    *address = info->kind == TRAP_PAGE_FAULT ? info->address : va(va_value(info->stack) - 1);
    return info->kind == TRAP_PAGE_FAULT || info->kind == TRAP_DOUBLE_FAULT;
}

static void print_step(const struct pt_step *step, struct print_sink *sink)
{
    char rights[16] = "";

    if (step->present)
        pt_flags_text(step->flags, rights);
    print_to(sink, "  level %u  table 0x%llx[%u]  entry 0x%016llx  ", step->level,
             (unsigned long long)pa_value(step->table), step->index,
             (unsigned long long)step->entry);
    if (!step->present)
        print_to(sink, "not present   <-- fails here\n");
    else
        print_to(sink, "%s 0x%llx %s\n", step->leaf ? "frame" : "table",
                 (unsigned long long)pa_value(step->next), rights);
}

void report_walk(void *context)
{
    struct report *report = context;
    struct pt_step steps[PT_MAX_LEVELS];
    unsigned count;
    vaddr_t address;

    if (report->space == NULL || !find_address(&report->info, &address))
        return;
    count = pt_explain(vm_space_table(report->space), address, steps);
    if (count == 0)
        return; /* no such address */
    print_to(&report->sink, "page walk of 0x%llx:\n", (unsigned long long)va_value(address));
    for (unsigned i = 0; i < count; i++)
        print_step(&steps[i], &report->sink);
}

/* --- what is near ---------------------------------------------------------------------------- */

/* The area around an address, or the ones on both sides of it. */
struct neighbours {
    uintptr_t address;
    struct vm_area_info below; /* or around */
    struct vm_area_info above;
    bool has_below, has_above;
};

static bool find_neighbour(void *context, const struct vm_area_info *area)
{
    struct neighbours *near = context;

    if (va_value(area->start) <= near->address) {
        near->below = *area;
        near->has_below = true;
        return true;
    }
    near->above = *area;
    near->has_above = true;
    return false;
}

static void print_area(const struct vm_area_info *area, struct print_sink *sink)
{
    char rights[16];
    char size[SIZE_TEXT_BYTES];

    pt_flags_text(area->rights, rights);
    print_to(sink, "'%s' 0x%llx-0x%llx, %s, %s", area->name,
             (unsigned long long)va_value(area->start),
             (unsigned long long)(va_value(area->start) + area->size_bytes - 1),
             format_size(area->size_bytes, size), area->kind == VM_GUARD ? "a guard" : rights);
}

static void print_distance(uintptr_t bytes, const char *direction, const struct vm_area_info *area,
                           struct print_sink *sink)
{
    char size[SIZE_TEXT_BYTES];

    print_to(sink, "  %s %s it: ", format_size(bytes, size), direction);
    print_area(area, sink);
    print_to(sink, "\n");
}

static void print_neighbours(const struct neighbours *near, struct print_sink *sink)
{
    uintptr_t beyond = near->address - va_value(near->below.start) - near->below.size_bytes;

    if (near->has_below && near->address - va_value(near->below.start) < near->below.size_bytes) {
        print_to(sink, "in the area ");
        print_area(&near->below, sink);
        print_to(sink, "\n");
        return;
    }
    print_to(sink, "nearest areas:%s\n", near->has_below || near->has_above ? "" : " none");
    if (near->has_below)
        print_distance(beyond + 1, "below", &near->below, sink);
    if (near->has_above)
        print_distance(va_value(near->above.start) - near->address, "above", &near->above, sink);
}

void report_near(void *context)
{
    struct report *report = context;
    struct neighbours near = { .address = va_value(report->info.address) };

    if (report->space == NULL || report->info.kind != TRAP_PAGE_FAULT)
        return;
    vm_visit(near.address < LAYOUT_KERNEL_HALF ? report->space : vm_kernel(), find_neighbour,
             &near);
    print_neighbours(&near, &report->sink);
}

/* --- trace and log --------------------------------------------------------------------------- */

static void print_entry(void *context, const struct stack_entry *entry)
{
    stack_entry_print(context, entry);
}

void report_trace(void *context)
{
    struct report *report = context;
    struct stack_start start = { .instruction = report->info.instruction,
                                 .stack = report->info.stack,
                                 .frame_pointer = report->info.frame_pointer };

    print_to(&report->sink, "stack trace:\n");
    stack_trace_visit(&start, print_entry, &report->sink);
}

void report_log(void *context)
{
    struct report *report = context;
    struct paragraph paragraph;

    print_to(&report->sink, "last lines of the log:\n");
    paragraph_begin(&paragraph, &report->sink, "", 2);
    log_tail(LOG_LINES, &paragraph.sink);
    paragraph_end(&paragraph);
}
