/* SPDX-License-Identifier: BSD-2-Clause
 *
 * report.c - the last words of a kernel: exceptions, panics, and how the machine ends.
 *
 * A report is a line across the screen, one plain sentence, registers, the stack trace, and for a page
 * fault the walk through the tables. Locks are broken first: whoever holds one will never go
 * on. Each part runs on its own (arch_trap_try()): one that faults over damaged data is left out,
 * with a remark, and the next one follows. A fault outside of the parts ends the report with one
 * short line. Then the event for those who read JSON, then the end.
 */
#include "diag/diag.h"

#include "arch/cpu.h"
#include "dev/console.h"
#include "dev/power.h"
#include "lib/assert.h"
#include "lib/json.h"
#include "lib/lock.h"
#include "mm/paging.h"
#include "report_walk.h"
#include "stack_trace.h"
#include "symbols.h"

#define SENTENCE_BYTES 512

static bool something_failed;
static bool exit_expected;

/* A report in the making. */
struct report {
    const struct trap_frame *frame;
    struct trap_info info;
    const char *panic; /* the sentence of a panic; NULL for an exception */
    struct print_sink sentence_sink;
    char sentence[SENTENCE_BYTES];
    size_t sentence_length;
};

static const struct report *first_report; /* the one that is being written */

/* --- the end ----------------------------------------------------------------------------- */

void diag_note_failure(void)
{
    something_failed = true;
}

bool diag_has_failed(void)
{
    return something_failed;
}

void diag_expect_exit(bool expected)
{
    exit_expected = expected;
}

void diag_exit(void)
{
    diag_exit_with(something_failed ? POWER_EXIT_FAILURE : POWER_EXIT_SUCCESS);
}

void diag_exit_with(uint8_t code)
{
    struct json event;

    json_begin(&event, json_console(), "exit");
    json_number(&event, "code", code);
    json_end(&event);
    power_debug_exit(code);
    print("The machine has no way to be left from here: it may be switched off.\n");
    console_flush();
    arch_cpu_halt();
}

[[gnu::noreturn]] static void wait_for_key_and_reset(void)
{
    char key;

    while (console_read(&key)) {
        /* What was typed before does not count. */
    }
    print("The machine is stopped. Press a key to restart it.\n");
    while (!console_read(&key))
        arch_cpu_relax();
    power_reset();
}

[[gnu::noreturn]] static void end_after_failure(void)
{
    diag_note_failure();
    if (exit_expected)
        diag_exit();
    if (console_has_input())
        wait_for_key_and_reset();
    print("The machine is stopped. It may be switched off.\n");
    console_flush();
    arch_cpu_halt();
}

/* --- the parts --------------------------------------------------------------------------- */

static void sentence_write(struct print_sink *sink, const char *text, size_t size)
{
    struct report *report = CONTAINER_OF(sink, struct report, sentence_sink);

    for (size_t i = 0; i < size && report->sentence_length + 1 < SENTENCE_BYTES; i++)
        report->sentence[report->sentence_length++] = text[i];
    report->sentence[report->sentence_length] = '\0';
}

static void make_sentence(void *context)
{
    struct report *report = context;

    if (report->panic != NULL)
        print_to(&report->sentence_sink, "%s", report->panic);
    else
        diag_explain(&report->info, &report->sentence_sink);
}

static void print_place(void *context)
{
    const struct report *report = context;
    size_t offset;
    const char *function = symbol_find(report->info.instruction, &offset);

    if (report->panic != NULL)
        return;
    print("%s (vector %u, error code 0x%llx) at 0x%llx", report->info.name, report->info.vector,
          (unsigned long long)report->info.error_code,
          (unsigned long long)va_value(report->info.instruction));
    if (function != NULL)
        print(", %s+0x%zx", function, offset);
    print("\n");
    arch_trap_print_error(&report->info, console_sink());
}

static void print_registers(void *context)
{
    const struct report *report = context;

    arch_trap_print_registers(report->frame, console_sink());
}

static void print_entry(void *context, const struct stack_entry *entry)
{
    (void)context;
    stack_entry_print(console_sink(), entry);
}

static struct stack_start start_of(const struct trap_info *info)
{
    return (struct stack_start){ .instruction = info->instruction,
                                 .stack = info->stack,
                                 .frame_pointer = info->frame_pointer };
}

static void print_trace(void *context)
{
    const struct report *report = context;

    struct stack_start start = start_of(&report->info);

    print("stack trace:\n");
    stack_trace_visit(&start, print_entry, NULL);
}

/* Whether there is an address to look up: of a page fault the one that was touched, of a double
 * fault the top of the stack that could not take the first one. */
static bool find_address(const struct trap_info *info, vaddr_t *address)
{
    *address = info->kind == TRAP_PAGE_FAULT ? info->address : va(va_value(info->stack) - 1);
    return info->kind == TRAP_PAGE_FAULT || info->kind == TRAP_DOUBLE_FAULT;
}

static void print_walk(void *context)
{
    const struct report *report = context;
    const struct page_table *table = paging_kernel_table();
    vaddr_t address;

    if (find_address(&report->info, &address) && table != NULL && table->format != NULL)
        report_walk(table, address);
}

static void event_entry(void *context, const struct stack_entry *entry)
{
    struct json *event = context;

    json_item_begin(event);
    json_address(event, "address", va_value(entry->address));
    if (entry->function != NULL) {
        json_text(event, "function", entry->function);
        json_number(event, "offset", entry->offset);
    }
    if (entry->repeats > 0)
        json_number(event, "repeats", entry->repeats);
    json_item_end(event);
}

static void write_fault_members(struct json *event, const struct trap_info *info)
{
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
}

static void write_event(void *context)
{
    const struct report *report = context;
    struct stack_start start = start_of(&report->info);
    struct json event;

    json_begin(&event, json_console(), report->panic != NULL ? "panic" : "fault");
    json_text(&event, "sentence", report->sentence);
    if (report->panic == NULL)
        write_fault_members(&event, &report->info);
    json_list_begin(&event, "trace");
    stack_trace_visit(&start, event_entry, &event);
    json_list_end(&event);
    json_end(&event);
}

static void run_part(void (*part)(void *context), struct report *report)
{
    struct trap_info fault;

    if (arch_trap_try(part, report, &fault))
        print("\n(this part of the report ended with a %s at 0x%llx)\n", fault.name,
              (unsigned long long)va_value(fault.instruction));
}

/* --- the report -------------------------------------------------------------------------- */

static const char *subject(const struct report *report)
{
    return report->panic != NULL ? report->panic : report->info.name;
}

[[gnu::noreturn]] static void end_nested(const struct report *report)
{
    print("\nThe report on '%s' itself failed: %s at 0x%llx.\n", subject(first_report),
          subject(report), (unsigned long long)va_value(report->info.instruction));
    end_after_failure();
}

[[gnu::noreturn]] static void write_report(struct report *report)
{
    spin_break_locks();
    if (first_report != NULL)
        end_nested(report);
    first_report = report;
    report->sentence_sink.write = sentence_write;
    run_part(make_sentence, report);
    print("\n--------------------------------------------------------------------- the kernel has "
          "failed\n%s.\n",
          report->sentence_length > 0 ? report->sentence : subject(report));
    run_part(print_place, report);
    run_part(print_registers, report);
    run_part(print_walk, report);
    run_part(print_trace, report);
    run_part(write_event, report);
    end_after_failure();
}

void diag_exception(const struct trap_frame *frame)
{
    struct report report = { .frame = frame };

    arch_trap_describe(frame, &report.info);
    write_report(&report);
}

static void report_panic(void *context, const struct trap_frame *frame)
{
    struct report report = { .frame = frame, .panic = context };

    arch_trap_describe(frame, &report.info);
    write_report(&report);
}

void panic(const char *format, ...)
{
    char sentence[SENTENCE_BYTES];
    va_list arguments;

    va_start(arguments, format);
    print_buffer_va(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    arch_trap_snapshot(report_panic, sentence);
    arch_cpu_halt();
}
