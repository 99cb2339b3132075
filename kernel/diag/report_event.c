/* SPDX-License-Identifier: BSD-2-Clause
 *
 * report_event.c - a report as an event: `fault` for an exception, `panic` for an invariant.
 */
#include "lib/json.h"
#include "lib/log.h"
#include "smp/smp.h"
#include "report_parts.h"
#include "stack_trace.h"

#define LOG_LINES      6
#define LOG_LINE_BYTES 160

static void write_entry(void *context, const struct stack_entry *entry)
{
    struct json *event = context;

    json_item_begin(event);
    json_address(event, "address", va_value(entry->address));
    if (entry->function != NULL) {
        json_text(event, "function", entry->function);
        json_number(event, "offset", entry->offset);
    }
    if (entry->file != NULL) {
        json_text(event, "file", entry->file);
        json_number(event, "line", entry->line);
    }
    if (entry->repeats > 0)
        json_number(event, "repeats", entry->repeats);
    json_item_end(event);
}

static void write_trace(struct json *event, const struct trap_info *info)
{
    struct stack_start start = { .instruction = info->instruction,
                                 .stack = info->stack,
                                 .frame_pointer = info->frame_pointer };

    json_list_begin(event, "trace");
    if (!info->user)
        stack_trace_visit(&start, write_entry, event);
    json_list_end(event);
}

static void write_registers(struct json *event, const struct trap_frame *frame)
{
    const char *name;
    uintptr_t value;

    json_list_begin(event, "registers");
    for (unsigned i = 0; arch_trap_register(frame, i, &name, &value); i++) {
        json_item_begin(event);
        json_text(event, "name", name);
        json_address(event, "value", value);
        json_item_end(event);
    }
    json_list_end(event);
}

static void write_walk(struct json *event, const struct report *report)
{
    struct pt_step steps[PT_MAX_LEVELS];
    unsigned count = pt_explain(vm_space_table(report->space), report->info.address, steps);

    json_list_begin(event, "walk");
    for (unsigned i = 0; i < count; i++) {
        json_item_begin(event);
        json_number(event, "level", steps[i].level);
        json_address(event, "table", pa_value(steps[i].table));
        json_number(event, "index", steps[i].index);
        json_address(event, "entry", steps[i].entry);
        json_boolean(event, "present", steps[i].present);
        json_boolean(event, "leaf", steps[i].leaf);
        json_item_end(event);
    }
    json_list_end(event);
}

/* Each line of text as an item of a list. */
struct lines {
    struct print_sink sink;
    struct json *event;
    size_t length;
    char text[LOG_LINE_BYTES];
};

static void write_line(struct lines *lines)
{
    lines->text[lines->length] = '\0';
    lines->length = 0;
    json_item_begin(lines->event);
    json_text(lines->event, "line", lines->text);
    json_item_end(lines->event);
}

static void lines_write(struct print_sink *sink, const char *text, size_t size)
{
    struct lines *lines = CONTAINER_OF(sink, struct lines, sink);

    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\n')
            write_line(lines);
        else if (lines->length + 1 < sizeof(lines->text))
            lines->text[lines->length++] = text[i];
    }
}

static void write_log(struct json *event)
{
    struct lines lines = { .sink.write = lines_write, .event = event };

    json_list_begin(event, "log");
    log_tail(LOG_LINES, &lines.sink);
    json_list_end(event);
}

static void write_fault(struct json *event, const struct report *report)
{
    const struct trap_info *info = &report->info;

    json_text(event, "name", info->name);
    json_number(event, "vector", info->vector);
    json_address(event, "error", info->error_code);
    json_address(event, "instruction", va_value(info->instruction));
    if (info->kind != TRAP_PAGE_FAULT)
        return;
    json_address(event, "address", va_value(info->address));
    json_text(event, "access",
              info->access & TRAP_ACCESS_EXECUTE ? "execute"
              : info->access & TRAP_ACCESS_WRITE ? "write"
                                                 : "read");
    json_boolean(event, "present", info->access & TRAP_ACCESS_PRESENT);
    if (report->space != NULL)
        write_walk(event, report);
}

void report_event(void *context)
{
    const struct report *report = context;
    struct json event;

    json_begin(&event, json_console(), report->panic != NULL ? "panic" : "fault");
    if (report->record != NULL)
        json_number(&event, "number", report->record->number);
    if (report->program != NULL)
        json_text(&event, "program", report->program);
    json_text(&event, "sentence", report->sentence);
    if (report->panic == NULL)
        write_fault(&event, report);
    write_registers(&event, report->frame);
    write_trace(&event, &report->info);
    write_log(&event);
    if (smp_count() > 1 && report->last)
        report_others_event(&event);
    json_end(&event);
}
