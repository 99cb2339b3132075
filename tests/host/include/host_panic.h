/* SPDX-License-Identifier: BSD-2-Clause
 *
 * host_panic.h - a panic that a test expects.
 *
 *     assert_panics(frame_put(free_frame), "no reference");
 *
 * runs the statement, and fails the test unless it panics with a message that contains the text. The
 * statement is left by longjmp(): locks that it held stay taken. A panic that nobody expects prints
 * its message and aborts, which the sanitizers turn into a stack trace.
 */
#ifndef MERIDIAN_HOST_PANIC_H
#define MERIDIAN_HOST_PANIC_H

#include <setjmp.h>
#include <stdbool.h>
#include <string.h>

/* Of the calling thread: arms the next panic to jump to `target`; NULL disarms. */
void host_panic_expect(jmp_buf *target);

/* The message of the last panic that was expected; "" before the first. */
const char *host_panic_message(void);

#define assert_panics(statement, expected)                                                         \
    do {                                                                                           \
        jmp_buf panic_target;                                                                      \
                                                                                                   \
        if (setjmp(panic_target) == 0) {                                                           \
            host_panic_expect(&panic_target);                                                      \
            statement;                                                                             \
            host_panic_expect(NULL);                                                               \
            fail_msg("%s: no panic", #statement);                                                  \
        }                                                                                          \
        if (strstr(host_panic_message(), (expected)) == NULL)                                      \
            fail_msg("%s: panic '%s' lacks '%s'", #statement, host_panic_message(), (expected));   \
    } while (false)

#endif
