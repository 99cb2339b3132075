/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_system.c - selftest, log, json, and the ways out: reboot and exit.
 */

#include "monitor/commands.h"
#include "dev/console.h"
#include "dev/power.h"
#include "diag/diag.h"
#include "diag/selftest.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/number.h"
#include "lib/print.h"
#include "lib/string.h"

/* QEMU ends with 2 * code + 1, of which the system keeps 8 bits. */
#define EXIT_CODE_MAX 127

/* --- selftest -------------------------------------------------------------------------------- */

static bool list_tests(void)
{
    const char *name;
    const char *proves;

    for (unsigned i = 0; selftest_describe(i, &name, &proves); i++)
        print("  %-10s%s\n", name, proves);
    return true;
}

static bool is_test(const char *text)
{
    const char *name;
    const char *proves;

    for (unsigned i = 0; selftest_describe(i, &name, &proves); i++) {
        if (strcmp(name, text) == 0)
            return true;
    }
    return false;
}

static bool read_seed(const struct command_call *call, const char *text, uint32_t *seed)
{
    uint64_t number;

    if (number_parse(text, &number) != STATUS_OK || number > UINT32_MAX)
        return command_refuse(call, "'%s' is no seed: it is a number below 2^32", text);
    *seed = (uint32_t)number;
    return true;
}

bool command_selftest(const struct command_call *call)
{
    static const char seed_key[] = "seed=";
    const size_t key_length = sizeof seed_key - 1;
    const char *name = NULL;
    uint32_t seed = selftest_new_seed();

    if (command_argument_is(call, 0, "list"))
        return list_tests();
    for (unsigned i = 0; i < call->count; i++) {
        const char *text = call->arguments[i];

        if (strncmp(text, seed_key, key_length) == 0) {
            if (!read_seed(call, text + key_length, &seed))
                return false;
        } else if (!is_test(text)) {
            return command_refuse(call, "there is no test '%s'; try 'selftest list'", text);
        } else {
            name = text;
        }
    }
    return selftest_run(call->machine, name, seed);
}

/* --- log and json ---------------------------------------------------------------------------- */

bool command_log(const struct command_call *call)
{
    (void)call;
    log_dump(console_sink());
    return true;
}

bool command_json(const struct command_call *call)
{
    if (command_argument_is(call, 0, "on"))
        console_enable_json(true);
    else if (command_argument_is(call, 0, "off"))
        console_enable_json(false);
    else if (call->count > 0)
        return command_refuse(call, "'%s' is neither on nor off", call->arguments[0]);
    print("JSON events are %s\n", json_console() != NULL ? "on" : "off");
    return true;
}

/* --- the ways out ---------------------------------------------------------------------------- */

bool command_reboot(const struct command_call *call)
{
    struct json event;

    (void)call;
    json_begin(&event, json_console(), "reboot");
    json_end(&event);
    print("Resetting the machine: chipset, keyboard controller, triple fault.\n");
    power_reset();
}

bool command_exit(const struct command_call *call)
{
    uint64_t code;

    if (call->count == 0)
        diag_exit();
    if (!command_number(call, 0, &code))
        return false;
    if (code > EXIT_CODE_MAX)
        return command_refuse(call, "CODE is 0 to %d", EXIT_CODE_MAX);
    diag_exit_with((uint8_t)code);
}
