/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_run.c - run: user programs, in ring 3.
 */

#include "lib/json.h"
#include "lib/print.h"
#include "monitor/commands.h"
#include "user/program.h"

static bool list(void)
{
    const char *name, *does;

    for (unsigned i = 0; program_describe(i, &name, &does); i++)
        print("  %-10s%s\n", name, does);
    return true;
}

/* --- how it ended ---------------------------------------------------------------------------- */

static void event_fault(struct json *event, const struct program_end *end)
{
    const struct trap_info *fault = &end->fault;

    json_text(event, "sentence", end->sentence);
    json_text(event, "exception", fault->name);
    json_number(event, "vector", fault->vector);
    json_address(event, "instruction", va_value(fault->instruction));
    if (fault->kind != TRAP_PAGE_FAULT)
        return;
    json_address(event, "address", va_value(fault->address));
    json_text(event, "access",
              fault->access & TRAP_ACCESS_EXECUTE ? "execute"
              : fault->access & TRAP_ACCESS_WRITE ? "write"
                                                  : "read");
    if (end->area != NULL)
        json_text(event, "area", end->area);
}

static void event_end(const char *name, const struct program_end *end)
{
    struct json event;

    json_begin(&event, json_console(), "program");
    json_text(&event, "name", name);
    json_text(&event, "end", end->faulted ? "fault" : "exit");
    if (end->faulted)
        event_fault(&event, end);
    else
        json_number(&event, "code", end->code);
    json_number(&event, "calls", end->calls);
    json_number(&event, "refused", end->refused);
    json_number(&event, "faults", end->faults);
    json_number(&event, "frames_before", end->frames_before);
    json_number(&event, "frames_after", end->frames_after);
    json_end(&event);
}

static void print_end(const char *name, const struct program_end *end)
{
    if (end->faulted)
        print("'%s' was ended by a %s.", name, end->fault.name);
    else
        print("'%s' ended with code %llu.", name, (unsigned long long)end->code);
    print("\nCalls: %u, refused: %u. Page faults resolved: %u. Frames free: %llu before, "
          "%llu after.\n",
          end->calls, end->refused, end->faults, (unsigned long long)end->frames_before,
          (unsigned long long)end->frames_after);
}

/* --- run ------------------------------------------------------------------------------------- */

static bool run(const struct command_call *call, const char *name, unsigned flags)
{
    struct program_end end;
    enum status status = program_run(name, flags, &end);

    if (status == STATUS_NOT_FOUND)
        return command_refuse(call, "there is no program '%s'; try 'run list'", name);
    if (status != STATUS_OK)
        return command_fail(call, "'%s' could not be started: %s", name, status_name(status));
    print_end(name, &end);
    event_end(name, &end);
    if (end.frames_after < end.frames_before)
        return command_fail(call, "'%s' left the machine with fewer free frames", name);
    if (!end.faulted && end.code != 0)
        return command_fail(call, "'%s' did not end with code 0", name);
    return true;
}

bool command_run(const struct command_call *call)
{
    bool traced = command_argument_is(call, 0, "-t");

    if (command_argument_is(call, 0, "list") && call->count == 1)
        return list();
    if (call->count != (traced ? 2u : 1u))
        return command_refuse(call, traced ? "an argument is missing" : "there is no option '%s'",
                              call->arguments[0]);
    return run(call, call->arguments[traced], traced ? PROGRAM_TRACED : 0u);
}
