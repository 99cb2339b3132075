/* SPDX-License-Identifier: BSD-2-Clause
 *
 * runtime.c - system calls with types, and text.
 */
#include "lib/print.h"
#include "lib/string.h"
#include "program.h"

#define TEXT_BYTES 192

static enum status status_of(uintptr_t result)
{
    return result >= USER_ERROR_FIRST ? (enum status)(0 - result) : STATUS_OK;
}

void user_exit(uintptr_t code)
{
    (void)user_call(USER_CALL_EXIT, code, 0, 0);
    __builtin_unreachable();
}

enum status user_map(void *address, size_t size_bytes, unsigned rights, void **start)
{
    uintptr_t result = user_call(USER_CALL_MAP, (uintptr_t)address, size_bytes, rights);

    if (status_of(result) == STATUS_OK)
        *start = (void *)result;
    return status_of(result);
}

enum status user_unmap(void *address, size_t size_bytes)
{
    return status_of(user_call(USER_CALL_UNMAP, (uintptr_t)address, size_bytes, 0));
}

enum status user_protect(void *address, size_t size_bytes, unsigned rights)
{
    return status_of(user_call(USER_CALL_PROTECT, (uintptr_t)address, size_bytes, rights));
}

void say(const char *line)
{
    (void)user_call(USER_CALL_WRITE, (uintptr_t)line, strlen(line), 0);
    (void)user_call(USER_CALL_WRITE, (uintptr_t) "\n", 1, 0);
}

void print(const char *format, ...)
{
    char text[TEXT_BYTES];
    va_list arguments;

    va_start(arguments, format);
    (void)print_buffer_va(text, sizeof text, format, arguments);
    va_end(arguments);
    (void)user_call(USER_CALL_WRITE, (uintptr_t)text, strlen(text), 0);
}
