/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_fault.c - fault: real exceptions, to see what the kernel makes of them.
 *
 * Each function is named for the mistake that it makes, since its name stands in the stack trace
 * of the report. They are kept out of line, and what they go wrong with is volatile, so that the
 * compiler sees no mistake that it could make something else of. Volatile locals make it set up a
 * stack frame, without which the caller would be missing from the trace.
 */

#include "monitor/commands.h"
#include "arch/provoke.h"
#include "config.h"
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

[[gnu::noinline]] static void divide_by_zero(void)
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

bool command_fault(const struct command_call *call)
{
    for (size_t i = 0; i < ARRAY_COUNT(faults); i++) {
        if (!command_argument_is(call, 0, faults[i].name))
            continue;
        if (faults[i].provoke == execute_data && !paging_kernel_table()->no_execute)
            return command_fail(call, "this processor has no NX: it executes data");
        faults[i].provoke();
        return command_fail(call, "the processor did not fault");
    }
    if (fault_heap_provoke(call->arguments[0]))
        return command_fail(call, "the processor did not fault");
    return command_refuse(call, "there is no fault '%s'", call->arguments[0]);
}
