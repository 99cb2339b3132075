/* SPDX-License-Identifier: BSD-2-Clause
 *
 * report.c - faults and panics, told; and how the machine ends.
 *
 * A report is a line across the screen, one plain sentence, the exception with its error code in words,
 * registers, for a page fault the walk through the tables and the areas that are near, the stack trace, the last
 * lines of the log. The same text goes into the fault log (diag/fault_log.h), and all of it is an
 * event for those who read JSON. A fault that the kernel outlives, and has seen before, is one line.
 *
 * Before a report after which there is nothing, locks are broken: whoever holds one will never go
 * on. Each part runs on its own (arch_trap_try()): one that faults over damaged data is left out,
 * with a remark, and the next one follows. A fault outside of the parts ends the report with one
 * short line.
 */
#include "diag/diag.h"

#include "arch/cpu.h"
#include "dev/console.h"
#include "dev/power.h"
#include "lib/assert.h"
#include "lib/json.h"
#include "lib/lock.h"
#include "mm/paging.h"
#include "diag/paragraph.h"
#include "smp/smp.h"
#include "report_parts.h"

static bool something_failed;
static bool exit_expected;

static const struct report *last_report; /* the one after which the machine ends */

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

/* --- sinks ------------------------------------------------------------------------------- */

static void report_write(struct print_sink *sink, const char *text, size_t size)
{
    struct report *report = CONTAINER_OF(sink, struct report, sink);
    struct print_sink *console = console_sink();

    console->write(console, text, size);
    if (report->record != NULL)
        fault_log_append(report->record, text, size);
}

static void make_sentence(void *context)
{
    struct report *report = context;

    if (report->panic != NULL)
        print_to(&report->spoken.sink, "%s", report->panic);
    else
        diag_explain(&report->info, &report->spoken.sink);
}

/* --- writing one ------------------------------------------------------------------------- */

static const char *subject(const struct report *report)
{
    return report->panic != NULL ? report->panic : report->info.name;
}

static void run_part(void (*part)(void *context), struct report *report)
{
    struct trap_info fault;

    if (arch_trap_try(part, report, &fault))
        print_to(&report->sink, "\n(this part of the report ended with a %s at 0x%llx)\n",
                 fault.name, (unsigned long long)va_value(fault.instruction));
}

static void write_headline(struct report *report)
{
    static const char line[] =
        "---------------------------------------------------------------------";
    struct paragraph paragraph;

    if (report->program == NULL)
        print_to(&report->sink, "\n%s the kernel has failed\n", line);
    else
        print_to(&report->sink, "\n%.61s the program '%s' has failed\n", line, report->program);
    paragraph_begin(&paragraph, &report->sink, NULL, 0);
    print_to(&paragraph.sink, "%s.",
             report->spoken.length > 0 ? report->sentence : subject(report));
    paragraph_end(&paragraph);
}

/* The tables are there once paging is. */
static struct vm_space *space_of(const struct report *report)
{
    if (paging_kernel_table() == NULL || paging_kernel_table()->format == NULL ||
        vm_space_table(vm_kernel()) == NULL)
        return NULL;
    return report->info.user ? vm_space_current() : vm_kernel();
}

static void prepare(struct report *report)
{
    report->sink.write = report_write;
    print_text_begin(&report->spoken, report->sentence, sizeof(report->sentence));
    report->space = space_of(report);
    run_part(make_sentence, report);
    report->record = fault_log_note(&report->info, report->program, report->panic != NULL,
                                    report->spoken.length > 0 ? report->sentence : subject(report));
}

static void write_parts(struct report *report)
{
    static void (*const parts[])(void *context) = { report_place, report_registers, report_walk,
                                                    report_near };

    write_headline(report);
    for (size_t i = 0; i < ARRAY_COUNT(parts); i++)
        run_part(parts[i], report);
    if (report->program == NULL)
        run_part(report_trace, report);
    run_part(report_others, report);
    run_part(report_log, report);
    run_part(report_event, report);
}

/* --- faults that the kernel outlives ----------------------------------------------------- */

static void tell_repeat(const struct report *report)
{
    const struct fault_record *record = report->record;
    struct json event;

    print(
        "\nThis fault has been reported, and has now happened %u times: 'fault log %u' shows it.\n",
        record->count, record->number);
    json_begin(&event, json_console(), "fault_repeat");
    json_number(&event, "number", record->number);
    json_number(&event, "count", record->count);
    json_end(&event);
}

void diag_report(const struct trap_frame *frame, const char *program)
{
    struct report report = { .frame = frame, .program = program };

    arch_trap_describe(frame, &report.info);
    prepare(&report);
    if (report.record->count > 1)
        tell_repeat(&report);
    else
        write_parts(&report);
}

/* --- those that it does not -------------------------------------------------------------- */

[[gnu::noreturn]] static void end_nested(const struct report *report)
{
    print("\nThe report on '%s' itself failed: %s at 0x%llx.\n", subject(last_report),
          subject(report), (unsigned long long)va_value(report->info.instruction));
    end_after_failure();
}

[[gnu::noreturn]] static void write_last_report(struct report *report)
{
    (void)arch_irq_save();
    smp_stop_others();
    spin_break_locks();
    if (last_report != NULL)
        end_nested(report);
    last_report = report;
    report->last = true;
    prepare(report);
    write_parts(report);
    end_after_failure();
}

void diag_exception(const struct trap_frame *frame)
{
    struct report report = { .frame = frame };

    arch_trap_describe(frame, &report.info);
    write_last_report(&report);
}

static void report_panic(void *context, const struct trap_frame *frame)
{
    struct report report = { .frame = frame, .panic = context };

    arch_trap_describe(frame, &report.info);
    write_last_report(&report);
}

void panic(const char *format, ...)
{
    char sentence[FAULT_SENTENCE_BYTES];
    va_list arguments;

    va_start(arguments, format);
    print_buffer_va(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    arch_trap_snapshot(report_panic, sentence);
    arch_cpu_halt();
}
