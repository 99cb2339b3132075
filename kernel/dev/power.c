/* SPDX-License-Identifier: BSD-2-Clause
 *
 * power.c - the ways out of a machine.
 *
 * Source: Intel ICH9 data sheet, 13.7.5 "RST_CNT" (port 0xCF9); the keyboard controller's command
 * 0xFE pulses the reset line of the processor, on every PC that has one.
 */
#include "dev/power.h"

#include "arch/cpu.h"
#include "arch/port.h"

#define DEBUG_EXIT_PORT  0xf4u

#define RESET_PORT       0xcf9u
#define RESET_HARD       0x02u /* also the power-good logic, not the processor alone */
#define RESET_NOW        0x04u

#define KEYBOARD_STATUS  0x64u
#define KEYBOARD_COMMAND 0x64u
#define KEYBOARD_BUSY    0x02u
#define KEYBOARD_PULSE   0xfeu

#define WAIT_TURNS       100000u

void power_debug_exit(uint8_t code)
{
    arch_port_write8(DEBUG_EXIT_PORT, code);
}

static void wait_a_little(void)
{
    for (unsigned turn = 0; turn < WAIT_TURNS; turn++)
        arch_cpu_relax();
}

static void reset_by_chipset(void)
{
    arch_port_write8(RESET_PORT, RESET_HARD);
    arch_port_write8(RESET_PORT, RESET_HARD | RESET_NOW);
    wait_a_little();
}

static void reset_by_keyboard(void)
{
    for (unsigned turn = 0; turn < WAIT_TURNS; turn++) {
        if (!(arch_port_read8(KEYBOARD_STATUS) & KEYBOARD_BUSY))
            break;
    }
    arch_port_write8(KEYBOARD_COMMAND, KEYBOARD_PULSE);
    wait_a_little();
}

void power_reset(void)
{
    reset_by_chipset();
    reset_by_keyboard();
    arch_cpu_reset();
}
