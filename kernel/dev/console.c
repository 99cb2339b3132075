/* SPDX-License-Identifier: BSD-2-Clause
 *
 * console.c - text to the serial line and to the debug console of emulators.
 *
 * The debug console (QEMU and Bochs, port 0xE9) reads back as its own number; where it does, it
 * gets every character as it is. One lock keeps a piece of text whole on all devices. print()
 * collects what its format gives on the stack, so that most lines are one piece. Events collect
 * theirs in one buffer of their own, so only one processor may write events at a time.
 */
#include "dev/console.h"

#include "arch/port.h"
#include "lib/json.h"
#include "lib/lock.h"
#include "lib/string.h"
#include "serial.h"

#define DEBUG_CONSOLE_PORT 0xe9u
#define DEFAULT_OPTIONS    "ttyS0,115200"
#define PIECE_BYTES        256

static struct serial serial;
static bool has_debug_console;
static bool json_wanted;
static struct spinlock lock = SPINLOCK_INIT(LOCK_RANK_CONSOLE, "the devices that show text");

static void console_write(struct print_sink *sink, const char *text, size_t size)
{
    irq_state_t state = spin_lock(&lock);

    (void)sink;
    serial_write(&serial, text, size);
    for (size_t i = 0; has_debug_console && i < size; i++)
        arch_port_write8(DEBUG_CONSOLE_PORT, (uint8_t)text[i]);
    spin_unlock(&lock, state);
}

static struct print_sink sink = { .write = console_write };

/* --- text in pieces ---------------------------------------------------------------------- */

struct piece {
    struct print_sink sink;
    size_t used;
    char text[PIECE_BYTES];
};

static void piece_flush(struct piece *piece)
{
    if (piece->used > 0)
        console_write(&sink, piece->text, piece->used);
    piece->used = 0;
}

static void piece_write(struct print_sink *target, const char *text, size_t size)
{
    struct piece *piece = CONTAINER_OF(target, struct piece, sink);

    if (size > sizeof(piece->text) - piece->used)
        piece_flush(piece);
    if (size > sizeof(piece->text)) {
        console_write(&sink, text, size);
        return;
    }
    memcpy(piece->text + piece->used, text, size);
    piece->used += size;
}

/* An event is one line, and one piece unless it is long. */
static void json_write(struct print_sink *target, const char *text, size_t size)
{
    piece_write(target, text, size);
    if (size > 0 && text[size - 1] == '\n')
        piece_flush(CONTAINER_OF(target, struct piece, sink));
}

static struct piece json_piece = { .sink.write = json_write };

/* --- interface --------------------------------------------------------------------------- */

enum status console_init(const char *serial_options)
{
    struct serial opened;
    unsigned index;
    uint32_t baud;
    enum status status =
        serial_parse(serial_options != NULL ? serial_options : DEFAULT_OPTIONS, &index, &baud);

    if (status != STATUS_OK)
        return status;
    has_debug_console = arch_port_read8(DEBUG_CONSOLE_PORT) == DEBUG_CONSOLE_PORT;
    status = serial_open(&opened, index, baud);
    if (status == STATUS_OK)
        serial = opened;
    return status;
}

struct print_sink *console_sink(void)
{
    return &sink;
}

void print(const char *format, ...)
{
    struct piece piece;
    va_list arguments;

    piece.sink.write = piece_write;
    piece.used = 0;
    va_start(arguments, format);
    print_to_va(&piece.sink, format, arguments);
    va_end(arguments);
    piece_flush(&piece);
}

void console_enable_json(bool enabled)
{
    json_wanted = enabled;
}

struct print_sink *json_console(void)
{
    return json_wanted ? &json_piece.sink : NULL;
}

bool console_has_input(void)
{
    return serial.port != 0;
}

bool console_read(char *character)
{
    return serial_read(&serial, character);
}

void console_describe(struct print_sink *target)
{
    if (serial.port != 0)
        print_to(target, "ttyS%u at I/O port 0x%x, %u baud", serial.index, serial.port,
                 (unsigned)serial.baud);
    if (has_debug_console)
        print_to(target, "%sdebug console at I/O port 0x%x", serial.port != 0 ? "; " : "",
                 DEBUG_CONSOLE_PORT);
    if (serial.port == 0 && !has_debug_console)
        print_to(target, "none");
}
