/* SPDX-License-Identifier: BSD-2-Clause
 *
 * host_panic.c - panic() of hosted programs: to the test that expects it, or the end.
 */
#include "host_panic.h"

#include "lib/assert.h"
#include "lib/lock.h"
#include "lib/print.h"

#include <stdio.h>
#include <stdlib.h>

static _Thread_local jmp_buf *expected;
static _Thread_local char message[512];

void panic(const char *format, ...)
{
    jmp_buf *target = expected;
    va_list arguments;

    va_start(arguments, format);
    print_buffer_va(message, sizeof(message), format, arguments);
    va_end(arguments);
    expected = NULL;
    spin_forget_held();
    if (target != NULL)
        longjmp(*target, 1);
    fprintf(stderr, "panic: %s\n", message);
    abort();
}

void host_panic_expect(jmp_buf *target)
{
    expected = target;
}

const char *host_panic_message(void)
{
    return message;
}
