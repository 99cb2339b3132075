/* SPDX-License-Identifier: BSD-2-Clause
 *
 * event_log.c - see event_log.h. Pure: no firmware call, also built hosted.
 *
 * Numbers need not be aligned, and what they say is checked before it is used.
 */
#include "event_log.h"

#include "lib/string.h"

/* Offsets in the first event. */
#define FIRST_SIZE       28u
#define FIRST_DATA       32u
#define ALGORITHM_COUNT  56u
#define ALGORITHMS       60u
#define ALGORITHM_BYTES  4u

/* Offsets in every other event. */
#define DIGEST_COUNT     8u
#define DIGESTS          12u

#define MAX_ALGORITHMS   16u
#define MAX_DIGEST_BYTES 64u
#define MAX_EVENT_BYTES  (64u << 10)

static const char signature[16] = "Spec ID Event03";

static uint32_t number_at(const uint8_t *bytes, size_t size_bytes)
{
    uint32_t number = 0;

    memcpy(&number, bytes, size_bytes);
    return number;
}

/* 0 for an algorithm that the first event does not list. */
static uint32_t digest_bytes(const uint8_t *log, uint32_t algorithm)
{
    for (uint32_t i = 0; i < number_at(log + ALGORITHM_COUNT, 4); i++) {
        const uint8_t *entry = log + ALGORITHMS + i * ALGORITHM_BYTES;

        if (number_at(entry, 2) == algorithm)
            return number_at(entry + 2, 2);
    }
    return 0;
}

/* The first event's size, or 0. */
static size_t check_first(const uint8_t *log)
{
    uint32_t size = number_at(log + FIRST_SIZE, 4);
    uint32_t count = number_at(log + ALGORITHM_COUNT, 4);

    if (memcmp(log + FIRST_DATA, signature, sizeof(signature)) != 0 || count == 0 ||
        count > MAX_ALGORITHMS || size > MAX_EVENT_BYTES ||
        FIRST_DATA + size < ALGORITHMS + count * ALGORITHM_BYTES)
        return 0;
    return FIRST_DATA + size;
}

static size_t event_bytes(const uint8_t *log, const uint8_t *event)
{
    uint32_t count = number_at(event + DIGEST_COUNT, 4);
    size_t at = DIGESTS;
    uint32_t size;

    if (count > MAX_ALGORITHMS)
        return 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t bytes = digest_bytes(log, number_at(event + at, 2));

        if (bytes == 0 || bytes > MAX_DIGEST_BYTES)
            return 0;
        at += 2 + bytes;
    }
    size = number_at(event + at, 4);
    return size <= MAX_EVENT_BYTES ? at + 4 + size : 0;
}

size_t event_log_size(const void *log, uint64_t last_offset)
{
    size_t first = check_first(log);
    size_t last;

    if (first == 0 || last_offset == 0)
        return first;
    if (last_offset < first || last_offset > EVENT_LOG_MAX_BYTES - MAX_EVENT_BYTES)
        return 0;
    last = event_bytes(log, (const uint8_t *)log + last_offset);
    return last != 0 ? (size_t)last_offset + last : 0;
}
