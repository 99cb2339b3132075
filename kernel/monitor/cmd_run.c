/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_run.c - run: user programs, in ring 3.
 */

#include "lib/json.h"
#include "lib/print.h"
#include "monitor/commands.h"
#include "smp/smp.h"
#include "user/program.h"

#define SECONDS_USUAL 10u
#define SECONDS_MOST  86400u

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

struct wishes {
    unsigned flags; /* enum program_flag */
    uint64_t seconds;
    unsigned read; /* words of the command */
};

static bool run(const struct command_call *call, const char *name, const struct wishes *wishes)
{
    struct program_end end;
    enum status status =
        program_run(name, wishes->flags, (unsigned)wishes->seconds * smp_tick_hertz(), &end);

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

static bool read_seconds(const struct command_call *call, struct wishes *wishes)
{
    if (!command_number(call, wishes->read + 1, &wishes->seconds))
        return false;
    if (wishes->seconds == 0 || wishes->seconds > SECONDS_MOST)
        return command_refuse(call, "a program can have 1 to %u s", SECONDS_MOST);
    if (smp_tick_hertz() == 0)
        return command_fail(call,
                            "this machine's timer does not tick: no program can be ended by it");
    wishes->read += 2;
    return true;
}

/* The last word is none: it is the program. */
static bool read_options(const struct command_call *call, struct wishes *wishes)
{
    while (wishes->read + 1 < call->count) {
        if (command_argument_is(call, wishes->read, "-t")) {
            wishes->flags |= PROGRAM_TRACED;
            wishes->read++;
        } else if (!command_argument_is(call, wishes->read, "-s")) {
            return command_refuse(call, "there is no option '%s'", call->arguments[wishes->read]);
        } else if (!read_seconds(call, wishes)) {
            return false;
        }
    }
    return true;
}

bool command_run(const struct command_call *call)
{
    struct wishes wishes = { .seconds = SECONDS_USUAL };

    if (command_argument_is(call, 0, "list") && call->count == 1)
        return list();
    if (!read_options(call, &wishes))
        return false;
    if (wishes.read == call->count || call->arguments[wishes.read][0] == '-')
        return command_refuse(call, "an argument is missing");
    return run(call, call->arguments[wishes.read], &wishes);
}
