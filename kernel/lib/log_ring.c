/* SPDX-License-Identifier: BSD-2-Clause
 *
 * log_ring.c - see log_ring.h.
 *
 *        written % size
 *              |
 *   ...newest\n|t of an old line\nthe oldest whole line\n ...
 *                                 ^ where a dump begins, once the ring has wrapped
 */
#include "log_ring.h"

#include "lib/string.h"

void log_ring_init(struct log_ring *ring, char *bytes, size_t size)
{
    *ring = (struct log_ring){ .bytes = bytes, .size = size, .written = 0, .wrapped = false };
}

void log_ring_write(struct log_ring *ring, const char *text, size_t size)
{
    size_t start, room;

    if (size > ring->size) {
        text += size - ring->size;
        ring->written += size - ring->size;
        ring->wrapped = true;
        size = ring->size;
    }
    start = ring->written & (ring->size - 1);
    room = ring->size - start;
    memcpy(ring->bytes + start, text, size < room ? size : room);
    if (size >= room)
        ring->wrapped = true;
    if (size > room)
        memcpy(ring->bytes, text + room, size - room);
    ring->written += size;
}

static void emit(struct print_sink *sink, const char *text, size_t size)
{
    if (size > 0)
        sink->write(sink, text, size);
}

void log_ring_dump(const struct log_ring *ring, struct print_sink *sink)
{
    size_t end = ring->written & (ring->size - 1);
    size_t skipped = 0;

    if (!ring->wrapped) {
        emit(sink, ring->bytes, ring->written);
        return;
    }
    while (skipped < ring->size && ring->bytes[(end + skipped) & (ring->size - 1)] != '\n')
        skipped++;
    skipped++;
    if (end + skipped < ring->size) {
        emit(sink, ring->bytes + end + skipped, ring->size - end - skipped);
        emit(sink, ring->bytes, end);
    } else if (skipped < ring->size) {
        emit(sink, ring->bytes + (end + skipped - ring->size), ring->size - skipped);
    }
}
