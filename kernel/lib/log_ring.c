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

/* How many of the last bytes the last `lines` lines are; what follows the last newline is one, too. */
static size_t tail_bytes(const struct log_ring *ring, unsigned lines)
{
    size_t held = ring->wrapped ? ring->size : ring->written;
    size_t count = 0;

    while (count < held) {
        char before = ring->bytes[(ring->written - count - 1) & (ring->size - 1)];

        if (before == '\n' && count > 0 && --lines == 0)
            return count;
        count++;
    }
    return ring->wrapped ? 0 : held;
}

void log_ring_tail(const struct log_ring *ring, unsigned lines, struct print_sink *sink)
{
    size_t count = lines == 0 ? 0 : tail_bytes(ring, lines);
    size_t start = (ring->written - count) & (ring->size - 1);
    size_t room = ring->size - start;

    if (count == 0 && lines != 0 && ring->wrapped) {
        log_ring_dump(ring, sink); /* fewer lines than were asked for are whole */
        return;
    }
    emit(sink, ring->bytes + start, count < room ? count : room);
    if (count > room)
        emit(sink, ring->bytes, count - room);
}
