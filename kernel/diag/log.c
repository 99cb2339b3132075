/* SPDX-License-Identifier: BSD-2-Clause
 *
 * log.c - the kernel's log: lines with a time, in memory and on the console.
 *
 * A line is put together on the stack, then goes into the ring under a lock and to the console,
 * whose own lock keeps it whole. Errors and warnings say what they are; other levels only decide
 * whether a line is shown. Until the speed of the clock is known, times are in ticks: "[ 1234 t]".
 */
#include "lib/log.h"

#include "arch/clock.h"
#include "config.h"
#include "dev/console.h"
#include "lib/lock.h"
#include "lib/log_ring.h"

#define LINE_BYTES 256

static char ring_bytes[CONFIG_LOG_RING_BYTES];
static struct log_ring ring = { .bytes = ring_bytes, .size = sizeof(ring_bytes) };
static struct spinlock ring_lock = SPINLOCK_INIT(LOCK_RANK_CONSOLE, "the log ring");
static enum log_level console_level = LOG_INFO;
static bool reports_expected;

size_t log_stamp(char *line, size_t size)
{
    uint64_t now;

    if (!arch_clock_read(&now))
        return print_buffer(line, size, "[%11llu t] ", (unsigned long long)now);
    return print_buffer(line, size, "[%5llu.%06llu] ", (unsigned long long)(now >> 32),
                        (unsigned long long)((now & 0xffffffffu) * 1000000u >> 32));
}

/* A report that was provoked is for the ring alone. */
static bool is_expected(enum log_level level)
{
    return reports_expected && level <= LOG_WARNING;
}

static const char *line_prefix(enum log_level level)
{
    if (is_expected(level))
        return "expected: ";
    switch (level) {
    case LOG_ERROR:
        return "error: ";
    case LOG_WARNING:
        return "warning: ";
    case LOG_NOTICE:
    case LOG_INFO:
    case LOG_DEBUG:
        return "";
    }
    return "";
}

/* The length that print_buffer() left in a buffer of `size` bytes. */
static size_t kept(size_t length, size_t size)
{
    return length < size ? length : size - 1;
}

void log_write(enum log_level level, const char *format, ...)
{
    char line[LINE_BYTES];
    size_t room = sizeof(line) - 1; /* for the newline */
    size_t length = log_stamp(line, room);
    va_list arguments;
    irq_state_t state;

    length += print_buffer(line + length, room - length, "%s", line_prefix(level));
    va_start(arguments, format);
    length = kept(length + print_buffer_va(line + length, room - length, format, arguments), room);
    va_end(arguments);
    line[length] = '\n';
    line[length + 1] = '\0';

    state = spin_lock(&ring_lock);
    log_ring_write(&ring, line, length + 1);
    spin_unlock(&ring_lock, state);
    if (level <= console_level && !is_expected(level))
        print("%s", line);
}

void log_set_console_level(enum log_level level)
{
    console_level = level;
}

void log_expect(bool expected)
{
    reports_expected = expected;
}

void log_dump(struct print_sink *sink)
{
    log_ring_dump(&ring, sink);
}

void log_tail(unsigned lines, struct print_sink *sink)
{
    log_ring_tail(&ring, lines, sink);
}
