/* SPDX-License-Identifier: BSD-2-Clause
 *
 * arch/port.h - the x86 I/O ports, for drivers in kernel/dev; inline in <arch_port.h>.
 *
 *   uint8_t  arch_port_read8(uint16_t port)     void arch_port_write8(uint16_t port, uint8_t value)
 *   uint16_t arch_port_read16(uint16_t port)    void arch_port_write16(uint16_t port, uint16_t value)
 *   uint32_t arch_port_read32(uint16_t port)    void arch_port_write32(uint16_t port, uint32_t value)
 */
#ifndef MERIDIAN_ARCH_PORT_H
#define MERIDIAN_ARCH_PORT_H

#include "lib/types.h"

#include <arch_port.h>

#endif
