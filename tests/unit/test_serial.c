/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_serial.c - properties of kernel/dev/serial.h, on a model of a 16550.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "arch/port.h"
#include "dev/serial.h"

#define COM1 0x3f8

/* As much of a 16550 as a polled driver sees. */
struct uart {
    bool has_fifo;
    bool is_stuck;     /* never takes a character, and sends none back */
    bool loses_parity; /* loop-back returns something else */
    uint8_t line, modem, interrupts, latch[2];
    uint8_t received;
    bool has_received;
    char sent[512];
    size_t sent_count;
    unsigned in_fifo; /* characters since the status was last read as empty */
    unsigned overruns;
    unsigned status_reads;
};

static uint8_t uart_status(struct uart *uart)
{
    uart->status_reads++;
    if (uart->is_stuck)
        return 0;
    uart->in_fifo = 0;
    return (uint8_t)(0x60 | (uart->has_received ? 1 : 0));
}

static uint8_t uart_read(void *context, uint16_t offset)
{
    struct uart *uart = context;

    switch (offset) {
    case 0:
        uart->has_received = false;
        return uart->received;
    case 2:
        return uart->has_fifo ? 0xc1 : 0x01;
    case 5:
        return uart_status(uart);
    default:
        return 0;
    }
}

static void uart_send(struct uart *uart, uint8_t value)
{
    if (uart->modem & 0x10) {
        uart->received = uart->loses_parity ? value & 0x7f : value;
        uart->has_received = !uart->is_stuck;
        return;
    }
    if (++uart->in_fifo > (uart->has_fifo ? 16u : 1u))
        uart->overruns++;
    uart->sent[uart->sent_count++] = (char)value;
}

static void uart_write(void *context, uint16_t offset, uint8_t value)
{
    struct uart *uart = context;

    if (offset < 2 && (uart->line & 0x80))
        uart->latch[offset] = value;
    else if (offset == 0)
        uart_send(uart, value);
    else if (offset == 1)
        uart->interrupts = value;
    else if (offset == 3)
        uart->line = value;
    else if (offset == 4)
        uart->modem = value;
}

static struct uart uart;
static struct host_ports device = { .count = 8, .read = uart_read, .write = uart_write };

static void plug_in(uint16_t port, bool has_fifo)
{
    host_ports_clear();
    uart = (struct uart){ .has_fifo = has_fifo, .interrupts = 0xf };
    device.first = port;
    device.context = &uart;
    host_ports_add(&device);
}

static void open_com1(struct serial *serial)
{
    assert_int_equal(serial_open(serial, 0, 115200), STATUS_OK);
}

static void options_are_read(void **state)
{
    /* ttySn with or without a rate that the clock divides into; nothing else. */
    static const char *const wrong[] = {
        "",           "tty",     "ttyS",         "ttyS4",        "ttyS0x",     "ttyS0,",
        "ttyS0,fast", "ttyS0,0", "ttyS0,230400", "ttyS0,100000", "hvc0,115200"
    };
    unsigned index = 9;
    uint32_t baud = 9;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
        assert_int_equal(serial_parse(wrong[i], &index, &baud), STATUS_INVALID);
        assert_true(index == 9 && baud == 9);
    }
    assert_int_equal(serial_parse("ttyS3", &index, &baud), STATUS_OK);
    assert_true(index == 3 && baud == 115200);
    assert_int_equal(serial_parse("ttyS1,9600n8", &index, &baud), STATUS_OK);
    assert_true(index == 1 && baud == 9600);
}

static void a_port_is_programmed(void **state)
{
    /* After opening: rate and frame as asked, no interrupts, no loop-back, nothing sent outside. */
    struct serial serial;

    (void)state;
    plug_in(0x2f8, true);
    assert_int_equal(serial_open(&serial, 1, 9600), STATUS_OK);
    assert_int_equal(uart.latch[0] | uart.latch[1] << 8, 12);
    assert_int_equal(uart.line, 0x03);
    assert_int_equal(uart.interrupts, 0);
    assert_int_equal(uart.modem, 0x03);
    assert_int_equal(uart.sent_count, 0);
}

static void what_is_not_a_port_is_refused(void **state)
{
    /* Nothing there, a port that answers nothing, one that garbles: not found, in bounded time. */
    struct serial serial = { .port = 7 };

    (void)state;
    host_ports_clear();
    assert_int_equal(serial_open(&serial, 0, 115200), STATUS_NOT_FOUND);
    plug_in(COM1, true);
    uart.is_stuck = true;
    assert_int_equal(serial_open(&serial, 0, 115200), STATUS_NOT_FOUND);
    plug_in(COM1, true);
    uart.loses_parity = true;
    assert_int_equal(serial_open(&serial, 0, 115200), STATUS_NOT_FOUND);
    assert_int_equal(serial.port, 7);
}

static void text_arrives_without_overrun(void **state)
{
    /* Every character arrives, newlines as CR LF, and the FIFO never gets more than it holds. */
    struct serial serial;
    char text[200];

    (void)state;
    for (int has_fifo = 0; has_fifo < 2; has_fifo++) {
        plug_in(COM1, has_fifo);
        open_com1(&serial);
        serial_write(&serial, "a\nb", 3);
        assert_int_equal(uart.sent_count, 4);
        assert_memory_equal(uart.sent, "a\r\nb", 4);
        memset(text, 'x', sizeof(text));
        uart.status_reads = 0;
        serial_write(&serial, text, sizeof(text));
        assert_int_equal(uart.sent_count, 204);
        assert_int_equal(uart.overruns, 0);
        assert_true(uart.status_reads <= (has_fifo ? 13 : 200));
    }
}

static void a_stuck_port_comes_back(void **state)
{
    /* A port that stops taking characters costs one long wait, then one look a piece of text; when
     * it takes characters again, they arrive. */
    struct serial serial;

    (void)state;
    plug_in(COM1, false);
    open_com1(&serial);
    uart.is_stuck = true;
    serial.patience = 1000;
    uart.status_reads = 0;
    serial_write(&serial, "h", 1);
    assert_int_equal(uart.status_reads, 1000);
    uart.status_reads = 0;
    serial_write(&serial, "hello", 5);
    assert_int_equal(uart.status_reads, 1);
    uart.is_stuck = false;
    uart.sent_count = 0;
    serial_write(&serial, "again", 5);
    assert_int_equal(uart.sent_count, 5);
    assert_memory_equal(uart.sent, "again", 5);
}

static void keys_are_read_once(void **state)
{
    /* A character that arrived is read once; without one there is none. */
    struct serial serial;
    char key = 0;

    (void)state;
    plug_in(COM1, true);
    open_com1(&serial);
    assert_false(serial_read(&serial, &key));
    uart.received = 'k';
    uart.has_received = true;
    assert_true(serial_read(&serial, &key));
    assert_int_equal(key, 'k');
    assert_false(serial_read(&serial, &key));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_read),
        cmocka_unit_test(a_port_is_programmed),
        cmocka_unit_test(what_is_not_a_port_is_refused),
        cmocka_unit_test(text_arrives_without_overrun),
        cmocka_unit_test(a_stuck_port_comes_back),
        cmocka_unit_test(keys_are_read_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
