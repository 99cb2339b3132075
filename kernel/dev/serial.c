/* SPDX-License-Identifier: BSD-2-Clause
 *
 * serial.c - a 16550 serial port, polled.
 *
 * A port is believed only when a character sent in loop-back mode comes back: an absent port reads
 * 0xFF, some read whatever was written last. A real port always takes characters, but an emulator's
 * takes none while nobody reads them: a stopped terminal, a full pipe, a busy test. So the wait is
 * long, and bounded: a port that stops for good costs its time once, then text is lost until it
 * takes a character again.
 *
 * Writing is cheap: when the transmitter is empty its FIFO takes 16 characters, so that the status
 * is read once for 16. No interrupts are used.
 *
 * Source: National Semiconductor PC16550D data sheet, section 8 "Registers".
 */
#include "serial.h"

#include "arch/cpu.h"
#include "arch/port.h"
#include "lib/number.h"
#include "lib/string.h"

#define REGISTER_DATA         0
#define REGISTER_DIVISOR_LOW  0 /* with LINE_DIVISOR */
#define REGISTER_INTERRUPTS   1
#define REGISTER_DIVISOR_HIGH 1 /* with LINE_DIVISOR */
#define REGISTER_FIFO         2 /* when written */
#define REGISTER_IDENTIFY     2 /* when read */
#define REGISTER_LINE         3
#define REGISTER_MODEM        4
#define REGISTER_STATUS       5

#define LINE_8N1              0x03 /* 8 bits, no parity, 1 stop bit */
#define LINE_DIVISOR          0x80
#define FIFO_ENABLE_AND_CLEAR 0x07
#define IDENTIFY_FIFO         0xc0
#define MODEM_READY           0x03 /* DTR and RTS */
#define MODEM_LOOP_BACK       0x10
#define STATUS_RECEIVED       0x01
#define STATUS_EMPTY          0x20 /* the transmitter takes a FIFO full of characters */

#define CLOCK_BAUD            115200u /* rate with a divisor of 1 */
#define FIFO_CHARACTERS       16u
#define PROBE_CHARACTER       0xa5

/* One read of a port takes about a microsecond: some ten seconds for whoever reads to go on. */
#define WAIT_TURNS            10000000u
#define PROBE_TURNS           50000u

static const uint16_t ports[] = { 0x3f8, 0x2f8, 0x3e8, 0x2e8 }; /* ttyS0 to ttyS3 */

static uint8_t read_register(const struct serial *serial, unsigned index)
{
    return arch_port_read8((uint16_t)(serial->port + index));
}

static void write_register(const struct serial *serial, unsigned index, uint8_t value)
{
    arch_port_write8((uint16_t)(serial->port + index), value);
}

static bool wait_for_status(const struct serial *serial, uint8_t wanted, unsigned turns)
{
    for (unsigned turn = 0; turn < turns; turn++) {
        if (read_register(serial, REGISTER_STATUS) & wanted)
            return true;
        arch_cpu_relax();
    }
    return false;
}

enum status serial_parse(const char *options, unsigned *index, uint32_t *baud)
{
    uint64_t rate = CLOCK_BAUD;
    unsigned number;

    if (strncmp(options, "ttyS", 4) != 0 || options[4] < '0' ||
        options[4] >= '0' + (int)ARRAY_COUNT(ports))
        return STATUS_INVALID;
    number = (unsigned)(options[4] - '0');
    options += 5;
    if (*options == ',') {
        options++;
        if (number_scan(&options, &rate) != STATUS_OK)
            return STATUS_INVALID;
    } else if (*options != '\0') {
        return STATUS_INVALID;
    }
    if (rate == 0 || rate > CLOCK_BAUD || CLOCK_BAUD % (uint32_t)rate != 0)
        return STATUS_INVALID;
    *index = number;
    *baud = (uint32_t)rate;
    return STATUS_OK;
}

static void program(const struct serial *serial)
{
    uint32_t divisor = CLOCK_BAUD / serial->baud;

    write_register(serial, REGISTER_INTERRUPTS, 0);
    write_register(serial, REGISTER_LINE, LINE_DIVISOR);
    write_register(serial, REGISTER_DIVISOR_LOW, (uint8_t)divisor);
    write_register(serial, REGISTER_DIVISOR_HIGH, (uint8_t)(divisor >> 8));
    write_register(serial, REGISTER_LINE, LINE_8N1);
    write_register(serial, REGISTER_FIFO, FIFO_ENABLE_AND_CLEAR);
}

static bool loop_back_works(const struct serial *serial)
{
    bool works;

    write_register(serial, REGISTER_MODEM, MODEM_LOOP_BACK | MODEM_READY);
    write_register(serial, REGISTER_DATA, PROBE_CHARACTER);
    works = wait_for_status(serial, STATUS_RECEIVED, PROBE_TURNS) &&
            read_register(serial, REGISTER_DATA) == PROBE_CHARACTER;
    write_register(serial, REGISTER_MODEM, MODEM_READY);
    return works;
}

enum status serial_open(struct serial *serial, unsigned index, uint32_t baud)
{
    struct serial port = {
        .port = ports[index], .index = index, .baud = baud, .patience = WAIT_TURNS
    };

    if (read_register(&port, REGISTER_STATUS) == 0xff)
        return STATUS_NOT_FOUND;
    program(&port);
    if (!loop_back_works(&port))
        return STATUS_NOT_FOUND;
    port.fifo_size = (read_register(&port, REGISTER_IDENTIFY) & IDENTIFY_FIFO) == IDENTIFY_FIFO
                         ? FIFO_CHARACTERS
                         : 1;
    *serial = port;
    return STATUS_OK;
}

/* Waits until the transmitter takes characters; false when it does not. */
static bool make_room(struct serial *serial)
{
    if (serial->room > 0)
        return true;
    serial->stalled =
        !wait_for_status(serial, STATUS_EMPTY, serial->stalled ? 1 : serial->patience);
    if (serial->stalled)
        return false;
    serial->room = serial->fifo_size;
    return true;
}

/* As many characters as there is room for; how many. */
static size_t write_burst(struct serial *serial, const char *text, size_t size)
{
    size_t count = size < serial->room ? size : serial->room;

    for (size_t i = 0; i < count; i++)
        write_register(serial, REGISTER_DATA, (uint8_t)text[i]);
    serial->room -= (unsigned)count;
    return count;
}

/* What finds no room is lost. */
static void write_run(struct serial *serial, const char *text, size_t size)
{
    while (size > 0 && make_room(serial)) {
        size_t count = write_burst(serial, text, size);

        text += count;
        size -= count;
    }
}

void serial_write(struct serial *serial, const char *text, size_t size)
{
    size_t start = 0;

    if (serial->port == 0)
        return;
    for (size_t i = 0; i < size; i++) {
        if (text[i] != '\n')
            continue;
        write_run(serial, text + start, i - start);
        write_run(serial, "\r\n", 2);
        start = i + 1;
    }
    write_run(serial, text + start, size - start);
}

bool serial_read(struct serial *serial, char *character)
{
    if (serial->port == 0 || !(read_register(serial, REGISTER_STATUS) & STATUS_RECEIVED))
        return false;
    *character = (char)read_register(serial, REGISTER_DATA);
    return true;
}
