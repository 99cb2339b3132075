/* SPDX-License-Identifier: BSD-2-Clause
 *
 * log_ring.h - the last lines of text, in a buffer that never grows.
 *
 * Lines are terminated by '\n'. The oldest make room for the newest; what is left of a line that
 * was cut is never shown. Not locked.
 */
#ifndef MERIDIAN_LIB_LOG_RING_H
#define MERIDIAN_LIB_LOG_RING_H

#include "lib/print.h"

struct log_ring {
    char *bytes;
    size_t size;    /* a power of two */
    size_t written; /* bytes since the start, modulo 2^(width of size_t) */
    bool wrapped;   /* the first lines are gone */
};

/* An empty ring over `size` bytes at `bytes`. */
void log_ring_init(struct log_ring *ring, char *bytes, size_t size);

/* Appends `size` bytes; of more than the ring holds, the last. */
void log_ring_write(struct log_ring *ring, const char *text, size_t size);

/* All whole lines, oldest first, and the unfinished last one. */
void log_ring_dump(const struct log_ring *ring, struct print_sink *sink);

/* The last `lines` of them. */
void log_ring_tail(const struct log_ring *ring, unsigned lines, struct print_sink *sink);

#endif
