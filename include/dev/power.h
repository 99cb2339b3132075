/* SPDX-License-Identifier: BSD-2-Clause
 *
 * dev/power.h - the ways out of a machine.
 */
#ifndef MERIDIAN_DEV_POWER_H
#define MERIDIAN_DEV_POWER_H

#include "lib/types.h"

/* Codes for QEMU's isa-debug-exit at port 0xF4, which ends with status 2 * code + 1: 33 and 35. */
#define POWER_EXIT_SUCCESS 0x10u
#define POWER_EXIT_FAILURE 0x11u

/* Leaves QEMU with `code`. Returns when there is no isa-debug-exit device, as on real machines. */
void power_debug_exit(uint8_t code);

/* Resets the machine: the reset register of the chipset, then the keyboard controller, then a
 * triple fault. */
[[gnu::noreturn]] void power_reset(void);

#endif
