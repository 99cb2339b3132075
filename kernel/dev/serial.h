/* SPDX-License-Identifier: BSD-2-Clause
 *
 * serial.h - a 16550 serial port, polled.
 */
#ifndef MERIDIAN_DEV_SERIAL_H
#define MERIDIAN_DEV_SERIAL_H

#include "lib/status.h"
#include "lib/types.h"

struct serial {
    uint16_t port;  /* of the first register; 0: not there */
    unsigned index; /* n of ttySn */
    uint32_t baud;
    unsigned room;      /* characters that the transmitter still takes without being asked */
    unsigned fifo_size; /* 1 where there is no FIFO */
    unsigned patience;  /* turns to wait for a port that takes no character */
    bool stalled;       /* took none for so long */
};

/* Reads "ttyS0,115200n8" into index and baud. What follows the digits of the rate is ignored.
 * STATUS_INVALID when it is no such text, or the rate cannot be made. */
enum status serial_parse(const char *options, unsigned *index, uint32_t *baud);

/* Programs the port and proves that it is there by sending it a character to itself.
 * STATUS_NOT_FOUND where nothing answers: no port, or one that reads 0xFF. */
enum status serial_open(struct serial *serial, unsigned index, uint32_t baud);

/* Sends; "\n" goes out as "\r\n". A port that takes no character for a long time is stalled: text is
 * lost without waiting until it takes one again. */
void serial_write(struct serial *serial, const char *text, size_t size);

/* A character that has arrived, if there is one. */
bool serial_read(struct serial *serial, char *character);

#endif
