/* SPDX-License-Identifier: BSD-2-Clause
 *
 * embed.c - the memory manager's log and panic, on what an embedder provides.
 *
 * Inside of the memory manager these are functions with formats (lib/log.h, lib/assert.h); the
 * contract of the library has plain lines (arch/embed.h). A line is put together on the stack: nothing is
 * allocated, and several processors may do it at once.
 */
#include "arch/embed.h"

#include "arch/cpu.h"
#include "lib/assert.h"
#include "lib/log.h"
#include "lib/print.h"

#define LINE_BYTES 256

static_assert(MERIDIAN_LOG_ERROR == LOG_ERROR && MERIDIAN_LOG_WARNING == LOG_WARNING &&
                  MERIDIAN_LOG_NOTICE == LOG_NOTICE && MERIDIAN_LOG_INFO == LOG_INFO &&
                  MERIDIAN_LOG_DEBUG == LOG_DEBUG,
              "levels have the same numbers on both sides");

void log_write(enum log_level level, const char *format, ...)
{
    char line[LINE_BYTES];
    va_list arguments;

    va_start(arguments, format);
    (void)print_buffer_va(line, sizeof(line), format, arguments);
    va_end(arguments);
    meridian_log(level, line);
}

/* The embedder's function is called through a pointer that the compiler knows nothing of: what it was
 * promised about returning is checked, not believed. */
void panic(const char *format, ...)
{
    void (*volatile tell)(const char *message) = meridian_panic;
    char line[LINE_BYTES];
    va_list arguments;

    va_start(arguments, format);
    (void)print_buffer_va(line, sizeof(line), format, arguments);
    va_end(arguments);
    tell(line);
    arch_cpu_halt();
}
