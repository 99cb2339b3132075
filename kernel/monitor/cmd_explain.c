/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_explain.c - explain: everything that is known about one address.
 */

#include "monitor/commands.h"
#include "dev/console.h"
#include "diag/explain.h"
#include "lib/json.h"
#include "lib/number.h"
#include "lib/print.h"
#include "lib/string.h"

static struct explanation explanation; /* too large for a stack */

/* "p:" or "v:" in front of an address, or the word `physical` or `virtual`. */
static bool read_kind(const char *text, enum explain_kind *kind)
{
    if (strcmp(text, "physical") == 0 || strncmp(text, "p:", 2) == 0)
        *kind = EXPLAIN_PHYSICAL;
    else if (strcmp(text, "virtual") == 0 || strncmp(text, "v:", 2) == 0)
        *kind = EXPLAIN_VIRTUAL;
    else
        return false;
    return true;
}

static bool parse_address(const struct command_call *call, const char *text, uint64_t *address)
{
    switch (number_parse(text, address)) {
    case STATUS_OK:
        return true;
    case STATUS_OVERFLOW:
        return command_refuse(call, "%s is larger than 64 bits", text);
    default:
        return command_refuse(call, "'%s' is no address (hexadecimal ones begin with 0x)", text);
    }
}

/* The address and what it is taken for; *chosen: because nothing else was asked for. */
static bool read_address(const struct command_call *call, uint64_t *address,
                         enum explain_kind *kind, bool *chosen)
{
    const char *text = call->arguments[call->count - 1];

    *chosen = false;
    if (call->count == 2) {
        if (!read_kind(call->arguments[0], kind) || call->arguments[0][1] == ':')
            return command_refuse(call, "'%s' is neither physical nor virtual", call->arguments[0]);
        return parse_address(call, text, address);
    }
    if (read_kind(text, kind) && text[1] == ':')
        return parse_address(call, text + 2, address);
    *chosen = true;
    if (!parse_address(call, text, address))
        return false;
    *kind = explain_kind_of(*address);
    return true;
}

/* To the console, and as an event. */
void explain_show(const struct handoff_view *machine, enum explain_kind kind, uint64_t address)
{
    if (kind == EXPLAIN_VIRTUAL)
        explain_virtual(machine, va((uintptr_t)address), &explanation);
    else
        explain_physical(machine, pa(address), &explanation);
    explain_print(&explanation, console_sink());
    explain_event(&explanation, json_console());
}

bool command_explain(const struct command_call *call)
{
    uint64_t address;
    enum explain_kind kind;
    bool chosen;

    if (!read_address(call, &address, &kind, &chosen))
        return false;
    if (kind == EXPLAIN_VIRTUAL && address > UINTPTR_MAX)
        return command_fail(call, "0x%llx is beyond all virtual addresses of this machine",
                            (unsigned long long)address);
    explain_show(call->machine, kind, address);
    if (chosen && kind == EXPLAIN_VIRTUAL && address < call->machine->map.limit)
        print("Taken as virtual, since it lies in the kernel's half: 'explain p:0x%llx' asks for "
              "the other.\n",
              (unsigned long long)address);
    return true;
}
