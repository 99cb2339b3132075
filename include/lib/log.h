/* SPDX-License-Identifier: BSD-2-Clause
 *
 * lib/log.h - one line, one fact, with its unit.
 *
 * A line carries a time stamp and a level, goes to the console when its level is within
 * `loglevel=`, and always into a ring in memory that the monitor's `log` shows. Levels are those
 * of Linux (include/linux/kern_levels.h), so that `loglevel=` and `quiet` mean the same. Any context,
 * never from inside an allocator's fast path. Hosted builds collect the lines for the tests.
 */
#ifndef MERIDIAN_LIB_LOG_H
#define MERIDIAN_LIB_LOG_H

#include "lib/print.h"

enum log_level {
    LOG_ERROR = 3,
    LOG_WARNING = 4,
    LOG_NOTICE = 5,
    LOG_INFO = 6,
    LOG_DEBUG = 7,
};

/* `format` has no newline at its end. */
[[gnu::format(printf, 2, 3)]] void log_write(enum log_level level, const char *format, ...);

#define log_error(...)   log_write(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, __VA_ARGS__)
#define log_notice(...)  log_write(LOG_NOTICE, __VA_ARGS__)
#define log_info(...)    log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...)   log_write(LOG_DEBUG, __VA_ARGS__)

/* While reports are expected, errors and warnings are provoked on purpose (self-tests): they are
 * kept in the ring as what they are, "expected: ...", and not shown. One processor; kernel only. */
void log_expect(bool expected);

/* Lines above `level` are kept in the ring, but not shown. */
void log_set_console_level(enum log_level level);

/* Everything the ring still holds, oldest line first. */
void log_dump(struct print_sink *sink);

/* The last `lines` lines of it. */
void log_tail(unsigned lines, struct print_sink *sink);

/* "[    1.234567] ": the time as lines have it; as print_buffer(). */
size_t log_stamp(char *text, size_t size);

#endif
