/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_fault.c - fault: real exceptions, to see what the kernel makes of them; and the log of those there were.
 *
 * Each function is named for the mistake that it makes, since its name stands in the stack trace
 * of the report. They are kept out of line, and what they go wrong with is volatile, so that the
 * compiler sees no mistake that it could make something else of. Volatile locals make it set up a
 * stack frame, without which the caller would be missing from the trace.
 */

#include "monitor/commands.h"
#include "arch/provoke.h"
#include "config.h"
#include "dev/console.h"
#include "diag/diag.h"
#include "diag/fault_log.h"
#include "diag/paragraph.h"
#include "lib/json.h"
#include "lib/print.h"
#include "lib/string.h"
#include "mm/paging.h"

/* What each turn takes of the stack: less than a guard page, which must not be jumped over. */
#define TURN_BYTES 2048

static volatile int zero;
static uint8_t data[ARCH_RETURN_BYTES];

[[gnu::noinline]] static void write_to_null(void)
{
    volatile uint32_t value = 1;
    volatile uint32_t *pointer = (volatile uint32_t *)(uintptr_t)zero;

    *pointer = value;
}

[[gnu::noinline]] static void write_to_kernel_code(void)
{
    volatile uint8_t value = 0;
    volatile uint8_t *code = (volatile uint8_t *)(uintptr_t)command_fault;

    *code = value;
}

[[gnu::noinline]] static void execute_data(void)
{
    uintptr_t address = (uintptr_t)data;
    void (*function)(void);

    memcpy(data, arch_return_code, sizeof data);
    memcpy(&function, &address, sizeof function);
    function();
    zero = 0; /* the call must not be the last thing here, or this function would leave no trace */
}

[[gnu::noinline]] static unsigned recurse_without_end(unsigned depth)
{
    volatile uint8_t locals[TURN_BYTES];

    locals[0] = (uint8_t)depth;
    if (zero != 0)
        return depth;
    return recurse_without_end(depth + 1) + locals[0];
}

[[gnu::noinline]] static void overrun_stack(void)
{
    zero = (int)recurse_without_end(0);
}

[[gnu::noinline]] __attribute__((no_sanitize("undefined"))) static void divide_by_zero(void)
{
    volatile int one = 1; /* a constant over a variable can be had without dividing */

    zero = one / zero;
}

[[gnu::noinline]] static void touch_impossible_address(void)
{
    arch_provoke_protection_fault();
    zero = 0;
}

[[gnu::noinline]] static void break_the_stack(void)
{
    arch_provoke_double_fault();
}

static const struct {
    const char *name;
    void (*provoke)(void);
} faults[] = {
    { "null", write_to_null },     { "wx", write_to_kernel_code },
    { "nx", execute_data },        { "stack", overrun_stack },
    { "divide", divide_by_zero },  { "gp", touch_impossible_address },
    { "double", break_the_stack },
};

static bool provoke(const struct command_call *call, const char *name)
{
    for (size_t i = 0; i < ARRAY_COUNT(faults); i++) {
        if (strcmp(name, faults[i].name) != 0)
            continue;
        if (faults[i].provoke == execute_data && !paging_kernel_table()->no_execute)
            return command_fail(call, "this processor has no NX: it executes data");
        faults[i].provoke();
        return command_fail(call, "the processor did not fault");
    }
    if (strcmp(name, "locks") == 0)
        return fault_locks_provoke(call);
    if (fault_heap_provoke(name))
        return command_fail(call, "the processor did not fault");
    if (fault_checked_provoke(call, name))
        return false;
    return command_refuse(call, "there is no fault '%s'", name);
}

/* --- fault try ------------------------------------------------------------------------------- */

/* A fault that is provoked and outlived. */
struct attempt {
    const struct command_call *call;
    bool done;
};

static void provoke_attempt(void *context)
{
    struct attempt *attempt = context;

    attempt->done = provoke(attempt->call, attempt->call->arguments[1]);
}

static void report_attempt(void *context, const struct trap_frame *frame)
{
    (void)context;
    diag_report(frame, NULL);
}

static bool try_fault(const struct command_call *call)
{
    struct attempt attempt = { .call = call };
    struct trap_info info;

    if (call->count < 2)
        return command_refuse(call, "try which fault?");
    if (!arch_trap_try_watched(provoke_attempt, &attempt, report_attempt, &info))
        return attempt.done;
    print("It was tried: the kernel goes on.\n");
    return true;
}

/* --- fault log ------------------------------------------------------------------------------- */

static void event_record(const struct fault_record *record)
{
    struct json event;

    json_begin(&event, json_console(), "fault_record");
    json_number(&event, "number", record->number);
    json_number(&event, "count", record->count);
    json_text(&event, "first", record->first);
    json_text(&event, "last", record->last);
    if (record->program != NULL)
        json_text(&event, "program", record->program);
    json_text(&event, "name", record->panic ? "panic" : record->info.name);
    json_number(&event, "vector", record->info.vector);
    json_address(&event, "instruction", va_value(record->info.instruction));
    if (record->info.kind == TRAP_PAGE_FAULT)
        json_address(&event, "address", va_value(record->info.address));
    json_text(&event, "sentence", record->sentence);
    json_end(&event);
}

static void list_record(const struct fault_record *record)
{
    struct paragraph paragraph;

    print("  %4u  %5ux  %s%s: %s\n", record->number, record->count, record->last,
          record->program == NULL ? "the kernel" : record->program,
          record->panic ? "panic" : record->info.name);
    paragraph_begin(&paragraph, console_sink(), "", 16);
    print_to(&paragraph.sink, "%s.", record->sentence);
    paragraph_end(&paragraph);
    event_record(record);
}

static bool list_faults(void)
{
    uint32_t next = fault_log_next();
    uint32_t first = next > FAULT_RECORDS ? next - FAULT_RECORDS : 1;

    if (next == 1) {
        print("Nothing has faulted since the start.\n");
        return true;
    }
    for (uint32_t number = first; number < next; number++)
        if (fault_log_find(number) != NULL)
            list_record(fault_log_find(number));
    if (first > 1)
        print("%u older ones are forgotten.\n", first - 1);
    print("'fault log NUMBER' shows a report again.\n");
    return true;
}

static bool show_record(const struct command_call *call)
{
    const struct fault_record *record;
    struct print_sink *sink = console_sink();
    uint64_t number;

    if (!command_number(call, 1, &number))
        return false;
    record = number > UINT32_MAX ? NULL : fault_log_find((uint32_t)number);
    if (record == NULL)
        return command_fail(call, "there is no fault %llu in the log", (unsigned long long)number);
    list_record(record);
    sink->write(sink, record->text, record->text_bytes);
    return true;
}

/* --- the command ----------------------------------------------------------------------------- */

bool command_fault(const struct command_call *call)
{
    if (command_argument_is(call, 0, "log"))
        return call->count > 1 ? show_record(call) : list_faults();
    if (command_argument_is(call, 0, "try"))
        return try_fault(call);
    if (call->count > 1)
        return command_refuse(call, "'%s' takes nothing more", call->arguments[0]);
    return provoke(call, call->arguments[0]);
}
