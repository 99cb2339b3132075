/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_log_ring.c - properties of kernel/lib/log_ring.h, against a model that keeps everything.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "host_log.h"
#include "lib/log_ring.h"

#define RING_BYTES 64

static void expect_dump(const struct log_ring *ring, const char *expected)
{
    struct host_text out;

    host_text_init(&out);
    log_ring_dump(ring, &out.sink);
    assert_string_equal(out.text, expected);
    host_text_free(&out);
}

static void what_fits_is_kept_whole(void **state)
{
    /* Until the ring is full, a dump is all that was written, unfinished line included. */
    char bytes[RING_BYTES];
    struct log_ring ring;

    (void)state;
    log_ring_init(&ring, bytes, sizeof(bytes));
    expect_dump(&ring, "");
    log_ring_write(&ring, "one\n", 4);
    log_ring_write(&ring, "tw", 2);
    expect_dump(&ring, "one\ntw");
}

/* The tail of `text` that a ring of RING_BYTES must show. */
static const char *expected_tail(const char *text, size_t length)
{
    const char *start;

    if (length < RING_BYTES)
        return text;
    start = memchr(text + length - RING_BYTES, '\n', RING_BYTES);
    return start != NULL ? start + 1 : text + length;
}

static void only_whole_old_lines_are_shown(void **state)
{
    /* After any sequence of writes, the dump is the longest tail that fits and begins with a line. */
    (void)state;
    srand(7);
    for (int round = 0; round < 200; round++) {
        char bytes[RING_BYTES];
        char all[2048] = "";
        size_t length = 0;
        struct log_ring ring;

        log_ring_init(&ring, bytes, sizeof(bytes));
        for (int line = 0; line < 12; line++) {
            char text[160];
            size_t size = (size_t)rand() % (round % 10 == 0 ? 140 : 30);

            memset(text, 'a' + line, size);
            text[size++] = '\n';
            log_ring_write(&ring, text, size);
            memcpy(all + length, text, size);
            length += size;
            all[length] = '\0';
            expect_dump(&ring, expected_tail(all, length));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits_is_kept_whole),
        cmocka_unit_test(only_whole_old_lines_are_shown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
