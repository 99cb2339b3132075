/* SPDX-License-Identifier: BSD-2-Clause
 *
 * console.c - text to the serial line, the screen and the debug console of emulators.
 *
 * The debug console (QEMU and Bochs, port 0xE9) reads back as its own number; where it does, it
 * gets every character as it is. One lock keeps a piece of text whole on all devices. print()
 * collects what its format gives on the stack, so that most lines are one piece. Events collect
 * theirs in one buffer of their own, so only one processor may write events at a time.
 *
 * The screen is brought up to date by time, not by line: while text streams, ten times a second, and
 * while somebody waits for a key, fifty times. A boot that takes less than that draws nothing before its
 * prompt. Events are for machines: they do not go to the screen.
 */
#include "dev/console.h"

#include "arch/clock.h"
#include "arch/port.h"
#include "dev/keyboard.h"
#include "dev/screen.h"
#include "lib/json.h"
#include "lib/lock.h"
#include "lib/log.h"
#include "lib/string.h"
#include "serial.h"

#define DEBUG_CONSOLE_PORT 0xe9u
#define DEFAULT_OPTIONS    "ttyS0,115200"
#define PIECE_BYTES        256

/* How long the screen may be behind, as arch_clock_read() counts: in seconds of 2^32. */
#define BEHIND_STREAMING   ((uint64_t)0x100000000 / 10)
#define BEHIND_WAITING     ((uint64_t)0x100000000 / 50)

static struct serial serial;
static bool has_debug_console;
static bool has_keyboard;
static bool json_wanted;
static uint64_t last_flush;
static struct spinlock lock = SPINLOCK_INIT(LOCK_RANK_CONSOLE, "the devices that show text");

/* --- the devices ------------------------------------------------------------------------- */

/* With the lock held. */
static void flush_after(uint64_t interval)
{
    uint64_t now;

    if (!screen_is_stale())
        return;
    (void)arch_clock_read(&now); /* where only ticks are known, they do */
    if (now - last_flush < interval)
        return;
    screen_flush();
    last_flush = now;
}

static void write_line_devices(const char *text, size_t size)
{
    serial_write(&serial, text, size);
    for (size_t i = 0; has_debug_console && i < size; i++)
        arch_port_write8(DEBUG_CONSOLE_PORT, (uint8_t)text[i]);
}

static void console_write(struct print_sink *sink, const char *text, size_t size)
{
    irq_state_t state = spin_lock(&lock);

    (void)sink;
    write_line_devices(text, size);
    screen_write(text, size);
    flush_after(BEHIND_STREAMING);
    spin_unlock(&lock, state);
}

static void line_write(struct print_sink *sink, const char *text, size_t size)
{
    irq_state_t state = spin_lock(&lock);

    (void)sink;
    write_line_devices(text, size);
    spin_unlock(&lock, state);
}

static struct print_sink sink = { .write = console_write };
static struct print_sink line_sink = { .write = line_write };

/* --- text in pieces ---------------------------------------------------------------------- */

struct piece {
    struct print_sink sink;
    struct print_sink *target;
    size_t used;
    char text[PIECE_BYTES];
};

static void piece_flush(struct piece *piece)
{
    if (piece->used > 0)
        piece->target->write(piece->target, piece->text, piece->used);
    piece->used = 0;
}

static void piece_write(struct print_sink *own, const char *text, size_t size)
{
    struct piece *piece = CONTAINER_OF(own, struct piece, sink);

    if (size > sizeof(piece->text) - piece->used)
        piece_flush(piece);
    if (size > sizeof(piece->text)) {
        piece->target->write(piece->target, text, size);
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

static struct piece json_piece = { .sink.write = json_write, .target = &line_sink };

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

struct print_sink *console_line_sink(void)
{
    return &line_sink;
}

void print(const char *format, ...)
{
    struct piece piece;
    va_list arguments;

    piece.sink.write = piece_write;
    piece.target = &sink;
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

void console_start_screen(const struct handoff_view *machine)
{
    struct screen_facts facts;
    enum status status = screen_start(machine);

    has_keyboard = keyboard_start() == STATUS_OK;
    screen_get_facts(&facts);
    if (status == STATUS_OK)
        log_info("screen: %u columns, %u rows%s; %s", facts.columns, facts.rows,
                 facts.is_text ? " of VGA text" : "",
                 has_keyboard ? "a PS/2 keyboard" : "no PS/2 keyboard");
    else if (status != STATUS_NOT_FOUND)
        log_warning("screen: it cannot be used (%s): the console is the serial line alone",
                    status_name(status));
}

bool console_has_input(void)
{
    return serial.port != 0 || has_keyboard;
}

bool console_read(char *character)
{
    if (serial_read(&serial, character) || keyboard_read(character))
        return true;
    if (screen_is_stale()) {
        irq_state_t state = spin_lock(&lock);

        flush_after(BEHIND_WAITING);
        spin_unlock(&lock, state);
    }
    return false;
}

void console_flush(void)
{
    irq_state_t state = spin_lock(&lock);

    screen_flush();
    spin_unlock(&lock, state);
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
