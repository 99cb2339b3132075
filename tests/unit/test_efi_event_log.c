/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_efi_event_log.c - properties of the reader of the firmware's log of measurements.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "efi/event_log.h"

#define LOG_BYTES 512u
#define SHA1      0x0004u
#define SHA256    0x000bu

struct log {
    uint8_t bytes[LOG_BYTES];
    size_t used;
    size_t last;
};

static void put(struct log *log, uint32_t value, size_t size)
{
    assert_true(log->used + size <= LOG_BYTES);
    memcpy(log->bytes + log->used, &value, size);
    log->used += size;
}

static void put_zeroes(struct log *log, size_t size)
{
    for (size_t i = 0; i < size; i++)
        put(log, 0, 1);
}

/* The first event of firmware whose TPM has banks for SHA-1 and SHA-256, with some bytes of its vendor. */
static struct log first_event(void)
{
    static const char signature[16] = "Spec ID Event03";
    struct log log = { .used = 0 };

    put(&log, 0, 4);
    put(&log, 3, 4);
    put_zeroes(&log, 20);
    put(&log, 24 + 4 + 2 * 4 + 1 + 3, 4);
    for (size_t i = 0; i < sizeof(signature); i++)
        put(&log, (uint8_t)signature[i], 1);
    put_zeroes(&log, 8);
    put(&log, 2, 4);
    put(&log, SHA1 | 20u << 16, 4);
    put(&log, SHA256 | 32u << 16, 4);
    put(&log, 3, 1);
    put_zeroes(&log, 3);
    return log;
}

static void add_event(struct log *log, size_t data_bytes)
{
    log->last = log->used;
    put(log, 9, 4);
    put(log, 13, 4);
    put(log, 2, 4);
    put(log, SHA1, 2);
    put_zeroes(log, 20);
    put(log, SHA256, 2);
    put_zeroes(log, 32);
    put(log, (uint32_t)data_bytes, 4);
    put_zeroes(log, data_bytes);
}

/* A copy of exactly the bytes that are there, so that ASan sees a read too far. */
static size_t size_of(const struct log *log, uint64_t last)
{
    uint8_t *copy = malloc(log->used);
    size_t size;

    memcpy(copy, log->bytes, log->used);
    size = event_log_size(copy, last);
    free(copy);
    return size;
}

static void logs_end_with_their_last_event(void **state)
{
    /* The log ends where its last event does, whatever that has of data; without others it is the first. */
    struct log log = first_event();

    (void)state;
    assert_int_equal(size_of(&log, 0), log.used);
    add_event(&log, 17);
    assert_int_equal(size_of(&log, log.last), log.used);
    add_event(&log, 0);
    assert_int_equal(size_of(&log, log.last), log.used);
}

static void what_makes_no_sense_is_no_log(void **state)
{
    /* A wrong signature, no algorithms or too many, an algorithm that was not listed, a digest or an event that is
     * too large, a last event within the first or far away: each is no log. */
    static const struct {
        size_t at;
        uint32_t value;
    } damage[] = {
        { 32, 0x78786553 }, /* the signature */
        { 56, 0 },          /* no algorithm */
        { 56, 17 },         /* seventeen */
        { 56, 1 },          /* SHA-256 is not listed */
        { 28, 35 },         /* the first event ends before its list */
        { 28, 0xffffffff }, /* or is of no size */
        { 60, SHA1 },       /* a digest of no bytes */
        { 64, SHA256 | 65u << 16 },
    };
    struct log good = first_event();

    (void)state;
    add_event(&good, 4);
    for (size_t i = 0; i < sizeof(damage) / sizeof(damage[0]); i++) {
        struct log log = good;

        memcpy(log.bytes + damage[i].at, &damage[i].value, 4);
        assert_int_equal(size_of(&log, log.last), 0);
    }
    assert_int_equal(size_of(&good, 31), 0);
    assert_int_equal(size_of(&good, EVENT_LOG_MAX_BYTES), 0);
    assert_int_equal(size_of(&good, UINT64_MAX), 0);
}

static void damaged_events_are_no_log(void **state)
{
    /* Counts and sizes of the last event have limits. */
    struct log log = first_event();
    struct log other;

    (void)state;
    add_event(&log, 4);
    other = log;
    memset(other.bytes + other.last + 8, 0xff, 4);
    assert_int_equal(size_of(&other, other.last), 0);
    other = log;
    memset(other.bytes + other.used - 8, 0xff, 4);
    assert_int_equal(size_of(&other, other.last), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logs_end_with_their_last_event),
        cmocka_unit_test(what_makes_no_sense_is_no_log),
        cmocka_unit_test(damaged_events_are_no_log),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
