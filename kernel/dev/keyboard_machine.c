/* SPDX-License-Identifier: BSD-2-Clause
 *
 * keyboard_machine.c - the i8042 controller, polled.
 *
 * A machine without a controller reads 0xFF at its ports. One is believed when it takes a command and
 * gives its configuration byte; a keyboard, when it acknowledges that it is to send. The controller translates
 * to scan code set 1, as firmware leaves it and as everything emulates it. Nothing waits for longer
 * than WAIT_TURNS reads of a port, a few milliseconds.
 *
 * Source: IBM PS/2 Technical Reference, "Keyboard and auxiliary device controller".
 */
#include "dev/keyboard.h"

#include "arch/cpu.h"
#include "arch/port.h"

#define PORT_DATA            0x60
#define PORT_STATUS          0x64 /* when read */
#define PORT_COMMAND         0x64 /* when written */
#define STATUS_OUTPUT        0x01 /* there is a byte to read */
#define STATUS_INPUT         0x02 /* the last byte was not taken yet */
#define STATUS_MOUSE         0x20 /* the byte to read is not the keyboard's */
#define STATUS_ABSENT        0xff

#define COMMAND_READ_CONFIG  0x20
#define COMMAND_WRITE_CONFIG 0x60
#define COMMAND_NO_MOUSE     0xa7
#define COMMAND_ENABLE       0xae
#define CONFIG_INTERRUPTS    0x03
#define CONFIG_CLOCK_OFF     0x10
#define CONFIG_TRANSLATE     0x40
#define KEYBOARD_ENABLE      0xf4
#define KEYBOARD_ACKNOWLEDGE 0xfa

#define WAIT_TURNS           10000u
#define DRAIN_BYTES          64u
#define ANSWERS              8u /* keys that may be pressed meanwhile */

static bool is_there;
static struct keyboard_keys keys;
static char pending[KEYBOARD_SEQUENCE_BYTES];
static size_t pending_size;
static size_t pending_sent;

static bool wait_for(uint8_t mask, uint8_t value)
{
    for (unsigned turn = 0; turn < WAIT_TURNS; turn++) {
        if ((arch_port_read8(PORT_STATUS) & mask) == value)
            return true;
        arch_cpu_relax();
    }
    return false;
}

static bool write_to(uint16_t port, uint8_t value)
{
    if (!wait_for(STATUS_INPUT, 0))
        return false;
    arch_port_write8(port, value);
    return true;
}

static bool read_answer(uint8_t *value)
{
    if (!wait_for(STATUS_OUTPUT, STATUS_OUTPUT))
        return false;
    *value = arch_port_read8(PORT_DATA);
    return true;
}

static void drain(void)
{
    for (unsigned i = 0; i < DRAIN_BYTES && (arch_port_read8(PORT_STATUS) & STATUS_OUTPUT) != 0;
         i++)
        (void)arch_port_read8(PORT_DATA);
}

static bool set_up_controller(void)
{
    uint8_t config;

    if (!write_to(PORT_COMMAND, COMMAND_NO_MOUSE))
        return false;
    drain();
    if (!write_to(PORT_COMMAND, COMMAND_READ_CONFIG) || !read_answer(&config))
        return false;
    config &= (uint8_t) ~(CONFIG_INTERRUPTS | CONFIG_CLOCK_OFF);
    config |= CONFIG_TRANSLATE;
    return write_to(PORT_COMMAND, COMMAND_WRITE_CONFIG) && write_to(PORT_DATA, config) &&
           write_to(PORT_COMMAND, COMMAND_ENABLE);
}

static bool keyboard_answers(void)
{
    uint8_t answer = 0;

    if (!write_to(PORT_DATA, KEYBOARD_ENABLE))
        return false;
    for (unsigned i = 0; i < ANSWERS && answer != KEYBOARD_ACKNOWLEDGE; i++)
        if (!read_answer(&answer))
            return false;
    return answer == KEYBOARD_ACKNOWLEDGE;
}

enum status keyboard_start(void)
{
    is_there =
        arch_port_read8(PORT_STATUS) != STATUS_ABSENT && set_up_controller() && keyboard_answers();
    return is_there ? STATUS_OK : STATUS_NOT_FOUND;
}

/* The next code that a key sends something for goes into `pending`. */
static void poll(void)
{
    uint8_t status = arch_port_read8(PORT_STATUS);
    uint8_t code;

    if ((status & STATUS_OUTPUT) == 0)
        return;
    code = arch_port_read8(PORT_DATA);
    if ((status & STATUS_MOUSE) != 0)
        return;
    pending_size = keyboard_decode(&keys, code, pending);
    pending_sent = 0;
}

bool keyboard_read(char *character)
{
    if (!is_there)
        return false;
    if (pending_sent == pending_size)
        poll();
    if (pending_sent == pending_size)
        return false;
    *character = pending[pending_sent++];
    return true;
}
