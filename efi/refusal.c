/* SPDX-License-Identifier: BSD-2-Clause
 *
 * refusal.c - see refusal.h. Pure: no firmware call, also built hosted.
 */
#include "refusal.h"

#include "lib/print.h"

void refusal_place(struct refusal *refusal, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_buffer_va(refusal->place, sizeof(refusal->place), format, arguments);
    va_end(arguments);
}

enum status refuse(struct refusal *refusal, enum status status, const char *next,
                   const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_buffer_va(refusal->reason, sizeof(refusal->reason), format, arguments);
    va_end(arguments);
    refusal->status = status;
    refusal->next = next;
    return status;
}
